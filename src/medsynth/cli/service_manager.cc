#include "medsynth/cli/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

#include "medsynth/base/descriptor.h"

namespace medsynth::cli {
namespace {

constexpr int kFirstSocket = 3;  // SD_LISTEN_FDS_START

std::int64_t whole(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

}  // namespace

ServiceManager::ServiceManager(const Environment& environment)
    : socket_(environment("NOTIFY_SOCKET").value_or("")) {
  // Variables go on to children, for whom they are not meant.
  if (whole(environment("LISTEN_PID").value_or("")) == ::getpid())
    socket_count_ = whole(environment("LISTEN_FDS").value_or(""));
  const std::string pid = environment("WATCHDOG_PID").value_or("");
  if (!pid.empty() && whole(pid) != ::getpid()) return;
  patience_ = std::chrono::microseconds(whole(environment("WATCHDOG_USEC").value_or("")));
}

void ServiceManager::reloading() const {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                   std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

Result<std::vector<int>> ServiceManager::sockets() const {
  std::vector<int> sockets;
  for (int each = kFirstSocket; each < kFirstSocket + socket_count_; ++each) {
    if (::fcntl(each, F_SETFD, FD_CLOEXEC) != 0)
      return invalid(
          "LISTEN_FDS",
          fmt::format("says that {} sockets were handed over, but descriptor {} is not open: let a "
                      "socket unit start this process, or leave the variable out",
                      socket_count_, each));
    sockets.push_back(each);
  }
  return sockets;
}

void ServiceManager::tell(std::string_view state) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  if (socket_[0] != '/' && socket_[0] != '@') return;
  address.sun_family = AF_UNIX;
  socket_.copy(address.sun_path, socket_.size());
  if (socket_[0] == '@') address.sun_path[0] = '\0';  // an abstract one
  const Descriptor to(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!to) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  (void)::sendto(*to, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                 size);
}

}  // namespace medsynth::cli
