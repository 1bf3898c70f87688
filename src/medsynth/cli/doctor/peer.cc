#include "medsynth/cli/doctor/peer.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/text.h"

namespace medsynth::cli::doctor {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostShown = 60;
constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";

// A greeting of TLS 1.2 with one cipher and no extension: whoever speaks TLS answers with a record, be it a
// refusal (RFC 5246, 7.4.1.2).
std::string tls_greeting() {
  const std::string body = "\x03\x03" + std::string(32, '\0') + std::string(1, '\0') +
                           std::string("\0\x02\x00\x2f", 4) + std::string("\x01\0", 2);
  const std::string handshake = std::string("\x01\0\0", 3) + static_cast<char>(body.size()) + body;
  return std::string("\x16\x03\x01\0", 4) + static_cast<char>(handshake.size()) + handshake;
}

class Connection {
 public:
  explicit Connection(int descriptor) : descriptor_(descriptor) {}
  Connection(Connection&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~Connection() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  // 0, or the system's reason.
  int connect(const sockaddr* address, socklen_t size, milliseconds patience) {
    if (descriptor_ < 0) return errno;
    if (::connect(descriptor_, address, size) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    if (!waits_for(POLLOUT, patience)) return ETIMEDOUT;
    int error = 0;
    socklen_t error_size = sizeof(error);
    ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &error_size);
    return error;
  }

  // What comes back until its line ends, and whether the other side has ended the connection.
  std::pair<std::string, bool> ask(std::string_view question, milliseconds patience) {
    if (::send(descriptor_, question.data(), question.size(), MSG_NOSIGNAL) < 0 && errno != EPIPE &&
        errno != ECONNRESET)
      return {"", false};
    const auto end = std::chrono::steady_clock::now() + patience;
    std::string answer;
    while (answer.size() < 512 && answer.find('\n') == answer.npos) {
      const auto left = std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
      if (left.count() <= 0 || !waits_for(POLLIN, left)) return {answer, false};
      char bytes[512];
      const ssize_t count = ::recv(descriptor_, bytes, sizeof bytes, 0);
      if (count <= 0) return {answer, true};
      answer.append(bytes, static_cast<std::size_t>(count));
      if (is_tls(answer)) break;  // has no lines
    }
    return {answer, false};
  }

 private:
  bool waits_for(short what, milliseconds patience) {
    pollfd waiting{descriptor_, what, 0};
    return ::poll(&waiting, 1, static_cast<int>(patience.count())) == 1;
  }
  int descriptor_;
};

Peer not_connected(int error) {
  if (error == ECONNREFUSED || error == ENOENT) return {PeerKind::nobody, std::strerror(error)};
  if (error == EACCES || error == EPERM) return {PeerKind::forbidden, std::strerror(error)};
  return {PeerKind::unreachable, std::strerror(error)};
}

// One connection to the address, or why there is none: any kind but `redis`.
struct Reached {
  Connection connection;
  Peer peer;
};
Reached reach(const redis::Url& url, milliseconds patience) {
  const auto open = [](int family) {
    return Connection(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  };
  if (!url.unix_path.empty()) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (url.unix_path.size() >= sizeof address.sun_path)
      return {Connection(-1), {PeerKind::unreachable, "the socket's path is longer than 107 bytes"}};
    std::memcpy(address.sun_path, url.unix_path.data(), url.unix_path.size());
    Connection connection = open(AF_UNIX);
    const int error =
        connection.connect(reinterpret_cast<const sockaddr*>(&address), sizeof address, patience);
    return {std::move(connection), error ? not_connected(error) : Peer{PeerKind::redis, ""}};
  }
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int error = ::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found))
    return {Connection(-1),
            {PeerKind::unreachable, fmt::format("the host is not known ({})", ::gai_strerror(error))}};
  int error = ECONNREFUSED;
  for (const addrinfo* at = found; at; at = at->ai_next) {
    Connection connection = open(at->ai_family);
    error = connection.connect(at->ai_addr, at->ai_addrlen, patience);
    if (error != 0) continue;
    ::freeaddrinfo(found);
    return {std::move(connection), {PeerKind::redis, ""}};
  }
  ::freeaddrinfo(found);
  return {Connection(-1), not_connected(error)};
}

}  // namespace

bool is_tls(std::string_view bytes) {
  // A record of a handshake or of an alert, of any version.
  return bytes.size() >= 2 && (bytes[0] == '\x16' || bytes[0] == '\x15') && bytes[1] == '\x03';
}

Peer judge_answer(std::string_view bytes, bool closed) {
  if (bytes.empty()) return {closed ? PeerKind::closes : PeerKind::silent, ""};
  if (is_tls(bytes)) return {PeerKind::tls, ""};
  std::string_view line = bytes.substr(0, bytes.find_first_of("\r\n"));
  const bool ours = bytes.find("\r\n") != bytes.npos && (line == "+PONG" || line.starts_with('-'));
  if (ours) return {PeerKind::redis, printable(line.substr(1))};
  if (line.size() > kMostShown) line = line.substr(0, kMostShown);
  return {PeerKind::stranger, printable(line)};
}

Peer meet(const redis::Url& url, milliseconds patience) {
  auto [connection, reached] = reach(url, patience);
  if (reached.kind != PeerKind::redis) return reached;
  const auto [bytes, closed] = connection.ask(kPing, patience);
  Peer peer = judge_answer(bytes, closed);
  if (peer.kind != PeerKind::silent && peer.kind != PeerKind::closes) return peer;
  auto [again, still_there] = reach(url, patience);
  if (still_there.kind == PeerKind::redis && is_tls(again.ask(tls_greeting(), patience).first))
    return {PeerKind::tls, ""};
  return peer;
}

}  // namespace medsynth::cli::doctor
