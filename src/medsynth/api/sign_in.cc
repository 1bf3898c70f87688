// /v1/session: the console's, opened by a key (console_sessions.h)
#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "medsynth/api/handlers.h"
#include "medsynth/api/session_payloads.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

// A key of this server does not end with a session; a session ends with its key.
WallTime end_of(const App& app, const Key& key, std::string_view secret) {
  const WallTime session = app.sessions.end_of(secret);
  return key.expires_at ? std::min(session, *parse_rfc3339(*key.expires_at)) : session;
}

SessionAnswer describe(const App& app, const Key* key, std::string_view secret) {
  SessionAnswer answer{.needs_key = app.needs_key()};
  if (!key) return answer;
  answer.name = key->name;
  answer.scopes = key->scopes;
  if (!secret.empty()) answer.ends_at = rfc3339(end_of(app, *key, secret));
  return answer;
}

std::string cookie(const App& app, const Request& request, std::string_view secret,
                   std::chrono::seconds age) {
  return fmt::format("{}={}; Path={}/; Max-Age={}; HttpOnly; SameSite=Strict{}", app.session_cookie, secret,
                     app.options.path_prefix, age.count(), request.is_https ? "; Secure" : "");
}

// The secret of the session that let the request in; "": it showed something else.
std::string_view session_of(const App& app, const Request& request) {
  const bool is_by_session = request.key && request.authorization.empty() &&
                             app.sessions.find(request.session, app.now()) != nullptr;
  return is_by_session ? request.session : "";
}

asio::awaitable<Result<Response>> sign_in(App& app, const Request& request) {
  if (!request.key) co_return answer(describe(app, nullptr, ""));
  if (!session_of(app, request).empty())
    co_return Error{Code::conflict,
                    "A session opens no other: show the key again, as 'Authorization: Bearer KEY'.",
                    "session_exists"};
  const WallTime now = app.now();
  const std::string secret = app.sessions.begin(request.key, now);
  Response response = answer(describe(app, request.key.get(), secret));
  const auto age = std::chrono::floor<std::chrono::seconds>(end_of(app, *request.key, secret) - now);
  response.headers.emplace_back("Set-Cookie", cookie(app, request, secret, age));
  co_return response;
}

asio::awaitable<Result<Response>> show_session(App& app, const Request& request) {
  co_return answer(describe(app, request.key.get(), session_of(app, request)));
}

asio::awaitable<Result<Response>> sign_out(App& app, const Request& request) {
  const std::string_view secret = session_of(app, request);
  if (secret.empty())
    co_return Error{Code::not_found, "There is no session to end: this call came with no cookie of one.",
                    "session_not_found"};
  app.sessions.end(secret);
  Response response = answer(describe(app, nullptr, ""));
  response.headers.emplace_back("Set-Cookie", cookie(app, request, "", std::chrono::seconds(0)));
  co_return response;
}

}  // namespace

std::vector<Route> session_routes() {
  const Payload session = payload<SessionAnswer>("Session");
  return {{.method = Method::post,
           .pattern = "/v1/session",
           .handler = sign_in,
           .access = Access::any_key,
           .name = "sign_in",
           .group = "session",
           .summary = "A session of the console, as a cookie, for the key that the call shows",
           .answer = session,
           .errors = {409}},
          {.method = Method::get,
           .pattern = "/v1/session",
           .handler = show_session,
           .access = Access::any_key,
           .name = "show_session",
           .group = "session",
           .summary = "Whose key the call shows, and what it may do",
           .answer = session,
           .polled = true},
          {.method = Method::delete_,
           .pattern = "/v1/session",
           .handler = sign_out,
           .access = Access::any_key,
           .name = "sign_out",
           .group = "session",
           .summary = "Ends the session of the cookie",
           .answer = session,
           .errors = {404}}};
}

}  // namespace medsynth::api
