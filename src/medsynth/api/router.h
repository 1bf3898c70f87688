// The table of calls, and how a request finds its own. The table is the single description: routing, 405, who may
// make a call, metrics' route labels and /openapi.json follow from it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

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

// What is wrong with the key of a request whose body has not come yet, nullopt where respond() would take it.
std::optional<Error> refuse_key(const App& app, const Request& request);

// Routes the request, checks what every call checks (key, query, content type, length), runs its handler;
// whatever goes wrong becomes a problem. `pattern` is the route's for logs and metrics, "unmatched" when there
// is none.
boost::asio::awaitable<Response> respond(App& app, Request& request, std::string_view& pattern);

}  // namespace medsynth::api
