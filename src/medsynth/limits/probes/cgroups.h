// Where this process's control groups are: v1, v2, hybrid or none, from the texts of /proc/self/cgroup and
// mountinfo. All mounts count through which our group or one above it can be seen: a host's tree that is
// mounted too, bind mounts of a part, mounts from outside our cgroup namespace (whose root reads "/.."). One
// that another mount covers does not. Sources: cgroups(7), cgroup_namespaces(7), proc_pid_mountinfo(5). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace medsynth::limits {

// The folders of one controller from our own group up to the highest that can be seen, absolute paths; a
// group that is mounted twice is there twice. Empty when it is not mounted.
struct Groups {
  std::vector<std::string> folders;
  bool v2 = false;
  std::vector<int> levels;  // of each folder: groups of one level are the same group
};

struct CgroupLayout {
  Groups memory;
  Groups cpu;
  Groups cpuacct;  // v1 only: usage is beside the quota in v2
  Groups unified;  // v2's tree whatever its controllers; absent on a machine that has v1 only
};
CgroupLayout cgroup_layout(std::string_view proc_self_cgroup, std::string_view mountinfo);

}  // namespace medsynth::limits
