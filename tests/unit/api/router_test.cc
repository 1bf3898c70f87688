#include "medsynth/api/router.h"

#include <set>
#include <type_traits>

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

Router small() {
  return Router(
      {{.method = Method::get, .pattern = "/v1/tasks/", .access = Scope::read},
       {.method = Method::delete_, .pattern = "/v1/tasks/", .access = Scope::operate},
       {.method = Method::get, .pattern = "/v1/tasks/{task_id}", .access = Scope::read},
       {.method = Method::post, .pattern = "/v1/tasks/{task_id}/cancel", .access = Scope::operate}});
}

Result<Match> match(Method method, std::string_view path, std::vector<std::string>* parameters = nullptr) {
  static const Router router = small();
  std::vector<std::string> unused;
  return router.match(method, path, parameters ? *parameters : unused);
}

TEST(Router, OneSlashAtTheEndDoesNotCount) {
  for (const char* path : {"/v1/tasks", "/v1/tasks/"})
    EXPECT_EQ(match(Method::get, path)->route->pattern, "/v1/tasks/");
  std::vector<std::string> parameters;
  EXPECT_EQ(match(Method::get, "/v1/tasks/t-1/", &parameters)->route->pattern, "/v1/tasks/{task_id}");
  EXPECT_EQ(parameters, std::vector<std::string>{"t-1"});
}

// A slash inside an id is %2F and does not split it; it is decoded once.
TEST(Router, EscapedSlashBelongsToTheId) {
  std::vector<std::string> parameters;
  const auto found = match(Method::post, "/v1/tasks/a%2Fb%2525/cancel", &parameters);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->route->pattern, "/v1/tasks/{task_id}/cancel");
  EXPECT_EQ(parameters, std::vector<std::string>{"a/b%25"});
}

TEST(Router, AnIdThatCannotBeDecodedIsAFaultOfThatParameter) {
  const auto found = match(Method::get, "/v1/tasks/%ff");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().faults.at(0).pointer, "/task_id");
}

TEST(Router, UnknownPathsHaveNoPattern) {
  for (const char* path :
       {"/index.html", "/v1", "/v1/task", "/v1/tasks/a/b", "/V1/tasks", "/v1/tasks/a/cancel/b"})
    EXPECT_TRUE(match(Method::get, path)->pattern.empty()) << path;
}

// A known path with another method: no route, and the methods that it takes.
TEST(Router, WrongMethodSaysWhatIsAllowed) {
  const auto found = match(Method::put, "/v1/tasks/");
  EXPECT_FALSE(found->route);
  EXPECT_EQ(found->pattern, "/v1/tasks/");
  EXPECT_EQ(found->allow, "GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(match(Method::get, "/v1/tasks/a/cancel")->allow, "POST, OPTIONS");
  EXPECT_EQ(match(Method::other, "/v1/tasks/a")->allow, "GET, HEAD, OPTIONS");
}

TEST(Router, HeadFindsGet) {
  EXPECT_EQ(match(Method::head, "/v1/tasks/a")->route->method, Method::get);
}

// Every call of the contract is in the table, once.
TEST(Table, HasEveryCallOfTheContract) {
  const std::set<std::string> wanted{"GET /v1/tasks/",
                                     "GET /v1/tasks/{task_id}",
                                     "GET /v1/tasks/{task_id}/timeline",
                                     "DELETE /v1/tasks/{task_id}",
                                     "DELETE /v1/tasks/",
                                     "POST /v1/tasks/{task_id}/cancel",
                                     "GET /v1/resources/usage",
                                     "GET /v1/resources/limits",
                                     "PUT /v1/resources/limits",
                                     "DELETE /v1/resources/limits",
                                     "GET /v1/resources/system",
                                     "GET /v1/model-cache/stats",
                                     "GET /v1/models",
                                     "POST /v1/models/{model_id}/use",
                                     "DELETE /v1/model-cache/models/{model_id}",
                                     "DELETE /v1/model-cache/clear",
                                     "POST /v1/async-ml/contradiction/detect",
                                     "POST /v1/async-ml/contradiction/analyze",
                                     "POST /v1/async-ml/embeddings/generate",
                                     "GET /v1/async-ml/task/{task_id}",
                                     "POST /v1/references",
                                     "POST /v1/labels",
                                     "GET /v1/queues/",
                                     "POST /v1/queues/{queue}/pause",
                                     "POST /v1/queues/{queue}/resume",
                                     "POST /v1/queues/{queue}/messages",
                                     "DELETE /v1/queues/{queue}/messages",
                                     "GET /v1/dead/",
                                     "DELETE /v1/dead/",
                                     "POST /v1/dead/replay",
                                     "GET /v1/dead/{id}",
                                     "DELETE /v1/dead/{id}",
                                     "POST /v1/dead/{id}/replay",
                                     "GET /livez",
                                     "GET /readyz",
                                     "GET /",
                                     "GET /docs",
                                     "GET /console/{file}",
                                     "GET /v1/events",
                                     "POST /v1/session",
                                     "GET /v1/session",
                                     "DELETE /v1/session",
                                     "GET /v1/errors/tasks",
                                     "GET /v1/errors/dead",
                                     "GET /v1/history",
                                     "GET /v1/resources/limits/forecast",
                                     "POST /v1/tasks/actions",
                                     "POST /v1/dead/actions",
                                     "GET /healthz",
                                     "GET /metrics",
                                     "GET /openapi.json"};
  std::set<std::string> found;
  for (const Route& route : router().routes()) {
    EXPECT_TRUE(route.handler) << route.pattern;
    EXPECT_TRUE(
        found.insert(std::string(method_name(route.method)) + " " + std::string(route.pattern)).second)
        << route.pattern;
  }
  EXPECT_EQ(found, wanted);
}

// A route that does not say what it needs does not compile: what it needs has no default.
static_assert(!std::is_default_constructible_v<Access>);
static_assert(!std::is_default_constructible_v<Route>);

}  // namespace
}  // namespace medsynth::api
