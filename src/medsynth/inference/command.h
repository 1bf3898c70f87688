// Runs another program and waits for it, with an end to the waiting. Thread safe.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "medsynth/base/error.h"

namespace medsynth::inference {

struct Command {
  std::vector<std::string> arguments;  // the first is the program, looked up in PATH
  std::vector<std::pair<std::string, std::string>> environment = {};  // added to our own
  std::chrono::milliseconds timeout{60'000};
  std::stop_token stop = {};
  std::function<void()> on_tick = {};  // called a few times a second, on this thread
};

struct Finished {
  int status = 0;      // exit code, or 128 + the signal that ended it
  std::string output;  // the last 16 KiB of what it wrote, both streams
};

// not_found: there is no such program; timeout, cancelled: it and what it started have been killed.
Result<Finished> run(const Command& command);

}  // namespace medsynth::inference
