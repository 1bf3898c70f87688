#include "medsynth/api/router.h"

#include <algorithm>
#include <exception>

#include "medsynth/api/app.h"
#include "medsynth/api/problem.h"
#include "medsynth/api/url.h"
#include "medsynth/base/log.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

// Some editors and shells put it before what they send.
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_parameter(std::string_view segment) {
  return segment.starts_with('{');
}

// Without its parameters, in lower case.
std::string media_type(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (type.ends_with(' ')) type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type;
}

struct NoQuery {};
BOOST_DESCRIBE_STRUCT(NoQuery, (), ())

// What is checked alike for every call.
Result<> check(const Route& route, const Request& request) {
  if (!route.query && !request.query.empty()) {
    BOOST_OUTCOME_TRY(parse_query<NoQuery>(request.query));
  }
  if (!request.body.empty() && media_type(request.content_type) != route.body_type)
    return unsupported_media_type(route.body_type);
  // What somebody meant as a filter must not be overlooked.
  if (!route.body && route.method == Method::delete_ && !request.body.empty())
    return invalid("", "this call takes no body: filters are query parameters");
  if (route.body && !route.body_optional && !request.has_length) return length_required();
  return success();
}

// The key that makes the call; null where none is needed.
Result<std::shared_ptr<const Key>> authorize(const App& app, Access access, const Request& request) {
  const bool open = access == Access::open || (access == Access::metrics && app.options.metrics_open);
  if (open || !app.needs_key()) return std::shared_ptr<const Key>();
  BOOST_OUTCOME_TRY(auto key, verify(app.keys, {request.authorization, request.certificate}, app.now()));
  BOOST_OUTCOME_TRY(allow(*key, access.scope()));
  return key;
}

Response with_allow(Response response, const Match& match) {
  response.headers.emplace_back("Allow", match.allow);
  return response;
}

// The handler, or the answer where none is asked.
struct Routed {
  Handler handler = nullptr;
  Response answer = {};
};

Result<Routed> route(const App& app, Request& request, std::string_view& pattern) {
  BOOST_OUTCOME_TRY(auto match, router().match(request.method, request.path, request.parameters));
  if (match.pattern.empty()) return unknown_path();
  pattern = match.pattern;
  if (match.route) {
    request.polled = match.route->polled;
    BOOST_OUTCOME_TRY(request.key, authorize(app, match.route->access, request));
    BOOST_OUTCOME_TRY(check(*match.route, request));
    return Routed{.handler = match.route->handler};
  }
  if (request.method == Method::options)
    return Routed{.answer = with_allow({.status = 204, .content_type = ""}, match)};
  return Routed{.answer = with_allow(problem(method_not_allowed(match.allow), request.request_id), match)};
}

// Exceptions come from third parties (out of memory, mostly); the request that met one ends, the server goes
// on.
Error from_exception(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    log::error("request failed", {{"error", error.what()}});
  } catch (...) {
    log::error("request failed");
  }
  return {Code::internal, "Something broke inside the server; its log has the details.", ""};
}

}  // namespace

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  for (const Route& route : routes_) split_path(route.pattern, patterns_.emplace_back());
}

bool Router::fits(std::size_t index, std::span<const std::string_view> segments) const {
  const auto& pattern = patterns_[index];
  return std::equal(pattern.begin(), pattern.end(), segments.begin(), segments.end(),
                    [](std::string_view wanted, std::string_view given) {
                      return is_parameter(wanted) || wanted == given;
                    });
}

std::string Router::allowed(std::span<const std::string_view> segments) const {
  std::string allow;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (!fits(i, segments)) continue;
    allow.append(method_name(routes_[i].method)).append(", ");
    if (routes_[i].method == Method::get) allow.append("HEAD, ");
  }
  return allow + "OPTIONS";
}

Result<Match> Router::match(Method method, std::string_view path,
                            std::vector<std::string>& parameters) const {
  thread_local std::vector<std::string_view> segments;  // saves an allocation per request
  split_path(path, segments);
  const Method wanted = method == Method::head ? Method::get : method;
  Match match;
  std::size_t found = routes_.size();
  for (std::size_t i = 0; i < routes_.size() && !match.route; ++i) {
    if (!fits(i, segments)) continue;
    if (match.pattern.empty()) match.pattern = routes_[i].pattern;
    if (routes_[i].method == wanted) match.route = &routes_[found = i];
  }
  if (!match.route) {
    if (!match.pattern.empty()) match.allow = allowed(segments);
    return match;
  }
  const auto& pattern = patterns_[found];
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!is_parameter(pattern[i])) continue;
    const std::string_view name = pattern[i].substr(1, pattern[i].size() - 2);
    BOOST_OUTCOME_TRY(auto value, percent_decode(segments[i], described::pointer_to("", name)));
    parameters.push_back(std::move(value));
  }
  return match;
}

std::optional<Error> refuse_key(const App& app, const Request& request) {
  std::vector<std::string> unused;
  const auto match = router().match(request.method, request.path, unused);
  if (!match || !match->route) return std::nullopt;
  const auto key = authorize(app, match->route->access, request);
  return key ? std::nullopt : std::optional(key.error());
}

asio::awaitable<Response> respond(App& app, Request& request, std::string_view& pattern) {
  pattern = "unmatched";
  std::exception_ptr thrown;
  try {
    if (request.body.starts_with(kByteOrderMark)) request.body.remove_prefix(kByteOrderMark.size());
    auto routed = route(app, request, pattern);
    if (!routed) co_return problem(routed.error(), request.request_id);
    if (!routed->handler) co_return std::move(routed->answer);
    auto result = co_await routed->handler(app, request);
    co_return result ? std::move(*result) : problem(result.error(), request.request_id);
  } catch (...) {
    thrown = std::current_exception();
  }
  co_return problem(from_exception(thrown), request.request_id);
}

}  // namespace medsynth::api
