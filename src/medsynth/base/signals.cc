#include "medsynth/base/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "medsynth/base/descriptor.h"

namespace medsynth {
namespace {

// Of the thread that waits.
bool reload_asked = false;

bool is_ignored(int signal) {
  struct sigaction now{};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

// Once: a terminal that is closed is none from then on, and its SIGHUP still ends the process.
bool has_terminal() {
  static const bool has(Descriptor(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)));
  return has;
}

sigset_t end_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&set, signal);
  if (!is_ignored(SIGHUP)) sigaddset(&set, SIGHUP);  // a blocked signal would come although it is ignored
  return set;
}

}  // namespace

void block_end_signals() {
  (void)has_terminal();
  sigset_t set = end_signals();
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

bool wait_for_end(std::chrono::milliseconds timeout) {
  sigset_t set = end_signals();
  sigaddset(&set, SIGCHLD);
  const timespec time{timeout.count() / 1000, (timeout.count() % 1000) * 1'000'000};
  const int signal = sigtimedwait(&set, nullptr, &time);
  if (signal == SIGHUP && !has_terminal()) {
    reload_asked = true;
    return false;
  }
  return signal > 0 && signal != SIGCHLD;
}

bool take_reload() {
  return std::exchange(reload_asked, false);
}

bool end_is_pending() {
  sigset_t pending;
  sigpending(&pending);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    const bool ends = signal != SIGHUP || (has_terminal() && !is_ignored(signal));
    if (ends && sigismember(&pending, signal) == 1) return true;
  }
  return false;
}

}  // namespace medsynth
