// What a Redis that answers tells about itself.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/cli/doctor/checks.h"
#include "medsynth/cli/doctor/versions.h"
#include "medsynth/cli/output.h"
#include "medsynth/fleet/format.h"

namespace medsynth::cli::doctor {
namespace {

constexpr double kClockTolerance = 1;  // seconds; a NTP that works stays far below
constexpr double kNearlyFull = 0.9;

double number(const std::string& text) {
  return std::strtod(text.c_str(), nullptr);
}

// One thing that INFO tells, or CONFIG GET where INFO is refused; hidden when both are.
Seen<std::string> told(const RedisFacts& facts, std::string_view in_info, const std::string& in_config) {
  if (facts.info)
    if (std::string text = info_field(*facts.info, in_info); !text.empty()) return text;
  if (facts.config)
    if (const auto found = facts.config->find(in_config); found != facts.config->end()) return found->second;
  return Seen<std::string>::hidden(facts.info ? "INFO does not tell it" : facts.info.hidden_by);
}

Check hidden(std::string id, std::string_view what, const std::string& by, std::string_view right = "+info") {
  return unknown(
      std::move(id), fmt::format("Not known: {}.", what), fmt::format("Redis did not tell: {}.", by),
      fmt::format("Allow this user to look ('ACL SETUSER NAME {}'), or ask who runs that Redis.", right));
}

// What the greeting tells everybody who may connect.
std::string greeted(const RedisFacts& facts, const std::string& name) {
  if (!facts.hello) return "";
  const auto found = facts.hello->find(name);
  return found == facts.hello->end() ? "" : found->second;
}

Check role(const RedisFacts& facts) {
  constexpr const char* kId = "redis.role";
  std::string name = facts.info ? info_field(*facts.info, "role") : "", master;
  if (facts.info && name == "slave")
    master = fmt::format(" of {}:{}", info_field(*facts.info, "master_host"),
                         info_field(*facts.info, "master_port"));
  if (name.empty() && facts.role) {
    name = facts.role->name;
    if (!facts.role->master.empty()) master = " of " + facts.role->master;
  }
  if (name.empty()) name = greeted(facts, "role");
  if (name == "master") return ok(kId, "It is a master: it takes writes.");
  if (name == "slave" || name == "replica")
    return failed(kId, fmt::format("It is a replica{}.", master),
                  "A replica refuses every write (or loses it), so no task can be stored.",
                  "Point REDIS_URL at its master, or at the sentinels (redis+sentinel://).");
  if (name == "sentinel")
    return failed(kId, "It is a sentinel, which keeps no data.", "Tasks cannot be stored there.",
                  "Write redis+sentinel://host:port/MASTER into REDIS_URL.");
  return hidden(kId, "whether it is a master", facts.role.hidden_by, "+info' or '+role");
}

Check rights(const RedisFacts& facts) {
  constexpr const char* kId = "redis.rights";
  const std::string user = facts.user.empty() ? "this user" : fmt::format("the user {}", facts.user);
  if (!facts.rights)
    return hidden(kId, fmt::format("whether {} may do all that is needed", user), facts.rights.hidden_by,
                  "+eval +evalsha");
  const auto missing = missing_rights(*facts.rights);
  if (missing.empty())
    return ok(kId, fmt::format("{} may do all that is needed.",
                               user == "this user" ? "This user" : "The user " + facts.user));
  return failed(
      kId,
      fmt::format("{} lacks rights: {}.", user == "this user" ? "This user" : "The user " + facts.user,
                  fmt::join(missing, " ")),
      "What is refused fails or waits: tasks are not stored, not ended, or nobody hears of them.",
      fmt::format("ACL SETUSER {} {}", facts.user.empty() ? "NAME" : facts.user, fmt::join(missing, " ")));
}

Check persistence(const RedisFacts& facts) {
  constexpr const char* kId = "redis.persistence";
  const auto aof = told(facts, "aof_enabled", "appendonly");
  if (!aof) return hidden(kId, "whether tasks survive a crash of Redis", aof.hidden_by);
  if (*aof == "1" || *aof == "yes") return ok(kId, "An append-only file keeps the tasks.");
  const auto save = facts.config ? facts.config->find("save") : decltype(facts.config->find("save")){};
  const bool never = facts.config && save != facts.config->end() && save->second.empty();
  return warning(kId, "It keeps no append-only file.",
                 never ? "A restart of Redis loses every task."
                       : "A crash of Redis loses the tasks since its last snapshot, if it takes any.",
                 "CONFIG SET appendonly yes, and write it into redis.conf (CONFIG REWRITE).");
}

// Writes fail although it answers: its disk, its memory, its replicas.
Check writes(const RedisFacts& facts) {
  constexpr const char* kId = "redis.writes";
  const std::string next =
      "Look at what it names, into Redis' log, and at its disk: full, read-only, no rights in 'dir'?";
  if (facts.write && !facts.write->empty())
    return failed(kId, "It refuses writes.", fmt::format("No task can be stored. It said: {}", *facts.write),
                  next);
  std::string broken;
  for (const char* field : {"rdb_last_bgsave_status", "aof_last_bgrewrite_status", "aof_last_write_status"})
    if (facts.info && info_field(*facts.info, field) == "err")
      broken += (broken.empty() ? "" : ", ") + std::string(field);
  if (!broken.empty())
    return failed(kId, fmt::format("Its last write to disk failed ({}).", broken),
                  "What it holds is lost at its next restart, or it refuses every write before.", next);
  if (facts.write) return ok(kId, "It takes writes.");
  return hidden(kId, "whether it takes writes", facts.write.hidden_by, "+set ~medsynth:*");
}

Check eviction(const RedisFacts& facts) {
  constexpr const char* kId = "redis.eviction";
  const auto policy = told(facts, "maxmemory_policy", "maxmemory-policy");
  if (!policy) return hidden(kId, "whether it throws data away when it is full", policy.hidden_by);
  if (*policy == "noeviction") return ok(kId, "It throws nothing away (noeviction).");
  return warning(kId, fmt::format("Its maxmemory-policy is {}.", *policy),
                 "When it is full, Redis throws tasks and messages away without a word.",
                 "CONFIG SET maxmemory-policy noeviction, and write it into redis.conf.");
}

Check memory(const RedisFacts& facts) {
  constexpr const char* kId = "redis.memory";
  if (!facts.info) return hidden(kId, "how full it is", facts.info.hidden_by);
  const double used = number(info_field(*facts.info, "used_memory"));
  double most = number(info_field(*facts.info, "maxmemory"));
  const double machine = number(info_field(*facts.info, "total_system_memory"));
  const bool bounded = most > 0;
  if (!bounded) most = machine;
  if (most <= 0) return hidden(kId, "how much memory it may take", "INFO tells no limit");
  const std::string what = fmt::format("It holds {} of {}{}.", bytes(used), bytes(most),
                                       bounded ? " (maxmemory)" : " of its machine's memory");
  if (used < kNearlyFull * most) return ok(kId, what);
  const std::string next =
      "Raise maxmemory, delete ended tasks ('medsynth tasks rm --status completed'), lower "
      "TASK_STORAGE_TTL, or empty the dead letters.";
  if (bounded && used >= most)
    return failed(kId, what, "It is full: every submission and every result is refused.", next);
  return warning(kId, what, "When it is full, every submission and every result is refused.", next);
}

Check clients(const RedisFacts& facts) {
  constexpr const char* kId = "redis.clients";
  const std::string now = facts.info ? info_field(*facts.info, "connected_clients") : "";
  const auto most = told(facts, "maxclients", "maxclients");
  if (now.empty() || !most)
    return hidden(kId, "how many more clients it takes", facts.info ? most.hidden_by : facts.info.hidden_by);
  const std::string what = fmt::format("{} of {} clients are connected.", now, *most);
  if (number(now) < kNearlyFull * number(*most)) return ok(kId, what);
  return warning(kId, what, "Workers and servers that come after the last one are refused.",
                 "Raise maxclients, or end clients that leak ('redis-cli client list').");
}

// Whether other machines can reach a Redis that asks for no password: what CONFIG GET tells of it, and
// nothing when it does not.
Seen<bool> reached_from_elsewhere(const RedisFacts& facts) {
  if (!facts.loopback) return true;
  if (!facts.config) return Seen<bool>::hidden(facts.config.hidden_by);
  const auto of = [&](const char* name) -> std::string {
    const auto found = facts.config->find(name);
    return found == facts.config->end() ? "" : found->second;
  };
  if (of("protected-mode") == "yes" || (of("port") == "0" && of("tls-port") == "0")) return false;
  std::istringstream addresses(of("bind"));
  bool any = false;
  for (std::string each; addresses >> each; any = true)
    if (!redis::Url{.host = each.substr(each.starts_with('-') ? 1 : 0)}.is_loopback()) return true;
  return !any;  // bound to none means bound to all
}

// Who else may read and change every task.
Check access(const RedisFacts& facts) {
  constexpr const char* kId = "redis.access";
  const bool open = facts.peer && facts.peer->kind == PeerKind::redis && facts.peer->said == "PONG";
  const Seen<bool> elsewhere = reached_from_elsewhere(facts);
  if (open && elsewhere && *elsewhere)
    return warning(kId, "It lets anybody in who reaches it: it has no password, and other machines reach it.",
                   "Whoever reaches its port reads every task and may delete all of them.",
                   "Give it a password or users (ACL SETUSER), and TLS beyond networks that you trust.");
  if (facts.process && facts.process->user_id != 0 && facts.process->user_id != facts.our_user_id)
    return warning(
        kId, fmt::format("It belongs to another user of this machine (uid {}).", facts.process->user_id),
        "That user reads every task.", "Use a Redis of your own, or make sure that this is meant.");
  if (open && !elsewhere)
    return hidden(kId, "whether other machines reach it; it has no password", elsewhere.hidden_by,
                  "+config|get");
  return ok(kId, open ? "It has no password, and only this machine reaches it." : "It asks who comes.");
}

Check clock(const RedisFacts& facts) {
  constexpr const char* kId = "redis.clock";
  if (!facts.clock_apart_us) return hidden(kId, "its time", facts.clock_apart_us.hidden_by, "+time");
  const double apart = static_cast<double>(*facts.clock_apart_us) / 1e6;
  const std::string what = fmt::format("This machine's clock is {:.1f} s {} Redis'.", std::abs(apart),
                                       apart < 0 ? "behind" : "ahead of");
  if (std::abs(apart) <= kClockTolerance)
    return ok(kId, fmt::format("This machine's clock is within {:.0f} s of Redis'.", kClockTolerance));
  return warning(kId, what, "Delays, ages and time limits that several machines share are wrong by as much.",
                 "Synchronise both (timedatectl set-ntp true).");
}

Check format(const RedisFacts& facts) {
  constexpr const char* kId = "redis.format";
  if (!facts.format) return hidden(kId, "the format of what lies in it", facts.format.hidden_by, "+get");
  if (const auto known = fleet::check_format(*facts.format); !known)
    return failed(kId,
                  fmt::format("What lies in it has format {}, and this version knows {} and older.",
                              *facts.format, fleet::kFormat),
                  "A newer version of Medsynth wrote it; this one does not start.",
                  "Start the newer version again (docs/operate.md, Downgrade).");
  return ok(kId, *facts.format == 0 ? "Nothing of this version lies in it yet."
                                    : fmt::format("What lies in it has format {}, which this version knows.",
                                                  *facts.format));
}

Check holes(std::string_view what, const KnownHoles& known) {
  return warning("redis.version", fmt::format("{} has known holes: {}.", what, fmt::join(known.holes, " ")),
                 "Whoever may connect can crash it, or run programs as its user.",
                 fmt::format("Upgrade to {} or later, and restart Redis.", known.fixed_in));
}

}  // namespace

std::string info_field(std::string_view info, std::string_view name) {
  for (std::size_t at = 0; at < info.size();) {
    const std::size_t end = std::min(info.find_first_of("\r\n", at), info.size());
    const std::string_view line = info.substr(at, end - at);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':')
      return std::string(line.substr(name.size() + 1));
    at = end + 1;
  }
  return "";
}

Check redis_version(const RedisFacts& facts) {
  constexpr const char* kId = "redis.version";
  std::string version = facts.info ? info_field(*facts.info, "redis_version") : "";
  if (version.empty()) version = greeted(facts, "version");
  const auto numbers = version_numbers(version);
  if (numbers.empty())
    return hidden(kId, "its version", facts.info ? "INFO does not tell it" : facts.info.hidden_by);
  if (numbers[0] < 7)
    return failed(kId, fmt::format("It is Redis {}.", version), "Scripts need what came with Redis 7.",
                  "Upgrade to Redis 7 or later (7.2.11, 7.4.6, 8.0.4, 8.2.2 or later close known holes).");
  if (const std::string valkey = facts.info ? info_field(*facts.info, "valkey_version") : ""; !valkey.empty())
    return unknown(kId, fmt::format("It is Valkey {}.", valkey),
                   "Which of its versions have holes is not known here.",
                   "Compare with Valkey's own security advisories.");
  if (facts.process && facts.process->replaced)
    return warning(kId, fmt::format("Redis {} runs from a program that was replaced on disk.", version),
                   "An upgrade was installed, and what it closes is open until Redis is restarted.",
                   "Restart Redis (systemctl restart redis-server).");
  const std::string package = facts.process ? facts.process->package : "";
  if (knows_package(package)) {
    const KnownHoles known = holes_of_package(package);
    return known.holes.empty()
               ? ok(kId, fmt::format("Debian's {}, without holes that are known here.", package))
               : holes(fmt::format("Debian's {}", package), known);
  }
  const KnownHoles known = holes_of_release(version);
  if (known.holes.empty())
    return ok(kId, fmt::format("Redis {}, without holes that are known here.", version));
  // Distributions close holes without another number.
  return unknown(
      kId, fmt::format("Redis {} had holes when it came out: {}.", version, fmt::join(known.holes, " ")),
      package.empty() ? "Distributions close them in packages, and which one runs there cannot be seen."
                      : fmt::format("Whether package {} closes them is not known here.", package),
      fmt::format("Have Debian 12's 5:7.0.15-1~deb12u10, Redis {}, or later.", known.fixed_in));
}

Checks redis_checks(const RedisFacts& facts) {
  Checks checks{redis_connection(facts)};
  if (!facts.connected) return checks;
  for (const auto& check :
       {role, rights, persistence, writes, eviction, memory, clients, redis_version, access, clock, format})
    checks.push_back(check(facts));
  return checks;
}

}  // namespace medsynth::cli::doctor
