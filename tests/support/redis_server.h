// A throw-away redis-server for integration tests: in a temporary folder, on a unix socket and a free port of
// 127.0.0.1. It ends with the object, and with the thread that started it. Not thread safe.
//
//   test::RedisServer server;                    // throws std::runtime_error when it does not start
//   redis::ClientOptions options{.url = *redis::parse_url(server.url())};
//   server.kill(); server.start();               // same port, same data (append-only file)
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace medsynth::test {

// A folder of its own under the system's temporary one (short: unix socket paths have at most 107 bytes).
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "medsynth-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp failed: " + pattern);
    path_ = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline int connect_to(const std::filesystem::path& socket_path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_path.c_str(), sizeof(address.sun_path) - 1);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  ::close(fd);
  return -1;
}

// A port of 127.0.0.1 on which nothing listens now.
inline int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!bound) throw std::runtime_error("no free port on 127.0.0.1");
  return ntohs(address.sin_port);
}

class RedisServer {
 public:
  // `extra` are further words of redis-server's command line: {"--requirepass", "secret"}.
  explicit RedisServer(std::vector<std::string> extra = {}) : extra_(std::move(extra)), port_(free_port()) {
    start();
  }
  ~RedisServer() { kill(); }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  // Starts it (again) on the same port and data, and waits until it answers.
  void start() {
    std::vector<std::string> words{"redis-server",
                                   "--port",
                                   std::to_string(port_),
                                   "--bind",
                                   "127.0.0.1",
                                   "--unixsocket",
                                   socket().string(),
                                   "--dir",
                                   folder_.path(),
                                   "--appendonly",
                                   "yes",
                                   "--save",
                                   "",
                                   "--daemonize",
                                   "no",
                                   "--logfile",
                                   (folder_.path() / "log").string(),
                                   "--notify-keyspace-events",
                                   "KEA"};
    words.insert(words.end(), extra_.begin(), extra_.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(1);
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
    wait_until_it_answers();
  }

  void stop() { end_with(SIGTERM); }
  void kill() { end_with(SIGKILL); }
  void pause() const { ::kill(pid_, SIGSTOP); }
  void resume() const { ::kill(pid_, SIGCONT); }

  pid_t pid() const { return pid_; }
  int port() const { return port_; }
  std::filesystem::path socket() const { return folder_.path() / "redis.sock"; }
  std::string url(int database = 0) const {
    return "redis://127.0.0.1:" + std::to_string(port_) + "/" + std::to_string(database);
  }
  std::string unix_url(int database = 0) const {
    return "unix://" + socket().string() + "?db=" + std::to_string(database);
  }

 private:
  void wait_until_it_answers() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break;
      if (answers()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    throw std::runtime_error("redis-server did not start; is it installed?");
  }

  // Anything but LOADING counts: a server with a password answers NOAUTH.
  bool answers() const {
    const int fd = connect_to(socket());
    if (fd < 0) return false;
    char reply[64] = {};
    const timeval wait{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    const bool spoke =
        ::send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 && ::recv(fd, reply, sizeof(reply) - 1, 0) > 0;
    ::close(fd);
    return spoke && std::string_view(reply).find("LOADING") == std::string_view::npos;
  }

  void end_with(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    if (signal != SIGKILL) ::kill(pid_, SIGCONT);  // a paused one would never see it
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

  TempFolder folder_;
  std::vector<std::string> extra_;
  int port_;
  pid_t pid_ = 0;
};

}  // namespace medsynth::test
