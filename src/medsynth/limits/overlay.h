// Limits that were set for all machines, over a machine's own. Pure, thread safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/limits/limits.h"

namespace medsynth::limits {

struct Overlay {
  Limits limits;
  std::map<std::string, double> used;  // of `set`, what is a limit and can be one
  std::vector<Fault> faults;           // a known limit with a value that it cannot have: it is not used
};

// `set` is by the limits' names. Names that this version does not know are passed over.
Overlay overlay(const Limits& own, const std::map<std::string, double>& set);

}  // namespace medsynth::limits
