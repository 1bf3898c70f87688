// What Redis refuses, in the middle of a change: nothing is half done, and nobody is told less than what was
// done. (R3)
#include <map>

#include "store_fixture.h"

namespace medsynth::tasks {
namespace {

using redis::Command;

class RefusalTest : public StoreTest {
 protected:
  std::map<std::string, std::string> everything() {
    std::map<std::string, std::string> all;
    const auto keys = redis::texts(redis_says(Command("KEYS", "*")));
    for (const std::string& key : *keys) all[key] = redis_says(Command("DUMP", key)).text;
    return all;
  }
  template <class T>
  void expect_refused(redis::Query<T> query) {
    const auto before = everything();
    EXPECT_FALSE(client_->run(std::move(query)));
    EXPECT_EQ(everything(), before);
  }
  NewTask task(const std::string& id) const {
    return {.task_id = id, .message_id = "m-" + id, .queue = "medsynth", .actor = "act"};
  }
  const std::vector<Command> enqueue{Command("HSET", "q.msgs", "id", "payload"), Command("RPUSH", "q", "id"),
                                     Command("PUBLISH", "bell", "q")};
};

// What a new user of Redis 7 has: no channel.
TEST_F(RefusalTest, WithoutAChannelEverythingIsDone) {
  redis_says(Command("ACL", "SETUSER", "app", "reset", "on", ">pw", "+@all", "~*", "resetchannels"));
  const auto url = *redis::parse_url("redis://app:pw@127.0.0.1:" + std::to_string(server_->port()));
  redis::Client client({.url = url});
  ASSERT_TRUE(client.wait_connected(5s));
  EXPECT_EQ(client.run(store.create(task("t"), now(), enqueue))->outcome, Created::Outcome::created);
  const auto begun = client.run(store.begin({"t", "m-t", "medsynth", "act", "host/w"}, now()));
  ASSERT_TRUE(begun);
  EXPECT_TRUE(client.run(store.progress(begun->attempt, 5, {}, now())));
  EXPECT_TRUE(client.run(store.advance({to_failed(begun->attempt, "boom", now())}, "host/w", now())));
  redis_says(Command("ZADD", "dead", 1, "id"));
  std::vector<Command> replay{Command("ZREM", "dead", "id")};
  replay.insert(replay.end(), enqueue.begin(), enqueue.end());
  EXPECT_EQ(*client.run(store.reopen("t", "m-t", now(), replay)), Reopened::reopened);
  EXPECT_EQ(client.run(store.cancel("t", now()))->outcome, Cancelled::Outcome::cancelled);
  EXPECT_TRUE(*client.run(store.remove("t", now())));
  EXPECT_EQ(redis_integer(Command("LLEN", "q")), 2);
}

// The queue's key holds something else: no record without a message, and no payload without an entry.
TEST_F(RefusalTest, ATaskThatCannotBeEnqueuedIsNotMade) {
  redis_says(Command("SET", "q", "not a list"));
  expect_refused(store.create(task("t"), now(), enqueue));
  redis_says(Command("DEL", "q"));
  EXPECT_EQ(run(store.create(task("t"), now(), enqueue)).outcome, Created::Outcome::created);
}

// A replay that cannot be enqueued leaves the letter where it lies.
TEST_F(RefusalTest, ALetterThatCannotBeEnqueuedStays) {
  create("t");
  run(store.fail(start("t"), "boom", now()));
  redis_says(Command("ZADD", "dead", 1, "id"));
  redis_says(Command("SET", "q", "not a list"));
  std::vector<Command> commands{Command("ZREM", "dead", "id")};
  commands.insert(commands.end(), enqueue.begin(), enqueue.end());
  expect_refused(store.reopen("t", "m-t", now(), commands));
  redis_says(Command("DEL", "q"));
  EXPECT_EQ(run(store.reopen("t", "m-t", now(), commands)), Reopened::reopened);
}

// An index holds something else: every write says so, and changes nothing.
TEST_F(RefusalTest, AnIndexOfAnotherKindChangesNothing) {
  create("t"), create("u");
  const Attempt attempt = start("t");
  for (const char* name : {"all", "expiry", "status:pending", "status:processing", "status:completed"}) {
    const std::string index = std::string("task:\x1f") + name;
    const bool there = redis_integer(Command("EXISTS", index)) == 1;
    if (there) redis_says(Command("RENAME", index, "aside"));
    redis_says(Command("SET", index, "x"));
    expect_refused(store.create(task("new"), now(), enqueue));
    expect_refused(store.begin({"u", "m-u", "medsynth", "act", "host/w"}, now()));
    expect_refused(store.open({{"new", "m-new", "medsynth", "act", "host/w"}}, now()));
    expect_refused(store.advance({to_completed(attempt, "1", now())}, "host/w", now()));
    expect_refused(store.complete(attempt, "1", now()));
    expect_refused(store.progress(attempt, 5, {}, now()));
    expect_refused(store.release(attempt, now()));
    expect_refused(store.cancel("u", now()));
    expect_refused(store.remove("u", now()));
    expect_refused(store.remove_many({}, {}, now()));
    expect_refused(store.abandon({{"u", "m-u"}}, now()));
    expect_refused(store.set_task_status("u", {{"status", "\"failed\""}}, now()));
    redis_says(Command("DEL", index));
    if (there) redis_says(Command("RENAME", "aside", index));
  }
  EXPECT_EQ(run(store.complete(attempt, "1", now())).outcome, Written::Outcome::written);
  expect_consistent();
}

// Rights that are missing for the second half of a change.
TEST_F(RefusalTest, RightsAreAskedBeforeAnythingIsWritten) {
  create("t");
  const Attempt attempt = start("t");
  const auto url = *redis::parse_url("redis://app:pw@127.0.0.1:" + std::to_string(server_->port()));
  redis_says(Command("ACL", "SETUSER", "app", "reset", "on", ">pw", "+@all", "~*", "&*"));
  redis::Client client({.url = url});
  ASSERT_TRUE(client.wait_connected(5s));
  for (const char* verb : {"zadd", "zrem", "hdel", "pexpire"}) {
    redis_says(Command("ACL", "SETUSER", "app", "-" + std::string(verb)));
    const auto before = everything();
    EXPECT_FALSE(client.run(store.complete(attempt, "1", now()))) << verb;
    EXPECT_FALSE(client.run(store.advance({to_completed(attempt, "1", now())}, "host/w", now()))) << verb;
    EXPECT_FALSE(client.run(store.create(task("new"), now(), enqueue))) << verb;
    EXPECT_FALSE(client.run(store.remove("t", now()))) << verb;
    EXPECT_EQ(everything(), before) << verb;
    redis_says(Command("ACL", "SETUSER", "app", "+" + std::string(verb)));
  }
  redis_says(Command("SET", "task:old", R"({"status": "pending"})"));
  redis_says(Command("ACL", "SETUSER", "app", "-hset"));
  EXPECT_FALSE(client.run(store.cancel("old", now())));
  EXPECT_EQ(redis_says(Command("GET", "task:old")).text, R"({"status": "pending"})");
}

// A number that somebody wrote over does not stop those that are written with it.
TEST_F(RefusalTest, AnAttemptThatIsNoNumberStopsNobody) {
  create("t"), create("u");
  redis_says(Command("HSET", "task:t", "attempt", "\"x\""));
  const Attempt u = start("u");
  const auto written = run(store.advance(
      {to_completed({"t", "m-t", 1, 0}, "1", now()), to_completed(u, "1", now())}, "host/w", now()));
  EXPECT_EQ(written[1].outcome, Written::Outcome::written);
  EXPECT_EQ(record("u").status(), Status::completed);
}

}  // namespace
}  // namespace medsynth::tasks
