// Where the server listens: an address (listen.h), or sockets that whoever started this process opened, which are
// "fd:3" or "fd:3,fd:4". systemd's socket activation is one who does (sd_listen_fds(3)).
//
//   for (const Place& place : *places("fd:3,fd:4")) ...
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/api/listen.h"
#include "medsynth/api/socket_file.h"
#include "medsynth/base/error.h"

namespace medsynth::api {

struct Place {
  ListenAddress address;
  int socket = -1;  // that listens there already; -1: none does
};

// At least one. invalid_argument (pointer "/listen"): those of parse_listen(); a descriptor that is not open, no stream
// socket, does not listen, or is neither TCP nor a unix socket with a file.
Result<std::vector<Place>> places(std::string_view listen);

// Opens `acceptor` there. An inherited socket goes on to no child from here on; of another unix socket `file` is the file.
// invalid_argument (pointer "/listen"): the host has no address; unavailable ("address_in_use", "cannot_listen").
Result<> listen_at(const Place& place, SocketFile::Acceptor& acceptor, std::optional<SocketFile>& file);

// Of these descriptors.
std::string inherited(const std::vector<int>& sockets);

// As people write it: "127.0.0.1:8000", "[::1]:8000", "unix:/path".
std::string shown(const ListenAddress& address);
// With commas between.
std::string shown(const std::vector<Place>& places);

}  // namespace medsynth::api
