// Pages of tasks, and entries whose record has expired.
#include <set>

#include "medsynth/tasks/cursor.h"

#include "store_fixture.h"

namespace medsynth::tasks {
namespace {

using redis::Command;

class ListTest : public StoreTest {
 protected:
  void expire_now(const std::string& id) {
    redis_says(Command("PEXPIRE", "task:" + id, 1));
    while (redis_integer(Command("EXISTS", "task:" + id)) == 1)
      std::this_thread::yield();  // until Redis' clock moved 1 ms
  }
};

// A thousand tasks, ten at each microsecond: offset and cursor give the same order, each task once, newest
// first.
TEST_F(ListTest, PagesByOffsetAndCursorAgree) {
  for (int i = 0; i < 1000; ++i) {
    if (i % 10 == 0) clock.advance(1us);
    create("t" + std::to_string(i));
  }
  const std::vector<std::string> whole = ids(run(store.list({.limit = 1000}, now())));
  ASSERT_EQ(whole.size(), 1000u);
  EXPECT_EQ(std::set<std::string>(whole.begin(), whole.end()).size(), 1000u);
  for (std::size_t i = 1; i < whole.size(); ++i)
    EXPECT_LE(record(whole[i]).raw("created_at"), record(whole[i - 1]).raw("created_at"));

  std::vector<std::string> by_offset, by_cursor;
  for (int offset = 0; offset < 1000; offset += 64)
    for (const std::string& id : ids(run(store.list({.limit = 64, .offset = offset}, now()))))
      by_offset.push_back(id);
  std::string cursor;
  do {
    const Page page = run(store.list({.limit = 73, .offset = 5000, .cursor = cursor}, now()));
    if (cursor.empty()) {  // the first page is by offset, and beyond the end
      EXPECT_TRUE(page.tasks.empty());
      EXPECT_EQ(page.total, 1000);
      cursor = run(store.list({.limit = 1}, now())).next_cursor.value();
      by_cursor.push_back(whole[0]);
      continue;
    }
    for (const std::string& id : ids(page)) by_cursor.push_back(id);
    cursor = page.next_cursor.value_or("");
  } while (!cursor.empty());
  EXPECT_EQ(by_offset, whole);
  EXPECT_EQ(by_cursor, whole);
}

// A page ends early when its records are large, and the next goes on behind it: none is lost.
TEST_F(ListTest, APageHasBoundedBytes) {
  for (int i = 0; i < 20; ++i) {
    clock.advance(1us);
    create("t" + std::to_string(i));
    redis_says(
        Command("HSET", "task:t" + std::to_string(i), "note", "\"" + std::string(1'000'000, 'n') + "\""));
  }
  std::vector<std::string> all;
  std::string cursor;
  do {
    const Page page = run(store.list({.limit = 1000, .cursor = cursor}, now()));
    EXPECT_EQ(page.total, 20);
    EXPECT_LE(page.tasks.size(), 5u);
    for (const std::string& id : ids(page)) all.push_back(id);
    cursor = page.next_cursor.value_or("");
  } while (!cursor.empty());
  EXPECT_EQ(all.size(), 20u);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 20u);
}

// Pages follow each other although the task at the seam, or all around it, went away meanwhile.
TEST_F(ListTest, CursorsSurviveDeletions) {
  for (int i = 0; i < 100; ++i) create("t" + std::to_string(i));  // all at the same microsecond
  const std::vector<std::string> whole = ids(run(store.list({.limit = 1000}, now())));
  const Page first = run(store.list({.limit = 40}, now()));
  for (int i = 30; i < 50; ++i) run(store.remove(whole[static_cast<std::size_t>(i)], now()));
  clock.advance(1s);
  create("newer");
  const Page second = run(store.list({.limit = 1000, .cursor = *first.next_cursor}, now()));
  EXPECT_EQ(ids(second), std::vector<std::string>(whole.begin() + 50, whole.end()));
  EXPECT_EQ(second.next_cursor, std::nullopt);
}

// Cursors of one filter are places in time, and so mean the same in another.
TEST_F(ListTest, FiltersByStatus) {
  for (int i = 0; i < 30; ++i) {
    clock.advance(1us);
    create("t" + std::to_string(i));
    if (i % 3 == 0) run(store.fail(start("t" + std::to_string(i)), "e", now()));
  }
  const Page failed = run(store.list({.status = Status::failed, .limit = 4}, now()));
  EXPECT_EQ(failed.total, 10);
  EXPECT_EQ(ids(failed), (std::vector<std::string>{"t27", "t24", "t21", "t18"}));
  const Page pending =
      run(store.list({.status = Status::pending, .limit = 3, .cursor = *failed.next_cursor}, now()));
  EXPECT_EQ(ids(pending), (std::vector<std::string>{"t17", "t16", "t14"}));
  EXPECT_EQ(run(store.list({.status = Status::cancelled}, now())).total, 0);
  for (const auto& [status, count] : run(store.counts(now())))
    EXPECT_EQ(count, status == Status::failed ? 10 : status == Status::pending ? 20 : 0);
}

// Large results are left out of lists, and their size is said; small ones are there.
TEST_F(ListTest, LeavesLargeResultsOut) {
  create("small");
  run(store.complete(start("small"), "\"" + std::string(64 * 1024 - 2, 'x') + "\"", now()));
  clock.advance(1s);
  create("large");
  run(store.complete(start("large"), "\"" + std::string(64 * 1024 - 1, 'x') + "\"", now()));
  const Page page = run(store.list({}, now()));
  EXPECT_EQ(page.tasks[0].raw("result"), "null");
  EXPECT_EQ(page.tasks[0].number("result_bytes"), 64 * 1024 + 1);
  EXPECT_EQ(page.tasks[0].status(), Status::completed);
  EXPECT_EQ(page.tasks[1].raw("result").size(), 64u * 1024);
  EXPECT_EQ(page.tasks[1].raw("result_bytes"), "");
  EXPECT_EQ(record("large").raw("result").size(), 64u * 1024 + 1);
}

// Entries whose record expired are never returned, pages are full all the same, and the entries go away.
TEST_F(ListTest, ExpiredRecordsAreNeverReturned) {
  for (int i = 0; i < 20; ++i) {
    clock.advance(1us);
    run(store.set_task_status("t" + std::to_string(i), {}, now()));
  }
  for (const int i : {19, 18, 15, 3}) expire_now("t" + std::to_string(i));
  const Page page = run(store.list({.limit = 5}, now()));
  EXPECT_EQ(ids(page), (std::vector<std::string>{"t17", "t16", "t14", "t13", "t12"}));
  EXPECT_EQ(page.total, 17);  // t3 was not met
  const Page rest = run(store.list({.limit = 100, .cursor = *page.next_cursor}, now()));
  EXPECT_EQ(rest.tasks.size(), 11u);
  EXPECT_EQ(rest.total, 16);
  expect_consistent();
}

// What expired by its time is swept before a page is counted.
TEST_F(ListTest, TotalsAreRightAfterExpiry) {
  const Store brief({.prefix = "task:", .ttl = 1s});
  for (int i = 0; i < 250; ++i)
    run(brief.set_task_status("t" + std::to_string(i), {{"status", "\"completed\""}}, now()));
  run(store.set_task_status("stays", {{"status", "\"completed\""}}, now()));
  for (int i = 0; i < 250; ++i)
    redis_says(Command("DEL", "task:t" + std::to_string(i)));  // as Redis does when it expires them
  clock.advance(2s);
  const Page page = run(store.list({.status = Status::completed, .limit = 1}, now()));
  EXPECT_EQ(ids(page), std::vector<std::string>{"stays"});
  EXPECT_EQ(page.total, 1);
  expect_consistent();
}

// The sweep removes what expired, in steps, and nothing that Redis' clock still keeps.
TEST_F(ListTest, SweepRemovesOnlyWhatIsGone) {
  for (int i = 0; i < 450; ++i) run(store.set_task_status("t" + std::to_string(i), {}, now()));
  create("waiting");
  for (int i = 0; i < 449; ++i) redis_says(Command("DEL", "task:t" + std::to_string(i)));
  EXPECT_EQ(run(store.sweep(now())), 0);  // not their time yet
  clock.advance(101s);                    // ours; Redis' own has hardly moved, and keeps t449
  EXPECT_EQ(run(store.sweep(now())), 449);
  EXPECT_EQ(run(store.sweep(now())), 0);
  EXPECT_TRUE(run(store.get("t449")));
  EXPECT_EQ(ids(run(store.list({}, now()))), (std::vector<std::string>{"waiting", "t449"}));
  expect_consistent();
}

// A record that expired and is written again is new.
TEST_F(ListTest, AnExpiredIdIsNewAgain) {
  run(store.set_task_status("t", {{"status", "\"failed\""}}, now()));
  expire_now("t");
  clock.advance(5s);
  create("t");
  EXPECT_EQ(record("t").text("created_at"), rfc3339(now()));
  EXPECT_EQ(run(store.list({.status = Status::failed}, now())).total, 0);
  expect_consistent();
}

// A search looks at a few fields of each record, from a time on, and can go on behind any of them.
TEST_F(ListTest, AnExcerptHasWhatIsAskedForAndPlaces) {
  for (int i = 0; i < 10; ++i) {
    clock.advance(1s);
    create("t" + std::to_string(i));
  }
  const WallTime before = now() - 4s;  // t5's: it is not before
  const ListRequest wanted{.limit = 3, .before = before, .fields = {"actor", "none"}};
  const Page page = run(store.list(wanted, now()));
  EXPECT_EQ(ids(page), (std::vector<std::string>{"t4", "t3", "t2"}));
  EXPECT_EQ(page.tasks[0].fields, (Fields{{"actor", "\"act\""}}));
  EXPECT_EQ(page.total, 10);
  EXPECT_EQ(page.looked_at, 8);  // five are newer, three are here
  ASSERT_EQ(page.scores.size(), 3u);
  const std::string behind = to_text({page.scores[0], "t4"});
  EXPECT_EQ(ids(run(store.list({.limit = 2, .cursor = behind}, now()))),
            (std::vector<std::string>{"t3", "t2"}));
}

// The whole of what an excerpt showed: large results are left out as in lists, what is gone is not there, and a record
// of an older version stays as list() read it.
TEST_F(ListTest, ExcerptsBecomeWholeRecords) {
  for (const char* id : {"small", "large", "gone"}) {
    clock.advance(1us);
    run(store.set_task_status(id, {{"status", "\"completed\""}}, now()));
  }
  run(store.complete_task("small", "\"short\"", now()));
  run(store.complete_task("large", "\"" + std::string(100'000, 'x') + "\"", now()));
  redis_says(Command("SET", "task:old", R"({"status": "completed", "note": 1})"));
  redis_says(Command("ZADD",
                     "task:\x1f"
                     "all",
                     1, "old"));
  auto page = run(store.list({.fields = {"status"}}, now()));
  redis_says(Command("DEL", "task:gone"));
  const auto whole = run(store.whole(std::move(page.tasks)));
  ASSERT_EQ(whole.size(), 3u);
  EXPECT_EQ(whole[0].task_id, "large");
  EXPECT_EQ(whole[0].raw("result"), "null");
  EXPECT_EQ(whole[0].number("result_bytes"), 100'002);
  EXPECT_EQ(whole[1].raw("result"), "\"short\"");
  EXPECT_EQ(whole[1].raw("created_at"), record("small").raw("created_at"));
  EXPECT_EQ(whole[2].raw("note"), "1");
  EXPECT_TRUE(run(store.whole({})).empty());
}

TEST_F(ListTest, AnEmptyStoreIsAnEmptyPage) {
  const Page page = run(store.list({}, now()));
  EXPECT_TRUE(page.tasks.empty());
  EXPECT_EQ(page.total, 0);
  EXPECT_EQ(page.next_cursor, std::nullopt);
}

// Two stores with prefixes of their own on one Redis do not see each other's tasks.
TEST_F(ListTest, PrefixesAreApart) {
  const Store other({.prefix = "other:"});
  create("t");
  run(other.set_task_status("t", {{"mine", "1"}}, now()));
  EXPECT_EQ(run(other.list({}, now())).total, 1);
  EXPECT_EQ(run(other.remove_many({}, {}, now())), 1);
  EXPECT_EQ(record("t").status(), Status::pending);
  expect_consistent();
}

}  // namespace
}  // namespace medsynth::tasks
