#include "medsynth/limits/probes/asked.h"

#include <gtest/gtest.h>

namespace medsynth::limits {
namespace {

using namespace std::chrono_literals;

// Answers with how often it was asked, while it is open.
struct Question {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = true;
  int asked = 0;

  int ask() {
    std::unique_lock lock(mutex);
    ++asked;
    changed.wait(lock, [this] { return open; });
    return asked;
  }
  void set_open(bool now) {
    const std::lock_guard lock(mutex);
    open = now;
    changed.notify_all();
  }
};

template <class Condition>
bool comes_true(Condition condition) {
  for (const auto end = std::chrono::steady_clock::now() + 30s; std::chrono::steady_clock::now() < end;)
    if (condition()) return true;
  return false;
}

// A driver that hangs: the answer before counts while it is young.
TEST(Asked, AYoungAnswerStandsForOneThatDoesNotCome) {
  const auto question = std::make_shared<Question>();
  Asked<int> asked([question] { return question->ask(); }, 1ms, 1h);
  int now = 0;
  ASSERT_TRUE(asked.answer(now));
  question->set_open(false);
  for (int i = 0; i < 3; ++i) {
    now = 0;
    EXPECT_TRUE(asked.answer(now));
    EXPECT_GE(now, 1);
  }
  question->set_open(true);
}

// A file system whose server is gone: what it told before is not what is true now, however often it is asked;
// when the server is back its answer counts again.
TEST(Asked, AnOldAnswerIsNone) {
  const auto question = std::make_shared<Question>();
  Asked<int> asked([question] { return question->ask(); }, 1ms, 20ms);
  int now = 0;
  ASSERT_TRUE(comes_true([&] { return asked.answer(now); }));
  question->set_open(false);
  ASSERT_TRUE(comes_true([&] { return !asked.answer(now); }));
  now = -1;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(asked.answer(now));
  EXPECT_EQ(now, -1) << "an old answer is not given away";
  question->set_open(true);
  EXPECT_TRUE(comes_true([&] { return asked.answer(now); }));
}

// What a thread holds until its very end would look like a leak, or be used after what it came from.
TEST(Asked, ItsThreadEndsWithIt) {
  const auto question = std::make_shared<Question>();
  for (int i = 0; i < 100; ++i) {
    {
      Asked<int> asked([question] { return question->ask(); }, 30s, 1h);
      int now = 0;
      ASSERT_TRUE(asked.answer(now));
    }
    ASSERT_EQ(question.use_count(), 1);
  }
}

TEST(Asked, AQuestionThatHangsKeepsNobodyFromEnding) {
  const auto question = std::make_shared<Question>();
  question->set_open(false);
  {
    Asked<int> asked([question] { return question->ask(); }, 1ms, 1ms);
    int now = 0;
    EXPECT_FALSE(asked.answer(now));
  }
  EXPECT_GT(question.use_count(), 1);
  question->set_open(true);
  EXPECT_TRUE(comes_true([&] { return question.use_count() == 1; }));
}

}  // namespace
}  // namespace medsynth::limits
