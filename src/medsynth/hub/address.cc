#include "medsynth/hub/address.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <iterator>
#include <tuple>
#include <vector>

#include <fmt/format.h>

namespace medsynth::hub {
namespace {

constexpr std::size_t kLongest = 8192;  // of an address; signed ones have some 2,000 bytes

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port > 0 && port < 65536;
}

// Blanks, line ends and what is not ASCII have no place in a request's head.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string base64(std::string_view text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');  // and the zero that is written behind it
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

// Whether an entry of no_proxy names that host, or a domain that it is in.
bool names_host(std::string_view entry, std::string_view host) {
  if (entry == "*") return true;
  if (const std::size_t colon = entry.find(':');
      colon != entry.npos && entry.find(':', colon + 1) == entry.npos)
    entry = entry.substr(0, colon);  // the port is not compared
  while (entry.starts_with('.')) entry.remove_prefix(1);
  return !entry.empty() &&
         (host == entry || (host.ends_with(entry) && host[host.size() - entry.size() - 1] == '.'));
}

}  // namespace

std::string Address::origin() const {
  const bool usual = port == (tls ? "443" : "80");
  const bool ipv6 = host.find(':') != host.npos;
  return fmt::format("{}://{}{}{}", tls ? "https" : "http", ipv6 ? "[" + host + "]" : host, usual ? "" : ":",
                     usual ? "" : port);
}

std::string Address::text() const {
  return origin() + target.substr(0, target.find('?'));
}

Result<Address> parse_address(std::string_view url) {
  const auto wrong = [](std::string detail) { return invalid("", "the address " + std::move(detail)); };
  const std::size_t scheme = url.find("://");
  const std::string name = lower(url.substr(0, scheme == url.npos ? 0 : scheme));
  if (name != "https" && name != "http") return wrong("must begin with https:// or http://");
  if (url.size() > kLongest || !is_plain(url)) return wrong("must be one line of ASCII without blanks");
  std::string_view rest = url.substr(scheme + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.find('@') != authority.npos)
    return wrong("must have no user and no password: a token for the hub goes into HF_TOKEN");
  Address address{.tls = name == "https"};
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != authority.npos && authority.find(']', colon) == authority.npos;
  address.port = has_port ? std::string(authority.substr(colon + 1)) : address.tls ? "443" : "80";
  address.host = lower(authority.substr(0, has_port ? colon : authority.size()));
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  if (address.host.empty() || !is_port(address.port))
    return wrong("must name a host, and a number as its port");
  if (const std::string_view target = rest.substr(authority.size()); !target.empty())
    address.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return address;
}

Result<Address> redirected(const Address& from, std::string_view location) {
  Address to = from;
  if (location.starts_with("//")) {
    BOOST_OUTCOME_TRY(to, parse_address((from.tls ? "https:" : "http:") + std::string(location)));
  } else if (location.starts_with('/')) {
    if (!is_plain(location) || location.size() > kLongest)
      return Error{Code::unavailable, fmt::format("{} leads on to no address", from.text()),
                   "unexpected_answer"};
    to.target = location.substr(0, location.find('#'));
  } else if (auto parsed = parse_address(location)) {
    to = std::move(*parsed);
  } else {
    return Error{Code::unavailable, fmt::format("{} leads on to no address", from.text()),
                 "unexpected_answer"};
  }
  if (from.tls && !to.tls)
    return Error{
        Code::not_allowed,
        fmt::format("{} leads on to {}, which is not encrypted: what comes from there could be anybody's",
                    from.text(), to.origin()),
        "not_encrypted"};
  return to;
}

Result<std::optional<Proxy>> proxy_for(const Address& address, const Environment& environment) {
  const auto variable = [&](std::string_view name) -> std::pair<std::string, std::string> {
    std::string upper(name);
    std::ranges::transform(upper, upper.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    for (const std::string& spelling : {std::string(name), upper})
      if (auto value = environment(spelling); value && !value->empty()) return {spelling, *value};
    return {};
  };
  auto [name, value] = variable(address.tls ? "https_proxy" : "http_proxy");
  if (value.empty()) std::tie(name, value) = variable("all_proxy");
  if (value.empty()) return std::optional<Proxy>();
  for (const std::string& entry : listed(variable("no_proxy").second))
    if (names_host(lower(entry), address.host)) return std::optional<Proxy>();
  if (value.find("://") == value.npos) value = "http://" + value;
  std::string user;
  const std::size_t host = value.find("://") + 3;
  if (const std::size_t at = value.rfind('@'); at != value.npos) {
    user = value.substr(host, at - host);
    value.erase(host, at + 1 - host);
  }
  const auto parsed = parse_address(value);
  if (!parsed || parsed->tls)
    return invalid(name, "must be the address of an HTTP proxy: http://[USER:PASSWORD@]HOST:PORT");
  return std::optional(
      Proxy{parsed->host, parsed->port, user.empty() ? "" : "Basic " + base64(decoded(user))});
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace medsynth::hub
