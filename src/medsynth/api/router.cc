#include "medsynth/api/router.h"

#include <algorithm>
#include <exception>

#include <fmt/format.h>
#include <fmt/ranges.h>

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

bool is_open(const App& app, Access access) {
  return access == Access::open || (access == Access::metrics && app.options.metrics_open);
}

// The key that the request shows.
Result<std::shared_ptr<const Key>> shown_key(const App& app, const Request& request) {
  const std::string_view token = bearer_token(request.authorization);
  if (app.issuer && !token.empty() && !is_own_token(token)) return app.issuer->verify(token, app.now());
  return verify(app.keys,
                {request.authorization, request.certificate, app.sessions.find(request.session, app.now())},
                app.now());
}

// Verifies the key that makes the call, where one is needed, and what it may do.
Result<> authorize(const App& app, Access access, const Request& request, std::shared_ptr<const Key>& key) {
  if (is_open(app, access) || !app.needs_key()) return success();
  BOOST_OUTCOME_TRY(key, shown_key(app, request));
  return access == Access::any_key ? Result<>(success()) : allow(*key, access.scope());
}

// No key takes all that the server has, also one that was created without limits.
CallerLimits limits_of(const App& app, CallerLimits limits) {
  constexpr std::size_t kShare = 2, kShareOfConnections = 4;
  const auto& options = app.options;
  if (!limits.concurrent)
    limits.concurrent =
        std::max<std::int64_t>(1, static_cast<std::int64_t>(options.max_connections / kShareOfConnections));
  if (!limits.bytes_in_flight)
    limits.bytes_in_flight =
        static_cast<std::int64_t>(std::max(options.max_bytes_in_flight / kShare, options.body_limit));
  return limits;
}

// Null where callers are not told apart: addresses, unless they have limits, and what needs no key anyway.
Result<std::unique_ptr<Callers::Turn>> enter(App& app, const Request& request, const Key* key) {
  const SteadyTime now = system_clock().coarse_steady();
  if (key)
    return app.callers.enter({key->id, fmt::format("The key '{}'", key->name), limits_of(app, key->limits)},
                             now);
  if (app.options.address_limits.empty()) return std::unique_ptr<Callers::Turn>();
  const std::string address = address_group(request.client);
  return app.callers.enter(
      {"@" + address, "The address " + address, limits_of(app, app.options.address_limits)}, now);
}

Error not_recorded() {
  return {Code::unavailable,
          "The audit log cannot be written, and what is not recorded is not done: the server's log says why. "
          "GET calls go on to work.",
          "audit_not_written",
          {},
          std::chrono::seconds(5)};
}

Response with_allow(Response response, const Match& match) {
  response.headers.emplace_back("Allow", match.allow);
  return response;
}

// The answer where no handler is asked.
Result<Response> without_route(const Request& request, const Match& match) {
  if (match.pattern.empty()) return unknown_path();
  if (request.method == Method::options) return with_allow({.status = 204, .content_type = ""}, match);
  return with_allow(problem(method_not_allowed(match.allow), request.request_id), match);
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

Admission admit(App& app, const Request& request, std::optional<Error> refused) {
  Admission admission;
  auto match = router().match(request.method, request.path, admission.parameters);
  if (match) admission.match = std::move(*match);
  if (refused || !match) {
    admission.refusal = refused ? std::move(refused) : match.error();
    return admission;
  }
  const Route* route = admission.match.route;
  if (route && is_open(app, route->access)) return admission;
  if (route) {
    if (const auto allowed = authorize(app, route->access, request, admission.key); !allowed)
      admission.refusal = allowed.error();
  }
  auto turn = enter(app, request, admission.key.get());
  if (turn)
    admission.turn = std::move(*turn);
  else
    admission.refusal = turn.error();
  if (!admission.refusal && admission.is_change() && app.records() && !app.audit->writable())
    admission.refusal = not_recorded();
  return admission;
}

bool is_still_admitted(const App& app, const Request& request, const Admission& admission) {
  if (!admission.key) return true;
  std::shared_ptr<const Key> key;
  return authorize(app, admission.match.route->access, request, key).has_value();
}

std::optional<AuditEntry> audit_entry(const Request& request, const Admission& admission,
                                      const Response& response) {
  const bool refused = response.status == 401 || response.status == 403 || response.status == 429;
  if (!admission.is_change() && !refused) return std::nullopt;
  const Route* route = admission.match.route;
  AuditEntry entry{.action = std::string(route ? route->name : "unknown_call"),
                   .target = audit_text(fmt::format("{}", fmt::join(admission.parameters, "/"))),
                   .status = response.status,
                   .code = response.code,
                   .key = admission.key ? admission.key->id : std::string(claimed_id(request.authorization)),
                   .name = admission.key ? admission.key->name : "",
                   .from = std::string(request.client),
                   .request_id = audit_text(request.request_id)};
  for (const auto& [name, value] : response.headers)
    if (name == "Location") entry.detail = audit_text(value);
  return entry;
}

asio::awaitable<Response> respond(App& app, Request& request, const Admission& admission) {
  std::exception_ptr thrown;
  try {
    const Route* route = admission.match.route;
    if (request.body.starts_with(kByteOrderMark)) request.body.remove_prefix(kByteOrderMark.size());
    request.parameters = admission.parameters;
    request.key = admission.key;
    request.polled = route && route->polled;
    if (!route) {
      auto answer = without_route(request, admission.match);
      co_return answer ? std::move(*answer) : problem(answer.error(), request.request_id);
    }
    if (const auto checked = check(*route, request); !checked)
      co_return problem(checked.error(), request.request_id);
    auto result = co_await route->handler(app, request);
    co_return result ? std::move(*result) : problem(result.error(), request.request_id);
  } catch (...) {
    thrown = std::current_exception();
  }
  co_return problem(from_exception(thrown), request.request_id);
}

}  // namespace medsynth::api
