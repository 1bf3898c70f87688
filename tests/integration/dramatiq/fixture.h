// A Redis of its own, a client, and a view of the keys, for the tests of this room.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "medsynth/base/id.h"
#include "medsynth/dramatiq/broker.h"
#include "medsynth/dramatiq/consumer.h"
#include "medsynth/dramatiq/workers.h"
#include "medsynth/redis/client.h"

#include "support/eventually.h"
#include "support/redis_server.h"
#include "support/settle.h"

namespace medsynth::dramatiq {

using namespace std::chrono_literals;
using test::eventually;

inline std::unique_ptr<redis::Client> connect(const test::RedisServer& server) {
  auto client = std::make_unique<redis::Client>(redis::ClientOptions{.url = *redis::parse_url(server.url())});
  EXPECT_TRUE(client->wait_connected(5s));
  return client;
}

inline Message message(std::string id, std::string queue = "q") {
  Message m = make_message(std::move(queue), "act", "{}", system_clock().now());
  m.message_id = std::move(id);
  return m;
}

class RedisTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new test::RedisServer(); }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  void SetUp() override {
    client_ = connect(*server_);
    say("FLUSHALL");
  }

  template <class T>
  T run(redis::Query<T> query) {
    auto result = client_->run(std::move(query));
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return result ? std::move(*result) : T{};
  }
  template <class... Words>
  redis::Reply say(Words&&... words) {
    auto replies = client_->send({redis::Command(std::forward<Words>(words)...)});
    EXPECT_TRUE(replies);
    return replies ? std::move((*replies)[0]) : redis::Reply{};
  }
  std::vector<std::string> words(const redis::Reply& reply) { return *redis::texts(reply); }
  // All keys but those that tell who lives, sorted.
  std::vector<std::string> keys() {
    auto names = words(say("KEYS", "*"));
    std::erase_if(names, [](const std::string& n) {
      return n == "dramatiq:__heartbeats__" || n == "dramatiq:__medsynth__.workers";
    });
    std::sort(names.begin(), names.end());
    return names;
  }
  bool ack(Consumer& consumer, const Broker& broker, Delivery delivery) {
    return test::settle(*client_, broker, consumer, std::move(delivery), {});
  }
  void enqueue(const Broker& broker, const std::vector<std::string>& ids, std::optional<WallTime> eta = {}) {
    for (const std::string& id : ids) run(broker.enqueue(message(id), eta));
  }
  static std::vector<std::string> ids(const Fetched& fetched) {
    std::vector<std::string> out;
    for (const Received& d : fetched.deliveries) out.push_back(d.message.message_id);
    return out;
  }

  static inline test::RedisServer* server_ = nullptr;
  std::unique_ptr<redis::Client> client_;
};

using Ids = std::vector<std::string>;

// Two workers of one host.
class BrokerTest : public RedisTest {
 protected:
  const Broker broker_{{.worker_id = "worker-a", .host = "box", .pids = "boot pid:[1]"}};
  const Broker other_{{.worker_id = "worker-b", .host = "box"}};

  Received fetch_one(const Broker& broker, const std::string& queue = "q") {
    auto fetched = run(broker.fetch(queue, 1));
    EXPECT_EQ(fetched.deliveries.size(), 1u);
    return fetched.deliveries.empty() ? Received{} : fetched.deliveries[0];
  }
  // As a worker that was last heard of so long ago.
  void silent_for(const std::string& worker, std::chrono::milliseconds time) {
    say("ZADD", "dramatiq:__heartbeats__", millis(system_clock().now() - time), worker);
  }
};

}  // namespace medsynth::dramatiq
