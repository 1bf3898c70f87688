#include "medsynth/cli/doctor/rights.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/paths.h"
#include "medsynth/dramatiq/broker.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/tasks/store.h"

namespace medsynth::cli::doctor {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Step;

// What scripts and queries call on keys, each with arguments that Redis takes for a call of it: the key
// stands where the '@' is.
constexpr std::array<std::string_view, 45> kOnKeys{"DEL @",         "EXISTS @",        "EXPIRE @ 1",
                                                   "GET @",         "HDEL @ f",        "HEXISTS @ f",
                                                   "HGET @ f",      "HGETALL @",       "HINCRBY @ f 1",
                                                   "HKEYS @",       "HLEN @",          "HMGET @ f",
                                                   "HRANDFIELD @",  "HSCAN @ 0",       "HSET @ f v",
                                                   "HSTRLEN @ f",   "LINDEX @ 0",      "LLEN @",
                                                   "LPOP @",        "LPUSH @ v",       "LRANGE @ 0 0",
                                                   "LREM @ 0 v",    "MGET @",          "PERSIST @",
                                                   "PEXPIRE @ 1",   "PEXPIREAT @ 1",   "PTTL @",
                                                   "RPUSH @ v",     "SADD @ m",        "SET @ v",
                                                   "SISMEMBER @ m", "SMEMBERS @",      "SMISMEMBER @ m",
                                                   "SREM @ m",      "TYPE @",          "UNLINK @",
                                                   "ZADD @ 0 m",    "ZCARD @",         "ZCOUNT @ 0 0",
                                                   "ZMSCORE @ m",   "ZRANGE @ 0 0",    "ZRANGEBYSCORE @ 0 0",
                                                   "ZREM @ m",      "ZREVRANGE @ 0 0", "ZSCORE @ m"};
constexpr std::array<std::string_view, 6> kOnKeysToo{
    "SCARD @",     "XADD @ * f v", "XRANGE @ - +", "ZREMRANGEBYRANK @ 0 0", "ZREMRANGEBYSCORE @ 0 0",
    "ZREVRANK @ m"};
// UNSUBSCRIBE is not held to channels.
constexpr std::array<std::string_view, 5> kAlone{"EVALSHA 0000000000000000000000000000000000000000 0", "PING",
                                                 "SCAN 0", "TIME", "UNSUBSCRIBE doctor"};

// acl_check_cmd() runs nothing. It raises an error for a command that this Redis does not know, which then
// cannot be granted either. ARGV: how many words, then the words, of each call.
const redis::Script kAsk{"doctor.rights", R"lua(#!lua flags=no-writes,allow-stale,allow-oom
local granted, at = {}, 1
while ARGV[at] do
  local count = tonumber(ARGV[at])
  local known, allowed = pcall(redis.acl_check_cmd, unpack(ARGV, at + 1, at + count))
  granted[#granted + 1] = (known and allowed) and 1 or 0
  at = at + count + 1
end
return granted
)lua"};

std::vector<std::string> split(std::string_view call, const std::string& key) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at <= call.size();) {
    const std::size_t end = std::min(call.find(' ', at), call.size());
    const std::string_view word = call.substr(at, end - at);
    words.push_back(word == "@" ? key : std::string(word));
    at = end + 1;
  }
  return words;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

struct Place {  // keys or channels that belong together
  std::string pattern;
  std::string sample;
};

std::vector<Place> channels(const Settings& settings, int database) {
  const dramatiq::Broker broker(
      {.namespace_ = settings.namespace_, .worker_id = "doctor", .database = database});
  const fleet::Fleet fleet({settings.namespace_, settings.task_storage_prefix, database});
  const tasks::Store store({.prefix = settings.task_storage_prefix, .database = database});
  std::vector<Place> places{{fmt::format("&{}*", settings.task_storage_prefix), store.channel()},
                            {"&medsynth:*", fleet.bell_channel()}};
  const auto queues = queue_names(settings);
  const std::string queue = queues.empty() ? "medsynth" : queues.front();
  places.push_back({fmt::format("&{}:*", settings.namespace_), broker.bell_channel(queue)});
  return places;
}

bool all_refused(const std::vector<Right>& rights, auto&& belongs) {
  return std::none_of(rights.begin(), rights.end(),
                      [&](const Right& each) { return belongs(each) && each.granted; });
}

}  // namespace

std::vector<Right> needed_rights(const Settings& settings, int database) {
  std::vector<Right> rights;
  const auto add = [&](std::string_view call, const Place& place) {
    std::vector<std::string> words = split(call, place.sample);
    std::string command = words[0];
    rights.push_back({std::move(command), place.pattern, std::move(words)});
  };
  for (const std::string_view call : kAlone) add(call, {});
  if (database != 0) add(fmt::format("SELECT {}", database), {});
  std::vector<Place> keys{
      {fmt::format("~{}*", settings.task_storage_prefix), settings.task_storage_prefix + "doctor"},
      {fmt::format("~{}:*", settings.namespace_), settings.namespace_ + ":doctor"},
      {"~medsynth:*", "medsynth:doctor"}};
  // Results that are not readable have names without a beginning; only messages that ask for one store it.
  if (settings.result_keys == "readable") keys.push_back({"~dramatiq-results:*", "dramatiq-results:doctor"});
  for (const Place& place : keys) {
    for (const std::string_view call : kOnKeys) add(call, place);
    for (const std::string_view call : kOnKeysToo) add(call, place);
  }
  for (const Place& place : channels(settings, database))
    for (const char* call : {"PUBLISH @ m", "SUBSCRIBE @"}) add(call, place);
  // Redis rings these itself.
  const std::string events = fmt::format("__keyspace@{}__:{}:", database, settings.namespace_);
  add("SUBSCRIBE @", {fmt::format("&{}*", events), events + "doctor"});
  return rights;
}

Query<std::vector<Right>> ask_rights(std::vector<Right> rights) {
  std::vector<std::string> arguments;
  for (const Right& each : rights) {
    arguments.push_back(std::to_string(each.words.size()));
    arguments.insert(arguments.end(), each.words.begin(), each.words.end());
  }
  return {{Command::eval(kAsk, {}, std::move(arguments))},
          [rights = std::move(rights)](Replies replies) mutable -> Result<Step<std::vector<Right>>> {
            BOOST_OUTCOME_TRY(auto answers, redis::list(std::move(replies[0])));
            if (answers.size() != rights.size())
              return Error{Code::internal, "Redis did not answer for each right", "redis_reply"};
            for (std::size_t i = 0; i < rights.size(); ++i) rights[i].granted = answers[i].integer == 1;
            return Step<std::vector<Right>>{std::move(rights)};
          }};
}

std::vector<std::string> missing_rights(const std::vector<Right>& rights) {
  // Keys or channels of which nothing at all is granted are what is missing, not the commands.
  std::vector<std::string> missing;
  std::set<std::string> closed, absent;
  for (const Right& each : rights) {
    if (each.on.empty() || each.granted || closed.contains(each.on)) continue;
    if (!all_refused(rights, [&](const Right& other) { return other.on == each.on; })) continue;
    closed.insert(each.on);
    missing.push_back(each.on);
  }
  // A command that is refused wherever something else is granted is missing itself. Where nothing is granted
  // on any keys, commands and keys cannot be told apart: both may be what is missing.
  const auto is_open = [&](const Right& each) {
    if (!closed.contains(each.on)) return true;
    return all_refused(rights, [&](const Right& other) { return other.on.starts_with(each.on[0]); });
  };
  for (const Right& each : rights) {
    if (each.granted || !is_open(each) || absent.contains(each.command)) continue;
    if (!all_refused(rights,
                     [&](const Right& other) { return other.command == each.command && is_open(other); })) {
      missing.push_back(fmt::format("(+{} {})", lower(each.command), each.on));
      continue;
    }
    absent.insert(each.command);
    missing.push_back("+" + lower(each.command));
  }
  return missing;
}

}  // namespace medsynth::cli::doctor
