#include "medsynth/tasks/timeline.h"

#include <map>

#include <gtest/gtest.h>

namespace medsynth::tasks {
namespace {

using namespace std::chrono_literals;
constexpr WallTime kStart{std::chrono::seconds(1'800'000'000)}, kNow = kStart + 1h;

std::string quoted(WallTime time) {
  return json::write_string(rfc3339(time));
}

Record record(const std::string& status, std::int64_t attempt, WallTime updated_at, Fields more = {}) {
  Fields fields{{"status", json::write_string(status)},
                {"attempt", std::to_string(attempt)},
                {"created_at", quoted(kStart)},
                {"updated_at", quoted(updated_at)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return {"t", fields};
}

std::string names(const TimelineAttempt& attempt) {
  std::string out;
  for (const TimelinePhase& phase : attempt.phases) out += (out.empty() ? "" : " ") + phase.name;
  return out;
}

// A task that waited, loaded its model and ran: from its creation to the write of its end there is no gap.
TEST(Timeline, HasEachPhaseOfATask) {
  Fields fields;
  put_notes(fields, {.number = 1,
                     .worker = "h/w-1",
                     .phases = {{.name = "waiting", .detail = "cpu", .from = kStart + 1s, .to = kStart + 3s},
                                {.name = "load", .detail = "m", .from = kStart + 3s, .to = kStart + 4s},
                                {.name = "run", .detail = "", .from = kStart + 4s, .to = kStart + 9s}}});
  const Timeline timeline = timeline_of(record("completed", 1, kStart + 10s, fields), kNow);
  ASSERT_EQ(timeline.attempts.size(), 1u);
  const TimelineAttempt& attempt = timeline.attempts[0];
  EXPECT_EQ(names(attempt), "queued waiting load run record");
  EXPECT_EQ(attempt.number, 1);
  EXPECT_EQ(attempt.host, "h");
  EXPECT_EQ(attempt.worker, "w-1");
  EXPECT_FALSE(attempt.error);
  EXPECT_EQ(attempt.phases[1].detail, "cpu");
  for (std::size_t i = 1; i < attempt.phases.size(); ++i)
    EXPECT_EQ(attempt.phases[i - 1].to, attempt.phases[i].from) << i;
  EXPECT_EQ(attempt.phases.back().to, rfc3339(kStart + 10s));
}

// It failed, is tried again later, and then runs.
TEST(Timeline, ShowsARetryWithItsDelay) {
  Fields fields;
  put_notes(fields, {.number = 1,
                     .worker = "h/w",
                     .phases = {{.name = "run", .detail = "", .from = kStart + 1s, .to = kStart + 2s}},
                     .error = "out of luck",
                     .next_attempt_at = kStart + 30s});
  // Until then the delay is all there is.
  Fields delayed = fields;
  delayed.emplace_back("next_attempt_at", quoted(kStart + 30s));
  EXPECT_EQ(timeline_of(record("retrying", 1, kStart + 2s, delayed), kStart + 10s).attempts.size(), 1u);
  const Timeline waits = timeline_of(record("retrying", 1, kStart + 2s, fields), kNow);
  ASSERT_EQ(waits.attempts.size(), 2u);
  EXPECT_EQ(names(waits.attempts[0]), "queued run retry_delay");
  EXPECT_EQ(waits.attempts[0].error, "out of luck");
  EXPECT_EQ(names(waits.attempts[1]), "queued");  // the one to come
  EXPECT_FALSE(waits.attempts[1].worker);
  EXPECT_FALSE(waits.attempts[1].phases[0].to);

  Fields second;
  put_notes(second, {.number = 2,
                     .worker = "h/w",
                     .phases = {{.name = "run", .detail = "", .from = kStart + 31s, .to = kStart + 32s}}});
  fields.push_back(second.front());
  const Timeline ended = timeline_of(record("completed", 2, kStart + 32s, fields), kNow);
  ASSERT_EQ(ended.attempts.size(), 2u);
  EXPECT_EQ(names(ended.attempts[1]), "queued run");
  EXPECT_EQ(ended.attempts[1].phases[0].from, rfc3339(kStart + 30s));
}

// Its worker died in the middle; open.lua wrote from when to when nobody had it.
TEST(Timeline, ShowsTheGapThatADeathLeft) {
  Fields fields;
  put_notes(
      fields,
      {.number = 1, .worker = "h/dead", .phases = {{.name = "run", .detail = "", .from = kStart + 1s}}});
  fields.emplace_back("\x1fL1", "[1," + quoted(kStart + 5s) + "," + quoted(kStart + 8s) + ",\"h/dead\"]");
  const Timeline timeline = timeline_of(
      record("processing", 2, kStart + 8s, {fields[0], fields[1], {"worker", "\"h/other\""}}), kNow);
  ASSERT_EQ(timeline.attempts.size(), 2u);
  EXPECT_EQ(names(timeline.attempts[0]), "queued run lost");
  EXPECT_EQ(timeline.attempts[0].phases[1].to, rfc3339(kStart + 5s));
  EXPECT_EQ(timeline.attempts[0].phases[2].to, rfc3339(kStart + 8s));
  EXPECT_EQ(names(timeline.attempts[1]), "run");
  EXPECT_EQ(timeline.attempts[1].worker, "other");
  EXPECT_FALSE(timeline.attempts[1].phases[0].to);
}

// One that nobody has taken yet.
TEST(Timeline, OfATaskThatHasNotStarted) {
  const Timeline timeline = timeline_of(record("pending", 0, kStart), kNow);
  ASSERT_EQ(timeline.attempts.size(), 1u);
  EXPECT_EQ(timeline.attempts[0].number, 1);
  EXPECT_EQ(names(timeline.attempts[0]), "queued");
  EXPECT_EQ(timeline.attempts[0].phases[0].from, rfc3339(kStart));
}

// The fields are bounded: the attempt after the twentieth takes the place of the first.
TEST(Timeline, KeepsTheLastAttempts) {
  std::map<std::string, std::string> kept;
  for (std::int64_t number = 1; number <= 3 * kAttemptsKept; ++number) {
    Fields fields;
    put_notes(fields,
              {.number = number,
               .worker = "h/w",
               .phases = {
                   {.name = "run", .detail = "", .from = kStart + number * 1s, .to = kStart + number * 1s}}});
    kept[fields.front().first] = fields.front().second;
  }
  EXPECT_EQ(kept.size(), static_cast<std::size_t>(kAttemptsKept));
  const Timeline timeline =
      timeline_of(record("failed", 3 * kAttemptsKept, kStart + 61s, {kept.begin(), kept.end()}), kNow);
  ASSERT_EQ(timeline.attempts.size(), static_cast<std::size_t>(kAttemptsKept));
  EXPECT_EQ(timeline.attempts.front().number, 2 * kAttemptsKept + 1);
  EXPECT_EQ(timeline.attempts.back().number, 3 * kAttemptsKept);
}

// Notes take the place of those that a write has already (its attempt was opened anew); an error is cut.
TEST(Timeline, AWriteHasTheNotesOfOneAttempt) {
  Fields fields{{"result", "1"}};
  put_notes(fields, {.number = 1, .worker = "h/w"});
  put_notes(fields, {.number = 2, .worker = "h/w", .error = std::string(499, 'x') + "ü and more"});
  ASSERT_EQ(fields.size(), 2u);
  const Timeline timeline = timeline_of(record("failed", 2, kStart, fields), kNow);
  EXPECT_EQ(timeline.attempts.back().error, std::string(499, 'x'));
}

// What most tasks write is so short that Redis keeps the record as a list; its worker stands in the record.
TEST(Timeline, TheNotesOfACompletedTaskAreShort) {
  Fields fields;
  put_notes(fields, {.number = 1,
                     .worker = "",
                     .phases = {{.name = "run", .detail = "", .from = kStart, .to = kStart + 999'999us}}});
  EXPECT_LE(fields[0].second.size(), 64u) << fields[0].second;
  fields.emplace_back("worker", "\"h/w\"");
  EXPECT_EQ(timeline_of(record("completed", 1, kStart + 1s, fields), kNow).attempts[0].worker, "w");
}

// Whatever lies in these fields, the rest is shown; and no TaskInfo shows them.
TEST(Timeline, WhatCannotBeReadIsLeftOut) {
  const Record broken = record("completed", 1, kStart,
                               {{"\x1f"
                                 "1",
                                 "{"},
                                {"\x1f"
                                 "2",
                                 R"({"n":2,"p":[[1],["run"],["run","x",1],7]})"},
                                {"\x1fL3", "[3,4]"}});
  EXPECT_LE(timeline_of(broken, kNow).attempts.size(), 1u);
  EXPECT_EQ(broken.to_json().find("\\u001f"), std::string::npos);
  for (const char* kept : {"\x1f", "\x1fL",
                           "\x1f"
                           "all",
                           "\x1f"
                           "100",
                           "1"})
    EXPECT_FALSE(is_notes(kept)) << kept;
}

}  // namespace
}  // namespace medsynth::tasks
