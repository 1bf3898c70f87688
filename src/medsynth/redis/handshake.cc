#include "medsynth/redis/handshake.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>

#include "medsynth/base/log.h"

namespace medsynth::redis {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

// The name that is expected in the certificate.
const std::string& server_name(const Url& url) {
  return url.sni.empty() ? url.host : url.sni;
}

bool is_address(const std::string& host) {
  error_code none;
  (void)asio::ip::make_address(host, none);
  return !none;
}

int name_slot() {
  static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return slot;
}

// Boost.Redis makes the TLS stream of each connection itself and names no server; OpenSSL asks here just
// before it writes the greeting that carries the name.
void name_server(const SSL* ssl, int where, int) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  const auto* name = static_cast<const char*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), name_slot()));
  if (name) SSL_set_tlsext_host_name(const_cast<SSL*>(ssl), name);
}

}  // namespace

asio::ssl::context tls_context(const Url& url, const ConnectFailure& why) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  if (!url.tls) return context;
  error_code error;  // without any certificate to trust, the handshake fails and says so
  if (url.ca_file.empty())
    context.set_default_verify_paths(error);
  else
    context.load_verify_file(url.ca_file, error);
  if (error)
    log::error("no certificates to trust can be read; Redis will not be reached",
               {{"file", url.ca_file}, {"error", error.message()}});
  context.set_verify_mode(asio::ssl::verify_peer);
  why.check_certificates(context, server_name(url));
  if (!is_address(server_name(url))) {  // an address is no name to ask for
    SSL_CTX_set_ex_data(context.native_handle(), name_slot(), const_cast<char*>(server_name(url).c_str()));
    SSL_CTX_set_info_callback(context.native_handle(), name_server);
  }
  return context;
}

void hello(boost::redis::request& request, const std::string& user, const std::string& password,
           const std::string& name) {
  if (password.empty() && user.empty())
    request.hello_setname(name);
  else
    request.hello_setname(user.empty() ? "default" : user, password, name);
}

boost::redis::config connection_config(const ClientOptions& options, const Url& url) {
  boost::redis::config config;
  config.use_ssl = url.tls;
  config.addr = {url.host, url.port};
  config.unix_socket = url.unix_path;
  for (const Address& each : url.sentinels) config.sentinel.addresses.push_back({each.host, each.port});
  config.sentinel.master_name = url.master;
  config.sentinel.use_ssl = url.tls;
  config.sentinel.setup.clear();
  hello(config.sentinel.setup, url.sentinel_user, url.sentinel_password, options.name);
  config.sentinel.resolve_timeout = config.sentinel.connect_timeout = config.sentinel.ssl_handshake_timeout =
      config.sentinel.request_timeout = options.connect_timeout;
  // We greet the server ourselves (an empty set-up request), to see what it answers.
  config.use_setup = true;
  config.setup.clear();
  // But behind sentinels: it is asked for its role then, and answers only whom it knows.
  if (!url.sentinels.empty()) hello(config.setup, url.user, url.password, options.name);
  config.resolve_timeout = config.connect_timeout = config.ssl_handshake_timeout = options.connect_timeout;
  // One run is one connection: the session waits between them.
  config.reconnect_wait_interval = milliseconds(0);
  // A connection that has been silent for twice this is dead. Not less than the timeout, so that a slow
  // answer ends its own call first.
  config.health_check_interval = std::max(options.timeout, milliseconds(1000));
  config.read_buffer_append_size = 16 * 1024;  // large replies in few reads
  return config;
}

}  // namespace medsynth::redis
