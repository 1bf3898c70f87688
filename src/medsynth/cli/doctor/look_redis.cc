#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/clock.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/text.h"
#include "medsynth/cli/doctor/checks.h"
#include "medsynth/cli/doctor/look.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/fleet/format.h"
#include "medsynth/inference/command.h"
#include "medsynth/redis/access.h"
#include "medsynth/redis/managed.h"
#include "medsynth/redis/managed_config.h"

namespace medsynth::cli::doctor {
namespace {

using namespace std::chrono_literals;
using redis::Command;
using redis::Reply;

constexpr auto kPatience = 2s;  // of the first bytes, and of a connection after them

// "redis-server 7.0.15"
Seen<std::string> program_version() {
  const auto program = redis::find_server();
  if (!program) return Seen<std::string>::hidden("there is no program redis-server or valkey-server");
  const std::string name = std::filesystem::path(*program).filename().string();
  const auto ran = inference::run({.arguments = {*program, "--version"}, .timeout = 5s});
  const std::size_t at = ran ? ran->output.find("v=") : std::string::npos;
  if (at == std::string::npos || ran->status != 0)
    return Seen<std::string>::hidden(name + " --version did not say its version");
  return name + " " + ran->output.substr(at + 2, ran->output.find_first_of(" \n", at) - at - 2);
}

std::string package_version() {
  const auto ran = inference::run(
      {.arguments = {"dpkg-query", "--show", "--showformat=${Version}", "redis-server"}, .timeout = 5s});
  return ran && ran->status == 0 ? ran->output : "";
}

// The process that INFO names, when it is one of this machine.
Seen<RedisProcess> process_of(const std::string& info, bool loopback) {
  using Hidden = Seen<RedisProcess>;
  if (!loopback) return Hidden::hidden("it runs on another machine");
  const std::string pid = info_field(info, "process_id");
  const std::string folder = "/proc/" + pid;
  std::string name;
  std::getline(std::ifstream(folder + "/comm"), name);
  struct stat about{};
  // In a container of its own it has another number there.
  if (pid.empty() || !(name.starts_with("redis") || name.starts_with("valkey")) ||
      ::stat(folder.c_str(), &about) != 0)
    return Hidden::hidden("its process cannot be seen from here");
  RedisProcess process{.pid = std::strtoll(pid.c_str(), nullptr, 10), .user_id = about.st_uid};
  std::error_code error;
  const std::string program = std::filesystem::read_symlink(folder + "/exe", error).string();
  constexpr std::string_view kReplaced = " (deleted)";
  process.replaced = program.ends_with(kReplaced);
  // Debian's redis-server is a link to redis-check-rdb. Without the right to read it, its package is believed
  // where INFO names that path.
  if (program.starts_with("/usr/bin/redis-") ||
      (program.empty() && info_field(info, "executable") == "/usr/bin/redis-server"))
    process.package = package_version();
  return process;
}

std::string error_of(const Reply& reply) {
  return reply.is_error() ? printable(reply.text) : "it answered with something else";
}

// Name, value, name, value ...; values that are no text are left empty.
Seen<std::map<std::string, std::string>> map_of(const Reply& reply) {
  std::map<std::string, std::string> map;
  if (reply.kind != Reply::Kind::list) return Seen<decltype(map)>::hidden(error_of(reply));
  for (std::size_t i = 0; i + 1 < reply.list.size(); i += 2) map[reply.list[i].text] = reply.list[i + 1].text;
  return map;
}

Seen<Role> role_of(const Reply& reply) {
  if (reply.kind != Reply::Kind::list || reply.list.empty()) return Seen<Role>::hidden(error_of(reply));
  Role role{reply.list[0].text, ""};
  if (role.name == "slave" && reply.list.size() > 2)
    role.master = fmt::format("{}:{}", reply.list[1].text, reply.list[2].integer);
  return role;
}

Seen<WallTime> time_of(const Reply& reply) {
  const auto words = redis::texts(reply);
  if (!words || words->size() != 2) return Seen<WallTime>::hidden(error_of(reply));
  return WallTime(std::chrono::seconds(std::strtoll((*words)[0].c_str(), nullptr, 10)) +
                  std::chrono::microseconds(std::strtoll((*words)[1].c_str(), nullptr, 10)));
}

template <class T>
Seen<T> seen(Result<T> result) {
  if (!result) return Seen<T>::hidden(printable(result.error().message));
  return Seen<T>(std::move(*result));
}

void look_inside(const Settings& settings, const redis::Url& url, redis::Client& client, RedisLook& look) {
  RedisFacts& facts = look.redis;
  const Clock& clock = system_clock();
  const WallTime before = clock.now();
  const auto timed = client.send(std::vector{Command("TIME")});
  const WallTime after = clock.now();
  const Seen<WallTime> time = timed ? time_of((*timed)[0]) : Seen<WallTime>::hidden(timed.error().message);
  facts.clock_apart_us = time ? Seen<std::int64_t>(((before - *time) + (after - *time)).count() / 2)
                              : Seen<std::int64_t>::hidden(time.hidden_by);
  const auto replies = client.send(std::vector{
      Command("INFO"), Command("ROLE"), Command("HELLO"), Command("ACL", "WHOAMI"),
      Command("CONFIG", "GET", "appendonly", "save", "maxmemory-policy", "maxclients", "bind", "port",
              "tls-port", "protected-mode"),
      Command("SET", "medsynth:doctor", "1", "PX", 1)});  // gone at once; only a write tells of writes
  if (!replies) {
    facts.info.hidden_by = facts.role.hidden_by = facts.hello.hidden_by = facts.config.hidden_by =
        facts.write.hidden_by = printable(replies.error().message);
  } else {
    const auto info = redis::text((*replies)[0]);
    facts.info = info ? Seen<std::string>(*info) : Seen<std::string>::hidden(error_of((*replies)[0]));
    facts.role = role_of((*replies)[1]);
    facts.hello = map_of((*replies)[2]);
    if (const auto user = redis::text((*replies)[3])) facts.user = printable(*user);
    facts.config = map_of((*replies)[4]);
    facts.write = std::string((*replies)[5].is_error() ? error_of((*replies)[5]) : "");
  }
  if (facts.user.empty()) facts.user = printable(url.user);
  if (facts.info) facts.process = process_of(*facts.info, facts.loopback);
  facts.rights = seen(client.run(ask_rights(needed_rights(settings, url.database))));
  look.fleet = look_at_fleet(settings, url, client, time ? *time : clock.now());
  const fleet::Fleet fleet({settings.namespace_, settings.task_storage_prefix, url.database});
  if (const auto control = client.run(fleet.control(0))) look.limits = control->limits;
  facts.format =
      seen(client.run(fleet::format({settings.namespace_, settings.task_storage_prefix, url.database})));
}

// Whether it connects. It tries again and again by itself, but what the first attempt is told is the answer.
bool first_attempt(redis::Client& client) {
  const std::string none_yet = client.last_error();
  for (const auto end = std::chrono::steady_clock::now() + kPatience; std::chrono::steady_clock::now() < end;)
    if (client.wait_connected(20ms) || client.last_error() != none_yet) break;
  return client.connected();
}

}  // namespace

RedisLook look_at_redis(const Settings& settings) {
  RedisLook look;
  RedisFacts& facts = look.redis;
  facts.mode = settings.redis;
  facts.our_user_id = ::geteuid();
  look.fleet.hidden_by = "there is no connection to Redis";
  const auto url = redis::url_of(settings);
  if (!url) {
    facts.url_error = masked(url.error().message);
    return look;
  }
  facts.url = printable(url->shown());
  facts.loopback = url->is_loopback();
  facts.tls = url->tls;
  facts.has_password = !redis::way_in(*url).password.empty();
  facts.socket = printable(url->unix_path);
  if (url->sentinels.empty()) facts.peer = meet(*url, kPatience);
  const bool nobody = facts.peer && facts.peer->kind == PeerKind::nobody;
  if (nobody) {
    const auto fit = redis::check_managed({.url = *url, .data_dir = data_dir(settings)});
    if (!fit) facts.managed_error = fit.error().message;
    facts.program = program_version();
    if (facts.loopback && facts.mode != "external") look.fleet.hidden_by = "no Redis runs yet";
    return look;
  }
  if (facts.peer && facts.peer->kind != (url->tls ? PeerKind::tls : PeerKind::redis)) return look;
  redis::Client client({.url = *url, .name = "medsynth-doctor", .quiet = true, .accept_replica = true});
  facts.connected = first_attempt(client);
  if (facts.connected)
    look_inside(settings, *url, client, look);
  else
    facts.connection_error = client.last_error();
  return look;
}

}  // namespace medsynth::cli::doctor
