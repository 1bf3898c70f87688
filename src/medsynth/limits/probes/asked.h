// A question that may never be answered: of a driver that hangs, of a file system whose server is gone. It is
// asked in a thread of its own, which starts with the first. Who wants the answer waits for it a moment, else
// takes the one before while that is young enough: an old reading is none. The first is waited for as long as
// an answer stays young: a driver takes its time to start.
//
//   Asked<DiskInfo> disk([] { return look(); }, 500ms, 5s);
//   DiskInfo now;
//   if (disk.answer(now)) show(now); else show("unknown");
//
// One caller at a time. The thread ends with this object, but for one whose question is out for longer than
// `patience`: that one ends when it is answered, so the question must not refer to what may end before.
#pragma once

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace medsynth::limits {

template <class Answer>
class Asked {
 public:
  using Clock = std::chrono::steady_clock;

  // Waits up to `patience` for an answer; nothing older than `old` is one.
  Asked(std::function<Answer()> ask, std::chrono::milliseconds patience, std::chrono::milliseconds old)
      : state_(std::make_shared<State>()), patience_(patience), old_(old) {
    state_->ask = std::move(ask);
  }

  ~Asked() {
    if (!thread_.joinable()) return;
    bool answered = false;
    {
      std::unique_lock lock(state_->mutex);
      state_->over = true;
      state_->changed.notify_all();
      answered = state_->changed.wait_for(lock, patience_, [this] { return !state_->asking; });
    }
    answered ? thread_.join() : thread_.detach();
  }
  Asked(const Asked&) = delete;

  // False when there is none. Does not allocate when `out` has room.
  bool answer(Answer& out) {
    std::unique_lock lock(state_->mutex);
    if (!state_->asking && start()) {
      state_->asking = true;
      asked_at_ = Clock::now();
      state_->changed.notify_all();
    }
    // A question that is out for longer is not waited for again.
    const auto patience = state_->last ? patience_ : std::max(patience_, old_);
    state_->changed.wait_until(lock, asked_at_ + patience, [this] { return !state_->asking; });
    if (!state_->last || Clock::now() - state_->last_at > old_) return false;
    out = *state_->last;
    return true;
  }

 private:
  struct State {
    std::function<Answer()> ask;
    std::mutex mutex;  // guards what follows
    std::condition_variable changed;
    bool asking = false, over = false;
    std::optional<Answer> last;
    Clock::time_point last_at;
  };

  static void run(const std::shared_ptr<State>& state) {
    pthread_setname_np(pthread_self(), "ms-probe");
    std::unique_lock lock(state->mutex);
    while (true) {
      state->changed.wait(lock, [&] { return state->asking || state->over; });
      if (state->over) return;
      lock.unlock();
      Answer answer = state->ask();
      lock.lock();
      state->last = std::move(answer);
      state->last_at = Clock::now();
      state->asking = false;
      state->changed.notify_all();
    }
  }

  // False when the system gives no more threads.
  bool start() try {
    if (!thread_.joinable()) thread_ = std::thread([state = state_] { run(state); });
    return true;
  } catch (const std::system_error&) {
    return false;
  }

  std::shared_ptr<State> state_;
  Clock::time_point asked_at_;
  std::thread thread_;
  const std::chrono::milliseconds patience_, old_;
};

}  // namespace medsynth::limits
