#include "medsynth/dramatiq/keeper.h"

#include <pthread.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

#include "medsynth/base/log.h"
#include "medsynth/dramatiq/wakeup.h"

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto kClockTolerance = 5s;  // more, and Python workers may take our leases or we theirs

constexpr std::string_view kNoBeat =
    "this worker's heartbeat cannot be written: others will take its messages";

// `around`, a quarter more or less, so that many workers spread.
milliseconds jittered(milliseconds around) {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  const double factor = std::uniform_real_distribution<double>(0.75, 1.25)(generator);
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(around.count()) * factor));
}

}  // namespace

Keeper::Keeper(redis::Client& client, const Broker& broker, KeeperOptions options,
               std::function<void()> silent)
    : client_(client),
      broker_(broker),
      workers_(broker),
      options_(std::move(options)),
      silent_(std::move(silent)) {
  thread_ = std::jthread([this](std::stop_token stop) {
    pthread_setname_np(pthread_self(), "ms-beat");
    run(std::move(stop));
  });
}

Keeper::~Keeper() {
  thread_.request_stop();
  thread_.join();
}

template <class T>
Result<T> Keeper::ask(redis::Query<T> query) {
  Result<T> result = client_.run(std::move(query));
  if (!result && is_away(result.error())) lost_contact();
  return result;
}

void Keeper::run(std::stop_token stop) {
  SteadyTime next_beat = steady_now();
  SteadyTime next_recovery = next_beat + jittered(options_.maintenance);
  SteadyTime next_sweep = next_beat + jittered(options_.sweep);
  while (!stop.stop_requested()) {
    if (!client_.connected()) lost_contact();
    if (broken_.exchange(false)) {
      contact_.failed();
      next_beat = steady_now();  // others wait for our sign of life, too
    }
    if (!reach(client_, stop)) continue;
    if (steady_now() >= next_beat) {
      if (!beat()) {
        pause(kLoadingPause, stop);
        continue;
      }
      next_beat = steady_now() + options_.heartbeat;
    }
    if (steady_now() >= next_recovery) {
      recover();
      next_recovery = steady_now() + jittered(options_.maintenance);
    }
    if (steady_now() >= next_sweep) {
      sweep();
      next_sweep = steady_now() + jittered(options_.sweep);
    }
    const auto until_next = std::min({next_beat, next_recovery, next_sweep}) - steady_now();
    pause(std::chrono::ceil<milliseconds>(until_next), stop);
  }
}

bool Keeper::beat() {
  const auto redis_now = ask(workers_.beat(options_.queues));
  if (!redis_now) {
    trouble_.failed(kNoBeat, redis_now.error());
    return false;
  }
  trouble_.worked(kNoBeat);
  const SteadyTime now = steady_now();
  if (last_beat_ != SteadyTime{} && now - last_beat_ >= broker_.options().our_timeout) silent_();
  last_beat_ = now;
  contact_.worked(now, millis(*redis_now));
  compare_clocks(*redis_now);
  return true;
}

void Keeper::compare_clocks(WallTime redis_now) {
  const auto apart = std::chrono::abs(system_clock().now() - redis_now);
  const bool before = std::exchange(clocks_differ_, apart > kClockTolerance);
  if (clocks_differ_ && !before)
    log::warning(
        "this machine's clock and Redis' differ: Python's delays here are wrong by as much, and Python "
        "workers "
        "may take each other's messages; set the clocks",
        {{"apart_ms", std::chrono::duration_cast<milliseconds>(apart).count()}});
}

void Keeper::recover() {
  for (const std::string& queue : options_.queues) {
    const auto back = ask(workers_.recover(queue, contact_.reachable_for(steady_now())));
    if (back && *back > 0)
      log::info("messages of dead workers were put back", {{"queue", queue}, {"count", *back}});
    const std::string what = "dead workers cannot be looked for, of queue " + queue;
    if (!back) trouble_.failed(what, back.error());
    if (back) trouble_.worked(what);
  }
}

void Keeper::sweep() {
  const auto gone = ask(workers_.forget_dead(contact_.reachable_for(steady_now())));
  if (gone && *gone > 0) log::debug("dead workers were forgotten", {{"count", *gone}});
}

}  // namespace medsynth::dramatiq
