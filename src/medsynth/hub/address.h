// Addresses on the web, as far as downloads need them: http and https, with a host, without a password. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "medsynth/base/error.h"
#include "medsynth/base/settings.h"

namespace medsynth::hub {

struct Address {
  bool tls = false;
  std::string host;  // without brackets
  std::string port;
  std::string target = "/";  // path and query, as they are sent

  // "https://host", with the port where it is not the scheme's: what a token is good for.
  std::string origin() const;
  std::string text() const;  // with the path, without the query: it may be a signature
};

// invalid_argument, which quotes nothing: what is malformed may be part of a password.
Result<Address> parse_address(std::string_view url);
// Where a redirect from `from` leads: an absolute address, or a path on the same host. not_allowed: from https to
// http, where anybody could read and change what comes.
Result<Address> redirected(const Address& from, std::string_view location);

// A proxy of the environment, and what it is shown of us.
struct Proxy {
  std::string host, port;
  std::string authorization;  // value of Proxy-Authorization; empty: none
};

// The proxy that curl and pip would take for this address: https_proxy or http_proxy, else all_proxy, in either
// case, but for the hosts of no_proxy (names with all below them, addresses, "*"). invalid_argument names the
// variable whose value is no http:// address.
Result<std::optional<Proxy>> proxy_for(const Address& address, const Environment& environment);

std::string decoded(std::string_view text);  // %XX as the byte; what is none stays

}  // namespace medsynth::hub
