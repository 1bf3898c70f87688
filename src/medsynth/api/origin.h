// Whether a browser sent a request on behalf of another web page. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "medsynth/api/http.h"
#include "medsynth/base/error.h"

namespace medsynth::api {

// What a browser says of a request, empty where the header is absent; `origins` is how many there are.
struct BrowserHeaders {
  std::string_view host;         // that the browser asked
  std::string_view scheme = "";  // the same; "": a proxy between may have spoken either
  std::string_view origin;
  std::size_t origins = 0;
  std::string_view fetch_site;  // Sec-Fetch-Site
};

// Whether the request may be a page's of this server, or a program's: no page of another origin made it, as far as the
// browser says. What a cookie opens is for these alone, whatever the method.
bool is_of_own_page(const BrowserHeaders& headers);

// not_allowed (reason "cross_site_request"): the request may change something, and a page of another origin
// made it. Such a page can send calls without a body, or with a form's, to any address that its visitor
// reaches. Programs send neither header.
std::optional<Error> refuse_cross_site(Method method, const BrowserHeaders& headers);

}  // namespace medsynth::api
