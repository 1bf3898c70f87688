// What workers report and what they are told. Each worker writes a snapshot with a TTL; control (limits set
// through the API, cache removals) is stored state with a version, PUBLISH is only its bell, and workers
// confirm what they did.
//
// Workers and servers of other versions are there while an installation is upgraded: what they wrote is read
// as far as it is known (base/stored.h), and never hides who wrote it.
//
// Queries, carried out by redis::Client. Thread safe (immutable).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/clock.h"
#include "medsynth/base/described.h"
#include "medsynth/fleet/history.h"
#include "medsynth/redis/query.h"

namespace medsynth::fleet {

// A worker that is silent for this long is not counted on.
inline constexpr std::chrono::milliseconds kReportTtl{5000};

// A model in a worker's cache. Times are RFC 3339.
struct ModelReport {
  std::string id;
  std::string state;  // queued | reserved | loading | ready | in_use | draining | unloading | failed
  std::string loaded_at;
  std::string last_used;
  std::optional<std::string> expires_at;
  std::int64_t users = 0;
  std::int64_t hits = 0;
  std::int64_t loads = 0;
  double load_seconds = 0;
  std::uint64_t memory_bytes = 0;                    // that it counts for now
  std::uint64_t predicted_bytes = 0;                 // before it was loaded
  std::uint64_t measured_bytes = 0;                  // 0: not measured
  std::string placement;                             // "31 of 33 layers on GPU 0"; "CPU"; empty: not known
  std::string placement_reason;                      // why it is not all on one GPU
  std::vector<std::uint64_t> device_bytes;           // on each GPU, by its number
  std::vector<std::uint64_t> measured_device_bytes;  // the same, measured; empty: not measured
  std::int64_t waiting = 0;                          // callers that wait for it
  std::string waits_for;                             // queued: what is missing, and who has it
  bool pinned = false;                               // never evicted to make room
  double uses_per_second = 0;                        // older uses count less
  std::optional<std::string> retry_at;               // failed: refused until then
  std::string error;                                 // failed: why
  json::object metadata;
};
BOOST_DESCRIBE_STRUCT(ModelReport, (),
                      (id, state, loaded_at, last_used, expires_at, users, hits, loads, load_seconds,
                       memory_bytes, predicted_bytes, measured_bytes, placement, placement_reason,
                       device_bytes, measured_device_bytes, waiting, waits_for, pinned, uses_per_second,
                       retry_at, error, metadata))

struct CacheCounts {
  std::int64_t size = 0;
  std::int64_t max_size = 0;
  double ttl = 0;                      // seconds
  std::uint64_t memory_bytes = 0;      // of models in memory, loading, or leaving
  std::uint64_t max_memory_bytes = 0;  // 0: not limited
  std::uint64_t reserved_bytes = 0;    // for loads, and promised to models that wait
  std::uint64_t leaked_bytes = 0;      // did not come back after unloading
  std::int64_t hits = 0, misses = 0, coalesced = 0, evictions = 0, expirations = 0, load_failures = 0;
};
BOOST_DESCRIBE_STRUCT(CacheCounts, (),
                      (size, max_size, ttl, memory_bytes, max_memory_bytes, reserved_bytes, leaked_bytes,
                       hits, misses, coalesced, evictions, expirations, load_failures))

struct CacheReport : CacheCounts {
  std::vector<ModelReport> models;
};
BOOST_DESCRIBE_STRUCT(CacheReport, (CacheCounts), (models))

// A message in a worker's hands, or one that waits and went back to its queue a moment ago.
struct TaskReport {
  std::string task_id;
  std::string actor;
  std::string state;   // waiting | loading | running
  std::string reason;  // of the wait: slots | model_lock | cpu | memory | gpu | gpu_memory | redis
  std::string since;
  std::string model;   // that it needs; "": none
  std::string detail;  // of the wait, in words
  std::string began;   // when its run did; "": it waits
  // Of the wait: as limits::Wait.
  std::int64_t place = 0;
  std::optional<double> have = {};
  std::optional<double> need = {};
};
BOOST_DESCRIBE_STRUCT(TaskReport, (),
                      (task_id, actor, state, reason, since, model, detail, began, place, have, need))

// How long a task that needed admission ran, its model's load included.
struct RunTime {
  std::string actor;
  std::string model;
  double seconds = 0;
};
BOOST_DESCRIBE_STRUCT(RunTime, (), (actor, model, seconds))

// One time series of a worker, for the server's /metrics.
struct Sample {
  std::string name;
  std::string kind;  // counter | gauge | histogram
  std::string help;
  std::map<std::string, std::string> labels;
  double value = 0;  // of a histogram: the sum
  std::vector<double> bounds;
  std::vector<std::int64_t> counts;  // cumulative, one more than bounds
};
BOOST_DESCRIBE_STRUCT(Sample, (), (name, kind, help, labels, value, bounds, counts))

// A model that a worker's host has, loaded or not.
struct InstalledModel {
  std::string id;           // its name in the catalogue
  std::string kind;         // language | sentence | entailment
  bool is_default = false;  // answers where a request names none
  bool demo = false;
  std::string digest;              // sha256 of the file; empty: not known
  std::int64_t context = 0;        // tokens; 0: the file's own
  std::uint64_t memory_bytes = 0;  // that it takes once it is loaded, predicted; 0: not in the catalogue
  bool loaded = false;
  std::optional<bool> fits;  // into memory as it is now
  std::string calibration;   // whose pairs say how much its answers count: own | built_in | none | damaged
  std::string gpu;           // require | prefer | never; empty: not known
  std::string placement;     // of its layers, while it is loaded: "31 of 33 layers on GPU 0", "CPU"
  std::string problem;       // why it cannot be used; empty: nothing is known to be wrong
  std::string notes;
  std::string licence;  // empty: not known
};
BOOST_DESCRIBE_STRUCT(InstalledModel, (),
                      (id, kind, is_default, demo, digest, context, memory_bytes, loaded, fits, calibration,
                       gpu, placement, problem, notes, licence))

struct Snapshot {
  std::string worker_id;
  std::string host;
  std::int64_t pid = 0;
  std::string version;
  std::string started_at;
  std::string at;
  bool draining = false;
  std::vector<std::string> queues;
  json::object usage;         // limits::Usage: measured use and the limits in force
  std::string limits_origin;  // environment | api
  json::object system;        // limits::SystemInfo
  CacheReport cache;
  std::vector<TaskReport> tasks;
  std::vector<RunTime> run_times;    // of the last ones that ended here
  std::int64_t control_version = 0;  // the newest control this worker has obeyed
  std::vector<Sample> metrics;
  std::optional<std::vector<InstalledModel>> models;  // nullopt: not known, as of an older version
  // Not stored: members that were there and could not be read, and have their defaults.
  std::vector<Fault> faults;
};
BOOST_DESCRIBE_STRUCT(Snapshot, (),
                      (worker_id, host, pid, version, started_at, at, draining, queues, usage, limits_origin,
                       system, cache, tasks, run_times, control_version, metrics, models))

// A worker whose last snapshot has expired: it was killed, cannot reach Redis, or Redis refuses its reports.
struct Silent {
  std::string worker_id;
  WallTime since;  // its last report
};

struct Roll {
  std::vector<Snapshot> alive;  // by host and worker id
  std::vector<Silent> silent;   // of the last ten minutes
};

// What somebody asks of the workers, once: "cache.remove" (argument: model id), "cache.clear", "models.list"
// (which models are installed, now), "models.use" (argument: model id; a ChosenModel as "use" confirms it).
struct Request {
  std::int64_t version = 0;
  std::string kind;
  std::string argument;
};

// What a worker did about a model that is to be the default of its kind on its host.
struct ChosenModel {
  std::string kind;         // of the model; empty: it is not installed there
  bool is_default = false;  // it answers now
  std::string problem;      // why it does not
};
BOOST_DESCRIBE_STRUCT(ChosenModel, (), (kind, is_default, problem))

struct Control {
  std::int64_t version = 0;
  std::map<std::string, double> limits;  // set through the API, by name; empty: each worker's environment's
  std::vector<Request> requests;         // newer than asked for, oldest first
  std::vector<Fault> faults;             // fields that hold no finite number, and are passed over
};

// A model that workers died with, and that nobody loads as it is.
struct BlockedModel {
  std::string model;
  std::string file;
  std::string version;  // of the file and its entry in the catalogue: another one is not blocked
  std::int64_t deaths = 0;
  std::string task_id;  // that they ran
  std::string until;    // RFC 3339, Redis' time
};
BOOST_DESCRIBE_STRUCT(BlockedModel, (), (model, file, version, deaths, task_id, until))

struct FleetOptions {
  std::string namespace_ = "dramatiq";
  std::string prefix = "task:";  // of tasks: two installations on one Redis never hear each other
  int database = 0;
};

class Fleet {
 public:
  explicit Fleet(const FleetOptions& options);

  redis::Query<redis::Done> publish(const Snapshot& snapshot,
                                    std::chrono::milliseconds ttl = kReportTtl) const;
  // Adds what a worker did to the history. One whose answer was lost may be counted twice.
  redis::Query<redis::Done> count(const Tally& tally) const;
  // By time; steps in which nobody reported are not there.
  redis::Query<std::vector<HistoryStep>> history(Span span) const;
  redis::Query<redis::Done> leave(const std::string& worker_id) const;
  // Of the workers that are alive, ordered by host and worker id. Who is alive is decided by Redis' clock
  // alone: whose snapshot has not expired.
  redis::Query<std::vector<Snapshot>> snapshots() const;
  redis::Query<Roll> roll() const;  // the same, and those that fell silent
  // Does what a report does, with keys of its own, and rings on a channel that nobody hears: an error is what
  // a worker, or a submission, would be told.
  redis::Query<redis::Done> probe() const;

  // What is in force, with the requests after `since`.
  redis::Query<Control> control(std::int64_t since) const;
  redis::Query<std::int64_t> set_limits(
      const std::map<std::string, double>& changed) const;  // merges; gives the version
  redis::Query<std::int64_t> reset_limits() const;
  redis::Query<std::int64_t> request(const std::string& kind, const std::string& argument) const;

  // A worker's answer to a version, and the answers so far by worker id.
  redis::Query<redis::Done> confirm(std::int64_t version, const std::string& worker_id,
                                    const json::object& answer) const;
  redis::Query<std::map<std::string, json::object>> confirmations(std::int64_t version) const;

  // Kept for `time`, or longer where others are blocked after it.
  redis::Query<redis::Done> block_model(const BlockedModel& model, std::chrono::milliseconds time) const;
  redis::Query<std::vector<BlockedModel>> blocked_models(WallTime now) const;  // `now` by Redis' clock
  // What is known to have gone well with a version of a model: "loaded", or "sound" (a task ended well).
  redis::Query<redis::Done> note_model(std::string_view what, const std::string& version) const;
  redis::Query<bool> is_model(std::string_view what, const std::string& version) const;
  // One more message killed workers with it; answers how many have.
  redis::Query<std::int64_t> count_killer(const std::string& version) const;

  std::string bell_channel() const;  // rung after each change of control

 private:
  std::string base_;
};

}  // namespace medsynth::fleet

// A server of an older version does not tell the last six.
template <>
struct medsynth::described::Rules<medsynth::fleet::TaskReport> {
  static constexpr std::array fields{
      Field{.name = "model", .help = "That it needs; empty: none", .optional = true},
      Field{.name = "detail", .help = "What it waits for, in words", .optional = true},
      Field{.name = "began", .help = "When its run did; empty: it waits", .optional = true},
      Field{.name = "place", .help = "Among those that wait for the same; 0: not in line", .optional = true}};
};
