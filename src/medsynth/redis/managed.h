// A private redis-server (or valkey-server) child, for people who have no Redis of their own.
//
//   BOOST_OUTCOME_TRY(auto server, redis::Managed::start({.url = url, .data_dir = data_dir}, 10s));
//   ... server->alive() ...                        // until the owner lets go of it, which stops it in order
//
// Bound to the URL's loopback address and to a private unix socket, data in <data_dir>/redis (mode 700),
// append-only file, noeviction, a bound on memory, keyspace events on. It asks for the URL's password, or for
// one of its own that only its owner can read (access.h), and has no command that we do not use. It dies with its parent (spawned from
// the main thread, PDEATHSIG, getppid checked) and inherits a lock on its data folder, so that two servers
// never share one folder and a restarted `serve` waits for its own dying child instead of taking it for
// somebody else's.
//
// Not thread safe: one owner, the thread that starts processes.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/redis/url.h"

namespace medsynth::redis {

// By what name the server is installed: Redis, or Valkey, which goes on from Redis 7.2.
inline const std::vector<std::string> kRedisServers{"redis-server", "valkey-server"};

// The path of the first that is in PATH; unavailable ("redis_not_installed") where none is.
Result<std::string> find_server(const std::vector<std::string>& programs = kRedisServers);

struct ManagedOptions {
  Url url;
  std::filesystem::path data_dir;  // <data_dir>/redis is made
  std::string fsync = "everysec";  // everysec | always
  std::uint64_t max_memory = 0;    // bytes that its data may take; then it refuses writes. 0: no bound
  std::vector<std::string> programs = kRedisServers;  // the first that is there; with a '/' it is a path
  // Asked each 20 ms while start() waits; false ends it. `why` says what for, "" while that is not worth a
  // word.
  std::function<bool(const std::string& why)> keep_waiting = [](const std::string&) { return true; };
};

class Managed {
 public:
  // Takes the folder's lock (waits up to `timeout` for a dying owner), starts the server and waits until it
  // answers PING. Every error but the first says the way out:
  //   invalid_argument  not a loopback address, TLS, or a user other than "default"
  //   unavailable       "redis_folder_in_use" (says by which pid), "redis_port_taken", "redis_not_installed",
  //                     "redis_not_started" (with what the server said last)
  //                     "redis_folder_unsafe" (what lies in the folder is a link, or somebody else's)
  //   timeout           it started but still loads its data; it was stopped again
  //   cancelled         keep_waiting() said so
  static Result<std::unique_ptr<Managed>> start(const ManagedOptions& options,
                                                std::chrono::milliseconds timeout);

  // True when something answers at the URL (a TCP or unix connect succeeds within a second).
  static bool answers(const Url& url);

  ~Managed();  // stops it in order: SIGTERM (everything is written), after 10 s SIGKILL
  Managed(const Managed&) = delete;
  Managed& operator=(const Managed&) = delete;

  int pid() const;
  bool alive();                          // reaps it when it has ended
  std::filesystem::path socket() const;  // the private one, mode 700; the URL's own when that is a socket

 private:
  struct Impl;
  explicit Managed(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace medsynth::redis
