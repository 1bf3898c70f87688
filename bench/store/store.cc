// What the task store costs as it grows: records made, one read, progress written, a page of the list, and
// the clean-up of them all. `bench_store URL MOST` fills an empty Redis step by step up to MOST records and
// prints a Markdown table; `bench_store URL MOST fill HAVE` only makes the records that are missing above
// HAVE.
#include "medsynth/tasks/store.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/log.h"
#include "medsynth/redis/client.h"

namespace medsynth {
namespace {

using std::chrono::steady_clock;
constexpr std::int64_t kInFlight = 256;

double micros(steady_clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "bench_store: {}\n", result.error().message);
  std::exit(1);
}

// Runs query(i) for each i below `count`, up to kInFlight at a time. Microseconds per query.
template <class T>
double pipelined(redis::Client& client, std::int64_t count,
                 const std::function<redis::Query<T>(std::int64_t)>& query) {
  std::mutex mutex;
  std::condition_variable changed;
  std::int64_t done = 0;
  const auto started = steady_clock::now();
  for (std::int64_t i = 0; i < count; ++i) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return i - done < kInFlight; });
    }
    client.run<T>(query(i), [&](Result<T> result) {
      must(std::move(result));
      const std::lock_guard lock(mutex);
      ++done;
      changed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return done == count; });
  return micros(steady_clock::now() - started) / static_cast<double>(count);
}

// One after the other: the median and the 99th percentile in microseconds.
std::pair<double, double> alone(int count, const std::function<void(int)>& work) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const auto started = steady_clock::now();
    work(i);
    times.push_back(micros(steady_clock::now() - started));
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

double redis_megabytes(redis::Client& client) {
  const auto replies = must(client.send({redis::Command("INFO", "memory")}));
  const std::string& text = replies.at(0).text;
  const std::size_t at = text.find("used_memory:");
  return std::stod(text.substr(at + 12)) / 1e6;
}

std::string id(std::int64_t number) {
  return fmt::format("task-{:09}", number);
}

// Makes the records from `have` to `size`. Microseconds each.
double fill(redis::Client& client, const tasks::Store& store, std::int64_t have, std::int64_t size) {
  return pipelined<tasks::Created>(client, size - have, [&](std::int64_t i) {
    return store.create({.task_id = id(have + i),
                         .message_id = id(have + i),
                         .queue = "medsynth",
                         .actor = "detect_contradiction"},
                        system_clock().now());
  });
}

void run(redis::Client& client, std::int64_t most) {
  const tasks::Store store;
  const auto now = [] { return system_clock().now(); };
  fmt::print(
      "| records | make, us | update, us | read alone, us | page of 100, median ms | 99 % ms | deep page, ms "
      "| bytes a record |\n");
  fmt::print("|---|---|---|---|---|---|---|---|\n");
  const double empty = redis_megabytes(client);
  std::int64_t have = 0;
  for (std::int64_t size = 1000; size <= most; size *= 10) {
    const double make = fill(client, store, have, size);
    have = size;
    const double update = pipelined<bool>(client, std::min<std::int64_t>(size, 20'000), [&](std::int64_t i) {
      return store.update_task_progress(id(i * 7919 % size), static_cast<double>(i % 100), {}, now());
    });
    const auto read = alone(500, [&](int i) { must(client.run(store.get(id(i * 7919 % size)))); });
    const auto page = alone(300, [&](int) { must(client.run(must(store.list({.limit = 100}, now())))); });
    const auto deep = alone(
        50, [&](int) { must(client.run(must(store.list({.limit = 100, .offset = size / 2}, now())))); });
    fmt::print("| {} | {:.1f} | {:.1f} | {:.0f} | {:.2f} | {:.2f} | {:.2f} | {:.0f} |\n", size, make, update,
               read.first, page.first / 1e3, page.second / 1e3, deep.first / 1e3,
               (redis_megabytes(client) - empty) * 1e6 / static_cast<double>(size));
    std::fflush(stdout);
  }
  const auto started = steady_clock::now();
  std::int64_t removed = 0;
  // In steps, as the server does it: a query has its time.
  for (std::int64_t left = have; left > 0;) {
    const auto step = client.run(store.remove_many(std::nullopt, std::chrono::seconds(0), now()));
    const std::int64_t before = left;
    left = must(client.run(must(store.list({.limit = 1}, now())))).total;
    removed += before - left;
    if (!step && before == left) must(step);
  }
  fmt::print("\nClean-up: {} records in {:.1f} s, {:.1f} us each.\n", removed,
             micros(steady_clock::now() - started) / 1e6,
             micros(steady_clock::now() - started) / static_cast<double>(removed));
}

}  // namespace
}  // namespace medsynth

int main(int count, char** arguments) {
  using namespace medsynth;
  const bool only_fill = count == 5 && std::string_view(arguments[3]) == "fill";
  if (count != 3 && !only_fill) {
    fmt::print(stderr, "usage: bench_store REDIS_URL MOST [fill HAVE]\n");
    return 2;
  }
  log::start("warning", "text", "bench");
  redis::Client client({.url = must(redis::parse_url(arguments[1])), .timeout = std::chrono::seconds(60)});
  if (const auto ready = client.wait_connected(std::chrono::seconds(5)); !ready) {
    fmt::print(stderr, "bench_store: {}\n", ready.error().message);
    return 1;
  }
  if (only_fill)
    fill(client, tasks::Store(), std::atoll(arguments[4]), std::atoll(arguments[2]));
  else
    run(client, std::atoll(arguments[2]));
}
