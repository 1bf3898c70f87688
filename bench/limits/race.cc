// Two worker processes of four threads and eight clients race for the slots of one machine. Exits 1 when more
// than MAX_CONCURRENT_TASKS ever held one, or a model had two users; prints who got how many.
//
//   limits_race [acquisitions=100000] [slots=3]
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include "limits/programs.h"

using namespace medsynth;
using namespace medsynth::limits;
using namespace std::chrono_literals;

namespace {

struct Shared {
  std::atomic<int> running{0}, most{0}, users{0}, most_users{0}, left{0}, errors{0};
  std::atomic<int> got[16];
};

void raise(std::atomic<int>& most, int now) {
  int seen = most.load();
  while (now > seen && !most.compare_exchange_weak(seen, now)) {
  }
}

void take_turns(Limiter& limiter, Shared& shared, int racer) {
  for (int i = 0; shared.left.fetch_sub(1) > 0; ++i) {
    const bool with_model = i % 3 == 0;
    auto lease = limiter.acquire({.actor = "race", .model = with_model ? "m" : ""}, 60s);
    if (!lease) {
      ++shared.errors;
      return;
    }
    raise(shared.most, ++shared.running);
    if (with_model) raise(shared.most_users, ++shared.users);
    std::this_thread::yield();  // held long enough for the others to run into it
    if (with_model) --shared.users;
    --shared.running;
    ++shared.got[racer];
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int acquisitions = argc > 1 ? std::atoi(argv[1]) : 100'000;
  const int slots = argc > 2 ? std::atoi(argv[2]) : 3;
  const RuntimeFolder folder;
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 2;
  auto& shared = *new (memory) Shared{};
  shared.left = acquisitions;
  const SteadyTime start = SteadyClock::now();
  std::vector<pid_t> children;
  for (int process = 0; process < 10; ++process) {
    if (const pid_t child = ::fork()) {
      children.push_back(child);
      continue;
    }
    {
      auto sensors = make_sensors({.nvml = ""});
      auto limiter = open_limiter(folder.path(), slots, *sensors);
      std::vector<std::jthread> threads;
      for (int thread = 0; thread < (process < 2 ? 4 : 1); ++thread)
        threads.emplace_back([&, racer = process < 2 ? process * 4 + thread : 6 + process] {
          take_turns(*limiter, shared, racer);
        });
    }
    ::_exit(0);
  }
  int failed = 0;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    failed += status == 0 ? 0 : 1;
  }
  int done = 0, least = acquisitions, most = 0;
  for (const auto& each : shared.got) {
    done += each;
    least = std::min(least, each.load());
    most = std::max(most, each.load());
  }
  std::printf(
      "%d acquisitions in %.1f s by 16 racers of 10 processes (%d to %d each): at most %d of %d slots at "
      "once, "
      "%d user of the model\n",
      done, micros_since(start) / 1e6, least, most, shared.most.load(), slots, shared.most_users.load());
  return failed > 0 || shared.errors > 0 || done != acquisitions || shared.most > slots ||
                 shared.most_users > 1
             ? 1
             : 0;
}
