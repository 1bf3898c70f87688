#include "medsynth/api/listen.h"

#include <algorithm>
#include <cctype>
#include <utility>

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

bool is_loopback(std::string_view host) {
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
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

}  // namespace

Result<ListenAddress> parse_listen(std::string_view text) {
  const auto [host, port] = split(text);
  const bool has_port = is_digits(port) && port.size() <= 5 && std::stoi(std::string(port)) <= 65535;
  if (host.empty() || !has_port)
    return invalid(
        "/listen",
        fmt::format(
            "\"{}\" is not an address to listen on: use host:port, such as 127.0.0.1:8000 or [::1]:8000",
            text));
  return ListenAddress{std::string(host), std::string(port), is_loopback(host)};
}

bool is_loopback_host(std::string_view host_header) {
  const auto [host, port] = split(host_header);
  return (port.empty() || is_digits(port)) && is_loopback(host);
}

}  // namespace medsynth::api
