// What the sessions of one server share: the connections that are open, their deadlines, and what is answered
// on them. Only the io_context's thread touches it.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "medsynth/api/app.h"
#include "medsynth/api/bytes_in_flight.h"
#include "medsynth/api/proxies.h"
#include "medsynth/api/tls_stream.h"

namespace medsynth::api {

using SessionTime = std::chrono::steady_clock::time_point;

// A connection as its server sees it. One timer looks at all deadlines: cheaper than one timer per read and
// write.
struct Connection {
  explicit Connection(Socket socket_) : socket(std::move(socket_)) {}

  boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer into,
                                                boost::system::error_code& error) {
    if (tls) return tls->read_some(into, error);
    return socket.async_read_some(into, boost::asio::redirect_error(boost::asio::use_awaitable, error));
  }
  template <class Buffers>
  boost::asio::awaitable<std::size_t> write(const Buffers& from, boost::system::error_code& error) {
    if (tls) return write_over_tls(from, error);
    return boost::asio::async_write(socket, from,
                                    boost::asio::redirect_error(boost::asio::use_awaitable, error));
  }

  Socket socket;
  std::unique_ptr<TlsStream> tls;  // null: plain
  std::string peer;                // its address, or "unix"
  bool is_proxy = false;           // a trusted one
  std::string certificate;         // SHA-256 of the client's, verified; "": none
  SessionTime deadline = SessionTime::max();
  bool fresh = true;     // nothing was asked yet: a request may be on its way
  bool idle = false;     // between requests: may be closed at any time, unless it is fresh
  bool overdue = false;  // its deadline passed, and what it waited for was cancelled

 private:
  template <class Buffers>
  boost::asio::awaitable<std::size_t> write_over_tls(const Buffers& from, boost::system::error_code& error) {
    std::size_t sent = 0;
    const auto end = boost::asio::buffer_sequence_end(from);
    error.clear();
    for (auto each = boost::asio::buffer_sequence_begin(from); each != end && !error; ++each)
      sent += co_await tls->write(*each, error);
    co_return sent;
  }
};

struct Shared {
  App app;
  BytesInFlight bytes;
  std::shared_ptr<boost::asio::ssl::context> tls = {};  // null: plain
  bool check_host = true;                               // listening on loopback, or with names of its own
  TrustedProxies proxies = {};
  std::string id_prefix;  // of the request ids made here
  std::uint64_t requests = 0;
  std::list<Connection*> open = {};
};

// Serves one connection until it ends. `shared` outlives it.
boost::asio::awaitable<void> serve(Shared& shared, Connection& connection);

}  // namespace medsynth::api
