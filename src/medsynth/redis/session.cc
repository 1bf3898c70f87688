#include "medsynth/redis/session.h"

#include <algorithm>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "medsynth/base/log.h"
#include "medsynth/redis/access.h"
#include "medsynth/redis/error_reply.h"
#include "medsynth/redis/handshake.h"

namespace medsynth::redis {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLongestReconnectWait{2000};
// A connection that lived as long was a good one: what ends it is told anew, and the next is tried at once.
constexpr std::chrono::seconds kProven{60};
constexpr std::chrono::seconds kAskTime{10};  // clocks drift by milliseconds in a minute, and are set by hand

// HELLO answers with a map: name, value, name, value ...
bool is_of_replica(const Reply& hello) {
  for (std::size_t i = 0; i + 1 < hello.list.size(); i += 2)
    if (hello.list[i].text == "role") return hello.list[i + 1].text == "replica";
  return false;
}

// Of the channels, those with a 1; all where the question itself was refused.
std::vector<std::string> permitted(const std::vector<std::string>& channels, const Reply& reply) {
  if (reply.list.size() != channels.size()) return channels;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < channels.size(); ++i)
    if (reply.list[i].integer == 1) out.push_back(channels[i]);
  return out;
}

bool says_unfit(const Reply& reply) {
  return reply.is_error() && classify(reply.text) == ErrorClass::connection;
}

}  // namespace

Session::Session(ClientOptions options, asio::io_context& context)
    : options_(std::move(options)),
      context_(context),
      connection_(context.get_executor(), tls_context(options_.url, why_), why_.listener()),
      connect_timer_(context),
      sweep_timer_(context),
      time_timer_(context),
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
  why_.clear();
  const std::uint64_t attempt = ++attempt_;
  at_ = way_in(options_.url);
  connection_.async_run(connection_config(options_, at_),
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

// PING, because a server that is loading its data lets HELLO, SELECT and TIME pass.
void Session::greet() {
  greeting_ = boost::redis::request();
  greeting_.get_config().cancel_on_connection_lost = true;
  hello(greeting_, at_.user, at_.password, options_.name);
  if (at_.database != 0) greeting_.push("SELECT", at_.database);
  greeting_.push("PING");
  greeting_replies_ = {};
  connection_.async_exec(greeting_, adapter_for(greeting_replies_),
                         [self = shared_from_this(), attempt = attempt_](error_code error, std::size_t) {
                           self->greeted(attempt, error);
                         });
}

void Session::greeted(std::uint64_t attempt, error_code error) {
  if (error || attempt != attempt_ || closed_) return;  // disconnected() knows why
  const Replies replies = greeting_replies_.take();
  for (const Reply& reply : replies)
    if (reply.is_error()) return give_up_attempt(error_of(reply.text).message);
  if (!options_.accept_replica && is_of_replica(replies.front()))
    return give_up_attempt(
        "it is a replica, and takes no writes: REDIS_URL must name its master, or sentinels that know it");
  ask_time(attempt);
  listening_.clear();
  heard_.clear();
  hears_all_ = true;
  listen(attempt);
}

// What Redis' clock says belongs to between our question and its answer.
void Session::ask_time(std::uint64_t attempt) {
  if (attempt != attempt_ || closed_) return;
  auto replies = std::make_shared<ReplyBuilder>();
  auto request = std::make_shared<boost::redis::request>(fail_fast());
  request->push("TIME");
  connection_.async_exec(*request, adapter_for(*replies),
                         [self = shared_from_this(), attempt, request, replies, asked = clock_.elapsed()](
                             error_code error, std::size_t) {
                           if (error || attempt != self->attempt_ || self->closed_) return;
                           const Replies got = replies->take();
                           if (const auto theirs = got.empty() ? std::nullopt : time_of(got[0]))
                             self->clock_.heard(asked, *theirs, self->clock_.elapsed());
                           self->time_timer_.expires_after(kAskTime);
                           self->time_timer_.async_wait([self, attempt](error_code cancelled) {
                             if (cancelled) return;
                             if (!self->hears_all_) self->listen_again();
                             self->ask_time(attempt);
                           });
                         });
}

// Subscribes before anybody sees the connection, so that nothing published from then on is missed; once more
// when the set was changed meanwhile. Asks first what this user may hear: a refusal is an answer to a command
// that has none, and what follows on the connection would be taken for the answer of the command before.
void Session::listen(std::uint64_t attempt) {
  if (channels_ == listening_) return now_connected();
  listening_ = channels_;
  if (listening_.empty()) return subscribe_to(attempt, {});
  constexpr std::string_view kMay =
      "local may = {} for i, channel in ipairs(ARGV) do "
      "may[i] = (not redis.acl_check_cmd or redis.acl_check_cmd('SUBSCRIBE', channel)) and 1 or 0 end return "
      "may";
  std::vector<std::string> words{std::string(kMay), "0"};
  words.insert(words.end(), listening_.begin(), listening_.end());
  subscription_ = boost::redis::request(fail_fast());
  subscription_.push_range("EVAL", words);
  subscription_replies_ = {};
  connection_.async_exec(
      subscription_, adapter_for(subscription_replies_),
      [self = shared_from_this(), attempt, asked = listening_](error_code failed, std::size_t) {
        if (failed || attempt != self->attempt_ || self->closed_) return;
        const Replies replies = self->subscription_replies_.take();
        self->subscribe_to(attempt, permitted(asked, replies.front()));
      });
}

void Session::subscribe_to(std::uint64_t attempt, std::vector<std::string> channels) {
  const bool all = channels.size() == listening_.size();
  if (std::exchange(hears_all_, all) && !all && !options_.quiet)
    log::warning(
        "this user may not hear all channels: what they tell is found later, by looking",
        {{"url", std::string_view(options_.url.shown())}, {"next", "give it those of docs/redis.md"}});
  subscription_ = boost::redis::request(fail_fast());
  subscription_.unsubscribe(std::exchange(heard_, std::move(channels)));
  subscription_.subscribe(heard_);
  subscription_.push("PING");
  subscription_replies_ = {};
  connection_.async_exec(subscription_, adapter_for(subscription_replies_),
                         [self = shared_from_this(), attempt](error_code failed, std::size_t) {
                           if (failed || attempt != self->attempt_ || self->closed_) return;
                           for (const Reply& reply : self->subscription_replies_.take())
                             if (reply.is_error()) return self->give_up(error_of(reply.text).message);
                           self->listen(attempt);
                         });
}

void Session::now_connected() {
  listens_ = true;
  if (!connected_) {
    connect_timer_.cancel();
    backoff_ = options_.reconnect_wait;
    connected_at_ = steady_clock::now();
    {
      const MutexLock lock(mutex_);
      connected_ = true;
      last_error_.clear();
    }
    changed_.notify_all();
    if (!options_.quiet) log::debug("redis connected", {{"url", std::string_view(options_.url.shown())}});
    if (const auto callback = on_connect_) callback();  // a copy: it may replace itself
  }
  for (const auto& exchange : std::exchange(held_, {})) exchange_now(exchange);
}

void Session::give_up_attempt(std::string why) {
  failure_ = std::move(why);
  connection_.cancel(boost::redis::operation::run);
}

// From now on nobody uses it; disconnected() follows. One that is given up again and again is left alone for
// longer and longer, although connecting succeeds.
void Session::give_up(std::string why) {
  if (connected_) {
    unfit_wait_ = lived() >= kProven ? milliseconds(0) : 2 * unfit_wait_;
    unfit_wait_ = backoff_ = std::clamp(unfit_wait_, options_.reconnect_wait, kLongestReconnectWait);
    const MutexLock lock(mutex_);
    connected_ = false;
    last_error_ = why;
  }
  give_up_attempt(std::move(why));
}

steady_clock::duration Session::lived() const {
  return connected_at_ ? steady_clock::now() - *connected_at_ : steady_clock::duration{};
}

void Session::disconnected(error_code error) {
  const std::string why = failure_.empty() ? why_.describe(error, options_.url.master) : failure_;
  if (lived() >= kProven) said_.clear();
  connected_at_.reset();
  listens_ = false;
  {
    const MutexLock lock(mutex_);
    connected_ = false;
    if (!closed_) last_error_ = why;
  }
  connection_.cancel(boost::redis::operation::exec);  // those that would wait for the next connection
  for (const auto& exchange : std::exchange(held_, {})) finish_later(exchange, unavailable(why));
  if (closed_) return;
  // One line per cause, not per attempt.
  if (std::exchange(said_, why) != why && !options_.quiet)
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
    const MutexLock lock(mutex_);
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
  time_timer_.cancel();
  connection_.cancel();
  message_ = nullptr;
  on_connect_ = nullptr;
}

void Session::release_waiters() {
  const MutexLock lock(mutex_);
  changed_.wait(mutex_, [this]() REQUIRES(mutex_) { return waiting_ == 0; });
}

std::string Session::last_error() const {
  const MutexLock lock(mutex_);
  return last_error_;
}

Result<> Session::wait_connected(milliseconds timeout, std::stop_token stop) {
  const MutexLock lock(mutex_);
  ++waiting_;
  const bool settled =
      changed_.wait_for(mutex_, stop, timeout, [this]() REQUIRES(mutex_) { return connected_ || shut_; });
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
  if (listens_)
    exchange_now(exchange);
  else
    held_.push_back(exchange);
  sweep_later();
}

void Session::exchange_now(const std::shared_ptr<Exchange>& exchange) {
  if (!exchange->done) return;  // overdue, and ended
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
  const auto unfit = std::find_if(exchange->replies.begin(), exchange->replies.end(), says_unfit);
  if (unfit != exchange->replies.end() && !options_.accept_replica) give_up(error_of(unfit->text).message);
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
    self->listen_again();
  });
}

// What is sent meanwhile waits, so that a refusal is not taken for its answer.
void Session::listen_again() {
  if (!connected_ || closed_ || !std::exchange(listens_, false)) return;
  listening_.clear();
  listen(attempt_);
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
