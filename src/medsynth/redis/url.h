// REDIS_URL, understood: redis://[user[:password]@]host[:port][/db], rediss:// for TLS, unix:///path?db=n.
#pragma once

#include <string>
#include <string_view>

#include "medsynth/base/error.h"

namespace medsynth::redis {

struct Url {
  std::string host = "localhost";
  std::string port = "6379";
  std::string user;
  std::string password;
  int database = 0;
  bool tls = false;
  std::string unix_path;  // when not empty, host and port are not used

  bool is_loopback() const;   // localhost, 127.0.0.0/8, ::1, or a unix socket
  std::string shown() const;  // without the password
};

// invalid_argument (pointer "REDIS_URL") says what is wrong, never quoting the password.
Result<Url> parse_url(std::string_view text);

}  // namespace medsynth::redis
