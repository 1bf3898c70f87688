#include "medsynth/pipeline/exclusive.h"

#include <utility>

namespace medsynth::pipeline {

Exclusive::Place::Place(Place&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), exclusive_(other.exclusive_) {}

Exclusive::Place& Exclusive::Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  if (owner_) owner_->leave(exclusive_);
  owner_ = std::exchange(other.owner_, nullptr);
  exclusive_ = other.exclusive_;
  return *this;
}

Exclusive::Place::~Place() {
  if (owner_) owner_->leave(exclusive_);
}

Exclusive::Place Exclusive::try_enter() {
  const std::lock_guard lock(mutex_);
  if (one_by_itself_ || waiting_by_themselves_ > 0) return {};
  ++together_;
  return Place(this, false);
}

Exclusive::Place Exclusive::enter(bool by_itself, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (!by_itself) {
    if (!changed_.wait(lock, stop, [&] { return !one_by_itself_ && waiting_by_themselves_ == 0; })) return {};
    ++together_;
    return Place(this, false);
  }
  ++waiting_by_themselves_;
  const bool entered = changed_.wait(lock, stop, [&] { return !one_by_itself_ && together_ == 0; });
  --waiting_by_themselves_;
  if (!entered) {
    changed_.notify_all();
    return {};
  }
  one_by_itself_ = true;
  return Place(this, true);
}

void Exclusive::leave(bool exclusive) {
  {
    const std::lock_guard lock(mutex_);
    if (exclusive)
      one_by_itself_ = false;
    else
      --together_;
  }
  changed_.notify_all();
}

}  // namespace medsynth::pipeline
