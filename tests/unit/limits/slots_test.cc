#include "medsynth/limits/slots.h"

#include <cstddef>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "unit/limits/support.h"

namespace medsynth::limits {
namespace {

// Two descriptions of one file in one thread: the byte belongs to one of them until it lets go or is closed.
TEST(LockFile, ExcludesWithinOneProcess) {
  TemporaryFolder folder;
  auto first = LockFile::open(folder.path() / "locks");
  ASSERT_TRUE(first);
  auto second = first->again();
  ASSERT_TRUE(second);
  EXPECT_TRUE(first->try_lock(3));
  EXPECT_FALSE(second->try_lock(3));
  EXPECT_TRUE(second->locked_by_another(3));
  EXPECT_FALSE(second->locked_by_another(2));
  EXPECT_TRUE(second->try_lock(4));
  first->unlock(3);
  EXPECT_TRUE(second->try_lock(3));
  second->close();
  EXPECT_FALSE(first->locked_by_another(3));
  EXPECT_FALSE(second->try_lock(5)) << "closed";
}

// A lock file that cannot be made says why.
TEST(LockFile, NamesWhatIsWrong) {
  const auto refused = LockFile::open("/no/such/folder/locks");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::not_allowed);
  EXPECT_NE(refused.error().message.find("/no/such/folder/locks"), std::string::npos);
}

int taken(const SlotTable& table) {
  int count = 0;
  table.visit([&](int, const HoldingRecord&) { ++count; });
  return count;
}

// Slots and locks are taken and given back: the table counts those whose byte is locked, and the numbers stay
// small.
TEST(SlotTable, CountsWhatIsLocked) {
  TemporaryFolder folder;
  auto table = SlotTable::open(folder.path());
  ASSERT_TRUE(table) << table.error().message;
  auto one = (*table)->holder();
  auto two = (*table)->holder();
  ASSERT_TRUE(one && two);
  EXPECT_EQ((*table)->take(*one, {.pid = 1}, {.actor = "a"}, {}), 0);
  EXPECT_EQ((*table)->take(*two, {.pid = 2, .slot = false, .model = 5},
                           {.actor = std::string(100, 'x'), .model = "m"}, {}),
            1);
  EXPECT_EQ(taken(**table), 2);
  EXPECT_EQ(std::string((*table)->holding(1).actor_name), std::string(63, 'x'));
  EXPECT_EQ((*table)->holding(1).kind, HoldingKind::model);
  (*table)->release(std::move(*one));
  EXPECT_EQ(taken(**table), 1);
  two->file.close();  // as when its process dies: nobody tidies the record
  EXPECT_EQ(taken(**table), 0);
  auto three = (*table)->holder();
  EXPECT_EQ((*table)->take(*three, {.pid = 3}, {}, {}), 0);
}

// Records that a process freed are kept for its next tasks: they count for nothing, others take different
// ones, and may have them when that process has gone.
TEST(SlotTable, KeepsFreedRecordsForTheNextTask) {
  TemporaryFolder folder;
  auto mine = *SlotTable::open(folder.path()), theirs = *SlotTable::open(folder.path());
  auto one = *mine->holder(), two = *mine->holder();
  EXPECT_EQ(mine->take(one, {.pid = 1}, {}, {}), 0);
  EXPECT_EQ(mine->take(two, {.pid = 1}, {}, {}), 1);
  const int descriptor = two.file.descriptor();
  mine->release(std::move(one));
  mine->release(std::move(two));
  EXPECT_EQ(taken(*mine) + taken(*theirs), 0);
  auto again = *mine->holder();
  EXPECT_EQ(again.file.descriptor(), descriptor) << "nothing is opened";
  EXPECT_EQ(mine->take(again, {.pid = 1}, {}, {}), 1) << "the one freed last";
  auto other = *theirs->holder(), third = *theirs->holder();
  EXPECT_EQ(theirs->take(other, {.pid = 2}, {}, {}), 2);
  EXPECT_EQ(taken(*theirs), 2);
  again.file.close();
  mine.reset();
  EXPECT_EQ(theirs->take(third, {.pid = 2}, {}, {}), 0);
  EXPECT_EQ(taken(*theirs), 2);
}

// What a process keeps has an end: the rest is closed, and anybody's.
TEST(SlotTable, KeepsSomeRecordsOnly) {
  TemporaryFolder folder;
  auto mine = *SlotTable::open(folder.path()), theirs = *SlotTable::open(folder.path());
  std::vector<Holder> many;
  for (std::size_t i = 0; i <= kMaxKept; ++i) {
    many.push_back(*mine->holder());
    ASSERT_EQ(mine->take(many.back(), {.pid = 1}, {}, {}), static_cast<int>(i));
  }
  for (Holder& each : many) mine->release(std::move(each));
  auto other = *theirs->holder();
  EXPECT_EQ(theirs->take(other, {.pid = 2}, {}, {}), static_cast<int>(kMaxKept));
}

// A place in line of this test.
struct Stand {
  Holder holder;
  int place;
  explicit Stand(SlotTable& table) : holder(*table.holder()), place(*table.join(holder)) {
    table.describe(place, {.demand = {.model = 9}, .limits = {.max_concurrent_tasks = 3}});
  }
};

std::vector<int> places(SlotTable& table, int self, bool thorough) {
  std::vector<int> out;
  for (const auto& each : table.line(self, thorough)) out.push_back(each.place);
  return out;
}

// The line is in the order of coming, whichever records are used; what the dead leave is cleared.
TEST(SlotTable, KeepsTheLine) {
  TemporaryFolder folder;
  auto table = *SlotTable::open(folder.path());
  Stand first(*table), second(*table);
  table->leave(std::move(first.holder));
  Stand third(*table);
  EXPECT_EQ(third.place, first.place) << "the record is used again";
  EXPECT_EQ(places(*table, -1, false), (std::vector<int>{second.place, third.place}));
  EXPECT_EQ(table->line(-1, false)[0].waiting.demand.model, 9u);
  EXPECT_EQ(table->line(-1, false)[0].waiting.limits.max_concurrent_tasks, 3);
  second.holder.file.close();
  EXPECT_EQ(places(*table, -1, true), (std::vector<int>{third.place}));
}

// A ring goes to the first who lives; one that was called already is not rung again until it has come.
TEST(SlotTable, RingsTheFirstWhoLives) {
  TemporaryFolder folder;
  auto table = *SlotTable::open(folder.path());
  Stand first(*table), second(*table);
  const std::uint32_t seen = table->bell(first.place), seen_second = table->bell(second.place);
  table->ring_first();
  table->ring_first();
  EXPECT_EQ(table->bell(first.place), seen + 1);
  EXPECT_EQ(table->bell(second.place), seen_second);
  static_cast<void>(table->line(first.place, false));  // it has come
  table->ring_first();
  EXPECT_EQ(table->bell(first.place), seen + 2);
  first.holder.file.close();
  table->ring_first();
  EXPECT_EQ(table->bell(second.place), seen_second + 1);
}

// Two tables on one folder are one table; the guard belongs to one of them at a time.
TEST(SlotTable, IsSharedAndGuarded) {
  TemporaryFolder folder;
  auto mine = SlotTable::open(folder.path());
  auto theirs = SlotTable::open(folder.path());
  ASSERT_TRUE(mine && theirs);
  {
    const SlotTable::Guard guard(**mine, std::chrono::milliseconds(1));
    EXPECT_TRUE(static_cast<bool>(guard));
    EXPECT_FALSE(static_cast<bool>(SlotTable::Guard(**theirs, std::chrono::milliseconds(1))));
  }
  EXPECT_TRUE(static_cast<bool>(SlotTable::Guard(**theirs, std::chrono::milliseconds(1))));
  auto holder = (*mine)->holder();
  (*mine)->take(*holder, {.pid = 1}, {}, {});
  EXPECT_EQ(taken(**theirs), 1);
}

// A ring reaches a waiter through another mapping of the file; one that missed it does not wait at all.
TEST(SlotTable, RingsAcrossMappings) {
  TemporaryFolder folder;
  auto mine = SlotTable::open(folder.path());
  auto theirs = SlotTable::open(folder.path());
  ASSERT_TRUE(mine && theirs);
  const Stand stand(**theirs);
  const std::uint32_t seen = (*theirs)->bell(stand.place);
  std::atomic<bool> woken{false};
  std::jthread waiter([&] {
    while ((*theirs)->bell(stand.place) == seen) (*theirs)->wait(stand.place, seen, std::chrono::seconds(10));
    woken = true;
  });
  (*mine)->ring(stand.place);
  EXPECT_TRUE(eventually([&] { return woken.load(); }));
}

// The machine stopped while somebody had the guard, and the folder is on a disk: the first to come has it.
TEST(SlotTable, ForgetsAGuardOfBeforeTheRestart) {
  TemporaryFolder folder;
  ASSERT_TRUE(SlotTable::open(folder.path()));
  {
    std::fstream file(folder.path() / "slots", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offsetof(TableHeader, guard));  // whose first word is the owner's thread
    file.write("\x01\x02\x03\0", 4);
  }
  auto first = *SlotTable::open(folder.path()), second = *SlotTable::open(folder.path());
  const SlotTable::Guard guard(*first, std::chrono::milliseconds(1));
  EXPECT_TRUE(static_cast<bool>(guard));
  auto third = *SlotTable::open(folder.path());
  EXPECT_FALSE(static_cast<bool>(SlotTable::Guard(*third, std::chrono::milliseconds(1)))) << "it is taken";
}

// A file of another layout is refused and left alone.
TEST(SlotTable, RefusesAnotherVersion) {
  TemporaryFolder folder;
  folder.write("slots", std::string("MEDSLOTS\x09\0\0\0", 12));
  const auto refused = SlotTable::open(folder.path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
}

// Names that look alike are different models; none is no model.
TEST(ModelHash, TellsModelsApart) {
  std::set<std::uint64_t> hashes;
  for (const char* model : {"a/b", "a_b", "../../etc/passwd", "..", "\xc3\xa4", "", "a b", "A b"})
    EXPECT_TRUE(hashes.insert(model_hash(model)).second) << model;
  EXPECT_EQ(model_hash(""), 0u);
}

// What tasks of a kind took is kept in the folder, and trusted once there are three.
TEST(SlotTable, LearnsShares) {
  TemporaryFolder folder;
  auto table = *SlotTable::open(folder.path());
  table->saw(2, false);
  const Needs needs{.actor = "a", .model = "m"};
  const auto run_one = [&] {
    auto holder = *table->holder();
    ASSERT_TRUE(table->take(holder, {}, needs, {}));
    const auto end = std::chrono::steady_clock::now() + 2 * kShortestTask;
    while (std::chrono::steady_clock::now() < end) {
    }
    table->release(std::move(holder));
  };
  for (std::uint32_t task = 1; task < kTasksToTrust; ++task) run_one();
  EXPECT_FALSE(table->share(kind_hash(needs)));
  run_one();
  const auto share = SlotTable::open(folder.path()).value()->share(kind_hash(needs));
  ASSERT_TRUE(share);
  EXPECT_GT(*share, 1);
  EXPECT_LE(*share, 51) << "one thread of two CPUs";
  EXPECT_FALSE(table->share(kind_hash({.actor = "b", .model = "m"})));
}

}  // namespace
}  // namespace medsynth::limits
