#include "medsynth/models/victims.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

namespace medsynth::models {
namespace {

// The search ends after this many steps (some tens of microseconds) with the best set it has seen.
constexpr std::int64_t kMostSteps = 50'000;

// What is to be freed, or is: places, bytes of this process, then of each GPU.
using Amounts = std::vector<std::uint64_t>;

struct Choice {
  std::vector<std::size_t> chosen;
  double loss = 0;
  Amounts freed;
};

bool covers(const Amounts& freed, const Amounts& wanted) {
  return std::ranges::equal(freed, wanted, std::ranges::greater_equal{});
}

// What each candidate frees of what is wanted.
std::vector<Amounts> amounts_of(std::span<const Candidate> candidates, std::size_t count) {
  std::vector<Amounts> all;
  for (const Candidate& candidate : candidates) {
    Amounts& one = all.emplace_back(Amounts{1, candidate.bytes});
    one.insert(one.end(), candidate.device_bytes.begin(), candidate.device_bytes.end());
    one.resize(count);
  }
  return all;
}

void add(Amounts& to, const Amounts& more) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += more[i];
}
void subtract(Amounts& from, const Amounts& less) {
  for (std::size_t i = 0; i < from.size(); ++i) from[i] -= less[i];
}

// Depth-first over the candidates, cut where even everything that is left does not free enough, or where the
// loss is no longer the least.
class Search {
 public:
  Search(std::span<const Candidate> candidates, const std::vector<Amounts>& amounts,
         std::vector<std::size_t> order, const Amounts& wanted)
      : candidates_(candidates), amounts_(amounts), order_(std::move(order)), wanted_(wanted) {
    left_.assign(order_.size() + 1, Amounts(wanted_.size()));
    for (std::size_t i = order_.size(); i-- > 0;) {
      left_[i] = left_[i + 1];
      add(left_[i], amounts_[order_[i]]);
    }
  }

  Choice best(Choice first) {
    best_ = std::move(first);
    now_.freed.assign(wanted_.size(), 0);
    descend(0);
    return std::move(best_);
  }

 private:
  bool can_be_enough(std::size_t at) const {
    for (std::size_t i = 0; i < wanted_.size(); ++i)
      if (now_.freed[i] + left_[at][i] < wanted_[i]) return false;
    return true;
  }

  void descend(std::size_t at) {
    if (++steps_ > kMostSteps || now_.loss > best_.loss) return;
    if (covers(now_.freed, wanted_)) {
      // Equal losses: fewer leave; equally many: those of the first choice, who are idle longest.
      if (now_.loss < best_.loss || now_.chosen.size() < best_.chosen.size()) best_ = now_;
      return;
    }
    if (at == order_.size() || !can_be_enough(at)) return;
    const Candidate& candidate = candidates_[order_[at]];
    const double loss = now_.loss;
    now_.chosen.push_back(order_[at]);
    now_.loss += candidate.loss;
    add(now_.freed, amounts_[order_[at]]);
    descend(at + 1);
    now_.chosen.pop_back();
    now_.loss = loss;
    subtract(now_.freed, amounts_[order_[at]]);
    descend(at + 1);
  }

  std::span<const Candidate> candidates_;
  const std::vector<Amounts>& amounts_;
  const std::vector<std::size_t> order_;
  const Amounts& wanted_;
  std::vector<Amounts> left_;  // from each position of the order on
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
                                                       std::uint64_t bytes, std::int64_t places,
                                                       std::span<const std::uint64_t> device_bytes) {
  Amounts wanted{static_cast<std::uint64_t>(std::max<std::int64_t>(0, places)), bytes};
  wanted.insert(wanted.end(), device_bytes.begin(), device_bytes.end());
  const std::vector<Amounts> amounts = amounts_of(candidates, wanted.size());
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // First choice: the least loss leaves first, for what it frees of the bytes that are wanted, until it is
  // enough; then who is not needed stays, the greatest loss first.
  std::vector<double> price;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    double use = 0;
    for (std::size_t each = 1; each < wanted.size(); ++each)
      if (wanted[each] > 0) use += static_cast<double>(amounts[i][each]) / static_cast<double>(wanted[each]);
    const bool by_bytes = std::any_of(wanted.begin() + 1, wanted.end(), [](auto each) { return each > 0; });
    price.push_back(candidates[i].loss / (by_bytes ? std::max(use, 1e-12) : 1));
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return price[a] != price[b] ? price[a] < price[b] : candidates[a].idle_since < candidates[b].idle_since;
  });
  Choice choice{.chosen = {}, .freed = Amounts(wanted.size())};
  for (const std::size_t i : order) {
    if (covers(choice.freed, wanted)) break;
    choice.chosen.push_back(i);
    choice.loss += candidates[i].loss;
    add(choice.freed, amounts[i]);
  }
  if (!covers(choice.freed, wanted)) return std::nullopt;
  std::vector<std::size_t> dearest = choice.chosen;
  std::sort(dearest.begin(), dearest.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(-candidates[a].loss, a) < std::pair(-candidates[b].loss, b);
  });
  for (const std::size_t i : dearest) {
    Amounts without = choice.freed;
    subtract(without, amounts[i]);
    if (!covers(without, wanted)) continue;
    choice.freed = std::move(without);
    choice.loss -= candidates[i].loss;
    std::erase(choice.chosen, i);
  }
  Choice best = Search(candidates, amounts, std::move(order), wanted).best(std::move(choice));
  std::sort(best.chosen.begin(), best.chosen.end());
  return best.chosen;
}

}  // namespace medsynth::models
