#include "medsynth/api/listen.h"

#include <sys/un.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include <boost/asio/ip/address_v6.hpp>
#include <fmt/format.h>

namespace medsynth::api {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

// "127." and three more numbers: a name such as 127.evil.example is none.
bool is_loopback_v4(std::string_view host) {
  const bool numeric =
      std::all_of(host.begin(), host.end(), [](unsigned char c) { return std::isdigit(c) || c == '.'; });
  return numeric && host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3;
}

std::string lower(std::string_view text) {
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

bool is_loopback(std::string_view host) {
  const std::string name = lower(host);
  return name == "localhost" || name == "::1" || is_loopback_v4(name);
}

// Splits "host:port" and "[v6]:port"; the port may be missing.
std::pair<std::string_view, std::string_view> split(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return {};
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest[0] != ':') return {};
    return {text.substr(1, close - 1), rest.empty() ? rest : rest.substr(1)};
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

bool has_only(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return (c < 0x80 && std::isalnum(c)) || others.find(static_cast<char>(c)) != others.npos;
  });
}

// What a socket's address has room for, with the zero at its end.
constexpr std::size_t kLongestUnixPath = sizeof(sockaddr_un::sun_path) - 1;

}  // namespace

Result<ListenAddress> parse_listen(std::string_view text) {
  if (constexpr std::string_view kUnix = "unix:"; text.starts_with(kUnix)) {
    const std::string_view path = text.substr(kUnix.size());
    // "unix://:secret@/path" is an address as Redis' is written, and its secret no part of a path.
    const bool like_address = path.starts_with("//") || path.find_first_of("@?#") != path.npos;
    if (!path.starts_with('/') || path.ends_with('/') || like_address || path.size() > kLongestUnixPath)
      return invalid(
          "/listen",
          fmt::format("is not a unix socket to listen on: use unix: and a path from / on without @, ? or #, "
                      "of at most {} bytes, such as unix:/run/medsynth/api.sock",
                      kLongestUnixPath));
    return ListenAddress{.host = "", .port = "", .unix_path = std::string(path), .is_loopback = true};
  }
  const auto [host, port] = split(text);
  const bool has_port = is_digits(port) && port.size() <= 5 && std::stoi(std::string(port)) <= 65535;
  if (host.empty() || !has_port)
    return invalid(
        "/listen",
        fmt::format(
            "\"{}\" is not an address to listen on: use host:port, such as 127.0.0.1:8000 or [::1]:8000, or "
            "unix:/path",
            text));
  return ListenAddress{.host = std::string(host),
                       .port = std::string(port),
                       .unix_path = "",
                       .is_loopback = is_loopback(host)};
}

bool is_loopback_host(std::string_view host_header) {
  const auto [host, port] = split(host_header);
  return (port.empty() || is_digits(port)) && is_loopback(host);
}

bool is_host_of(std::string_view host_header, const std::vector<std::string>& names) {
  const auto [host, port] = split(host_header);
  if (!port.empty() && !is_digits(port)) return false;
  return std::any_of(names.begin(), names.end(),
                     [name = lower(host)](const std::string& each) { return lower(each) == name; });
}

Result<> check_hosts(const std::vector<std::string>& names) {
  for (const std::string& each : names) {
    boost::system::error_code no_address;
    boost::asio::ip::make_address_v6(each, no_address);
    if (no_address && !has_only(each, ".-_"))
      return invalid("/allowed_hosts",
                     fmt::format("\"{}\" is no name: list host names and addresses without a port, such as "
                                 "ml.example.org",
                                 each));
  }
  return success();
}

Result<> check_path_prefix(std::string_view prefix) {
  if (prefix.empty()) return success();
  const std::string segments = fmt::format("{}/", prefix);
  const bool plain = prefix.starts_with('/') && !prefix.ends_with('/') && has_only(prefix, "/-._~") &&
                     segments.find("//") == segments.npos && segments.find("/./") == segments.npos &&
                     segments.find("/../") == segments.npos;
  if (plain) return success();
  return invalid(
      "/path_prefix",
      fmt::format("\"{}\" is no prefix of paths: it begins with a slash, ends without one, and has "
                  "letters, digits and -._~ between, such as /medsynth",
                  prefix));
}

std::string_view below(std::string_view prefix, std::string_view path) {
  if (!path.starts_with(prefix)) return path;
  const std::string_view rest = path.substr(prefix.size());
  return rest.empty() || rest.starts_with('/') ? rest : path;
}

}  // namespace medsynth::api
