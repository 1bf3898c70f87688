// Bytes from a client, to the whole server (without a Redis behind it): parser, router, checks of every
// payload. Whatever comes, the answers are well-formed HTTP and none is an internal error.
#include <algorithm>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "medsynth/api/server.h"
#include "medsynth/base/log.h"

#include "fuzz.h"

namespace medsynth {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

struct Quiet {
  Quiet() { log::start("error", "text", "fuzz"); }
};

struct Host {
  Quiet quiet;
  asio::io_context io{1};
  redis::Client client{{.url = {.unix_path = "/nonexistent/redis.sock"},
                        .reconnect_wait = std::chrono::minutes(10),
                        .quiet = true},
                       &io};
  tasks::Store store{{}};
  dramatiq::Broker broker{{.worker_id = "fuzz"}};
  fleet::Fleet fleet{{}};
  telemetry::Metrics metrics;
  std::unique_ptr<limits::Sensors> sensors = limits::make_sensors({.nvml = ""});
  api::Services services{client, store, broker, fleet, metrics, *sensors};
  std::unique_ptr<api::Server> server =
      api::Server::open(
          io, {.listen = "127.0.0.1:0", .confirm_timeout = std::chrono::milliseconds(0), .access_log = false},
          services)
          .value();
};

// Everything that the server answers until it closes the connection.
std::string converse(Host& host, std::string_view request) {
  const std::string address = host.server->address();
  tcp::socket socket(host.io);
  const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  boost::system::error_code ignored;
  // The fuzzer's own timer interrupts system calls.
  for (boost::system::error_code error = asio::error::interrupted; error == asio::error::interrupted;) {
    socket = tcp::socket(host.io);
    socket.connect({asio::ip::address_v4::loopback(), port}, error);
  }
  bool sent = false, ended = false;
  std::string answer;
  char buffer[16384];
  asio::async_write(socket, asio::buffer(request), [&](boost::system::error_code, std::size_t) {
    socket.shutdown(tcp::socket::shutdown_send, ignored);
    sent = true;
  });
  std::function<void()> read = [&] {
    socket.async_read_some(asio::buffer(buffer), [&](boost::system::error_code error, std::size_t got) {
      answer.append(buffer, got);
      if (error)
        ended = true;
      else
        read();
    });
  };
  read();
  while (!sent || !ended) host.io.run_one();
  return answer;
}

}  // namespace
}  // namespace medsynth

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medsynth;
  static Host host;
  std::string answers = converse(host, fuzz::text_of(data, size));
  boost::system::error_code error;
  for (std::string_view left = answers; left.size() > 4;) {
    http::response_parser<http::string_body> parser;
    parser.eager(true);
    parser.body_limit(boost::none);
    // The answer to HEAD has a length and no body: the next answer follows its header, or nothing.
    const std::size_t header = std::min(left.find("\r\n\r\n"), left.size() - 4) + 4;
    const bool no_body = header == left.size() || left.substr(header).starts_with("HTTP/1.");
    parser.skip(no_body);
    const std::size_t used = parser.put(asio::buffer(left), error);
    fuzz::require(!error, "an answer is well-formed HTTP");
    fuzz::require(parser.get().result_int() != 500, "no internal error");
    left.remove_prefix(std::max<std::size_t>(used, 1));
  }
  return 0;
}
