#include "medsynth/cli/idle_queues.h"

#include <utility>

namespace medsynth::cli {

std::vector<std::string> IdleQueues::forgettable(const std::vector<dramatiq::QueueState>& states,
                                                 const std::set<std::string>& used, SteadyTime now) {
  std::map<std::string, SteadyTime> idle;
  std::vector<std::string> names;
  for (const dramatiq::QueueState& state : states) {
    const dramatiq::Depth& depth = state.depth;
    const bool empty = depth.ready == 0 && depth.delayed == 0 && depth.running == 0 && depth.dead == 0;
    if (!empty || state.paused || used.contains(state.name)) continue;
    const auto known = idle_since_.find(state.name);
    const SteadyTime since = known == idle_since_.end() ? now : known->second;
    idle.emplace(state.name, since);
    if (now - since >= after_) names.push_back(state.name);
  }
  idle_since_ = std::move(idle);
  return names;
}

}  // namespace medsynth::cli
