#include "medsynth/inference/turn.h"

#include <string>

namespace medsynth::inference {

Result<> check(const Until& until, std::string_view what) {
  if (until.stop.stop_requested()) return Error{Code::cancelled, std::string(what) + " was cancelled", ""};
  if (std::chrono::steady_clock::now() >= until.deadline)
    return Error{Code::timeout, std::string(what) + " did not finish in its time", ""};
  return success();
}

Turn::Taken::~Taken() {
  if (!turn_) return;
  {
    const std::lock_guard lock(turn_->mutex_);
    turn_->taken_ = false;
  }
  turn_->free_.notify_one();
}

Result<Turn::Taken> Turn::take(const Until& until) {
  std::unique_lock lock(mutex_);
  free_.wait_until(lock, until.stop, until.deadline, [this] { return !taken_; });
  if (taken_) {
    BOOST_OUTCOME_TRY(check(until, "waiting for the model"));
    return Error{Code::timeout, "waiting for the model did not finish in its time", ""};
  }
  taken_ = true;
  return Taken(this);
}

}  // namespace medsynth::inference
