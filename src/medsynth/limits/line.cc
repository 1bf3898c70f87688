#include "medsynth/limits/line.h"

namespace medsynth::limits {
namespace {

// Sets of running tasks that one look may try; with dozens of tasks there are more, and the answer is then
// the careful one. A try takes some 20 ns.
constexpr int kTries = 4096;

// Is there a set of what is taken now beside which `first` could start, but not with `later` as well?
class Clash {
 public:
  Clash(const Room& room, const Waiting& first, const Demand& later, int& tries)
      : room_(room), first_(first), takes_(Room::amounts_of(later)), tries_(tries) {
    takes_.users = later.model != 0 && later.model == first.demand.model ? 1 : 0;
  }

  // What `first` would lack because of `later`; none when it would start no later.
  Cause find() { return find(0, {}); }

 private:
  Cause find(std::size_t from, const Amounts& left) {
    if (--tries_ < 0) return Cause::slots;
    if (room_.lacking(first_.limits, first_.demand, left) != Cause::none)
      return Cause::none;  // it would wait without `later` too, also if more were left
    Amounts both = left;
    both += takes_;
    if (const Cause cause = room_.lacking(first_.limits, first_.demand, both); cause != Cause::none)
      return cause;
    for (std::size_t index = from; index < room_.size(); ++index) {
      Amounts more = left;
      more += room_.taken(index, first_.demand.model);
      if (const Cause cause = find(index + 1, more); cause != Cause::none) return cause;
    }
    return Cause::none;
  }

  const Room& room_;
  const Waiting& first_;
  Amounts takes_;
  int& tries_;
};

bool is_brief(const Demand& demand) {
  return demand.slot && !demand.gates && demand.model == 0;
}

Cause delays(const Room& room, const Waiting& first, const Demand& later, int& tries) {
  const Amounts all = room.taken(first.demand.model);
  if (room.holds_both(first.limits, first.demand, later, all)) return Cause::none;
  return Clash(room, first, later, tries).find();
}

}  // namespace

std::vector<Verdict> verdicts(const Snapshot& snapshot, std::span<const Waiting> line) {
  Room room(snapshot);
  int tries = kTries;
  struct Kept {
    const Waiting* waiting;
    bool lacks_slot;
  };
  std::vector<Kept> kept_for;
  std::vector<Verdict> out;
  out.reserve(line.size());
  for (const Waiting& each : line) {
    Verdict verdict{.cause = room.lacking(each.limits, each.demand, room.taken(each.demand.model))};
    for (std::size_t i = 0; verdict.admitted() && i < kept_for.size(); ++i) {
      const Kept& kept = kept_for[i];
      if (each.begun && !kept.waiting->begun) continue;
      if (is_brief(each.demand) && !kept.lacks_slot) continue;
      verdict.cause = delays(room, *kept.waiting, each.demand, tries);
      verdict.kept = !verdict.admitted();
    }
    if (each.takes && !each.late) {
      if (verdict.admitted())
        room.take(each.demand);
      else
        kept_for.push_back({&each, verdict.cause == Cause::slots && !verdict.kept});
    }
    out.push_back(verdict);
  }
  return out;
}

}  // namespace medsynth::limits
