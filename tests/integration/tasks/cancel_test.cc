// Cancelling and deleting tasks before, while and after they run.
#include "store_fixture.h"

namespace medsynth::tasks {
namespace {

using redis::Command;

class CancelTest : public StoreTest {
 protected:
  std::int64_t abort_keys(const std::string& message_id) {
    return redis_integer(Command("LLEN", "dramatiq:aborts:cancel:" + message_id));
  }
};

// A waiting task ends at once; its message, when it is fetched, is not run, also after its tombstone was
// forgotten.
TEST_F(CancelTest, AWaitingTaskEndsAtOnce) {
  create("t");
  const Cancelled cancelled = run(store.cancel("t", now()));
  EXPECT_EQ(cancelled.outcome, Cancelled::Outcome::cancelled);
  EXPECT_EQ(cancelled.message_id, "m-t");
  EXPECT_EQ(record("t").status(), Status::cancelled);
  EXPECT_EQ(record("t").text("cancelled_at"), rfc3339(now()));
  EXPECT_GT(ttl_of("t"), 0);
  EXPECT_TRUE(tombstone("m-t"));
  EXPECT_EQ(abort_keys("m-t"), 1);
  EXPECT_EQ(redis_says(Command("LINDEX", "dramatiq:aborts:cancel:m-t", 0)).text, "{}");
  EXPECT_NEAR(static_cast<double>(redis_integer(Command("PTTL", "dramatiq:aborts:cancel:m-t"))), 90000, 2000);
  EXPECT_EQ(begin("t", "m-t").outcome, Begun::Outcome::cancelled);
  run(store.forget_tombstone("m-t"));
  EXPECT_FALSE(tombstone("m-t"));
  EXPECT_EQ(begin("t", "m-t").outcome, Begun::Outcome::ended);
  EXPECT_EQ(record("t").status(), Status::cancelled);
  expect_consistent();
}

TEST_F(CancelTest, ATaskBetweenAttemptsEndsAtOnce) {
  create("t");
  run(store.retry(start("t"), "e", now() + 60s, now()));
  EXPECT_EQ(run(store.cancel("t", now())).outcome, Cancelled::Outcome::cancelled);
  EXPECT_EQ(record("t").raw("next_attempt_at"), "");
  EXPECT_EQ(begin("t", "m-t").outcome, Begun::Outcome::cancelled);
  expect_consistent();
}

// A running task is asked to stop: the worker learns it with its next write and ends it.
TEST_F(CancelTest, ARunningTaskIsAskedToStop) {
  create("t");
  const Attempt attempt = start("t");
  EXPECT_FALSE(run(store.progress(attempt, 10, {}, now())).stop_requested);
  for (int i = 0; i < 2; ++i) {  // asking twice is asking once
    const Cancelled cancelled = run(store.cancel("t", now()));
    EXPECT_EQ(cancelled.outcome, Cancelled::Outcome::requested);
    EXPECT_EQ(cancelled.message_id, "m-t");
    EXPECT_EQ(abort_keys("m-t"), 1);
  }
  EXPECT_EQ(record("t").status(), Status::processing);
  EXPECT_EQ(record("t").raw("cancel_requested"), "true");
  const Written written = run(store.progress(attempt, 20, {}, now()));
  EXPECT_EQ(written.outcome, Written::Outcome::written);
  EXPECT_TRUE(written.stop_requested);
  EXPECT_EQ(run(store.end_cancelled(attempt, "cancelled", now())).outcome, Written::Outcome::written);
  EXPECT_EQ(record("t").status(), Status::cancelled);
  EXPECT_EQ(record("t").raw("cancel_requested"), "");
  EXPECT_EQ(record("t").text("error"), "cancelled");
  EXPECT_FALSE(tombstone("m-t"));  // the record itself says it now
  EXPECT_EQ(begin("t", "m-t").outcome, Begun::Outcome::ended);
  expect_consistent();
}

// A task that finished before it saw the request keeps its result.
TEST_F(CancelTest, ATaskMayFinishFirst) {
  create("t");
  const Attempt attempt = start("t");
  run(store.cancel("t", now()));
  EXPECT_EQ(run(store.complete(attempt, "1", now())).outcome, Written::Outcome::written);
  EXPECT_EQ(record("t").status(), Status::completed);
  EXPECT_EQ(record("t").raw("cancel_requested"), "");
  EXPECT_EQ(run(store.cancel("t", now())).outcome, Cancelled::Outcome::ended);
}

// The worker died while it was asked to stop: whoever gets the message next ends the task instead of running
// it.
TEST_F(CancelTest, ACancelledTaskOfADeadWorkerEnds) {
  create("t");
  const Attempt lost = start("t");
  run(store.cancel("t", now()));
  EXPECT_EQ(begin("t", "m-t").outcome, Begun::Outcome::cancelled);
  EXPECT_EQ(record("t").status(), Status::cancelled);
  EXPECT_EQ(run(store.complete(lost, "1", now())).outcome, Written::Outcome::stale);
  expect_consistent();
}

TEST_F(CancelTest, EndedOrAbsentTasksCannotBeCancelled) {
  EXPECT_EQ(run(store.cancel("absent", now())).outcome, Cancelled::Outcome::absent);
  create("t");
  run(store.complete(start("t"), "1", now()));
  EXPECT_EQ(run(store.cancel("t", now())).outcome, Cancelled::Outcome::ended);
  EXPECT_FALSE(tombstone("m-t"));
  EXPECT_EQ(record("t").status(), Status::completed);
}

// A record without a message has nobody to ask, and ends at once whatever it says it does.
TEST_F(CancelTest, ADirectRecordEndsAtOnce) {
  run(store.set_task_status("t", {{"status", "\"processing\""}}, now()));
  const Cancelled cancelled = run(store.cancel("t", now()));
  EXPECT_EQ(cancelled.outcome, Cancelled::Outcome::cancelled);
  EXPECT_EQ(cancelled.message_id, "");
  EXPECT_EQ(record("t").status(), Status::cancelled);
  expect_consistent();
}

// A task deleted while it waits: its message is not run and makes no record.
TEST_F(CancelTest, ADeletedWaitingTaskIsNotRun) {
  create("t");
  EXPECT_TRUE(run(store.remove("t", now())));
  EXPECT_FALSE(run(store.remove("t", now())));
  EXPECT_FALSE(run(store.get("t")));
  EXPECT_TRUE(tombstone("m-t"));
  EXPECT_EQ(abort_keys("m-t"), 1);
  EXPECT_EQ(begin("t", "m-t").outcome, Begun::Outcome::deleted);
  EXPECT_FALSE(run(store.get("t")));
  expect_consistent();
}

// A task deleted while it runs: its late writes say gone, ask it to stop, and bring nothing back; nor do
// those of Python.
TEST_F(CancelTest, LateWritesDoNotBringADeletedTaskBack) {
  create("t");
  const Attempt attempt = start("t");
  EXPECT_TRUE(run(store.remove("t", now())));
  for (const Written& written :
       {run(store.progress(attempt, 50, {}, now())), run(store.complete(attempt, "1", now())),
        run(store.fail(attempt, "e", now())), run(store.retry(attempt, "e", now(), now())),
        run(store.release(attempt, now()))}) {
    EXPECT_EQ(written.outcome, Written::Outcome::gone);
    EXPECT_TRUE(written.stop_requested);
  }
  EXPECT_FALSE(run(store.update_task_progress("t", 60, {}, now())));
  run(store.complete_task("t", "1", now()));
  run(store.fail_task("t", "e", now()));
  EXPECT_FALSE(run(store.get("t")));
  EXPECT_EQ(begin("t", "m-t").outcome, Begun::Outcome::deleted);
  expect_consistent();
}

// The id of a deleted task is free: a new submission lives, and nothing of the old message touches it.
TEST_F(CancelTest, ADeletedIdCanBeUsedAgain) {
  create("t");
  const Attempt old = start("t");
  run(store.remove("t", now()));
  EXPECT_EQ(run(store.create({"t", "m2", "medsynth", "act", {}}, now())).outcome, Created::Outcome::created);
  EXPECT_EQ(run(store.complete(old, "\"old\"", now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(begin("t", "m-t").outcome, Begun::Outcome::deleted);
  EXPECT_EQ(record("t").status(), Status::pending);
  const Begun begun = begin("t", "m2");
  EXPECT_EQ(begun.outcome, Begun::Outcome::run);
  EXPECT_EQ(run(store.complete(begun.attempt, "\"new\"", now())).outcome, Written::Outcome::written);
  expect_consistent();
}

// The message of a deleted task is settled: nothing is remembered any more.
TEST_F(CancelTest, ForgettingLeavesNothingBehind) {
  create("t");
  run(store.remove("t", now()));
  run(store.forget_tombstone("m-t"));
  redis_says(Command("DEL", "dramatiq:aborts:cancel:m-t"));
  EXPECT_EQ(redis_integer(Command("DBSIZE")), 0);
  run(store.forget_tombstone("never there"));
}

// A task deleted after its end, before its message was settled: the message that comes again is not run.
TEST_F(CancelTest, AnEndedTaskThatWasDeletedIsNotRunAgain) {
  create("t");
  run(store.complete(start("t"), "1", now()));
  EXPECT_TRUE(run(store.remove("t", now())));
  EXPECT_EQ(abort_keys("m-t"), 0);
  EXPECT_EQ(begin("t", "m-t").outcome, Begun::Outcome::deleted);
  const std::int64_t left = redis_integer(Command("TTL", "task:\x1ftombstone:m-t"));
  EXPECT_GT(left, 60);
  EXPECT_LE(left, 3600);
}

// Tombstones of messages that may still come wait for them for a month.
TEST_F(CancelTest, TombstonesOutliveTheRecord) {
  create("t");
  run(store.cancel("t", now()));
  EXPECT_NEAR(static_cast<double>(redis_integer(Command("TTL", "task:\x1ftombstone:m-t"))), 30 * 86400, 5);
}

// A Redis whose memory is full refuses new tasks, and can still be listed and emptied.
TEST_F(CancelTest, AFullRedisCanBeEmptied) {
  for (int i = 0; i < 5; ++i) create("t" + std::to_string(i));
  redis_says(Command("CONFIG", "SET", "maxmemory", "1"));
  EXPECT_EQ(error_of(store.create({"more", "m", "q", "a", {}}, now())).code, Code::unavailable);
  EXPECT_EQ(run(store.list({}, now())).total, 5);
  EXPECT_TRUE(run(store.remove("t0", now())));
  EXPECT_EQ(run(store.remove_many({}, {}, now())), 4);
  redis_says(Command("CONFIG", "SET", "maxmemory", "0"));
  EXPECT_TRUE(tombstone("m-t0"));
  expect_consistent();
}

// Deleting by status and age takes exactly those, in many steps, with a tombstone for each that still lives.
TEST_F(CancelTest, DeletingManyTakesExactlyThose) {
  for (int i = 0; i < 450; ++i) create("old" + std::to_string(i));
  for (int i = 0; i < 450; i += 3) run(store.complete(start("old" + std::to_string(i)), "1", now()));
  clock.advance(1h);
  for (int i = 0; i < 30; ++i) create("new" + std::to_string(i));
  run(store.complete(start("old1"), "1", now()));  // its last update is recent

  EXPECT_EQ(run(store.remove_many(Status::completed, 3600s, now())), 150);
  EXPECT_FALSE(run(store.get("old0")));
  EXPECT_TRUE(run(store.get("old1")));
  EXPECT_EQ(run(store.remove_many(Status::failed, {}, now())), 0);
  EXPECT_EQ(run(store.remove_many({}, 3601s, now())), 0);
  EXPECT_EQ(run(store.cleanup_old_tasks(3600s, now())), 299);
  EXPECT_TRUE(tombstone("m-old2"));
  EXPECT_EQ(begin("old2", "m-old2").outcome, Begun::Outcome::deleted);
  EXPECT_EQ(run(store.list({}, now())).total, 31);
  expect_consistent();
  EXPECT_EQ(run(store.remove_many({}, {}, now())), 31);
  EXPECT_EQ(run(store.list({}, now())).total, 0);
}

}  // namespace
}  // namespace medsynth::tasks
