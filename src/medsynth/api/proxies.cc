#include "medsynth/api/proxies.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace medsynth::api {
namespace {

namespace ip = boost::asio::ip;
using boost::system::error_code;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

enum class Quotes { none, strings };

// At `mark`, but with strings not within a quoted one. Empty where such a string has no end: it may hold what a proxy
// wrote behind a client's own words.
std::vector<std::string_view> split(std::string_view text, char mark, Quotes quotes) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"' && quotes == Quotes::strings) {
      quoted = !quoted;
    } else if (text[i] == mark && !quoted) {
      parts.push_back(trimmed(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  if (quoted) return {};
  parts.push_back(trimmed(text.substr(begin)));
  return parts;
}

// A token or quoted string; none of what we look for needs an escape.
std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.starts_with('"') && text.ends_with('"');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// The same machine has one address, however the socket spells it.
std::optional<ip::address> address_of(std::string_view text) {
  error_code error;
  const ip::address address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

// "192.0.2.1", "192.0.2.1:4711", "[2001:db8::1]:4711", "2001:db8::1"; "unknown" and "_hidden" are none.
std::optional<ip::address> node_address(std::string_view node) {
  if (node.starts_with('[')) return address_of(node.substr(1, std::max<std::size_t>(node.find(']'), 1) - 1));
  if (std::count(node.begin(), node.end(), ':') == 1) node = node.substr(0, node.find(':'));
  return address_of(node);
}

struct Hop {
  std::string_view node, proto, host;
};

Hop hop_of(std::string_view element) {
  Hop hop;
  for (const std::string_view pair : split(element, ';', Quotes::strings)) {
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string name = lower(pair.substr(0, equals));
    const std::string_view value = unquoted(pair.substr(std::min(equals + 1, pair.size())));
    if (name == "for") hop.node = value;
    if (name == "proto") hop.proto = value;
    if (name == "host") hop.host = value;
  }
  return hop;
}

std::vector<Hop> hops_of(const ForwardedHeaders& headers) {
  std::vector<Hop> hops;
  if (!headers.forwarded.empty()) {
    for (const std::string_view element : split(headers.forwarded, ',', Quotes::strings))
      hops.push_back(hop_of(element));
    return hops;
  }
  const std::string_view proto = split(headers.forwarded_proto, ',', Quotes::none).back();
  const std::string_view host = split(headers.forwarded_host, ',', Quotes::none).back();
  for (const std::string_view node : split(headers.forwarded_for, ',', Quotes::none))
    hops.push_back({node, proto, host});
  return hops;
}

}  // namespace

Result<TrustedProxies> TrustedProxies::parse(const std::vector<std::string>& entries) {
  TrustedProxies proxies;
  for (const std::string& entry : entries) {
    error_code no_v4, no_v6;
    if (entry == kUnixPeer) {
      proxies.unix_ = true;
    } else if (const auto address = address_of(entry)) {
      if (address->is_v4())
        proxies.networks_.emplace_back(ip::network_v4(address->to_v4(), 32));
      else
        proxies.networks_.emplace_back(ip::network_v6(address->to_v6(), 128));
    } else if (const auto v4 = ip::make_network_v4(entry, no_v4); !no_v4) {
      proxies.networks_.emplace_back(v4.canonical());
    } else if (const auto v6 = ip::make_network_v6(entry, no_v6); !no_v6) {
      proxies.networks_.emplace_back(v6.canonical());
    } else {
      return invalid(
          "/trusted_proxies",
          fmt::format("\"{}\" is no proxy: list addresses, networks such as 10.0.0.0/8, or unix", entry));
    }
  }
  return proxies;
}

bool TrustedProxies::trusts(std::string_view peer) const {
  if (peer == kUnixPeer) return unix_;
  const auto address = address_of(peer);
  if (!address) return false;
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& each) {
    if (const auto* v4 = std::get_if<ip::network_v4>(&each))
      return address->is_v4() && ip::network_v4(address->to_v4(), v4->prefix_length()).canonical() == *v4;
    const auto& v6 = std::get<ip::network_v6>(each);
    return address->is_v6() && ip::network_v6(address->to_v6(), v6.prefix_length()).canonical() == v6;
  });
}

Result<Caller> caller_behind(const TrustedProxies& proxies, std::string_view peer,
                             const ForwardedHeaders& headers) {
  const bool other_kind =
      !headers.forwarded_for.empty() || !headers.forwarded_proto.empty() || !headers.forwarded_host.empty();
  if (!headers.forwarded.empty() && other_kind)
    return Error{
        Code::invalid_argument,
        "Malformed HTTP request: it has Forwarded and X-Forwarded headers. The proxy must remove those that "
        "it does not write itself.",
        "malformed_request"};
  const auto hops = hops_of(headers);
  if (hops.empty())
    return Error{Code::invalid_argument, "Malformed HTTP request: a quoted string in Forwarded has no end.",
                 "malformed_request"};
  Caller caller{.address = std::string(peer), .scheme = "", .host = ""};
  for (auto hop = hops.rbegin(); hop != hops.rend() && proxies.trusts(caller.address); ++hop) {
    if (const std::string scheme = lower(hop->proto); scheme == "http" || scheme == "https")
      caller.scheme = scheme;
    if (!hop->host.empty()) caller.host = hop->host;
    const auto address = node_address(hop->node);
    if (!address) break;
    caller.address = address->to_string();
  }
  return caller;
}

}  // namespace medsynth::api
