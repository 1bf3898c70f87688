#include "medsynth/base/child.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <thread>

#include <gmock/gmock.h>

#include "medsynth/base/descriptor.h"
#include "medsynth/base/private_file.h"

namespace medsynth {
namespace {

bool is_open(int number) {
  return ::fcntl(number, F_GETFD) >= 0;
}

TEST(Descriptor, IsClosedOnceWithItsOwner) {
  const int number = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  {
    Descriptor first(number);
    Descriptor second(std::move(first));
    EXPECT_FALSE(first);
    EXPECT_EQ(*second, number);
    Descriptor third;
    third = std::move(second);
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
  Descriptor given(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Descriptor taken(given.release());
  EXPECT_TRUE(is_open(*taken));
}

struct Ended {
  int status;
  std::string output;
};

Ended run(const std::vector<std::string>& command, int kept = -1) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  const pid_t pid = spawn(command, {.out = *to, .error = *to, .kept = kept});
  to.reset();
  Ended ended;
  std::array<char, 1024> buffer;
  for (ssize_t got; (got = ::read(*from, buffer.data(), buffer.size())) > 0;)
    ended.output.append(buffer.data(), static_cast<std::size_t>(got));
  int status = 0;
  ::waitpid(pid, &status, 0);
  ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ended;
}

TEST(Spawn, InheritsNothingButWhatIsGiven) {
  // Not close-on-exec, as a library may open one.
  const Descriptor stray(::open("/dev/null", O_RDONLY));  // NOLINT
  const Descriptor kept(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  const auto sees = [](const Descriptor& which) {
    return "[ -e /proc/$$/fd/" + std::to_string(*which) + " ] && echo yes || echo no; ";
  };
  const std::string script = sees(stray) + sees(kept) +
                             "readlink /proc/$$/fd/0; cut -d' ' -f5 /proc/$$/stat | grep -qx $$ && echo own";
  const Ended ended = run({"/bin/sh", "-c", script}, *kept);
  EXPECT_EQ(ended.output, "no\nyes\n/dev/null\nown\n");
}

// By the shell itself: it blocks signals while it starts another.
constexpr const char* kOwnSignals =
    "while read line; do case $line in SigBlk*|SigIgn*) echo $line;; esac; done < /proc/self/status";

TEST(Spawn, HasTheSignalsOfANewProgram) {
  ::signal(SIGUSR1, SIG_IGN);
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const Ended ended = run({"/bin/sh", "-c", kOwnSignals});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGUSR1, SIG_DFL);
  EXPECT_EQ(ended.output, "SigBlk: 0000000000000000\nSigIgn: 0000000000000000\n");
}

TEST(Spawn, AProgramThatIsNotThere) {
  EXPECT_EQ(run({"/nowhere/at/all"}).status, 127);
}

TEST(FileLock, ExcludesAnother) {
  std::string folder = ::testing::TempDir() + "os_test_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::filesystem::path file = std::filesystem::path(folder) / "file";
  std::atomic<bool> first_is_done = false;
  std::thread other;
  {
    const FileLock first(file);
    ASSERT_TRUE(first.held());
    other = std::thread([&] {
      const FileLock second(file);
      EXPECT_TRUE(second.held());
      EXPECT_TRUE(first_is_done);
    });
    std::this_thread::yield();
    first_is_done = true;
  }
  other.join();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace medsynth
