#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/paths.h"
#include "medsynth/base/text.h"
#include "medsynth/cli/doctor/look.h"
#include "medsynth/inference/runtime_info.h"
#include "medsynth/limits/limits.h"
#include "medsynth/limits/sensors.h"

namespace medsynth::cli::doctor {
namespace {

namespace fs = std::filesystem;

// The nearest folder above that is there.
fs::path existing(fs::path path) {
  std::error_code none;
  while (!path.empty() && !fs::exists(path, none) && path.has_parent_path() && path != path.parent_path())
    path = path.parent_path();
  return path.empty() ? "." : path;
}

Seen<Space> space_of(const fs::path& folder) {
  struct statvfs about{};
  if (::statvfs(existing(folder).c_str(), &about) != 0) return Seen<Space>::hidden(std::strerror(errno));
  return Space{std::uint64_t(about.f_blocks) * about.f_frsize,
               std::uint64_t(about.f_bavail) * about.f_frsize};
}

bool is_link(const fs::path& path) {
  std::error_code none;
  return fs::is_symlink(path, none);
}

Folder look_at_folder(const fs::path& path) {
  Folder folder{.path = printable(path.string())};
  struct stat about{};
  folder.exists = ::stat(path.c_str(), &about) == 0;
  folder.reachable = ::access(existing(path).c_str(), R_OK | W_OK | X_OK) == 0;
  if (!folder.exists) return folder;
  folder.ours = about.st_uid == ::geteuid() || ::geteuid() == 0;
  folder.writable_by_others = (about.st_mode & 022) != 0;
  const fs::path redis = path / "redis";
  for (const fs::path& each : {redis, redis / "redis.conf", redis / "redis.log", redis / "lock",
                               redis / "redis.sock", redis / "appendonlydir"})
    if (folder.link.empty() && is_link(each)) folder.link = printable(each.string());
  return folder;
}

std::string home_problem(const fs::path& data) {
  if (data.empty()) return "There is no home folder (HOME is not set), so there is no place for data.";
  if (!data.is_absolute())
    return "The path is relative: it changes with the folder in which a command is started.";
  if (data.string().starts_with("/.local/"))
    return "HOME is not set (or is /), so data would go into the root of the file system.";
  return "";
}

Gate gate(std::string name, std::optional<double> used, double limit) {
  Gate gate{std::move(name), {}, limit};
  if (used)
    gate.used_percent = *used;
  else
    gate.used_percent = Seen<double>::hidden("the system does not tell it");
  return gate;
}

void look_at_slots(const Settings& settings, const limits::Limits& limits, limits::Sensors& sensors,
                   MachineFacts& facts) {
  const auto folder = limits::runtime_dir(settings.runtime_dir);
  facts.slots = limits.max_concurrent_tasks;
  if (!folder) {
    facts.runtime_dir = printable(settings.runtime_dir.empty() ? "/run/medsynth" : settings.runtime_dir);
    facts.runtime_error = printable(folder.error().message);
    facts.runtime_space = space_of(settings.runtime_dir.empty() ? "/dev/shm" : settings.runtime_dir);
    return;
  }
  facts.runtime_dir = printable(folder->string());
  facts.runtime_space = space_of(*folder);
  const auto limiter = limits::Limiter::open({.limits = limits, .runtime_dir = *folder}, sensors);
  if (limiter)
    facts.slots_taken = static_cast<std::int64_t>((*limiter)->slots().size());
  else
    facts.runtime_error = printable(limiter.error().message);
}

limits::Limits limits_in_force(const Settings& settings, const std::map<std::string, double>& set) {
  const auto of = [&](const char* name, double fallback) {
    const auto found = set.find(name);
    return found == set.end() ? fallback : found->second;
  };
  return {of("max_cpu_percent", settings.max_cpu_percent),
          of("max_memory_percent", settings.max_memory_percent),
          of("max_gpu_percent", settings.max_gpu_percent),
          static_cast<std::int64_t>(
              of("max_concurrent_tasks", static_cast<double>(settings.max_concurrent_tasks)))};
}

}  // namespace

MachineFacts look_at_machine(const Settings& settings, const std::map<std::string, double>& set) {
  MachineFacts facts;
  const fs::path data = data_dir(settings);
  const auto sensors = limits::make_sensors({.data_dir = data});
  const limits::Limits limits = limits_in_force(settings, set);
  const limits::SystemInfo system = sensors->system();
  const limits::Sample sample = sensors->sample();
  facts.cpus = sample.effective_cpus;
  if (sample.memory_limit > 0)
    facts.memory_limit = sample.memory_limit;
  else
    facts.memory_limit = Seen<std::uint64_t>::hidden("the system does not tell it");
  const std::optional<double> memory = sample.memory_percent;
  facts.gates = {gate("cpu", sample.cpu_percent, limits.max_cpu_percent),
                 gate("memory", facts.memory_limit ? memory : std::nullopt, limits.max_memory_percent),
                 gate("gpu", sample.gpu_percent, limits.max_gpu_percent)};
  if (system.gpu.available) facts.gpu = fmt::format("{} x {}", system.gpu.count, printable(system.gpu.name));
  facts.data = look_at_folder(data);
  facts.home_problem = home_problem(data);
  facts.data_space = space_of(data);
  look_at_slots(settings, limits, *sensors, facts);
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0)
    facts.descriptors = descriptors.rlim_max == RLIM_INFINITY
                            ? kUnlimited
                            : std::min(kUnlimited, static_cast<std::int64_t>(descriptors.rlim_max));
  facts.processes = processes_left();
  facts.workers = settings.workers;
  return facts;
}

std::vector<std::string> look_at_variables() {
  return unknown_variables(process_variables());
}

BuildFacts look_at_build() {
  const inference::RuntimeInfo info = inference::runtime_info();
  return {MEDSYNTH_VERSION, info.name, info.commit, info.backends};
}

}  // namespace medsynth::cli::doctor
