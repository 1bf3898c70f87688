#include "medsynth/api/components.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "medsynth/api/event_text.h"
#include "medsynth/api/payloads.h"
#include "medsynth/api/problem.h"
#include "medsynth/api/queue_payloads.h"
#include "medsynth/api/reference_payloads.h"
#include "medsynth/jobs/jobs.h"
#include "medsynth/tasks/timeline.h"

namespace medsynth::api {
namespace {

// What no call names by itself: parts of payloads, what the three actors return, data of events, errors.
const std::vector<Payload>& parts() {
  static const std::vector<Payload> all{
      payload<Problem>("Problem"),
      payload<ProblemFault>("ProblemFault"),
      payload<TaskEvent>("TaskEvent"),
      payload<GateEvent>("GateEvent"),
      payload<StartEvent>("StartEvent"),
      payload<tasks::TaskInfo>("TaskInfo"),
      payload<tasks::Waiting>("Waiting"),
      payload<tasks::Estimate>("Estimate"),
      payload<tasks::TimelineAttempt>("TimelineAttempt"),
      payload<tasks::TimelinePhase>("TimelinePhase"),
      payload<Submitted>("Submitted"),
      payload<Meta>("Meta"),
      payload<DeletedCount>("DeletedCount"),
      payload<CancelledTask>("CancelledTask"),
      payload<HostUsage>("HostUsage"),
      payload<fleet::TaskReport>("TaskReport"),
      payload<CachedModel>("CachedModel"),
      payload<WorkerCache>("WorkerCache"),
      payload<WorkerName>("WorkerName"),
      payload<RemovedModel>("RemovedModel"),
      payload<RemovedModels>("RemovedModels"),
      payload<ListedModel>("ListedModel"),
      payload<HostChoice>("HostChoice"),
      payload<ModelChoice>("ModelChoice"),
      payload<HealthCheck>("HealthCheck"),
      payload<QueueInfo>("QueueInfo"),
      payload<Purged>("Purged"),
      payload<SentMessage>("SentMessage"),
      payload<DeadLetterInfo>("DeadLetterInfo"),
      payload<DuplicateRecord>("DuplicateRecord"),
      payload<KeptLabel>("KeptLabel"),
      payload<KeptLabels>("KeptLabels"),
      payload<jobs::Article>("Article"),
      payload<jobs::ContradictionResult>("ContradictionResult"),
      payload<jobs::ArticlesResult>("ArticlesResult"),
      payload<jobs::EmbeddingsResult>("EmbeddingsResult"),
      payload<jobs::ModelUsed>("ModelUsed"),
      payload<jobs::EvidenceSpan>("EvidenceSpan"),
      payload<jobs::Quote>("Quote"),
      payload<jobs::FindingEstimate>("FindingEstimate"),
      payload<jobs::ReportedFinding>("ReportedFinding"),
      payload<jobs::Question>("Question"),
      payload<jobs::ArticleClaim>("ArticleClaim"),
      payload<jobs::FoundContradiction>("FoundContradiction"),
      payload<jobs::ArticleInfo>("ArticleInfo"),
  };
  return all;
}

json::object reference(std::string_view name) {
  return {{"$ref", fmt::format("#/components/schemas/{}", name)}};
}

using Names = std::map<std::string, std::string, std::less<>>;  // of components, by the text of their schemas

// The component that `schema` is but for its description, and whether it may be null.
const std::string* component_of(json::object schema, const Names& names, bool& nullable) {
  schema.erase("description");
  json::value* type = schema.if_contains("type");
  nullable = type && *type == json::value{"object", "null"};
  if (nullable) *type = "object";
  const auto found = names.find(json::write(schema));
  return found == names.end() ? nullptr : &found->second;
}

void refer(json::value& in, const Names& names);

void refer_members(json::object& in, const Names& names) {
  for (auto& [name, member] : in) refer(member, names);
}

// A component within another becomes a reference to it.
void refer(json::value& in, const Names& names) {
  if (json::array* array = in.if_array())
    for (json::value& each : *array) refer(each, names);
  json::object* schema = in.if_object();
  if (!schema) return;
  bool nullable = false;
  const std::string* name = schema->contains("properties") ? component_of(*schema, names, nullable) : nullptr;
  if (!name) return refer_members(*schema, names);
  json::object referring = reference(*name);
  if (nullable) referring = {{"anyOf", {std::move(referring), {{"type", "null"}}}}};
  if (const json::value* help = schema->if_contains("description")) referring["description"] = *help;
  in = std::move(referring);
}

// What the three actors return; other actors return what they like.
void type_results(json::object& task) {
  json::object& result = task.at("properties").at("result").as_object();
  result["anyOf"] = {reference("ContradictionResult"),
                     reference("ArticlesResult"),
                     reference("EmbeddingsResult"),
                     {{"type", "object"}, {"additionalProperties", true}},
                     {{"type", "array"}, {"items", json::object{}}},
                     {{"type", {"string", "number", "boolean", "null"}}}};
}

}  // namespace

json::object component_schemas(std::span<const Route> routes) {
  std::map<std::string_view, json::object (*)()> described;
  for (const Payload& each : parts()) described[each.name] = each.schema;
  for (const Route& route : routes)
    for (const Payload& each : {route.body, route.answer})
      if (each) described[each.name] = each.schema;
  json::object schemas;
  Names names;
  for (const auto& [name, schema] : described) {
    names.emplace(json::write(schema()), name);
    schemas[name] = schema();
  }
  for (auto& [name, schema] : schemas) refer_members(schema.as_object(), names);
  type_results(schemas.at("TaskInfo").as_object());
  return schemas;
}

}  // namespace medsynth::api
