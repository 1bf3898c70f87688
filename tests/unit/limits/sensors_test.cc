#include "medsynth/limits/sensors.h"

#include <sched.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>

#include "medsynth/limits/probes/cpu_probe.h"

#include "unit/limits/support.h"

namespace medsynth::limits {
namespace {

using std::chrono::milliseconds;
constexpr std::uint64_t kMib = 1ULL << 20;

// A machine of 4 CPUs and 8 GiB in a folder, seen by sensors whose clock the test moves.
class SensorsTest : public ::testing::Test {
 protected:
  SensorsTest() {
    folder_.write("proc/meminfo",
                  "MemTotal:        8388608 kB\nMemFree:          100 kB\nMemAvailable:    6291456 kB\n");
    folder_.write("proc/self/status",
                  "Name:\tx\nCpus_allowed:\tf\nCpus_allowed_list:\t0-3\nMems_allowed_list:\t0\n");
    ticks(0, 0);
    own_ticks(0);
  }

  // Every CPU was busy and idle for so many ticks since it started.
  void ticks(int busy, int idle) {
    const std::string line = std::to_string(busy) + " 0 0 " + std::to_string(idle) + " 0 0 0 0 0 0\n";
    folder_.write("proc/stat", "cpu  9 9 9 9\ncpu0 " + line + "cpu1 " + line + "cpu2 " + line + "cpu3 " +
                                   line + "intr 1\n");
  }
  void own_ticks(int user) {
    folder_.write("proc/self/stat", "7 (na) me) S 1 7 7 0 -1 4194304 1 2 3 4 " + std::to_string(user) +
                                        " 0 0 0 20 0 1 0 5 6 7\n");
  }
  void v2() {
    folder_.write("proc/self/cgroup", "0::/pod/box\n");
    folder_.write("proc/self/mountinfo", "1 0 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    folder_.write(kBox + "memory.max", "max\n");
    folder_.write(kPod + "memory.max", "1073741824\n");
    folder_.write(kPod + "memory.current", std::to_string(700 * kMib) + "\n");
    folder_.write(kPod + "memory.stat", "anon 5\ninactive_file 104857600\nactive_file 209715200\n");
    folder_.write(kBox + "cpu.max", "max 100000\n");
    folder_.write(kPod + "cpu.max", "50000 100000\n");
    used(0);
  }
  void used(std::uint64_t microseconds) {
    const std::string text = "usage_usec " + std::to_string(microseconds) + "\nuser_usec 1\n";
    folder_.write(kPod + "cpu.stat", text);
    folder_.write(kBox + "cpu.stat", text);
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
  Sample after_a_second() {
    clock_.advance(std::chrono::seconds(1));
    return sensors().sample();
  }

  const std::string kPod = "sys/fs/cgroup/pod/";
  const std::string kBox = "sys/fs/cgroup/pod/box/";
  TemporaryFolder folder_;
  ManualClock clock_;
  std::string nvml_;
  std::unique_ptr<Sensors> sensors_;
};

// No cgroups: the machine is the only level, memory in use is what is not available.
TEST_F(SensorsTest, SeesABareMachine) {
  const Sample first = sensors().sample();
  EXPECT_EQ(first.effective_cpus, 4);
  EXPECT_FALSE(first.cpu_percent) << "one look says nothing";
  EXPECT_EQ(first.memory_limit, 8192 * kMib);
  EXPECT_EQ(first.memory_used, 2048 * kMib);
  EXPECT_EQ(first.memory_percent, 25);
  ticks(30, 70);
  EXPECT_NEAR(after_a_second().cpu_percent.value_or(-1), 30, 1e-9);
}

// We may run on two of four CPUs: only those count, and the process's own use is measured against them.
TEST_F(SensorsTest, LooksAtTheAllowedCpusOnly) {
  folder_.write("proc/self/status", "Cpus_allowed_list:\t1,3\n");
  sensors().sample();
  folder_.write("proc/stat", "cpu 0 0 0 0\ncpu0 100 0 0 0\ncpu1 50 0 0 50\ncpu2 100 0 0 0\ncpu3 0 0 0 100\n");
  own_ticks(static_cast<int>(::sysconf(_SC_CLK_TCK)));
  const Sample sample = after_a_second();
  EXPECT_EQ(sample.effective_cpus, 2);
  EXPECT_NEAR(sample.cpu_percent.value_or(-1), 25, 1e-9);
  EXPECT_NEAR(sample.own_cpu_percent, 50, 1e-9);
}

// v2, the limits are on the group above ours: half a CPU, of which 0.3 are used; page cache is not memory in
// use.
TEST_F(SensorsTest, SeesLimitsOfAnAncestorInV2) {
  v2();
  const Sample first = sensors().sample();
  EXPECT_DOUBLE_EQ(first.effective_cpus, 0.5);
  EXPECT_EQ(first.memory_limit, 1024 * kMib);
  EXPECT_EQ(first.memory_used, 400 * kMib);
  used(300'000);
  ticks(1, 99);
  EXPECT_NEAR(after_a_second().cpu_percent.value_or(-1), 60, 1e-9);
}

// A quiet container on a machine whose other tenants have left little is as full as the machine.
TEST_F(SensorsTest, IsAsFullAsTheFullestLevel) {
  v2();
  sensors().sample();
  folder_.write("proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 102400 kB\n");
  ticks(95, 5);  // 0.2 of 4 CPUs are free, less than the 0.5 of the quota
  const Sample sample = after_a_second();
  EXPECT_EQ(sample.memory_used, 924 * kMib);
  EXPECT_NEAR(sample.cpu_percent.value_or(-1), 60, 1e-6);
}

// The limits are changed while we run: the next sample knows.
TEST_F(SensorsTest, SeesALimitThatChanges) {
  v2();
  sensors().sample();
  folder_.write(kPod + "memory.max", "max\n");
  folder_.write(kBox + "memory.max", std::to_string(512 * kMib) + "\n");
  folder_.write(kBox + "memory.current", std::to_string(256 * kMib) + "\n");
  folder_.write(kPod + "cpu.max", "200000 100000\n");
  used(500'000);
  const Sample sample = after_a_second();
  EXPECT_EQ(sample.memory_limit, 512 * kMib);
  EXPECT_EQ(sample.memory_used, 256 * kMib);
  EXPECT_EQ(sample.effective_cpus, 2);
  EXPECT_NEAR(sample.cpu_percent.value_or(-1), 25, 1e-9);
}

// "max" everywhere, and counters below zero use: the machine's numbers.
TEST_F(SensorsTest, TakesMaxForNoLimit) {
  v2();
  folder_.write(kPod + "memory.max", "max\n");
  folder_.write(kPod + "cpu.max", "max 100000\n");
  const Sample sample = sensors().sample();
  EXPECT_EQ(sample.memory_limit, 8192 * kMib);
  EXPECT_EQ(sample.memory_used, 2048 * kMib);
  EXPECT_EQ(sample.effective_cpus, 4);
}

// More page cache than use (counters are read one after the other): nothing is in use, not 2^64 bytes.
TEST_F(SensorsTest, NeverGoesBelowZero) {
  v2();
  folder_.write(kPod + "memory.current", std::to_string(100 * kMib) + "\n");
  EXPECT_EQ(sensors().sample().memory_used, 0);
}

// v1: limits of two levels, quota -1 is none, "no limit" is a huge number, totals include child groups.
TEST_F(SensorsTest, SeesV1) {
  folder_.write("proc/self/cgroup", "4:memory:/a/b\n3:cpu,cpuacct:/a/b\n");
  folder_.write("proc/self/mountinfo",
                "1 0 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n2 0 0:2 / /sys/fs/cgroup/cpu "
                "rw - cgroup cgroup rw,cpu,cpuacct\n");
  const std::string memory = "sys/fs/cgroup/memory/", cpu = "sys/fs/cgroup/cpu/";
  folder_.write(memory + "memory.limit_in_bytes", "9223372036854771712\n");
  folder_.write(memory + "a/memory.limit_in_bytes", "2147483648\n");
  folder_.write(memory + "a/memory.usage_in_bytes", "1610612736\n");
  folder_.write(
      memory + "a/memory.stat",
      "inactive_file 1\nactive_file 1\ntotal_inactive_file 268435456\ntotal_active_file 268435456\n");
  folder_.write(memory + "a/b/memory.limit_in_bytes", "9223372036854771712\n");
  folder_.write(cpu + "a/cpu.cfs_quota_us", "150000\n");
  folder_.write(cpu + "a/cpu.cfs_period_us", "100000\n");
  folder_.write(cpu + "a/cpuacct.usage", "0\n");
  folder_.write(cpu + "a/b/cpu.cfs_quota_us", "-1\n");
  folder_.write(cpu + "a/b/cpu.cfs_period_us", "100000\n");
  const Sample first = sensors().sample();
  EXPECT_EQ(first.memory_limit, 2048 * kMib);
  EXPECT_EQ(first.memory_used, 1024 * kMib);
  EXPECT_DOUBLE_EQ(first.effective_cpus, 1.5);
  folder_.write(cpu + "a/cpuacct.usage", "600000000\n");
  EXPECT_NEAR(after_a_second().cpu_percent.value_or(-1), 40, 1e-9);
}

// A hybrid machine whose v2 part has no controllers: v1's memory, the machine's CPUs.
TEST_F(SensorsTest, SeesAHybrid) {
  folder_.write("proc/self/cgroup", "4:memory:/x\n0::/\n");
  folder_.write("proc/self/mountinfo",
                "1 0 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n2 0 0:2 / "
                "/sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  folder_.write("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1073741824\n");
  folder_.write("sys/fs/cgroup/memory/x/memory.usage_in_bytes", "536870912\n");
  EXPECT_EQ(sensors().sample().memory_limit, 1024 * kMib);
  ticks(25, 75);
  const Sample sample = after_a_second();
  EXPECT_EQ(sample.memory_used, 512 * kMib);
  EXPECT_NEAR(sample.cpu_percent.value_or(-1), 25, 1e-9);
}

// Nothing can be read at all: a sample without numbers.
TEST_F(SensorsTest, SurvivesAnEmptyRoot) {
  TemporaryFolder empty;
  auto blind = make_sensors({.root = empty.path(), .nvml = "", .first_window = milliseconds(0)});
  const Sample sample = blind->sample();
  EXPECT_EQ(sample.effective_cpus, 1);
  EXPECT_EQ(sample.memory_limit, 0);
  EXPECT_FALSE(sample.memory_percent);
  EXPECT_FALSE(sample.cpu_percent);
  EXPECT_FALSE(blind->system().memory.total);
  EXPECT_EQ(blind->process(1).anonymous_bytes, 0);
}

// Before the first start there is no folder of data: it will lie where its nearest parent does.
TEST_F(SensorsTest, TheDiskOfAFolderThatIsNotThereYetIsItsParents) {
  const auto disk_of = [&](const std::filesystem::path& place) {
    return make_sensors({.root = folder_.path(), .data_dir = place, .nvml = ""})->system().disk.total;
  };
  EXPECT_GT(disk_of(folder_.path()).value_or(0), 0u);
  EXPECT_EQ(disk_of(folder_.path() / "not" / "yet"), disk_of(folder_.path()));
}

// Two looks that come together: the second does not make CPU use out of nothing.
TEST_F(SensorsTest, KeepsCpuUseBetweenLooks) {
  sensors().sample();
  ticks(40, 60);
  EXPECT_NEAR(after_a_second().cpu_percent.value_or(-1), 40, 1e-9);
  EXPECT_NEAR(sensors().system().cpu.percent.value_or(-1), 40, 1e-9);
  EXPECT_NEAR(sensors().sample().cpu_percent.value_or(-1), 40, 1e-9);
}

// A process of ours: its CPU use since it was asked for before, and its anonymous memory.
TEST_F(SensorsTest, MeasuresAProcess) {
  const auto write = [&](int ticks) {
    folder_.write("proc/42/stat", "42 (x y) R 1 7 7 0 -1 4194304 1 2 3 4 " + std::to_string(ticks) +
                                      " 0 0 0 20 0 1 0 5 6 7\n");
  };
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  folder_.write("proc/42/statm", "1000 500 200 1 0 300 0\n");
  write(0);
  sensors().sample();
  EXPECT_EQ(sensors().process(42).cpu_percent, 0);
  write(2 * static_cast<int>(::sysconf(_SC_CLK_TCK)));
  after_a_second();
  const ProcessUse use = sensors().process(42);
  EXPECT_NEAR(use.cpu_percent, 50, 1e-9);
  EXPECT_EQ(use.anonymous_bytes, 300 * page);
  EXPECT_EQ(sensors().process(43).anonymous_bytes, 0);
}

// What the system call gives for GET /v1/resources/system.
TEST_F(SensorsTest, DescribesTheSystem) {
  folder_.write(
      "proc/cpuinfo",
      "processor : 0\nphysical id : 0\ncore id : 0\n\nprocessor : 1\nphysical id : 0\ncore id : 0\n\n"
      "processor : 2\nphysical id : 0\ncore id : 1\n\nprocessor : 3\nphysical id : 0\ncore id : 1\n");
  const SystemInfo info = sensors().system();
  EXPECT_EQ(info.cpu.count, 2);
  EXPECT_EQ(info.cpu.count_logical, 4);
  EXPECT_EQ(info.memory.total, 8192 * kMib);
  EXPECT_EQ(*info.memory.available + *info.memory.used, info.memory.total);
  EXPECT_GT(info.disk.total.value_or(0), 0);
  EXPECT_LE(info.disk.used, info.disk.total);
  EXPECT_FALSE(info.gpu.available);
}

// The driver's library answers: memory is summed over the devices, use is that of the busiest.
TEST_F(SensorsTest, SeesTwoGpus) {
  ::setenv("FAKE_NVML", "", 1);
  nvml_ = MEDSYNTH_FAKE_NVML;
  const Sample sample = sensors().sample();
  EXPECT_EQ(sample.gpu_percent, 73);
  EXPECT_EQ(sample.gpu_memory_total, 24 * 1024 * kMib);
  EXPECT_EQ(sample.gpu_memory_free, 18 * 1024 * kMib);
  const GpuInfo gpu = sensors().system().gpu;
  EXPECT_TRUE(gpu.available);
  EXPECT_EQ(gpu.count, 2);
  EXPECT_EQ(gpu.name, "Fake A");
  EXPECT_EQ(gpu.devices[1].name, "Fake B");
  EXPECT_EQ(gpu.memory_used, 6 * 1024 * kMib);
}

// The library is there but has no driver, no device, a device of someone else, or no utilisation (MIG).
TEST_F(SensorsTest, SurvivesOddGpus) {
  const auto gpu = [&](const char* mode) {
    ::setenv("FAKE_NVML", mode, 1);
    return make_sensors({.root = folder_.path(),
                         .nvml = MEDSYNTH_FAKE_NVML,
                         .first_window = milliseconds(0),
                         .clock = &clock_})
        ->system()
        .gpu;
  };
  EXPECT_FALSE(gpu("broken").available);
  EXPECT_FALSE(gpu("none").available);
  EXPECT_EQ(gpu("taken").count, 2);
  EXPECT_EQ(gpu("taken").devices[0].name, "GPU 0");
  EXPECT_FALSE(gpu("taken").devices[0].memory_total);
  EXPECT_EQ(gpu("taken").memory_total, 16 * 1024 * kMib) << "of those that can be used";
  EXPECT_FALSE(gpu("mig").percent) << "not told is not idle";
  EXPECT_EQ(gpu("mig").memory_used, 6 * 1024 * kMib);
  EXPECT_EQ(gpu("mig").count, 2);
  ::unsetenv("FAKE_NVML");
  EXPECT_FALSE(make_sensors({.nvml = "libno-such-library.so", .first_window = milliseconds(0)})
                   ->system()
                   .gpu.available);
}

// A file that could be read before and cannot now: what it told is unknown, neither what it was nor idle.
TEST_F(SensorsTest, AFileThatVanishesMakesItsReadingUnknown) {
  v2();
  const std::pair<std::string, bool> files[] = {
      // does memory depend on it? else CPU does
      {"proc/meminfo", true}, {kPod + "memory.max", true}, {kPod + "memory.current", true},
      {"proc/stat", false},   {kPod + "cpu.stat", false},  {kPod + "cpu.max", false},
  };
  for (const auto& [file, memory] : files) {
    sensors_.reset();
    used(0);
    ticks(0, 0);
    sensors().sample();
    used(100'000);
    ticks(10, 90);
    const Sample before = after_a_second();
    ASSERT_TRUE(before.cpu_percent && before.memory_percent) << file;
    used(200'000);
    ticks(20, 180);
    std::ifstream in(folder_.path() / file);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    folder_.write(file, "");  // as one that is open sees it
    std::filesystem::remove(folder_.path() / file);
    const Sample after = after_a_second();
    EXPECT_EQ(after.memory_percent.has_value(), !memory) << file;
    EXPECT_EQ(after.cpu_percent.has_value(), memory) << file;
    EXPECT_EQ(sensors().system().memory.used.has_value(), !memory) << file;
    folder_.write(file, text);
  }
}

// A counter that stands still is a sensor that has stopped: time goes on on an idle machine.
TEST_F(SensorsTest, ACounterThatStandsStillIsNotIdle) {
  sensors().sample();
  ticks(50, 50);
  EXPECT_TRUE(after_a_second().cpu_percent);
  EXPECT_FALSE(after_a_second().cpu_percent);
}

// v1 sums up for us what the groups above allow, also where they cannot be seen; memory with swap has a limit
// too.
TEST_F(SensorsTest, SeesLimitsThatV1SumsUp) {
  folder_.write("proc/self/cgroup", "4:memory:/docker/abc\n");
  folder_.write("proc/self/mountinfo",
                "1 0 0:1 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  const std::string memory = "sys/fs/cgroup/memory/";
  folder_.write(memory + "memory.limit_in_bytes", "9223372036854771712\n");
  folder_.write(memory + "memory.usage_in_bytes", std::to_string(600 * kMib) + "\n");
  folder_.write(memory + "memory.stat",
                "hierarchical_memory_limit 1073741824\ntotal_inactive_file 104857600\n");
  Sample sample = sensors().sample();
  EXPECT_EQ(sample.memory_limit, 1024 * kMib);
  EXPECT_EQ(sample.memory_used, 500 * kMib);
  folder_.write(memory + "memory.memsw.limit_in_bytes", std::to_string(1280 * kMib) + "\n");
  folder_.write(memory + "memory.memsw.usage_in_bytes", std::to_string(1280 * kMib) + "\n");
  sample = after_a_second();
  EXPECT_EQ(sample.memory_limit, 1024 * kMib);
  EXPECT_EQ(sample.memory_used, 924 * kMib) << "swap is full: only the cache goes";
}

// Moved to another group while we run: its limit counts at the next look.
TEST_F(SensorsTest, FollowsAMoveToAnotherGroup) {
  v2();
  sensors().sample();
  folder_.write("sys/fs/cgroup/small/memory.max", std::to_string(256 * kMib) + "\n");
  folder_.write("sys/fs/cgroup/small/memory.current", std::to_string(64 * kMib) + "\n");
  folder_.write("proc/self/cgroup", "0::/small\n");
  const Sample sample = after_a_second();
  EXPECT_EQ(sample.memory_limit, 256 * kMib);
  EXPECT_EQ(sample.memory_used, 64 * kMib);
}

// A driver that is lost, knows no sizes, has no rights or hangs: there is a GPU, and its use is unknown.
TEST_F(SensorsTest, AGpuThatStopsAnsweringIsUnknown) {
  ::setenv("FAKE_NVML", "", 1);
  nvml_ = MEDSYNTH_FAKE_NVML;
  for (const char* mode : {"lost", "zero", "hangs"}) {
    sensors_ = make_sensors({.root = folder_.path(),
                             .data_dir = folder_.path(),
                             .nvml = nvml_,
                             .first_window = milliseconds(0),
                             .patience = milliseconds(50),
                             .old = milliseconds(60),
                             .clock = &clock_});
    ::setenv("FAKE_NVML", "", 1);
    EXPECT_TRUE(eventually([&] { return after_a_second().gpu_percent == 73; })) << mode;
    ::setenv("FAKE_NVML", mode, 1);
    EXPECT_TRUE(eventually([&] { return !after_a_second().gpu_percent; })) << mode;
    const Sample sample = after_a_second();
    EXPECT_FALSE(sample.gpu_memory_total) << mode;
    const GpuInfo gpu = sensors().system().gpu;
    EXPECT_TRUE(gpu.available) << mode;
    EXPECT_EQ(gpu.count, 2) << mode;
    EXPECT_EQ(gpu.name, "Fake A") << mode;
    EXPECT_FALSE(gpu.memory_total || gpu.memory_used || gpu.percent) << mode;
  }
  ::setenv("FAKE_NVML", "forbidden", 1);
  auto forbidden = make_sensors({.root = folder_.path(), .nvml = nvml_, .first_window = milliseconds(0)});
  EXPECT_TRUE(forbidden->system().gpu.available);
  EXPECT_FALSE(forbidden->sample().gpu_memory_total);
  ::unsetenv("FAKE_NVML");
}

// The driver comes after the start, and again after it was away: it is tried again, seldom.
TEST_F(SensorsTest, SeesADriverThatComesLater) {
  ::setenv("FAKE_NVML", "broken", 1);
  nvml_ = MEDSYNTH_FAKE_NVML;
  EXPECT_FALSE(sensors().system().gpu.available);
  ::setenv("FAKE_NVML", "", 1);
  EXPECT_FALSE(sensors().system().gpu.available) << "not asked each time";
  clock_.advance(std::chrono::minutes(1));
  EXPECT_EQ(sensors().system().gpu.memory_used, 6 * 1024 * kMib);
  ::setenv("FAKE_NVML", "lost", 1);
  EXPECT_FALSE(after_a_second().gpu_memory_total);
  ::setenv("FAKE_NVML", "", 1);
  clock_.advance(std::chrono::minutes(1));
  EXPECT_EQ(sensors().sample().gpu_percent, 73);
  ::unsetenv("FAKE_NVML");
}

// Lists of CPUs as the kernel writes them, and nonsense.
TEST(CpuList, Parses) {
  EXPECT_EQ(parse_cpu_list("0-3,8").count(), 5u);
  EXPECT_TRUE(parse_cpu_list("0-3,8")[8]);
  EXPECT_EQ(parse_cpu_list("7\n").count(), 1u);
  for (const char* text : {"", "\n", "a-b", "5-", "3-1", "99999999"})
    EXPECT_EQ(parse_cpu_list(text).count(), 0u) << text;
}

// This very machine, whatever it is: the numbers make sense, and a busy thread is seen.
TEST(RealSensors, SeeThisMachine) {
  auto sensors = make_sensors({});
  const Sample sample = sensors->sample();
  EXPECT_GT(sample.effective_cpus, 0);
  EXPECT_GT(sample.memory_limit, sample.memory_used);
  EXPECT_GT(sensors->process(::getpid()).anonymous_bytes, 0);
  const auto end = std::chrono::steady_clock::now() + milliseconds(300);
  volatile double work = 0;
  while (std::chrono::steady_clock::now() < end) work = std::sqrt(work + 1);
  const Sample busy = sensors->sample();
  EXPECT_GT(busy.own_cpu_percent, 0);
  EXPECT_GT(busy.cpu_percent, 0);
}

// The CPUs this process may use change while it runs.
TEST(RealSensors, SeeFewerCpus) {
  cpu_set_t before, one;
  ASSERT_EQ(::sched_getaffinity(::getpid(), sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (std::size_t cpu = 0; CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  ManualClock clock;
  auto sensors = make_sensors({.nvml = "", .first_window = milliseconds(0), .clock = &clock});
  EXPECT_EQ(sensors->system().cpu.count_logical, CPU_COUNT(&before));
  ASSERT_EQ(::sched_setaffinity(::getpid(), sizeof one, &one), 0);
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(sensors->system().cpu.count_logical, 1);
  EXPECT_LE(sensors->sample().effective_cpus, 1);
  ASSERT_EQ(::sched_setaffinity(::getpid(), sizeof before, &before), 0);
}

}  // namespace
}  // namespace medsynth::limits
