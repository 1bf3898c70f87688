// What a sample costs and what it is made of beside CPU and memory: pressure, and no allocation.
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "medsynth/limits/sensors.h"

#include "unit/limits/support.h"

namespace {
thread_local int allocations = 0;
}

// A sanitizer has these operators to itself.
#if !__has_feature(thread_sanitizer) && !__has_feature(address_sanitizer)
// Counted for the whole test program; what is allocated is the ordinary heap's.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
#endif

namespace medsynth::limits {
namespace {

using std::chrono::milliseconds;
constexpr std::uint64_t kMib = 1ULL << 20;

class SamplingTest : public ::testing::Test {
 protected:
  SamplingTest() {
    folder_.write("proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 6291456 kB\n");
    folder_.write("proc/self/status", "Cpus_allowed_list:\t0-1\n");
    folder_.write("proc/stat", "cpu 1 0 0 1\ncpu0 1 0 0 1\ncpu1 1 0 0 1\n");
    folder_.write("proc/self/stat", "7 (me) S 1 7 7 0 -1 4194304 1 2 3 4 5 6 0 0 20 0 1 0 5 6 7\n");
  }
  void in_v2_group() {
    folder_.write("proc/self/cgroup", "0::/box\n");
    folder_.write("proc/self/mountinfo", "1 0 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  }
  static std::string pressure(const char* some, const char* full) {
    return std::string("some avg10=") + some + " avg60=9.00 avg300=9.00 total=1\nfull avg10=" + full +
           " avg60=9.00 avg300=9.00 total=1\n";
  }
  Sensors& sensors() {
    if (!sensors_)
      sensors_ = make_sensors({.root = folder_.path(),
                               .data_dir = folder_.path(),
                               .nvml = nvml_,
                               .first_window = milliseconds(0),
                               .clock = &clock_});
    return *sensors_;
  }
  TemporaryFolder folder_;
  ManualClock clock_;
  std::string nvml_;
  std::unique_ptr<Sensors> sensors_;
};

// A kernel without pressure information: said to be absent, not to be zero.
TEST_F(SamplingTest, SaysThatPressureIsAbsent) {
  EXPECT_FALSE(sensors().system().pressure.available);
}

// Outside of a group that tells, the machine's pressure counts; it changes while we run.
TEST_F(SamplingTest, ReadsTheMachinesPressure) {
  folder_.write("proc/pressure/cpu", pressure("12.50", "0.00"));
  folder_.write("proc/pressure/memory", pressure("3.25", "1.75"));
  folder_.write("proc/pressure/io", pressure("8.00", "4.00"));
  Pressure now = sensors().system().pressure;
  EXPECT_TRUE(now.available);
  EXPECT_EQ(now.cpu_some, 12.5);
  EXPECT_EQ(now.memory_some, 3.25);
  EXPECT_EQ(now.memory_full, 1.75);
  EXPECT_EQ(now.io_full, 4);
  folder_.write("proc/pressure/memory", pressure("50.00", "40.00"));
  EXPECT_EQ(sensors().system().pressure.memory_full, 40);
}

// /proc/pressure in a container is the host's: the group's own files win, also in a hybrid whose v2 tree has
// no controllers.
TEST_F(SamplingTest, PrefersTheGroupsPressure) {
  folder_.write("proc/pressure/cpu", pressure("99.00", "0.00"));
  folder_.write("proc/self/cgroup", "4:memory:/x\n0::/box\n");
  folder_.write("proc/self/mountinfo",
                "1 0 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n2 0 0:2 / "
                "/sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  folder_.write("sys/fs/cgroup/unified/box/cpu.pressure", pressure("7.00", "0.00"));
  EXPECT_EQ(sensors().system().pressure.cpu_some, 7);
}

// v2: above memory.high the kernel slows the group down, so that is its limit; the kernel's reclaimable
// caches are no use, pages that are still to be written are.
TEST_F(SamplingTest, SeesMemoryHighSlabAndDirtyPages) {
  in_v2_group();
  const std::string box = "sys/fs/cgroup/box/";
  folder_.write(box + "memory.max", std::to_string(4096 * kMib) + "\n");
  folder_.write(box + "memory.high", std::to_string(2048 * kMib) + "\n");
  folder_.write(box + "memory.current", std::to_string(1000 * kMib) + "\n");
  folder_.write(box + "memory.stat", "inactive_file " + std::to_string(300 * kMib) + "\nactive_file " +
                                         std::to_string(100 * kMib) + "\nfile_dirty " +
                                         std::to_string(40 * kMib) + "\nfile_writeback " +
                                         std::to_string(10 * kMib) + "\nslab_reclaimable " +
                                         std::to_string(50 * kMib) + "\n");
  const Sample sample = sensors().sample();
  EXPECT_EQ(sample.memory_limit, 2048 * kMib);
  EXPECT_EQ(sample.memory_used, 600 * kMib);
}

// After the first sample nothing is allocated any more, with GPUs and processes of ours to look at.
TEST_F(SamplingTest, DoesNotAllocate) {
  in_v2_group();
  folder_.write("proc/42/stat", "42 (x) R 1 7 7 0 -1 4194304 1 2 3 4 5 6 0 0 20 0 1 0 5 6 7\n");
  folder_.write("proc/42/statm", "1000 500 200 1 0 300 0\n");
  nvml_ = MEDSYNTH_FAKE_NVML;
  const auto look = [&] {
    clock_.advance(std::chrono::seconds(1));
    static_cast<void>(sensors().sample());
    static_cast<void>(sensors().process(42));
  };
  look();
  const int before = allocations;
  for (int i = 0; i < 10; ++i) look();
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace medsynth::limits
