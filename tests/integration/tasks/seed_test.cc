// The eight calls of the source document: no attempt, no fence.
#include "store_fixture.h"

namespace medsynth::tasks {
namespace {

class SeedTest : public StoreTest {};

// The source document's example, call by call.
TEST_F(SeedTest, TheExampleOfTheSourceDocument) {
  run(store.set_task_status("task-123", {{"status", "\"processing\""}, {"progress", "0"}}, now()));
  clock.advance(1s);
  EXPECT_TRUE(run(store.update_task_progress("task-123", 50, {{"processed_items", "10"}}, now())));
  EXPECT_EQ(record("task-123").number("progress"), 50);
  EXPECT_EQ(record("task-123").raw("processed_items"), "10");
  EXPECT_EQ(record("task-123").status(), Status::processing);
  run(store.complete_task("task-123", "{\"result\":\"success\"}", now()));
  Record task = *run(store.get_task_status("task-123"));
  EXPECT_EQ(task.status(), Status::completed);
  EXPECT_EQ(task.number("progress"), 100);
  EXPECT_EQ(task.raw("result"), "{\"result\":\"success\"}");
  EXPECT_EQ(task.raw("processed_items"), "10");
  EXPECT_EQ(task.text("created_at"), rfc3339(now() - 1s));
  run(store.fail_task("task-123", "Error message", now()));
  task = *run(store.get_task_status("task-123"));
  EXPECT_EQ(task.status(), Status::failed);
  EXPECT_EQ(task.text("error"), "Error message");
  EXPECT_EQ(task.raw("result"), "");
  EXPECT_EQ(task.raw("completed_at"), "");
  EXPECT_EQ(run(store.list_tasks({}, now())).total, 1);
  expect_consistent();
  EXPECT_TRUE(run(store.delete_task_status("task-123", now())));
  EXPECT_FALSE(run(store.get_task_status("task-123")));
  EXPECT_EQ(run(store.cleanup_old_tasks(86400s * 7, now())), 0);
}

// Setting the status forgets the fields of before, except who and when the task is, and opens a new attempt.
TEST_F(SeedTest, SettingReplacesTheRecord) {
  create("t");
  const Attempt running = start("t");
  run(store.progress(running, 60, {{"stage", "\"x\""}}, now()));
  clock.advance(1s);
  run(store.set_task_status(
      "t", {{"status", "\"processing\""}, {"progress", "5"}, {"actor", "\"theirs\""}, {"extra", "1"}},
      now()));
  const Record task = record("t");
  EXPECT_EQ(task.raw("stage"), "");
  EXPECT_EQ(task.raw("extra"), "1");
  EXPECT_EQ(task.text("message_id"), "m-t");
  EXPECT_EQ(task.text("actor"), "act");
  EXPECT_EQ(task.text("queue"), "medsynth");
  EXPECT_EQ(task.text("created_at"), rfc3339(now() - 1s));
  EXPECT_EQ(task.text("updated_at"), rfc3339(now()));
  EXPECT_EQ(task.raw("attempt"), "2");
  EXPECT_EQ(run(store.complete(running, "1", now())).outcome, Written::Outcome::stale);
  EXPECT_EQ(ttl_of("t"), -1);
  expect_consistent();
}

// The seed's own actor fails a task, raises, and is retried: setting works from any status.
TEST_F(SeedTest, SettingWorksFromAnyStatus) {
  for (const char* status : {"\"failed\"", "\"processing\"", "\"completed\"", "\"pending\"", "\"cancelled\"",
                             "\"retrying\"", "\"processing\""}) {
    run(store.set_task_status("t", {{"status", status}}, now()));
    EXPECT_EQ(record("t").raw("status"), status);
    expect_consistent();
  }
  EXPECT_EQ(record("t").raw("attempt"), "7");
}

// Without a status a record is pending; one that has ended says when, unless the caller did.
TEST_F(SeedTest, SettingFillsWhatIsMissing) {
  run(store.set_task_status("t", {}, now()));
  EXPECT_EQ(record("t").status(), Status::pending);
  EXPECT_EQ(record("t").number("progress"), 0);
  run(store.set_task_status("t", {{"status", "\"completed\""}}, now()));
  EXPECT_EQ(record("t").text("completed_at"), rfc3339(now()));
  EXPECT_EQ(record("t").number("progress"), 100);
  run(store.set_task_status("t", {{"status", "\"failed\""}, {"failed_at", "\"yesterday\""}}, now()));
  EXPECT_EQ(record("t").text("failed_at"), "yesterday");
  EXPECT_EQ(record("t").raw("completed_at"), "");
}

// Progress on a record that is not there makes none; completing and failing do.
TEST_F(SeedTest, ProgressMakesNoRecord) {
  EXPECT_FALSE(run(store.update_task_progress("absent", 50, {}, now())));
  EXPECT_FALSE(run(store.get("absent")));
  run(store.complete_task("c", "[1]", now()));
  run(store.fail_task("f", "e", now()));
  EXPECT_EQ(record("c").raw("result"), "[1]");
  EXPECT_EQ(record("c").text("created_at"), rfc3339(now()));
  EXPECT_EQ(record("f").status(), Status::failed);
  expect_consistent();
}

// Progress may carry any field, also a status, and renews the TTL of a record that was written directly.
TEST_F(SeedTest, ProgressCarriesFields) {
  run(store.set_task_status("t", {{"status", "\"pending\""}}, now()));
  redis_says(redis::Command("EXPIRE", "task:t", 3));
  EXPECT_TRUE(run(store.update_task_progress(
      "t", 33.5, {{"status", "\"processing\""}, {"progress", "99"}, {"n", "18446744073709551615"}}, now())));
  EXPECT_EQ(record("t").status(), Status::processing);
  EXPECT_EQ(record("t").raw("progress"), "33.5");
  EXPECT_EQ(record("t").raw("n"), "18446744073709551615");
  EXPECT_NEAR(static_cast<double>(ttl_of("t")), 100, 2);
  expect_consistent();
}

// A record that Python made for a message stands for it: it can be cancelled, and lives until it has ended.
TEST_F(SeedTest, ADirectRecordMayNameItsMessage) {
  run(store.set_task_status("t", {{"status", "\"pending\""}, {"message_id", "\"m1\""}}, now()));
  EXPECT_EQ(ttl_of("t"), -1);
  EXPECT_EQ(run(store.cancel("t", now())).message_id, "m1");
  EXPECT_EQ(begin("t", "m1").outcome, Begun::Outcome::cancelled);
  expect_consistent();
}

// A record that is read and written back is the same record.
TEST_F(SeedTest, ReadingAndWritingBackKeepsEverything) {
  run(store.set_task_status("t", {{"status", "\"failed\""}, {"error", "\"e\""}, {"x", "{\"y\":1}"}}, now()));
  const Record before = record("t");
  clock.advance(1s);
  run(store.set_task_status("t", before.fields, now()));
  const Record after = record("t");
  for (const auto& [name, value] : before.fields) {
    if (name != "updated_at" && name != "attempt") EXPECT_EQ(after.raw(name), value) << name;
  }
}

}  // namespace
}  // namespace medsynth::tasks
