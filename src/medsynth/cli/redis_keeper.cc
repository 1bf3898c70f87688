#include "medsynth/cli/redis_keeper.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/log.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/signals.h"
#include "medsynth/base/text.h"

namespace medsynth::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 500ms;
constexpr auto kPatience = 10s;  // of a start; a dying owner of the folder is gone long before

// The user whose process listens on a loopback or any address with this port; -1 when nobody is seen.
long listener_uid(const std::string& port_text) {
  const unsigned long port = std::strtoul(port_text.c_str(), nullptr, 10);
  for (const char* file : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream lines(file);
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
      std::istringstream words(line);
      std::string slot, local, remote, state, queues, timer, retransmits;
      long uid = -1;
      words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid;
      const std::size_t colon = local.rfind(':');
      constexpr std::string_view kListening = "0A";
      if (state == kListening && colon != std::string::npos &&
          std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port)
        return uid;
    }
  }
  return -1;
}

}  // namespace

RedisKeeper::RedisKeeper(std::string mode, redis::ManagedOptions options)
    : mode_(std::move(mode)), options_(std::move(options)) {
  options_.keep_waiting = [this](const std::string& why) {
    if (!why.empty() && std::exchange(said_, why) != why)
      log::warning("waiting before the managed Redis can start",
                   {{"why", why}, {"patience_s", std::chrono::seconds(kPatience).count()}});
    return !end_is_pending();
  };
}

Result<> RedisKeeper::start_managed() {
  auto managed = redis::Managed::start(options_, kPatience);
  if (!managed) return managed.error();
  managed_ = std::move(*managed);
  is_managed_ = true;
  log::info("managed Redis started", {{"url", options_.url.shown()},
                                      {"pid_of_redis", managed_->pid()},
                                      {"data", (options_.data_dir / "redis").string()}});
  return success();
}

Result<> RedisKeeper::start() {
  std::promise<Result<>> started;
  auto result = started.get_future();
  thread_ = std::jthread(
      [this](std::stop_token stop, std::promise<Result<>> first) {
        pthread_setname_np(pthread_self(), "ms-managed");
        run(std::move(stop), std::move(first));
      },
      std::move(started));
  return result.get();
}

void RedisKeeper::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void RedisKeeper::run(std::stop_token stop, std::promise<Result<>> started) {
  const Result<> first = first_start();
  started.set_value(first);
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  while (first && !never.wait_for(lock, stop, kLook, [&] { return stop.stop_requested(); })) look();
  managed_.reset();
}

Result<> RedisKeeper::first_start() {
  if (mode_ == "external" || (mode_ == "auto" && !options_.url.is_loopback())) return success();
  // The folder's lock is asked for before the port is looked at: our own dying child must not be taken for
  // somebody else's.
  const auto started = start_managed();
  if (started || mode_ == "managed" || started.error().code == Code::cancelled) return started;
  const bool somebody_elses =
      started.error().reason == "redis_port_taken" || started.error().reason == "redis_folder_in_use";
  if (somebody_elses || redis::Managed::answers(options_.url)) {
    log::info("using the Redis that is there", {{"url", options_.url.shown()}});
    return success();
  }
  return started;
}

void RedisKeeper::look() {
  if (mode_ == "external") return;
  if (managed_ && managed_->alive()) return;
  if (managed_) {
    log::error("managed Redis ended; starting it again", {{"url", options_.url.shown()}});
    managed_.reset();
    is_managed_ = false;
  } else if (!options_.url.is_loopback() || redis::Managed::answers(options_.url)) {
    return;
  }
  if (const auto started = start_managed(); !started)
    log::error("managed Redis could not be started", {{"error", started.error().message}});
}

redis::ManagedOptions managed_options(const Settings& settings, const redis::Url& url,
                                      std::uint64_t machine_memory) {
  constexpr std::uint64_t kPart = 4;
  return {.url = url,
          .data_dir = data_dir(settings),
          .fsync = settings.redis_fsync,
          .max_memory = settings.redis_memory > 0 ? static_cast<std::uint64_t>(settings.redis_memory) << 20
                                                  : machine_memory / kPart};
}

std::vector<std::string> risks(redis::Client& client, const redis::Url& url) {
  std::vector<std::string> found;
  const auto replies =
      client.send(std::vector{redis::Command("INFO", "persistence"), redis::Command("INFO", "memory")});
  if (!replies) return found;
  if (const auto refused =
          std::find_if(replies->begin(), replies->end(), [](const auto& r) { return r.is_error(); });
      refused != replies->end())
    found.push_back("whether it keeps tasks cannot be seen: " + redis::as_error(*refused).message);
  if ((*replies)[0].text.find("aof_enabled:0") != std::string::npos)
    found.push_back("it keeps no append-only file: tasks are lost when it crashes (set appendonly yes)");
  const std::string& memory = (*replies)[1].text;
  constexpr std::string_view kPolicy = "maxmemory_policy:";
  if (const std::size_t at = memory.find(kPolicy); at != std::string::npos) {
    const std::size_t begin = at + kPolicy.size();
    const std::string policy = memory.substr(begin, memory.find_first_of("\r\n", begin) - begin);
    if (policy != "noeviction")
      found.push_back(fmt::format("its maxmemory-policy is {}: it may throw tasks away (set noeviction)",
                                  printable(policy)));
  }
  if (url.is_loopback() && url.unix_path.empty()) {
    const long uid = listener_uid(url.port);
    if (uid >= 0 && uid != static_cast<long>(geteuid()))
      found.push_back(
          fmt::format("it belongs to another user of this machine (uid {}), who can read every task", uid));
  }
  return found;
}

}  // namespace medsynth::cli
