// A child process that does not outlive its parent.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

namespace medsynth {

struct ChildOptions {
  int death_signal = SIGKILL;  // what it is sent when the thread that started it ends
  int out = 1;                 // its standard output and error: these descriptors of ours
  int error = 2;
  int kept = -1;           // the one further descriptor that it inherits
  int blocked_signal = 0;  // waits until the child takes it; 0: none is blocked
};

// Runs a program (its path, its arguments) in a process group of its own, since a Ctrl-C at the terminal is for its
// parent, with default signals and an empty standard input. The process id; -1: errno says why. A program that
// cannot be run ends with 127. Call it from a thread that lives as long as the child is to.
pid_t spawn(const std::vector<std::string>& command, const ChildOptions& options = {});

}  // namespace medsynth
