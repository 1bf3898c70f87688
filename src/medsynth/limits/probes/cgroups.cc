#include "medsynth/limits/probes/cgroups.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "medsynth/limits/probes/text_file.h"

namespace medsynth::limits {
namespace {

// A group's path as this namespace sees it: so many levels up, then down by names. "/../../a" is 2 and a.
struct Path {
  int up = 0;
  std::vector<std::string> names;
};

struct Mount {
  std::string_view id, parent;
  Path root;          // which group is mounted
  std::string point;  // where
  bool cgroup = false;
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

Path parse_path(std::string_view text) {
  Path path;
  for (const std::string_view name : split(text, '/')) {
    if (name == ".." && path.names.empty())
      ++path.up;
    else if (!name.empty())
      path.names.emplace_back(name);
  }
  return path;
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
    if (before.size() < 5 || after.empty()) continue;
    const bool v1 = after[0] == "cgroup", v2 = after[0] == "cgroup2";
    Mount mount{before[0], before[1], parse_path(unescaped(before[3])), unescaped(before[4]), v1 || v2,
                v2,        {}};
    if (v1 && after.size() > 2) mount.controllers = split(after[2], ',');
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

bool is_at_or_below(std::string_view path, std::string_view above) {
  if (above == "/") return true;
  return path.starts_with(above) && (path.size() == above.size() || path[above.size()] == '/');
}

// True when the path of `mount` leads to another one: some mount lies on it, or on a folder on the way to it.
bool is_covered(const Mount& mount, const std::vector<Mount>& mounts) {
  std::vector<std::string_view> chain{mount.id};  // it, and what it lies on
  for (const Mount* at = &mount; at && chain.size() <= mounts.size();) {
    const auto parent =
        std::find_if(mounts.begin(), mounts.end(), [&](const Mount& each) { return each.id == at->parent; });
    at = parent == mounts.end() || parent->id == at->id ? nullptr : &*parent;
    if (at) chain.push_back(at->id);
  }
  const auto lies_on = [&](std::string_view id) {
    return std::find(chain.begin(), chain.end(), id) != chain.end();
  };
  return std::any_of(mounts.begin(), mounts.end(), [&](const Mount& each) {
    const bool beside = each.parent == mount.parent && each.point == mount.point;  // the later one counts
    return !lies_on(each.id) && lies_on(each.parent) && is_at_or_below(mount.point, each.point) &&
           (!beside || &each > &mount);
  });
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

// Our group and the groups above it that `mount` shows, by level: how deep a group lies below the top of our
// namespace, less than 0 above it. Above it no names are known, so that such a mount shows its root alone.
std::map<int, std::string> seen_through(const Mount& mount, const Path& ours) {
  const Path& root = mount.root;
  if (root.up > ours.up && root.names.empty()) return {{ours.up - root.up, mount.point}};
  if (root.up != ours.up || root.names.size() > ours.names.size() ||
      !std::equal(root.names.begin(), root.names.end(), ours.names.begin()))
    return {};
  std::map<int, std::string> folders;
  std::string folder = mount.point;
  for (std::size_t level = root.names.size();; ++level) {
    folders[static_cast<int>(level)] = folder;
    if (level == ours.names.size()) return folders;
    if (!folder.ends_with('/')) folder += '/';
    folder += ours.names[level];
  }
}

Groups groups_of(const std::vector<const Mount*>& mounts, const Path& ours, bool v2) {
  std::multimap<int, std::string, std::greater<>> all;  // our own first
  for (const Mount* mount : mounts)
    for (auto& [level, folder] : seen_through(*mount, ours)) all.emplace(level, folder);
  // A process that was moved after its container was made is in a group that no mount shows: what there is to
  // see is its container.
  if (all.empty()) all.emplace(0, mounts.front()->point);
  Groups groups{.v2 = v2};
  for (auto& [level, folder] : all) {
    groups.levels.push_back(level);
    groups.folders.push_back(folder);
  }
  return groups;
}

Groups find(const std::vector<Mount>& mounts, std::string_view cgroup, std::string_view controller,
            bool may_be_v2) {
  for (const bool v2 : {false, true}) {
    if (v2 ? !may_be_v2 : controller.empty()) continue;
    const auto path = path_of(cgroup, v2 ? std::string_view() : controller);
    if (!path) continue;
    std::vector<const Mount*> of_tree;
    for (const Mount& mount : mounts) {
      const bool has = mount.v2 == v2 && (v2 || std::find(mount.controllers.begin(), mount.controllers.end(),
                                                          controller) != mount.controllers.end());
      if (mount.cgroup && has && !is_covered(mount, mounts)) of_tree.push_back(&mount);
    }
    if (!of_tree.empty()) return groups_of(of_tree, parse_path(*path), v2);
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
