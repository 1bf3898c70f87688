// Redis is away, or refuses: an end is written later, or found among the dead letters; never lost, never
// twice.
#include <thread>

#include "fixture.h"

namespace medsynth::pipeline {
namespace {

// It ends while Redis is away: that waits, works after the restart, and is no lost lease.
TEST_F(ExecutorTest, AnEndWaitsForRedis) {
  submit(message("m1"));
  host_.actors["act"].run = [&](Running&) -> Result<std::string> {
    server_.kill();
    return std::string("5");
  };
  begin();
  EXPECT_TRUE(run_some());
  EXPECT_FALSE(executor_->wait_idle(std::chrono::steady_clock::now() + 300ms));
  server_.start();
  EXPECT_TRUE(executor_->wait_idle(std::chrono::steady_clock::now() + 20s));
  ASSERT_TRUE(watcher_->wait_connected(10s));
  EXPECT_EQ(record("m1").raw("result"), "5");
  EXPECT_EQ(consumer_->lost_leases(), 0);
  EXPECT_TRUE(eventually([&] { return clean(); }));
}

// The worker is told to end while Redis is away: it no longer waits, and recovery finds the message.
TEST_F(ExecutorTest, GivingUpDoesNotWaitForEver) {
  submit(message("m1"));
  host_.actors["act"].run = [&](Running&) -> Result<std::string> {
    server_.kill();
    return std::string("5");
  };
  begin();
  EXPECT_TRUE(run_some());
  const auto start = std::chrono::steady_clock::now();
  executor_->abandon();
  EXPECT_TRUE(executor_->wait_idle(start + 8s));
  server_.start();
  ASSERT_TRUE(watcher_->wait_connected(10s));
  EXPECT_EQ(say("SCARD", "dramatiq:__acks__.worker-a.q").integer, 1);
}

class RefusalTest : public ExecutorTest {
 protected:
  // A client with just these rights, as the worker's.
  void begin_as(std::vector<std::string> rights) {
    grant({"reset", "on", ">pw"});
    grant(std::move(rights));
    worker_ = connect("redis://app:pw@127.0.0.1:" + std::to_string(server_.port()));
    begin(worker_.get());
  }
  void grant(std::vector<std::string> rights) {
    redis::Command command("ACL", "SETUSER", "app");
    for (std::string& right : rights) command.words.push_back(std::move(right));
    ASSERT_TRUE(watcher_->send({command}));
  }
  void TearDown() override {
    ExecutorTest::TearDown();
    worker_.reset();
  }
  std::unique_ptr<redis::Client> worker_;
};

// Redis does not let one of them settle: the others go on, and it follows once the right is granted.
TEST_F(RefusalTest, ARefusedEndIsTriedAgainAndHoldsUpNobody) {
  host_.actors["stores"] = {.options = {.store_results = true, .result_keys = {"elsewhere", true}}};
  begin_as({"+@all", "~dramatiq:*", "~task:*", "&*"});
  send(message("m1", "stores"));
  send(message("m2"));
  EXPECT_TRUE(eventually([&] { return run_some(20ms), host_.runs == 2; }));
  EXPECT_TRUE(eventually([&] { return host_.ends().size() == 1; }));
  EXPECT_FALSE(executor_->wait_idle(std::chrono::steady_clock::now() + 50ms));
  grant({"~*"});
  EXPECT_TRUE(executor_->wait_idle(std::chrono::steady_clock::now() + 20s));
  EXPECT_EQ(host_.ends().size(), 2u);
  EXPECT_TRUE(clean());
}

TEST_F(RefusalTest, ARefusedStartIsTriedAgain) {
  begin_as({"+@all", "~*", "&*"});
  submit(message("m1"));
  auto taken = consumer_->take_some(5s);
  ASSERT_EQ(taken.size(), 1u);
  taken.front().marked = false;
  grant({"-sadd"});
  std::jthread worker([&] { executor_->run(std::move(taken)); });
  EXPECT_FALSE(eventually([&] { return host_.runs == 1; }, 200ms));
  grant({"+sadd"});
  worker.join();
  EXPECT_TRUE(eventually([&] { return status("m1") == "completed"; }));
}

// What follows from it can never be written: a dead letter that says so, as the message lay.
TEST_F(ExecutorTest, WhatCanNeverBeSettledBecomesADeadLetter) {
  host_.actors["act"].options.on_success = "told";
  host_.actors["told"] = {};
  submit(message("m1"));
  begin();
  auto taken = consumer_->take_some(5s);
  say("DEL", "dramatiq:q");
  say("SET", "dramatiq:q", "not a list");
  executor_->run(std::move(taken));
  EXPECT_TRUE(executor_->wait_idle(std::chrono::steady_clock::now() + 20s));
  say("DEL", "dramatiq:q");
  EXPECT_NE(reason().find("what follows from its end cannot be written"), std::string::npos) << reason();
  EXPECT_EQ(depth().dead, 1);
  EXPECT_EQ(status("m1"), "completed");
}

// Where its record belongs lies something else: said where people look for it, and nothing of that is
// touched.
TEST_F(ExecutorTest, AForeignKeyIsADeadLetter) {
  say("RPUSH", "task:t-m1", "mine");
  send(with_task(message("m1")));
  begin();
  run_all();
  EXPECT_EQ(host_.runs, 0);
  EXPECT_EQ(depth().dead, 1);
  EXPECT_NE(reason().find("t-m1"), std::string::npos) << reason();
  EXPECT_EQ(say("LLEN", "task:t-m1").integer, 1);
}

}  // namespace
}  // namespace medsynth::pipeline
