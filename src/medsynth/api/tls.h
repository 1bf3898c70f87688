// The server's side of TLS: 1.2 and newer, forward secret ciphers.
#pragma once

#include <openssl/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ssl/context.hpp>

#include "medsynth/base/clock.h"
#include "medsynth/base/error.h"

namespace medsynth::api {

// Clients' certificates: who vouches for them, and whether one without gets a connection.
struct ClientCertificates {
  std::filesystem::path authorities = {};  // PEM; "": nobody is asked for a certificate
  bool required = false;
};

// A certificate with its chain, and its key, of PEM files; `key` "": in the same file. invalid_argument at
// "/tls_certificate" or "/tls_key" names the file and what is wrong: not there, no PEM, a password, a key of another
// certificate; or at "/tls_client_ca".
Result<std::shared_ptr<boost::asio::ssl::context>> tls_context(const std::filesystem::path& certificate,
                                                               const std::filesystem::path& key,
                                                               const ClientCertificates& clients = {});

// SHA-256 of a certificate, in hexadecimal digits; "" for none.
std::string fingerprint(const X509* certificate);
// The same of the first certificate in a PEM file; invalid_argument (pointer "--certificate") where there is none.
Result<std::string> fingerprint_of(const std::filesystem::path& file);

// A certificate that vouches for itself, which clients are given, and its key, which nobody is.
struct SelfSigned {
  std::filesystem::path certificate, key;
};
// Creates both in `folder`, for localhost, loopback and `names` (host names and addresses); those that are there
// stay, until they expire after a year. unavailable: they cannot be written.
Result<SelfSigned> self_signed(const std::filesystem::path& folder, const std::vector<std::string>& names,
                               WallTime now);

}  // namespace medsynth::api
