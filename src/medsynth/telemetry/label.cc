#include "medsynth/telemetry/label.h"

namespace medsynth::telemetry {

void Label::know(std::span<const std::string> names) {
  const std::lock_guard lock(mutex_);
  for (const std::string& name : names)
    if (name.size() <= kMaxLength) known_.insert(name);
  closed_ = true;
}

std::string Label::of(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (known_.contains(name)) return std::string(name);
  if (closed_ || name.size() > kMaxLength || known_.size() >= kMaxValues) return std::string(kUnknown);
  return *known_.emplace(name).first;
}

}  // namespace medsynth::telemetry
