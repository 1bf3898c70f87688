// The HTTP server: every call of /openapi.json, over HTTP/1.1 with keep-alive and pipelining.
//
//   boost::asio::io_context io(1);
//   redis::Client client({.url = url}, &io);                       // shared: reading a task costs no thread
//   hop api::Services services{client, store, broker, fleet, metrics, *sensors}; BOOST_OUTCOME_TRY(auto
//   server, api::Server::open(io, {.listen = "127.0.0.1:8000"}, services)); std::jthread thread([&] {
//   pthread_setname_np(pthread_self(), "ms-api"); io.run(); });
//   ... print(server->address()); wait for SIGTERM ...
//   server->stop(30s);
//   io.stop();
//
// Everything runs on the one thread that runs the io_context; open() is called before it runs or on it, the
// other methods on any other thread. Calls need a key (keys.h) where `key_file` has one or there is an issuer of tokens, and beyond loopback
// unless `insecure`; a change of the file is noticed within a second, by a thread of the server's own
// ("ms-files"). On loopback the Host header must name loopback (a web page that rebinds its name to 127.0.0.1 is
// refused with 421), or one of `allowed_hosts`, which count elsewhere too. Everywhere, what a page of another origin sends may not change anything (origin.h). Bodies
// of 64 KiB and more are read on another thread of its own ("ms-parse").
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "medsynth/api/audit_file.h"
#include "medsynth/api/callers.h"
#include "medsynth/api/issuer.h"
#include "medsynth/base/clock.h"
#include "medsynth/base/error.h"
#include "medsynth/dramatiq/broker.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/limits/limits.h"
#include "medsynth/limits/sensors.h"
#include "medsynth/redis/client.h"
#include "medsynth/tasks/store.h"
#include "medsynth/telemetry/telemetry.h"

namespace boost::asio {
class io_context;
}

namespace medsynth::api {

struct ServerOptions {
  std::string listen = "127.0.0.1:8000";        // host:port, [::1]:port, unix:/path; port 0 takes a free one
  bool insecure = false;                        // needs no key beyond loopback while there is none
  std::filesystem::path key_file = {};          // "": there are no keys
  bool metrics_open = false;                    // /metrics needs no key
  std::filesystem::path tls_certificate = {};   // PEM with its chain; "": plain HTTP
  std::filesystem::path tls_key = {};           // PEM; "": in tls_certificate as well
  std::filesystem::path tls_client_ca = {};     // PEM; "": clients show no certificate
  bool tls_client_required = false;             // no connection without one
  IssuerOptions issuer = {};                    // whose tokens are keys as well
  std::vector<std::string> allowed_hosts = {};  // names in Host besides loopback's; empty: beyond it any
  std::string path_prefix = {};                 // "/medsynth": where a proxy has this server
  std::vector<std::string> trusted_proxies = {};  // who is believed whom it speaks for; see proxies.h
  CallerLimits address_limits = {};               // of each address that shows no key
  AuditFile audit_file = {};                      // of the audit log
  bool audit_always = false;                      // else only where calls need a key

  std::string queue = "medsynth";                     // where POST async-ml puts messages
  std::vector<std::string> queues = {"medsynth"};     // that workers of ours consume
  std::string task_prefix = "task:";                  // idempotency keys lie under it
  bool expect_workers = true;                         // /readyz wants a live worker
  std::filesystem::path label_file = "labels.jsonl";  // where POST /v1/labels keeps them
  std::string host;                    // of this machine in `hosts` when no worker lives; "" asks the system
  limits::Limits limits;               // this process's environment's, where no worker says otherwise
  std::int64_t max_cached_models = 5;  // shown when no worker lives
  double model_cache_ttl = 3600;       // seconds; the same

  // Where each of `limits` comes from: origin_name().
  std::map<std::string, std::string, std::less<>> limits_origin;

  std::size_t body_limit = 16 * 1024 * 1024;  // bytes; beyond: 413
  std::uint32_t header_limit = 16 * 1024;     // bytes; beyond: 431
  std::chrono::milliseconds header_timeout{
      10'000};  // from the first byte of a request to the end of its header: 408
  std::chrono::milliseconds body_timeout{60'000};    // from there to the end of its body: 408
  std::chrono::milliseconds idle_timeout{60'000};    // between requests, and for writing an answer
  std::chrono::milliseconds confirm_timeout{1'000};  // how long a change waits for the workers
  std::size_t max_connections = 4096;                // beyond: 503 and closed
  // Of requests and answers of all connections together; beyond: 503. At least body_limit.
  std::size_t max_bytes_in_flight = 128 * 1024 * 1024;
  std::int64_t max_queue_length =
      0;                   // messages that submissions may leave on a queue; beyond: 503; 0: no bound
  bool access_log = true;  // one line at info for each request
};

// What the server works with. All of it outlives the io_context's last run.
struct Services {
  redis::Client& client;  // on the server's io_context
  const tasks::Store& store;
  const dramatiq::Broker& broker;
  const fleet::Fleet& fleet;
  telemetry::Metrics& metrics;
  limits::Sensors& sensors;
  const Clock& clock = system_clock();
};

class WatchedFiles;

class Server {
 public:
  // Listens when it returns. invalid_argument (pointer "/listen"): not an address; (pointer "/insecure"): beyond
  // loopback although there are keys, or an issuer of some; errors of load_keys(); unavailable (reason "address_in_use"): somebody else
  // listens there.
  static Result<std::unique_ptr<Server>> open(boost::asio::io_context& io, ServerOptions options,
                                              const Services& services);
  ~Server();  // closes every connection
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // "http://127.0.0.1:8000" or "https://...", with the port that was chosen; "unix:/path".
  std::string address() const;

  // /readyz says no from now on, nothing new is accepted, idle connections are closed, requests under way get
  // their answer. Blocks until all are gone or `grace` is over; what is left then is closed. Not on the
  // io_context's thread.
  void stop(std::chrono::milliseconds grace);

 private:
  struct Impl;
  Server(std::shared_ptr<Impl> impl, std::unique_ptr<WatchedFiles> watch);
  std::shared_ptr<Impl> impl_;
  std::unique_ptr<WatchedFiles> watch_;
};

// Whether other machines reach it, so that calls need a key: it listens beyond loopback, or a proxy passes them on
// (trusted_proxies, allowed_hosts). invalid_argument: options that open() refuses as well.
Result<bool> is_public(const ServerOptions& options);

// The OpenAPI 3.1 document of this version, as /openapi.json answers it behind a proxy's `path_prefix`.
std::string openapi_document(std::string_view path_prefix = "");

}  // namespace medsynth::api
