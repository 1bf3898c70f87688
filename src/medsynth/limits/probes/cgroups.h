// Where this process's control groups are: v1, v2, hybrid or none, from the texts of /proc/self/cgroup and
// mountinfo. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace medsynth::limits {

// The folders of one controller from our own group up to the mount, absolute paths; empty when it is not
// mounted.
struct Groups {
  std::vector<std::string> folders;
  bool v2 = false;
};

struct CgroupLayout {
  Groups memory;
  Groups cpu;
  Groups cpuacct;  // v1 only: usage is beside the quota in v2
  Groups unified;  // v2's tree whatever its controllers; absent on a machine that has v1 only
};
CgroupLayout cgroup_layout(std::string_view proc_self_cgroup, std::string_view mountinfo);

}  // namespace medsynth::limits
