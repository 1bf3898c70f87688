#include "medsynth/dramatiq/producer.h"

#include "fixture.h"

namespace medsynth::dramatiq {
namespace {

using ProducerTest = RedisTest;

TEST_F(ProducerTest, SendsManyInTheirOrder) {
  const Broker broker({.worker_id = "producer"});
  const Producer producer(*client_, broker);
  std::vector<Outgoing> many;
  for (int i = 0; i < 5000; ++i) many.push_back({message(std::to_string(i))});
  ASSERT_TRUE(producer.send(std::move(many)));
  ASSERT_TRUE(producer.send(message("one more")));
  ASSERT_TRUE(producer.send(message("later"), 1h));
  for (int i = 0; i < 5000; i += 1000) {
    const auto fetched = ids(run(broker.fetch("q", 1000)));
    ASSERT_EQ(fetched.size(), 1000u);
    EXPECT_EQ(fetched.front(), std::to_string(i));
    EXPECT_EQ(fetched.back(), std::to_string(i + 999));
  }
  EXPECT_EQ(ids(run(broker.fetch("q", 10))), std::vector<std::string>{"one more"});
  EXPECT_EQ(run(broker.depth("q")).delayed, 1);
}

// One of three could not be decoded by Python: none is sent, and the error says which one and where.
TEST_F(ProducerTest, RefusesAllWhenOneIsWrong) {
  const Broker broker({.worker_id = "producer"});
  std::vector<Outgoing> many{{message("1")}, {message("2")}, {message("3")}};
  many[1].message.args = "[1,]";
  const auto sent = Producer(*client_, broker).send(std::move(many));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::invalid_argument);
  EXPECT_EQ(sent.error().faults.at(0).pointer, "/1/args");
  EXPECT_EQ(keys(), std::vector<std::string>{});
}

}  // namespace
}  // namespace medsynth::dramatiq
