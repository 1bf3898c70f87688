// What a managed redis-server is told: its configuration file. Pure.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "medsynth/base/error.h"
#include "medsynth/redis/managed.h"

namespace medsynth::redis {

// invalid_argument when the URL, or `fsync`, is nothing that a managed server can serve.
Result<> check_managed(const ManagedOptions& options);

// The text of redis.conf. `folder` holds the data, `socket` is the unix socket's path. With an empty password
// everybody is let in who reaches it.
std::string managed_config(const ManagedOptions& options, const std::filesystem::path& folder,
                           const std::filesystem::path& socket, const std::string& password);

// One word as redis.conf quotes it: any byte comes back as it was.
std::string config_quoted(std::string_view word);

// sockaddr_un holds 107 bytes and a zero.
bool fits_socket_address(const std::filesystem::path& path);

}  // namespace medsynth::redis
