#include "medsynth/base/signals.h"

#include <csignal>

namespace medsynth {
namespace {

bool is_ignored(int signal) {
  struct sigaction now{};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
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
  return signal > 0 && signal != SIGCHLD;
}

bool end_is_pending() {
  sigset_t pending;
  sigpending(&pending);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP})
    if (sigismember(&pending, signal) == 1 && !(signal == SIGHUP && is_ignored(signal))) return true;
  return false;
}

}  // namespace medsynth
