// Queues and dead letters as an operator sees them.
#include "medsynth/dramatiq/queues.h"

#include <algorithm>

#include "medsynth/dramatiq/dead.h"

#include "integration/dramatiq/fixture.h"

namespace medsynth::dramatiq {
namespace {

class QueuesTest : public RedisTest {
 protected:
  // Buries messages with these ids, one after the other.
  void bury(const std::vector<std::string>& ids, const std::string& queue = "q",
            std::string reason = "boom") {
    for (const std::string& id : ids) {
      run(broker_.enqueue(message(id, queue)));
      const auto fetched = run(broker_.fetch(queue, 1));
      EXPECT_TRUE(run(test::dead(broker_, fetched.deliveries.at(0), fetched.deliveries[0].message, reason)));
    }
  }
  static std::vector<std::string> ids(const DeadPage& page) {
    std::vector<std::string> out;
    for (const DeadLetter& letter : page.letters)
      out.push_back(letter.message ? letter.message->message_id : "?");
    return out;
  }

  Broker broker_{{.worker_id = "w"}};
  Queues queues_{broker_};
  DeadLetters dead_{broker_};
};

// A paused queue gives nothing, its messages stay, and resuming rings the bell of who waits.
TEST_F(QueuesTest, APausedQueueIsNotFetched) {
  enqueue(broker_, {"a"});
  EXPECT_TRUE(run(queues_.pause("q")));
  EXPECT_FALSE(run(queues_.pause("q")));
  EXPECT_TRUE(run(broker_.fetch("q", 5)).deliveries.empty());
  const auto states = run(queues_.states({"q", "other"}));
  ASSERT_EQ(states.size(), 2u);
  EXPECT_TRUE(states[0].paused);
  EXPECT_EQ(states[0].depth.ready, 1);
  EXPECT_FALSE(states[1].paused);

  std::atomic<bool> rang{false};
  client_->subscribe({broker_.bell_channel("q")}, [&](auto, auto) { rang = true; });
  EXPECT_TRUE(run(queues_.resume("q")));
  EXPECT_TRUE(eventually([&] { return rang.load(); }));
  EXPECT_EQ(run(broker_.fetch("q", 5)).deliveries.size(), 1u);
}

// A text is found in what waits and what died, letters alike and however it is escaped; nothing in large payloads.
TEST_F(QueuesTest, FindsATextInPayloads) {
  enqueue(broker_, {"alpha", "beta"});
  bury({"gamma"});
  for (const char* text : {"ALPH", "amm"}) {
    const Sought found = run(queues_.search("q", text, 100));
    EXPECT_EQ(found.payloads.size(), 1u) << text;
    EXPECT_EQ(found.looked_at, 3);
    EXPECT_EQ(found.total, 3);
  }
  say("HSET", "dramatiq:q.msgs", "odd", R"(say \"na\u00efve\" \ud83d\ude00)");
  for (const char* text : {"\"naïve\"", "😀"})
    EXPECT_EQ(run(queues_.search("q", text, 100)).payloads.size(), 1u) << text;
  say("HSET", "dramatiq:q.msgs", "large", std::string(300 * 1024, 'x'));
  EXPECT_TRUE(run(queues_.search("q", "xxx", 100)).payloads.empty());
  const Sought none = run(queues_.search("q", "alpha", 0));
  EXPECT_EQ(none.looked_at, 0);
  EXPECT_EQ(none.total, 5);
}

// Known are those that were written down or paused; a scan finds what only others use, by its keys.
TEST_F(QueuesTest, FindsQueues) {
  run(queues_.remember({"ours", "also.ours"}));
  run(queues_.pause("stopped"));
  EXPECT_EQ(run(queues_.known()), (std::vector<std::string>{"also.ours", "ours", "stopped"}));
  enqueue(Broker({.worker_id = "python"}), {"a"});
  run(broker_.enqueue(message("b", "late"), system_clock().now() + 1h));
  say("HSET", "elsewhere:q2.msgs", "a", "b");
  say("SET", "dramatiq:text.msgs", "no hash");
  EXPECT_EQ(run(queues_.scan()), (std::vector<std::string>{"late", "q"}));
  EXPECT_EQ(run(queues_.forget({"also.ours", "never.seen"})), 1);
  EXPECT_EQ(run(queues_.known()), (std::vector<std::string>{"ours", "stopped"}));
}

// Dropping what waits leaves what a worker fetched meanwhile.
TEST_F(QueuesTest, DropsOnlyWhatStillWaits) {
  enqueue(broker_, {"a", "b", "c"});
  const auto waiting = run(queues_.head("q", 2));
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(decode(waiting[0].payload)->message_id, "a");
  const auto fetched = run(broker_.fetch("q", 1));
  EXPECT_EQ(run(queues_.drop("q", waiting)), 1);
  EXPECT_TRUE(run(test::ack(broker_, fetched.deliveries.at(0))));
  EXPECT_EQ(QueuesTest::RedisTest::ids(run(broker_.fetch("q", 5))), std::vector<std::string>{"c"});
}

// Delayed messages lie in the list of the delay queue, or with a worker until they are due.
TEST_F(QueuesTest, DropsDelayedMessagesThatAreHeld) {
  enqueue(broker_, {"a"}, system_clock().now() + 1h);
  const auto held = run(broker_.fetch("q.DQ", 5));
  EXPECT_TRUE(run(queues_.head("q.DQ", 5)).empty());
  EXPECT_EQ(run(queues_.drop_held_delayed("q", run(queues_.held_delayed("q", 5)))), 1);
  run(test::move_due(broker_, held.deliveries.at(0)));
  EXPECT_EQ(keys(), std::vector<std::string>{}) << "it does not come back when it is due";
}

// Delayed messages of the due index leave it, and the scheduler that holds them.
TEST_F(QueuesTest, WhatIsDroppedIsNotKeptUntilItIsDue) {
  enqueue(broker_, {"a", "b"}, system_clock().now() + 1h);
  const auto taken = run(broker_.fetch("q.DQ", 5));
  EXPECT_EQ(run(schedule(broker_.options(), "q", taken.deliveries, system_clock().now())), 2);
  EXPECT_EQ(run(queues_.drop_held_delayed("q", run(queues_.held_delayed("q", 5)))), 2);
  EXPECT_EQ(keys(), std::vector<std::string>{});
}

// Pages go from the newest to the oldest over all queues, without gap or repetition, whatever is removed.
TEST_F(QueuesTest, PagesThroughDeadLetters) {
  bury({"a", "b", "c"}, "q");
  bury({"d", "e"}, "r");
  // The same millisecond for all: the order is that of the ids.
  for (const char* key : {"dramatiq:q.XQ", "dramatiq:r.XQ"})
    for (const std::string& id : words(say("ZRANGE", key, 0, -1))) say("ZADD", key, 1000, id);
  std::vector<std::string> seen;
  DeadRequest request{.limit = 2};
  for (int pages = 0; pages < 5; ++pages) {
    const DeadPage page = run(dead_.list({"q", "r"}, request));
    EXPECT_EQ(page.total, 5 - pages);
    for (const std::string& id : ids(page)) seen.push_back(id);
    if (!page.next) break;
    const std::string text = to_text(*page.next);
    request.after = *parse_dead_cursor(text);
    // The letter that the cursor names goes away.
    const DeadLetter& last = page.letters.back();
    EXPECT_EQ(run(dead_.remove(last.queue, {last.redis_message_id})), 1);
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "c", "d", "e"}));
}

TEST_F(QueuesTest, WrongCursorsAreRefused) {
  for (const char* text : {"", "12", "x:y", ":", "1.5:a"})
    EXPECT_EQ(parse_dead_cursor(text).error().faults.at(0).pointer, "/cursor") << text;
}

// A letter says why it died, how often it ran, and what it was.
TEST_F(QueuesTest, ALetterTellsWhy) {
  bury({"a"}, "q", "out of memory");
  const DeadPage page = run(dead_.list({"q"}, {}));
  ASSERT_EQ(page.letters.size(), 1u);
  const DeadLetter& letter = page.letters[0];
  EXPECT_EQ(letter.reason, "out of memory");
  EXPECT_EQ(letter.message->actor_name, "act");
  EXPECT_NEAR(static_cast<double>(letter.died_at_ms), static_cast<double>(millis(system_clock().now())),
              60'000);
  const auto found = run(dead_.get({"other", "q"}, letter.redis_message_id));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->queue, "q");
  EXPECT_EQ(run(dead_.get({"other"}, letter.redis_message_id)), std::nullopt);
}

// Python buries what it had stored before the last attempt, and no reason: its traceback has to do.
TEST_F(QueuesTest, APythonLetterIsUnderstood) {
  Message m = message("a");
  m.set_option("retries", "2");
  m.set_option("traceback", R"("Traceback (most recent call last):\n  ...\nValueError: boo\n")");
  say("ZADD", "dramatiq:q.XQ", 1000, "r1");
  say("HSET", "dramatiq:q.XQ.msgs", "r1", encode(m));
  const DeadPage page = run(dead_.list({"q"}, {}));
  ASSERT_EQ(page.letters.size(), 1u);
  EXPECT_EQ(page.letters[0].reason, "ValueError: boo");
  EXPECT_EQ(page.letters[0].attempts, 3);
}

// An undecodable payload lies among the dead as a message that everybody decodes, and is shown as it came.
TEST_F(QueuesTest, AnUndecodablePayloadIsWrapped) {
  const std::string bad = std::string("\x80\x04 pickle \x1b[31m\0", 17);
  say("HSET", "dramatiq:q.msgs", "r1", bad);
  say("RPUSH", "dramatiq:q", "r1");
  EXPECT_EQ(run(broker_.fetch("q", 5)).quarantined, 1);
  EXPECT_TRUE(decode(*redis::text(say("HGET", "dramatiq:q.XQ.msgs", "r1")))) << "the dashboard decodes each";
  const auto letter = run(dead_.get({"q"}, "r1"));
  ASSERT_TRUE(letter);
  EXPECT_EQ(letter->message, std::nullopt);
  EXPECT_EQ(letter->payload, bad);
  EXPECT_TRUE(letter->reason.starts_with("undecodable")) << letter->reason;
}

// Replayed, a message is as new: at the tail of its queue, without retries, traceback and deaths.
TEST_F(QueuesTest, AReplayedMessageIsAsNew) {
  Message m = message("a");
  m.set_option("retries", "3");
  m.set_option("traceback", "\"...\"");
  m.set_option("eta", "1");
  m.set_option("mine", "[1]");
  m.message_timestamp = 5;
  run(broker_.enqueue(m));
  auto fetched = run(broker_.fetch("q", 1));
  run(test::dead(broker_, fetched.deliveries.at(0), fetched.deliveries[0].message, "boom"));
  const auto letter = run(dead_.list({"q"}, {})).letters.at(0);
  const WallTime now = system_clock().now();
  run(redis::all_ok(dead_.replay_commands(letter, now)));
  fetched = run(broker_.fetch("q", 1));
  ASSERT_EQ(fetched.deliveries.size(), 1u);
  const Message& again = fetched.deliveries[0].message;
  EXPECT_EQ(again.message_id, "a");
  EXPECT_EQ(again.message_timestamp, millis(now));
  EXPECT_EQ(again.option("mine"), "[1]");
  for (const char* gone : {"retries", "traceback", "eta", "requeue_timestamp"})
    EXPECT_EQ(again.option(gone), "") << gone;
  EXPECT_TRUE(run(test::ack(broker_, fetched.deliveries[0])));
  EXPECT_EQ(keys(), std::vector<std::string>{});
}

}  // namespace
}  // namespace medsynth::dramatiq
