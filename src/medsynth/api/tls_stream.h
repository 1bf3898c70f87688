// The server's side of TLS over a socket that does not block. OpenSSL reads and writes the socket itself: there is no
// buffer between the two, and OpenSSL's own are there only while something is under way (SSL_MODE_RELEASE_BUFFERS), so
// that a connection between two requests keeps little more than its keys. Only the io_context's thread touches it.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>

#include "medsynth/api/owned.h"

namespace medsynth::api {

using Socket = boost::asio::generic::stream_protocol::socket;  // of TCP, or a unix socket

class TlsStream {
 public:
  // `socket` outlives it. Allocates; throws std::bad_alloc.
  TlsStream(Socket& socket, boost::asio::ssl::context& context);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Each ends early, as `error` says, where the socket's operations are cancelled. Requires that the socket is
  // non_blocking(), and but for a read and a write, no two at once.
  boost::asio::awaitable<void> handshake(boost::system::error_code& error);
  // 0 with an error: asio::error::eof where the client has ended the connection as TLS wants it.
  boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer into,
                                                boost::system::error_code& error);
  // All of it, or an error.
  boost::asio::awaitable<std::size_t> write(boost::asio::const_buffer from, boost::system::error_code& error);
  // Says that nothing more comes.
  boost::asio::awaitable<void> shutdown(boost::system::error_code& error);

  // The client's, which was verified; null: it has shown none. It lives as long as this does.
  const X509* peer_certificate() const;

 private:
  template <class Operation>
  boost::asio::awaitable<std::size_t> perform(Operation operation, boost::system::error_code& error);

  Socket& socket_;
  Owned<SSL, SSL_free> ssl_;
};

}  // namespace medsynth::api
