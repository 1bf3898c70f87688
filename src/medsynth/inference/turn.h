// One call at a time: who waits gives up at its deadline or when asked to.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "medsynth/inference/engine.h"

namespace medsynth::inference {

// `timeout` or `cancelled` when it is time to give up, else success. `what` begins the message ("scoring").
Result<> check(const Until& until, std::string_view what);

// A mutex whose wait ends. Thread safe.
class Turn {
 public:
  class Taken {
   public:
    explicit Taken(Turn* turn) : turn_(turn) {}
    Taken(Taken&& other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}
    Taken& operator=(Taken&&) = delete;
    ~Taken();

   private:
    Turn* turn_;
  };

  // The turn, held until Taken is destroyed; timeout or cancelled.
  Result<Taken> take(const Until& until);

 private:
  std::mutex mutex_;
  std::condition_variable_any free_;
  bool taken_ = false;
};

}  // namespace medsynth::inference
