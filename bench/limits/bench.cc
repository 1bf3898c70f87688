// What limits cost: a sample, taking and giving back a slot, handing one to a waiter (threads, processes, and
// with 64 in line), how late timeouts are. Figures are medians and p99; compare within one run.
#include <sys/mman.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <thread>

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
  std::atomic<int> ready{0};
  double micros[20000];
};

void hand_off_loop(Limiter& limiter, Shared& shared, int rounds, std::chrono::microseconds hold) {
  while (shared.count < rounds) {
    auto lease = limiter.acquire({}, 60s);
    const auto now = SteadyClock::now().time_since_epoch().count();
    if (!lease) return;
    const int mine = shared.count++;
    if (const auto before = shared.let_go.load(); before && mine < rounds)
      shared.micros[mine] = static_cast<double>(now - before) / 1000;
    // Held long enough that the next one sleeps.
    std::this_thread::sleep_for(hold);
    shared.let_go = SteadyClock::now().time_since_epoch().count();
    lease->release();
  }
}

void hand_off(const char* what, int processes, int threads, int rounds) {
  const RuntimeFolder folder;
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::exit(2);
  auto& shared = *new (memory) Shared;
  std::vector<pid_t> children;
  for (int process = 0; process < processes; ++process) {
    if (const pid_t child = ::fork()) {
      children.push_back(child);
      continue;
    }
    {
      auto sensors = make_sensors({.nvml = ""});
      auto limiter = open_limiter(folder.path(), 1, *sensors);
      std::vector<std::jthread> all;
      for (int thread = 0; thread < threads; ++thread)
        all.emplace_back([&] { hand_off_loop(*limiter, shared, rounds, 300us); });
    }
    ::_exit(0);
  }
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  std::vector<double> micros(shared.micros + rounds / 10, shared.micros + rounds);
  row(what, micros);
  ::munmap(memory, sizeof(Shared));
}

void uncontended() {
  const RuntimeFolder folder;
  auto sensors = make_sensors({.nvml = ""});
  auto limiter = open_limiter(folder.path(), 5, *sensors);
  std::vector<double> slot, both;
  for (int i = 0; i < 5000; ++i) {
    SteadyTime start = SteadyClock::now();
    {
      const auto lease = limiter->acquire({.actor = "a"}, 1s);
    }
    slot.push_back(micros_since(start));
    start = SteadyClock::now();
    {
      const auto lease = limiter->acquire({.actor = "a", .model = "m"}, 1s);
    }
    both.push_back(micros_since(start));
  }
  row("slot taken and given back", slot);
  row("slot and model lock, the same", both);
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
  hand_off("hand-off, 2 threads", 1, 2, 4000);
  hand_off("hand-off, 2 processes", 2, 1, 4000);
  hand_off("hand-off, 8 processes", 8, 1, 4000);
  hand_off("hand-off, 64 in line of 4 processes", 4, 16, 4000);
  timeouts();
}
