// Where the server listens, and which Host headers may name it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "medsynth/base/error.h"

namespace medsynth::api {

struct ListenAddress {
  std::string host;  // without brackets
  std::string port;
  bool is_loopback = false;  // localhost, 127.0.0.0/8, ::1
};

// "127.0.0.1:8000", "[::1]:8000", "localhost:0". invalid_argument (pointer "/listen") for anything else.
Result<ListenAddress> parse_listen(std::string_view text);

// Whether a request's Host header names this machine's loopback, with any port: a web page that lets its own
// name point to 127.0.0.1 sends that name, and must not reach us. Only asked when listening on loopback.
bool is_loopback_host(std::string_view host_header);

}  // namespace medsynth::api
