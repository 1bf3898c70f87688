#include "medsynth/limits/probes/cgroups.h"

#include <algorithm>
#include <optional>

#include "medsynth/limits/probes/text_file.h"

namespace medsynth::limits {
namespace {

struct Mount {
  std::string root;   // which group is mounted
  std::string point;  // where
  bool v2 = false;
  std::vector<std::string_view> controllers;
};

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(by);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// mountinfo writes a space in a path as \040.
std::string unescaped(std::string_view text) {
  std::string out;
  const auto octal = [](char each) { return each >= '0' && each <= '7'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) &&
        octal(text[i + 3])) {
      out.push_back(
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:1 - cgroup cgroup rw,cpu"
std::vector<Mount> mounts_of(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  while (!mountinfo.empty()) {
    const std::string_view line = next_line(mountinfo);
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto before = split(line.substr(0, dash), ' ');
    const auto after = split(line.substr(dash + 3), ' ');
    if (before.size() < 5 || after.empty() || (after[0] != "cgroup" && after[0] != "cgroup2")) continue;
    Mount mount{unescaped(before[3]), unescaped(before[4]), after[0] == "cgroup2", {}};
    if (!mount.v2 && after.size() > 2) mount.controllers = split(after[2], ',');
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

// The path of our group in the hierarchy of `controller` ("" is v2's). Lines are "4:memory:/a/b"; v2's is
// "0::/a/b".
std::optional<std::string> path_of(std::string_view cgroup, std::string_view controller) {
  while (!cgroup.empty()) {
    const std::string_view line = next_line(cgroup);
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view names = line.substr(first + 1, second - first - 1);
    const auto all = split(names, ',');
    if (controller.empty() ? names.empty() : std::find(all.begin(), all.end(), controller) != all.end())
      return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

// Our group and every group above it as far as it is mounted here. In a container without a namespace of its
// own the path names groups of the host, and the mount is our group itself.
std::vector<std::string> folders_of(const Mount& mount, std::string path) {
  const std::string root = mount.root == "/" ? "" : mount.root;
  const bool below = path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
  path = below && path.find("/..") == std::string::npos ? path.substr(root.size()) : "";
  while (path.ends_with('/')) path.pop_back();
  std::vector<std::string> folders;
  while (!path.empty()) {
    folders.push_back(mount.point + path);
    path.erase(path.rfind('/'));
  }
  folders.push_back(mount.point);
  return folders;
}

Groups find(const std::vector<Mount>& mounts, std::string_view cgroup, std::string_view controller,
            bool may_be_v2) {
  for (const bool v2 : {false, true}) {
    if (v2 ? !may_be_v2 : controller.empty()) continue;
    const auto path = path_of(cgroup, v2 ? std::string_view() : controller);
    if (!path) continue;
    for (const Mount& mount : mounts) {
      if (mount.v2 != v2) continue;
      if (v2 || std::find(mount.controllers.begin(), mount.controllers.end(), controller) !=
                    mount.controllers.end())
        return {folders_of(mount, *path), v2};
    }
  }
  return {};
}

}  // namespace

CgroupLayout cgroup_layout(std::string_view proc_self_cgroup, std::string_view mountinfo) {
  const auto mounts = mounts_of(mountinfo);
  return {find(mounts, proc_self_cgroup, "memory", true), find(mounts, proc_self_cgroup, "cpu", true),
          find(mounts, proc_self_cgroup, "cpuacct", false), find(mounts, proc_self_cgroup, "", true)};
}

}  // namespace medsynth::limits
