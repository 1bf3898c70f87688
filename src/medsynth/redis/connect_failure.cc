#include "medsynth/redis/connect_failure.h"

#include <openssl/x509.h>

#include <utility>

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/redis/error.hpp>
#include <fmt/format.h>

namespace medsynth::redis {
namespace {

namespace ssl = boost::asio::ssl;

bool is_of_tls(boost::system::error_code error) {
  return error.category() == boost::asio::error::get_ssl_category() ||
         error.category() == ssl::error::get_stream_category();
}

}  // namespace

// "Failed to resolve the address of master 'x'. Tried the following Sentinels:\n  Sentinel at h:1: ..."
boost::redis::logger ConnectFailure::listener() const {
  return {boost::redis::logger::level::err, [heard = heard_](auto, std::string_view text) {
            constexpr std::string_view kLine = "\n  ";
            std::string sentinels;
            for (std::size_t at = text.find(kLine); at != text.npos;) {
              const std::size_t start = at + kLine.size();
              at = text.find(kLine, start);
              sentinels += fmt::format("{}{}", sentinels.empty() ? "" : "; ", text.substr(start, at - start));
            }
            if (!sentinels.empty()) heard->sentinels = std::move(sentinels);
          }};
}

void ConnectFailure::check_certificates(ssl::context& context, const std::string& name) const {
  context.set_verify_callback([heard = heard_, name, has_name = ssl::host_name_verification(name)](
                                  bool trusted, ssl::verify_context& certificates) {
    if (has_name(trusted, certificates)) return true;
    heard->certificate =
        trusted ? fmt::format("the certificate is not for {}", name)
                : X509_verify_cert_error_string(X509_STORE_CTX_get_error(certificates.native_handle()));
    return false;
  });
}

void ConnectFailure::clear() {
  *heard_ = {};
}

std::string ConnectFailure::describe(boost::system::error_code error, std::string_view master) const {
  std::string why = error.message();
  if (error == boost::redis::error::sentinel_resolve_failed)
    why = fmt::format("no sentinel says where the master '{}' is: {}", master, heard_->sentinels);
  if (!heard_->certificate.empty()) return fmt::format("{} (TLS: {})", why, heard_->certificate);
  return is_of_tls(error) ? fmt::format("TLS: {}; does this port speak TLS?", why) : why;
}

}  // namespace medsynth::redis
