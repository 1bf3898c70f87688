// The table of calls, and how a request finds its own. The table is the single description: routing, 405, who may
// make a call, metrics' route labels and /openapi.json follow from it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "medsynth/api/audit.h"
#include "medsynth/api/callers.h"
#include "medsynth/api/http.h"
#include "medsynth/api/keys.h"
#include "medsynth/base/described.h"
#include "medsynth/base/error.h"

namespace medsynth::api {

struct App;
using Handler = boost::asio::awaitable<Result<Response>> (*)(App&, const Request&);

// A described payload, by the name it has in OpenAPI's components. An empty one: there is none.
struct Payload {
  std::string_view name = "";
  json::object (*schema)() = nullptr;
  explicit operator bool() const { return schema != nullptr; }
};
template <class T>
Payload payload(std::string_view name) {
  return {name, [] { return described::schema<T>(); }};
}

struct Route {
  Method method = Method::get;
  std::string_view pattern;  // "/v1/tasks/{task_id}"; one slash at the end does not count
  Handler handler = nullptr;
  Access access;
  std::string_view name;  // OpenAPI's operationId
  std::string_view group;
  std::string_view summary;
  Payload query = {};  // each member is a parameter; without one, any query is refused
  Payload body = {};
  std::string_view body_type = "application/json";
  bool body_optional = false;
  bool takes_idempotency_key = false;
  Payload answer = {};
  std::string_view answer_type = "application/json";
  int status = 200;
  bool polled = false;           // its requests are no news: logged at debug
  std::vector<int> errors = {};  // statuses this call may answer besides those that every call may
};

// What a request leads to.
struct Match {
  const Route* route = nullptr;  // of the method; HEAD finds GET
  std::string_view pattern;      // of the path, whatever the method; empty: no such path
  std::string allow;  // the methods that the path takes, "GET, HEAD, OPTIONS"; filled when `route` is none
};

class Router {
 public:
  explicit Router(std::vector<Route> routes);
  // Fills `parameters` with the decoded path parameters. invalid_argument, pointer "/<name>": one that cannot
  // be decoded.
  Result<Match> match(Method method, std::string_view path, std::vector<std::string>& parameters) const;
  std::span<const Route> routes() const { return routes_; }

 private:
  bool fits(std::size_t index, std::span<const std::string_view> segments) const;
  std::string allowed(std::span<const std::string_view> segments) const;

  std::vector<Route> routes_;
  std::vector<std::vector<std::string_view>> patterns_;  // each route's segments
};

// All calls of the server.
const Router& router();

// What a request leads to and who makes it, as its header says: its body may not have come yet. Ends with the answer.
struct Admission {
  Match match = {};
  std::vector<std::string> parameters = {};
  std::shared_ptr<const Key> key = {};       // null where none is needed
  std::unique_ptr<Callers::Turn> turn = {};  // null where callers are not told apart
  std::optional<Error> refusal = {};         // why respond() must not be asked

  std::string_view pattern() const { return match.pattern.empty() ? "unmatched" : match.pattern; }
  // More than looking is asked for.
  bool is_change() const { return match.route && match.route->method != Method::get; }
};

// Finds the call, verifies the key and what it may do, counts the request for its caller. `refused`: it is refused
// already, and only the call is wanted.
Admission admit(App& app, const Request& request, std::optional<Error> refused = {});

// Whether what let it in does still: of an answer that goes on, whose key may end meanwhile.
bool is_still_admitted(const App& app, const Request& request, const Admission& admission);

// What the audit log says of a request: of each that may change something, and of each that was refused to its caller
// (401, 403, 429). nullopt: nothing.
std::optional<AuditEntry> audit_entry(const Request& request, const Admission& admission,
                                      const Response& response);

// Checks what every call checks (query, content type, length), runs the handler of an admitted request; whatever
// goes wrong becomes a problem.
boost::asio::awaitable<Response> respond(App& app, Request& request, const Admission& admission);

}  // namespace medsynth::api
