// The estimates that were shown to people, held to account: did the task start within the interval? The first
// one of each task counts. Pure. Not thread safe.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "medsynth/base/clock.h"
#include "medsynth/tasks/record.h"

namespace medsynth::api {

class Estimates {
 public:
  static constexpr std::size_t kMax = 4096;  // tasks; of more the estimates are not followed

  void shown(const std::string& task_id, const tasks::Estimate& estimate, WallTime now);
  // A task has this status from now on. hit, early or late when it started just now, and an estimate was shown.
  std::optional<std::string_view> heard(std::string_view task_id, std::string_view status, WallTime now);
  bool empty() const { return open_.empty(); }

 private:
  struct Interval {
    WallTime low, high;
  };
  std::map<std::string, Interval, std::less<>> open_;
};

}  // namespace medsynth::api
