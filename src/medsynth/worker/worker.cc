#include "medsynth/worker/worker.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <deque>
#include <fstream>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/log.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/signals.h"
#include "medsynth/base/text.h"
#include "medsynth/dramatiq/queues.h"
#include "medsynth/dramatiq/workers.h"
#include "medsynth/fleet/format.h"
#include "medsynth/pipeline/executor.h"
#include "medsynth/redis/access.h"
#include "medsynth/redis/cluster.h"
#include "medsynth/worker/control.h"
#include "medsynth/worker/host.h"

namespace medsynth::worker {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kMaxThreads = 64;  // of one process; more tasks at once want more processes
constexpr auto kInterrupt = 5s;           // for tasks that were asked to stop after the grace
constexpr auto kLastWrites = 2s;          // for the end itself, with a Redis that may be away
// At its start a worker looks so often for dead ones of its host: one may still be dying, or its last fetch
// on its way.
constexpr int kLooksForDead = 5;
constexpr auto kLookAgain = 1s;
constexpr auto kFirstLook = 2s;  // for what was set through the API, before the first task
constexpr std::int64_t kLookAhead =
    16;  // further messages that wait for admission: one behind a big one may fit

limits::Limits environment_limits(const Settings& settings) {
  return {settings.max_cpu_percent, settings.max_memory_percent, settings.max_gpu_percent,
          settings.max_concurrent_tasks};
}

std::chrono::milliseconds as_milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

// Threads and CPU share of one inference: as many CPUs as the limit allows, unless somebody said otherwise.
ModelSourceOptions model_options(const Settings& settings, double effective_cpus) {
  const auto allowed = static_cast<std::int64_t>(std::floor(settings.max_cpu_percent / 100 * effective_cpus));
  const std::int64_t threads = settings.threads > 0 ? settings.threads : std::max<std::int64_t>(1, allowed);
  return {.folder = models_dir(settings),
          .catalogue = settings.models_catalogue,
          .language_model = settings.language_model,
          .entailment_model = settings.entailment_model,
          .threads = static_cast<int>(threads),
          .cpu_share_percent = std::min(100.0, 100.0 * static_cast<double>(threads) / effective_cpus)};
}

// MEDSYNTH_MODEL_CACHE_MEMORY, else what tasks may take of this machine's memory under the limit in force.
// Each worker of a machine has all of it: docs/decisions/0012 says why.
std::uint64_t model_cache_bytes(const Settings& settings, double max_memory_percent,
                                std::uint64_t memory_limit) {
  if (settings.model_cache_memory > 0) return static_cast<std::uint64_t>(settings.model_cache_memory) << 20;
  return static_cast<std::uint64_t>(max_memory_percent / 100 * static_cast<double>(memory_limit));
}

models::CacheOptions cache_options(const Settings& settings, std::uint64_t memory_limit,
                                   inference::Engine& engine, telemetry::Metrics& metrics) {
  return {.max_models = settings.max_cached_models,
          .ttl = as_milliseconds(settings.model_cache_ttl),
          .check_interval = as_milliseconds(settings.model_cache_check_interval),
          .max_bytes = model_cache_bytes(settings, settings.max_memory_percent, memory_limit),
          .devices = [&engine] { return engine.devices(); },
          .max_device_percent = settings.max_gpu_percent,
          .ledger = data_dir(settings) / "model-sizes.json",
          .on_event =
              [&metrics](const models::CacheEvent& event) {
                if (event.reason)
                  metrics.model_unloaded(event.model, described::enum_name(*event.reason), event.seconds,
                                         event.age);
                else
                  metrics.model_loaded(event.model, event.seconds);
              }};
}

std::vector<Actor> with_result_keys(std::vector<Actor> actors, const Settings& settings) {
  for (Actor& actor : actors) actor.options.result_keys.readable = settings.result_keys == "readable";
  return actors;
}

// Everything a worker is made of, in the order in which it depends on each other.
class Process {
 public:
  static Result<std::unique_ptr<Process>> open(const WorkerOptions& options) {
    const Settings& settings = options.settings;
    BOOST_OUTCOME_TRY(check_data_dir(settings));
    BOOST_OUTCOME_TRY(auto url, redis::url_of(settings));
    BOOST_OUTCOME_TRY(auto folder, limits::runtime_dir(settings.runtime_dir));
    const std::vector<std::string> queues = queue_names(settings);
    if (queues.empty()) return invalid("queues", "names no queue to consume");
    for (const std::string& queue : queues) {
      BOOST_OUTCOME_TRY(dramatiq::check_queue_name(queue));
    }
    auto sensors = limits::make_sensors({.data_dir = data_dir(settings)});
    BOOST_OUTCOME_TRY(auto limiter, limits::Limiter::open({environment_limits(settings), folder,
                                                           as_milliseconds(settings.resource_check_interval)},
                                                          *sensors));
    return std::unique_ptr<Process>(
        new Process(options, url, queues, std::move(sensors), std::move(limiter)));
  }

  int run(const LiveSettings::Read& read_settings);

 private:
  Process(const WorkerOptions& options, const redis::Url& url, std::vector<std::string> queues,
          std::unique_ptr<limits::Sensors> sensors, std::unique_ptr<limits::Limiter> limiter)
      : settings_(options.settings),
        worker_id_(options.worker_id.empty() ? new_uuid() : options.worker_id),
        host_(host_name(settings_)),
        queues_(std::move(queues)),
        sensors_(std::move(sensors)),
        limiter_(std::move(limiter)),
        client_({.url = url, .name = "medsynth-worker"}),
        control_client_({.url = url, .name = "medsynth-worker-control"}),
        store_({.prefix = settings_.task_storage_prefix,
                .ttl = std::chrono::seconds(settings_.task_storage_ttl),
                .database = url.database}),
        broker_({.namespace_ = settings_.namespace_,
                 .worker_id = worker_id_,
                 .host = host_,
                 .pids = pids_here(),
                 .database = url.database}),
        fleet_({.namespace_ = settings_.namespace_,
                .prefix = settings_.task_storage_prefix,
                .database = url.database}),
        deaths_(client_, fleet_),
        engine_(inference::make_engine()),
        cache_(cache_options(settings_, sensors_->sample().memory_limit, *engine_, metrics_),
               client_.clock()),
        models_(model_options(settings_, sensors_->sample().effective_cpus), *engine_, cache_, deaths_),
        actor_host_(with_result_keys(options.actors, settings_), client_, models_, deaths_, metrics_,
                    client_.clock()) {
    std::vector<std::string> queue_labels, actor_labels;  // messages name the delay queue too
    for (const std::string& queue : queues_)
      queue_labels.insert(queue_labels.end(), {queue, dramatiq::delay_queue(queue)});
    for (const Actor& actor : options.actors) actor_labels.emplace_back(actor.about.name);
    metrics_.know(queue_labels, actor_labels);
  }

  bool wait_for_redis();
  void recover_this_host();
  void obey(const limits::Limits& limits);
  void add_threads(std::int64_t wanted);
  void take_and_run(std::stop_token stop);
  bool wait_until_idle(std::chrono::milliseconds timeout);

  const Settings settings_;
  const std::string worker_id_, host_;
  const std::vector<std::string> queues_;
  std::unique_ptr<limits::Sensors> sensors_;
  std::unique_ptr<limits::Limiter> limiter_;
  redis::Client client_, control_client_;
  tasks::Store store_;
  dramatiq::Broker broker_;
  fleet::Fleet fleet_;
  ModelDeaths deaths_;
  std::unique_ptr<inference::Engine> engine_;
  telemetry::Metrics metrics_;
  models::Cache cache_;
  ModelSource models_;
  pipeline::InFlight in_flight_;
  ActorHost actor_host_;
  std::unique_ptr<dramatiq::Consumer> consumer_;
  std::unique_ptr<pipeline::Executor> executor_;
  std::stop_source stop_taking_;
  std::mutex threads_mutex_;
  std::deque<std::jthread> threads_;  // guarded by threads_mutex_
};

// A process that has ended counts as gone before it was reaped: in a container nobody may ever do that.
bool is_gone(pid_t pid) {
  if (kill(pid, 0) != 0) return errno == ESRCH;
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  std::getline(file, text);
  const std::size_t name_end = text.rfind(')');  // "7 (any name) Z 1 ..."
  return name_end != text.npos && text.substr(name_end).starts_with(") Z");
}

// Nothing can be done without Redis: waits for it, saying so, until a signal comes.
bool Process::wait_for_redis() {
  for (bool said = false; !client_.wait_connected(500ms); said = true) {
    if (!said)
      log::warning("waiting for Redis",
                   {{"url", masked(settings_.redis_url)}, {"error", client_.last_error()}});
    if (wait_for_end(1ms)) return false;
  }
  return true;
}

// What workers of this host held when they died comes back at once: their processes are gone, and that can be
// seen here, unless they live where pids mean something else: containers may share the name of a host.
void Process::recover_this_host() {
  const auto workers = client_.run(dramatiq::Workers(broker_).ours());
  if (!workers) return;
  for (const dramatiq::WorkerEntry& worker : *workers) {
    const bool gone = worker.host == host_ && worker.pids == broker_.options().pids && worker.pid > 0 &&
                      worker.worker_id != worker_id_ && is_gone(static_cast<pid_t>(worker.pid));
    if (!gone) continue;
    for (const std::string& queue : queues_) {
      const auto recovered = client_.run(dramatiq::Workers(broker_).recover_from(worker.worker_id, queue));
      if (recovered && *recovered > 0)
        log::warning("recovered messages of a dead worker",
                     {{"worker", worker.worker_id}, {"queue", queue}, {"messages", *recovered}});
    }
  }
}

// Limits that were set through the API, or are the environment's again.
void Process::obey(const limits::Limits& limits) {
  add_threads(limits.max_concurrent_tasks);
  const std::uint64_t memory = sensors_->sample().memory_limit;
  if (memory > 0) cache_.set_max_bytes(model_cache_bytes(settings_, limits.max_memory_percent, memory));
  cache_.set_max_device_percent(limits.max_gpu_percent);
}

// As many as the system gives: fewer tasks at once are better than none.
void Process::add_threads(std::int64_t wanted) try {
  const std::lock_guard lock(threads_mutex_);
  while (static_cast<std::int64_t>(threads_.size()) < std::min(wanted, kMaxThreads) + kLookAhead) {
    const std::string name = fmt::format("ms-task-{}", threads_.size());
    threads_.emplace_back([this, name] {
      pthread_setname_np(pthread_self(), name.c_str());
      take_and_run(stop_taking_.get_token());
    });
  }
} catch (const std::system_error& error) {
  if (threads_.empty()) throw;
  log::error("fewer threads than tasks", {{"threads", threads_.size()},
                                          {"error", error.code().message()},
                                          {"what_to_do",
                                           "raise the limit of processes (ulimit -u, TasksMax, "
                                           "docker run --pids-limit)"}});
}

void Process::take_and_run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    executor_->run(consumer_->take_some(1s, stop));
  }
}

bool Process::wait_until_idle(std::chrono::milliseconds timeout) {
  const SteadyTime deadline = system_clock().steady() + timeout;
  while (in_flight_.size() > 0 && system_clock().steady() < deadline) std::this_thread::sleep_for(10ms);
  return in_flight_.size() == 0;
}

int Process::run(const LiveSettings::Read& read_settings) {
  log::info("worker starting",
            {{"worker", worker_id_}, {"host", host_}, {"redis", masked(settings_.redis_url)}});
  if (!wait_for_redis()) return 0;
  const auto fits = client_.run(redis::check_prefixes({settings_.namespace_, settings_.task_storage_prefix},
                                                      "MEDSYNTH_NAMESPACE and TASK_STORAGE_PREFIX"));
  if (!fits && fits.error().code == Code::invalid_argument) {
    log::error("worker cannot start", {{"error", fits.error().message}});
    return info(fits.error().code).exit_code;
  }
  const auto format = client_.run(fleet::claim_format({.namespace_ = settings_.namespace_,
                                                       .prefix = settings_.task_storage_prefix,
                                                       .database = broker_.options().database}));
  if (!format && format.error().reason == "newer_format") {
    log::error("worker cannot start", {{"error", format.error().message}});
    return info(format.error().code).exit_code;
  }
  recover_this_host();
  (void)client_.run(dramatiq::Queues(broker_).remember(queues_));
  consumer_ = std::make_unique<dramatiq::Consumer>(
      client_, broker_,
      dramatiq::ConsumerOptions{
          .queues = queues_, .prefetch = 0, .expected_work = [this](const auto& message) {
            return actor_host_.expected_work(message);
          }});
  executor_ = std::make_unique<pipeline::Executor>(
      pipeline::ExecutorParts{client_, store_, broker_, *consumer_, *limiter_, in_flight_, actor_host_,
                              client_.clock()},
      pipeline::ExecutorOptions{.worker = host_ + "/" + worker_id_, .max_deaths = settings_.max_deaths});
  Control control({control_client_, fleet_, store_, *limiter_, *sensors_, cache_, models_, *consumer_,
                   in_flight_, actor_host_, metrics_, control_client_.clock()},
                  {worker_id_, host_, queues_}, environment_limits(settings_),
                  [this](const limits::Limits& limits) { obey(limits); });
  if (control_client_.wait_connected(kFirstLook)) control.obey();
  std::jthread control_thread([&control](std::stop_token stop) { control.run(stop); });
  add_threads(settings_.max_concurrent_tasks);
  log::info("worker ready", {{"worker", worker_id_}, {"queues", settings_.queues}});

  LiveSettings live_settings(settings_, read_settings);
  for (int looks = 0; !wait_for_end(looks < kLooksForDead ? kLookAgain : 1h); ++looks) {
    if (looks < kLooksForDead && client_.connected()) recover_this_host();
    if (!take_reload()) continue;
    if (const Settings* now = live_settings.read_again()) control.set_environment(environment_limits(*now));
  }
  log::info("worker stopping", {{"tasks", in_flight_.size()}});
  control.set_draining();
  stop_taking_.request_stop();
  const auto grace = as_milliseconds(settings_.grace);
  consumer_->stop(grace + kInterrupt);
  bool idle = wait_until_idle(grace);
  if (!idle) {
    in_flight_.stop_all(pipeline::StopCause::shutdown);
    idle = wait_until_idle(kInterrupt);
  }
  executor_->abandon();
  idle = idle || wait_until_idle(kLastWrites);
  idle = idle && executor_->wait_idle(system_clock().steady() + kLastWrites);
  // What is still in our ack sets now, nobody here will settle.
  const dramatiq::Workers workers(broker_);
  for (const std::string& queue : queues_) (void)client_.run(workers.recover_from(worker_id_, queue));
  (void)client_.run(workers.leave(queues_));
  (void)client_.run(fleet_.leave(worker_id_));
  log::info("worker stopped", {{"idle", idle}});
  // A backend that cannot be interrupted must not keep the process alive.
  if (!idle) _exit(0);
  return 0;
}

}  // namespace

int run_worker(const WorkerOptions& options) {
  const auto failed = [](const Error& error) {
    log::error("worker cannot start", {{"error", error.message}});
    return info(error.code).exit_code;
  };
  try {
    auto process = Process::open(options);
    return process ? (*process)->run(options.read_settings) : failed(process.error());
  } catch (const std::system_error& error) {  // of a thread
    return failed(
        {Code::exhausted,
         fmt::format("the system gives this process no more threads ({}): raise the limit (ulimit -u, "
                     "TasksMax, docker run --pids-limit)",
                     error.code().message()),
         "too_few_threads"});
  }
}

}  // namespace medsynth::worker
