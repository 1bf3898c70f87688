#include "medsynth/base/child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace medsynth {
namespace {

// Between fork and exec: only what is safe there.
[[noreturn]] void become(char* const* arguments, const ChildOptions& options, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, options.death_signal);
  if (::getppid() != parent) ::_exit(127);  // it died before the line above
  ::setpgid(0, 0);
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t blocked;
  ::sigemptyset(&blocked);
  if (options.blocked_signal != 0) ::sigaddset(&blocked, options.blocked_signal);
  ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
  if (options.out != STDOUT_FILENO) ::dup2(options.out, STDOUT_FILENO);
  if (options.error != STDERR_FILENO) ::dup2(options.error, STDERR_FILENO);
  // Connections of ours would stay open with it, and what we listen on be taken.
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  if (options.kept >= 0) ::fcntl(options.kept, F_SETFD, 0);
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

}  // namespace

pid_t spawn(const std::vector<std::string>& command, const ChildOptions& options) {
  // Everything that allocates happens before fork: other threads may hold locks.
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) become(arguments.data(), options, parent);
  return child;
}

}  // namespace medsynth
