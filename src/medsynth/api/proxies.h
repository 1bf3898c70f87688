// Who asks, where proxies stand before the server. Pure.
//
//   BOOST_OUTCOME_TRY(auto proxies, TrustedProxies::parse({"10.0.0.0/8", "unix"}));
//   if (proxies.trusts(peer)) caller = caller_behind(proxies, peer, headers);   // others are not believed
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include "medsynth/base/error.h"

namespace medsynth::api {

// The address of whoever comes through a unix socket, where the kernel knows none.
inline constexpr std::string_view kUnixPeer = "unix";

class TrustedProxies {
 public:
  // Addresses, networks ("10.0.0.0/8") and "unix". invalid_argument (pointer "/trusted_proxies") names another.
  static Result<TrustedProxies> parse(const std::vector<std::string>& entries);

  bool trusts(std::string_view address) const;

 private:
  using Network = std::variant<boost::asio::ip::network_v4, boost::asio::ip::network_v6>;
  bool unix_ = false;
  std::vector<Network> networks_;
};

// As a request has them; several headers of one name with commas between.
struct ForwardedHeaders {
  std::string forwarded = "";      // RFC 7239
  std::string forwarded_for = "";  // X-Forwarded-For and so on
  std::string forwarded_proto = "";
  std::string forwarded_host = "";
};

struct Caller {
  std::string address;  // an address without its port, or kUnixPeer
  std::string scheme;   // of what it asked: "http", "https"; "": not known
  std::string host;     // that it asked, where a proxy says so; "": as in the Host header
};

// Whom a trusted proxy at `peer` names: the last address that is no trusted proxy's, since whatever stands before
// that one its sender wrote. Scheme and host are those that were asked of the outermost proxy that is believed
// (Forwarded), or that the last one says (X-Forwarded-*). invalid_argument (reason "malformed_request"): headers of
// both kinds, of which the proxy can have written one only, and the client the other; a quoted string without an end.
Result<Caller> caller_behind(const TrustedProxies& proxies, std::string_view peer,
                             const ForwardedHeaders& headers);

}  // namespace medsynth::api
