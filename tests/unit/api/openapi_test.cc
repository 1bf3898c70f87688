#include "medsynth/api/openapi.h"

#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "medsynth/api/server.h"

namespace medsynth::api {
namespace {

json::object document() {
  static const json::value parsed = *json::parse(openapi_document());
  return parsed.as_object();
}

// Collects every "$ref" in the document.
void references(const json::value& in, std::set<std::string>& found) {
  if (const auto* array = in.if_array()) {
    for (const json::value& each : *array) references(each, found);
  } else if (const auto* object = in.if_object()) {
    for (const auto& [name, member] : *object) {
      if (name == "$ref")
        found.insert(std::string(member.as_string()));
      else
        references(member, found);
    }
  }
}

const json::object& operation(const json::object& from, std::string_view path, std::string_view method) {
  return from.at("paths").as_object().at(path).as_object().at(method).as_object();
}

TEST(OpenApi, DescribesEveryRoute) {
  const auto openapi = document();
  EXPECT_EQ(openapi.at("openapi").as_string(), "3.1.0");
  EXPECT_FALSE(openapi.at("info").as_object().at("version").as_string().empty());
  std::size_t operations = 0;
  std::set<std::string> names;
  for (const auto& [path, methods] : openapi.at("paths").as_object()) {
    EXPECT_TRUE(path.starts_with("/"));
    for (const auto& [method, described] : methods.as_object()) {
      ++operations;
      EXPECT_TRUE(names.insert(std::string(described.as_object().at("operationId").as_string())).second)
          << path;
      EXPECT_FALSE(described.as_object().at("summary").as_string().empty()) << path;
      EXPECT_TRUE(described.as_object().at("responses").as_object().contains("default")) << path;
    }
  }
  EXPECT_EQ(operations, router().routes().size());
}

// Every reference leads to a schema, and every schema of an object lists its properties.
TEST(OpenApi, EveryReferenceLeadsSomewhere) {
  const auto openapi = document();
  const auto& schemas = openapi.at("components").as_object().at("schemas").as_object();
  std::set<std::string> found;
  references(openapi, found);
  EXPECT_GT(found.size(), 10u);
  for (const std::string& reference : found) {
    ASSERT_TRUE(reference.starts_with("#/components/schemas/")) << reference;
    const auto* schema = schemas.if_contains(reference.substr(21));
    ASSERT_TRUE(schema) << reference;
    EXPECT_TRUE(schema->as_object().contains("properties") || schema->at("type") == "string") << reference;
  }
}

// Whoever reads it sees at once what to send and what comes back.
TEST(OpenApi, EveryCallHasAnExample) {
  const auto openapi = document();
  const auto shows = [](const json::object& of) {
    return of.at("content").as_object().begin()->value().as_object().contains("example");
  };
  for (const auto& [path, methods] : openapi.at("paths").as_object()) {
    for (const auto& [method, described] : methods.as_object()) {
      const json::object& call = described.as_object();
      if (const auto* body = call.if_contains("requestBody"))
        EXPECT_TRUE(shows(body->as_object())) << method << " " << path;
      for (const auto& [status, answer] : call.at("responses").as_object())
        if (status.starts_with('2')) EXPECT_TRUE(shows(answer.as_object())) << method << " " << path;
    }
  }
}

// Of every schema, wherever it is: an array says of what, and no component is written out a second time.
TEST(OpenApi, ArraysSayOfWhatAndComponentsStandOnce) {
  const auto openapi = document();
  const auto& schemas = openapi.at("components").as_object().at("schemas").as_object();
  const std::function<void(const json::value&, std::string_view)> look = [&](const json::value& in,
                                                                             std::string_view within) {
    if (const auto* array = in.if_array()) {
      for (const json::value& each : *array) look(each, within);
    } else if (const auto* object = in.if_object()) {
      const auto* type = object->if_contains("type");
      if (type && *type == json::value("array")) EXPECT_TRUE(object->contains("items")) << within;
      for (const auto& [name, member] : *object) look(member, within);
    }
  };
  for (const auto& [name, schema] : schemas) look(schema, name);
  EXPECT_EQ(schemas.at("TaskPage").at("properties").at("tasks").at("items").at("$ref"),
            "#/components/schemas/TaskInfo");
}

TEST(OpenApi, ResultsOfTheThreeActorsAreTyped) {
  const auto openapi = document();
  const auto& schemas = openapi.at("components").as_object().at("schemas").as_object();
  std::set<std::string> found;
  references(schemas.at("TaskInfo").at("properties").at("result"), found);
  EXPECT_EQ(found, (std::set<std::string>{"#/components/schemas/ArticlesResult",
                                          "#/components/schemas/ContradictionResult",
                                          "#/components/schemas/EmbeddingsResult"}));
}

// Each call is in a group that is explained.
TEST(OpenApi, EveryTagIsExplained) {
  const auto openapi = document();
  std::set<std::string> used, explained;
  for (const Route& route : router().routes()) used.insert(std::string(route.group));
  for (const json::value& tag : openapi.at("tags").as_array())
    explained.insert(std::string(tag.at("name").as_string()));
  EXPECT_EQ(used, explained);
}

// A file is sent as its bytes, not as JSON.
TEST(OpenApi, SaysWhatABodyIs) {
  const auto openapi = document();
  const auto type_of = [&](std::string_view path) {
    const auto& body = operation(openapi, path, "post").at("requestBody").as_object();
    return std::string(body.at("content").as_object().begin()->key());
  };
  EXPECT_EQ(type_of("/v1/references"), "application/octet-stream");
  EXPECT_EQ(type_of("/v1/labels"), "application/json");
}

// What a call needs: a key with a scope, or nothing.
TEST(OpenApi, EveryCallSaysWhichScopeItNeeds) {
  const auto openapi = document();
  const auto security = [&](std::string_view path, std::string_view method) {
    return json::write(operation(openapi, path, method).at("security"));
  };
  EXPECT_EQ(security("/v1/tasks/", "get"), R"([{"key":["read"]}])");
  EXPECT_EQ(security("/v1/resources/limits", "put"), R"([{"key":["admin"]}])");
  EXPECT_EQ(security("/metrics", "get"), R"([{"key":["read"]}])");
  for (const char* path : {"/livez", "/readyz", "/healthz", "/openapi.json"})
    EXPECT_EQ(security(path, "get"), "[]");
  const auto& key =
      openapi.at("components").as_object().at("securitySchemes").as_object().at("key").as_object();
  EXPECT_EQ(key.at("type").as_string(), "http");
  EXPECT_EQ(key.at("scheme").as_string(), "bearer");
  const auto& answers = operation(openapi, "/v1/tasks/", "get").at("responses").as_object();
  EXPECT_TRUE(answers.contains("401") && answers.contains("403") && answers.contains("429"));
  EXPECT_FALSE(operation(openapi, "/livez", "get").at("responses").as_object().contains("401"));
}

TEST(OpenApi, ListHasItsParametersWithTheirLimits) {
  const auto openapi = document();
  std::map<std::string, json::object> parameters;
  for (const json::value& each : operation(openapi, "/v1/tasks/", "get").at("parameters").as_array())
    parameters[std::string(each.as_object().at("name").as_string())] = each.as_object();
  ASSERT_EQ(parameters.size(), 14u);
  const auto& limit = parameters.at("limit").at("schema").as_object();
  EXPECT_EQ(limit.at("maximum").to_number<int>(), 1000);
  EXPECT_EQ(limit.at("default").to_number<int>(), 100);
  EXPECT_EQ(parameters.at("limit").at("in").as_string(), "query");
}

TEST(OpenApi, SubmissionsHaveBodyLocationOfErrorsAndIdempotencyKey) {
  const auto openapi = document();
  const auto& detect = operation(openapi, "/v1/async-ml/contradiction/detect", "post");
  EXPECT_EQ(detect.at("requestBody").as_object().at("required").as_bool(), false);
  const auto& responses = detect.at("responses").as_object();
  for (const char* status : {"202", "400", "409", "413", "415", "422", "503"})
    EXPECT_TRUE(responses.contains(status)) << status;
  bool has_key = false;
  for (const json::value& each : detect.at("parameters").as_array())
    has_key = has_key || each.as_object().at("name") == "Idempotency-Key";
  EXPECT_TRUE(has_key);
  const auto& task =
      operation(openapi, "/v1/tasks/{task_id}", "get").at("parameters").as_array().at(0).as_object();
  EXPECT_EQ(task.at("in").as_string(), "path");
  EXPECT_EQ(task.at("required").as_bool(), true);
}

}  // namespace
}  // namespace medsynth::api
