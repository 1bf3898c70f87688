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
  table.visit([&](int, const SlotRecord&) { ++count; });
  return count;
}

// Slots are taken and given back: the table counts those whose byte is locked, and the numbers stay small.
TEST(SlotTable, CountsWhatIsLocked) {
  TemporaryFolder folder;
  auto table = SlotTable::open(folder.path());
  ASSERT_TRUE(table) << table.error().message;
  auto one = (*table)->new_holder();
  auto two = (*table)->new_holder();
  ASSERT_TRUE(one && two);
  EXPECT_EQ((*table)->take(*one, {.pid = 1}, {.actor = "a"}, {}), 0);
  EXPECT_EQ((*table)->take(*two, {.pid = 2}, {.actor = std::string(100, 'x'), .model = "m"}, {}), 1);
  EXPECT_EQ(taken(**table), 2);
  EXPECT_EQ(std::string((*table)->record(1).actor), std::string(63, 'x'));
  (*table)->release(0, *one);
  EXPECT_EQ(taken(**table), 1);
  two->close();  // as when its process dies: nobody tidies the record
  EXPECT_EQ(taken(**table), 0);
  auto three = (*table)->new_holder();
  EXPECT_EQ((*table)->take(*three, {.pid = 3}, {}, {}), 0);
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
  const std::uint32_t seen = (*theirs)->bell();
  std::atomic<bool> woken{false};
  std::jthread waiter([&] {
    while ((*theirs)->bell() == seen) (*theirs)->wait(seen, std::chrono::seconds(10));
    woken = true;
  });
  (*mine)->ring();
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

// Names that look alike once made safe for a file still get locks of their own, and none leaves the folder.
TEST(ModelName, IsSafeAndUnique) {
  std::set<std::string> files;
  for (const char* model : {"a/b", "a_b", "../../etc/passwd", "..", "ä", "", "a b", "A b"}) {
    const ModelName name = model_name("/run/x", model);
    EXPECT_EQ(name.file.parent_path(), "/run/x/models") << model;
    EXPECT_TRUE(files.insert(name.file.string()).second) << model;
  }
  EXPECT_LT(model_name("/x", std::string(5000, 'y')).file.filename().string().size(), 100u);
}

}  // namespace
}  // namespace medsynth::limits
