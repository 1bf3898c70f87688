#include "medsynth/limits/shares.h"

#include <algorithm>
#include <utility>

namespace medsynth::limits {
namespace {

constexpr double kRise = 0.5, kFall = 0.1;

}  // namespace

void Meter::divide(CpuTime used) {
  const double seconds = std::chrono::duration<double>(used - std::exchange(divided_, used)).count();
  double sum = 0;
  for (const auto& [id, task] : tasks_) sum += task.share;
  for (auto& [id, task] : tasks_)
    task.cpu_seconds += seconds * (sum > 0 ? task.share / sum : 1 / static_cast<double>(tasks_.size()));
}

void Meter::start(int task, double share, SteadyTime now, CpuTime used) {
  divide(used);
  tasks_[task] = {.share = share, .start = now};
}

std::optional<Meter::Use> Meter::stop(int task, SteadyTime now, CpuTime used) {
  divide(used);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return std::nullopt;
  const Task ended = found->second;
  tasks_.erase(found);
  const auto ran = std::chrono::duration_cast<std::chrono::nanoseconds>(now - ended.start);
  const double seconds = std::chrono::duration<double>(ran).count();
  return Use{.cpus = seconds > 0 ? ended.cpu_seconds / seconds : 0, .ran = ran};
}

LearnedShare learned(LearnedShare before, double percent, bool machine_was_full) {
  percent = std::clamp(percent, 0.0, 100.0);
  LearnedShare after{.percent = percent, .tasks = std::min(before.tasks, UINT32_MAX - 1) + 1};
  if (before.tasks == 0) return after;
  const double weight = percent > before.percent ? kRise : machine_was_full ? 0 : kFall;
  after.percent = before.percent + weight * (percent - before.percent);
  return after;
}

}  // namespace medsynth::limits
