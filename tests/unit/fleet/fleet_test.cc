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

Reply entry(std::string id, std::string stale_at) {
  return list({text(std::move(id)), text(std::move(stale_at))});
}

// Who is in the index, and what lies where their snapshots should.
Roll roll(std::vector<Reply> index, std::vector<Reply> snapshots) {
  auto step = Fleet({}).roll().decode({list(std::move(index))});
  EXPECT_TRUE(step && step->next);
  auto last = step->next->decode({list(std::move(snapshots))});
  EXPECT_TRUE(last && last->value);
  return std::move(*last->value);
}

json::object stored(const Snapshot& snapshot) {
  return described::to_value(snapshot).get_object();
}

// Snapshots come back as they were written, ordered. Who is alive is what Redis has not let expire, whatever
// the scores and our clock say.
TEST(Fleet, SnapshotsComeBack) {
  const Roll all = roll(
      {entry("w1", "0"), entry("w2", "253402300799000"), entry("w3", "1700000005000")},
      {text(described::write(snapshot("w1", "b"))), text(described::write(snapshot("w2", "a"))), Reply{}});
  ASSERT_EQ(all.alive.size(), 2u);
  EXPECT_EQ(all.alive[0].host, "a");
  EXPECT_EQ(all.alive[1].metrics[0].labels.at("model"), "m");
  EXPECT_TRUE(all.alive[1].faults.empty());
  ASSERT_EQ(all.silent.size(), 1u);
  EXPECT_EQ(all.silent[0].worker_id, "w3");
  EXPECT_EQ(all.silent[0].since, WallTime(std::chrono::seconds(1'700'000'000)));
}

// While an installation is upgraded, workers of two versions are there. A newer one's further members, at any
// depth, hide nothing of it.
TEST(Fleet, AMemberOfTomorrowHidesNobody) {
  Snapshot old = snapshot("w1", "a");
  old.cache.size = 3;
  old.cache.models = {{.id = "m", .state = "ready"}};
  old.tasks = {{.task_id = "t", .actor = "x", .state = "running", .reason = "", .since = ""}};
  json::object newer = stored(old);
  newer["future"] = json::array{1, 2};
  newer["cache"].as_object()["future"] = 1;
  newer["cache"].as_object()["models"].as_array()[0].as_object()["future"] = json::object{{"deep", true}};
  newer["tasks"].as_array()[0].as_object()["future"] = nullptr;
  newer["metrics"].as_array()[0].as_object()["future"] = "x";
  const Roll all = roll({entry("w1", "1")}, {text(json::write(newer))});
  ASSERT_EQ(all.alive.size(), 1u);
  EXPECT_EQ(described::write(all.alive[0]), described::write(old));
  EXPECT_TRUE(all.alive[0].faults.empty());
}

// An older one's missing members have their defaults.
TEST(Fleet, AMissingMemberHidesNobody) {
  json::object older = stored(snapshot("w1", "a"));
  older.erase("system");
  older.erase("control_version");
  older["cache"].as_object().erase("leaked_bytes");
  older["metrics"].as_array()[0].as_object().erase("bounds");
  const Roll all = roll({entry("w1", "1")}, {text(json::write(older))});
  ASSERT_EQ(all.alive.size(), 1u);
  EXPECT_EQ(all.alive[0].host, "a");
  EXPECT_EQ(all.alive[0].metrics[0].value, 3);
}

// What cannot be has its default and is told; what is not even JSON still says that somebody is there.
TEST(Fleet, WhatCannotBeIsPassedOverAndTold) {
  const Roll all = roll(
      {entry("w1", "nan"), entry("w2", "-inf")},
      {text(R"({"host":"a","pid":-1e300,"draining":7,"cache":{"ttl":NaN,"memory_bytes":-5},"tasks":[1]})"),
       text("nonsense")});
  ASSERT_EQ(all.alive.size(), 2u);
  EXPECT_EQ(all.alive[0].worker_id, "w2");
  EXPECT_EQ(all.alive[0].faults.size(), 1u);
  const Snapshot& damaged = all.alive[1];
  EXPECT_EQ(damaged.host, "a");
  EXPECT_EQ(damaged.pid, 0);
  EXPECT_EQ(damaged.cache.memory_bytes, 0u);
  EXPECT_TRUE(damaged.tasks.empty());
  EXPECT_GE(damaged.faults.size(), 4u);
  EXPECT_EQ(damaged.faults[0].pointer, "/pid");
}

TEST(Fleet, NoWorkersIsAnEmptyList) {
  auto step = Fleet({}).snapshots().decode({list({})});
  ASSERT_TRUE(step);
  ASSERT_TRUE(step->value);
  EXPECT_TRUE(step->value->empty());
}

// The readiness check asks for what a worker's report asks for.
TEST(Fleet, TheProbeDoesWhatAReportDoes) {
  const Fleet fleet({});
  const auto probe = fleet.probe(), report = fleet.publish(snapshot("w1", "a"));
  EXPECT_EQ(probe.commands[0].script, report.commands[0].script);
  EXPECT_EQ(probe.commands[1].words[0], "PUBLISH");
  EXPECT_NE(probe.commands[0].words[4], report.commands[0].words[4]);
  Reply oom{.kind = Reply::Kind::error, .text = "OOM command not allowed"};
  EXPECT_EQ(probe.decode({oom, Reply{}}).error().reason, "redis_oom");
}

// Control is limits by name, and the requests that are newer than those already obeyed.
TEST(Fleet, ControlReadsLimitsAndRequests) {
  const Fleet fleet({});
  auto query = fleet.control(6);
  EXPECT_EQ(query.commands[1].words[2], "(6");
  auto step = query.decode(
      {list({text("version"), text("8"), text("limit:max_cpu_percent"), text("55.5"), text("odd"), text("x"),
             text("limit:max_gpu_percent"), text("nan"), text("limit:max_memory_percent"), text("x")}),
       list({text("7\ncache.remove\nbio/med\nlm"), text("8\ncache.clear\n"), text("broken")})});
  ASSERT_TRUE(step);
  const Control& control = *step->value;
  EXPECT_EQ(control.version, 8);
  EXPECT_EQ(control.limits, (std::map<std::string, double>{{"max_cpu_percent", 55.5}}));
  ASSERT_EQ(control.faults.size(), 2u);
  EXPECT_EQ(control.faults[0].pointer, "/limit:max_gpu_percent");
  ASSERT_EQ(control.requests.size(), 2u);
  EXPECT_EQ(control.requests[0].argument, "bio/med\nlm");
  EXPECT_EQ(control.requests[1].kind, "cache.clear");
}

// A version that is no count is no version: nothing counts up to it.
TEST(Fleet, AnAbsurdVersionIsPassedOver) {
  for (const char* wrong : {"-1", "1e300", "nan", "9223372036854775808", ""}) {
    auto step =
        Fleet({}).control(0).decode({list({text("version"), text(wrong)}), list({text("1e300\nx\ny")})});
    ASSERT_TRUE(step);
    EXPECT_EQ(step->value->version, 0) << wrong;
    EXPECT_EQ(step->value->faults.size(), 1u);
    EXPECT_TRUE(step->value->requests.empty());
  }
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
