#include "medsynth/redis/turns.h"

#include <exception>
#include <utility>

#include "medsynth/base/log.h"

namespace medsynth::redis {
namespace {

using std::chrono::steady_clock;

// How long the own thread leaves the turn to callers after the last one: the next would have to get it out of
// the kernel first, which costs 70 us. No longer than a lost connection takes to come back anyway.
constexpr std::chrono::milliseconds kLinger{200};
constexpr std::chrono::hours kLong{1};

}  // namespace

void Turns::run(const std::function<bool()>& enough, steady_clock::time_point until) {
  taken_ = true;
  mutex_.unlock();
  do {
    try {
      context_.run_one_until(until);
    } catch (const std::exception& error) {
      log::error("redis completion threw", {{"error", error.what()}});
    }
  } while (!enough() && !context_.stopped() && steady_clock::now() < until);
  mutex_.lock();
  taken_ = false;
  if (context_.stopped())
    own_thread_.notify_one();
  else if (!open_.empty())
    open_.front()->changed.notify_one();
}

void Turns::serve() {
  const MutexLock lock(mutex_);
  while (!context_.stopped()) {
    if (taken_ || (!ending_ && (!open_.empty() || std::exchange(called_, false))))
      own_thread_.wait_until(mutex_, steady_clock::now() + kLinger);
    else
      run([] { return true; }, steady_clock::now() + kLong);
  }
  while (taken_) own_thread_.wait(mutex_);
  over_ = true;
  for (const auto& call : open_) call->changed.notify_one();
}

void Turns::end() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  own_thread_.notify_one();
}

std::optional<Result<Replies>> Turns::call(const std::function<void(Completion)>& start,
                                           steady_clock::time_point until) {
  const auto call = std::make_shared<Call>();
  mutex_.lock();
  called_ = true;
  const auto place = open_.insert(open_.end(), call);
  mutex_.unlock();
  start([this, call, place](Result<Replies> answer) {
    const MutexLock answering(mutex_);
    if (call->left) return;
    open_.erase(place);
    call->answer = std::move(answer);
    call->changed.notify_one();
  });
  const MutexLock lock(mutex_);
  while (!call->answer && !over_ && steady_clock::now() < until) {
    if (taken_)
      call->changed.wait_until(mutex_, until);
    else
      run([&] { return call->answer.has_value(); }, until);
  }
  if (!call->answer) {
    call->left = true;
    open_.erase(place);
  }
  return std::move(call->answer);
}

}  // namespace medsynth::redis
