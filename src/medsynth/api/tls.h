// The server's side of TLS: 1.2 and newer, forward secret ciphers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ssl/context.hpp>

#include "medsynth/base/clock.h"
#include "medsynth/base/error.h"

namespace medsynth::api {

// A certificate with its chain, and its key, of PEM files; `key` "": in the same file. invalid_argument at
// "/tls_certificate" or "/tls_key" names the file and what is wrong: not there, no PEM, a password, a key of another
// certificate.
Result<std::shared_ptr<boost::asio::ssl::context>> tls_context(const std::filesystem::path& certificate,
                                                               const std::filesystem::path& key);

// A certificate that vouches for itself, which clients are given, and its key, which nobody is.
struct SelfSigned {
  std::filesystem::path certificate, key;
};
// Creates both in `folder`, for localhost, loopback and `names` (host names and addresses); those that are there
// stay, until they expire after a year. unavailable: they cannot be written.
Result<SelfSigned> self_signed(const std::filesystem::path& folder, const std::vector<std::string>& names,
                               WallTime now);

}  // namespace medsynth::api
