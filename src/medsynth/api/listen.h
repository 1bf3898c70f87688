// Where the server listens, and which Host headers may name it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"

namespace medsynth::api {

struct ListenAddress {
  std::string host;  // without brackets
  std::string port;
  std::string unix_path;     // of a unix socket; then there is neither host nor port
  bool is_loopback = false;  // localhost, 127.0.0.0/8, ::1, a unix socket
};

// "127.0.0.1:8000", "[::1]:8000", "localhost:0", "unix:/run/medsynth.sock". invalid_argument (pointer "/listen")
// for anything else.
Result<ListenAddress> parse_listen(std::string_view text);

// Whether a request's Host header names this machine's loopback, with any port: a web page that lets its own
// name point to 127.0.0.1 sends that name, and must not reach us.
bool is_loopback_host(std::string_view host_header);
// The same of `names`, in any case.
bool is_host_of(std::string_view host_header, const std::vector<std::string>& names);

// `names` are host names and addresses, without a port. invalid_argument (pointer "/allowed_hosts") otherwise.
Result<> check_hosts(const std::vector<std::string>& names);
// `prefix` is "" or a path such as "/medsynth", without a slash at its end. invalid_argument (pointer
// "/path_prefix") otherwise.
Result<> check_path_prefix(std::string_view prefix);
// What is left of `path` below `prefix`, "" for the prefix itself; `path` where it is not below it.
std::string_view below(std::string_view prefix, std::string_view path);

}  // namespace medsynth::api
