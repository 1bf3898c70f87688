// Many attempts in one script: the same records, indexes and fences as one by one.
#include <condition_variable>
#include <mutex>

#include "store_fixture.h"

namespace medsynth::tasks {
namespace {

using Numbers = std::vector<std::int64_t>;

class BatchTest : public StoreTest {
 protected:
  static std::vector<Begin> begins(const std::vector<std::string>& task_ids) {
    std::vector<Begin> all;
    for (const auto& id : task_ids) all.push_back({id, "m-" + id, "medsynth", "act", "host/w"});
    return all;
  }
  // As a worker does: a look, and what is unusual by the script.
  std::vector<Attempt> open(const std::vector<std::string>& task_ids) {
    std::vector<Attempt> attempts = run(store.look(begins(task_ids)));
    for (Attempt& attempt : attempts)
      if (attempt.number == 0) attempt = run(store.begin(begins({attempt.task_id}).front(), now())).attempt;
    return attempts;
  }
  Written advance(Advance step) { return run(store.advance({std::move(step)}, "host/w", now())).front(); }
  std::int64_t listed(const std::string& status) {
    return redis_integer(redis::Command("ZCARD",
                                        "task:\x1f"
                                        "status:" +
                                            status));
  }
};

// Tasks that start and end within one flush: one write each, and what can be seen of them is what single
// calls leave.
TEST_F(BatchTest, StatesThatFollowQuicklyAreOneWrite) {
  for (const char* id : {"a", "b"}) create(id);
  auto attempts = open({"a", "b", "new"});  // the last one was sent by Python: it had no record
  EXPECT_EQ(record("a").text("status"), "pending");
  std::vector<Advance> steps;
  steps.push_back(to_completed(attempts[0], "{\"n\":1180591620717411303424}", now()));
  steps.push_back(to_failed(attempts[1], "broken", now()));
  steps.push_back(to_retrying(attempts[2], "again", now() + 15s));
  for (const Written& written : run(store.advance(steps, "host/w", now())))
    EXPECT_EQ(written.outcome, Written::Outcome::written);
  for (const Written& again : run(store.advance(steps, "host/w", now())))
    EXPECT_EQ(again.outcome, Written::Outcome::written);
  EXPECT_EQ(record("a").raw("result"), "{\"n\":1180591620717411303424}");
  EXPECT_EQ(record("a").raw("progress"), "100");
  EXPECT_EQ(record("a").raw("attempt"), "1");
  EXPECT_EQ(record("b").text("error"), "broken");
  EXPECT_EQ(record("new").text("status"), "retrying");
  EXPECT_EQ(record("new").text("actor"), "act");
  EXPECT_GT(ttl_of("a"), 0);
  EXPECT_EQ(ttl_of("new"), -1);  // its message still lives
  EXPECT_EQ((Numbers{listed("pending"), listed("completed"), listed("failed"), listed("retrying")}),
            (Numbers{0, 1, 1, 1}));
}

// Whether open() knew when a record was made or not: every index has it under that time.
TEST_F(BatchTest, IndexesAgreeOnWhenARecordWasMade) {
  std::vector<std::string> names;
  for (const char* id : {"first", "second", "retried"}) {
    create(id);
    names.emplace_back(id);
    clock.advance(1234567us);
  }
  run(store.release(start("retried"), now()));
  names.emplace_back("new");
  const auto attempts = open(names);
  EXPECT_EQ(attempts[2].number, 2);
  std::vector<Advance> steps;
  for (const Attempt& attempt : attempts) steps.push_back(to_completed(attempt, "1", now()));
  for (const Written& written : run(store.advance(steps, "host/w", now())))
    EXPECT_EQ(written.outcome, Written::Outcome::written);
  for (const std::string& id : names)
    EXPECT_EQ(redis_says(redis::Command("ZSCORE",
                                        "task:\x1f"
                                        "status:completed",
                                        id))
                  .text,
              redis_says(redis::Command("ZSCORE",
                                        "task:\x1f"
                                        "all",
                                        id))
                  .text)
        << id;
  EXPECT_EQ(ids(run(store.list({.status = Status::completed}, now()))),
            (std::vector<std::string>{"new", "retried", "second", "first"}));
}

// It takes longer than expected: it is shown as processing, may be asked to stop, and ends.
TEST_F(BatchTest, ALongerOneIsProcessingInBetween) {
  create("a");
  const Attempt attempt = open({"a"}).front();
  EXPECT_EQ(advance(to_processing(attempt)).outcome, Written::Outcome::written);
  EXPECT_EQ(record("a").text("worker"), "host/w");
  EXPECT_EQ(listed("processing"), 1);
  EXPECT_EQ(run(store.cancel("a", now())).outcome, Cancelled::Outcome::requested);
  const Written written = advance(to_cancelled(attempt, "cancelled", now()));
  EXPECT_TRUE(written.stop_requested);
  EXPECT_EQ(record("a").text("status"), "cancelled");
  EXPECT_FALSE(tombstone("m-a"));
}

// A worker was paused between open() and its first write; another one began meanwhile: the late write is
// refused.
TEST_F(BatchTest, ALateAttemptWritesNothing) {
  create("a");
  const Attempt late = open({"a"}).front();
  start("a");
  EXPECT_EQ(run(store.advance({to_completed(late, "\"late\"", now())}, "host/paused", now())).front().outcome,
            Written::Outcome::stale);
  EXPECT_EQ(record("a").text("status"), "processing");
}

// Ended, cancelled while it waited, of another message, running already, not there: a look says nothing of
// these, and open() says each its own.
TEST_F(BatchTest, WhatIsUnusualIsOpenedByScript) {
  for (const char* id : {"ended", "cancelled", "other", "running"}) create(id);
  run(store.complete(start("ended"), "1", now()));
  run(store.cancel("cancelled", now()));
  start("running");
  redis_says(redis::Command("SET", "task:old", "{\"status\":\"failed\",\"error\":\"before\"}"));
  redis_says(redis::Command("RPUSH", "task:foreign", "1"));
  std::vector<Begin> all = begins({"ended", "cancelled", "running", "new", "old", "foreign"});
  all.push_back({"other", "m-another", "q", "act", "w"});
  for (const Attempt& attempt : run(store.look(all))) EXPECT_EQ(attempt.number, 0) << attempt.task_id;
  const auto opened = run(store.open(all, now()));
  using enum Begun::Outcome;
  std::vector<Begun::Outcome> outcomes;
  for (const Result<Begun>& each : opened)
    if (each) outcomes.push_back(each->outcome);
  EXPECT_EQ(outcomes, (std::vector{ended, cancelled, Begun::Outcome::run, Begun::Outcome::run,
                                   Begun::Outcome::run, taken}));
  EXPECT_EQ(opened[2]->attempt.number, 2);
  EXPECT_EQ(opened[3]->attempt.number, 1);
  ASSERT_FALSE(opened[5]);
  EXPECT_EQ(opened[5].error().reason, "not_a_task_record");
  EXPECT_EQ(opened[6]->owner, "m-other");
  EXPECT_EQ(record("new").text("status"), "processing");
  EXPECT_EQ(record("new").text("worker"), "host/w");
  EXPECT_EQ(record("old").text("status"), "processing");
}

// Cancelled or deleted between open() and the end: the end does not bring it back.
TEST_F(BatchTest, WhatEndedMeanwhileStays) {
  for (const char* id : {"a", "b"}) create(id);
  const auto attempts = open({"a", "b"});
  run(store.cancel("a", now()));
  run(store.remove("b", now()));
  EXPECT_EQ(advance(to_completed(attempts[0], "1", now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(advance(to_completed(attempts[1], "1", now())).outcome, Written::Outcome::gone);
  EXPECT_EQ(record("a").text("status"), "cancelled");
  EXPECT_FALSE(run(store.get("b")));
}

// One that is unusual among them: each gets its own answer.
TEST_F(BatchTest, EachGetsItsOwnAnswer) {
  for (const char* id : {"a", "b", "c", "d"}) create(id);
  start("b");
  auto attempts = open({"a", "b", "c", "d", "new"});
  Numbers numbers;
  for (const Attempt& attempt : attempts) numbers.push_back(attempt.number);
  EXPECT_EQ(numbers, (Numbers{1, 2, 1, 1, 1}));
  run(store.cancel("c", now()));
  std::vector<Advance> steps{to_failed(attempts[0], "broken", now()), to_completed(attempts[2], "2", now()),
                             to_completed(attempts[3], "3", now()), to_failed(attempts[4], "too", now())};
  std::vector<Written::Outcome> outcomes;
  for (const Written& written : run(store.advance(steps, "host/w", now())))
    outcomes.push_back(written.outcome);
  using enum Written::Outcome;
  EXPECT_EQ(outcomes, (std::vector{written, stale, written, written}));
  EXPECT_EQ(record("a").text("error"), "broken");
  EXPECT_EQ(record("d").raw("result"), "3");
  EXPECT_EQ(record("new").text("error"), "too");
}

// The source document's calls may put a cancelled task back to pending: its message must not run all the
// same.
TEST_F(BatchTest, ACancelledOneThatWasWrittenOverIsLeftToBegin) {
  create("a");
  run(store.cancel("a", now()));
  run(store.update_task_progress("a", 0, {{"status", "\"pending\""}}, now()));
  EXPECT_EQ(run(store.look(begins({"a"}))).front().number, 0);
  EXPECT_EQ(begin("a", "m-a").outcome, Begun::Outcome::cancelled);
}

// Those that ended together have one entry of the expiry index, and expire each by itself.
TEST_F(BatchTest, WhatEndedTogetherIsSweptOneByOne) {
  std::vector<std::string> names{"expired", "removed", "kept", "renewed"};
  for (const std::string& id : names) create(id);
  std::vector<Advance> steps;
  for (Attempt& attempt : open(names)) steps.push_back(to_completed(std::move(attempt), "1", now()));
  run(store.advance(steps, "host/w", now()));
  for (const std::string& id : names) EXPECT_GT(ttl_of(id), 0) << id;
  run(store.remove("removed", now()));
  redis_says(redis::Command("DEL", "task:expired"));  // as Redis does when its time is up
  redis_says(redis::Command("PERSIST", "task:kept"));
  clock.advance(101s);
  EXPECT_GE(run(store.sweep(now())), 1);
  EXPECT_EQ(ids(run(store.list({}, now()))).size(), 2u);
  EXPECT_EQ(listed("completed"), 2);
  redis_says(redis::Command("DEL", "task:renewed"));
  clock.advance(101s);
  EXPECT_EQ(run(store.sweep(now())), 1);
  EXPECT_EQ(ids(run(store.list({}, now()))), std::vector<std::string>{"kept"});
  EXPECT_EQ(redis_integer(redis::Command("ZCARD",
                                         "task:\x1f"
                                         "expiry")),
            0);
}

// What changed together is told in one message, a line for each.
TEST_F(BatchTest, ChangesOfManyAreOneMessage) {
  std::mutex mutex;
  std::condition_variable came;
  std::vector<std::string> messages;
  redis::Client listener{{.url = *redis::parse_url(server_->unix_url())}};
  for (const char* id : {"a", "b"}) create(id);
  const auto attempts = open({"a", "b"});
  listener.subscribe({store.channel()}, [&](std::string_view, std::string_view payload) {
    const std::lock_guard lock(mutex);
    messages.emplace_back(payload);
    came.notify_all();
  });
  ASSERT_TRUE(listener.wait_connected(5s));
  ASSERT_TRUE(listener.send({redis::Command("PING")}));  // the subscription stands
  run(store.advance({to_completed(attempts[0], "1", now()), to_failed(attempts[1], "no", now())}, "host/w",
                    now()));
  std::unique_lock lock(mutex);
  ASSERT_TRUE(came.wait_for(lock, 10s, [&] { return !messages.empty(); }));
  EXPECT_EQ(
      events_in(messages.front()),
      (std::vector<std::string_view>{R"({"task_id":"a","status":"completed","progress":100,"attempt":1})",
                                     R"({"task_id":"b","status":"failed","progress":0,"attempt":1})"}));
}

}  // namespace
}  // namespace medsynth::tasks
