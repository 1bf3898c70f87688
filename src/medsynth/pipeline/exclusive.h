// Lets tasks run together, or one suspicious task alone in its process: a message that was being run when a
// worker died must not take innocent ones with it a second time. Thread safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace medsynth::pipeline {

class Exclusive {
 public:
  // Holds a place until destroyed; empty when it was stopped while it waited.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept;
    Place& operator=(Place&& other) noexcept;
    ~Place();
    explicit operator bool() const { return owner_ != nullptr; }

   private:
    friend class Exclusive;
    Place(Exclusive* owner, bool exclusive) : owner_(owner), exclusive_(exclusive) {}
    Exclusive* owner_ = nullptr;
    bool exclusive_ = false;
  };

  // Together with others, or by itself; those who came for a place by themselves go first, so that they
  // cannot starve.
  Place enter(bool by_itself, std::stop_token stop);
  Place try_enter();  // together with others, or empty when that would have to wait

 private:
  void leave(bool exclusive);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  int together_ = 0;
  int waiting_by_themselves_ = 0;
  bool one_by_itself_ = false;
};

}  // namespace medsynth::pipeline
