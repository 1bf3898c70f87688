#include "medsynth/redis/error_reply.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

#include <fmt/format.h>

#include "medsynth/base/text.h"

namespace medsynth::redis {
namespace {

using enum ErrorClass;

struct Known {
  std::string_view start;  // of the reply; what begins with "ERR" has no prefix of its own
  ErrorClass meaning;
  std::string_view advice = "";  // for an operator
};

constexpr std::string_view kCredentials = "check the user and the password in REDIS_URL";
constexpr std::string_view kPassword =
    "REDIS_URL has no password. That of a managed Redis is in the folder 'redis' of its owner's data folder "
    "(MEDSYNTH_DATA_DIR); beside another user's, choose a port of your own";
constexpr std::string_view kRights = "give the user the rights that docs/redis.md lists";
constexpr std::string_view kMaster =
    "this is a replica: REDIS_URL must name its master, or sentinels that know it";
constexpr std::string_view kSlot = "REDIS_URL must name the node that holds the keys";
constexpr std::string_view kCommand = "Redis 7 is needed, with none of its commands renamed or switched off";

// Redis 6 to 8 and Valkey. The first that matches counts.
constexpr auto kTable = std::to_array<Known>({
    {"ASK", transient},
    {"BUSY", transient, "a script runs too long; SCRIPT KILL ends it"},
    {"INPROG", transient},
    {"LOADING", transient, "it reads its data; this passes"},
    {"MISCONF", transient, "it cannot write to its disk; its log says why"},
    {"NOREPLICAS", transient, "fewer replicas than min-replicas-to-write are there"},
    {"OOM", transient, "it is full: raise maxmemory, or delete tasks"},
    {"TRYAGAIN", transient},
    {"UNKILLABLE", transient, "a script that has written runs too long"},

    {"CLUSTERDOWN", connection, "the cluster has no node for these keys, or this node lost the others"},
    {"DENIED", connection, "set a password, or bind it to loopback"},
    {"ERR Protocol error", connection},
    {"ERR max number of clients", connection, "raise maxclients"},
    {"MASTERDOWN", connection, kMaster},
    {"MOVED", connection, kSlot},
    {"NOAUTH", connection, kPassword},
    {"NOPROTO", connection, "Redis 7 is needed"},
    {"READONLY", connection, kMaster},
    {"UNBLOCKED", connection},
    {"WRONGPASS", connection, kCredentials},

    {"CROSSSLOT", refused, "the key prefixes must carry the same hash tag, such as {medsynth}"},
    {"ERR ACL failure in script", refused, kRights},
    {"ERR AUTH <password> called without any password", refused, kCredentials},
    {"ERR Client sent AUTH, but no password is set", refused, kCredentials},
    {"ERR DB index is out of range", refused, "REDIS_URL names a database that is not there"},
    {"ERR SELECT is not allowed in cluster mode", refused, "a cluster has database 0 only"},
    {"ERR The user executing the script can't", refused, kRights},
    {"ERR Unknown Redis command called from script", refused, kCommand},
    {"ERR invalid password", refused, kCredentials},
    {"ERR unknown command", refused, kCommand},
    {"ERR unknown subcommand", refused, kCommand},
    {"ERR Unknown subcommand", refused, kCommand},
    {"KEYTYPE", refused},  // our own scripts': says which key is to be put right
    {"NOPERM", refused, kRights},
});

// "BUSY" is not the start of "BUSYKEY".
bool starts_with_words(std::string_view text, std::string_view words) {
  return text.starts_with(words) &&
         (text.size() == words.size() || text[words.size()] == ' ' || words.find(' ') != words.npos);
}

const Known* find(std::string_view reply) {
  const auto at = std::find_if(kTable.begin(), kTable.end(),
                               [&](const Known& each) { return starts_with_words(reply, each.start); });
  return at == kTable.end() ? nullptr : &*at;
}

// The arguments may be anybody's text, a password among them; which line of a script it was helps no
// operator.
std::string_view without_arguments(std::string_view text) {
  // Behind it comes the script's digest. Redis 8 says "ACL failure in script: User ..." before that.
  constexpr std::string_view kOfScript = " script: ";
  if (const std::size_t at = text.rfind(kOfScript); at != text.npos) {
    const std::string_view rest = text.substr(at + kOfScript.size());
    if (rest.substr(0, rest.find(',')).find_first_not_of("0123456789abcdef") == rest.npos)
      text = text.substr(0, at);
  }
  text = text.substr(0, text.find(", with args beginning with"));
  return text.substr(0, text.find(", otherwise the HELLO"));  // of NOAUTH: how a client would say it
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// The value of a line "name:value" of INFO.
std::string_view field(std::string_view info, std::string_view name) {
  while (!info.empty()) {
    const std::size_t end = std::min(info.find('\n'), info.size());
    std::string_view line = info.substr(0, end);
    info.remove_prefix(std::min(end + 1, info.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':'))
      return line.substr(name.size() + 1);
  }
  return {};
}

}  // namespace

ErrorClass classify(std::string_view reply) {
  const Known* known = find(reply);
  return known ? known->meaning : broken;
}

ErrorClass classify(const Error& error) {
  if (error.code != Code::unavailable && error.code != Code::timeout) return broken;
  if (error.reason == "redis_unavailable") return connection;
  if (error.reason == "redis_timeout") return transient;
  if (error.reason == "redis_refused") return refused;
  for (const Known& each : kTable)
    if (error.reason == "redis_" + lower(each.start)) return each.meaning;
  // "redis_err": a prefix that says nothing; only those of `connection` have it.
  return error.reason == "redis_err" ? connection : broken;
}

Error error_of(std::string_view reply) {
  const Known* known = find(reply);
  std::string message = fmt::format("Redis answered: {}", printable(without_arguments(reply)));
  if (known && !known->advice.empty()) message += fmt::format(" ({})", known->advice);
  if (!known || known->meaning == broken) return {Code::internal, std::move(message), "redis_error"};
  std::string reason = known->meaning == refused
                           ? "redis_refused"
                           : "redis_" + lower(known->start.substr(0, known->start.find(' ')));
  return {Code::unavailable, std::move(message), std::move(reason), {}, std::chrono::seconds(1)};
}

bool is_replica(std::string_view info) {
  return field(info, "role") == "slave";
}

std::string master_of(std::string_view info) {
  if (!is_replica(info)) return {};
  return fmt::format("{}:{}", printable(field(info, "master_host")), printable(field(info, "master_port")));
}

}  // namespace medsynth::redis
