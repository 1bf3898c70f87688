#include "medsynth/api/waiting_view.h"

#include <gtest/gtest.h>

#include "medsynth/limits/limits.h"

namespace medsynth::api {
namespace {

using namespace std::chrono_literals;
constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};

tasks::Record record(const std::string& id, const std::string& status = "pending", tasks::Fields more = {}) {
  tasks::Fields fields{{"status", json::write_string(status)},
                       {"queue", "\"q\""},
                       {"updated_at", json::write_string(rfc3339(kNow - 60s))}};
  fields.insert(fields.end(), more.begin(), more.end());
  return {id, fields};
}

fleet::Snapshot worker(const std::string& id, limits::Usage usage = {}, const std::string& host = "h") {
  fleet::Snapshot snapshot;
  snapshot.worker_id = id;
  snapshot.host = host;
  snapshot.queues = {"q"};
  snapshot.usage = described::to_value(usage).get_object();
  return snapshot;
}

fleet::TaskReport runs(const std::string& id, std::chrono::seconds since, const std::string& model = "m") {
  return {.task_id = id,
          .actor = "a",
          .state = "running",
          .reason = "",
          .since = "",
          .model = model,
          .detail = "",
          .began = rfc3339(kNow - since)};
}

fleet::TaskReport waits(const std::string& id, const std::string& reason, std::int64_t place) {
  return {.task_id = id,
          .actor = "a",
          .state = "waiting",
          .reason = reason,
          .since = rfc3339(kNow - 5s),
          .model = "m",
          .detail = "in words",
          .began = "",
          .place = place,
          .have = 0.0,
          .need = 1.0};
}

class Waiting : public testing::Test {
 protected:
  std::optional<tasks::Waiting> of(const tasks::Record& task, std::optional<std::int64_t> ahead = {}) {
    return WaitingView(facts_, kNow).of(task, ahead);
  }
  std::string reason_of(const tasks::Record& task) {
    const auto waiting = of(task);
    return waiting ? waiting->reason : "";
  }
  WaitingFacts facts_;
};

// Only what has not started waits; and with a worker that may take it at once, nothing does.
TEST_F(Waiting, NothingKeepsATaskThatAWorkerTakesAtOnce) {
  facts_.roll.alive = {worker("w")};
  EXPECT_FALSE(of(record("t")));
  facts_.paused = {"q"};
  for (const char* status : {"processing", "completed", "failed", "cancelled"})
    EXPECT_FALSE(of(record("t", status))) << status;
}

// A record that stands for no message is nobody's to run.
TEST_F(Waiting, ARecordWithoutAQueueWaitsForNothing) {
  EXPECT_FALSE(of(tasks::Record{"t", {{"status", "\"pending\""}}}));
}

TEST_F(Waiting, OnAPausedQueue) {
  facts_.roll.alive = {worker("w")};
  facts_.paused = {"q"};
  const auto waiting = of(record("t"), 2);
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->reason, "paused");
  EXPECT_EQ(waiting->since, rfc3339(kNow - 60s));
  EXPECT_EQ(waiting->place, 3);
  EXPECT_EQ(waiting->remedy, "medsynth queues resume q");
  EXPECT_FALSE(waiting->estimate);
}

// Nobody lives, those that live take from other queues, or end.
TEST_F(Waiting, ForAWorker) {
  EXPECT_EQ(reason_of(record("t")), "no_worker");
  facts_.roll.alive = {worker("w")};
  facts_.roll.alive[0].queues = {"other"};
  EXPECT_EQ(reason_of(record("t")), "no_worker");
  facts_.roll.alive = {worker("w")};
  facts_.roll.alive[0].draining = true;
  facts_.roll.silent = {{"gone", kNow - 30s}};
  const auto waiting = of(record("t"));
  EXPECT_EQ(waiting->reason, "no_worker");
  EXPECT_NE(waiting->detail.find("gone has not reported since " + rfc3339(kNow - 30s)), std::string::npos);
}

// By intention: until the time that the record names, and no longer.
TEST_F(Waiting, UntilItsTimeComes) {
  facts_.roll.alive = {worker("w")};
  const auto later = json::write_string(rfc3339(kNow + 90s)), past = json::write_string(rfc3339(kNow - 1s));
  const auto delayed = of(record("t", "pending", {{"eta", later}}));
  EXPECT_EQ(delayed->reason, "delayed");
  EXPECT_EQ(delayed->estimate->low, 89);
  EXPECT_EQ(delayed->estimate->high, 91);
  EXPECT_EQ(reason_of(record("t", "retrying", {{"next_attempt_at", later}})), "retry");
  EXPECT_EQ(reason_of(record("t", "pending", {{"eta", past}})), "");
  facts_.paused = {"q"};  // when it is due it will wait for that
  EXPECT_FALSE(of(record("t", "pending", {{"eta", later}}))->estimate);
  EXPECT_EQ(reason_of(record("t", "pending", {{"eta", past}})), "paused");
}

// What its worker says of it: the reason under its public name, its place, who holds it, and when that may end.
TEST_F(Waiting, ForAResourceAsItsWorkerTells) {
  facts_.roll.alive = {worker("w", {.max_concurrent_tasks = 2})};
  facts_.roll.alive[0].tasks = {runs("young", 2s), runs("old", 8s), waits("t", "slots", 1)};
  facts_.roll.alive[0].run_times = {{"a", "m", 10}, {"a", "m", 10}, {"a", "m", 10}};
  const auto waiting = of(record("t"), 7);
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->reason, "slot");
  EXPECT_EQ(waiting->detail, "in words");
  EXPECT_EQ(waiting->since, rfc3339(kNow - 5s));
  EXPECT_EQ(waiting->place, 1);
  EXPECT_EQ(waiting->have, 0);
  EXPECT_EQ(waiting->need, 1);
  EXPECT_EQ(waiting->holder, "old");
  ASSERT_TRUE(waiting->estimate);
  EXPECT_EQ(waiting->estimate->low, 1);
  EXPECT_EQ(waiting->estimate->high, 3);
}

// Only users of the same model hold its lock.
TEST_F(Waiting, ForAModelThatAnotherTaskUses) {
  facts_.roll.alive = {worker("w")};
  facts_.roll.alive[0].tasks = {runs("other", 50s, "n"), runs("user", 3s), waits("t", "model_lock", 2)};
  const auto waiting = of(record("t"));
  EXPECT_EQ(waiting->reason, "model_lock");
  EXPECT_EQ(waiting->holder, "user");
  EXPECT_FALSE(waiting->estimate);  // nothing has run here yet
}

// Where others load the machine nobody knows when they stop; where our own tasks do, they end.
TEST_F(Waiting, NoEstimateForWhatOthersHold) {
  facts_.roll.alive = {worker("w", {.reason = "cpu", .detail = "CPU load is 99 %"})};
  facts_.roll.alive[0].tasks = {runs("running", 2s), waits("t", "cpu", 1)};
  facts_.roll.alive[0].run_times = {{"a", "m", 10}, {"a", "m", 10}, {"a", "m", 10}};
  auto waiting = of(record("t"));
  EXPECT_EQ(waiting->reason, "cpu");
  EXPECT_FALSE(waiting->holder);
  EXPECT_FALSE(waiting->estimate);
  facts_.roll.alive[0].usage = described::to_value(limits::Usage{}).get_object();
  waiting = of(record("t"));
  EXPECT_EQ(waiting->holder, "running");
  EXPECT_TRUE(waiting->estimate);
}

// Not fetched yet: it waits for what those wait for that are before it, further behind.
TEST_F(Waiting, BehindOthersOnItsQueue) {
  facts_.roll.alive = {worker("w")};
  facts_.roll.alive[0].tasks = {runs("user", 3s), waits("first", "model_lock", 1)};
  facts_.roll.alive[0].run_times = {{"a", "m", 10}, {"a", "m", 10}, {"a", "m", 10}};
  const auto waiting = of(record("t"), 9);
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->reason, "model_lock");
  EXPECT_EQ(waiting->place, 10);
  EXPECT_EQ(waiting->since, rfc3339(kNow - 60s));
  EXPECT_EQ(waiting->estimate->low, 96);  // 7 s, then nine others
  facts_.roll.alive.push_back(worker("idle", {}, "other host"));
  EXPECT_FALSE(of(record("t"), 9));
}

// A machine that lets nobody in, though nobody stands in its line at the moment.
TEST_F(Waiting, AtAClosedGate) {
  facts_.roll.alive = {worker("w", {.reason = "memory", .detail = "memory use is 91 %"})};
  const auto waiting = of(record("t"));
  EXPECT_EQ(waiting->reason, "memory");
  EXPECT_EQ(waiting->detail, "memory use is 91 %");
}

TEST_F(Waiting, OfAQueueInGeneral) {
  EXPECT_EQ(WaitingView(facts_, kNow).reason_of_queue("q"), "no_worker");
  facts_.roll.alive = {worker("w")};
  EXPECT_EQ(WaitingView(facts_, kNow).reason_of_queue("q"), "");
  facts_.roll.alive = {worker("w", {.reason = "slots"})};
  EXPECT_EQ(WaitingView(facts_, kNow).reason_of_queue("q"), "slot");
  facts_.paused = {"q"};
  EXPECT_EQ(WaitingView(facts_, kNow).reason_of_queue("q"), "paused");
}

}  // namespace
}  // namespace medsynth::api
