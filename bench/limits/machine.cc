// What must be true of a real machine, whatever it is; takes half a minute, wants it quiet, and exits 1 when
// something is not. Not part of the tests: other load decides here.
#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <ratio>
#include <string>
#include <thread>
#include <vector>

#include "limits/programs.h"

using namespace medsynth;
using namespace medsynth::limits;
using namespace std::chrono_literals;

namespace {

bool all_good = true;

void check(bool good, const char* what, double found, const char* unit) {
  std::printf("%s %s: %.1f %s\n", good ? "ok  " : "FAIL", what, found, unit);
  all_good = all_good && good;
}

// One core is spun for five seconds: that is its part of the CPUs we may use.
void spin_one_core() {
  auto sensors = make_sensors({.nvml = ""});
  const Sample before = sensors->sample();
  std::this_thread::sleep_for(1s);
  const double idle = sensors->sample().cpu_percent.value_or(0);
  double all = 0, own = 0;
  for (int second = 0; second < 5; ++second) {
    const auto end = SteadyClock::now() + 1s;
    volatile double work = 0;
    while (SteadyClock::now() < end) work = std::sqrt(work + 1);
    const Sample sample = sensors->sample();
    all += sample.cpu_percent.value_or(0) / 5;
    own += sample.own_cpu_percent / 5;
  }
  const double expected = 100 / before.effective_cpus;
  std::printf("     %.2f CPUs, %.1f %% busy before; this process alone: %.1f %%\n", before.effective_cpus,
              idle, own);
  check(std::abs(own - expected) <= 3, "one core spun for 5 s, this process, in % of all CPUs", own, "%");
  check(std::abs(all - expected) <= 3 + idle, "the same, all processes", all, "%");
}

// A file of 2 GiB is written once and read three times: page cache is not memory in use.
void read_a_file() {
  std::string name = (std::filesystem::temp_directory_path() / "medsynth-machine-XXXXXX").string();
  const int file = ::mkstemp(name.data());
  std::vector<char> block(4 << 20, 'x');
  for (int i = 0; i < 512; ++i)
    if (::write(file, block.data(), block.size()) < 0) std::exit(2);
  ::fsync(file);
  auto sensors = make_sensors({.nvml = ""});
  const auto used = [&] { return static_cast<double>(sensors->sample().memory_used) / (1 << 20); };
  const double before = used();
  double moved = 0;
  for (int round = 0; round < 3; ++round) {
    for (off_t at = 0; ::pread(file, block.data(), block.size(), at) > 0;)
      at += static_cast<off_t>(block.size());
    moved = std::max(moved, std::abs(used() - before));
  }
  ::close(file);
  ::unlink(name.c_str());
  check(moved < 100, "a file of 2 GiB read three times moves memory in use by", moved, "MiB");
}

// A process that holds slot and lock, and has forked, is killed with -9.
void kill_a_holder() {
  const RuntimeFolder folder;
  std::vector<double> millis;
  auto sensors = make_sensors({.nvml = ""});
  auto limiter = open_limiter(folder.path(), 1, *sensors);
  for (int round = 0; round < 20; ++round) {
    int said[2], leash[2];
    if (::pipe(said) != 0 || ::pipe(leash) != 0) std::exit(2);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(leash[1]);
      auto mine = open_limiter(folder.path(), 1, *sensors);
      const auto lease = mine->acquire({.model = "m"}, 5s);
      char word = lease ? 'y' : 'n';
      if (::fork() == 0) ::_exit(::read(leash[0], &word, 1) == 1 ? 1 : 0);
      if (::write(said[1], &word, 1) != 1) ::_exit(1);
      ::pause();
    }
    char word = 0;
    if (::read(said[0], &word, 1) != 1 || word != 'y') std::exit(2);
    SteadyTime killed;
    std::jthread killer([&] {
      std::this_thread::sleep_for(30ms);
      killed = SteadyClock::now();
      ::kill(child, SIGKILL);
    });
    const auto lease = limiter->acquire({.model = "m"}, 5s);
    const SteadyTime got = SteadyClock::now();
    killer.join();
    millis.push_back(std::chrono::duration<double, std::milli>(got - killed).count());
    ::waitpid(child, nullptr, 0);
    for (const int each : {said[0], said[1], leash[0], leash[1]}) ::close(each);
  }
  check(quantile(millis, 1) < 50, "kill -9 of a holder that had forked frees slot and lock within, at worst",
        quantile(millis, 1), "ms");
}

}  // namespace

int main() {
  spin_one_core();
  read_a_file();
  kill_a_holder();
  return all_good ? 0 : 1;
}
