#include "medsynth/cli/serve.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "medsynth/api/server.h"
#include "medsynth/base/id.h"
#include "medsynth/base/log.h"
#include "medsynth/base/paths.h"
#include "medsynth/cli/output.h"
#include "medsynth/cli/redis_keeper.h"
#include "medsynth/cli/supervisor.h"

namespace medsynth::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 100ms;
constexpr auto kSweepEvery = 30s;
constexpr auto kInterrupt = 8s;  // a worker's own last seconds after its grace

// A shell's limit of descriptors is made for programs that use select(), which we do not: takes what there
// is. Answers how many connections fit, beside what the rest of the process holds.
std::size_t room_for_connections(std::size_t wanted) {
  constexpr rlim_t kOthers = 64;
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);
  getrlimit(RLIMIT_NOFILE, &descriptors);
  const rlim_t left = std::max(descriptors.rlim_cur, 2 * kOthers) - kOthers;
  return std::min<rlim_t>(wanted, left);
}

api::ServerOptions server_options(const Settings& settings) {
  api::ServerOptions options;
  options.max_connections = room_for_connections(options.max_connections);
  options.listen = settings.listen;
  options.insecure = settings.insecure;
  options.queues = queue_names(settings);
  if (!options.queues.empty()) options.queue = options.queues.front();
  options.task_prefix = settings.task_storage_prefix;
  options.expect_workers = settings.workers > 0;
  options.host = host_name(settings);
  options.limits = {settings.max_cpu_percent, settings.max_memory_percent, settings.max_gpu_percent,
                    settings.max_concurrent_tasks};
  options.max_cached_models = settings.max_cached_models;
  options.model_cache_ttl = settings.model_cache_ttl;
  return options;
}

class Serve {
 public:
  Serve(const Settings& settings, const redis::Url& url, std::vector<std::string> worker_command)
      : settings_(settings),
        url_(url),
        worker_command_(std::move(worker_command)),
        keeper_(settings.redis, {.url = url, .data_dir = data_dir(settings), .fsync = settings.redis_fsync}),
        sensors_(limits::make_sensors({.data_dir = data_dir(settings)})),
        client_({.url = url, .name = "medsynth-serve"}, &io_),
        store_({.prefix = settings.task_storage_prefix,
                .ttl = std::chrono::seconds(settings.task_storage_ttl),
                .database = url.database}),
        broker_({.namespace_ = settings.namespace_,
                 .worker_id = new_uuid(),
                 .host = host_name(settings),
                 .database = url.database}),
        fleet_({.namespace_ = settings.namespace_,
                .prefix = settings.task_storage_prefix,
                .database = url.database}) {}

  int run();

 private:
  void keep(std::stop_token stop);
  void warn_of_risks();
  void recover(const std::string& worker_id);
  void stop(api::Server& server, Supervisor& supervisor);

  const Settings& settings_;
  const redis::Url url_;
  const std::vector<std::string> worker_command_;
  RedisKeeper keeper_;
  boost::asio::io_context io_{1};
  std::unique_ptr<limits::Sensors> sensors_;
  redis::Client client_;
  tasks::Store store_;
  dramatiq::Broker broker_;
  fleet::Fleet fleet_;
  telemetry::Metrics metrics_;
};

// Index entries of expired records are swept here, and a Redis that is not ours is looked at once; both may
// wait for Redis, which the main thread must not.
void Serve::keep(std::stop_token stop) {
  pthread_setname_np(pthread_self(), "ms-keeper");
  if (!keeper_.is_managed() && client_.wait_connected(24h, stop)) warn_of_risks();
  std::mutex mutex;
  std::condition_variable_any never;
  while (!stop.stop_requested()) {
    if (client_.connected()) {
      const auto swept = client_.run(store_.sweep(system_clock().now()));
      if (swept && *swept > 0) log::info("swept expired tasks", {{"tasks", *swept}});
    }
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, kSweepEvery, [] { return false; });
  }
}

void Serve::warn_of_risks() {
  for (const std::string& risk : risks(client_, url_))
    log::warning("this Redis is a risk", {{"url", url_.shown()}, {"why", risk}});
}

// What a dead worker held comes back at once. When Redis is away, the timer of another worker does it later.
void Serve::recover(const std::string& worker_id) {
  for (const std::string& queue : queue_names(settings_)) {
    const auto recovered = client_.run(broker_.recover_worker(queue, worker_id));
    if (recovered && *recovered > 0)
      log::warning("recovered messages of a dead worker",
                   {{"worker", worker_id}, {"queue", queue}, {"messages", *recovered}});
  }
  (void)client_.run(fleet_.leave(worker_id));
}

// Blocks until one of the signals we wait for came, or a tick passed. True for those that end us.
bool asked_to_stop() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&set, signal);
  const timespec tick{0, std::chrono::nanoseconds(kTick).count()};
  const int signal = sigtimedwait(&set, nullptr, &tick);
  return signal == SIGTERM || signal == SIGINT;
}

int Serve::run() {
  if (const auto ready = keeper_.start(); !ready) return fail(ready.error());
  auto server = api::Server::open(io_, server_options(settings_),
                                  {client_, store_, broker_, fleet_, metrics_, *sensors_, system_clock()});
  if (!server) return fail(server.error());
  auto work = boost::asio::make_work_guard(io_);
  std::jthread api_thread([this](std::stop_token) {
    pthread_setname_np(pthread_self(), "ms-api");
    io_.run();
  });
  Supervisor supervisor({settings_.workers, worker_command_, [this](const std::string& id) { recover(id); }});
  std::jthread keeper_thread([this](std::stop_token stop) { keep(stop); });
  print("listening on http://" + (*server)->address());
  log::info("serving", {{"listen", (*server)->address()},
                        {"redis", url_.shown()},
                        {"managed_redis", keeper_.is_managed()},
                        {"workers", settings_.workers}});

  supervisor.tick(system_clock().steady());
  while (!asked_to_stop()) {
    const SteadyTime now = system_clock().steady();
    supervisor.tick(now);
    keeper_.tick(now);
  }
  keeper_thread.request_stop();
  stop(**server, supervisor);
  keeper_thread.join();
  server->reset();
  work.reset();
  io_.stop();
  api_thread.join();
  keeper_.stop();
  log::info("stopped");
  return 0;
}

// Workers end first, while the API still answers; then the API; Redis last, in run().
void Serve::stop(api::Server& server, Supervisor& supervisor) {
  const auto grace = std::chrono::milliseconds(static_cast<std::int64_t>(settings_.grace * 1000));
  log::info("stopping", {{"grace_s", settings_.grace}});
  supervisor.stop();
  const SteadyTime deadline = system_clock().steady() + grace + kInterrupt;
  while (supervisor.any_alive() && system_clock().steady() < deadline) {
    supervisor.tick(system_clock().steady());
    if (supervisor.any_alive() && asked_to_stop()) break;  // asked twice: at once
  }
  supervisor.kill_all();
  server.stop(2s);
}

}  // namespace

int serve(const Settings& settings, std::vector<std::string> worker_command) {
  const auto url = redis::parse_url(settings.redis_url);
  if (!url) return fail(url.error());
  return Serve(settings, *url, std::move(worker_command)).run();
}

}  // namespace medsynth::cli
