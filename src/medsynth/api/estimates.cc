#include "medsynth/api/estimates.h"

#include <chrono>

namespace medsynth::api {
namespace {

// After that nobody hears of their start any more: its record is gone, or the news of it was missed.
constexpr std::chrono::hours kForgotten{24};

WallTime after(WallTime now, double seconds) {
  return now + std::chrono::duration_cast<WallTime::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

void Estimates::shown(const std::string& task_id, const tasks::Estimate& estimate, WallTime now) {
  if (open_.size() >= kMax)
    std::erase_if(open_, [&](const auto& each) { return each.second.high + kForgotten < now; });
  if (open_.size() < kMax)
    open_.try_emplace(task_id, Interval{after(now, estimate.low), after(now, estimate.high)});
}

std::optional<std::string_view> Estimates::heard(std::string_view task_id, std::string_view status,
                                                 WallTime now) {
  if (status == "pending" || status == "retrying") return std::nullopt;
  const auto found = open_.find(task_id);
  if (found == open_.end()) return std::nullopt;
  const Interval interval = found->second;
  open_.erase(found);
  if (status == "cancelled" || status == "deleted") return std::nullopt;
  if (now < interval.low) return "early";
  return now > interval.high ? "late" : "hit";
}

}  // namespace medsynth::api
