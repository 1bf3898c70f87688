// /openapi.json
#include "medsynth/api/openapi.h"

#include <set>

#include <fmt/format.h>

#include "medsynth/api/components.h"
#include "medsynth/api/handlers.h"
#include "medsynth/api/openapi_examples.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

std::string_view status_text(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 400:
      return "Malformed JSON";
    case 401:
      return "A key is needed, or the one that was sent is none, expired or revoked";
    case 403:
      return "The key lacks a scope, queue or model, or a web page of another origin made the request";
    case 404:
      return "Not found";
    case 409:
      return "The state forbids it";
    case 411:
      return "Length required";
    case 413:
      return "Payload too large";
    case 415:
      return "The body is of another type, or has a Content-Encoding";
    case 422:
      return "A field is wrong";
    case 429:
      return "The key or the address takes more than it may; Retry-After says when to try again";
    case 503:
      return "Redis is away or full, or there is too much under way; Retry-After says when to try again";
    default:
      return "An error";
  }
}

json::object reference(std::string_view name) {
  return {{"$ref", fmt::format("#/components/schemas/{}", name)}};
}

// examples.json: of a call, by its name, `body` and `answer`.
const json::value* example_of(const Route& route, std::string_view what) {
  static const json::value all = json::parse(kExamples).value();
  const json::value* call = all.get_object().if_contains(route.name);
  return call ? call->get_object().if_contains(what) : nullptr;
}

json::object content(std::string_view type, json::object schema, const json::value* example = nullptr) {
  json::object described{{"schema", std::move(schema)}};
  if (example) described["example"] = *example;
  return {{type, std::move(described)}};
}

json::object error_response(int status) {
  return {{"description", status_text(status)},
          {"content", content("application/problem+json", reference("Problem"))}};
}

json::array query_parameters(const Route& route) {
  json::array parameters;
  const json::object schema = route.query.schema();
  for (const auto& [name, member] : schema.at("properties").as_object()) {
    json::object parameter{{"name", name}, {"in", "query"}, {"required", false}, {"schema", member}};
    if (const auto* help = member.as_object().if_contains("description")) parameter["description"] = *help;
    // "?verbose" says yes.
    if (member.at("type") == json::value{"boolean", "null"}) parameter["allowEmptyValue"] = true;
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

void add_path_parameters(std::string_view pattern, json::array& parameters) {
  for (std::size_t open = pattern.find('{'); open != std::string_view::npos;
       open = pattern.find('{', open + 1)) {
    const std::string_view name = pattern.substr(open + 1, pattern.find('}', open) - open - 1);
    parameters.push_back({{"name", name},
                          {"in", "path"},
                          {"required", true},
                          {"description", "Percent-encoded, a slash too (%2F)"},
                          {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", 200}}}});
  }
}

json::array parameters_of(const Route& route) {
  json::array parameters;
  add_path_parameters(route.pattern, parameters);
  if (route.query) {
    for (auto& parameter : query_parameters(route)) parameters.push_back(parameter);
  }
  if (route.takes_idempotency_key)
    parameters.push_back(
        {{"name", "Idempotency-Key"},
         {"in", "header"},
         {"required", false},
         {"description", "Repeating a request with its key gives the first answer again, for 24 hours"},
         {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", 255}}}});
  return parameters;
}

std::set<int> error_statuses(const Route& route, bool has_parameters) {
  std::set<int> statuses(route.errors.begin(), route.errors.end());
  if (route.body) statuses.insert({400, 413, 415});
  if (route.body && !route.body_optional) statuses.insert(411);
  if (route.body || has_parameters) statuses.insert(422);
  if (route.method != Method::get) statuses.insert(403);
  if (route.access != Access::open) statuses.insert({401, 403, 429});
  if (route.group != "health" && route.group != "openapi" && route.group != "console") statuses.insert(503);
  return statuses;
}

// A list of alternatives, of which the empty one would be "nothing"; an empty list is "nothing" as well.
json::array security(Access access) {
  if (access == Access::open) return {};
  json::array scopes;
  if (access != Access::any_key) scopes.push_back(json::value(described::enum_name(access.scope())));
  return {json::object{{"key", std::move(scopes)}}};
}

json::object operation(const Route& route) {
  json::array parameters = parameters_of(route);
  json::object success{{"description", status_text(route.status)}};
  const bool is_json = route.answer_type == "application/json";
  json::object schema =
      route.answer ? reference(route.answer.name) : json::object{{"type", is_json ? "object" : "string"}};
  success["content"] = content(route.answer_type, std::move(schema), example_of(route, "answer"));
  json::object responses{{std::to_string(route.status), std::move(success)}};
  for (const int status : error_statuses(route, !parameters.empty()))
    responses[std::to_string(status)] = error_response(status);
  responses["default"] = error_response(0);

  json::object out{{"operationId", route.name},
                   {"summary", route.summary},
                   {"tags", json::array{json::value(route.group)}}};
  out["security"] = security(route.access);
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  if (route.body)
    out["requestBody"] = {
        {"required", !route.body_optional},
        {"content", content(route.body_type, reference(route.body.name), example_of(route, "body"))}};
  out["responses"] = std::move(responses);
  return out;
}

std::string lower(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// The groups of calls, in the order in which people look for them.
json::array tags() {
  json::array all;
  for (const auto& [name, help] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"async-ml", "Judge claims and articles: submit, wait, read"},
           {"references", "Articles from exports of references, and what people think of reported pairs"},
           {"tasks", "Records of tasks: list, show, wait, cancel, delete"},
           {"events", "What changes, as it does"},
           {"queues", "Queues and their messages"},
           {"dead", "Messages whose retries are used up"},
           {"models", "Models that machines have"},
           {"model-cache", "Models in memory"},
           {"resources", "Use of machines, and their limits"},
           {"health", "Whether the server is there and ready"},
           {"session", "The console's session, for which a key is shown once"},
           {"openapi", "This description"},
           {"console", "Pages for people"}})
    all.push_back({{"name", name}, {"description", help}});
  return all;
}

asio::awaitable<Result<Response>> document(App& app, const Request&) {
  co_return Response{.body = app.openapi};
}

}  // namespace

json::object openapi(std::span<const Route> routes, std::string_view path_prefix) {
  json::object paths;
  for (const Route& route : routes) {
    auto& path = paths[route.pattern];
    if (!path.is_object()) path = json::object{};
    path.get_object()[lower(method_name(route.method))] = operation(route);
  }
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "Medsynth"},
            {"version", MEDSYNTH_VERSION},
            {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}},
            {"description",
             "Machine-learning jobs over medical literature. Errors are problem+json (RFC 9457)."}}},
          {"servers", json::array{json::object{{"url", path_prefix.empty() ? "/" : path_prefix}}}},
          {"tags", tags()},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", component_schemas(routes)},
            {"securitySchemes",
             json::object{
                 {"key",
                  {{"type", "http"},
                   {"scheme", "bearer"},
                   {"description",
                    "A key of `medsynth keys create`, or a token (JWT) of the issuer that the server "
                    "believes, with the scope that the call names, where it names one; admin holds all. "
                    "On loopback no call needs one while none exists. Pages of the server send the cookie "
                    "of `sign_in` instead."}}}}}}}};
}

std::string openapi_document(std::string_view path_prefix) {
  return json::write(openapi(router().routes(), path_prefix));
}

std::vector<Route> openapi_routes() {
  return {{.method = Method::get,
           .pattern = "/openapi.json",
           .handler = document,
           .access = Access::open,
           .name = "openapi",
           .group = "openapi",
           .summary = "This description"}};
}

const Router& router() {
  static const Router all = [] {
    std::vector<Route> routes;
    for (auto group :
         {task_routes, resource_routes, model_cache_routes, models_routes, async_ml_routes, reference_routes,
          label_routes, queue_routes, dead_routes, bulk_routes, error_routes, history_routes, event_routes,
          session_routes, console_routes, health_routes, openapi_routes})
      for (Route& route : group()) routes.push_back(std::move(route));
    return Router(std::move(routes));
  }();
  return all;
}

}  // namespace medsynth::api
