#include "medsynth/inference/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "medsynth/base/descriptor.h"

namespace medsynth::inference {
namespace {

constexpr std::size_t kKeptOutput = 16 * 1024;
constexpr std::chrono::milliseconds kTick{200};

// Our environment with the additions, which come first and so win.
std::vector<std::string> merged_environment(const Command& command) {
  std::vector<std::string> all;
  for (const auto& [name, value] : command.environment) all.push_back(name + "=" + value);
  for (char** each = environ; *each; ++each) {
    const std::string_view text(*each);
    const auto same = [&](const auto& added) { return text.starts_with(added.first + "="); };
    if (std::none_of(command.environment.begin(), command.environment.end(), same)) all.emplace_back(text);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Starts it in a process group of its own, so that what it starts can be killed with it.
Result<pid_t> start(const Command& command, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::vector<std::string> arguments = command.arguments, environment = merged_environment(command);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, arguments[0].c_str(), &actions, &attributes,
                                 pointers(arguments).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error == ENOENT)
    return Error{Code::not_found, fmt::format("there is no program {}", command.arguments[0]), "no_program"};
  if (error != 0)
    return Error{Code::unavailable,
                 fmt::format("cannot start {}: {}", command.arguments[0], std::strerror(error)), ""};
  return pid;
}

// Reads what is there; false at the end of the stream.
bool read_some(int from, std::string& output) {
  std::array<char, 4096> block{};
  ssize_t count = 0;
  while ((count = read(from, block.data(), block.size())) > 0)
    output.append(block.data(), static_cast<std::size_t>(count));
  if (output.size() > kKeptOutput) output.erase(0, output.size() - kKeptOutput);
  return count < 0;
}

}  // namespace

Result<Finished> run(const Command& command) {
  const auto deadline = std::chrono::steady_clock::now() + command.timeout;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    return Error{Code::exhausted, "no descriptors left to start a program", ""};
  const Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  fcntl(*from, F_SETFL, O_NONBLOCK);
  BOOST_OUTCOME_TRY(const pid_t pid, start(command, *to));
  to.reset();
  const Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
      stopped(eventfd(0, EFD_CLOEXEC));
  const std::stop_callback wake(command.stop, [&] { eventfd_write(*stopped, 1); });

  Finished finished;
  const auto end = [&](bool kill_it) {
    if (kill_it) kill(-pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    read_some(*from, finished.output);
    finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  };
  for (bool open = true;;) {
    // A negative descriptor is not looked at.
    std::array<pollfd, 3> waits{pollfd{*process, POLLIN, 0}, pollfd{*stopped, POLLIN, 0},
                                pollfd{open ? *from : -1, POLLIN, 0}};
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    poll(waits.data(), waits.size(),
         static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), kTick).count()));
    open = open && read_some(*from, finished.output);
    if (waits[0].revents) {
      end(false);
      return finished;
    }
    if (command.stop.stop_requested()) {
      end(true);
      return Error{Code::cancelled, fmt::format("{} was cancelled", command.arguments[0]), ""};
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      end(true);
      return Error{Code::timeout, fmt::format("{} did not end in its time", command.arguments[0]), ""};
    }
    if (command.on_tick) command.on_tick();
  }
}

}  // namespace medsynth::inference
