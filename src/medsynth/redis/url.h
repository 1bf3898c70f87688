// REDIS_URL, understood: redis://[user[:password]@]host[:port][/db], rediss:// for TLS, unix:///path?db=n,
// and redis+sentinel://[user[:password]@]host[:port],host[:port].../master[/db] (rediss+sentinel:// for TLS).
//
// Options of TLS: ssl_ca_certs=FILE (its certificates alone are trusted; the name is redis-py's, so that
// Python can share the URL), sni=NAME (asked for, and expected in the certificate, instead of the host). Of
// sentinels: sentinel_password=..., sentinel_user=..., which are not the master's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"

namespace medsynth::redis {

struct Address {
  std::string host = "localhost";
  std::string port = "6379";
  bool operator==(const Address&) const = default;
};

struct Url {
  std::string host = "localhost";
  std::string port = "6379";
  std::string user;
  std::string password;
  int database = 0;
  bool tls = false;
  std::string unix_path;  // when not empty, host and port are not used

  std::string ca_file;  // empty: the system's certificates
  std::string sni;      // empty: the host
  std::vector<Address>
      sentinels;  // when not empty, they say where `master` is, and host and port are not used
  std::string master;
  std::string sentinel_user;
  std::string sentinel_password;

  std::string managed_folder;  // not in the text: of the managed Redis that may serve it (access.h)

  bool is_loopback() const;   // localhost, 127.0.0.0/8, ::1, or a unix socket; never behind sentinels
  std::string shown() const;  // without the password, and without a user that may be one
};

// invalid_argument (pointer "REDIS_URL") says what is wrong, and quotes nothing of the text.
Result<Url> parse_url(std::string_view text);

}  // namespace medsynth::redis
