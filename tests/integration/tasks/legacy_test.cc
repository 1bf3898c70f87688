// Records that older Python versions stored as a JSON string.
#include "store_fixture.h"

namespace medsynth::tasks {
namespace {

using redis::Command;

class LegacyTest : public StoreTest {
 protected:
  void put(const std::string& id, const std::string& value, int seconds = 50) {
    redis_says(Command("SET", "task:" + id, value, "EX", seconds));
  }
  std::string type_of(const std::string& id) { return redis_says(Command("TYPE", "task:" + id)).text; }

  const std::string text =
      R"({"status": "processing", "progress": 20, "created_at": "2023-11-14T22:13:00", "big": 12345678901234567890123, "r": {"a": [1.0]}})";
};

// It is read as it is, and reading changes nothing.
TEST_F(LegacyTest, IsRead) {
  put("t", text);
  EXPECT_EQ(record("t").status(), Status::processing);
  EXPECT_EQ(record("t").raw("big"), "12345678901234567890123");
  EXPECT_EQ(record("t").raw("r"), R"({"a": [1.0]})");
  EXPECT_EQ(type_of("t"), "string");
}

// The first write, whichever it is, makes it a hash that keeps every value and is listed from then on.
TEST_F(LegacyTest, IsRewrittenAtItsFirstWrite) {
  const std::vector<std::function<void(const std::string&)>> writes{
      [&](const std::string& id) { EXPECT_TRUE(run(store.update_task_progress(id, 30, {}, now()))); },
      [&](const std::string& id) { run(store.complete_task(id, "1", now())); },
      [&](const std::string& id) { run(store.fail_task(id, "e", now())); },
      [&](const std::string& id) {
        EXPECT_EQ(run(store.cancel(id, now())).outcome, Cancelled::Outcome::cancelled);
      },
      [&](const std::string& id) { EXPECT_EQ(begin(id, "m").outcome, Begun::Outcome::run); }};
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const std::string id = "t" + std::to_string(i);
    put(id, text);
    writes[i](id);
    EXPECT_EQ(type_of(id), "hash");
    EXPECT_EQ(record(id).raw("big"), "12345678901234567890123");
    EXPECT_EQ(record(id).text("created_at"), "2023-11-14T22:13:00.000000Z");
  }
  EXPECT_EQ(run(store.list({}, now())).total, static_cast<std::int64_t>(writes.size()));
  expect_consistent();
}

// Rewriting alone does not lengthen its life.
TEST_F(LegacyTest, KeepsItsTtlWhenOnlyRewritten) {
  put("t", R"({"status":"completed","result":1})");
  EXPECT_EQ(run(store.cancel("t", now())).outcome, Cancelled::Outcome::ended);
  EXPECT_EQ(type_of("t"), "hash");
  EXPECT_LE(ttl_of("t"), 50);
  EXPECT_GT(ttl_of("t"), 0);
}

TEST_F(LegacyTest, SettingReplacesItButKeepsItsCreation) {
  put("t", text);
  run(store.set_task_status("t", {{"status", "\"completed\""}}, now()));
  EXPECT_EQ(record("t").raw("big"), "");
  EXPECT_EQ(record("t").text("created_at"), "2023-11-14T22:13:00.000000Z");
  EXPECT_EQ(record("t").raw("attempt"), "1");
}

TEST_F(LegacyTest, CanBeDeletedAndBlocksItsId) {
  put("t", text);
  EXPECT_EQ(run(store.create({"t", "m", "q", "a", {}}, now())).outcome, Created::Outcome::exists);
  EXPECT_TRUE(run(store.remove("t", now())));
  EXPECT_FALSE(run(store.get("t")));
  expect_consistent();
}

// What is no record is a conflict for every call, and stays as it is.
TEST_F(LegacyTest, OtherStringsAreAConflict) {
  put("t", "not json");
  for (const Error& error : {error_of(store.get("t")), error_of(store.fail_task("t", "e", now())),
                             error_of(store.remove("t", now()))}) {
    EXPECT_EQ(error.code, Code::conflict);
    EXPECT_EQ(error.reason, "not_a_task_record");
  }
  EXPECT_EQ(redis_says(Command("GET", "task:t")).text, "not json");
}

// An older worker writes over a record that is in the index: it is listed, and deleted by its own times, with
// the others.
TEST_F(LegacyTest, OlderWorkersMayWriteOverRecords) {
  for (int i = 0; i < 5; ++i) {
    clock.advance(1us);
    create("t" + std::to_string(i));
  }
  put("t2", R"({"status": "completed", "result": ")" + std::string(70'000, 'x') +
                R"(", "updated_at": "2023-11-14T22:00:00"})");
  put("t3", "unreadable");
  const Page page = run(store.list({}, now()));
  EXPECT_EQ(ids(page), (std::vector<std::string>{"t4", "t2", "t1", "t0"}));
  EXPECT_EQ(page.tasks[1].raw("result"), "null");
  EXPECT_EQ(page.tasks[1].number("result_bytes"), 70'002);
  EXPECT_EQ(run(store.remove_many({}, 600s, now())), 1);  // the age of "t3" is unknown
  EXPECT_EQ(ids(run(store.list({}, now()))), (std::vector<std::string>{"t4", "t1", "t0"}));
  redis_says(Command("DEL", "task:t3"));
  run(store.list({}, now()));
  expect_consistent();
}

// One that nobody can read does not keep the others. (R14)
TEST_F(LegacyTest, AnUnreadableRecordIsDeletedWithTheOthers) {
  for (int i = 0; i < 5; ++i) {
    clock.advance(1us);
    create("t" + std::to_string(i));
  }
  put("t4", "unreadable"), put("t2", "unreadable, too"), put("t0", "[]");
  EXPECT_TRUE(run(store.remove("t4", now())));
  EXPECT_EQ(run(store.remove_many(Status::pending, std::nullopt, now())), 4);
  EXPECT_EQ(redis_integer(Command("EXISTS", "task:t0", "task:t2", "task:t4")), 0);
  expect_consistent();
}

}  // namespace
}  // namespace medsynth::tasks
