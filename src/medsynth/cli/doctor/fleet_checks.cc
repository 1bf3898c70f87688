// Workers and queues as Redis tells of them, and the server at MEDSYNTH_URL.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/base/json.h"
#include "medsynth/base/text.h"
#include "medsynth/cli/doctor/checks.h"

namespace medsynth::cli::doctor {
namespace {

constexpr double kBeatsWithin = 15;   // seconds: then others take over what a worker held
constexpr double kReportsWithin = 5;  // seconds, as long as a report lives
constexpr double kClockTolerance = 1;

std::string name_of(const WorkerFacts& worker) {
  return worker.host.empty() ? printable(worker.id)
                             : fmt::format("{} (pid {})", printable(worker.host), worker.pid);
}

std::string list(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 5;
  if (names.size() <= kMost) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kMost, ", "),
                     names.size() - kMost);
}

template <class Belongs>
std::vector<std::string> names_of(const FleetFacts& facts, Belongs belongs) {
  std::vector<std::string> names;
  for (const WorkerFacts& each : facts.workers)
    if (belongs(each)) names.push_back(name_of(each));
  return names;
}

bool beats(const WorkerFacts& worker) {
  return worker.registered && worker.silent_s && *worker.silent_s <= kBeatsWithin;
}

Check alive(const FleetFacts& facts) {
  constexpr const char* kId = "workers.alive";
  const auto working =
      names_of(facts, [](const WorkerFacts& each) { return each.reports && !each.draining; });
  if (!working.empty()) return ok(kId, fmt::format("Alive, with reports: {}.", list(working)));
  return warning(kId, "No worker of ours is alive.", "Tasks are taken and wait until one starts.",
                 "Start 'medsynth serve', or 'medsynth worker' on any machine with this REDIS_URL.");
}

Check reports(const FleetFacts& facts) {
  constexpr const char* kId = "workers.reports";
  const auto mute = names_of(facts, [](const WorkerFacts& each) { return beats(each) && !each.reports; });
  if (mute.empty()) return ok(kId, "Every worker that is alive reports.");
  return failed(kId, fmt::format("Alive, but without a report: {}.", list(mute)),
                "Redis refuses or cannot keep their reports: limits, 'usage' and readiness do not know them.",
                "Look into their log, and grant the rights of docs/redis.md (keys medsynth:*).");
}

Check silent(const FleetFacts& facts) {
  constexpr const char* kId = "workers.silent";
  const auto gone = names_of(facts, [](const WorkerFacts& each) {
    return each.registered && (!each.silent_s || *each.silent_s > kBeatsWithin);
  });
  if (gone.empty()) return ok(kId, "No worker has fallen silent.");
  return warning(kId, fmt::format("Known, but silent for more than {:.0f} s: {}.", kBeatsWithin, list(gone)),
                 "They died, stand still, or cannot reach Redis; others take over what they held.",
                 "Look at those machines; the dead are forgotten after some minutes.");
}

// "1.0 on a, b; 1.1 on c", or empty when all have the same.
std::string apart(const std::map<std::string, std::set<std::string>>& hosts_by_value) {
  if (hosts_by_value.size() < 2) return "";
  std::vector<std::string> parts;
  for (const auto& [value, hosts] : hosts_by_value)
    parts.push_back(fmt::format("{} on {}", printable(value), list({hosts.begin(), hosts.end()})));
  return fmt::format("{}", fmt::join(parts, "; "));
}

Check versions(const FleetFacts& facts) {
  constexpr const char* kId = "workers.versions";
  std::map<std::string, std::set<std::string>> found;
  for (const WorkerFacts& each : facts.workers)
    if (each.reports) found[each.version].insert(printable(each.host));
  const std::string differ = apart(found);
  if (found.empty()) return ok(kId, "All workers have the same version.");
  if (differ.empty()) {
    const auto& [version, hosts] = *found.begin();
    return ok(kId, fmt::format("All workers have version {} ({}).", printable(version),
                               list({hosts.begin(), hosts.end()})));
  }
  return warning(kId, fmt::format("Workers differ in version: {}.", differ),
                 "The same task may end differently, depending on who takes it.", "Finish the upgrade.");
}

Check same_limits(const FleetFacts& facts) {
  constexpr const char* kId = "workers.limits";
  std::vector<std::string> differ;
  std::set<std::string> names;
  for (const WorkerFacts& each : facts.workers)
    for (const auto& [name, value] : each.limits) names.insert(name);
  for (const std::string& name : names) {
    std::map<std::string, std::set<std::string>> found;
    for (const WorkerFacts& each : facts.workers)
      if (const auto limit = each.limits.find(name); limit != each.limits.end())
        found[fmt::format("{:g}", limit->second)].insert(printable(each.host));
    if (const std::string text = apart(found); !text.empty())
      differ.push_back(fmt::format("{} is {}", name, text));
  }
  if (differ.empty()) return ok(kId, "All workers have the same limits.");
  return warning(
      kId, fmt::format("Limits differ: {}.", fmt::join(differ, ". ")),
      "That may be meant for machines that differ; else one has another environment.",
      "'medsynth limits set' gives all the same; 'medsynth limits reset' goes back to each one's own.");
}

Check clocks(const FleetFacts& facts) {
  constexpr const char* kId = "workers.clocks";
  std::vector<std::string> wrong;
  for (const WorkerFacts& each : facts.workers) {
    if (!each.reports) continue;
    // A report is some seconds old, so only more than that proves that a clock is behind.
    if (each.behind_s < -kClockTolerance)
      wrong.push_back(fmt::format("{} is {:.0f} s ahead", printable(each.host), -each.behind_s));
    else if (each.behind_s > kReportsWithin + kClockTolerance)
      wrong.push_back(fmt::format("{} is {:.0f} s behind", printable(each.host), each.behind_s));
  }
  if (wrong.empty()) return ok(kId, "The workers' clocks agree with Redis'.");
  return warning(kId, fmt::format("Clocks differ from Redis': {}.", list(wrong)),
                 "Times in records are wrong by as much, and delays that Python workers time.",
                 "Synchronise them (timedatectl set-ntp true).");
}

Check gates(const FleetFacts& facts) {
  constexpr const char* kId = "workers.gates";
  std::set<std::string> closed;
  for (const WorkerFacts& each : facts.workers)
    if (each.reports && !each.gate_reason.empty())
      closed.insert(fmt::format("{}: {}", printable(each.host),
                                printable(each.gate_detail.empty() ? each.gate_reason : each.gate_detail)));
  if (closed.empty()) return ok(kId, "Every worker may start a task now.");
  return warning(kId, fmt::format("No task starts now on {}.", list({closed.begin(), closed.end()})),
                 "Tasks wait there until the load falls below the limit, or a task ends.",
                 "Wait, end other programs there, or change the limit ('medsynth limits set').");
}

Check blocked(const FleetFacts& facts) {
  constexpr const char* kId = "models.deaths";
  std::vector<std::string> names, files;
  for (const BlockedModelFacts& each : facts.blocked) {
    names.push_back(
        fmt::format("{} ({} until {})", printable(each.name), each.deaths, printable(each.until)));
    files.push_back(printable(each.file));
  }
  if (names.empty()) return ok(kId, "No model is blocked for the workers that died with it.");
  return failed(
      kId, fmt::format("Blocked for the workers that died with them: {}.", list(names)),
      "No task loads them until then, and tasks that need one fail.",
      fmt::format("Put another file in its place or change its entry in models.toml; to try the same "
                  "again: touch {}",
                  fmt::join(files, " ")));
}

Check consumed(const FleetFacts& facts) {
  constexpr const char* kId = "queues.consumed";
  std::vector<std::string> alone;
  for (const QueueFacts& queue : facts.queues) {
    const bool taken = std::any_of(facts.workers.begin(), facts.workers.end(), [&](const WorkerFacts& each) {
      return each.reports && !each.draining &&
             std::find(each.queues.begin(), each.queues.end(), queue.name) != each.queues.end();
    });
    if (!taken && queue.ready > 0)
      alone.push_back(fmt::format("{} ({} wait)", printable(queue.name), queue.ready));
  }
  if (alone.empty()) return ok(kId, "Somebody of ours takes from every queue on which messages wait.");
  const std::string what = fmt::format("No worker of ours takes from {}.", list(alone));
  if (facts.python_workers > 0)
    return unknown(kId, what,
                   fmt::format("Workers of Dramatiq in Python are alive ({}); what they consume is not told.",
                               facts.python_workers),
                   "See whether they do; else add the queue to MEDSYNTH_QUEUES of a worker.");
  return warning(kId, what, "What waits there waits for ever.",
                 "Add the queue to MEDSYNTH_QUEUES of a worker, or start the one that consumes it.");
}

Check waiting(const FleetFacts& facts) {
  constexpr const char* kId = "tasks.waiting";
  if (!facts.waiting)
    return unknown(kId, "Not known: what tasks wait for.", facts.waiting.hidden_by, "See redis.rights.");
  const WaitingFacts& waiting = *facts.waiting;
  if (waiting.reasons.empty()) return ok(kId, "No task waits for anything.");
  std::vector<std::string> reasons;
  std::string detail, remedy;
  for (const auto& [reason, of_reason] : waiting.reasons) {
    reasons.push_back(fmt::format("{} ({})", reason, of_reason.tasks));
    // What running tasks end by themselves, and what is meant to wait, is as it should be.
    static const std::set<std::string_view> kUsual{"slot", "model_lock", "delayed", "retry"};
    if (kUsual.contains(reason)) continue;
    detail += (detail.empty() ? "" : "; ") + printable(of_reason.detail);
    remedy += (remedy.empty() ? "" : ". ") + printable(of_reason.remedy);
  }
  const std::string what =
      fmt::format("Tasks wait for {}{}.", list(reasons),
                  waiting.looked_at < waiting.unended
                      ? fmt::format(", of {} of {} that have not started", waiting.looked_at, waiting.unended)
                      : "");
  return detail.empty() ? ok(kId, what) : warning(kId, what, detail, remedy);
}

Check paused(const FleetFacts& facts) {
  constexpr const char* kId = "queues.paused";
  std::vector<std::string> names;
  for (const QueueFacts& queue : facts.queues)
    if (queue.paused) names.push_back(fmt::format("{} ({} wait)", printable(queue.name), queue.ready));
  if (names.empty()) return ok(kId, "No queue is paused.");
  return warning(kId, fmt::format("Paused: {}.", list(names)),
                 "Our workers take nothing from a paused queue.", "medsynth queues resume NAME");
}

Check dead(const FleetFacts& facts) {
  constexpr const char* kId = "queues.dead";
  std::vector<std::string> names;
  for (const QueueFacts& queue : facts.queues)
    if (queue.dead > 0) names.push_back(fmt::format("{} ({})", printable(queue.name), queue.dead));
  if (names.empty()) return ok(kId, "No queue has dead letters.");
  return warning(kId, fmt::format("Dead letters: {}.", list(names)),
                 "These messages failed for good; they are dropped after a week.",
                 "medsynth dead list --queue NAME; then replay or purge them.");
}

// Our own answer of /readyz: an object with "status", or a problem with a code.
struct Readiness {
  bool ours = false;
  std::string detail;
};
Readiness read_readiness(const ServerFacts& facts) {
  const auto body = json::parse(facts.body);
  if (!body || !body->is_object()) return {};
  const auto text = [&](std::string_view name) -> std::string {
    const auto* member = body->get_object().if_contains(name);
    return member && member->is_string() ? std::string(member->get_string()) : "";
  };
  if (facts.status == 200) return {text("status") == "ok" && body->get_object().contains("checks"), ""};
  return {facts.status == 503 && text("code") == "not_ready", text("detail")};
}

}  // namespace

Checks fleet_checks(const Seen<FleetFacts>& facts) {
  if (!facts)
    return {unknown("workers.alive", "Not known: workers and queues.", facts.hidden_by,
                    "See redis.connection and redis.rights.")};
  Checks checks;
  for (const auto& check : {alive, reports, silent, versions, same_limits, clocks, gates, blocked, consumed,
                            waiting, paused, dead})
    checks.push_back(check(*facts));
  return checks;
}

Checks server_checks(const ServerFacts& facts) {
  constexpr const char *kReady = "server.ready", *kListen = "server.listen";
  if (!facts.url_error.empty())
    return {failed(kReady, "MEDSYNTH_URL cannot be used.", facts.url_error, "Write http://HOST:PORT.")};
  Checks checks;
  const Readiness readiness = facts.answered ? read_readiness(facts) : Readiness{};
  if (!facts.answered && facts.no_answer.find("refused") == std::string::npos)
    checks.push_back(failed(kReady, fmt::format("What is at {} is not a Medsynth server.", facts.url),
                            printable(facts.no_answer),
                            "Name Medsynth's own address in MEDSYNTH_URL (--url)."));
  else if (!facts.answered)
    checks.push_back(
        warning(kReady, fmt::format("No server answers at {}.", facts.url),
                "Nobody listens there; commands that ask a server, and programs in Python, need one.",
                "Start one ('medsynth serve'), or name another in MEDSYNTH_URL."));
  else if (!readiness.ours)
    checks.push_back(failed(
        kReady, fmt::format("What answers at {} is not a Medsynth server.", facts.url),
        fmt::format("It answered {} to /readyz: \"{}\".", facts.status, printable(facts.body.substr(0, 60))),
        "Name Medsynth's own address in MEDSYNTH_URL (--url)."));
  else if (facts.status == 200)
    checks.push_back(ok(kReady, fmt::format("The server at {} is ready.", facts.url)));
  else
    checks.push_back(failed(kReady, fmt::format("The server at {} is not ready.", facts.url),
                            printable(readiness.detail), "Put right what it names; its log says more."));
  if (readiness.ours)
    checks.push_back(ok(kListen, fmt::format("The server at {} has its port.", facts.url)));
  else if (facts.listen_error.empty())
    checks.push_back(ok(kListen, fmt::format("'serve' can listen on {}.", facts.listen)));
  else
    checks.push_back(
        failed(kListen, fmt::format("'serve' cannot listen on {}.", facts.listen), facts.listen_error,
               "End the program that has the port ('ss -ltnp'), or set MEDSYNTH_LISTEN (--listen)."));
  return checks;
}

}  // namespace medsynth::cli::doctor
