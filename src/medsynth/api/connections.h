// What the sessions of one server share: the connections that are open, their deadlines, and what is answered
// on them. Only the io_context's thread touches it.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "medsynth/api/app.h"
#include "medsynth/api/bytes_in_flight.h"

namespace medsynth::api {

using SessionTime = std::chrono::steady_clock::time_point;

// A connection as its server sees it. One timer looks at all deadlines: cheaper than one timer per read and
// write.
struct Connection {
  explicit Connection(boost::asio::ip::tcp::socket socket_) : socket(std::move(socket_)) {}

  boost::asio::ip::tcp::socket socket;
  SessionTime deadline = SessionTime::max();
  bool idle = false;     // between requests: may be closed at any time
  bool overdue = false;  // its deadline passed, and what it waited for was cancelled
};

struct Shared {
  App app;
  BytesInFlight bytes;
  bool check_host = true;  // listening on loopback
  std::string id_prefix;   // of the request ids made here
  std::uint64_t requests = 0;
  std::list<Connection*> open = {};
};

// Serves one connection until it ends. `shared` outlives it.
boost::asio::awaitable<void> serve(Shared& shared, Connection& connection);

}  // namespace medsynth::api
