// The yardstick of bench/http/run: a Beast server that parses requests and answers a constant, nothing else.
// One thread, keep-alive. Arguments: port, bytes of the answer.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

asio::awaitable<void> serve(tcp::socket socket, const std::string& body) {
  socket.set_option(tcp::no_delay(true));
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer;
  boost::system::error_code error;
  while (!error) {
    stream.expires_after(std::chrono::seconds(60));
    http::request<http::string_body> request;
    co_await http::async_read(stream, buffer, request, asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    http::response<http::string_body> response(http::status::ok, request.version(), body);
    response.set(http::field::content_type, "application/json");
    response.keep_alive(request.keep_alive());
    response.prepare_payload();
    co_await http::async_write(stream, response, asio::redirect_error(asio::use_awaitable, error));
  }
}

asio::awaitable<void> listen(tcp::acceptor acceptor, const std::string& body) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), body), asio::detached);
  }
}

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: bare_beast PORT BYTES\n", 2;
  const std::string body(std::strtoul(argv[2], nullptr, 10), 'x');
  asio::io_context io(1);
  tcp::acceptor acceptor(io,
                         {asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::atoi(argv[1]))});
  asio::co_spawn(io, listen(std::move(acceptor), body), asio::detached);
  io.run();
}
