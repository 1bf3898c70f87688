#include "medsynth/cli/redis_keeper.h"

#include <unistd.h>

#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "medsynth/base/log.h"

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
    : mode_(std::move(mode)), options_(std::move(options)) {}

Result<> RedisKeeper::start_managed(std::chrono::milliseconds patience) {
  auto managed = redis::Managed::start(options_, patience);
  if (!managed) return managed.error();
  managed_ = std::move(*managed);
  log::info("managed Redis started", {{"url", options_.url.shown()},
                                      {"pid_of_redis", managed_->pid()},
                                      {"data", (options_.data_dir / "redis").string()}});
  return success();
}

Result<> RedisKeeper::start() {
  if (mode_ == "external" || (mode_ == "auto" && !options_.url.is_loopback())) return success();
  // The folder's lock is asked for before the port is looked at: our own dying child must not be taken for
  // somebody else's.
  const auto started = start_managed(kPatience);
  if (started || mode_ == "managed") return started;
  const bool somebody_elses =
      started.error().reason == "redis_port_taken" || started.error().reason == "redis_folder_in_use";
  if (somebody_elses || redis::Managed::answers(options_.url)) {
    log::info("using the Redis that is there", {{"url", options_.url.shown()}});
    return success();
  }
  return started;
}

void RedisKeeper::tick(SteadyTime now) {
  if (now < next_look_ || mode_ == "external") return;
  next_look_ = now + kLook;
  if (managed_ && managed_->alive()) return;
  if (managed_) {
    log::error("managed Redis ended; starting it again", {{"url", options_.url.shown()}});
    managed_.reset();
  } else if (!options_.url.is_loopback() || redis::Managed::answers(options_.url)) {
    return;
  }
  if (const auto started = start_managed(kPatience); !started)
    log::error("managed Redis could not be started", {{"error", started.error().message}});
}

std::vector<std::string> risks(redis::Client& client, const redis::Url& url) {
  std::vector<std::string> found;
  const auto replies = client.send(std::vector{redis::Command("INFO", "persistence"),
                                               redis::Command("CONFIG", "GET", "maxmemory-policy")});
  if (!replies) return found;
  if (const auto about = redis::text((*replies)[0]);
      about && about->find("aof_enabled:0") != std::string::npos)
    found.push_back("it keeps no append-only file: tasks are lost when it crashes (set appendonly yes)");
  if (const auto policy = redis::texts((*replies)[1]);
      policy && policy->size() == 2 && (*policy)[1] != "noeviction")
    found.push_back(
        fmt::format("its maxmemory-policy is {}: it may throw tasks away (set noeviction)", (*policy)[1]));
  if (url.is_loopback() && url.unix_path.empty()) {
    const long uid = listener_uid(url.port);
    if (uid >= 0 && uid != static_cast<long>(geteuid()))
      found.push_back(
          fmt::format("it belongs to another user of this machine (uid {}), who can read every task", uid));
  }
  return found;
}

}  // namespace medsynth::cli
