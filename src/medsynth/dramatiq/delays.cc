#include "medsynth/dramatiq/delays.h"

#include <algorithm>

namespace medsynth::dramatiq {
namespace {

constexpr std::int64_t kTogether = 1000;  // messages of one look: bounds what is in memory

}  // namespace

Result<Delays::Look> Delays::look(const std::string& queue, WallTime now) {
  Look look;
  std::vector<Settlement> moves;
  std::vector<Received> later;
  BOOST_OUTCOME_TRY(auto fresh, client_.run(broker_.fetch(delay_queue(queue), kTogether)));
  for (Received& delivery : fresh.deliveries) {
    if (due(delivery.message, now).value_or(now) <= now)
      moves.push_back(moved_when_due(std::move(delivery)));
    else
      later.push_back(std::move(delivery));
  }
  if (!later.empty()) {
    BOOST_OUTCOME_TRY(auto scheduled, client_.run(broker_.schedule(queue, later, now)));
    look.lost += static_cast<std::int64_t>(later.size()) - scheduled;
  }
  BOOST_OUTCOME_TRY(auto due, client_.run(broker_.due(queue, now, kTogether)));
  if (due.next_due)
    next_.insert_or_assign(queue, *due.next_due);
  else
    next_.erase(queue);
  for (Received& delivery : due.deliveries) moves.push_back(moved_when_due(std::move(delivery)));
  if (!moves.empty()) {
    BOOST_OUTCOME_TRY(auto ours, client_.run(broker_.settle(moves)));
    look.lost += std::count(ours.begin(), ours.end(), false);
  }
  look.quarantined = fresh.quarantined + due.quarantined;
  look.trouble = fresh.trouble ? fresh.trouble : due.trouble;
  look.found = !moves.empty() || !later.empty() || look.quarantined > 0;
  return look;
}

std::optional<WallTime> Delays::next_due() const {
  std::optional<WallTime> first;
  for (const auto& [queue, at] : next_)
    if (!first || at < *first) first = at;
  return first;
}

}  // namespace medsynth::dramatiq
