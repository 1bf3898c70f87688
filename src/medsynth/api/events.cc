// /v1/events
#include "medsynth/api/events.h"

#include <algorithm>
#include <deque>
#include <exception>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "medsynth/api/fleet_view.h"
#include "medsynth/api/handlers.h"
#include "medsynth/api/off_loop.h"
#include "medsynth/api/queue_view.h"
#include "medsynth/api/url.h"
#include "medsynth/api/waiting_view.h"
#include "medsynth/base/id.h"
#include "medsynth/base/log.h"

namespace medsynth::api {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds kHeartbeat{10};      // proxies close what is silent for a minute
constexpr std::chrono::seconds kLookEvery{1};       // as workers report; news of a change can be missed
constexpr std::chrono::milliseconds kTogether{50};  // changes that come within are told together
// And for each reader so much longer: to tell one takes some 50 us, and others want the thread as well.
constexpr std::chrono::microseconds kForEach{300};
constexpr std::chrono::seconds kKeepEvery{60};  // the stream lives ten minutes
constexpr std::int64_t kWritesAtOnce = 64;      // of the stream
constexpr std::chrono::seconds kTryAgain{1};

tasks::ChangeStream stream_of(const App& app) {
  return tasks::ChangeStream(app.options.task_prefix);
}

Source::Piece piece(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

asio::awaitable<Result<std::vector<Change>>> read_changes(App& app, const tasks::Changes& from) {
  std::size_t bytes = 0;
  for (const tasks::Changes::Write& each : from.writes) bytes += each.events.size();
  auto changes = co_await off_loop(app, bytes, [&] { return read_events(from.writes); });
  std::vector<std::string> ids;
  for (const Change& each : changes) ids.push_back(each.task.task_id);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<tasks::Record> records;
  if (!ids.empty()) {
    BOOST_OUTCOME_CO_TRY(
        records,
        co_await co_run(app, stream_of(app).excerpts(ids, {"actor", "queue", "eta", "next_attempt_at"})));
  }
  co_await off_loop(app, bytes, [&, now = app.now()] {
    for (Change& each : changes) {
      const auto at = std::lower_bound(ids.begin(), ids.end(), each.task.task_id) - ids.begin();
      const tasks::Record& record = records[static_cast<std::size_t>(at)];
      each.task.actor = record.text("actor");
      each.task.queue = record.text("queue");
      const auto status = described::enum_from<tasks::Status>(each.task.status);  // none: it is deleted
      if (const auto due = status ? due_of(record, *status, now) : std::nullopt) {
        each.task.reason = std::string(due->reason);
        each.task.due_at = due->text;
      }
      each.data = described::write(each.task);
    }
    return true;
  });
  co_return changes;
}

Error no_more_changes() {
  return {Code::unavailable,
          "More changed at once than is kept: come back and look at everything anew.",
          "events_missed",
          {},
          kTryAgain};
}

}  // namespace

class Events::Reader final : public Source {
 public:
  Reader(Events& events, EventsQuery filter_, const asio::any_io_executor& executor)
      : filter(std::move(filter_)), events_(events), timer_(executor) {
    events_.readers_.insert(this);
  }
  ~Reader() override { events_.readers_.erase(this); }
  Reader(const Reader&) = delete;

  const EventsQuery filter;
  std::optional<tasks::ChangeId> joined_at;  // what comes after is put into its queue
  bool missed = false;
  std::optional<tasks::ChangeId> replay_after;  // up to joined_at
  std::optional<Error> ended;

  void push(Piece next) {
    if (next->empty() || ended) return;
    behind_ += next->size();
    if (!pieces_.empty() && behind_ > kMaxBehind)
      return end({Code::exhausted, "It takes its events too slowly.", "slow_reader"});
    pieces_.push_back(std::move(next));
    wake();
  }

  void end(const Error& why) {
    if (!ended) ended = why;
    pieces_.clear();
    wake();
  }

  void wake() {
    woken_ = true;
    timer_.cancel();
  }

  // True when it was woken.
  asio::awaitable<bool> sleep() {
    if (!woken_) {
      timer_.expires_after(kHeartbeat);
      boost::system::error_code cancelled;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    co_return std::exchange(woken_, false);
  }

  asio::awaitable<std::optional<Piece>> next() override {
    if (!std::exchange(started_, true)) {
      std::string text;
      add_event(text, "start", described::write(StartEvent{missed}));
      if (!replay_after) add_place(text, *joined_at);
      co_return piece(std::move(text));
    }
    if (replay_after) {
      auto text = co_await replay();
      if (text.empty()) co_return std::nullopt;
      co_return piece(std::move(text));
    }
    while (pieces_.empty() && !ended) {
      if (co_await sleep() || !events_.tail_) continue;
      std::string text = ": heartbeat\n";
      add_place(text, *events_.tail_);  // it was told all before
      co_return piece(std::move(text));
    }
    if (ended) co_return std::nullopt;
    Piece next = std::move(pieces_.front());
    pieces_.pop_front();
    behind_ -= next->size();
    co_return next;
  }

 private:
  // Some of what it missed; "": that cannot be read.
  asio::awaitable<std::string> replay() {
    std::string text;
    while (text.empty() && replay_after) {
      App& app = events_.app_;
      auto page = co_await co_run(app, stream_of(app).after(*replay_after, kWritesAtOnce));
      if (!page || (!page->complete && !missed)) co_return "";
      const auto last = std::find_if(page->writes.begin(), page->writes.end(),
                                     [&](const auto& each) { return each.id > *joined_at; });
      const bool done =
          last != page->writes.end() || static_cast<std::int64_t>(page->writes.size()) < kWritesAtOnce;
      page->writes.erase(last, page->writes.end());
      const auto changes = co_await read_changes(app, *page);
      if (!changes) co_return "";
      text = text_of(*changes, filter);
      if (!page->writes.empty()) replay_after = page->writes.back().id;
      if (done) {
        add_place(text, *joined_at);
        replay_after.reset();
      }
    }
    co_return text;
  }

  Events& events_;
  asio::steady_timer timer_;
  std::deque<Piece> pieces_;
  std::size_t behind_ = 0;
  bool started_ = false;
  bool woken_ = false;
};

asio::awaitable<Result<std::shared_ptr<Source>>> Events::open(EventsQuery filter,
                                                              std::optional<tasks::ChangeId> after) {
  if (readers_.size() + app_.feed.size() >= app_.options.max_connections / 2)  // the others are for who asks
    co_return Error{Code::unavailable,
                    "Too many connections read events: try again later.",
                    "too_many_readers",
                    {},
                    kTryAgain};
  auto reader = std::make_shared<Reader>(*this, std::move(filter), co_await asio::this_coro::executor);
  if (closed_) reader->end({Code::unavailable, "The server is stopping.", "stopping", {}, kTryAgain});
  app_.feed.listen();
  notify();
  while (!reader->joined_at && !reader->ended) co_await reader->sleep();
  if (after && !reader->ended) {
    BOOST_OUTCOME_CO_TRY(const auto kept, co_await co_run(app_, stream_of(app_).after(*after, 1)));
    reader->missed = !kept.complete || *after > *reader->joined_at;
    reader->replay_after = std::min(*after, *reader->joined_at);
  }
  if (reader->ended) co_return *reader->ended;
  co_return reader;
}

void Events::notify() {
  notified_ = true;
  if (sleeping_) sleeping_->cancel();
}

void Events::close() {
  closed_ = true;
  end_all({Code::unavailable, "The server is stopping.", "stopping", {}, kTryAgain});
  notify();
}

void Events::end_all(const Error& why) {
  for (Reader* reader : readers_) reader->end(why);
  tail_.reset();
  states_.clear();
}

asio::awaitable<void> Events::run() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  boost::system::error_code cancelled;
  while (!closed_) {
    notified_ = false;
    Result<> done = success();
    try {
      if (!readers_.empty()) done = co_await step();
    } catch (const std::exception& error) {  // third parties', out of memory mostly
      log::error("events failed", {{"error", error.what()}});
      done = Error{Code::internal, "Something broke inside the server; its log has the details.", ""};
    }
    if (!done) end_all(done.error());
    timer.expires_after(kTogether + kForEach * static_cast<std::int64_t>(readers_.size()));
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (notified_ || closed_) continue;
    if (readers_.empty()) {
      tail_.reset();
      states_.clear();
      timer.expires_at(SteadyTime::max());
    } else {
      timer.expires_at(look_again_);
    }
    sleeping_ = &timer;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    sleeping_ = nullptr;
  }
}

asio::awaitable<Result<>> Events::step() {
  const SteadyTime now = system_clock().steady();
  if (!tail_ || now >= keep_again_) {
    BOOST_OUTCOME_CO_TRY(const auto begin, co_await co_run(app_, stream_of(app_).keep()));
    keep_again_ = now + kKeepEvery;
    if (!tail_) tail_ = begin;
  }
  BOOST_OUTCOME_CO_TRY(co_await tell_changes());
  if (states_.empty() || now >= look_again_) {
    BOOST_OUTCOME_CO_TRY(co_await tell_states());
    look_again_ = now + kLookEvery;
  }
  for (Reader* reader : readers_) {
    if (reader->joined_at || !tail_) continue;
    reader->joined_at = tail_;
    reader->push(piece(text_of(states_, reader->filter)));
    reader->wake();
  }
  co_return success();
}

asio::awaitable<Result<>> Events::tell_changes() {
  for (bool more = true; more && tail_;) {
    BOOST_OUTCOME_CO_TRY(const auto page,
                         co_await co_run(app_, stream_of(app_).after(*tail_, kWritesAtOnce)));
    if (!page.complete) co_return no_more_changes();
    if (page.writes.empty()) break;
    BOOST_OUTCOME_CO_TRY(const auto changes, co_await read_changes(app_, page));
    Source::Piece all;  // shared by those without a filter
    for (Reader* reader : readers_) {
      if (!reader->joined_at) continue;
      if (!is_filter(reader->filter)) {
        if (!all) all = piece(text_of(changes, {}));
        reader->push(all);
      } else {
        reader->push(piece(text_of(changes, reader->filter)));
      }
    }
    if (tail_) tail_ = page.writes.back().id;
    more = static_cast<std::int64_t>(page.writes.size()) == kWritesAtOnce;
  }
  co_return success();
}

asio::awaitable<Result<States>> Events::look() {
  States states;
  BOOST_OUTCOME_CO_TRY(const auto usage, co_await usage_now(app_));
  BOOST_OUTCOME_CO_TRY(const auto snapshots, co_await co_run(app_, app_.services.fleet.snapshots()));
  BOOST_OUTCOME_CO_TRY(auto names, co_await known_queues(app_));
  BOOST_OUTCOME_CO_TRY(const auto queues, co_await queue_infos(app_, std::move(names)));
  const auto text = [](const auto& body) { return json_response(described::to_value(body)).body; };
  std::size_t tasks = 0;
  for (const HostUsage& host : usage.hosts) tasks += host.tasks.size();
  // Some hundred bytes each.
  co_return co_await off_loop(app_, tasks * 256 + queues.size() * 128, [&] {
    states[{"usage", ""}] = text(usage);
    states[{"cache", ""}] =
        text(cache_of(snapshots, app_.options.max_cached_models, app_.options.model_cache_ttl));
    for (const QueueInfo& queue : queues) states[{"queue", queue.name}] = text(queue);
    for (const HostUsage& host : usage.hosts)
      states[{"gate", host.host}] = text(GateEvent{host.host, host.reason, host.detail});
    return std::move(states);
  });
}

asio::awaitable<Result<>> Events::tell_states() {
  BOOST_OUTCOME_CO_TRY(auto now, co_await look());
  States changed;
  for (const auto& [state, data] : now) {
    const auto before = states_.find(state);
    if (before == states_.end() || before->second != data) changed[state] = data;
  }
  for (const auto& [state, data] : states_)
    if (state.first == "queue" && !now.contains(state))
      changed[state] = described::write(QueueInfo{.name = state.second, .state = "forgotten"});
  states_ = std::move(now);
  Source::Piece all;
  for (Reader* reader : readers_) {
    if (!reader->joined_at) continue;
    if (!is_filter(reader->filter)) {
      if (!all) all = piece(text_of(changed, {}));
      reader->push(all);
    } else {
      reader->push(piece(text_of(changed, reader->filter)));
    }
  }
  co_return success();
}

namespace {

asio::awaitable<Result<Response>> read_all(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<EventsQuery>(request.query));
  if (query.task_id) {
    BOOST_OUTCOME_CO_TRY(check_task_id(*query.task_id));
  }
  if (query.queue) {
    BOOST_OUTCOME_CO_TRY(check_queue(*query.queue));
  }
  std::optional<tasks::ChangeId> after;
  if (request.last_event_id && !request.last_event_id->empty()) {
    after = tasks::parse_change_id(*request.last_event_id);
    if (!after)
      co_return invalid("/Last-Event-ID", "must be an id of this stream; leave it out to begin now");
  }
  BOOST_OUTCOME_CO_TRY(auto source, co_await app.events.open(std::move(query), after));
  // Else nginx holds back what it was not asked for at once.
  co_return Response{.content_type = "text/event-stream",
                     .headers = {{"X-Accel-Buffering", "no"}},
                     .source = std::move(source)};
}

}  // namespace

std::vector<Route> event_routes() {
  return {
      {.method = Method::get,
       .pattern = "/v1/events",
       .handler = read_all,
       .access = Scope::read,
       .name = "read_events",
       .group = "events",
       .summary = "What changes, as it changes (server-sent events); Last-Event-ID goes on where it ended",
       .query = payload<EventsQuery>("EventsQuery"),
       .answer_type = "text/event-stream",
       .polled = true}};
}

}  // namespace medsynth::api
