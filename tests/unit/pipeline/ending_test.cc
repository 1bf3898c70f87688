#include "medsynth/pipeline/ending.h"

#include <gtest/gtest.h>

namespace medsynth::pipeline {
namespace {

using namespace std::chrono_literals;
using Kind = dramatiq::Settlement::Kind;

const WallTime kNow{1'700'000'000'000ms};

dramatiq::Received delivery() {
  dramatiq::Received d{{"q", "r1"}, dramatiq::make_message("q", "act", "{}", kNow)};
  d.message.message_id = "m1";
  return d;
}
Ending ending(Outcome outcome, const dramatiq::ActorOptions& actor = {}) {
  return ending_of(std::move(outcome), delivery(), delivery().message, {"t1", "m1", 2}, actor, kNow);
}

TEST(Ending, EachOutcomeHasItsRecordAndItsSettling) {
  const Ending completed = ending(Complete{"1"});
  EXPECT_EQ(completed.advance.to, tasks::Status::completed);
  EXPECT_EQ(completed.settlement.kind, Kind::ack);
  const Ending retrying = ending(Retry{"broken", 5s});
  EXPECT_EQ(retrying.advance.to, tasks::Status::retrying);
  EXPECT_EQ(retrying.settlement.kind, Kind::move);
  EXPECT_EQ(retrying.settlement.eta, kNow + 5s);
  EXPECT_EQ(retrying.settlement.updated->option("retries"), "1");
  const Ending failed = ending(Fail{"broken", "RuntimeError", true}, {.on_retry_exhausted = "told"});
  EXPECT_EQ(failed.advance.to, tasks::Status::failed);
  EXPECT_EQ(failed.settlement.kind, Kind::dead);
  EXPECT_EQ(failed.settlement.reason, "broken");
  EXPECT_EQ(failed.settlement.follow.messages.size(), 1u);
  EXPECT_EQ(ending(EndCancelled{"why"}).advance.to, tasks::Status::cancelled);
}

// Too old, or nobody's: a dead letter as it came, its failure kept as a result, and no callback.
TEST(Ending, WhatWasNotTriedTellsNobody) {
  const Ending refused = ending({Fail{.error = "too old", .skipped = true}},
                                {.on_failure = "told", .on_retry_exhausted = "told", .store_results = true});
  EXPECT_EQ(refused.advance.to, tasks::Status::failed);
  EXPECT_EQ(refused.settlement.kind, Kind::dead);
  EXPECT_EQ(refused.settlement.reason, "too old");
  EXPECT_EQ(refused.settlement.updated, delivery().message);
  EXPECT_TRUE(refused.settlement.follow.messages.empty());
  EXPECT_EQ(refused.settlement.follow.commands.size(), 3u);
}

// The worker died after it wrote "failed" and before the dead letter: the next one settles as the record
// says.
TEST(Ending, AMessageWhoseRecordHasEndedIsSettledAsItSays) {
  dramatiq::Message message = delivery().message;
  const auto of = [&](std::string status, std::string message_id) {
    return outcome_of({"t1",
                       {{"status", '"' + status + '"'},
                        {"message_id", '"' + message_id + '"'},
                        {"error", "\"broken\""},
                        {"result", "7"}}},
                      message, {.max_retries = 2});
  };
  message.set_option("retries", "1");  // it was not retried, for whatever reason
  ASSERT_TRUE(of("failed", "m1"));
  EXPECT_EQ(std::get<Fail>(*of("failed", "m1")).error, "broken");
  EXPECT_FALSE(std::get<Fail>(*of("failed", "m1")).exhausted);
  message.set_option("retries", "2");
  EXPECT_TRUE(std::get<Fail>(*of("failed", "m1")).exhausted);
  EXPECT_EQ(std::get<Complete>(*of("completed", "m1")).result, "7");
  EXPECT_FALSE(of("failed", "another"));
  EXPECT_FALSE(of("cancelled", "m1"));
}

}  // namespace
}  // namespace medsynth::pipeline
