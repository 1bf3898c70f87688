// GET /v1/events: what changes, as it changes, for any number of readers. One coroutine of the server looks,
// and hands each reader what it asked for; where nobody reads, it does nothing.
//
// Changes of tasks are read from the stream that the writes themselves keep (tasks/changes.h), so
// that all servers of one Redis tell the same under the same ids, and a reader goes on at any of them. What
// the workers report is a state: a reader is told all of it when it comes, and then what changed.
//
// A reader holds at most kMaxBehind bytes that its connection has not taken; one that falls behind further is
// ended, and so are all when Redis is away: they come back with the id that they had. Belongs to the thread
// that runs the io_context.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <set>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "medsynth/api/event_text.h"
#include "medsynth/api/http.h"
#include "medsynth/base/clock.h"
#include "medsynth/tasks/changes.h"

namespace medsynth::api {

struct App;

class Events {
 public:
  static constexpr std::size_t kMaxBehind = 512 * 1024;

  explicit Events(App& app) : app_(app) {}

  // Serves the readers until close(). Once.
  boost::asio::awaitable<void> run();
  // A task changed.
  void notify();
  // Every reader ends, and nobody becomes one any more.
  void close();
  bool wanted() const { return !readers_.empty(); }

  // A new reader, which goes on after the place that it had, or begins now. unavailable: Redis is away, the
  // server stops, or too many read.
  boost::asio::awaitable<Result<std::shared_ptr<Source>>> open(EventsQuery filter,
                                                               std::optional<tasks::ChangeId> after);

 private:
  class Reader;

  boost::asio::awaitable<Result<>> step();
  boost::asio::awaitable<Result<>> tell_changes();
  boost::asio::awaitable<Result<>> tell_states();
  boost::asio::awaitable<Result<States>> look();
  void end_all(const Error& why);

  App& app_;
  std::set<Reader*> readers_;
  std::optional<tasks::ChangeId> tail_;  // up to which the readers were told; none: nobody reads
  States states_;
  SteadyTime keep_again_{};
  SteadyTime look_again_{};
  boost::asio::steady_timer* sleeping_ = nullptr;  // of run(), while it may be woken
  bool notified_ = false;
  bool closed_ = false;
};

}  // namespace medsynth::api
