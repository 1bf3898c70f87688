// Compiled by a test, not linked: with VIOLATION it must not compile where the compiler is clang
// (-Werror=thread-safety), so that the flag's silence means something.
#include "medsynth/base/mutex.h"

namespace {

class Counter {
 public:
  int add() {
    const medsynth::MutexLock lock(mutex_);
    return ++count_;
  }
#ifdef VIOLATION
  int look() const { return count_; }
#endif

 private:
  medsynth::Mutex mutex_;
  int count_ GUARDED_BY(mutex_) = 0;
};

[[maybe_unused]] int use() {
  return Counter().add();
}

}  // namespace
