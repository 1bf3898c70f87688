#include "medsynth/redis/managed_config.h"

#include <algorithm>

#include <fmt/format.h>

namespace medsynth::redis {
namespace {

// "-" lets the server start where there is no IPv6.
std::string bind_addresses(const Url& url) {
  return url.host == "localhost" ? "127.0.0.1 -::1" : url.host;
}

// What we, Dramatiq's own programs and people who look use; nothing that changes the server, reads files or
// lists other clients. Source: docs/redis.md, redis.io/docs/latest/operate/oss_and_stack/management/security/acl.
constexpr std::string_view kRights =
    "-@all +@connection +@keyspace +@string +@hash +@list +@set +@sortedset +@stream +@transaction +@pubsub "
    "+@read "
    "-@dangerous +eval +evalsha +script|load +script|exists +time +keys +info +role +config|get +acl|whoami";

}  // namespace

Result<> check_managed(const ManagedOptions& options) {
  const Url& url = options.url;
  if (!url.is_loopback())
    return invalid(
        "REDIS_URL",
        fmt::format("a managed Redis serves this machine only, and {} is another; use a loopback address, "
                    "or --redis external",
                    url.shown()));
  if (url.tls) return invalid("REDIS_URL", "a managed Redis does not speak TLS; write redis://");
  if (!url.user.empty() && url.user != "default")
    return invalid("REDIS_URL", "a managed Redis has no users; leave the user out (a password is fine)");
  if (!url.unix_path.empty() && !fits_socket_address(url.unix_path))
    return invalid("REDIS_URL", "the socket's path is longer than 107 bytes");
  if (options.fsync != "everysec" && options.fsync != "always")
    return invalid("MEDSYNTH_REDIS_FSYNC", "must be everysec or always");
  return success();
}

bool fits_socket_address(const std::filesystem::path& path) {
  return path.native().size() <= 107;
}

std::string config_quoted(std::string_view word) {
  std::string out = "\"";
  for (char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte > 0x20 && byte < 0x7F && c != '"' && c != '\\';
    if (plain || c == ' ')
      out += c;
    else
      out += fmt::format("\\x{:02x}", byte);
  }
  return out + '"';
}

std::string managed_config(const ManagedOptions& options, const std::filesystem::path& folder,
                           const std::filesystem::path& socket, const std::string& password) {
  const Url& url = options.url;
  std::string text = "# Written anew at each start.\n";
  const auto line = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("{} {}\n", name, value);
  };
  line("bind", url.unix_path.empty() ? bind_addresses(url) : "127.0.0.1");
  line("port", url.unix_path.empty() ? url.port : "0");
  line("protected-mode", "yes");
  line("unixsocket", config_quoted(socket.native()));
  line("unixsocketperm", "700");
  line("user", fmt::format("default on {} ~* &* {}",
                           password.empty() ? "nopass" : config_quoted(">" + password), kRights));
  line("databases", std::to_string(std::max(16, url.database + 1)));
  line("daemonize", "no");
  line("supervised", "no");
  line("dir", config_quoted(folder.native()));
  line("logfile", config_quoted((folder / "redis.log").native()));
  line("loglevel", "notice");
  line("appendonly", "yes");
  line("appendfsync", options.fsync);
  line("save", "\"\"");  // the append-only file has it all
  line("maxmemory-policy", "noeviction");
  if (options.max_memory > 0) line("maxmemory", std::to_string(options.max_memory));
  line("notify-keyspace-events", "KElx");  // of lists, and of keys that expire
  return text;
}

}  // namespace medsynth::redis
