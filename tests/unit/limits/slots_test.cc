#include "medsynth/limits/slots.h"

#include <set>

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
  auto one = (*table)->new_holder();
  auto two = (*table)->new_holder();
  ASSERT_TRUE(one && two);
  EXPECT_EQ((*table)->take(*one, {.pid = 1}, {.actor = "a"}, {}), 0);
  EXPECT_EQ((*table)->take(*two, {.pid = 2, .slot = false, .model = 5},
                           {.actor = std::string(100, 'x'), .model = "m"}, {}),
            1);
  EXPECT_EQ(taken(**table), 2);
  EXPECT_EQ(std::string((*table)->holding(1).actor_name), std::string(63, 'x'));
  EXPECT_EQ((*table)->holding(1).kind, HoldingKind::model);
  (*table)->release(0, *one);
  EXPECT_EQ(taken(**table), 1);
  two->close();  // as when its process dies: nobody tidies the record
  EXPECT_EQ(taken(**table), 0);
  auto three = (*table)->new_holder();
  EXPECT_EQ((*table)->take(*three, {.pid = 3}, {}, {}), 0);
}

// A place in line of this test.
struct Stand {
  LockFile holder;
  int place;
  explicit Stand(SlotTable& table) : holder(*table.new_holder()), place(*table.join(holder)) {
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
  table->leave(first.place, first.holder);
  Stand third(*table);
  EXPECT_EQ(third.place, first.place) << "the record is used again";
  EXPECT_EQ(places(*table, -1, false), (std::vector<int>{second.place, third.place}));
  EXPECT_EQ(table->line(-1, false)[0].waiting.demand.model, 9u);
  EXPECT_EQ(table->line(-1, false)[0].waiting.limits.max_concurrent_tasks, 3);
  second.holder.close();
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
  first.holder.close();
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
  auto holder = (*mine)->new_holder();
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
    auto holder = *table->new_holder();
    const int index = *table->take(holder, {}, needs, {});
    const auto end = std::chrono::steady_clock::now() + 2 * kShortestTask;
    while (std::chrono::steady_clock::now() < end) {
    }
    table->release(index, holder);
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
