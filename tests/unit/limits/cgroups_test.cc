#include "medsynth/limits/probes/cgroups.h"

#include <gtest/gtest.h>

namespace medsynth::limits {
namespace {

using Folders = std::vector<std::string>;

// A v2 machine: our group and every group above it, up to the mount.
TEST(Cgroups, FindsEveryAncestorInV2) {
  const auto layout =
      cgroup_layout("0::/user.slice/user-1000.slice/x.scope\n",
                    "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
  EXPECT_TRUE(layout.memory.v2);
  EXPECT_EQ(layout.memory.folders, (Folders{"/sys/fs/cgroup/user.slice/user-1000.slice/x.scope",
                                            "/sys/fs/cgroup/user.slice/user-1000.slice",
                                            "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup"}));
  EXPECT_EQ(layout.cpu.folders, layout.memory.folders);
  EXPECT_TRUE(layout.cpuacct.folders.empty());
}

// Controllers mounted together or apart in v1, each with a path of its own.
TEST(Cgroups, FindsEachControllerInV1) {
  const auto layout =
      cgroup_layout("4:memory:/docker/abc\n3:cpu,cpuacct:/docker\n1:name=systemd:/x\n",
                    "1 0 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                    "2 0 0:2 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n");
  EXPECT_FALSE(layout.memory.v2);
  EXPECT_EQ(layout.memory.folders, (Folders{"/sys/fs/cgroup/memory/docker/abc",
                                            "/sys/fs/cgroup/memory/docker", "/sys/fs/cgroup/memory"}));
  EXPECT_EQ(layout.cpu.folders, (Folders{"/sys/fs/cgroup/cpu,cpuacct/docker", "/sys/fs/cgroup/cpu,cpuacct"}));
  EXPECT_EQ(layout.cpuacct.folders, layout.cpu.folders);
}

// A hybrid machine: v1 where the controller is there, v2 for the rest.
TEST(Cgroups, MixesBothInAHybrid) {
  const auto layout = cgroup_layout("4:memory:/a\n0::/b\n",
                                    "1 0 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                                    "2 0 0:2 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  EXPECT_FALSE(layout.memory.v2);
  EXPECT_EQ(layout.memory.folders, (Folders{"/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/memory"}));
  EXPECT_TRUE(layout.cpu.v2);
  EXPECT_EQ(layout.cpu.folders, (Folders{"/sys/fs/cgroup/unified/b", "/sys/fs/cgroup/unified"}));
}

// In a container the path may name groups of the host, while the mount is our group itself.
TEST(Cgroups, KnowsAContainersMount) {
  const std::string mounts = "1 0 0:1 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
  EXPECT_EQ(cgroup_layout("4:memory:/docker/abc\n", mounts).memory.folders, Folders{"/sys/fs/cgroup/memory"});
  EXPECT_EQ(cgroup_layout("4:memory:/docker/abc/sub\n", mounts).memory.folders,
            (Folders{"/sys/fs/cgroup/memory/sub", "/sys/fs/cgroup/memory"}));
  EXPECT_EQ(cgroup_layout("4:memory:/docker/abcdef\n", mounts).memory.folders,
            Folders{"/sys/fs/cgroup/memory"});
  EXPECT_EQ(cgroup_layout("4:memory:/../other\n", mounts).memory.folders, Folders{"/sys/fs/cgroup/memory"});
}

// No cgroups at all, or texts that make no sense: nothing is found and nothing breaks.
TEST(Cgroups, FindsNothingWhereThereIsNothing) {
  for (const char* cgroup : {"", "\n", "::", "4:memory", "0::/a\n"})
    for (const char* mounts : {"", " - ", "1 2 3 - cgroup2", "22 1 0:20 / /proc rw - proc proc rw\n"}) {
      const auto layout = cgroup_layout(cgroup, mounts);
      EXPECT_TRUE(layout.memory.folders.empty()) << cgroup << mounts;
      EXPECT_TRUE(layout.cpu.folders.empty()) << cgroup << mounts;
    }
}

// mountinfo writes a space as \040.
TEST(Cgroups, ReadsEscapedPaths) {
  EXPECT_EQ(cgroup_layout("0::/\n", "1 0 0:1 / /mnt/my\\040groups rw - cgroup2 cgroup2 rw\n").memory.folders,
            Folders{"/mnt/my groups"});
}

}  // namespace
}  // namespace medsynth::limits
