// What limits cost: a sample, taking and giving back a slot (beside a kernel lock alone), handing one to a
// waiter (threads, processes, and with 64 in line; beside a futex alone), how late timeouts are. Figures are
// medians and p99; compare within one run.
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "medsynth/limits/lock_file.h"

#include "limits/programs.h"

using namespace medsynth;
using namespace medsynth::limits;
using namespace std::chrono_literals;

namespace {

void row(const char* what, const std::vector<double>& micros) {
  std::printf("| %s | %.1f | %.1f | %zu |\n", what, quantile(micros, 0.5), quantile(micros, 0.99),
              micros.size());
}

double cpu_micros() {
  rusage use{};
  ::getrusage(RUSAGE_THREAD, &use);
  return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
         static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

void sampling() {
  auto sensors = make_sensors({.nvml = ""});
  std::vector<double> micros;
  static_cast<void>(sensors->sample());
  double cpu = 0;
  for (int i = 0; i < 300; ++i) {
    std::this_thread::sleep_for(21ms);  // closer together CPU use is not looked at
    const double before = cpu_micros();
    const SteadyTime start = SteadyClock::now();
    static_cast<void>(sensors->sample());
    micros.push_back(micros_since(start));
    cpu += cpu_micros() - before;
  }
  row("sample, caches cold", micros);
  std::printf("| its CPU time | %.1f | | 300 |\n", cpu / 300);
  ManualClock clock;  // moves on by itself: every look counts
  auto quick = make_sensors({.nvml = "", .first_window = 0ms, .clock = &clock});
  micros.clear();
  for (int i = 0; i < 3000; ++i) {
    clock.advance(1s);
    const SteadyTime start = SteadyClock::now();
    static_cast<void>(quick->sample());
    micros.push_back(micros_since(start));
  }
  row("sample, back to back", micros);
}

// Slots are given from hand to hand: `waiters` threads, or processes, stand in line for one. Each notes when
// it let go, and whoever gets it next how long that is ago.
struct Shared {
  std::atomic<std::int64_t> let_go{0};
  std::atomic<int> count{0};
  std::atomic<std::uint32_t> turn{0};
  double micros[20000];
};

// Held long enough that the next one sleeps.
constexpr auto kHold = 300us;

std::int64_t now_ns() {
  return SteadyClock::now().time_since_epoch().count();
}

void hand_off_loop(Limiter& limiter, Shared& shared, int rounds) {
  while (shared.count < rounds) {
    auto lease = limiter.acquire({}, 60s);
    const auto now = now_ns();
    if (!lease) return;
    const int mine = shared.count++;
    if (const auto before = shared.let_go.load(); before && mine < rounds)
      shared.micros[mine] = static_cast<double>(now - before) / 1000;
    std::this_thread::sleep_for(kHold);
    shared.let_go = now_ns();
    lease->release();
  }
}

// The least that a hand-off between two processes can take here: one sleeps on a futex, the other rings it.
void ping_pong(Shared& shared, std::uint32_t me, int rounds) {
  while (true) {
    std::uint32_t turn = shared.turn;
    while (turn % 2 != me) {
      ::syscall(SYS_futex, &shared.turn, FUTEX_WAIT, turn, nullptr, nullptr, 0);
      turn = shared.turn;
    }
    const auto now = now_ns();
    if (const int mine = shared.count++; mine < rounds)
      shared.micros[mine] = static_cast<double>(now - shared.let_go) / 1000;
    const bool last = shared.count >= rounds;
    std::this_thread::sleep_for(kHold);
    shared.let_go = now_ns();
    ++shared.turn;
    ::syscall(SYS_futex, &shared.turn, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    if (last) return;
  }
}

// Runs `each` in processes of their own, which fill in the times of `rounds`.
void in_processes(const char* what, int processes, int rounds,
                  const std::function<void(Shared&, std::uint32_t)>& each) {
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::exit(2);
  auto& shared = *new (memory) Shared;
  std::vector<pid_t> children;
  for (int process = 0; process < processes; ++process) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    each(shared, static_cast<std::uint32_t>(process));
    ::_exit(0);
  }
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  row(what, std::vector<double>(shared.micros + rounds / 10, shared.micros + rounds));
  ::munmap(memory, sizeof(Shared));
}

void hand_off(const char* what, int processes, int threads, int rounds) {
  const RuntimeFolder folder;
  in_processes(what, processes, rounds, [&](Shared& shared, std::uint32_t) {
    auto sensors = make_sensors({.nvml = ""});
    auto limiter = open_limiter(folder.path(), 1, *sensors);
    std::vector<std::jthread> all;
    for (int thread = 0; thread < threads; ++thread)
      all.emplace_back([&] { hand_off_loop(*limiter, shared, rounds); });
  });
}

void hand_offs() {
  constexpr int kRounds = 4000;
  in_processes("a futex alone, 2 processes", 2, kRounds,
               [](Shared& shared, std::uint32_t me) { ping_pong(shared, me, kRounds); });
  hand_off("hand-off, 2 processes", 2, 1, kRounds);
  hand_off("hand-off, 2 threads", 1, 2, kRounds);
  hand_off("hand-off, 8 processes", 8, 1, kRounds);
  hand_off("hand-off, 64 in line of 4 processes", 4, 16, kRounds);
}

// In batches: one takes less than it takes to look at the clock in between.
void each_of_many(const char* what, const std::function<void()>& once) {
  constexpr int kBatch = 100;
  std::vector<double> micros;
  for (int batch = 0; batch < 500; ++batch) {
    const SteadyTime start = SteadyClock::now();
    for (int i = 0; i < kBatch; ++i) once();
    micros.push_back(micros_since(start) / kBatch);
  }
  row(what, micros);
}

void uncontended() {
  const RuntimeFolder folder;
  auto alone = std::move(*LockFile::open(folder.path() / "alone"));
  each_of_many("a kernel lock alone, taken and given back", [&] {
    if (!alone.try_lock(0)) std::exit(2);
    alone.unlock(0);
  });
  auto sensors = make_sensors({.nvml = ""});
  auto limiter = open_limiter(folder.path(), 5, *sensors);
  each_of_many("slot taken and given back", [&] { limiter->acquire({.actor = "a"}, 1s).value().release(); });
  each_of_many("slot and model lock, the same",
               [&] { limiter->acquire({.actor = "a", .model = "m"}, 1s).value().release(); });
  each_of_many("acquire_task_slot and release_task_slot", [&] {
    if (!limiter->acquire_task_slot(1s)) std::exit(2);
    limiter->release_task_slot();
  });
}

void timeouts() {
  const RuntimeFolder folder;
  auto sensors = make_sensors({.nvml = ""});
  auto limiter = open_limiter(folder.path(), 1, *sensors);
  const auto lease = limiter->acquire({}, 1s);
  std::vector<double> late;
  std::mutex mutex;
  std::vector<std::jthread> all;
  for (int thread = 0; thread < 8; ++thread)
    all.emplace_back([&, thread] {
      for (int i = 0; i < 40; ++i) {
        const auto timeout = std::chrono::milliseconds(11 + (thread * 7 + i * 13) % 80);
        const SteadyTime start = SteadyClock::now();
        static_cast<void>(limiter->acquire({}, timeout));
        const double micros = micros_since(start) - static_cast<double>(timeout.count()) * 1000;
        const std::lock_guard lock(mutex);
        late.push_back(micros);
      }
    });
  all.clear();
  row("a timeout is late by, 8 waiters", late);
}

}  // namespace

int main() {
  std::printf("| us | median | p99 | samples |\n|---|---|---|---|\n");
  sampling();
  uncontended();
  hand_offs();
  timeouts();
}
