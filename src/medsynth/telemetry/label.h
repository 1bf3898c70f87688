// The one bound on what may become a label of a metric. Each value is a series that is kept and published for
// as long as its process lives, so callers must not choose them: who makes the labels says which names there
// are, and every other is "unknown".
//
//   Label actors;
//   actors.know({"detect_contradiction"});
//   actors.of("detect_contradiction");  // itself
//   actors.of("x-4711");                // "unknown"
//
// Until somebody says which names there are, the first hundred are known. Thread safe.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace medsynth::telemetry {

class Label {
 public:
  static constexpr std::string_view kUnknown = "unknown";
  static constexpr std::size_t kMaxValues = 100;  // dashboards show dozens
  static constexpr std::size_t kMaxLength = 200;  // as check_name()'s

  // From now on only these are known, and those that were before.
  void know(std::span<const std::string> names);
  // `name`, or "unknown".
  std::string of(std::string_view name);

 private:
  std::mutex mutex_;
  std::set<std::string, std::less<>> known_;
  bool closed_ = false;
};

}  // namespace medsynth::telemetry
