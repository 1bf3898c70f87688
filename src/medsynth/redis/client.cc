#include "medsynth/redis/client.h"

#include <pthread.h>
#include <signal.h>

#include <exception>
#include <optional>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "medsynth/base/log.h"
#include "medsynth/redis/session.h"
#include "medsynth/redis/turns.h"

namespace medsynth::redis {

namespace asio = boost::asio;
using std::chrono::milliseconds;

struct Client::Impl {
  std::optional<asio::io_context> own;
  std::shared_ptr<Turns> turns;  // where callers work
  std::shared_ptr<Session> session;
  std::thread thread;
};

namespace {

// Signals are the main thread's business.
std::thread start_thread(asio::io_context& context, std::shared_ptr<Turns> turns) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread([&context, turns = std::move(turns), work = asio::make_work_guard(context)] {
    pthread_setname_np(pthread_self(), "ms-redis");
    if (turns) turns->serve();
    while (!context.stopped()) {
      try {
        context.run();
      } catch (const std::exception& error) {
        log::error("redis completion threw", {{"error", error.what()}});
      }
    }
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

Client::Client(ClientOptions options, asio::io_context* shared) : impl_(std::make_shared<Impl>()) {
  if (!shared) {
    shared = &impl_->own.emplace(1);
    if (options.callers_work) impl_->turns = std::make_shared<Turns>(*shared);
  }
  impl_->session = std::make_shared<Session>(std::move(options), *shared);
  impl_->session->start();
  if (impl_->own) impl_->thread = start_thread(*impl_->own, impl_->turns);
}

Client::~Client() {
  if (!impl_->own) {
    impl_->session->close();
    impl_->session->release_waiters();
    return;
  }
  asio::post(*impl_->own, [session = impl_->session, &context = *impl_->own] {
    session->close();
    context.stop();
  });
  if (impl_->turns) impl_->turns->end();
  impl_->thread.join();
  impl_->session->release_waiters();
  impl_->session.reset();  // before the context, which drops the handlers that still share it
}

void Client::send(std::vector<Command> commands, Completion done) {
  impl_->session->send(std::move(commands), std::move(done));
}

Result<Replies> Client::send(std::vector<Command> commands) {
  if (impl_->session->on_own_thread())
    return Error{Code::internal, "a blocking Redis call on the client's own thread", "redis_blocking_call"};
  // The session ends every exchange in time; the second is for a context that nobody runs.
  const auto patience = impl_->session->timeout() + std::chrono::seconds(1);
  const Error too_late{Code::timeout, "the Redis client's thread does not run", "redis_timeout"};
  if (const auto turns = impl_->turns) {
    auto answer = turns->call([&](Completion done) { send(std::move(commands), std::move(done)); },
                              std::chrono::steady_clock::now() + patience);
    return answer ? std::move(*answer) : too_late;
  }
  auto promise = std::make_shared<std::promise<Result<Replies>>>();
  auto future = promise->get_future();
  send(std::move(commands), [promise](Result<Replies> replies) { promise->set_value(std::move(replies)); });
  if (future.wait_for(patience) != std::future_status::ready) return too_late;
  return future.get();
}

bool Client::connected() const {
  return impl_->session->connected();
}

Result<> Client::wait_connected(milliseconds timeout, std::stop_token stop) {
  return impl_->session->wait_connected(timeout, std::move(stop));
}

std::string Client::last_error() const {
  return impl_->session->last_error();
}

const Clock& Client::clock() const {
  return impl_->session->clock();
}

void Client::subscribe(std::vector<std::string> channels, Message message) {
  impl_->session->subscribe(std::move(channels), std::move(message));
}

void Client::on_connect(std::function<void()> callback) {
  impl_->session->on_connect(std::move(callback));
}

}  // namespace medsynth::redis
