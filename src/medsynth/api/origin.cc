#include "medsynth/api/origin.h"

#include <algorithm>
#include <cctype>

namespace medsynth::api {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// "http://localhost:8000" for the host "localhost:8000".
bool is_own(std::string_view origin, const BrowserHeaders& asked) {
  const std::size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos || asked.host.empty()) return false;
  const std::string_view name = origin.substr(0, scheme);
  const bool own_scheme = asked.scheme.empty() ? name == "http" || name == "https" : name == asked.scheme;
  return own_scheme && equal_ignoring_case(origin.substr(scheme + 3), asked.host);
}

}  // namespace

bool is_of_own_page(const BrowserHeaders& headers) {
  const std::string_view site = headers.fetch_site;
  const bool own_site = site.empty() || site == "same-origin" || site == "none";
  return own_site && (headers.origins == 0 || (headers.origins == 1 && is_own(headers.origin, headers)));
}

std::optional<Error> refuse_cross_site(Method method, const BrowserHeaders& headers) {
  if (method == Method::get || method == Method::head || method == Method::options) return std::nullopt;
  if (is_of_own_page(headers)) return std::nullopt;
  return Error{
      Code::not_allowed,
      "A web page of another origin made this request (its Origin or Sec-Fetch-Site header says so), and "
      "it may not change anything here: use the command line or a program, or a page of this server.",
      "cross_site_request"};
}

}  // namespace medsynth::api
