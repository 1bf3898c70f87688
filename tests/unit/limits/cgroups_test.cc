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

// All ways in which the kernel shows where we are: each group that binds us is found, whichever mount shows
// it.
struct Case {
  const char* what;
  const char* cgroup;
  const char* mounts;
  Folders folders;  // of memory
};

TEST(Cgroups, FindsEveryGroupThatBindsUs) {
  const Case cases[] = {
      {"a host's tree, mounted before the container's own, without a namespace",
       "0::/system.slice/box.scope\n",
       "40 30 0:28 / /host/sys/fs/cgroup ro - cgroup2 cgroup2 rw\n"
       "41 30 0:28 /system.slice/box.scope /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n",
       {"/host/sys/fs/cgroup/system.slice/box.scope", "/sys/fs/cgroup", "/host/sys/fs/cgroup/system.slice",
        "/host/sys/fs/cgroup"}},
      {"the same in a namespace: of the groups above nobody knows the names, but the top one is there",
       "0::/\n",
       "40 30 0:28 /../.. /host/sys/fs/cgroup ro - cgroup2 cgroup2 rw\n"
       "41 30 0:28 / /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n",
       {"/sys/fs/cgroup", "/host/sys/fs/cgroup"}},
      {"the parent is mounted from outside the namespace",
       "0::/app\n",
       "40 30 0:28 /.. /parent rw - cgroup2 cgroup2 rw\n41 30 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 "
       "rw\n",
       {"/sys/fs/cgroup/app", "/sys/fs/cgroup", "/parent"}},
      {"a process outside of its namespace's top, seen through a mount from further up",
       "0::/../sibling/x\n",
       "40 30 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n41 30 0:28 /.. /up rw - cgroup2 cgroup2 rw\n",
       {"/up/sibling/x", "/up/sibling", "/up"}},
      {"a bind mount of somebody else's group before ours",
       "0::/ours\n",
       "40 30 0:28 /other /mnt/other rw - cgroup2 cgroup2 rw\n41 30 0:28 / /sys/fs/cgroup rw - cgroup2 "
       "cgroup2 "
       "rw\n",
       {"/sys/fs/cgroup/ours", "/sys/fs/cgroup"}},
      {"a bind mount of a part of our own chain",
       "0::/a/b/c\n",
       "41 30 0:28 /a/b /mnt/b rw - cgroup2 cgroup2 rw\n",
       {"/mnt/b/c", "/mnt/b"}},
      {"names that begin like ours are others",
       "0::/boxer\n",
       "40 30 0:28 /box /mnt/box rw - cgroup2 cgroup2 rw\n41 30 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 "
       "rw\n",
       {"/sys/fs/cgroup/boxer", "/sys/fs/cgroup"}},
      {"v1, twice: the host's tree first",
       "4:memory:/docker/abc\n",
       "40 30 0:2 / /host/memory rw - cgroup cgroup rw,memory\n"
       "41 30 0:2 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
       {"/host/memory/docker/abc", "/sys/fs/cgroup/memory", "/host/memory/docker", "/host/memory"}},
      {"a mount that another one covers shows nothing",
       "0::/a\n",
       "30 29 0:20 / /sys rw - sysfs sysfs rw\n"
       "40 30 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
       "41 40 0:28 /b /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
       "42 30 0:28 / /sys/other rw - cgroup2 cgroup2 rw\n",
       {"/sys/other/a", "/sys/other"}},
      {"a file system over the folder above covers it too, wherever it is listed",
       "0::/a\n",
       "43 30 0:50 / /sys/fs rw - tmpfs tmpfs rw\n"
       "30 29 0:20 / /sys rw - sysfs sysfs rw\n"
       "40 30 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
       "42 29 0:28 / /cg rw - cgroup2 cgroup2 rw\n",
       {"/cg/a", "/cg"}},
      {"what lies below covers nothing, also when it is listed before",
       "0::/a\n",
       "40 30 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n29 1 0:10 / / rw - overlay overlay rw\n"
       "30 29 0:20 / /sys rw - sysfs sysfs rw\n",
       {"/sys/fs/cgroup/a", "/sys/fs/cgroup"}},
  };
  for (const Case& each : cases)
    EXPECT_EQ(cgroup_layout(each.cgroup, each.mounts).memory.folders, each.folders) << each.what;
}

}  // namespace
}  // namespace medsynth::limits
