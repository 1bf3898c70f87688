#include "medsynth/api/socket_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <boost/asio/local/stream_protocol.hpp>
#include <fmt/format.h>

#include "medsynth/base/descriptor.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;

constexpr mode_t kMode = 0660;

Error cannot_listen(const std::filesystem::path& path, std::string_view why) {
  return {Code::unavailable, fmt::format("Cannot listen on unix:{}: {}.", path.string(), why),
          "cannot_listen"};
}

// Held while one looks who answers and takes the place. The folder itself is locked: no other file stays behind.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder)
      : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (descriptor_ && ::flock(*descriptor_, LOCK_EX) == 0) held_ = true;
  }
  bool held() const { return held_; }  // false: errno says why

 private:
  Descriptor descriptor_;
  bool held_ = false;
};

// Removes a socket on which nobody listens.
Result<> make_room(asio::any_io_executor executor, const std::filesystem::path& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return success();  // where that has a reason, bind() meets it
  if (!S_ISSOCK(found.st_mode)) return cannot_listen(path, "there is a file that is no socket, which stays");
  stream_protocol::socket probe(executor);
  error_code error;
  probe.open(stream_protocol(), error);
  probe.non_blocking(true, error);  // one with a full queue would keep us waiting
  probe.connect(stream_protocol::endpoint(path.string()), error);
  if (error != asio::error::connection_refused)
    return Error{
        Code::unavailable,
        fmt::format("Something listens on unix:{} already: stop it, or choose another path with --listen.",
                    path.string()),
        "address_in_use"};
  if (::unlink(path.c_str()) != 0) return cannot_listen(path, std::strerror(errno));
  return success();
}

}  // namespace

Result<> SocketFile::bind(Acceptor& acceptor) {
  const FolderLock lock(path_.parent_path());
  if (!lock.held())
    return cannot_listen(path_, fmt::format("its folder cannot be used ({})", std::strerror(errno)));
  BOOST_OUTCOME_TRY(make_room(acceptor.get_executor(), path_));
  error_code error;
  acceptor.open(stream_protocol(), error);
  if (!error) acceptor.bind(stream_protocol::endpoint(path_.string()), error);
  if (error) return cannot_listen(path_, error.message());
  // Nobody can connect before it listens, so nobody can while others may.
  struct stat made{};
  if (::chmod(path_.c_str(), kMode) != 0 || ::lstat(path_.c_str(), &made) != 0)
    return cannot_listen(path_, std::strerror(errno));
  device_ = made.st_dev;
  inode_ = made.st_ino;
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return cannot_listen(path_, error.message());
  return success();
}

void SocketFile::remove() {
  struct stat found{};
  if (inode_ == 0 || ::lstat(path_.c_str(), &found) != 0) return;
  if (found.st_dev == device_ && found.st_ino == inode_) ::unlink(path_.c_str());
  inode_ = 0;
}

}  // namespace medsynth::api
