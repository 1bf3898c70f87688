#include "medsynth/limits/sampler.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace medsynth::limits {
namespace {

// What was measured so long before it was due to be measured again says nothing about now.
constexpr std::chrono::seconds kOld{5};
// A reading takes the sensors' first window at most; somebody may stand still with it.
constexpr std::chrono::seconds kPatience{1};

}  // namespace

const ProcessUse* Reading::find(std::int32_t pid) const {
  const auto found =
      std::find_if(processes.begin(), processes.end(), [&](const auto& each) { return each.pid == pid; });
  return found == processes.end() ? nullptr : &*found;
}

Sampler::Sampler(Sensors& sensors, const Clock& clock, std::chrono::milliseconds interval)
    : sensors_(sensors), clock_(clock), interval_(interval) {}

std::shared_ptr<const Reading> Sampler::last_within(std::chrono::milliseconds age) const {
  const std::lock_guard lock(mutex_);
  return last_ && clock_.steady() < last_at_ + age ? last_ : nullptr;
}

std::shared_ptr<const Reading> Sampler::latest() {
  if (auto last = last_within(interval_)) return last;
  std::unique_lock reading(reading_, std::try_to_lock);
  if (!reading) {
    if (auto last = last_within(interval_ + kOld)) return last;
    if (!reading.try_lock_for(kPatience)) return nothing();
  }
  if (auto last = last_within(interval_)) return last;
  auto made = read();
  const std::lock_guard lock(mutex_);
  last_at_ = clock_.steady();
  return last_ = std::move(made);
}

// Who reads does not come back.
std::shared_ptr<const Reading> Sampler::nothing() const {
  auto none = std::make_shared<Reading>();
  none->from = clock_.now();
  const std::lock_guard lock(mutex_);
  none->sample = unknown(last_ ? last_->sample.effective_cpus : 1);
  return none;
}

std::shared_ptr<const Reading> Sampler::read() {
  std::vector<std::int32_t> pids;
  {
    const std::lock_guard lock(mutex_);
    pids = watched_;
  }
  const auto self = static_cast<std::int32_t>(::getpid());
  if (std::find(pids.begin(), pids.end(), self) == pids.end()) pids.push_back(self);
  auto made = std::make_shared<Reading>();
  const WallTime now = clock_.now();
  made->from = std::exchange(before_, now).value_or(now);
  made->sample = sensors_.sample();
  made->processes.reserve(pids.size());
  for (const std::int32_t pid : pids) made->processes.push_back(sensors_.process(pid));
  return made;
}

void Sampler::watch(std::vector<std::int32_t> pids) {
  const std::lock_guard lock(mutex_);
  watched_ = std::move(pids);
}

}  // namespace medsynth::limits
