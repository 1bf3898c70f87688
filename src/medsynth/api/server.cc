// The listening socket and the life of connections.
#include "medsynth/api/server.h"

#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <exception>
#include <future>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "medsynth/api/audit_log.h"
#include "medsynth/api/connections.h"
#include "medsynth/api/key_file.h"
#include "medsynth/api/places.h"
#include "medsynth/api/problem.h"
#include "medsynth/api/proxies.h"
#include "medsynth/api/socket_file.h"
#include "medsynth/api/tls.h"
#include "medsynth/api/watched_files.h"
#include "medsynth/base/id.h"
#include "medsynth/base/log.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Deadlines are seconds: being late by this does not matter.
constexpr std::chrono::milliseconds kLookAtDeadlines{100};
// Out of descriptors: some will be back soon.
constexpr std::chrono::milliseconds kAcceptAgain{100};
// How long stop() waits for connections that it closed.
constexpr std::chrono::milliseconds kClosing{1000};

// What a socket of TCP has at one of its ends.
tcp::endpoint tcp_endpoint(const asio::generic::stream_protocol::endpoint& endpoint) {
  tcp::endpoint tcp;
  std::memcpy(tcp.data(), endpoint.data(), std::min(endpoint.size(), tcp.capacity()));
  return tcp;
}

std::string shown(const tcp::endpoint& endpoint) {
  return shown(ListenAddress{
      .host = endpoint.address().to_string(), .port = std::to_string(endpoint.port()), .unix_path = ""});
}

std::string peer_of(const Socket& socket) {
  error_code gone;
  const auto endpoint = socket.remote_endpoint(gone);
  if (gone) return "";
  if (endpoint.protocol().family() == AF_UNIX) return std::string(kUnixPeer);
  const asio::ip::address address = tcp_endpoint(endpoint).address();
  return address.is_v6() && address.to_v6().is_v4_mapped()
             ? asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string()
             : address.to_string();
}

Result<std::shared_ptr<asio::ssl::context>> tls_of(const ServerOptions& options) {
  return tls_context(options.tls_certificate, options.tls_key,
                     {.authorities = options.tls_client_ca, .required = options.tls_client_required});
}

bool all_loopback(const std::vector<Place>& where) {
  return std::ranges::all_of(where, [](const Place& place) { return place.address.is_loopback; });
}

Result<> check(const ServerOptions& options) {
  BOOST_OUTCOME_TRY(check_hosts(options.allowed_hosts));
  BOOST_OUTCOME_TRY(check_path_prefix(options.path_prefix));
  BOOST_OUTCOME_TRY(TrustedProxies::parse(options.trusted_proxies));
  if (options.tls_client_ca.empty() || !options.tls_certificate.empty()) return success();
  return invalid("/tls_client_ca",
                 "needs a server that speaks https: add --tls-certificate or --tls-self-signed");
}

}  // namespace

struct Server::Impl : std::enable_shared_from_this<Server::Impl> {
  Impl(asio::io_context& io_, const ServerOptions& options, const Services& services)
      : io(io_),
        deadlines(io_),
        shared{.app = App(options, services),
               .bytes = BytesInFlight(options.max_bytes_in_flight),
               .id_prefix = new_uuid().substr(0, 8)} {}

  Result<> read_keys();
  void reread_keys();
  Result<> open_audit_log();
  Result<> read_certificate();
  void reread_certificate();
  Result<> listen();
  asio::awaitable<void> accept(SocketFile::Acceptor& acceptor);
  asio::awaitable<void> run(Socket socket);
  asio::awaitable<void> refuse(Socket socket);
  void look_at_deadlines();
  void stop_listening();
  void begin(Socket socket);
  void tell_drained();
  void drain();
  void close_all();

  asio::io_context& io;
  std::deque<SocketFile::Acceptor> acceptors;
  std::optional<SocketFile> socket_file;  // of a unix socket that is no inherited one
  asio::steady_timer deadlines;
  bool looking = false;
  Shared shared;
  std::string address;
  std::promise<void> drain_done;
  const std::shared_future<void> drained = drain_done.get_future().share();
  bool told_drained = false;
  int beginning = 0;  // connections whose run() has not begun
};

Result<> Server::Impl::read_keys() {
  App& app = shared.app;
  BOOST_OUTCOME_TRY(app.beyond_loopback, is_public(app.options));
  if (app.options.key_file.empty()) return success();
  BOOST_OUTCOME_TRY(auto keys, load_keys(app.options.key_file));
  app.keys = std::make_shared<const Keys>(std::move(keys));
  if (!app.options.insecure || !app.beyond_loopback) return success();
  if (app.issuer)
    return invalid("/insecure",
                   "does not go with --jwt-issuer, whose tokens are keys: leave out one of them");
  if (app.keys->empty()) return success();
  return invalid(
      "/insecure",
      fmt::format("does not go with keys, and {} has some: leave out --insecure, or remove that file",
                  app.options.key_file.string()));
}

// Not on the io_context's thread. A file that cannot be read is no reason to let in more, or fewer, than before.
void Server::Impl::reread_keys() {
  auto keys = load_keys(shared.app.options.key_file);
  if (!keys) return log::error("the keys stay as they were", {{"why", keys.error().message}});
  log::info("keys read", {{"keys", keys->keys.size()}});
  asio::post(io, [self = shared_from_this(), read = std::make_shared<const Keys>(std::move(*keys))] {
    self->shared.app.keys = read;
  });
}

// A server whose calls are to be recorded does not start where that cannot be.
Result<> Server::Impl::open_audit_log() {
  App& app = shared.app;
  const AuditFile& file = app.options.audit_file;
  if (file.path.empty()) return success();
  if (app.options.audit_always || app.needs_key()) {
    BOOST_OUTCOME_TRY(const auto where, places(app.options.listen));
    const AuditEntry started{.time = rfc3339(app.now()),
                             .action = std::string(kServeStarted),
                             .detail = fmt::format("{}, medsynth " MEDSYNTH_VERSION, shown(where))};
    BOOST_OUTCOME_TRY(append_audit(file, {&started, 1}));
  }
  app.audit = std::make_unique<AuditLog>(file);
  return success();
}

Result<> Server::Impl::read_certificate() {
  const ServerOptions& options = shared.app.options;
  if (options.tls_certificate.empty()) return success();
  BOOST_OUTCOME_TRY(shared.tls, tls_of(options));
  return success();
}

// Not on the io_context's thread. Connections keep the certificate that they began with.
void Server::Impl::reread_certificate() {
  const ServerOptions& options = shared.app.options;
  auto context = tls_of(options);
  if (!context) return log::error("the certificate stays as it was", {{"why", context.error().message}});
  log::info("certificate read", {{"file", options.tls_certificate.string()}});
  asio::post(io, [self = shared_from_this(), read = std::move(*context)] { self->shared.tls = read; });
}

Result<> Server::Impl::listen() {
  const ServerOptions& options = shared.app.options;
  BOOST_OUTCOME_TRY(const auto where, places(options.listen));
  shared.check_host = all_loopback(where) || !options.allowed_hosts.empty();
  BOOST_OUTCOME_TRY(shared.proxies, TrustedProxies::parse(options.trusted_proxies));
  const std::string scheme = options.tls_certificate.empty() ? "http" : "https";
  shared.app.session_cookie = "medsynth_session";  // and a port, since cookies are not kept by port
  for (const Place& place : where) {
    SocketFile::Acceptor& acceptor = acceptors.emplace_back(io);
    BOOST_OUTCOME_TRY(listen_at(place, acceptor, socket_file));
    error_code ignored;
    const auto endpoint = acceptor.local_endpoint(ignored);
    address += fmt::format("{}{}", address.empty() ? "" : ", ",
                           place.address.unix_path.empty()
                               ? fmt::format("{}://{}", scheme, shown(tcp_endpoint(endpoint)))
                               : shown(place.address));
    if (&place == &where.front() && place.address.unix_path.empty())
      shared.app.session_cookie += fmt::format("_{}", tcp_endpoint(endpoint).port());
  }
  return success();
}

asio::awaitable<void> Server::Impl::accept(SocketFile::Acceptor& acceptor) {
  asio::steady_timer pause(io);
  while (acceptor.is_open()) {
    error_code error;
    Socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error && !acceptor.is_open()) co_return;
    if (error) {
      log::warning("cannot accept a connection", {{"error", error.message()}});
      pause.expires_after(kAcceptAgain);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    begin(std::move(socket));
  }
}

void Server::Impl::begin(Socket socket) {
  const bool full = shared.open.size() >= shared.app.options.max_connections;
  if (full) return asio::co_spawn(io, refuse(std::move(socket)), asio::detached);
  ++beginning;
  asio::co_spawn(io, run(std::move(socket)), asio::detached);
}

void Server::Impl::tell_drained() {
  if (shared.app.draining && shared.open.empty() && beginning == 0 && !std::exchange(told_drained, true))
    drain_done.set_value();
}

asio::awaitable<void> Server::Impl::run(Socket socket) {
  const auto self = shared_from_this();
  Connection connection(std::move(socket));
  connection.peer = peer_of(connection.socket);
  connection.is_proxy = shared.proxies.trusts(connection.peer);
  if (shared.tls) connection.tls = std::make_unique<TlsStream>(connection.socket, *shared.tls);
  const auto place = shared.open.insert(shared.open.end(), &connection);
  --beginning;
  look_at_deadlines();
  try {
    co_await serve(shared, connection);
  } catch (const std::exception& error) {  // third parties', out of memory mostly: this connection only
    log::error("connection failed", {{"error", error.what()}});
  }
  shared.open.erase(place);
  tell_drained();
}

// One try: it fits into the socket's buffer. Without a handshake, which would be work for one too many, there is
// nothing to say over TLS.
asio::awaitable<void> Server::Impl::refuse(Socket socket) {
  if (shared.tls) co_return;
  const Response full = problem({Code::unavailable, "Too many connections.", "too_many_connections"}, "");
  const std::string text = fmt::format(
      "HTTP/1.1 503 Service Unavailable\r\nMedsynth-Version: " MEDSYNTH_VERSION
      "\r\nContent-Type: {}\r\nContent-Length: {}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n{}",
      full.content_type, full.body.size(), full.body);
  error_code ignored;
  co_await socket.async_write_some(asio::buffer(text), asio::redirect_error(asio::use_awaitable, ignored));
  socket.shutdown(Socket::shutdown_both, ignored);
}

void Server::Impl::look_at_deadlines() {
  if (looking || shared.open.empty()) return;
  looking = true;
  deadlines.expires_after(kLookAtDeadlines);
  deadlines.async_wait([self = shared_from_this()](error_code error) {
    self->looking = false;
    if (error) return;
    const SessionTime now = std::chrono::steady_clock::now();
    for (Connection* connection : self->shared.open) {
      if (connection->deadline > now) continue;
      connection->deadline = SessionTime::max();
      connection->overdue = true;
      connection->socket.cancel(error);
    }
    self->look_at_deadlines();
  });
}

void Server::Impl::stop_listening() {
  error_code ignored;
  for (SocketFile::Acceptor& acceptor : acceptors) acceptor.close(ignored);
  if (socket_file) socket_file->remove();
}

// Whoever is connected by now is answered, those too that wait to be accepted.
void Server::Impl::drain() {
  error_code ignored;
  shared.app.draining = true;
  shared.app.feed.wake_all();
  shared.app.events.close();
  for (SocketFile::Acceptor& acceptor : acceptors) {
    error_code none_waits;
    acceptor.non_blocking(true, none_waits);
    while (!none_waits) {
      Socket socket(io);
      acceptor.accept(socket, none_waits);
      if (!none_waits) begin(std::move(socket));
    }
  }
  stop_listening();
  for (Connection* connection : shared.open)
    if (connection->idle && !connection->fresh) connection->socket.cancel(ignored);
  // After what accept() may just have been given.
  asio::post(io, [self = shared_from_this()] { self->tell_drained(); });
}

void Server::Impl::close_all() {
  error_code ignored;
  shared.app.draining = true;
  shared.app.events.close();
  stop_listening();
  for (Connection* connection : shared.open) connection->socket.close(ignored);
}

Result<std::unique_ptr<Server>> Server::open(asio::io_context& io, ServerOptions options,
                                             const Services& services) {
  auto impl = std::make_shared<Impl>(io, options, services);
  // Before they are read: what changes from here on is noticed.
  auto watch = std::make_unique<WatchedFiles>(std::vector<WatchedFiles::Watched>{
      {{options.key_file}, [server = impl.get()] { server->reread_keys(); }},
      {{options.tls_certificate, options.tls_key, options.tls_client_ca},
       [server = impl.get()] { server->reread_certificate(); }},
      {{options.issuer.file}, [server = impl.get()] { server->shared.app.issuer->refresh(); }}});
  if (options.issuer.fetch) impl->shared.app.issuer = std::make_unique<Issuer>(options.issuer);
  BOOST_OUTCOME_TRY(impl->read_keys());
  BOOST_OUTCOME_TRY(impl->read_certificate());
  BOOST_OUTCOME_TRY(impl->open_audit_log());
  BOOST_OUTCOME_TRY(impl->listen());
  for (SocketFile::Acceptor& acceptor : impl->acceptors)
    asio::co_spawn(
        io, [impl, &acceptor]() -> asio::awaitable<void> { co_await impl->accept(acceptor); },
        asio::detached);
  asio::co_spawn(
      io, [impl]() -> asio::awaitable<void> { co_await impl->shared.app.events.run(); }, asio::detached);
  return std::unique_ptr<Server>(new Server(std::move(impl), std::move(watch)));
}

Result<bool> is_public(const ServerOptions& options) {
  BOOST_OUTCOME_TRY(check(options));
  BOOST_OUTCOME_TRY(const auto where, places(options.listen));
  return !all_loopback(where) || !options.trusted_proxies.empty() || !options.allowed_hosts.empty();
}

App::App(ServerOptions options_, const Services& services_)
    : options(std::move(options_)),
      services(services_),
      openapi(openapi_document(options.path_prefix)),
      feed(services.client, services.store.channel(), [this](std::string_view id, std::string_view status) {
        if (const auto outcome = estimates.heard(id, status, now())) services.metrics.wait_estimate(*outcome);
        events.notify();
        return !estimates.empty() || events.wanted();
      }) {
  asio::post(parser, [] { pthread_setname_np(pthread_self(), "ms-parse"); });
}

Server::Server(std::shared_ptr<Impl> impl, std::unique_ptr<WatchedFiles> watch)
    : impl_(std::move(impl)), watch_(std::move(watch)) {}

Server::~Server() {
  watch_.reset();
  asio::post(impl_->io, [impl = impl_] { impl->close_all(); });
  if (impl_->shared.app.audit) impl_->shared.app.audit->stop();
  impl_->shared.app.parser.join();  // what it reads belongs to connections, which end with the io_context
}

std::string Server::address() const {
  return impl_->address;
}

void Server::stop(std::chrono::milliseconds grace) {
  asio::post(impl_->io, [impl = impl_] { impl->drain(); });
  if (impl_->drained.wait_for(grace) == std::future_status::ready) return;
  asio::post(impl_->io, [impl = impl_] { impl->close_all(); });
  impl_->drained.wait_for(kClosing);
}

}  // namespace medsynth::api
