#include "medsynth/pipeline/in_flight.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace medsynth::pipeline {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<InFlightTask> add(InFlight& all, const std::string& name) {
  auto task = std::make_shared<InFlightTask>("t" + name, "m" + name, "act", WallTime{}, true, true);
  all.add(task);
  return task;
}

TEST(InFlight, ShowsWhatItHoldsUntilItIsRemoved) {
  InFlight all;
  const auto task = add(all, "");
  task->waits({.reason = "cpu", .detail = "it is busy", .place = 2}, WallTime{});
  ASSERT_EQ(all.reports(WallTime{}).size(), 1u);
  EXPECT_EQ(all.reports(WallTime{})[0].reason, "cpu");
  EXPECT_EQ(all.reports(WallTime{})[0].detail, "it is busy");
  EXPECT_EQ(all.reports(WallTime{})[0].place, 2);
  all.remove(task);
  EXPECT_EQ(all.size(), 0u);
  EXPECT_TRUE(all.reports(WallTime{}).empty());
}

// It went back to its queue and comes again: it has waited all the time, for whoever looks.
TEST(InFlight, AWaitGoesOnWhereItWasGivenBack) {
  InFlight all;
  const auto first = add(all, "");
  first->waits({.reason = "cpu", .detail = ""}, WallTime{1s});
  all.give_back(first, WallTime{2s});
  EXPECT_EQ(all.size(), 0u);
  ASSERT_EQ(all.reports(WallTime{3s}).size(), 1u);
  const auto second = add(all, "");
  second->waits({.reason = "cpu", .detail = ""}, WallTime{4s});
  ASSERT_EQ(all.reports(WallTime{5s}).size(), 1u);
  EXPECT_EQ(all.reports(WallTime{5s})[0].since, rfc3339(WallTime{1s}));
  second->waits({.reason = "slots", .detail = ""}, WallTime{6s});
  EXPECT_EQ(all.reports(WallTime{6s})[0].since, rfc3339(WallTime{6s}));
  second->runs(WallTime{7s});
  EXPECT_EQ(all.reports(WallTime{7s})[0].reason, "");
  EXPECT_EQ(all.reports(WallTime{7s})[0].began, rfc3339(WallTime{7s}));
}

// Somebody else took it: what is said of it here is forgotten.
TEST(InFlight, ForgetsWhatDoesNotComeAgain) {
  InFlight all;
  const auto task = add(all, "");
  task->waits({.reason = "cpu", .detail = ""}, WallTime{});
  all.give_back(task, WallTime{1s});
  EXPECT_EQ(all.reports(WallTime{1s} + fleet::kReportTtl).size(), 1u);
  EXPECT_TRUE(all.reports(WallTime{2s} + fleet::kReportTtl).empty());
}

// Each phase begins where the one before ended; the model was loaded as soon as it ran.
TEST(InFlight, KnowsThePhasesOfATask) {
  InFlight all;
  const auto task = add(all, "");
  task->wants("m");
  task->waits({.reason = "slots", .detail = ""}, WallTime{1s});
  task->waits({.reason = "slots", .detail = ""}, WallTime{2s});
  task->waits({.reason = "cpu", .detail = ""}, WallTime{3s});
  task->runs(WallTime{4s});
  task->show("loading", WallTime{4s});
  task->show("running", WallTime{6s});
  const auto phases = task->phases(WallTime{9s});
  ASSERT_EQ(phases.size(), 4u);
  std::string text;
  for (const tasks::Phase& each : phases)
    text += fmt::format("{} {} {}-{}, ", each.name, each.detail, micros(each.from) / 1'000'000,
                        micros(*each.to) / 1'000'000);
  EXPECT_EQ(text, "waiting slot 1-3, waiting cpu 3-4, load m 4-6, run  6-9, ");
  EXPECT_FALSE(task->phases(std::nullopt).back().to);
}

// Tasks wait for their model until they run; those that want none wait for none.
TEST(InFlight, CountsWhoWaitsForAModel) {
  InFlight all;
  const auto first = add(all, "1"), second = add(all, "2");
  const auto without = add(all, "3");
  first->wants("m");
  second->wants("m");
  EXPECT_EQ(all.waiting_for_models(), (std::map<std::string, std::int64_t>{{"m", 2}}));
  first->runs(WallTime{});
  EXPECT_EQ(all.waiting_for_models(), (std::map<std::string, std::int64_t>{{"m", 1}}));
}

// A task that was cancelled and is then asked to stop for a shutdown ends as cancelled: it must not run
// again.
TEST(InFlight, TheFirstCauseOfAStopStays) {
  InFlight all;
  const auto task = add(all, "");
  EXPECT_FALSE(task->stop_token().stop_requested());
  task->stop(StopCause::cancelled);
  all.stop_all(StopCause::shutdown);
  EXPECT_TRUE(task->stop_token().stop_requested());
  EXPECT_EQ(task->stop_cause(), StopCause::cancelled);
}

}  // namespace
}  // namespace medsynth::pipeline
