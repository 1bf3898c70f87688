// Slots and locks between processes: forked children stand for other workers. They leave by _exit or by
// signal.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <gtest/gtest.h>

#include "medsynth/limits/slots.h"

#include "unit/limits/support.h"

namespace medsynth::limits {
namespace {

using namespace std::chrono_literals;

// A child process that says when it is ready; killed at the latest when the test ends.
class Child {
 public:
  template <class Body>
  explicit Child(Body body) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      body([write = ends[1]](char word) {
        if (::write(write, &word, 1) != 1) ::_exit(9);
      });
      ::_exit(0);
    }
    ::close(ends[1]);
    said_ = ends[0];
  }
  ~Child() {
    kill();
    ::close(said_);
  }
  Child(const Child&) = delete;

  char hear() const {  // 0 when it has ended
    char word = 0;
    return ::read(said_, &word, 1) == 1 ? word : '\0';
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  void signal(int number) const { ::kill(pid_, number); }
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

 private:
  pid_t pid_ = -1;
  int said_ = -1;
};

using Say = std::function<void(char)>;

class ProcessesTest : public ::testing::Test {
 protected:
  std::unique_ptr<Limiter> open(std::int64_t slots) {
    return std::move(*Limiter::open({.limits = slots_only(slots), .runtime_dir = folder_.path()}, sensors_));
  }
  TemporaryFolder folder_;
  FakeSensors sensors_;
};

// Another process holds the only slot and the model: killed with -9, it frees both for a waiter at once.
TEST_F(ProcessesTest, AKilledHolderFreesItsSlotAndLock) {
  Child holder([&](const Say& say) {
    auto limiter = open(1);
    auto lease = limiter->acquire({.model = "m"}, 5s);
    say(lease ? 'y' : 'n');
    ::pause();
  });
  ASSERT_EQ(holder.hear(), 'y');
  auto limiter = open(2);
  EXPECT_EQ(limiter->try_acquire({.model = "m"}).second.reason, "model_lock");
  limiter->set_limits(slots_only(1));
  EXPECT_EQ(limiter->try_acquire({.model = "m"}).second.reason, "slots");
  std::chrono::steady_clock::time_point killed;
  const auto lease = limiter->acquire({.model = "m"}, 5s, {}, [&](const Wait&) {
    killed = std::chrono::steady_clock::now();
    holder.kill();
  });
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - killed);
  ASSERT_TRUE(lease) << lease.error().message;
  RecordProperty("freed_after_ms", static_cast<int>(took.count()));
  EXPECT_LT(took, 2s) << "20 ms are enough on an idle machine";
}

// The same when the holder had forked: its child lives on and keeps nothing.
TEST_F(ProcessesTest, AHoldersChildKeepsNothing) {
  int leash[2];  // the grandchild lives until the test lets go of the other end
  ASSERT_EQ(::pipe(leash), 0);
  Child holder([&](const Say& say) {
    ::close(leash[1]);
    auto limiter = open(1);
    auto lease = limiter->acquire({.model = "m"}, 5s);
    if (::fork() == 0) {
      say(lease ? 'y' : 'n');
      char word = 0;
      ::_exit(::read(leash[0], &word, 1) == 1 ? 1 : 0);
    }
    ::pause();
  });
  ASSERT_EQ(holder.hear(), 'y');
  auto limiter = open(1);
  EXPECT_FALSE(limiter->try_acquire({}).first);
  holder.kill();
  EXPECT_TRUE(limiter->acquire({.model = "m"}, 5s));
  ::close(leash[0]);
  ::close(leash[1]);
}

// A process that has let go keeps its record for its next task, and nothing from others: neither while it
// lives and does nothing, nor when it is gone.
TEST_F(ProcessesTest, AnIdleProcessKeepsNothingFromOthers) {
  Child idle([&](const Say& say) {
    auto limiter = open(2);
    auto lease = limiter->acquire({.model = "m"}, 5s);
    lease->release();
    say(lease ? 'y' : 'n');
    ::pause();
  });
  ASSERT_EQ(idle.hear(), 'y');
  auto limiter = open(2);
  EXPECT_EQ(limiter->slots().size(), 0u);
  auto first = limiter->try_acquire({.model = "m"}), second = limiter->try_acquire({});
  EXPECT_TRUE(first.first && second.first) << second.second.detail;
  idle.kill();
  EXPECT_EQ(limiter->slots().size(), 2u);
  EXPECT_FALSE(limiter->try_acquire({}).first);
}

// A forked child drops its copy of a lease and waits for the slot itself: its parent's slot is not touched,
// and the child gets it when the parent lets go.
TEST_F(ProcessesTest, AChildUsesTheLimiterOnItsOwnAccount) {
  auto limiter = open(1);
  auto lease = limiter->acquire({.model = "m"}, 0ms);
  ASSERT_TRUE(lease && limiter->acquire_task_slot(0ms));
  Child child([&](const Say& say) {
    lease->release();
    limiter->release_task_slot();  // it holds none: a no-op
    say(limiter->try_acquire({}).first ? 'n' : 'y');
    const auto mine = limiter->acquire({.model = "m"}, 20s);
    say(mine ? 'y' : 'n');
  });
  EXPECT_EQ(child.hear(), 'y') << "the slot is the parent's";
  EXPECT_EQ(limiter->slots().size(), 1u);
  lease->release();
  limiter->release_task_slot();
  EXPECT_EQ(child.hear(), 'y') << "and then the child's";
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(limiter->try_acquire({.model = "m"}).first);
}

// Four processes take and let go as fast as they can: never more than two hold a slot at once, never two the
// model.
TEST_F(ProcessesTest, NeverExceedTheLimitTogether) {
  struct Shared {
    std::atomic<int> running, most, users, most_users, done;
  };
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto& shared = *new (memory) Shared{};
  const auto raise = [](std::atomic<int>& most, int now) {
    int seen = most.load();
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
  };
  {
    const auto body = [&](const Say&) {
      auto limiter = open(2);
      for (int i = 0; i < 1000; ++i) {
        const bool with_model = i % 2 == 0;
        auto lease = limiter->acquire({.model = with_model ? "m" : ""}, 60s);
        if (!lease) ::_exit(1);
        raise(shared.most, ++shared.running);
        if (with_model) raise(shared.most_users, ++shared.users);
        std::this_thread::yield();  // held long enough for the others to run into it
        if (with_model) --shared.users;
        --shared.running;
        ++shared.done;
      }
    };
    Child first(body), second(body), third(body), fourth(body);
    EXPECT_EQ(first.wait(), 0);
    EXPECT_EQ(second.wait(), 0);
    EXPECT_EQ(third.wait(), 0);
    EXPECT_EQ(fourth.wait(), 0);
  }
  EXPECT_EQ(shared.done, 4000);
  EXPECT_LE(shared.most, 2);
  EXPECT_EQ(shared.most_users, 1);
  ::munmap(memory, sizeof(Shared));
}

// Processes that obey different limits share the slots: the one with the lower limit waits, the other does
// not.
TEST_F(ProcessesTest, EachObeysItsOwnLimit) {
  auto generous = open(3);
  auto strict = open(1);
  auto lease = generous->acquire({}, 0ms);
  EXPECT_FALSE(strict->try_acquire({}).first);
  EXPECT_TRUE(generous->try_acquire({}).first);
}

// A process that stands still while it holds the guard: others keep their timeouts.
TEST_F(ProcessesTest, AStoppedProcessDoesNotBreakTimeouts) {
  auto limiter = open(1);
  Child stopped([&](const Say& say) {
    auto table = SlotTable::open(folder_.path());
    const SlotTable::Guard guard(**table, 5s);
    say(guard ? 'y' : 'n');
    ::pause();
  });
  ASSERT_EQ(stopped.hear(), 'y');
  const auto late = limiter->acquire({}, 30ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::timeout);
  stopped.kill();
  EXPECT_TRUE(limiter->acquire({}, 5s));
}

// Numbers that the test and its children share.
template <class T>
class SharedMemory {
 public:
  SharedMemory()
      : memory_(::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) std::abort();
    new (memory_) T{};
  }
  ~SharedMemory() { ::munmap(memory_, sizeof(T)); }
  T* operator->() { return static_cast<T*>(memory_); }

 private:
  void* memory_;
};

// Sixty-four of four processes stand in line for one slot: all get it, in the order they came. (One that its
// machine does not let run for 50 ms is passed over, so a few may have changed places.)
TEST_F(ProcessesTest, NoneOfSixtyFourStarves) {
  constexpr int kWaiters = 64, kProcesses = 4;
  struct Shared {
    std::atomic<int> joined, served;
    int order[kWaiters];
  };
  SharedMemory<Shared> shared;
  auto limiter = open(1);
  auto lease = limiter->acquire({}, 0ms);
  const auto wait_and_take = [&](Limiter& mine, int number) {
    eventually([&] { return shared->joined == number; });
    const auto got = mine.acquire({}, 60s, {}, [&](const Wait&) { ++shared->joined; });
    if (got) shared->order[shared->served++] = number;
  };
  std::vector<std::unique_ptr<Child>> children;
  for (int process = 0; process < kProcesses; ++process)
    children.push_back(std::make_unique<Child>([&, process](const Say&) {
      auto mine = open(1);
      std::vector<std::jthread> threads;
      for (int number = process; number < kWaiters; number += kProcesses)
        threads.emplace_back([&, number] { wait_and_take(*mine, number); });
    }));
  ASSERT_TRUE(eventually([&] { return shared->joined == kWaiters; }));
  lease->release();
  for (auto& child : children) EXPECT_EQ(child->wait(), 0);
  ASSERT_EQ(shared->served, kWaiters);
  int displaced = 0;
  for (int place = 0; place < kWaiters; ++place) displaced += std::abs(shared->order[place] - place);
  EXPECT_LT(displaced, 8 * kWaiters) << "places; a random order has some " << 21 * kWaiters;
}

// The first in line dies there, the second stands still: those behind are served, and the second is when it
// moves again.
TEST_F(ProcessesTest, TheDeadAndTheStoppedAreSkipped) {
  auto limiter = open(1);
  auto lease = limiter->acquire({}, 0ms);
  const auto waits = [&](const Say& say) {
    auto mine = open(1);
    const auto got = mine->acquire({}, 60s, {}, [&](const Wait&) { say('w'); });
    say(got ? 'y' : 'n');
  };
  Child dead(waits);
  ASSERT_EQ(dead.hear(), 'w');
  Child stopped(waits);
  ASSERT_EQ(stopped.hear(), 'w');
  stopped.signal(SIGSTOP);
  dead.kill();
  Child third(waits);
  ASSERT_EQ(third.hear(), 'w');
  lease->release();
  EXPECT_EQ(third.hear(), 'y');
  EXPECT_EQ(third.wait(), 0);
  stopped.signal(SIGCONT);
  EXPECT_EQ(stopped.hear(), 'y');
}

// The limit falls in one process while another, which obeys its own environment, goes on as before.
TEST_F(ProcessesTest, ALoweredLimitIsOnesOwn) {
  auto strict = open(3), other = open(3);
  auto first = strict->acquire({}, 0ms), second = other->acquire({}, 0ms);
  strict->set_limits(slots_only(1));
  EXPECT_EQ(strict->try_acquire({}).second.detail, "2 of 1 slots are taken");
  EXPECT_TRUE(other->try_acquire({}).first);
  first->release();
  EXPECT_FALSE(strict->try_acquire({}).first);
  second->release();
  EXPECT_TRUE(strict->try_acquire({}).first);
}

}  // namespace
}  // namespace medsynth::limits
