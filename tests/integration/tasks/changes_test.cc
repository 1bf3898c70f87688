// The stream of changes, as the writes of a store keep it.
#include "medsynth/tasks/changes.h"

#include "integration/tasks/store_fixture.h"

namespace medsynth::tasks {
namespace {

class ChangesTest : public StoreTest {
 protected:
  std::int64_t kept() {
    return redis_integer(redis::Command("XLEN",
                                        "task:\x1f"
                                        "changes"));
  }

  ChangeStream stream_{"task:"};
};

TEST_F(ChangesTest, NothingIsKeptWhereNobodyAsked) {
  create("a");
  run(store.cancel("a", now()));
  EXPECT_EQ(kept(), 0);
}

TEST_F(ChangesTest, WritesAreKeptInTheirOrder) {
  create("before");
  const ChangeId begin = run(stream_.keep());
  create("a");
  create("b");
  run(store.cancel("a", now()));
  run(store.remove("b", now()));
  const Changes changes = run(stream_.after(begin, 100));
  EXPECT_TRUE(changes.complete);
  std::vector<std::string> told;
  for (const Changes::Write& each : changes.writes) told.push_back(each.events);
  EXPECT_EQ(told,
            (std::vector<std::string>{R"({"task_id":"a","status":"pending","progress":0,"attempt":0})",
                                      R"({"task_id":"b","status":"pending","progress":0,"attempt":0})",
                                      R"({"task_id":"a","status":"cancelled","progress":0,"attempt":0})",
                                      R"({"task_id":"b","status":"deleted"})"}));
  const Changes rest = run(stream_.after(changes.writes[2].id, 100));
  ASSERT_EQ(rest.writes.size(), 1u);
  EXPECT_EQ(rest.writes[0].id, changes.writes[3].id);
  EXPECT_EQ(run(stream_.after(begin, 2)).writes.size(), 2u);
}

// Attempts that advance together are one write, with a line each.
TEST_F(ChangesTest, WhatIsWrittenTogetherIsOneWrite) {
  create("a");
  create("b");
  const ChangeId begin = run(stream_.keep());
  const auto attempts =
      run(store.look({{"a", "m-a", "medsynth", "act", "w"}, {"b", "m-b", "medsynth", "act", "w"}}));
  run(store.advance({to_processing(attempts[0]), to_processing(attempts[1])}, "w", now()));
  const Changes changes = run(stream_.after(begin, 100));
  ASSERT_EQ(changes.writes.size(), 1u);
  EXPECT_EQ(events_in(changes.writes[0].events).size(), 2u);
}

TEST_F(ChangesTest, SaysWhereSomeAreGone) {
  const ChangeId begin = run(stream_.keep());
  create("a");
  EXPECT_TRUE(run(stream_.after(begin, 1)).complete);
  redis_says(redis::Command("XTRIM",
                            "task:\x1f"
                            "changes",
                            "MAXLEN", 1));
  const Changes changes = run(stream_.after(begin, 100));
  EXPECT_FALSE(changes.complete);
  EXPECT_EQ(changes.writes.size(), 1u);
  redis_says(redis::Command("DEL",
                            "task:\x1f"
                            "changes"));
  EXPECT_FALSE(run(stream_.after(begin, 100)).complete);
}

// A record does not depend on it.
TEST_F(ChangesTest, SomethingElseInItsPlaceStopsNoWrite) {
  redis_says(redis::Command("SET",
                            "task:\x1f"
                            "changes",
                            "something else"));
  create("a");
  EXPECT_TRUE(run(store.get("a")));
  EXPECT_FALSE(client_->run(stream_.keep()));
}

TEST_F(ChangesTest, ExcerptsAreOfWhatIsThere) {
  create("a");
  redis_says(redis::Command("SET", "task:b", "something else"));
  const auto records = run(stream_.excerpts({"a", "b", "none"}, {"queue", "actor", "worker"}));
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].text("queue"), "medsynth");
  EXPECT_EQ(records[0].text("actor"), "act");
  EXPECT_EQ(records[0].fields.size(), 2u);
  EXPECT_TRUE(records[1].fields.empty());
  EXPECT_TRUE(records[2].fields.empty());
}

}  // namespace
}  // namespace medsynth::tasks
