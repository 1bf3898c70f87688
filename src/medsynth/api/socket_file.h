// The file of a unix socket that the server listens on.
//
//   SocketFile file(path);
//   BOOST_OUTCOME_TRY(file.bind(acceptor));   // listens from here on
//   ... acceptor.close() ...
//   file.remove();
#pragma once

#include <sys/types.h>

#include <filesystem>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include "medsynth/base/error.h"

namespace medsynth::api {

class SocketFile {
 public:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;

  explicit SocketFile(std::filesystem::path path) : path_(std::move(path)) {}
  ~SocketFile() { remove(); }
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

  // Opens `acceptor` at the path, mode 660. What a server that was killed left there is replaced, by one process at a
  // time. unavailable: something answers there ("address_in_use"), it is another kind of file, or the folder is not
  // there or not ours ("cannot_listen").
  Result<> bind(Acceptor& acceptor);
  // Removes the file, where it is still that of bind().
  void remove();

 private:
  std::filesystem::path path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace medsynth::api
