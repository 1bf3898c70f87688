// The wall clock of this program, which the test may set wrong: it is read here by everybody, the C++ library
// too. $CHAOS_CLOCK names a file of eight bytes, the nanoseconds to add; it may change at any time. Timers
// and the monotonic clock stay right, as they do on a machine whose clock is wrong.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace {

const volatile std::int64_t* open_skew() {
  static const std::int64_t none = 0;
  const char* path = getenv("CHAOS_CLOCK");
  const int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return &none;
  void* memory = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  return memory == MAP_FAILED ? &none : static_cast<const volatile std::int64_t*>(memory);
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long failed = syscall(SYS_clock_gettime, clock, time);
  if (failed != 0 || clock != CLOCK_REALTIME) return static_cast<int>(failed);
  static const volatile std::int64_t* const skew = open_skew();
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t total = time->tv_sec * kSecond + time->tv_nsec + *skew;
  time->tv_sec = total / kSecond;
  time->tv_nsec = total % kSecond;
  return 0;
}
