// Who may go, of those who wait on this machine? Pure, as admission.h.
//
// They are asked in the order they came. One that has to wait keeps what it will need: a later one passes it
// only if, whichever of the running tasks end, and in whatever order, the earlier one could start beside the
// later one whenever it could start without. So a small task passes a large one that is blocked, and the
// large one starts no later for it. Nothing is kept from what others (not ours) load the machine with: that
// cannot be promised. Nothing is kept from one that has begun (a task with a slot that asks for its model's
// lock) for one that has not: what the first holds may be just what the second waits for. And from one that
// ends within milliseconds (it wants a slot, and asks no gate) only a slot is kept for one that lacks just
// that.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "medsynth/limits/admission.h"

namespace medsynth::limits {

struct Waiting {
  Demand demand;
  Limits limits;       // that its process obeys
  bool takes = true;   // false: it only wants to know, and takes nothing
  bool begun = false;  // its thread holds a slot or a lock, and lets go of it only after it had this too
  bool late = false;   // it was called and did not come (a process that stands still): nobody waits for it
};

// For each of `line`, first come first: may it go now, if all before it that may go do so? `snapshot.limits`
// does not count, each waiter's own do.
std::vector<Verdict> verdicts(const Snapshot& snapshot, std::span<const Waiting> line);

}  // namespace medsynth::limits
