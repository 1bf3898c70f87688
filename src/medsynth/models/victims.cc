#include "medsynth/models/victims.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace medsynth::models {
namespace {

// The search ends after this many steps (some tens of microseconds) with the best set it has seen.
constexpr std::int64_t kMostSteps = 50'000;

struct Choice {
  std::vector<std::size_t> chosen;
  double loss = 0;
  std::uint64_t bytes = 0;
};

// Depth-first over the candidates, cut where even everything that is left does not free enough, or where the
// loss is no longer the least.
class Search {
 public:
  Search(std::span<const Candidate> candidates, std::vector<std::size_t> order, std::uint64_t bytes,
         std::int64_t places)
      : candidates_(candidates), order_(std::move(order)), bytes_(bytes), places_(places) {
    left_.resize(order_.size() + 1);
    for (std::size_t i = order_.size(); i-- > 0;) left_[i] = left_[i + 1] + candidates_[order_[i]].bytes;
  }

  Choice best(Choice first) {
    best_ = std::move(first);
    descend(0);
    return std::move(best_);
  }

 private:
  bool is_enough() const {
    return now_.bytes >= bytes_ && static_cast<std::int64_t>(now_.chosen.size()) >= places_;
  }
  bool can_be_enough(std::size_t at) const {
    return now_.bytes + left_[at] >= bytes_ &&
           static_cast<std::int64_t>(now_.chosen.size() + order_.size() - at) >= places_;
  }

  void descend(std::size_t at) {
    if (++steps_ > kMostSteps || now_.loss > best_.loss) return;
    if (is_enough()) {
      // Equal losses: fewer leave; equally many: those of the first choice, who are idle longest.
      if (now_.loss < best_.loss || now_.chosen.size() < best_.chosen.size()) best_ = now_;
      return;
    }
    if (at == order_.size() || !can_be_enough(at)) return;
    const Candidate& candidate = candidates_[order_[at]];
    const double loss = now_.loss;
    now_.chosen.push_back(order_[at]);
    now_.loss += candidate.loss;
    now_.bytes += candidate.bytes;
    descend(at + 1);
    now_.chosen.pop_back();
    now_.loss = loss;
    now_.bytes -= candidate.bytes;
    descend(at + 1);
  }

  std::span<const Candidate> candidates_;
  const std::vector<std::size_t> order_;
  const std::uint64_t bytes_;
  const std::int64_t places_;
  std::vector<std::uint64_t> left_;  // bytes from each position of the order on
  Choice now_, best_;
  std::int64_t steps_ = 0;
};

}  // namespace

double Rate::decay(SteadyTime now) const {
  const double elapsed = std::max(0.0, std::chrono::duration<double>(now - at_).count());
  return std::exp(-elapsed / memory_);
}

void Rate::add(SteadyTime now) {
  if (memory_ <= 0) return;
  weight_ = weight_ * decay(now) + 1;
  at_ = now;
}

void Rate::add_since(std::int64_t uses, SteadyTime now) {
  if (memory_ <= 0) return;
  const double kept = decay(now);
  const double span = -std::log(kept);  // of the time between, in memories
  const double each = span > 1e-9 ? (1 - kept) / span : 1;
  weight_ = weight_ * kept + static_cast<double>(uses) * each;
  at_ = now;
}

double Rate::per_second(SteadyTime now) const {
  return memory_ > 0 ? weight_ * decay(now) / memory_ : 0;
}

std::optional<std::vector<std::size_t>> choose_victims(std::span<const Candidate> candidates,
                                                       std::uint64_t bytes, std::int64_t places) {
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // First choice: the least loss per byte leaves first, until it is enough; then who is not needed stays, the
  // greatest loss first.
  const auto per_byte = [&](std::size_t i) {
    return candidates[i].loss /
           static_cast<double>(std::max<std::uint64_t>(1, bytes > 0 ? candidates[i].bytes : 1));
  };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const double first = per_byte(a), second = per_byte(b);
    return first != second ? first < second : candidates[a].idle_since < candidates[b].idle_since;
  });
  Choice choice;
  for (const std::size_t i : order) {
    if (choice.bytes >= bytes && static_cast<std::int64_t>(choice.chosen.size()) >= places) break;
    choice.chosen.push_back(i);
    choice.bytes += candidates[i].bytes;
    choice.loss += candidates[i].loss;
  }
  if (choice.bytes < bytes || static_cast<std::int64_t>(choice.chosen.size()) < places) return std::nullopt;
  std::vector<std::size_t> dearest = choice.chosen;
  std::sort(dearest.begin(), dearest.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(-candidates[a].loss, a) < std::pair(-candidates[b].loss, b);
  });
  for (const std::size_t i : dearest) {
    if (choice.bytes - candidates[i].bytes < bytes ||
        static_cast<std::int64_t>(choice.chosen.size()) <= places)
      continue;
    choice.bytes -= candidates[i].bytes;
    choice.loss -= candidates[i].loss;
    std::erase(choice.chosen, i);
  }
  Choice best = Search(candidates, std::move(order), bytes, places).best(std::move(choice));
  std::sort(best.chosen.begin(), best.chosen.end());
  return best.chosen;
}

}  // namespace medsynth::models
