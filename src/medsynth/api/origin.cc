#include "medsynth/api/origin.h"

#include <algorithm>
#include <cctype>

namespace medsynth::api {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// "http://localhost:8000" for the host "localhost:8000"; https where a proxy in front of us speaks it.
bool is_own(std::string_view origin, std::string_view host) {
  const std::size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos || host.empty()) return false;
  const std::string_view name = origin.substr(0, scheme);
  return (name == "http" || name == "https") && equal_ignoring_case(origin.substr(scheme + 3), host);
}

}  // namespace

std::optional<Error> refuse_cross_site(Method method, const BrowserHeaders& headers) {
  if (method == Method::get || method == Method::head || method == Method::options) return std::nullopt;
  const std::string_view site = headers.fetch_site;
  const bool own_site = site.empty() || site == "same-origin" || site == "none";
  const bool own_origin =
      headers.origins == 0 || (headers.origins == 1 && is_own(headers.origin, headers.host));
  if (own_site && own_origin) return std::nullopt;
  return Error{
      Code::not_allowed,
      "A web page of another origin made this request (its Origin or Sec-Fetch-Site header says so), and "
      "it may not change anything here: use the command line or a program, or a page of this server.",
      "cross_site_request"};
}

}  // namespace medsynth::api
