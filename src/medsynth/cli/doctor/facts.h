// What the doctor saw: plain values, gathered by look.h and judged by checks.h. What could not be seen is
// never a value: a Seen without one says what hid it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "medsynth/cli/doctor/peer.h"
#include "medsynth/cli/doctor/rights.h"

namespace medsynth::cli::doctor {

template <class T>
struct Seen {
  Seen() = default;
  Seen(T value_) : value(std::move(value_)) {}  // NOLINT: what was seen is a value
  static Seen hidden(std::string by) {
    Seen seen;
    seen.hidden_by = std::move(by);
    return seen;
  }
  explicit operator bool() const { return value.has_value(); }
  const T& operator*() const { return *value; }
  const T* operator->() const { return &*value; }

  std::optional<T> value;
  std::string hidden_by = "it was not looked at";
};

// ---- Redis

struct Role {
  std::string name;    // master | slave | sentinel
  std::string master;  // host:port, of a replica
};

// The process that serves Redis, where it runs on this machine.
struct RedisProcess {
  std::int64_t pid = 0;
  std::int64_t user_id = 0;
  bool replaced = false;  // its program was exchanged on disk after it started
  std::string package;    // version of Debian's redis-server; empty: it comes from elsewhere
};

struct RedisFacts {
  std::string url;  // without the password
  std::string url_error;
  std::string mode = "auto";  // MEDSYNTH_REDIS
  bool loopback = false;
  bool tls = false;
  bool has_password = false;
  std::string socket;  // path of a unix socket
  std::int64_t our_user_id = 0;
  std::string managed_error;  // why a managed Redis could not serve this URL
  Seen<std::string> program;  // the redis-server that serve would start: its version

  std::optional<Peer> peer;                        // what the first bytes met; absent behind sentinels
  bool connected = false;                          // greeted, as serve and worker do
  std::string connection_error;                    // of the greeting
  Seen<std::string> info;                          // INFO
  Seen<std::map<std::string, std::string>> hello;  // what the greeting tells: version, role
  Seen<std::string> write;                         // what a write was answered; empty: it worked
  Seen<std::map<std::string, std::string>> config;
  Seen<Role> role;
  Seen<std::int64_t> clock_apart_us;  // ours less Redis'
  Seen<std::vector<Right>> rights;
  std::string user;  // ACL WHOAMI, or of the URL
  Seen<RedisProcess> process;
  Seen<std::int64_t> format;  // of what lies in it; 0: nobody wrote it yet
};

// ---- this machine

// What a limit that is none counts as.
inline constexpr std::int64_t kUnlimited = 1'000'000'000;

struct Space {  // bytes
  std::uint64_t total = 0;
  std::uint64_t free = 0;  // for us
};

struct Folder {
  std::string path;
  bool exists = false;
  bool ours = true;       // owned by this user
  bool reachable = true;  // may be read, written and entered
  bool writable_by_others = false;
  std::string link;  // where the path leads when it, or what it holds of ours, is a link
};

struct Gate {
  std::string name;  // cpu | memory | gpu
  Seen<double> used_percent;
  double limit_percent = 100;  // 100: switched off
};

struct MachineFacts {
  double cpus = 1;  // for this process tree
  std::vector<Gate> gates;
  Seen<std::uint64_t> memory_limit;  // bytes
  std::string gpu;                   // "2 x NAME"; empty: none was found
  Folder data;
  Seen<Space> data_space;
  std::string home_problem;  // of HOME and XDG folders; empty: none
  std::string runtime_dir;
  std::string runtime_error;
  Seen<Space> runtime_space;
  Seen<std::int64_t> slots_taken;
  std::int64_t slots = 0;
  Seen<std::int64_t> descriptors;  // that a process may have at most
  Seen<std::int64_t> processes;    // that may still start, threads counted
  std::int64_t workers = 1;        // that serve starts
};

struct BuildFacts {
  std::string version;
  std::string engine;  // "llama.cpp 0.5.0-dev"
  std::string commit;  // "" when the build does not know
  std::vector<std::string> backends;
};

// ---- models

struct ModelFacts {
  std::string name;
  std::string kind;
  std::string problem;             // of the file: missing, damaged, of another digest; empty: none
  std::string digest_unread;       // why the digest was not compared
  std::string next = {};           // the way out of the problem; empty: fetch it again
  std::uint64_t memory_bytes = 0;  // 0: unknown
};
struct DefaultModel {
  std::string kind;
  std::string name;
  bool demo = false;        // a demo model answers in its place
  std::string absent;       // what resolving it said
  std::string calibration;  // of a language model: own | built_in | none | damaged
};
struct ModelsFacts {
  std::string folder;
  std::string catalogue_error;
  std::vector<ModelFacts> models;
  std::vector<DefaultModel> defaults;
};

// ---- workers and queues, from Redis

struct WorkerFacts {
  std::string id;
  std::string host;
  std::int64_t pid = 0;
  std::optional<double> silent_s;  // since its last heartbeat, by Redis' clock; absent: none is known
  bool registered = false;         // in the registry of our workers
  bool reports = false;            // has a snapshot
  // Of the snapshot.
  std::string version;
  std::map<std::string, double> limits;
  double behind_s = 0;  // the snapshot's time against Redis' clock
  bool draining = false;
  std::string gate_reason;  // why no task starts there
  std::string gate_detail;
  std::vector<std::string> queues;
};
struct QueueFacts {
  std::string name;
  bool paused = false;
  std::int64_t ready = 0;
  std::int64_t dead = 0;
};
struct WaitingFacts {
  struct Reason {
    std::int64_t tasks = 0;
    std::string detail, remedy;  // of the first of them
  };
  std::map<std::string, Reason> reasons;  // of those that were looked at
  std::int64_t unended = 0;               // tasks that are pending or retrying
  std::int64_t looked_at = 0;             // the newest of those
};
struct BlockedModelFacts {
  std::string name;
  std::string file;
  std::int64_t deaths = 0;
  std::string until;
};
struct FleetFacts {
  std::vector<WorkerFacts> workers;
  std::int64_t python_workers = 0;  // with a heartbeat
  std::vector<QueueFacts> queues;
  std::vector<BlockedModelFacts> blocked;
  Seen<WaitingFacts> waiting;
};

// ---- the server

struct ServerFacts {
  std::string url;
  std::string url_error;
  bool answered = false;
  int status = 0;
  std::string body;
  std::string no_answer;     // why nothing came back
  std::string listen;        // where serve would listen
  std::string listen_error;  // why it could not; "" when it could
};

}  // namespace medsynth::cli::doctor
