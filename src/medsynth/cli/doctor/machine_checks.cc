// This machine: gates, folders, limits of the system, the build and the settings.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/cli/doctor/checks.h"
#include "medsynth/cli/output.h"

namespace medsynth::cli::doctor {
namespace {

std::string bytes_of(std::uint64_t count) {
  return bytes(static_cast<double>(count));
}

// What each gate is about, and what opens it.
struct GateText {
  std::string_view name, is, opens;
};
constexpr GateText kGates[] = {
    {"cpu", "CPU use",
     "End other programs that compute, or raise MAX_CPU_PERCENT (100 switches the gate off)."},
    {"memory", "Memory use",
     "End other programs, remove cached models ('medsynth cache clear'), or raise MAX_MEMORY_PERCENT."},
    {"gpu", "GPU use", "End other programs on the GPU, or raise MAX_GPU_PERCENT."}};

Check gate(const Gate& gate, const MachineFacts& facts) {
  const std::string id = "machine." + gate.name;
  const auto& text = *std::find_if(std::begin(kGates), std::end(kGates),
                                   [&](const GateText& each) { return each.name == gate.name; });
  if (gate.name == "gpu" && facts.gpu.empty())
    return ok(id, "No GPU was found (no NVML); models run on the CPU.");
  if (!gate.used_percent)
    return unknown(id, fmt::format("Not known: {}.", text.is), gate.used_percent.hidden_by,
                   "Tasks that need it may wait; check the sensor (nvidia-smi, /proc, /sys/fs/cgroup).");
  const std::string of = gate.name == "cpu" ? fmt::format(" of {:.3g} CPUs", facts.cpus)
                         : gate.name == "memory"
                             ? fmt::format(" of {}", facts.memory_limit ? bytes_of(*facts.memory_limit) : "?")
                             : fmt::format(" of {}", facts.gpu);
  const double used = *gate.used_percent, limit = gate.limit_percent;
  const std::string what = fmt::format("{} is {:.0f} %{}; the limit is {:.0f} %.", text.is, used, of, limit);
  if (limit >= 100 || used <= limit) return ok(id, what);
  return warning(
      id, what,
      fmt::format("The gate is closed: no task starts until it falls by {:.0f} %.", std::ceil(used - limit)),
      std::string(text.opens));
}

Check folder(const MachineFacts& facts) {
  constexpr const char* kId = "machine.data";
  const Folder& data = facts.data;
  if (!facts.home_problem.empty())
    return failed(kId, fmt::format("{} is where data goes.", data.path), facts.home_problem,
                  "Set MEDSYNTH_DATA_DIR to an absolute folder of this user.");
  if (!data.exists)
    return data.reachable
               ? ok(kId, fmt::format("{} is not there yet; it is made when it is needed.", data.path))
               : failed(kId, fmt::format("{} cannot be made.", data.path),
                        "This user may not write above it.",
                        "Make it for this user, or set MEDSYNTH_DATA_DIR to a folder of yours.");
  if (!data.ours)
    return failed(kId, fmt::format("{} belongs to another user.", data.path),
                  "The managed Redis refuses a folder that is not this user's.",
                  "Run as that user, or set MEDSYNTH_DATA_DIR to a folder of yours.");
  if (!data.reachable)
    return failed(kId, fmt::format("{} cannot be written.", data.path),
                  "This user may not, or the disk is read-only.",
                  "Give the user rights (chmod u+rwx), or set MEDSYNTH_DATA_DIR.");
  if (!data.link.empty())
    return warning(kId, fmt::format("{} is a link.", data.link),
                   "What is written there lands where the link leads, also when somebody changes it.",
                   "Put a folder there, or name the real one in MEDSYNTH_DATA_DIR.");
  if (data.writable_by_others)
    return warning(kId, fmt::format("{} can be written by other users.", data.path),
                   "They can exchange models and the managed Redis' data.",
                   fmt::format("chmod go-w {}", data.path));
  return ok(kId, fmt::format("{} is this user's own.", data.path));
}

Check space(std::string id, std::string_view where, const Seen<Space>& space, std::uint64_t least,
            std::string why) {
  if (!space)
    return unknown(std::move(id), fmt::format("Not known: the space left in {}.", where), space.hidden_by,
                   "Make the folder, or allow this user to look into it.");
  const std::string what =
      fmt::format("{} of {} are free in {}.", bytes_of(space->free), bytes_of(space->total), where);
  const double part =
      space->total == 0 ? 1 : static_cast<double>(space->free) / static_cast<double>(space->total);
  const std::string next = "Make room there, or move it to a larger disk.";
  if (space->free < least) return failed(std::move(id), what, "It is full. " + why, next);
  if (part < 0.05) return warning(std::move(id), what, why, next);
  return ok(std::move(id), what);
}

Check slots(const MachineFacts& facts) {
  constexpr const char* kId = "machine.slots";
  if (!facts.runtime_error.empty())
    return failed(kId, "Slots and model locks cannot be kept.", facts.runtime_error,
                  "Remove the stale folder or file, or set MEDSYNTH_RUNTIME_DIR to a folder of your own.");
  if (!facts.slots_taken)
    return unknown(kId, "Not known: how many slots are taken.", facts.slots_taken.hidden_by,
                   fmt::format("Check {} (owner, mode 700).", facts.runtime_dir));
  const std::string what =
      fmt::format("{} of {} slots are taken ({}).", *facts.slots_taken, facts.slots, facts.runtime_dir);
  if (*facts.slots_taken < facts.slots) return ok(kId, what);
  return warning(kId, what, "Tasks wait until one ends.",
                 "Wait, or raise MAX_CONCURRENT_TASKS ('medsynth limits set').");
}

Check descriptors(const MachineFacts& facts) {
  constexpr const char* kId = "machine.descriptors";
  constexpr std::int64_t kNeeded = 256, kAll = 4160;  // 4096 connections and what else is open
  if (!facts.descriptors)
    return unknown(kId, "Not known: how many files may be open.", facts.descriptors.hidden_by,
                   "See 'ulimit -Hn'.");
  const std::string what =
      fmt::format("{} files and connections may be open in a process.", *facts.descriptors);
  const std::string next = "Raise the hard limit: LimitNOFILE= of the unit, or /etc/security/limits.conf.";
  if (*facts.descriptors < kNeeded)
    return failed(kId, what, "The server and workers need more to run at all.", next);
  if (*facts.descriptors < kAll)
    return warning(kId, what, "The server takes fewer than its 4096 connections.", next);
  return ok(kId, what);
}

Check processes(const MachineFacts& facts) {
  constexpr const char* kId = "machine.processes";
  if (!facts.processes)
    return unknown(kId, "Not known: how many threads may still start.", facts.processes.hidden_by,
                   "See 'ulimit -u' and pids.max of the cgroup.");
  const std::int64_t needed = 16 + facts.workers * (24 + static_cast<std::int64_t>(std::ceil(facts.cpus)));
  const std::string what = fmt::format("{} more processes and threads may start.", *facts.processes);
  const std::string next =
      "Raise the limit: LimitNPROC= or TasksMax= of the unit, --pids-limit of a container.";
  if (*facts.processes < needed)
    return failed(kId, what, fmt::format("A server with {} workers starts about {}.", facts.workers, needed),
                  next);
  if (*facts.processes < 2 * needed)
    return warning(kId, what, "Not enough for a second server, or for models that use many threads.", next);
  return ok(kId,
            *facts.processes >= kUnlimited ? "As many processes and threads may start as are wanted." : what);
}

}  // namespace

Checks machine_checks(const MachineFacts& facts) {
  Checks checks;
  for (const Gate& each : facts.gates) checks.push_back(gate(each, facts));
  checks.push_back(slots(facts));
  checks.push_back(folder(facts));
  checks.push_back(space("machine.disk", facts.data.path, facts.data_space, 64 << 20,
                         "The managed Redis and new models need room there."));
  checks.push_back(space("machine.runtime", facts.runtime_dir, facts.runtime_space, 2 << 20,
                         "Slots and locks need 1.2 MB there; programs that share memory fail, too."));
  checks.push_back(descriptors(facts));
  checks.push_back(processes(facts));
  return checks;
}

Checks setting_checks(const std::vector<std::string>& unknown) {
  if (unknown.empty()) return {ok("settings.environment", "Every MEDSYNTH_ variable is one that is known.")};
  Checks checks;
  for (const std::string& each : unknown)
    checks.push_back(
        warning("settings.environment", each, "What was meant has its default.",
                "Correct or remove it; 'medsynth config show --origin' shows what is in force."));
  return checks;
}

Checks build_checks(const BuildFacts& facts) {
  const std::string what =
      fmt::format("medsynth {}, {}, {}; backends: {}.", facts.version, facts.engine,
                  facts.commit.empty() ? "commit not known" : "commit " + facts.commit,
                  facts.backends.empty() ? "none" : fmt::format("{}", fmt::join(facts.backends, ", ")));
  if (!facts.backends.empty()) return {ok("build.engine", what)};
  return {failed("build.engine", what, "Without a backend no model runs.",
                 "Build medsynth anew (scripts/build).")};
}

// How much the answers of the default language model count.
Check calibration_check(const DefaultModel& model) {
  const std::string id = "models.calibration";
  if (model.calibration == "own")
    return ok(id, fmt::format("The answers of {} count as your pairs say.", model.name));
  if (model.calibration == "built_in")
    return ok(id, fmt::format("The answers of {} count as the built-in pairs say.", model.name));
  if (model.calibration == "damaged")
    return failed(id, fmt::format("The calibration of {} cannot be read.", model.name),
                  "Tasks that ask it fail.",
                  "Remove the damaged file in the models folder, then 'medsynth "
                  "models use " +
                      model.name + "'.");
  return warning(id, fmt::format("{} is not calibrated.", model.name),
                 "Its answers are shown and decide nothing.",
                 fmt::format("Calibrate it: 'medsynth models use {}'.", model.name));
}

Checks model_checks(const ModelsFacts& facts, const MachineFacts& machine) {
  if (!facts.catalogue_error.empty())
    return {failed("models.catalogue", fmt::format("The catalogue in {} cannot be used.", facts.folder),
                   facts.catalogue_error, "Correct models.toml there; without it no model is found.")};
  Checks checks{
      ok("models.catalogue", fmt::format("{} models are known in {}.", facts.models.size(), facts.folder))};
  for (const DefaultModel& each : facts.defaults) {
    const std::string id = "models." + each.kind;
    if (!each.absent.empty())
      checks.push_back(
          warning(id, fmt::format("There is no {} model.", each.kind), each.absent,
                  "Get the demo models with 'medsynth models pull', or 'medsynth models add NAME FILE'."));
    else if (each.demo)
      checks.push_back(warning(id, fmt::format("{} answers: a demo model.", each.name),
                               "It is good for trying things out, not for answers.",
                               "Bring one: 'medsynth models add NAME FILE', then 'medsynth models use NAME' "
                               "(docs/models.md)."));
    else
      checks.push_back(ok(id, fmt::format("{} answers.", each.name)));
    if (each.absent.empty() && !each.demo && each.kind != "sentence")
      checks.push_back(calibration_check(each));
  }
  const double room = machine.memory_limit ? static_cast<double>(*machine.memory_limit) : 0;
  const auto memory = std::find_if(machine.gates.begin(), machine.gates.end(),
                                   [](const Gate& each) { return each.name == "memory"; });
  const double allowed = memory == machine.gates.end() ? room : room * memory->limit_percent / 100;
  for (const ModelFacts& model : facts.models) {
    const std::string next =
        !model.next.empty()
            ? model.next
            : fmt::format("Fetch the file again and enter it: 'medsynth models add {} FILE'.", model.name);
    if (!model.problem.empty())
      checks.push_back(failed("models.file", fmt::format("The file of {} is of no use.", model.name),
                              model.problem, next));
    else if (!model.digest_unread.empty())
      checks.push_back(unknown("models.file",
                               fmt::format("Not known: whether the file of {} is complete.", model.name),
                               model.digest_unread, "Compare 'sha256sum FILE' with models.toml."));
    if (allowed > 0 && static_cast<double>(model.memory_bytes) > allowed)
      checks.push_back(warning(
          "models.memory",
          fmt::format("{} needs {}, and {} may be used.", model.name, bytes_of(model.memory_bytes),
                      bytes(allowed)),
          "Tasks that name it are refused: it never fits.",
          "Give the machine (or container) more memory, raise MAX_MEMORY_PERCENT, or take a smaller one."));
  }
  const bool all_fine = std::none_of(checks.begin(), checks.end(), [](const Check& each) {
    return each.id == "models.file" || each.id == "models.memory";
  });
  if (all_fine && !facts.models.empty())
    checks.push_back(ok("models.file", "Their files are complete, and fit into memory."));
  return checks;
}

}  // namespace medsynth::cli::doctor
