// A message's way through an executor, and every way off it, with a real Redis.
#include <algorithm>
#include <thread>

#include "fixture.h"

namespace medsynth::pipeline {
namespace {

const Error kBroken{Code::internal, "broken", ""};

TEST_F(ExecutorTest, ATaskIsRunRecordedAndSettled) {
  submit(message("m1"));
  begin();
  run_all();
  EXPECT_EQ(status("m1"), "completed");
  EXPECT_EQ(record("m1").raw("result"), "1");
  EXPECT_TRUE(clean());
  EXPECT_EQ(host_.ends(), (std::vector<std::pair<End, bool>>{{End::completed, true}}));
}

// Start, record, settle: three exchanges for a lone task after its fetch, whatever else it needs.
TEST_F(ExecutorTest, RedisIsAskedThreeTimesForATask) {
  const auto reads = [&] {
    const std::string info = say("INFO", "stats").text;
    const auto at = info.find("total_reads_processed:");
    return std::stoll(info.substr(at + 22));
  };
  long long least = 1000;
  for (int i = 0; i < 3; ++i) {  // a heartbeat may come in between
    begin();
    submit(message(std::to_string(i)));
    auto taken = consumer_->take_some(5s);
    ASSERT_EQ(taken.size(), 1u);
    consumer_->stop(5s);  // it looks for no more
    const auto before = reads();
    executor_->run(std::move(taken));
    ASSERT_TRUE(executor_->wait_idle(std::chrono::steady_clock::now() + 10s));
    least = std::min(least, reads() - before - 1);
    executor_.reset();
    consumer_.reset();
  }
  EXPECT_LE(least, 3);
}

TEST_F(ExecutorTest, AMessageWithoutARecordGetsOne) {
  send(with_task(message("m1")));
  begin();
  run_all();
  EXPECT_EQ(status("m1"), "completed");
  EXPECT_EQ(record("m1").text("worker"), kWorker);
}

TEST_F(ExecutorTest, UntrackedActorsLeaveNoRecord) {
  host_.actors["act"].tracked = false;
  send(with_task(message("m1")));
  begin();
  run_all();
  EXPECT_EQ(status("m1"), "none");
  EXPECT_TRUE(clean());
}

// What raises is tried again by its actor's own policy; so is what cannot even start.
TEST_F(ExecutorTest, FailuresFollowThePolicyOfTheirActor) {
  host_.actors["act"].run = [](Running&) -> Result<std::string> { throw std::runtime_error("thrown"); };
  host_.actors["act"].options.retries = {.max_retries = 1, .min_backoff = 1ms, .max_backoff = 2ms};
  host_.actors["refused"] = {.options = {.retries = {.max_retries = 0}},
                             .refusal = Error{Code::exhausted, "no model", ""}};
  submit(message("m1"));
  submit(message("m2", "refused"));
  begin();
  EXPECT_TRUE(
      eventually([&] { return run_some(20ms), status("m1") == "failed" && status("m2") == "failed"; }));
  EXPECT_EQ(host_.runs, 2);
  EXPECT_EQ(record("m1").text("error"), "thrown");
  EXPECT_EQ(record("m2").text("error"), "no model");
  run_all();
  EXPECT_EQ(depth().dead, 2);
}

TEST_F(ExecutorTest, AnUnknownActorIsADeadLetter) {
  submit(message("m1", "nobody"));
  begin();
  run_all();
  EXPECT_EQ(depth().dead, 1);
  EXPECT_EQ(reason(), "no actor is called that");
  EXPECT_EQ(status("m1"), "failed");
}

// As the dashboard may put one: an eta on a plain queue. It comes back when its time has come.
TEST_F(ExecutorTest, AnEtaOnAPlainQueueIsHonoured) {
  const WallTime eta = now() + 300ms;
  dramatiq::Message early = message("m1");
  early.set_option("eta", std::to_string(millis(eta)));
  WallTime ran = {};
  host_.actors["act"].run = [&](Running&) -> Result<std::string> {
    ran = now();
    return std::string("1");
  };
  send(early);
  begin();
  EXPECT_TRUE(eventually([&] { return run_some(20ms), host_.runs == 1; }));
  EXPECT_GE(ran, eta - 1ms);
  run_all();
  EXPECT_TRUE(clean());
}

// Its worker died between record and settling: the message goes as the record says, with what follows.
TEST_F(ExecutorTest, AMessageWhoseRecordHasEndedIsSettledAsItSays) {
  host_.actors["act"].options.on_success = "told";
  host_.actors["told"] = {};
  dramatiq::Message m = message("m1");
  submit(m);
  auto begun = watcher_->run(store_.begin({"t-m1", "m1", "q", "act", "dead"}, now()));
  ASSERT_TRUE(watcher_->run(store_.complete(begun->attempt, "7", now())));
  begin();
  run_all();
  EXPECT_EQ(host_.runs, 1);  // the callback
  EXPECT_EQ(record("m1").raw("result"), "7");
}

TEST_F(ExecutorTest, CancelledAndDeletedOnesAreSettledUnrun) {
  submit(message("m1"));
  submit(message("m2"));
  ASSERT_TRUE(watcher_->run(store_.cancel("t-m1", now())));
  ASSERT_TRUE(watcher_->run(store_.remove("t-m2", now())));
  begin();
  run_all();
  EXPECT_EQ(host_.runs, 0);
  EXPECT_TRUE(clean());
  EXPECT_EQ(status("m1"), "cancelled");
  EXPECT_EQ(status("m2"), "none");
  EXPECT_FALSE(*watcher_->run(store_.has_tombstone("m1")));
  EXPECT_FALSE(*watcher_->run(store_.has_tombstone("m2")));
}

TEST_F(ExecutorTest, ATakenIdIsADeadLetterThatSaysSo) {
  submit(message("m1"));
  host_.actors["act"].run = [&](Running&) -> Result<std::string> {
    dramatiq::Message second = message("m2");
    second.kwargs = "{\"task_id\":\"t-m1\"}";
    send(second);
    auto taken = consumer_->take_some(5s);
    executor_->run(std::move(taken));  // as another thread would, while the first runs
    return std::string("1");
  };
  begin();
  run_all();
  EXPECT_EQ(host_.runs, 1);
  EXPECT_EQ(status("m1"), "completed");
  EXPECT_NE(reason().find("belongs to message m1"), std::string::npos) << reason();
}

// Somebody took the lease while we waited for Redis: nothing of ours is done with it.
TEST_F(ExecutorTest, ALostLeaseIsDropped) {
  submit(message("m1"));
  begin();
  auto taken = consumer_->take_some(5s);
  consumer_->stop(5s);  // it does not fetch it again
  ASSERT_TRUE(watcher_->run(dramatiq::Workers(other_).recover_from("worker-a", "q")));
  ASSERT_EQ(watcher_->run(other_.fetch("q", 1))->deliveries.size(), 1u);
  taken.front().marked = false;
  executor_->run(std::move(taken));
  EXPECT_EQ(host_.runs, 0);
  EXPECT_EQ(consumer_->lost_leases(), 1);
  EXPECT_EQ(say("SCARD", "dramatiq:__acks__.worker-b.q").integer, 1);
}

// Its worker stood still, somebody began the task anew and stood still in turn, and the message is ours
// again: what we write is not refused for good, or its record would say processing for ever.
TEST_F(ExecutorTest, AStaleEndIsWrittenByANewAttempt) {
  submit(message("m1"));
  std::int64_t theirs = 0;
  host_.actors["act"].run = [&](Running&) -> Result<std::string> {
    theirs = watcher_->run(store_.begin({"t-m1", "m1", "q", "act", "another"}, now()))->attempt.number;
    return std::string("9");
  };
  begin();
  run_all();
  EXPECT_EQ(status("m1"), "completed");
  EXPECT_EQ(record("m1").raw("result"), "9");
  EXPECT_EQ(record("m1").raw("attempt"), std::to_string(theirs + 1));
  EXPECT_TRUE(clean());
}

// One that was running when a worker died runs by itself; brief ones that came with it run before, and not
// again.
TEST_F(ExecutorTest, OneThatKilledAWorkerRunsByItself) {
  std::atomic<bool> alone{true};
  for (int i = 0; i < 20; ++i) send(message(std::to_string(i)));
  const std::string suspect = redis::texts(say("LRANGE", "dramatiq:q", "7", "7")).value().front();
  say("HSET", "dramatiq:__medsynth__.deaths.q", suspect, "1");
  host_.actors["act"].run = [&](Running& run) -> Result<std::string> {
    if (run.task_id() == "7") {
      std::this_thread::sleep_for(30ms);
      alone = alone && host_.running == 1;
    }
    return std::string("1");
  };
  begin();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { run_some(200ms), run_some(200ms), run_some(200ms); });
  threads.clear();
  run_all();
  EXPECT_EQ(host_.runs, 20);
  EXPECT_TRUE(alone);
  EXPECT_TRUE(clean());
}

TEST_F(ExecutorTest, OneThatKilledTooManyNeverRuns) {
  submit(message("m1"));
  say("HSET", "dramatiq:__medsynth__.deaths.q",
      redis::texts(say("LRANGE", "dramatiq:q", "0", "0")).value().front(), "3");
  begin();
  run_all();
  EXPECT_EQ(host_.runs, 0);
  EXPECT_EQ(status("m1"), "failed");
  EXPECT_NE(reason().find("died 3 times"), std::string::npos) << reason();
}

// No slot within the time: back to the head, in order, and no attempt was made.
TEST_F(ExecutorTest, WhatFindsNoSlotGoesBackInOrder) {
  host_.actors["act"].admission = true;
  auto slot = limiter_->acquire({.actor = "somebody"}, 1s);
  ASSERT_TRUE(slot);
  for (const char* id : {"m1", "m2"}) submit(message(id));
  begin();
  EXPECT_TRUE(run_some());
  consumer_->stop(5s);
  EXPECT_EQ(status("m1"), "pending");
  EXPECT_EQ(record("m1").raw("attempt"), "0");
  const auto back = watcher_->run(other_.fetch("q", 2));
  ASSERT_EQ(back->deliveries.size(), 2u);
  EXPECT_EQ(back->deliveries[0].message.message_id, "m1");
  EXPECT_EQ(host_.runs, 0);
}

// From then on a cancellation is a request to stop: a worker that stands still between start and run does
// not run what is cancelled for good.
TEST_F(ExecutorTest, WhatNeededAdmissionSaysThatItRunsBeforeItDoes) {
  host_.actors["act"].admission = true;
  std::string before;
  host_.actors["act"].run = [&](Running&) -> Result<std::string> {
    before = status("m1");
    return std::string("1");
  };
  submit(message("m1"));
  begin();
  run_all();
  EXPECT_EQ(before, "processing");
  EXPECT_EQ(status("m1"), "completed");
}

// A long one says processing soon, is asked to stop by its progress, and ends as cancelled.
TEST_F(ExecutorTest, ALongOneIsShownAndHeedsACancellation) {
  submit(message("m1"));
  host_.actors["act"].run = [&](Running& run) -> Result<std::string> {
    EXPECT_TRUE(eventually([&] { return status("m1") == "processing"; }));
    EXPECT_EQ(watcher_->run(store_.cancel("t-m1", now()))->outcome, tasks::Cancelled::Outcome::requested);
    EXPECT_TRUE(eventually([&] {
      run.progress(40, "working");
      return run.stop_token().stop_requested();
    }));
    return Error{Code::cancelled, "stopped", ""};
  };
  begin();
  run_all();
  EXPECT_EQ(status("m1"), "cancelled");
  EXPECT_EQ(record("m1").text("stage"), "working");
  EXPECT_FALSE(*watcher_->run(store_.has_tombstone("m1")));
  EXPECT_TRUE(clean());
}

// The worker ends: what it runs is put back, unfinished, and the next worker begins a new attempt.
TEST_F(ExecutorTest, AnInterruptedOneGoesBack) {
  submit(message("m1"));
  host_.actors["act"].run = [&](Running& run) -> Result<std::string> {
    EXPECT_TRUE(eventually([&] { return status("m1") == "processing"; }));
    in_flight_.stop_all(StopCause::shutdown);
    EXPECT_TRUE(run.stop_token().stop_requested());
    return Error{Code::cancelled, "stopped", ""};
  };
  begin();
  EXPECT_TRUE(run_some());
  EXPECT_TRUE(eventually([&] { return status("m1") == "pending"; }));
  host_.actors["act"].run = [](Running&) -> Result<std::string> { return std::string("2"); };
  run_all();
  EXPECT_EQ(status("m1"), "completed");
  EXPECT_EQ(record("m1").raw("attempt"), "2");
}

// Hundreds of brief ones are settled in few exchanges, and each once.
TEST_F(ExecutorTest, BriefOnesAreRecordedAndSettledTogether) {
  std::vector<dramatiq::Outgoing> many;
  for (int i = 0; i < 600; ++i) many.push_back({with_task(message(std::to_string(i)))});
  ASSERT_TRUE(watcher_->run(broker_.enqueue(std::move(many))));
  begin();
  run_all();
  EXPECT_EQ(host_.runs, 600);
  EXPECT_TRUE(clean());
  EXPECT_EQ(say("ZCARD", "task:\x1fstatus:completed").integer, 600);
  const std::string info = say("INFO", "commandstats").text;
  const auto at = info.find("cmdstat_evalsha:calls=");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(std::stoi(info.substr(at + 22)), 200);
}

}  // namespace
}  // namespace medsynth::pipeline
