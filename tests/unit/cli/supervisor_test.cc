#include "medsynth/cli/supervisor.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace medsynth::cli {
namespace {

using namespace std::chrono_literals;

TEST(RestartDelay, FirstAtOnceThenDoublingUpToTenSeconds) {
  EXPECT_EQ(restart_delay(0), 0ms);
  EXPECT_EQ(restart_delay(1), 0ms);
  EXPECT_EQ(restart_delay(2), 500ms);
  EXPECT_EQ(restart_delay(3), 1000ms);
  EXPECT_EQ(restart_delay(100), 10s);
  EXPECT_TRUE(is_quick_death(29s));
  EXPECT_FALSE(is_quick_death(31s));
}

// Ticks until `done`, or gives up.
template <class Done>
bool tick_until(Supervisor& supervisor, Done done) {
  for (const auto deadline = system_clock().steady() + 10s; system_clock().steady() < deadline;) {
    supervisor.tick(system_clock().steady());
    if (done()) return true;
  }
  return false;
}

TEST(Supervisor, AWorkerThatDiesIsReportedWithItsIdAndStartedAgainWithAnother) {
  std::vector<std::string> died;
  Supervisor supervisor(
      {1, {"/bin/sh", "-c", "exit 3", "sh"}, [&](const std::string& id) { died.push_back(id); }});
  ASSERT_TRUE(tick_until(supervisor, [&] { return died.size() >= 2; }));
  EXPECT_NE(died[0], died[1]);
}

TEST(Supervisor, StopsItsWorkersAndStartsNoMore) {
  int deaths = 0;
  Supervisor supervisor({2, {"/bin/sh", "-c", "sleep 60", "sh"}, [&](const std::string&) { ++deaths; }});
  supervisor.tick(system_clock().steady());
  EXPECT_TRUE(supervisor.any_alive());
  supervisor.stop();
  EXPECT_TRUE(tick_until(supervisor, [&] { return !supervisor.any_alive(); }));
  EXPECT_EQ(deaths, 0);
}

TEST(Supervisor, AReloadWaitsForAWorkerThatStarts) {
  std::string folder = (std::filesystem::temp_directory_path() / "medsynth-supervisor-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  sigset_t reload, before;  // blocked, as block_end_signals() has it in a server
  sigemptyset(&reload);
  sigaddset(&reload, SIGHUP);
  sigprocmask(SIG_BLOCK, &reload, &before);
  int deaths = 0;
  // It has not asked for the signal yet, and would die of it.
  Supervisor supervisor({1,
                         {"/bin/sh", "-c", ": >" + folder + "/lives; exec sleep 60", "sh"},
                         [&](const std::string&) { ++deaths; }});
  supervisor.tick(system_clock().steady());
  supervisor.reload();
  EXPECT_TRUE(tick_until(supervisor, [&] { return std::filesystem::exists(folder + "/lives"); }));
  EXPECT_EQ(deaths, 0);
  supervisor.kill_all();
  sigprocmask(SIG_SETMASK, &before, nullptr);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace medsynth::cli
