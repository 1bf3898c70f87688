#include "medsynth/redis/access.h"

#include <fcntl.h>
#include <unistd.h>

#include <cctype>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "medsynth/base/paths.h"
#include "medsynth/base/percent.h"
#include "medsynth/base/random.h"
#include "medsynth/redis/managed.h"
#include "medsynth/redis/managed_folder.h"

namespace medsynth::redis {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = 4096;  // of either file

std::optional<std::string> read_own(const fs::path& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  std::string text(kMostBytes, '\0');
  const ssize_t got = fd ? ::read(*fd, text.data(), text.size()) : -1;
  if (got <= 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(got));
  return text;
}

std::string socket_text(const std::string& password, const fs::path& socket, int database) {
  return fmt::format("unix://:{}@{}?db={}", percent_encode(password, "/"),
                     percent_encode(socket.native(), "/"), database);
}

// The addresses of loopback at which "localhost" is served are one.
std::string_view host_of(const Url& url) {
  const bool usual = url.host == "127.0.0.1" || url.host == "::1";
  return usual ? std::string_view("localhost") : std::string_view(url.host);
}

bool may_be_managed(const Url& url) {
  return url.is_loopback() && url.unix_path.empty() && !url.tls && url.user.empty() && url.password.empty();
}

std::optional<Url> socket_of(const Url& url) {
  const auto text = read_own(fs::path(url.managed_folder) / "access");
  if (!text) return std::nullopt;
  const std::size_t end = text->find('\n');
  if (end == std::string::npos) return std::nullopt;
  const auto served = parse_url(std::string_view(*text).substr(0, end));
  const auto socket = parse_url(std::string_view(*text).substr(end + 1, text->find('\n', end + 1) - end - 1));
  if (!served || !socket || host_of(*served) != host_of(url) || served->port != url.port) return std::nullopt;
  Url found = *socket;
  found.database = url.database;
  return found;
}

}  // namespace

Result<Url> url_of(const Settings& settings) {
  BOOST_OUTCOME_TRY(Url url, parse_url(settings.redis_url));
  const fs::path data = data_dir(settings);
  if (may_be_managed(url) && !data.empty()) url.managed_folder = fs::absolute(data) / "redis";
  return url;
}

Url way_in(const Url& url) {
  return url.managed_folder.empty() ? url : socket_of(url).value_or(url);
}

Result<std::string> url_for_others(const Settings& settings) {
  BOOST_OUTCOME_TRY(const Url url, url_of(settings));
  if (url.managed_folder.empty()) return settings.redis_url;
  if (const auto socket = socket_of(url))
    return socket_text(socket->password, socket->unix_path, socket->database);
  const fs::path folder = url.managed_folder;
  const auto password = read_own(folder / "password");
  if (!password || Managed::answers(url)) return settings.redis_url;
  return socket_text(*password, folder / "redis.sock", url.database);
}

Result<std::string> kept_password(const fs::path& folder) {
  if (auto kept = read_own(folder / "password")) return *kept;
  std::string password = random_hex(32);
  BOOST_OUTCOME_TRY(write_own(folder / "password", password));
  return password;
}

Result<> claim(const fs::path& folder, const Url& url, const std::string& password, const fs::path& socket) {
  const bool v6 = url.host.find(':') != std::string::npos;
  return write_own(folder / "access", fmt::format("redis://{}{}{}:{}\n{}\n", v6 ? "[" : "", url.host,
                                                  v6 ? "]" : "", url.port, socket_text(password, socket, 0)));
}

void disclaim(const fs::path& folder) {
  std::error_code ignored;
  fs::remove(folder / "access", ignored);
}

}  // namespace medsynth::redis
