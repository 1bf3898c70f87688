#include "medsynth/api/places.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>

#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/base/settings.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::string_view kDescriptor = "fd:";

Error unusable(std::string_view socket, std::string_view why) {
  return invalid("/listen",
                 fmt::format("{} {}: it must be a socket that listens for streams, as a socket unit's "
                             "ListenStream= with Accept=no opens it",
                             socket, why));
}

bool has_option(int socket, int option, int wanted) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

// `text` is "fd:3".
Result<Place> place_of(std::string_view text) {
  int socket = -1;
  const char* const end = text.data() + text.size();
  const bool is_descriptor = text.starts_with(kDescriptor);
  const auto [rest, error] =
      std::from_chars(text.data() + (is_descriptor ? kDescriptor.size() : 0), end, socket);
  if (!is_descriptor || error != std::errc() || rest != end || socket < 0)
    return unusable(fmt::format("\"{}\"", text), "is no descriptor");
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  auto* const any = reinterpret_cast<sockaddr*>(&bound);
  if (::getsockname(socket, any, &size) != 0)
    return unusable(text, fmt::format("({})", std::strerror(errno)));
  if (!has_option(socket, SO_TYPE, SOCK_STREAM)) return unusable(text, "is no stream socket");
  if (!has_option(socket, SO_ACCEPTCONN, 1)) return unusable(text, "does not listen");
  if (bound.ss_family == AF_UNIX) {
    const auto* unix_address = reinterpret_cast<const sockaddr_un*>(any);
    if (size <= offsetof(sockaddr_un, sun_path) || unix_address->sun_path[0] == '\0')
      return unusable(text, "is a unix socket without a file, which every user may use");
    BOOST_OUTCOME_TRY(auto address, parse_listen(fmt::format("unix:{}", unix_address->sun_path)));
    return Place{std::move(address), socket};
  }
  if (bound.ss_family != AF_INET && bound.ss_family != AF_INET6)
    return unusable(text, "is neither TCP nor a unix socket");
  tcp::endpoint endpoint;
  std::memcpy(endpoint.data(), any, std::min<std::size_t>(endpoint.capacity(), size));
  BOOST_OUTCOME_TRY(auto address, parse_listen(shown({.host = endpoint.address().to_string(),
                                                      .port = std::to_string(endpoint.port()),
                                                      .unix_path = ""})));
  return Place{std::move(address), socket};
}

Error cannot_listen(const ListenAddress& address, const std::string& why) {
  return {Code::unavailable, fmt::format("Cannot listen on {}: {}.", shown(address), why), "cannot_listen"};
}

Result<> inherit(const Place& place, SocketFile::Acceptor& acceptor) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(place.socket, reinterpret_cast<sockaddr*>(&bound), &size);
  error_code error;
  acceptor.assign(asio::generic::stream_protocol(bound.ss_family, 0), place.socket, error);
  if (error) return cannot_listen(place.address, error.message());
  if (::fcntl(place.socket, F_SETFD, FD_CLOEXEC) == 0) return success();
  return cannot_listen(place.address, std::strerror(errno));
}

Result<> bind(const ListenAddress& address, SocketFile::Acceptor& acceptor) {
  error_code error;
  tcp::resolver resolver(acceptor.get_executor());
  const auto found = resolver.resolve(address.host, address.port,
                                      tcp::resolver::numeric_service | tcp::resolver::passive, error);
  if (error || found.empty())
    return invalid("/listen", fmt::format("{} cannot be resolved: {}", address.host, error.message()));
  const tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) return success();
  if (error != asio::error::address_in_use) return cannot_listen(address, error.message());
  return Error{
      Code::unavailable,
      fmt::format("Something listens on {} already: stop it, or choose another address with --listen.",
                  shown(address)),
      "address_in_use"};
}

}  // namespace

Result<std::vector<Place>> places(std::string_view listen) {
  if (!listen.starts_with(kDescriptor)) {
    BOOST_OUTCOME_TRY(auto address, parse_listen(listen));
    return std::vector{Place{.address = std::move(address)}};
  }
  std::vector<Place> found;
  for (const std::string& each : listed(listen)) {
    BOOST_OUTCOME_TRY(found.emplace_back(), place_of(each));
  }
  return found;
}

Result<> listen_at(const Place& place, SocketFile::Acceptor& acceptor, std::optional<SocketFile>& file) {
  if (place.socket >= 0) return inherit(place, acceptor);
  if (place.address.unix_path.empty()) return bind(place.address, acceptor);
  return file.emplace(place.address.unix_path).bind(acceptor);
}

std::string inherited(const std::vector<int>& sockets) {
  std::vector<std::string> texts;
  for (const int socket : sockets) texts.push_back(fmt::format("{}{}", kDescriptor, socket));
  return fmt::format("{}", fmt::join(texts, ","));
}

std::string shown(const ListenAddress& address) {
  if (!address.unix_path.empty()) return fmt::format("unix:{}", address.unix_path);
  const bool is_v6 = address.host.find(':') != address.host.npos;
  return fmt::format(fmt::runtime(is_v6 ? "[{}]:{}" : "{}:{}"), address.host, address.port);
}

std::string shown(const std::vector<Place>& places) {
  std::vector<std::string> texts;
  for (const Place& place : places) texts.push_back(shown(place.address));
  return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace medsynth::api
