// What the calls take and answer, described once. Names and members stay.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/api/task_filter.h"
#include "medsynth/base/described.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/limits/limits.h"
#include "medsynth/tasks/record.h"

namespace medsynth::api {

// --- tasks
// ------------------------------------------------------------------------------------------------------------

enum class Included { result };
BOOST_DESCRIBE_ENUM(Included, result)

struct ListTasksQuery : TaskFilter {
  std::int64_t limit = 100;
  std::int64_t offset = 0;
  std::optional<std::string> cursor;
  std::optional<Included> include;
};
BOOST_DESCRIBE_STRUCT(ListTasksQuery, (TaskFilter), (limit, offset, cursor, include))

struct ShowTaskQuery {
  double wait = 0;  // seconds
};
BOOST_DESCRIBE_STRUCT(ShowTaskQuery, (), (wait))

struct TaskPage {
  std::vector<tasks::TaskInfo> tasks;
  std::int64_t scanned = 0;
  std::int64_t total = 0;
  std::optional<std::string> next_cursor;
  std::optional<std::int64_t> messages_scanned, messages_total;
};
BOOST_DESCRIBE_STRUCT(TaskPage, (), (tasks, scanned, total, next_cursor, messages_scanned, messages_total))

struct DeleteTasksQuery {
  std::optional<tasks::Status> status;
  std::optional<std::int64_t> older_than;
  bool all = false;
};
BOOST_DESCRIBE_STRUCT(DeleteTasksQuery, (), (status, older_than, all))

struct DeletedCount {
  std::int64_t deleted_count = 0;
};
BOOST_DESCRIBE_STRUCT(DeletedCount, (), (deleted_count))

struct Deleted {
  std::string status = "success";
  std::string message;
  DeletedCount data;
};
BOOST_DESCRIBE_STRUCT(Deleted, (), (status, message, data))

struct CancelledTask {
  std::string task_id;
  std::string state;  // cancelled: it will not run; requested: it runs and was asked to stop
};
BOOST_DESCRIBE_STRUCT(CancelledTask, (), (task_id, state))

struct CancelAnswer {
  std::string status = "success";
  std::string message;
  CancelledTask data;
};
BOOST_DESCRIBE_STRUCT(CancelAnswer, (), (status, message, data))

// --- resources
// --------------------------------------------------------------------------------------------------------

struct HostUsage : limits::Usage {
  std::string host;
  std::vector<std::string> workers;      // ids; none: measured by the server, because no worker lives
  std::string origin;                    // of the limits: environment | api
  std::vector<fleet::TaskReport> tasks;  // in the workers' hands: what each waits for, or that it runs
};
BOOST_DESCRIBE_STRUCT(HostUsage, (limits::Usage), (host, workers, origin, tasks))

struct UsageAnswer : limits::Usage {
  std::vector<HostUsage> hosts;
};
BOOST_DESCRIBE_STRUCT(UsageAnswer, (limits::Usage), (hosts))

// Any subset of the limits.
struct LimitsChange {
  std::optional<double> max_cpu_percent;
  std::optional<double> max_memory_percent;
  std::optional<double> max_gpu_percent;
  std::optional<std::int64_t> max_concurrent_tasks;
};
BOOST_DESCRIBE_STRUCT(LimitsChange, (),
                      (max_cpu_percent, max_memory_percent, max_gpu_percent, max_concurrent_tasks))

struct LimitsShown : limits::Limits {
  std::map<std::string, std::string> origin;  // of each: api, else default | file | environment | flag
};
BOOST_DESCRIBE_STRUCT(LimitsShown, (limits::Limits), (origin))

struct LimitsInForce : limits::Limits {
  std::vector<std::string> confirmed_by;  // ids of workers
  std::vector<std::string> silent;        // live workers that did not confirm in time
};
BOOST_DESCRIBE_STRUCT(LimitsInForce, (limits::Limits), (confirmed_by, silent))

struct LimitsAnswer {
  std::string status = "success";
  std::string message;
  LimitsInForce data;
};
BOOST_DESCRIBE_STRUCT(LimitsAnswer, (), (status, message, data))

// --- model cache
// ------------------------------------------------------------------------------------------------------

// A model in one worker's cache.
struct CachedModel : fleet::ModelReport {
  std::string host;
  std::string worker_id;
};
BOOST_DESCRIBE_STRUCT(CachedModel, (fleet::ModelReport), (host, worker_id))

struct WorkerName {
  std::string worker_id;
  std::string host;
};
BOOST_DESCRIBE_STRUCT(WorkerName, (), (worker_id, host))

struct WorkerCache : WorkerName, fleet::CacheCounts {};
BOOST_DESCRIBE_STRUCT(WorkerCache, (WorkerName, fleet::CacheCounts), ())

struct CacheAnswer {
  std::int64_t size = 0;  // sums over the workers
  std::int64_t max_size = 0;
  double ttl = 0;  // seconds; the longest
  std::uint64_t memory_bytes = 0;
  std::uint64_t max_memory_bytes = 0;
  std::vector<CachedModel> models;
  std::vector<WorkerCache> workers;
};
BOOST_DESCRIBE_STRUCT(CacheAnswer, (), (size, max_size, ttl, memory_bytes, max_memory_bytes, models, workers))

// What one worker did about one model.
struct RemovedModel {
  std::string id;
  std::string worker_id;
  std::string host;
  std::string outcome;  // removed | draining (leaves with its last user) | absent
};
BOOST_DESCRIBE_STRUCT(RemovedModel, (), (id, worker_id, host, outcome))

struct RemovedModels {
  std::vector<RemovedModel> models;
  std::int64_t removed = 0;
  std::int64_t draining = 0;
  std::vector<std::string> confirmed_by;
  std::vector<std::string> silent;
};
BOOST_DESCRIBE_STRUCT(RemovedModels, (), (models, removed, draining, confirmed_by, silent))

struct CacheRemoval {
  std::string status = "success";
  std::string message;
  RemovedModels data;
};
BOOST_DESCRIBE_STRUCT(CacheRemoval, (), (status, message, data))

// --- models
// -----------------------------------------------------------------------------------------------------------

// A model that is installed on a host.
struct ListedModel : fleet::InstalledModel {
  std::string host;
};
BOOST_DESCRIBE_STRUCT(ListedModel, (fleet::InstalledModel), (host))

struct ModelsAnswer {
  std::vector<ListedModel> models;  // by name and host
  std::vector<WorkerName> unknown;  // workers of an older version, which do not say what they have
};
BOOST_DESCRIBE_STRUCT(ModelsAnswer, (), (models, unknown))

// What a host did about the model that is to be its default.
struct HostChoice {
  std::string host;
  bool is_default = false;
  std::string problem;  // why it is not; empty where it is
};
BOOST_DESCRIBE_STRUCT(HostChoice, (), (host, is_default, problem))

struct ModelChoice {
  std::string id;
  std::string kind;
  std::vector<HostChoice> hosts;
  std::vector<std::string> silent;  // workers that did not confirm in time
};
BOOST_DESCRIBE_STRUCT(ModelChoice, (), (id, kind, hosts, silent))

struct ModelChoiceAnswer {
  std::string status = "success";
  std::string message;
  ModelChoice data;
};
BOOST_DESCRIBE_STRUCT(ModelChoiceAnswer, (), (status, message, data))

// --- async-ml
// ---------------------------------------------------------------------------------------------------------

struct DetectQuery {
  std::optional<std::string> claim1;
  std::optional<std::string> claim2;
  std::optional<bool> use_all_methods;
  std::optional<std::string> task_id;
};
BOOST_DESCRIBE_STRUCT(DetectQuery, (), (claim1, claim2, use_all_methods, task_id))

struct Meta {
  std::string request_id;
  std::string timestamp;
};
BOOST_DESCRIBE_STRUCT(Meta, (), (request_id, timestamp))

struct Submitted {
  std::string task_id;
  std::string status = "pending";
  std::optional<std::int64_t> total_articles;
  std::optional<std::int64_t> total_texts;
};
BOOST_DESCRIBE_STRUCT(Submitted, (), (task_id, status, total_articles, total_texts))

struct SubmitAnswer {
  bool success = true;
  std::string message;
  Submitted data;
  Meta meta;
};
BOOST_DESCRIBE_STRUCT(SubmitAnswer, (), (success, message, data, meta))

struct TaskAnswer {
  bool success = true;
  std::string message;
  tasks::TaskInfo data;
  Meta meta;
};
BOOST_DESCRIBE_STRUCT(TaskAnswer, (), (success, message, data, meta))

// --- health
// -----------------------------------------------------------------------------------------------------------

struct HealthQuery {
  std::optional<bool> verbose;
};
BOOST_DESCRIBE_STRUCT(HealthQuery, (), (verbose))

struct HealthCheck {
  std::string name;
  bool ok = false;
  std::string detail;
};
BOOST_DESCRIBE_STRUCT(HealthCheck, (), (name, ok, detail))

struct Health {
  std::string status;  // ok | unavailable
  std::optional<std::vector<HealthCheck>> checks;
};
BOOST_DESCRIBE_STRUCT(Health, (), (status, checks))

}  // namespace medsynth::api

namespace medsynth::described {
template <>
struct Rules<api::ListTasksQuery> {
  static constexpr auto fields = api::joined(
      Rules<api::TaskFilter>::fields,
      std::array{
          Field{
              .name = "limit", .help = "At most this many", .optional = true, .minimum = 1, .maximum = 1000},
          Field{.name = "offset",
                .help = "Leaves out this many of the newest; alone or with status",
                .optional = true,
                .minimum = 0,
                .maximum = 1e12},
          Field{.name = "cursor", .help = "next_cursor of the page before; wins over offset"},
          Field{
              .name = "include",
              .help =
                  "result: results above 64 KiB too, which are null otherwise; fewer tasks to a page then"}});
};
// A server of an older version does not say how far it looked.
template <>
struct Rules<api::TaskPage> {
  static constexpr std::array fields{
      Field{.name = "scanned",
            .help = "So many of `total` were looked at, from the newest to the end of this page",
            .optional = true},
      Field{.name = "total", .help = "Tasks that there are, of the status where one is asked for"},
      Field{.name = "messages_scanned", .help = "Messages whose arguments were looked through; with `text`"},
      Field{.name = "messages_total", .help = "Messages that there are; with `text`"}};
};
template <>
struct Rules<api::ShowTaskQuery> {
  static constexpr std::array fields{Field{.name = "wait",
                                           .help = "Answer when the task has ended, or after so many seconds",
                                           .optional = true,
                                           .minimum = 0,
                                           .maximum = 60}};
};
template <>
struct Rules<api::DeleteTasksQuery> {
  static constexpr std::array fields{
      Field{.name = "status", .help = "Only tasks of this status"},
      Field{.name = "older_than",
            .help = "Only tasks whose last update is older than this many seconds",
            .minimum = 0,
            .maximum = 1e10},
      Field{.name = "all",
            .help = "true, instead of a filter: every task. Without either, nothing is deleted",
            .optional = true}};
};
template <>
struct Rules<api::LimitsChange> {
  static constexpr auto fields = Rules<limits::Limits>::fields;
};
template <>
struct Rules<api::DetectQuery> {
  static constexpr std::array fields{
      Field{.name = "claim1", .help = "First claim, when it is not in the body"},
      Field{.name = "claim2", .help = "Second claim, when it is not in the body"},
      Field{.name = "use_all_methods", .help = "false: the fast path, without a language model"},
      Field{.name = "task_id", .help = "Id of the task; made when absent"}};
};
template <>
struct Rules<api::HealthQuery> {
  static constexpr std::array fields{Field{.name = "verbose", .help = "Also what was checked"}};
};
}  // namespace medsynth::described
