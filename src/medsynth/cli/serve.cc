#include "medsynth/cli/serve.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "medsynth/api/audit_file.h"
#include "medsynth/api/key_file.h"
#include "medsynth/api/label_file.h"
#include "medsynth/api/places.h"
#include "medsynth/api/rate.h"
#include "medsynth/api/server.h"
#include "medsynth/api/tls.h"
#include "medsynth/base/id.h"
#include "medsynth/base/log.h"
#include "medsynth/base/mutex.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/signals.h"
#include "medsynth/cli/idle_queues.h"
#include "medsynth/cli/issuer_keys.h"
#include "medsynth/cli/log_place.h"
#include "medsynth/cli/output.h"
#include "medsynth/cli/process_limits.h"
#include "medsynth/cli/redis_keeper.h"
#include "medsynth/cli/service_manager.h"
#include "medsynth/cli/supervisor.h"
#include "medsynth/dramatiq/workers.h"
#include "medsynth/fleet/format.h"
#include "medsynth/redis/access.h"

namespace medsynth::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 100ms;
constexpr auto kSweepEvery = 30s;
constexpr auto kInterrupt = 8s;  // a worker's own last seconds after its grace

constexpr std::size_t kFewestConnections = 64;

Result<api::ServerOptions> server_options(const LoadedSettings& loaded, const ServiceManager& manager) {
  const Settings& settings = loaded.settings;
  api::ServerOptions options;
  options.max_connections = std::min(options.max_connections, descriptors_allowed() - kOwnDescriptors);
  options.listen = settings.listen;
  BOOST_OUTCOME_TRY(const auto sockets, manager.sockets());
  if (!sockets.empty()) options.listen = api::inherited(sockets);
  if (!sockets.empty() && loaded.origins.at("listen") != Origin::fallback)
    log::warning("it listens on the service manager's sockets, and not where the settings say",
                 {{"listen", settings.listen}});
  options.insecure = settings.insecure;
  options.key_file = api::key_file(data_dir(settings));
  options.metrics_open = settings.metrics == "open";
  options.tls_certificate = settings.tls_certificate;
  options.tls_key = settings.tls_key;
  options.tls_client_ca = settings.tls_client_ca;
  options.tls_client_required = settings.tls_client_certificates == "required";
  BOOST_OUTCOME_TRY(options.issuer, issuer_options(settings));
  options.allowed_hosts = listed(settings.allowed_hosts);
  options.path_prefix = settings.path_prefix;
  options.trusted_proxies = listed(settings.trusted_proxies);
  if (!settings.address_rate.empty()) {
    BOOST_OUTCOME_TRY(options.address_limits.rate, api::parse_rate("--address-rate", settings.address_rate));
  }
  if (settings.address_concurrent > 0) options.address_limits.concurrent = settings.address_concurrent;
  options.audit_file = api::audit_file(settings);
  options.audit_always = settings.audit_log != "auto";
  options.queues = queue_names(settings);
  if (!options.queues.empty()) options.queue = options.queues.front();
  options.task_prefix = settings.task_storage_prefix;
  options.expect_workers = settings.workers > 0;
  options.label_file = api::label_file(data_dir(settings));
  options.host = host_name(settings);
  options.limits = {settings.max_cpu_percent, settings.max_memory_percent, settings.max_gpu_percent,
                    settings.max_concurrent_tasks};
  for (const auto& [name, origin] : loaded.origins) options.limits_origin[name] = origin_name(origin);
  options.max_cached_models = settings.max_cached_models;
  options.model_cache_ttl = settings.model_cache_ttl;
  options.max_queue_length = settings.max_queue_length;
  options.max_bytes_in_flight = static_cast<std::size_t>(settings.max_bytes_in_flight) * 1024 * 1024;
  return options;
}

// Where other machines get, nobody gets in without a key, so there is one from the start, unless an issuer has some.
Result<> create_first_key(const api::ServerOptions& options) {
  BOOST_OUTCOME_TRY(const bool is_public, api::is_public(options));
  if (!is_public || options.insecure || options.issuer.fetch) return success();
  BOOST_OUTCOME_TRY(const auto keys, api::load_keys(options.key_file));
  if (!keys.empty()) return success();
  BOOST_OUTCOME_TRY(const auto places, api::places(options.listen));
  BOOST_OUTCOME_TRY(const auto made,
                    api::create_key(options.key_file, {.name = "first", .scopes = {api::Scope::admin}},
                                    system_clock().now(), options.audit_file));
  print(
      fmt::format("{} can be reached from other machines, so calls need a key. The first one, which may do "
                  "everything, is shown this once:",
                  api::shown(places)));
  print(made.token);
  return success();
}

// The certificate of --tls-self-signed, which clients are to be given.
Result<> add_self_signed(const Settings& settings, api::ServerOptions& options) {
  if (!settings.tls_self_signed) return success();
  if (!settings.tls_certificate.empty())
    return invalid("--tls-self-signed", "does not go with --tls-certificate: choose one");
  BOOST_OUTCOME_TRY(const auto places, api::places(options.listen));
  std::vector<std::string> hosts{host_name(settings)};
  for (const api::Place& place : places) hosts.push_back(place.address.host);
  BOOST_OUTCOME_TRY(const auto files, api::self_signed(data_dir(settings), hosts, system_clock().now()));
  options.tls_certificate = files.certificate;
  options.tls_key = files.key;
  print(fmt::format("clients need the certificate {} (--ca-file, MEDSYNTH_CA_FILE)",
                    files.certificate.string()));
  return success();
}

class Serve {
 public:
  Serve(const Settings& settings, LiveSettings::Read read_settings, const redis::Url& url,
        std::vector<std::string> worker_command)
      : settings_(settings),
        live_settings_(settings, std::move(read_settings)),
        url_(url),
        worker_command_(std::move(worker_command)),
        sensors_(limits::make_sensors({.data_dir = data_dir(settings)})),
        keeper_(settings.redis, managed_options(settings, url, sensors_->sample().memory_limit)),
        client_({.url = url, .name = "medsynth-serve"}, &io_),
        store_({.prefix = settings.task_storage_prefix,
                .ttl = std::chrono::seconds(settings.task_storage_ttl),
                .database = url.database}),
        broker_({.namespace_ = settings.namespace_,
                 .worker_id = new_uuid(),
                 .host = host_name(settings),
                 .database = url.database}),
        fleet_options_{.namespace_ = settings.namespace_,
                       .prefix = settings.task_storage_prefix,
                       .database = url.database},
        fleet_(fleet_options_) {}

  int run(const LoadedSettings& loaded);

 private:
  Result<> claim_format();
  void keep(std::stop_token stop);
  void forget_idle_queues();
  void warn_of_risks();
  void recover_later(const std::string& worker_id);
  void recover(const std::string& worker_id);
  void reload(Supervisor& supervisor);
  void stop(api::Server& server, Supervisor& supervisor);
  void say_alive();

  const Settings& settings_;
  LiveSettings live_settings_;
  const redis::Url url_;
  const std::vector<std::string> worker_command_;
  std::unique_ptr<limits::Sensors> sensors_;
  RedisKeeper keeper_;
  const ServiceManager manager_;
  boost::asio::io_context io_{1};
  boost::asio::steady_timer alive_timer_{io_};
  redis::Client client_;
  tasks::Store store_;
  dramatiq::Broker broker_;
  const fleet::FleetOptions fleet_options_;
  fleet::Fleet fleet_;
  telemetry::Metrics metrics_;
  std::atomic<int> refused_{0};  // the exit code, once this version may not work with this Redis
  IdleQueues idle_queues_;       // of the keeper's thread
  Mutex mutex_;
  std::condition_variable_any died_;
  std::vector<std::string> dead_ GUARDED_BY(mutex_);  // ids of workers whose messages are to come back
};

// conflict: a newer version wrote what lies in Redis. What else is in the way is nobody's fault yet: whoever
// works with Redis says it.
Result<> Serve::claim_format() {
  const auto claimed = client_.run(fleet::claim_format(fleet_options_));
  if (!claimed && claimed.error().reason == "newer_format") return claimed.error();
  return success();
}

// Everything here may wait for Redis, which the main thread must not: index entries of expired records are
// swept, what dead workers held is put back, and a Redis that is not ours is looked at once.
void Serve::keep(std::stop_token stop) {
  pthread_setname_np(pthread_self(), "ms-keeper");
  if (!keeper_.is_managed() && client_.wait_connected(24h, stop)) {
    if (const auto claimed = claim_format(); !claimed) {  // it was away when this server started
      log::error("this server ends", {{"error", claimed.error().message}});
      refused_ = info(claimed.error().code).exit_code;
      kill(getpid(), SIGTERM);  // as somebody else would end it
    }
    warn_of_risks();
  }
  SteadyTime next_sweep = {};
  const MutexLock lock(mutex_);
  while (!stop.stop_requested() || !dead_.empty()) {
    const std::vector<std::string> dead = std::exchange(dead_, {});
    mutex_.unlock();
    for (const std::string& worker_id : dead) recover(worker_id);
    if (const SteadyTime now = system_clock().steady(); now >= next_sweep && client_.connected()) {
      next_sweep = now + kSweepEvery;
      const auto swept = client_.run(store_.sweep(client_.clock().now()));
      if (swept && *swept > 0) log::info("swept expired tasks", {{"tasks", *swept}});
      forget_idle_queues();
    }
    mutex_.lock();
    died_.wait_for(mutex_, stop, kSweepEvery, [this]() REQUIRES(mutex_) { return !dead_.empty(); });
  }
}

void Serve::recover_later(const std::string& worker_id) {
  {
    const MutexLock lock(mutex_);
    dead_.push_back(worker_id);
  }
  died_.notify_all();
}

void Serve::forget_idle_queues() {
  const dramatiq::Queues queues(broker_);
  const auto snapshots = client_.run(fleet_.snapshots());
  auto known = client_.run(queues.known());
  if (!snapshots || !known || known->empty()) return;
  std::set<std::string> used;
  for (const std::string& queue : queue_names(settings_)) used.insert(queue);
  for (const fleet::Snapshot& each : *snapshots) used.insert(each.queues.begin(), each.queues.end());
  const auto states = client_.run(queues.states(std::move(*known)));
  if (!states) return;
  const auto idle = idle_queues_.forgettable(*states, used, system_clock().steady());
  if (!idle.empty() && client_.run(queues.forget(idle)))
    log::info("forgot queues that nobody uses", {{"queues", idle.size()}});
}

void Serve::warn_of_risks() {
  for (const std::string& risk : risks(client_, url_))
    log::warning("this Redis is a risk", {{"url", url_.shown()}, {"why", risk}});
}

// What a dead worker held comes back at once. When Redis is away, the timer of another worker does it later.
void Serve::recover(const std::string& worker_id) {
  for (const std::string& queue : queue_names(settings_)) {
    const auto recovered = client_.run(dramatiq::Workers(broker_).recover_from(worker_id, queue));
    if (recovered && *recovered > 0)
      log::warning("recovered messages of a dead worker",
                   {{"worker", worker_id}, {"queue", queue}, {"messages", *recovered}});
  }
  (void)client_.run(fleet_.leave(worker_id));
}

int Serve::run(const LoadedSettings& loaded) {
  auto options = server_options(loaded, manager_);
  if (!options) return fail(options.error());
  if (const auto added = add_self_signed(settings_, *options); !added) return fail(added.error());
  if (const auto created = create_first_key(*options); !created) return fail(created.error());
  auto server = api::Server::open(io_, std::move(*options),
                                  {client_, store_, broker_, fleet_, metrics_, *sensors_, client_.clock()});
  if (!server) return fail(server.error());
  if (const auto ready = keeper_.start(); !ready) {
    if (ready.error().code != Code::cancelled) return fail(ready.error());
    log::info("stopped");
    return 0;
  }
  auto work = boost::asio::make_work_guard(io_);
  std::jthread api_thread([this](std::stop_token) {
    pthread_setname_np(pthread_self(), "ms-api");
    io_.run();
  });
  const auto end = [&](int code) {
    server->reset();
    work.reset();
    io_.stop();
    api_thread.join();
    keeper_.stop();
    return code;
  };
  // One that is away now is looked at when it is there.
  const std::string none_yet = client_.last_error();
  for (const SteadyTime give_up = system_clock().steady() + 2s; system_clock().steady() < give_up;)
    if (client_.wait_connected(20ms) || client_.last_error() != none_yet) break;
  if (const auto claimed = claim_format(); !claimed) return end(fail(claimed.error()));
  Supervisor supervisor(
      {settings_.workers, worker_command_, [this](const std::string& id) { recover_later(id); }});
  std::jthread keeper_thread([this](std::stop_token stop) { keep(stop); });
  publish_log(settings_, Place::any);
  print(fmt::format("listening on {}", (*server)->address()));
  manager_.ready();
  if (manager_.patience().count() > 0) boost::asio::post(io_, [this] { say_alive(); });
  log::info("serving", {{"listen", (*server)->address()},
                        {"redis", url_.shown()},
                        {"managed_redis", keeper_.is_managed()},
                        {"workers", settings_.workers}});

  supervisor.tick(system_clock().steady());
  while (!wait_for_end(kTick)) {
    if (take_reload()) reload(supervisor);
    supervisor.tick(system_clock().steady());
  }
  manager_.stopping();
  stop(**server, supervisor);
  keeper_thread.request_stop();
  keeper_thread.join();
  const int code = end(refused_);
  log::info("stopped");
  return code;
}

// On the API's thread: one whose event loop hangs is started anew.
void Serve::say_alive() {
  manager_.alive();
  alive_timer_.expires_after(manager_.patience() / 2);
  alive_timer_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) say_alive();
  });
}

// Keys and the certificate need no reload: they are read when they change.
void Serve::reload(Supervisor& supervisor) {
  manager_.reloading();
  if (live_settings_.read_again()) supervisor.reload();
  manager_.ready();
}

// Workers end first, while the API still answers; then the API; Redis last, in run().
void Serve::stop(api::Server& server, Supervisor& supervisor) {
  const auto grace = std::chrono::milliseconds(static_cast<std::int64_t>(settings_.grace * 1000));
  log::info("stopping", {{"grace_s", settings_.grace}});
  supervisor.stop();
  const SteadyTime deadline = system_clock().steady() + grace + kInterrupt;
  while (supervisor.any_alive() && system_clock().steady() < deadline) {
    supervisor.tick(system_clock().steady());
    if (supervisor.any_alive() && wait_for_end(kTick)) break;  // asked twice: at once
  }
  supervisor.kill_all();
  server.stop(2s);
}

}  // namespace

int serve(const LoadedSettings& loaded, LiveSettings::Read read_settings,
          std::vector<std::string> worker_command) try {
  if (const auto enough = allow_descriptors(kOwnDescriptors + kFewestConnections); !enough)
    return fail(enough.error());
  const auto url = redis::url_of(loaded.settings);
  if (!url) return fail(url.error());
  return Serve(loaded.settings, std::move(read_settings), *url, std::move(worker_command)).run(loaded);
} catch (const std::system_error& error) {  // of a thread, before anything was served
  return fail({Code::exhausted,
               fmt::format("The system gives this process no more threads ({}): raise the limit (ulimit -u, "
                           "systemd's TasksMax, docker run --pids-limit)",
                           error.code().message()),
               "too_few_threads"});
}

}  // namespace medsynth::cli
