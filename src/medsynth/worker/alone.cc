#include "medsynth/worker/alone.h"

#include <utility>

namespace medsynth::worker {

Alone::Place::Place(Place&& other) noexcept
    : alone_(std::exchange(other.alone_, nullptr)), exclusive_(other.exclusive_) {}

Alone::Place& Alone::Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  if (alone_) alone_->leave(exclusive_);
  alone_ = std::exchange(other.alone_, nullptr);
  exclusive_ = other.exclusive_;
  return *this;
}

Alone::Place::~Place() {
  if (alone_) alone_->leave(exclusive_);
}

Alone::Place Alone::try_enter() {
  const std::lock_guard lock(mutex_);
  if (one_by_itself_ || waiting_by_themselves_ > 0) return {};
  ++together_;
  return Place(this, false);
}

Alone::Place Alone::enter(bool by_itself, std::stop_token stop) {
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

void Alone::leave(bool exclusive) {
  {
    const std::lock_guard lock(mutex_);
    if (exclusive)
      one_by_itself_ = false;
    else
      --together_;
  }
  changed_.notify_all();
}

}  // namespace medsynth::worker
