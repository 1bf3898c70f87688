#include "medsynth/limits/sampler.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace medsynth::limits {

const ProcessUse* Reading::find(std::int32_t pid) const {
  const auto found =
      std::find_if(processes.begin(), processes.end(), [&](const auto& each) { return each.pid == pid; });
  return found == processes.end() ? nullptr : &*found;
}

Sampler::Sampler(Sensors& sensors, const Clock& clock, std::chrono::milliseconds interval)
    : sensors_(sensors), clock_(clock), interval_(interval) {}

std::shared_ptr<const Reading> Sampler::latest() {
  const auto fresh = [this]() -> std::shared_ptr<const Reading> {
    const std::lock_guard lock(mutex_);
    return last_ && clock_.steady() < due_ ? last_ : nullptr;
  };
  if (auto last = fresh()) return last;
  std::unique_lock reading(reading_, std::try_to_lock);
  if (!reading) {
    {
      const std::lock_guard lock(mutex_);
      if (last_) return last_;
    }
    reading.lock();  // the very first one: there is nothing else to give
  }
  if (auto last = fresh()) return last;
  auto made = read();
  const std::lock_guard lock(mutex_);
  due_ = clock_.steady() + interval_;
  return last_ = std::move(made);
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
