// Redis goes away and comes back: nothing is lost, nothing is run by two at once, nothing stays in an ack
// set.
#include <atomic>
#include <map>
#include <mutex>

#include "medsynth/dramatiq/consumer.h"

#include "fixture.h"

namespace medsynth::dramatiq {
namespace {

using Ids = std::vector<std::string>;

class OutageTest : public testing::Test {
 protected:
  // A server of its own, since it is killed: every write is on disk before it is answered.
  test::RedisServer server_{{"--appendfsync", "always"}};
  std::unique_ptr<redis::Client> client_ = connect(server_);
  std::unique_ptr<redis::Client> watcher_ = connect(server_);
  const Broker broker_{{.worker_id = "worker-a"}};

  std::int64_t number(std::string_view verb, const std::string& key) {
    const auto replies = watcher_->send({redis::Command(verb, key)});
    return replies ? redis::integer((*replies)[0]).value() : -1;
  }
  void enqueue(const Ids& ids, std::optional<WallTime> eta = {}) {
    for (const std::string& id : ids) ASSERT_TRUE(watcher_->run(broker_.enqueue(message(id), eta)));
  }
  void restart() {
    server_.kill();
    server_.start();
    ASSERT_TRUE(watcher_->wait_connected(10s));
  }
  // In the order in which messages move: what had left a place when it was looked at is not behind us.
  bool clean() {
    return number("EXISTS", "dramatiq:q.DQ.msgs") == 0 && number("EXISTS", "dramatiq:q.msgs") == 0 &&
           number("EXISTS", "dramatiq:__acks__.worker-a.q") == 0;
  }
};

// Killed and restarted three times while messages flow, delayed ones among them: each runs, and nothing is
// left.
TEST_F(OutageTest, ARestartLosesNothing) {
  Consumer consumer(*client_, broker_, {.queues = {"q"}, .prefetch = 4});
  std::mutex mutex;
  std::map<std::string, int> runs;
  std::jthread worker([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      auto d = consumer.take(50ms, stop);
      if (!d) continue;
      {
        const std::lock_guard lock(mutex);
        ++runs[d->message.message_id];
      }
      test::settle(*client_, broker_, consumer, std::move(*d), {});
    }
  });
  for (int round = 0; round < 3; ++round) {
    Ids now, later;
    for (int i = 0; i < 200; ++i) (i % 4 ? now : later).push_back(std::to_string(round * 200 + i));
    enqueue(now);
    enqueue(later, system_clock().now() + 500ms);
    restart();
  }
  EXPECT_TRUE(eventually([&] { return clean(); }, 60s));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(runs.size(), 600u);
  int doubles = 0;
  for (const auto& [id, count] : runs) doubles += count - 1;
  EXPECT_LE(doubles, 3 * 6);  // at most what was in hand at each kill
}

// An answer of Redis was lost: the messages it took off the list are in our ack set, but not in hand. They
// come back.
TEST_F(OutageTest, MessagesTakenWithoutAnAnswerComeBackAfterTheOutage) {
  Consumer consumer(*client_, broker_, {.queues = {"q"}});
  ASSERT_FALSE(consumer.take(50ms));
  ASSERT_TRUE(watcher_->run(broker_.enqueue(message("m1", "hidden"))));
  // What a fetch whose answer was lost leaves behind.
  ASSERT_TRUE(
      watcher_->send({redis::Command("RENAME", "dramatiq:hidden.msgs", "dramatiq:q.msgs"),
                      redis::Command("LMOVE", "dramatiq:hidden", "dramatiq:scratch", "LEFT", "LEFT")}));
  const auto id = watcher_->send({redis::Command("LPOP", "dramatiq:scratch")});
  ASSERT_TRUE(watcher_->send({redis::Command("SADD", "dramatiq:__acks__.worker-a.q", (*id)[0].text)}));
  EXPECT_FALSE(consumer.take(300ms));
  restart();
  auto d = consumer.take(15s);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->message.message_id, "m1");
  EXPECT_TRUE(test::settle(*client_, broker_, consumer, std::move(*d), {}));
}

// Redis comes back after everybody's lease ran out by the clock: nobody takes anything before one full
// timeout.
TEST_F(OutageTest, AfterAnOutageRecoveryWaitsOneFullTimeout) {
  const BrokerOptions fast{.worker_id = "survivor", .our_timeout = 1500ms, .heartbeat_timeout = 3000ms};
  const Broker survivor(fast), other({.worker_id = "other"});
  ASSERT_TRUE(watcher_->run(Workers(other).enter(1)));
  enqueue({"m1"});
  ASSERT_TRUE(watcher_->run(other.fetch("q", 1)));
  Consumer consumer(*client_, survivor, {.queues = {"q"}, .heartbeat = 100ms, .maintenance = 20ms});
  server_.kill();
  ASSERT_TRUE(eventually([&] { return !client_->connected(); }));
  std::this_thread::sleep_for(2s);  // the outage itself: longer than the timeout
  const auto back = std::chrono::steady_clock::now();
  server_.start();
  auto d = consumer.take(20s);
  ASSERT_TRUE(d);
  EXPECT_GE(std::chrono::steady_clock::now() - back, 1500ms);
  EXPECT_TRUE(test::settle(*client_, survivor, consumer, std::move(*d), {}));
}

}  // namespace
}  // namespace medsynth::dramatiq
