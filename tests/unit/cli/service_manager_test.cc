// What systemd hears, by a socket of the test's own.
#include "medsynth/cli/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <map>

#include <gtest/gtest.h>

namespace medsynth::cli {
namespace {

using namespace std::chrono_literals;

Environment given(std::map<std::string, std::string> values) {
  return [values](const std::string& name) -> std::optional<std::string> {
    const auto at = values.find(name);
    return at == values.end() ? std::nullopt : std::optional(at->second);
  };
}

class Listener {
 public:
  explicit Listener(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size), 0);
  }
  ~Listener() { ::close(fd_); }
  std::string next() const {
    char buffer[128];
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return got < 0 ? "" : std::string(buffer, static_cast<std::size_t>(got));
  }

 private:
  int fd_;
};

TEST(ServiceManagerTest, HearsWhatItAskedFor) {
  const std::string name = "@medsynth-test-" + std::to_string(::getpid());
  const Listener systemd(name);
  const ServiceManager manager(given({{"NOTIFY_SOCKET", name}, {"WATCHDOG_USEC", "5000000"}}));
  EXPECT_EQ(manager.patience(), 5s);
  manager.ready();
  manager.alive();
  manager.stopping();
  EXPECT_EQ(systemd.next(), "READY=1");
  EXPECT_EQ(systemd.next(), "WATCHDOG=1");
  EXPECT_EQ(systemd.next(), "STOPPING=1");
  EXPECT_EQ(systemd.next(), "");
}

TEST(ServiceManagerTest, AWatchdogOfAnotherProcessIsNotOurs) {
  const auto of = [](std::string pid) {
    return ServiceManager(given({{"WATCHDOG_USEC", "1"}, {"WATCHDOG_PID", std::move(pid)}})).patience();
  };
  EXPECT_EQ(of(std::to_string(::getpid())), 1us);
  EXPECT_EQ(of("1"), 0us);
}

TEST(ServiceManagerTest, AReloadHasATime) {
  const std::string name = "@medsynth-reload-" + std::to_string(::getpid());
  const Listener systemd(name);
  const auto now = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  };
  const auto before = now();
  ServiceManager(given({{"NOTIFY_SOCKET", name}})).reloading();
  const std::string heard = systemd.next(), start = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_TRUE(heard.starts_with(start)) << heard;
  const auto at = std::stoll(heard.substr(start.size()));
  EXPECT_TRUE(before <= at && at <= now()) << heard;
}

TEST(ServiceManagerTest, SocketsOfAnotherProcessAreNotOurs) {
  const auto of = [](const std::string& pid, const std::string& count) {
    return ServiceManager(given({{"LISTEN_PID", pid}, {"LISTEN_FDS", count}})).sockets();
  };
  const std::string own = std::to_string(::getpid());
  EXPECT_TRUE(of("1", "1").value().empty());
  EXPECT_TRUE(of("", "1").value().empty());
  EXPECT_TRUE(of(own, "0").value().empty());
  EXPECT_TRUE(of(own, "-1").value().empty());
  EXPECT_TRUE(of(own, "many").value().empty());
  const auto missing = of(own, "100000");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::invalid_argument);
  EXPECT_NE(missing.error().message.find("is not open"), std::string::npos) << missing.error().message;
}

TEST(ServiceManagerTest, WhereNobodyAsksNothingHappens) {
  for (const std::string& socket : {std::string(), std::string("relative"), std::string(200, '/')}) {
    const ServiceManager manager(given({{"NOTIFY_SOCKET", socket}, {"WATCHDOG_USEC", "no number"}}));
    EXPECT_EQ(manager.patience(), 0us);
    manager.ready();
  }
}

}  // namespace
}  // namespace medsynth::cli
