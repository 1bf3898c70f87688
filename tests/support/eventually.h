// Waiting for what another thread or process does.
#pragma once

#include <chrono>
#include <thread>

namespace medsynth::test {

// True as soon as `condition` holds; false when it does not within `deadline`, which no machine needs.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds deadline = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace medsynth::test
