// Creating, running and ending tasks that stand for a message.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "store_fixture.h"

namespace medsynth::tasks {
namespace {

using redis::Command;

class LifeCycleTest : public StoreTest {};

// What bounds a queue is looked at in the step that fills it.
TEST_F(LifeCycleTest, AFullQueueTakesNoMore) {
  const auto send = [&](const std::string& id, std::int64_t max) {
    return run(store.create({id, "m-" + id, "q", "a", {}}, now(), {Command("HSET", "q.msgs", id, "payload")},
                            Guard{"guard:" + id, "v", 60s}, Bound{"q.msgs", max}))
        .outcome;
  };
  using Outcome = Created::Outcome;
  EXPECT_EQ(send("a", 2), Outcome::created);
  EXPECT_EQ(send("b", 2), Outcome::created);
  EXPECT_EQ(send("c", 2), Outcome::full);
  EXPECT_EQ(redis_integer(Command("HLEN", "q.msgs")), 2);
  EXPECT_EQ(redis_integer(Command("EXISTS", "task:c", "guard:c")), 0);
  EXPECT_EQ(send("b", 2), Outcome::created);  // again, after its answer was lost
  EXPECT_EQ(send("c", 0), Outcome::created);
}

// From submission to its end: each step is in the record, and what an earlier step said no longer is.
TEST_F(LifeCycleTest, RunsFromPendingToCompleted) {
  const auto created = run(store.create(
      {"t", "m-t", "medsynth", "act", {{"metadata", "{\"k\":1}"}, {"status", "\"completed\""}}}, now()));
  EXPECT_EQ(created.outcome, Created::Outcome::created);
  EXPECT_EQ(record("t").status(), Status::pending);
  EXPECT_EQ(ttl_of("t"), -1);

  clock.advance(1s);
  const Attempt first = start("t");
  EXPECT_EQ(first.number, 1);
  EXPECT_EQ(run(store.progress(first, 40, {{"stage", "\"loading\""}}, now())).outcome,
            Written::Outcome::written);
  EXPECT_EQ(record("t").number("progress"), 40);
  EXPECT_EQ(record("t").text("stage"), "loading");

  EXPECT_EQ(run(store.retry(first, "broken", now() + 30s, now())).outcome, Written::Outcome::written);
  EXPECT_EQ(record("t").status(), Status::retrying);
  EXPECT_EQ(record("t").text("error"), "broken");
  EXPECT_EQ(record("t").text("next_attempt_at"), rfc3339(now() + 30s));
  EXPECT_EQ(ttl_of("t"), -1);

  clock.advance(30s);
  const Attempt second = start("t");
  EXPECT_EQ(second.number, 2);
  EXPECT_EQ(record("t").raw("error"), "");
  EXPECT_EQ(run(store.complete(second, "{\"score\":0.5}", now())).outcome, Written::Outcome::written);

  const Record done = record("t");
  EXPECT_EQ(done.status(), Status::completed);
  EXPECT_EQ(done.number("progress"), 100);
  EXPECT_EQ(done.raw("result"), "{\"score\":0.5}");
  EXPECT_EQ(done.text("completed_at"), rfc3339(now()));
  EXPECT_EQ(done.text("created_at"), rfc3339(now() - 31s));
  EXPECT_EQ(done.raw("metadata"), "{\"k\":1}");
  EXPECT_EQ(done.text("message_id"), "m-t");
  EXPECT_EQ(done.raw("attempt"), "2");
  EXPECT_EQ(done.raw("next_attempt_at"), "");
  EXPECT_NEAR(static_cast<double>(ttl_of("t")), 100, 2);
  expect_consistent();
}

TEST_F(LifeCycleTest, AFailedTaskSaysWhy) {
  create("t");
  EXPECT_EQ(run(store.fail(start("t"), "caf\u00e9 \"exploded\"\n", now())).outcome,
            Written::Outcome::written);
  EXPECT_EQ(record("t").status(), Status::failed);
  EXPECT_EQ(record("t").text("error"), "caf\u00e9 \"exploded\"\n");
  EXPECT_EQ(record("t").text("failed_at"), rfc3339(now()));
  expect_consistent();
}

// A task that went back to its queue is pending, and the attempt that gave it back writes no more.
TEST_F(LifeCycleTest, ReleasedTasksWaitAgain) {
  create("t");
  const Attempt attempt = start("t");
  EXPECT_EQ(run(store.release(attempt, now())).outcome, Written::Outcome::written);
  EXPECT_EQ(record("t").status(), Status::pending);
  EXPECT_EQ(run(store.progress(attempt, 50, {}, now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(run(store.complete(attempt, "1", now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(start("t").number, 2);
  expect_consistent();
}

// Once a newer attempt began, nothing of the older one is written; the newer one goes on undisturbed.
TEST_F(LifeCycleTest, OlderAttemptsAreRefused) {
  create("t");
  const Attempt older = start("t");
  const Attempt newer = start("t");  // the worker died, the message was recovered
  EXPECT_EQ(newer.number, older.number + 1);
  EXPECT_EQ(run(store.progress(older, 90, {}, now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(run(store.complete(older, "\"old\"", now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(run(store.fail(older, "old", now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(run(store.retry(older, "old", now(), now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(run(store.end_cancelled(older, "old", now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(run(store.release(older, now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(record("t").number("progress"), 0);
  EXPECT_EQ(run(store.complete(newer, "\"new\"", now())).outcome, Written::Outcome::written);
  EXPECT_EQ(run(store.complete(older, "\"old\"", now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(record("t").raw("result"), "\"new\"");
}

// A record that has ended stays as it is, also for its own attempt; the message that comes again is not run.
TEST_F(LifeCycleTest, EndedRecordsStay) {
  create("t");
  const Attempt attempt = start("t");
  run(store.complete(attempt, "1", now()));
  EXPECT_EQ(run(store.fail(attempt, "late", now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(run(store.progress(attempt, 5, {}, now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(begin("t", "m-t").outcome, Begun::Outcome::ended);
  EXPECT_EQ(record("t").status(), Status::completed);
  EXPECT_EQ(record("t").raw("attempt"), "1");
}

// A write whose answer was lost is written again without harm.
TEST_F(LifeCycleTest, WritesCanBeRepeated) {
  create("t");
  const Attempt attempt = start("t");
  const WallTime later = now() + 5s;
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(run(store.retry(attempt, "e", later, now())).outcome, Written::Outcome::written);
  const Attempt second = start("t");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(run(store.complete(second, "1", now())).outcome, Written::Outcome::written);
    clock.advance(1s);
  }
  EXPECT_EQ(record("t").text("completed_at"), rfc3339(now() - 2s));
  EXPECT_EQ(run(store.retry(attempt, "e", later, now())).outcome, Written::Outcome::stale);
}

// Messages that Python sent have no record before they start; the start makes it.
TEST_F(LifeCycleTest, StartingMakesARecordThatIsNotThere) {
  const Begun begun = begin("fresh", "m1");
  EXPECT_EQ(begun.outcome, Begun::Outcome::run);
  EXPECT_EQ(begun.attempt.number, 1);
  EXPECT_EQ(record("fresh").status(), Status::processing);
  EXPECT_EQ(record("fresh").text("queue"), "medsynth");
  EXPECT_EQ(record("fresh").text("worker"), "host/w");
  EXPECT_EQ(record("fresh").text("created_at"), rfc3339(now()));
  EXPECT_EQ(ttl_of("fresh"), -1);
  expect_consistent();
}

// While a task lives, its id is nobody else's; and who comes in between is told whose it is.
TEST_F(LifeCycleTest, AnotherMessageDoesNotTakeTheIdOfATaskThatLives) {
  create("t");
  EXPECT_EQ(begin("t", "other").outcome, Begun::Outcome::taken);
  start("t");
  const Begun begun = begin("t", "other");
  EXPECT_EQ(begun.outcome, Begun::Outcome::taken);
  EXPECT_EQ(begun.owner, "m-t");
  EXPECT_EQ(record("t").text("message_id"), "m-t");
}

// Once it has ended, a new message with that id is a new task; nothing of the old one is left, and no late
// write of it counts. The old message, should its worker have died before it settled it, is not run again.
// (R8)
TEST_F(LifeCycleTest, AnotherMessageWithTheIdOfAnEndedTaskIsANewTask) {
  create("t");
  const Attempt old = start("t");
  run(store.fail(old, "boom", now()));
  clock.advance(1s);
  const Begun begun = begin("t", "other");
  EXPECT_EQ(begun.outcome, Begun::Outcome::run);
  EXPECT_EQ(begun.attempt.number, 2);
  const Record replaced = record("t");
  EXPECT_EQ(replaced.status(), Status::processing);
  EXPECT_EQ(replaced.text("message_id"), "other");
  EXPECT_EQ(replaced.text("created_at"), rfc3339(now()));
  EXPECT_EQ(replaced.raw("error"), "");
  EXPECT_EQ(replaced.raw("failed_at"), "");
  EXPECT_EQ(ttl_of("t"), -1);
  EXPECT_EQ(run(store.complete(old, "1", now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(begin("t", "m-t").outcome, Begun::Outcome::deleted);
  EXPECT_EQ(run(store.complete(begun.attempt, "2", now())).outcome, Written::Outcome::written);
  EXPECT_EQ(begin("t", "other").outcome, Begun::Outcome::ended);  // the same message after a crash
  expect_consistent();
}

// Nor does a record that was written directly, and says that it has ended, swallow a message.
TEST_F(LifeCycleTest, AMessageReplacesADirectRecordThatHasEnded) {
  run(store.complete_task("t", "1", now()));
  EXPECT_EQ(begin("t", "m").outcome, Begun::Outcome::run);
  EXPECT_EQ(record("t").raw("result"), "");
  expect_consistent();
}

// A record that was written directly belongs to the first message that runs it, and then has no TTL.
TEST_F(LifeCycleTest, AMessageTakesOverADirectRecord) {
  run(store.set_task_status("t", {{"status", "\"pending\""}, {"mine", "7"}}, now()));
  EXPECT_GT(ttl_of("t"), 0);
  const Begun begun = begin("t", "m");
  EXPECT_EQ(begun.outcome, Begun::Outcome::run);
  EXPECT_EQ(begun.attempt.number, 2);
  EXPECT_EQ(ttl_of("t"), -1);
  EXPECT_EQ(record("t").raw("mine"), "7");
  expect_consistent();
}

// An id exists once; the second submission changes nothing, and its commands are not carried out.
TEST_F(LifeCycleTest, AnExistingIdIsRefused) {
  create("t");
  const auto again = run(store.create({"t", "m2", "q2", "a2", {}}, now(), {Command("RPUSH", "queue", "m2")}));
  EXPECT_EQ(again.outcome, Created::Outcome::exists);
  EXPECT_EQ(record("t").text("message_id"), "m-t");
  EXPECT_EQ(redis_integer(Command("EXISTS", "queue")), 0);
  redis_says(Command("LPUSH", "task:taken", "x"));
  EXPECT_EQ(run(store.create({"taken", "m3", "q", "a", {}}, now())).outcome, Created::Outcome::exists);
}

// Record, idempotency key and queue appear together; the key answers for every later submission.
TEST_F(LifeCycleTest, AGuardAnswersForTheFirstSubmission) {
  const auto submit = [&](const std::string& id, const std::string& value) {
    return run(store.create({id, "m-" + id, "medsynth", "act", {}}, now(),
                            {Command("HSET", "q.msgs", "m-" + id, "{}"), Command("RPUSH", "q", "m-" + id)},
                            Guard{"idem:k", value, 60s}));
  };
  EXPECT_EQ(submit("t1", "digest t1").outcome, Created::Outcome::created);
  EXPECT_EQ(redis_integer(Command("LLEN", "q")), 1);
  EXPECT_EQ(redis_integer(Command("HLEN", "q.msgs")), 1);
  EXPECT_NEAR(static_cast<double>(redis_integer(Command("TTL", "idem:k"))), 60, 2);
  const auto second = submit("t2", "digest t2");
  EXPECT_EQ(second.outcome, Created::Outcome::guarded);
  EXPECT_EQ(second.guard_value, "digest t1");
  EXPECT_FALSE(run(store.get("t2")));
  EXPECT_EQ(redis_integer(Command("LLEN", "q")), 1);
  // The same call again, after its answer was lost.
  EXPECT_EQ(submit("t1", "digest t1").outcome, Created::Outcome::created);
  EXPECT_EQ(redis_integer(Command("LLEN", "q")), 1);
}

// A queue whose key holds something else: the submission fails and leaves no record and no guard behind.
TEST_F(LifeCycleTest, ACommandThatFailsLeavesNoRecord) {
  redis_says(Command("SET", "q", "not a list"));
  const Error error = error_of(
      store.create({"t", "m", "q", "a", {}}, now(), {Command("RPUSH", "q", "m")}, Guard{"idem:k", "v", 60s}));
  EXPECT_EQ(error.code, Code::internal);
  EXPECT_FALSE(run(store.get("t")));
  EXPECT_EQ(redis_integer(Command("EXISTS", "idem:k")), 0);
  expect_consistent();
}

// Eight threads submit the same ids at once: each id is created once, and only its message is queued.
TEST_F(LifeCycleTest, OneOfManySubmissionsWins) {
  constexpr int kThreads = 8, kIds = 50;
  std::atomic<int> created{0};
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kIds; ++i) {
        const std::string id = "t" + std::to_string(i), message = id + "-" + std::to_string(thread);
        const auto result =
            client_->run(store.create({id, message, "q", "a", {}}, now(), {Command("RPUSH", "q", message)}));
        if (result && result->outcome == Created::Outcome::created) ++created;
      }
    });
  threads.clear();
  EXPECT_EQ(created, kIds);
  EXPECT_EQ(redis_integer(Command("LLEN", "q")), kIds);
  expect_consistent();
}

// Two workers start the same message at once: each gets its own attempt number.
TEST_F(LifeCycleTest, AttemptsAreNumberedOnce) {
  create("t");
  std::mutex mutex;
  std::vector<std::int64_t> numbers;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        const auto begun = client_->run(store.begin({"t", "m-t", "q", "a", "w"}, now()));
        const std::lock_guard lock(mutex);
        numbers.push_back(begun ? begun->attempt.number : -1);
      }
    });
  threads.clear();
  std::sort(numbers.begin(), numbers.end());
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], static_cast<std::int64_t>(i) + 1);
}

// Values of every kind and size come back byte for byte.
TEST_F(LifeCycleTest, ValuesComeBackExactly) {
  const std::string large = "\"" + std::string(10'000'000, 'x') + "\"";
  const std::string deep =
      "{\"a\":[[[{\"b\":null}]],18446744073709551615,-9223372036854775808,123456789012345678901234567890,1.0,"
      "8E1]}";
  create("big");
  run(store.complete(start("big"), large, now()));
  EXPECT_TRUE(record("big").raw("result") == large);
  create("deep");
  run(store.complete(start("deep"), deep, now()));
  EXPECT_EQ(record("deep").raw("result"), deep);
}

// Ids may hold anything but control characters; none reaches another's record or an index.
TEST_F(LifeCycleTest, OddIdsDoNotCollide) {
  const std::vector<std::string> odd{"a",
                                     "a:b",
                                     "a%2Fb",
                                     "a/b",
                                     "all",
                                     "expiry",
                                     "status:pending",
                                     "\"quoted\\\"",
                                     "{tag}",
                                     "\u00fcn\u00efc\u00f6de \u2603 \U0001F600",
                                     "x1fall",
                                     "events",
                                     "tombstone:m-a",
                                     "*",
                                     " ",
                                     std::string(200, 'z')};
  for (const std::string& id : odd) create(id);
  for (const std::string& id : odd) {
    EXPECT_EQ(run(store.complete(start(id), json::write_string(id), now())).outcome,
              Written::Outcome::written)
        << id;
  }
  for (const std::string& id : odd) EXPECT_EQ(record(id).text("result"), id);
  EXPECT_EQ(run(store.list({}, now())).total, static_cast<std::int64_t>(odd.size()));
  expect_consistent();
  for (const std::string& id : odd) EXPECT_TRUE(run(store.remove(id, now()))) << id;
  expect_consistent();
}

// Field names may be any text, also those of indexes and hashes.
TEST_F(LifeCycleTest, OddFieldNamesAreKept) {
  run(store.set_task_status("t",
                            {{"", "1"},
                             {"na\u00efve \u2603", "2"},
                             {"\x1f"
                              "all",
                              "3"},
                             {"a\"b", "4"}},
                            now()));
  const Record kept = record("t");
  EXPECT_EQ(kept.raw(""), "1");
  EXPECT_EQ(kept.raw("na\u00efve \u2603"), "2");
  EXPECT_EQ(kept.raw("\x1f"
                     "all"),
            "3");
  EXPECT_EQ(kept.raw("a\"b"), "4");
  EXPECT_TRUE(json::parse(kept.to_json()));
}

// Every change is told on the channel, as JSON that holds the id whatever is in it.
TEST_F(LifeCycleTest, ChangesArePublished) {
  std::mutex mutex;
  std::condition_variable came;
  std::vector<std::string> events;
  redis::Client listener{{.url = *redis::parse_url(server_->unix_url())}};
  listener.subscribe({store.channel()}, [&](std::string_view, std::string_view payload) {
    const std::lock_guard lock(mutex);
    events.emplace_back(payload);
    came.notify_all();
  });
  ASSERT_TRUE(listener.wait_connected(5s));
  ASSERT_TRUE(listener.send({redis::Command("PING")}));  // the subscription stands
  const std::string id = "t\"\\\u2603";
  create(id);
  const Attempt attempt = start(id);
  run(store.progress(attempt, 25.5, {}, now()));
  run(store.complete(attempt, "1", now()));
  run(store.remove(id, now()));
  std::unique_lock lock(mutex);
  ASSERT_TRUE(came.wait_for(lock, 10s, [&] { return events.size() >= 5; }));
  const std::vector<std::pair<std::string, double>> expected{
      {"pending", 0}, {"processing", 0}, {"processing", 25.5}, {"completed", 100}, {"deleted", -1}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto event = json::parse(events[i]);
    ASSERT_TRUE(event) << events[i];
    EXPECT_EQ(event->at("task_id").as_string(), id);
    EXPECT_EQ(event->at("status").as_string(), expected[i].first);
    if (expected[i].second >= 0) EXPECT_EQ(event->at("progress").to_number<double>(), expected[i].second);
  }
}

// A key that holds something else is named; nothing of it is changed.
TEST_F(LifeCycleTest, ForeignKeysAreAConflict) {
  redis_says(Command("LPUSH", "task:list", "x"));
  redis_says(Command("SADD", "task:set", "x"));
  for (const std::string id : {"list", "set"}) {
    const std::vector<Error> errors{error_of(store.get(id)),
                                    error_of(store.begin({id, "m", "q", "a", "w"}, now())),
                                    error_of(store.cancel(id, now())),
                                    error_of(store.remove(id, now())),
                                    error_of(store.set_task_status(id, {}, now())),
                                    error_of(store.fail_task(id, "e", now()))};
    EXPECT_EQ(run(store.fail({id, "m", 1}, "e", now())).outcome, Written::Outcome::stale);
    for (const Error& error : errors) {
      EXPECT_EQ(error.code, Code::conflict) << error.message;
      EXPECT_EQ(error.reason, "not_a_task_record");
    }
    EXPECT_EQ(redis_integer(Command("EXISTS", "task:" + id)), 1);
  }
  EXPECT_EQ(run(store.list({}, now())).total, 0);
}

// A shorter life from now on counts for records that end from now on.
TEST_F(LifeCycleTest, TtlIsGivenAtTheEndAndTakenBackByANewLife) {
  create("t");
  const Store brief({.prefix = "task:", .ttl = 7s});
  const Attempt attempt = start("t");
  run(brief.fail(attempt, "e", now()));
  EXPECT_NEAR(static_cast<double>(ttl_of("t")), 7, 1);
  run(store.set_task_status("t", {{"status", "\"pending\""}},
                            now()));  // replayed: it stands for its message again
  EXPECT_EQ(ttl_of("t"), -1);
  EXPECT_EQ(start("t").number, 3);
  expect_consistent();
}

}  // namespace
}  // namespace medsynth::tasks
