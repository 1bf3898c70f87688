// A mutex that clang's thread-safety analysis knows (-Werror=thread-safety): what may only be touched with it
// says so, and code that touches it without does not compile. g++ sees a std::mutex.
//
//   class Counter {
//    public:
//     void add() {
//       const MutexLock lock(mutex_);
//       ++count_;
//     }
//    private:
//     void log_count() REQUIRES(mutex_);            // the caller holds it
//     Mutex mutex_;
//     int count_ GUARDED_BY(mutex_) = 0;
//   };
//
// Waiting: CondVar, or std::condition_variable_any where a stop token ends the wait; both take the Mutex
// itself. A condition that is a lambda carries REQUIRES(mutex_) after its parameters.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define MEDSYNTH_THREAD_SAFETY(x) __attribute__((x))
#else
#define MEDSYNTH_THREAD_SAFETY(x)
#endif
#define CAPABILITY(x) MEDSYNTH_THREAD_SAFETY(capability(x))
#define SCOPED_CAPABILITY MEDSYNTH_THREAD_SAFETY(scoped_lockable)
#define GUARDED_BY(x) MEDSYNTH_THREAD_SAFETY(guarded_by(x))
#define REQUIRES(...) MEDSYNTH_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) MEDSYNTH_THREAD_SAFETY(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) MEDSYNTH_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define RELEASE(...) MEDSYNTH_THREAD_SAFETY(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS MEDSYNTH_THREAD_SAFETY(no_thread_safety_analysis)

namespace medsynth {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a Mutex from here to the end of the block.
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// std::condition_variable. A wait may end without a notification: look at what is waited for in a loop.
class CondVar {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    changed_.wait(lock);
    lock.release();
  }
  void wait_until(Mutex& mutex, std::chrono::steady_clock::time_point deadline) REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    changed_.wait_until(lock, deadline);
    lock.release();
  }
  void notify_one() { changed_.notify_one(); }
  void notify_all() { changed_.notify_all(); }

 private:
  std::condition_variable changed_;
};

}  // namespace medsynth
