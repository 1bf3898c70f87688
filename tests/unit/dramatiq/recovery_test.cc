#include "medsynth/dramatiq/recovery.h"

#include <gtest/gtest.h>

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;

constexpr Timeouts kTimeouts{15'000ms, 60'000ms};
constexpr std::int64_t kNow = 1'700'000'000'000;

std::vector<std::string> names(const std::vector<Dead>& dead) {
  std::vector<std::string> out;
  for (const Dead& d : dead) out.push_back(d.worker);
  return out;
}

// Each kind of worker has its own timeout; we ourselves are never dead.
TEST(DeadWorkers, AreThoseWhoWereSilentForTheirTimeout) {
  const std::vector<Beat> beats{{"ours-alive", kNow - 14'999, true},
                                {"ours-dead", kNow - 15'000, true},
                                {"python-alive", kNow - 59'999, false},
                                {"python-dead", kNow - 60'000, false},
                                {"self", 0, true},
                                {"ahead", kNow + 5'000, true}};
  const auto dead = dead_workers(beats, "self", kNow, kTimeouts, 1h);
  EXPECT_EQ(dead, (std::vector<Dead>{{"ours-dead", kNow - 15'000}, {"python-dead", kNow - 60'000}}));
}

// Redis came back: nobody's lease is taken before it was reachable for that lease's timeout.
TEST(DeadWorkers, KeepTheirLeaseUntilRedisWasReachableForAsLong) {
  const std::vector<Beat> beats{{"ours", kNow - 100'000, true}, {"python", kNow - 100'000, false}};
  const auto after = [&](std::chrono::milliseconds reachable) {
    return names(dead_workers(beats, "self", kNow, kTimeouts, reachable));
  };
  EXPECT_EQ(after(0ms), (std::vector<std::string>{}));
  EXPECT_EQ(after(14'999ms), (std::vector<std::string>{}));
  EXPECT_EQ(after(15'000ms), (std::vector<std::string>{"ours"}));
  EXPECT_EQ(after(59'999ms), (std::vector<std::string>{"ours"}));
  EXPECT_EQ(after(60'000ms), (std::vector<std::string>{"ours", "python"}));
}

class ContactTest : public testing::Test {
 protected:
  void worked_at(std::chrono::milliseconds steady, std::chrono::milliseconds redis) {
    contact_.worked(SteadyTime{steady}, kNow + redis.count());
  }
  std::chrono::milliseconds reachable_at(std::chrono::milliseconds steady) const {
    return contact_.reachable_for(SteadyTime{steady});
  }
  Contact contact_;
};

TEST_F(ContactTest, BeginsWithTheFirstCallThatWorks) {
  EXPECT_EQ(reachable_at(100s), 0ms);
  worked_at(100s, 0s);
  worked_at(105s, 5s);
  EXPECT_EQ(reachable_at(110s), 10s);
}

TEST_F(ContactTest, BeginsAnewAfterAFailure) {
  worked_at(100s, 0s);
  contact_.failed();
  EXPECT_EQ(reachable_at(101s), 0ms);
  worked_at(140s, 40s);
  EXPECT_EQ(reachable_at(150s), 10s);
}

// The machine slept (Redis' clock went on, ours stood), or a clock was set.
TEST_F(ContactTest, BeginsAnewWhenTheClocksDisagreeAboutTheTimeBetween) {
  worked_at(100s, 0s);
  worked_at(105s, 600s);
  EXPECT_EQ(reachable_at(105s), 0ms);
  worked_at(110s, 606s);  // a second more is a slow answer
  EXPECT_EQ(reachable_at(110s), 5s);
  worked_at(115s, 500s);
  EXPECT_EQ(reachable_at(115s), 0ms);
}

}  // namespace
}  // namespace medsynth::dramatiq
