#include "medsynth/fleet/fleet.h"

#include <gtest/gtest.h>

namespace medsynth::fleet {
namespace {

using redis::Reply;

Reply text(std::string value) {
  return Reply{.kind = Reply::Kind::text, .text = std::move(value)};
}
Reply list(std::vector<Reply> values) {
  return Reply{.kind = Reply::Kind::list, .list = std::move(values)};
}

Snapshot snapshot(std::string worker_id, std::string host) {
  Snapshot made;
  made.worker_id = std::move(worker_id);
  made.host = std::move(host);
  made.metrics = {{.name = "a_total", .kind = "counter", .labels = {{"model", "m"}}, .value = 3}};
  return made;
}

// Two installations on one Redis have different keys and channels.
TEST(Fleet, KeysCarryDatabaseNamespaceAndPrefix) {
  const Fleet one({.namespace_ = "dramatiq", .prefix = "task:", .database = 0});
  const Fleet two({.namespace_ = "dramatiq", .prefix = "task:", .database = 1});
  EXPECT_EQ(one.bell_channel(), "medsynth:0:dramatiq:task::bell");
  EXPECT_NE(one.bell_channel(), two.bell_channel());
}

// Snapshots come back as they were written, ordered; one that cannot be read does not hide the others.
TEST(Fleet, SnapshotsSurviveOneThatCannotBeRead) {
  const Fleet fleet({});
  auto query = fleet.snapshots(WallTime{});
  auto first = query.decode({list({text("w1"), text("w2"), text("w3")})});
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->next);
  EXPECT_EQ(first->next->commands[0].words.size(), 4u);
  auto last = first->next->decode({list({text(described::write(snapshot("w2", "b"))), text("{\"future\":1}"),
                                         text(described::write(snapshot("w1", "a")))})});
  ASSERT_TRUE(last);
  ASSERT_TRUE(last->value);
  ASSERT_EQ(last->value->size(), 2u);
  EXPECT_EQ((*last->value)[0].host, "a");
  EXPECT_EQ((*last->value)[1].metrics[0].labels.at("model"), "m");
}

TEST(Fleet, NoWorkersIsAnEmptyList) {
  auto step = Fleet({}).snapshots(WallTime{}).decode({list({})});
  ASSERT_TRUE(step);
  ASSERT_TRUE(step->value);
  EXPECT_TRUE(step->value->empty());
}

// Control is limits by name, and the requests that are newer than those already obeyed.
TEST(Fleet, ControlReadsLimitsAndRequests) {
  const Fleet fleet({});
  auto query = fleet.control(6);
  EXPECT_EQ(query.commands[1].words[2], "(6");
  auto step =
      query.decode({list({text("version"), text("8"), text("limit:max_cpu_percent"), text("55.5"),
                          text("odd"), text("x")}),
                    list({text("7\ncache.remove\nbio/med\nlm"), text("8\ncache.clear\n"), text("broken")})});
  ASSERT_TRUE(step);
  const Control& control = *step->value;
  EXPECT_EQ(control.version, 8);
  EXPECT_EQ(control.limits, (std::map<std::string, double>{{"max_cpu_percent", 55.5}}));
  ASSERT_EQ(control.requests.size(), 2u);
  EXPECT_EQ(control.requests[0].argument, "bio/med\nlm");
  EXPECT_EQ(control.requests[1].kind, "cache.clear");
}

TEST(Fleet, LimitsAreWrittenAsTextThatReadsBack) {
  const auto query = Fleet({}).set_limits({{"max_cpu_percent", 70}, {"max_concurrent_tasks", 2}});
  const auto& words = query.commands[0].words;
  EXPECT_EQ(words.back(), "70.0");
  EXPECT_EQ(words[words.size() - 4], "max_concurrent_tasks");
}

TEST(Fleet, ConfirmationsAreByWorker) {
  auto step = Fleet({}).confirmations(3).decode(
      {list({text("w1"), text("{\"done\":true}"), text("w2"), text("nonsense")})});
  ASSERT_TRUE(step);
  ASSERT_EQ(step->value->size(), 1u);
  EXPECT_TRUE(step->value->at("w1").at("done").as_bool());
}

}  // namespace
}  // namespace medsynth::fleet
