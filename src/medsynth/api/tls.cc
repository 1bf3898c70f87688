#include "medsynth/api/tls.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <system_error>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/api/owned.h"
#include "medsynth/base/private_file.h"

namespace medsynth::api {
namespace {

namespace fs = std::filesystem;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

constexpr std::chrono::hours kValid{365 * 24};

using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedCertificate = Owned<X509, X509_free>;
using OwnedExtension = Owned<X509_EXTENSION, X509_EXTENSION_free>;
using OwnedBio = Owned<BIO, BIO_free_all>;

Error unusable(std::string_view pointer, const fs::path& file, const error_code& why) {
  return invalid(std::string(pointer), fmt::format("{} cannot be used: {}", file.string(), why.message()));
}

// "DNS:localhost,IP:127.0.0.1,..."; a name that could be taken for another entry is left out.
std::string alternative_names(const std::vector<std::string>& names) {
  std::string text = "DNS:localhost,IP:127.0.0.1,IP:::1";
  for (const std::string& name : names) {
    error_code not_an_address;
    const auto address = boost::asio::ip::make_address(name, not_an_address);
    if (!not_an_address && !address.is_unspecified())
      text += ",IP:" + address.to_string();
    else if (not_an_address && !name.empty() &&
             name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
                 name.npos)
      text += ",DNS:" + name;
  }
  return text;
}

bool add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const OwnedExtension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

OwnedCertificate sign(EVP_PKEY* key, const std::vector<std::string>& names) {
  OwnedCertificate certificate(X509_new());
  X509* const made = certificate.get();
  std::uint64_t serial = 0;
  const auto* name = reinterpret_cast<const unsigned char*>("medsynth");
  const bool signed_ =
      made && RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1 &&
      X509_set_version(made, X509_VERSION_3) == 1 &&
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), serial >> 1U) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(made), -60) != nullptr &&  // clocks differ
      X509_gmtime_adj(X509_getm_notAfter(made), std::chrono::seconds(kValid).count()) != nullptr &&
      X509_set_pubkey(made, key) == 1 &&
      X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC, name, -1, -1, 0) == 1 &&
      X509_set_issuer_name(made, X509_get_subject_name(made)) == 1 &&
      add_extension(made, NID_subject_alt_name, alternative_names(names)) &&
      add_extension(made, NID_basic_constraints, "critical,CA:TRUE") &&
      add_extension(made, NID_subject_key_identifier, "hash") && X509_sign(made, key, EVP_sha256()) > 0;
  return signed_ ? std::move(certificate) : OwnedCertificate();
}

std::string pem(const auto& write) {
  const OwnedBio out(BIO_new(BIO_s_mem()));
  char* text = nullptr;
  if (!out || write(out.get()) != 1) return "";
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

bool is_valid(const fs::path& file, WallTime now) {
  const OwnedBio in(BIO_new_file(file.c_str(), "r"));
  const OwnedCertificate found(in ? PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr);
  std::time_t at = std::chrono::system_clock::to_time_t(now);
  return found && X509_cmp_time(X509_get0_notAfter(found.get()), &at) > 0;
}

}  // namespace

Result<std::shared_ptr<ssl::context>> tls_context(const fs::path& certificate, const fs::path& key,
                                                  const ClientCertificates& clients) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  // Idle connections, which are most, keep no buffers; see tls_stream.h for the other two.
  SSL_CTX_set_mode(
      native, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(native, 1);  // a record by one call, not its header and then the rest
  // Clients come back with a ticket, which they keep themselves: sessions that are kept here are for those without.
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(native, 1);
  SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20");
  error_code error;
  // Without it OpenSSL would ask on the terminal.
  context->set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string(); });
  context->use_certificate_chain_file(certificate.string(), error);
  if (error) return unusable("/tls_certificate", certificate, error);
  const fs::path& key_file = key.empty() ? certificate : key;
  context->use_private_key_file(key_file.string(), ssl::context::pem, error);
  if (error) return unusable("/tls_key", key_file, error);
  if (clients.authorities.empty()) return context;
  context->load_verify_file(clients.authorities.string(), error);
  if (error) return unusable("/tls_client_ca", clients.authorities, error);
  // Tells clients which of their certificates to show.
  SSL_CTX_set_client_CA_list(native, SSL_load_client_CA_file(clients.authorities.c_str()));
  context->set_verify_mode(clients.required ? ssl::verify_peer | ssl::verify_fail_if_no_peer_cert
                                            : ssl::verify_peer);
  // Without one, OpenSSL takes no session back whose client was verified.
  constexpr std::string_view kSessions = "medsynth";
  SSL_CTX_set_session_id_context(native, reinterpret_cast<const unsigned char*>(kSessions.data()),
                                 kSessions.size());
  return context;
}

std::string fingerprint(const X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!certificate || X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return "";
  return fmt::format("{:02x}", fmt::join(digest, digest + size, ""));
}

Result<std::string> fingerprint_of(const fs::path& file) {
  const OwnedBio in(BIO_new_file(file.c_str(), "r"));
  const OwnedCertificate found(in ? PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!found)
    return invalid("--certificate",
                   fmt::format("'{}' must be a file with a certificate (PEM)", file.string()));
  return fingerprint(found.get());
}

Result<SelfSigned> self_signed(const fs::path& folder, const std::vector<std::string>& names, WallTime now) {
  SelfSigned files{folder / "tls-certificate.pem", folder / "tls-key.pem"};
  const FileLock lock(files.certificate);
  if (is_valid(files.certificate, now) && stamp_of(files.key).exists) return files;
  const OwnedKey key(EVP_EC_gen("P-256"));
  const OwnedCertificate certificate = key ? sign(key.get(), names) : OwnedCertificate();
  if (!certificate) return Error{Code::internal, "OpenSSL made no certificate", ""};
  const auto write_key = [&](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  };
  const auto write_certificate = [&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); };
  std::error_code error = write_private_file(files.key, pem(write_key));
  if (!error) error = write_private_file(files.certificate, pem(write_certificate));
  if (error)
    return Error{Code::unavailable,
                 fmt::format("the certificate cannot be written to {}: {}", folder.string(), error.message()),
                 "certificate_not_written"};
  return files;
}

}  // namespace medsynth::api
