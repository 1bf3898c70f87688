#include "medsynth/limits/overlay.h"

#include <fmt/format.h>

#include "medsynth/base/stored.h"

namespace medsynth::limits {

Overlay overlay(const Limits& own, const std::map<std::string, double>& set) {
  Overlay result{.limits = own, .used = {}, .faults = {}};
  described::for_each_member<Limits>([&](std::string_view name, auto pointer) {
    const auto found = set.find(std::string(name));
    if (found == set.end()) return;
    const auto* rule = described::find_field(described::Rules<Limits>::fields, name);
    if (described::detail::read_stored(found->second, result.limits.*pointer, rule,
                                       described::pointer_to("", name), result.faults))
      result.used.insert(*found);
  });
  for (Fault& fault : result.faults)
    fault.detail = fmt::format("{}, not {}", fault.detail, set.find(fault.pointer.substr(1))->second);
  return result;
}

}  // namespace medsynth::limits
