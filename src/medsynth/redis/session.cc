#include "medsynth/redis/session.h"

#include <algorithm>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <fmt/format.h>

#include "medsynth/base/log.h"

namespace medsynth::redis {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLongestReconnectWait{2000};

// The name that is expected in the certificate.
const std::string& server_name(const Url& url) {
  return url.sni.empty() ? url.host : url.sni;
}

bool is_address(const std::string& host) {
  error_code none;
  (void)asio::ip::make_address(host, none);
  return !none;
}

int name_slot() {
  static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return slot;
}

// Boost.Redis makes the TLS stream of each connection itself and names no server; OpenSSL asks here just
// before it writes the greeting that carries the name.
void name_server(const SSL* ssl, int where, int) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  const auto* name = static_cast<const char*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), name_slot()));
  if (name) SSL_set_tlsext_host_name(const_cast<SSL*>(ssl), name);
}

// `url` outlives the context.
asio::ssl::context tls_context(const Url& url) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  if (!url.tls) return context;
  error_code error;  // without any certificate to trust, the handshake fails and says so
  if (url.ca_file.empty())
    context.set_default_verify_paths(error);
  else
    context.load_verify_file(url.ca_file, error);
  if (error)
    log::error("no certificates to trust can be read; Redis will not be reached",
               {{"file", url.ca_file}, {"error", error.message()}});
  context.set_verify_mode(asio::ssl::verify_peer);
  context.set_verify_callback(asio::ssl::host_name_verification(server_name(url)));
  if (!is_address(server_name(url))) {  // an address is no name to ask for
    SSL_CTX_set_ex_data(context.native_handle(), name_slot(), const_cast<char*>(server_name(url).c_str()));
    SSL_CTX_set_info_callback(context.native_handle(), name_server);
  }
  return context;
}

// HELLO with whom we are to this server. Nobody in particular: the server's default user without a password.
void hello(boost::redis::request& request, const std::string& user, const std::string& password,
           const std::string& name) {
  if (password.empty() && user.empty())
    request.hello_setname(name);
  else
    request.hello_setname(user.empty() ? "default" : user, password, name);
}

boost::redis::config connection_config(const ClientOptions& options) {
  boost::redis::config config;
  config.use_ssl = options.url.tls;
  config.addr = {options.url.host, options.url.port};
  config.unix_socket = options.url.unix_path;
  for (const Address& each : options.url.sentinels)
    config.sentinel.addresses.push_back({each.host, each.port});
  config.sentinel.master_name = options.url.master;
  config.sentinel.use_ssl = options.url.tls;
  config.sentinel.setup.clear();
  hello(config.sentinel.setup, options.url.sentinel_user, options.url.sentinel_password, options.name);
  config.sentinel.resolve_timeout = config.sentinel.connect_timeout = config.sentinel.ssl_handshake_timeout =
      config.sentinel.request_timeout = options.connect_timeout;
  // We greet the server ourselves (an empty set-up request), to see what it answers.
  config.use_setup = true;
  config.setup.clear();
  // But behind sentinels: it is asked for its role then, and answers only whom it knows.
  if (!options.url.sentinels.empty())
    hello(config.setup, options.url.user, options.url.password, options.name);
  config.resolve_timeout = config.connect_timeout = config.ssl_handshake_timeout = options.connect_timeout;
  // One run is one connection: the session waits between them.
  config.reconnect_wait_interval = milliseconds(0);
  // A connection that has been silent for twice this is dead. Not less than the timeout, so that a slow
  // answer ends its own call first.
  config.health_check_interval = std::max(options.timeout, milliseconds(1000));
  config.read_buffer_append_size = 16 * 1024;  // large replies in few reads
  return config;
}

}  // namespace

Session::Session(ClientOptions options, asio::io_context& context)
    : options_(std::move(options)),
      context_(context),
      connection_(context.get_executor(), tls_context(options_.url), boost::redis::logger::level::disabled),
      connect_timer_(context),
      sweep_timer_(context),
      backoff_(options_.reconnect_wait) {
  connection_.set_receive_response(pushes_);
}

// ---- connecting ----

void Session::start() {
  asio::dispatch(context_, [self = shared_from_this()] {
    self->receive();
    self->connect();
  });
}

void Session::connect() {
  if (closed_) return;
  failure_.clear();
  const std::uint64_t attempt = ++attempt_;
  connection_.async_run(connection_config(options_),
                        [self = shared_from_this()](error_code error) { self->disconnected(error); });
  greet();
  // Twice: once for the connection, once for the greeting.
  connect_timer_.expires_after(2 * options_.connect_timeout);
  connect_timer_.async_wait([self = shared_from_this(), attempt](error_code error) {
    if (!error && attempt == self->attempt_ && !self->connected_)
      self->give_up_attempt(
          fmt::format("no answer within {} ms", 2 * self->options_.connect_timeout.count()));
  });
}

// PING, because a server that is loading its data lets HELLO and SELECT pass.
void Session::greet() {
  const Url& url = options_.url;
  greeting_ = boost::redis::request();
  greeting_.get_config().cancel_on_connection_lost = true;
  hello(greeting_, url.user, url.password, options_.name);
  if (url.database != 0) greeting_.push("SELECT", url.database);
  greeting_.push("PING");
  greeting_replies_ = {};
  connection_.async_exec(greeting_, adapter_for(greeting_replies_),
                         [self = shared_from_this(), attempt = attempt_](error_code error, std::size_t) {
                           self->greeted(attempt, error);
                         });
}

void Session::greeted(std::uint64_t attempt, error_code error) {
  if (error || attempt != attempt_ || closed_) return;  // disconnected() knows why
  for (const Reply& reply : greeting_replies_.take())
    if (reply.is_error()) return give_up_attempt(reply.text);
  listening_.clear();
  listen(attempt);
}

// Subscribes before anybody sees the connection, so that nothing published from then on is missed; once more
// when the set was changed meanwhile.
void Session::listen(std::uint64_t attempt) {
  if (channels_ == listening_) return now_connected();
  subscription_ = to_listen();
  subscription_.push("PING");
  connection_.async_exec(subscription_, boost::redis::any_adapter(),
                         [self = shared_from_this(), attempt](error_code failed, std::size_t) {
                           if (!failed && attempt == self->attempt_ && !self->closed_) self->listen(attempt);
                         });
}

// From the channels that the connection listens on to those that it should.
boost::redis::request Session::to_listen() {
  boost::redis::request request(fail_fast());
  request.unsubscribe(listening_);
  request.subscribe(channels_);
  listening_ = channels_;
  return request;
}

void Session::now_connected() {
  connect_timer_.cancel();
  backoff_ = options_.reconnect_wait;
  {
    const std::lock_guard lock(mutex_);
    connected_ = true;
    last_error_.clear();
  }
  changed_.notify_all();
  if (!options_.quiet) log::debug("redis connected", {{"url", std::string_view(options_.url.shown())}});
  if (const auto callback = on_connect_) callback();  // a copy: it may replace itself
}

void Session::give_up_attempt(std::string why) {
  failure_ = std::move(why);
  connection_.cancel(boost::redis::operation::run);
}

void Session::disconnected(error_code error) {
  const std::string why = failure_.empty() ? error.message() : failure_;
  bool news;
  {
    const std::lock_guard lock(mutex_);
    news = last_error_ != why;
    connected_ = false;
    if (!closed_) last_error_ = why;
  }
  connection_.cancel(boost::redis::operation::exec);  // those that would wait for the next connection
  if (closed_) return;
  // One line per cause, not per attempt.
  if (news && !options_.quiet)
    log::warning("redis not connected",
                 {{"url", std::string_view(options_.url.shown())}, {"error", std::string_view(why)}});
  connect_timer_.expires_after(backoff_);
  backoff_ = std::min(2 * backoff_, kLongestReconnectWait);
  connect_timer_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled) self->connect();
  });
}

void Session::close() {
  if (closed_) return;
  closed_ = true;
  {
    const std::lock_guard lock(mutex_);
    shut_ = true;
    connected_ = false;
    last_error_ = "the client was closed";
  }
  changed_.notify_all();
  // Only those of now: a completion that sends again gets its answer from begin().
  for (std::size_t left = pending_.size(); left > 0 && !pending_.empty(); --left)
    finish(pending_.front(), Error{Code::cancelled, "the Redis client was closed", "redis_closed"});
  connect_timer_.cancel();
  sweep_timer_.cancel();
  connection_.cancel();
  message_ = nullptr;
  on_connect_ = nullptr;
}

void Session::release_waiters() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_ == 0; });
}

std::string Session::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

Result<> Session::wait_connected(milliseconds timeout, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  ++waiting_;
  const bool settled = changed_.wait_for(lock, stop, timeout, [this] { return connected_ || shut_; });
  if (--waiting_ == 0 && shut_) changed_.notify_all();
  if (connected_) return success();
  if (settled || stop.stop_requested()) return Error{Code::cancelled, "waiting for Redis was cancelled", ""};
  return Error{Code::timeout,
               fmt::format("No connection to Redis at {} within {} ms: {}", options_.url.shown(),
                           timeout.count(), last_error_),
               "redis_unavailable"};
}

// ---- exchanges ----

void Session::send(std::vector<Command> commands, Client::Completion done) {
  asio::dispatch(context_, [self = shared_from_this(),
                            exchange = std::make_shared<Exchange>(std::move(commands), std::move(done))] {
    self->begin(exchange);
  });
}

// Never completes within the call: callers expect to be answered afterwards.
void Session::begin(const std::shared_ptr<Exchange>& exchange) {
  exchange->deadline = steady_clock::now() + options_.timeout;
  exchange->place = pending_.insert(pending_.end(), exchange);
  if (closed_)
    return finish_later(exchange, {Code::cancelled, "the Redis client was closed", "redis_closed"});
  if (!exchange->well_formed())
    return finish_later(
        exchange,
        {Code::internal, "an empty command, or one without a reply, was sent to Redis", "redis_command"});
  if (!connected_) return finish_later(exchange, unavailable(last_error()));
  if (exchange->commands.empty())
    return asio::post(context_, [self = shared_from_this(), exchange] { self->finish(exchange, Replies{}); });
  exchange_now(exchange);
  sweep_later();
}

void Session::exchange_now(const std::shared_ptr<Exchange>& exchange) {
  connection_.async_exec(exchange->request, adapter_for(exchange->incoming),
                         [self = shared_from_this(), exchange](error_code error, std::size_t) {
                           self->answered(exchange, error);
                         });
}

void Session::answered(const std::shared_ptr<Exchange>& exchange, error_code error) {
  if (!exchange->done) return;  // overdue, and ended
  if (error == asio::error::operation_aborted || error == boost::redis::error::not_connected)
    return finish(exchange, unavailable("the connection was lost before the answer came"));
  if (error)
    return finish(exchange,
                  Error{Code::internal, fmt::format("Redis' answer cannot be read: {}", error.message()),
                        "redis_reply"});
  if (exchange->take_replies()) return exchange_now(exchange);
  finish(exchange, std::move(exchange->replies));
}

void Session::finish(const std::shared_ptr<Exchange>& exchange, Result<Replies> result) {
  if (!exchange->done) return;
  const auto keep = exchange;  // the caller's may be the list's
  const Client::Completion done = std::exchange(exchange->done, nullptr);
  pending_.erase(exchange->place);
  done(std::move(result));
}

void Session::finish_later(const std::shared_ptr<Exchange>& exchange, Error error) {
  asio::post(context_, [self = shared_from_this(), exchange, error = std::move(error)]() mutable {
    self->finish(exchange, std::move(error));
  });
}

// One timer for all. What is overdue only ends its caller's wait: the connection still expects the answer.
void Session::sweep_later() {
  if (sweeping_ || pending_.empty()) return;
  sweeping_ = true;
  sweep_timer_.expires_at(pending_.front()->deadline);
  sweep_timer_.async_wait([self = shared_from_this()](error_code) {
    self->sweeping_ = false;
    self->sweep();
  });
}

void Session::sweep() {
  const auto now = steady_clock::now();
  while (!pending_.empty() && pending_.front()->deadline <= now)
    finish(pending_.front(), Error{Code::timeout,
                                   fmt::format("Redis at {} did not answer within {} ms",
                                               options_.url.shown(), options_.timeout.count()),
                                   "redis_timeout"});
  sweep_later();
}

Error Session::unavailable(std::string_view why) const {
  return {Code::unavailable,
          fmt::format("Redis at {} is not available: {}", options_.url.shown(), why),
          "redis_unavailable",
          {},
          std::chrono::seconds(1)};
}

// ---- pushes ----

void Session::subscribe(std::vector<std::string> channels, Client::Message message) {
  asio::dispatch(context_, [self = shared_from_this(), channels = std::move(channels),
                            message = std::move(message)]() mutable {
    self->channels_ = std::move(channels);
    self->message_ = std::move(message);
    if (!self->connected_ || self->closed_) return;
    auto request = std::make_shared<boost::redis::request>(self->to_listen());
    if (request->get_commands() == 0) return;
    self->connection_.async_exec(*request, boost::redis::any_adapter(),
                                 [request](error_code, std::size_t) {});
  });
}

void Session::on_connect(std::function<void()> callback) {
  asio::dispatch(context_, [self = shared_from_this(), callback = std::move(callback)]() mutable {
    if (self->closed_) return;
    self->on_connect_ = std::move(callback);
    const auto now = self->on_connect_;
    if (self->connected_ && now) now();
  });
}

void Session::receive() {
  connection_.async_receive2([self = shared_from_this()](error_code error) {
    if (error || self->closed_) return;
    self->deliver_pushes();
    self->receive();
  });
}

void Session::deliver_pushes() {
  const auto message = message_;  // a copy: it may replace itself
  for (const Reply& push : pushes_.take()) {
    const bool is_message = push.list.size() == 3 && push.list[0].text == "message";
    if (is_message && message) message(push.list[1].text, push.list[2].text);
  }
}

}  // namespace medsynth::redis
