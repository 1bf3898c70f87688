#include "medsynth/pipeline/executor.h"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/log.h"
#include "medsynth/dramatiq/aborts.h"
#include "medsynth/redis/error_reply.h"

namespace medsynth::pipeline {
namespace {

using namespace std::chrono_literals;

constexpr auto kFlush = 1ms;                // what ends within this time is written together
constexpr std::size_t kTogether = 256;      // of one exchange: more only keeps others of this Redis waiting
constexpr std::size_t kMaxGathered = 4096;  // then whoever ends a task waits for Redis
constexpr std::size_t kMaxAside = 256;      // refused by Redis: the same
constexpr auto kOverdue = 50ms;             // of those that ran: the others are better off with somebody else
constexpr auto kProgressEvery = 100ms;      // a progress write costs a round trip
constexpr auto kAwaySlice = 250ms;          // between looks at a Redis that is away

double uniform() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(generator);
}

std::chrono::milliseconds time_limit(const dramatiq::Message& message, const dramatiq::ActorOptions& actor) {
  const auto own = message.integer_option("time_limit");
  return own && *own > 0 ? std::chrono::milliseconds(*own) : actor.time_limit;
}

// What an actor, or a library under it, throws is a failed attempt, and no end of the process.
template <class Work>
auto guarded(Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& error) {
    return Error{Code::internal, error.what(), ""};
  } catch (...) {
    return Error{Code::internal, "the actor threw something that is no std::exception", ""};
  }
}

// What people are told while Redis does not do it.
std::string_view trouble_of(Effect effect) {
  switch (effect) {
    case Effect::unmark:
    case Effect::start:
    case Effect::open:
      return "tasks cannot be started: it cannot be noted, or their records cannot be written";
    case Effect::record:
    case Effect::release:
      return "the ends of tasks cannot be written into their records";
    default:
      return "messages cannot be settled: Redis refuses it";
  }
}

// Why it becomes a dead letter that Redis never carries `effect` out for.
std::string burial(const Flight& flight, const std::string& error) {
  const dramatiq::Settlement& meant = flight.ending.settlement;
  switch (flight.attempt.effect) {
    case Effect::start:
      return "its start could not be noted: " + error;
    case Effect::record:
      return fmt::format(
          "it {}, and its record cannot be written: {}",
          flight.attempt.end == End::retrying ? "failed" : described::enum_name(*flight.attempt.end), error);
    case Effect::settle:
      return (meant.reason.empty() ? "" : meant.reason + "; ") +
             "what follows from its end cannot be written: " + error;
    default:
      return error;
  }
}

Effect earliest(const Flights& flights) {
  Effect first = Effect::none;
  for (const auto& flight : flights) first = std::min(first, flight->attempt.effect);
  return first;
}

Group those_with(Effect effect, const Flights& flights) {
  Group group;
  group.reserve(flights.size());
  for (const auto& flight : flights)
    if (flight->attempt.effect == effect) group.push_back(flight.get());
  return group;
}

std::vector<dramatiq::Delivery*> deliveries_of(const Group& group) {
  std::vector<dramatiq::Delivery*> deliveries;
  for (Flight* flight : group) deliveries.push_back(&flight->delivery);
  return deliveries;
}

}  // namespace

class Executor::RunOf final : public Run {
 public:
  RunOf(Executor& executor, Flight& flight)
      : executor_(executor),
        flight_(flight),
        start_(executor.parts_.clock.steady()),
        deadline_(start_ + time_limit(flight.delivery.message, *flight.job.options)) {}

  std::string_view task_id() const override { return flight_.task->task_id; }
  std::int64_t attempt() const override { return flight_.record.number; }
  std::stop_token stop_token() const override { return flight_.task->stop_token(); }
  SteadyTime deadline() const override { return deadline_; }
  double elapsed() const override { return std::chrono::duration<double>(took()).count(); }
  SteadyTime::duration took() const { return executor_.parts_.clock.steady() - start_; }

  // Progress that cannot be written is not worth failing for; a stop that it brings is heeded.
  void progress(double percent, std::string_view stage) override {
    const SteadyTime now = executor_.parts_.clock.steady();
    if (flight_.record.number == 0 || (now < next_ && stage == stage_)) return;
    next_ = now + kProgressEvery;
    stage_ = stage;
    const auto written = executor_.exchanges_.progress(flight_.record, percent, stage);
    if (written && written->stop_requested) flight_.task->stop(StopCause::cancelled);
  }
  void show(std::string state) override {
    flight_.task->show(std::move(state), executor_.parts_.clock.now());
  }

 private:
  Executor& executor_;
  Flight& flight_;
  const SteadyTime start_, deadline_;
  SteadyTime next_ = {};
  std::string stage_;
};

Executor::Executor(ExecutorParts parts, ExecutorOptions options)
    : parts_(parts),
      options_(std::move(options)),
      exchanges_(
          {parts.client, parts.store, parts.broker, parts.clock, options_.worker, options_.max_deaths}) {
  for (std::jthread& thread : threads_) {
    thread = std::jthread([this](const std::stop_token& stop) {
      pthread_setname_np(pthread_self(), "ms-finish");
      finish_loop(stop);
    });
  }
}

Executor::~Executor() {
  abandon();
  for (std::jthread& thread : threads_) thread.request_stop();
  for (std::jthread& thread : threads_) thread.join();
}

void Executor::abandon() {
  abandon_.request_stop();
  changed_.notify_all();
}

// One that was running when a worker died runs after the others, by itself.
void Executor::run(std::vector<dramatiq::Delivery> deliveries) try {
  if (deliveries.empty()) return;
  Flights flights;
  flights.reserve(deliveries.size());
  for (dramatiq::Delivery& delivery : deliveries) {
    flights.push_back(std::make_unique<Flight>(std::move(delivery)));
    flights.back()->attempt.marked = flights.back()->delivery.marked;
  }
  for (auto& suspect : fly(std::move(flights))) {
    Flights one;
    one.push_back(std::move(suspect));
    (void)fly(std::move(one));
  }
} catch (const std::exception& error) {
  // The one last catch of a worker thread: what it had has given itself back.
  log::error("an attempt raised", {{"error", error.what()}});
}

// Until each has run, or left; returns those that have to run by themselves, where they are not yet.
Flights Executor::fly(Flights flights) {
  const bool by_itself = flights.front()->attempt.exclusive;
  Exclusive::Place place;
  SteadyTime::duration took{};
  Flights suspects;
  while (!flights.empty()) {
    const Effect effect = earliest(flights);
    const Group group = those_with(effect, flights);
    switch (effect) {
      case Effect::prepare:
        for (Flight* flight : group) prepare(*flight);
        // One that came alone may hold up what others give back, until it has started.
        if (group.size() == 1 && group.front()->attempt.effect != Effect::admit)
          parts_.consumer.started(group.front()->delivery);
        break;
      case Effect::admit:
        for (Flight* flight : group) admit(*flight);
        break;
      case Effect::enter:
        place = enter(group);
        break;
      case Effect::run:
        for (auto& flight : flights) {
          if (flight->attempt.effect != Effect::run) continue;
          if (took > kOverdue)
            step(*flight, Postponed{});
          else
            took += call(*flight);
          if (flight->called) finish(std::move(flight));
        }
        std::erase(flights, nullptr);
        break;
      default:
        (void)carry_out(effect, group);
    }
    leave(flights);
    if (by_itself) continue;
    for (auto& flight : flights)
      if (flight->attempt.exclusive && flight->attempt.effect == Effect::enter)
        suspects.push_back(std::move(flight));
    std::erase(flights, nullptr);
  }
  flush();
  return suspects;
}

// Those that this thread has nothing more to do with.
void Executor::leave(Flights& flights) {
  release(flights);
  for (auto& flight : flights) {
    if (!is_after_run(flight->attempt.effect)) continue;
    parts_.in_flight.remove(flight->task);
    finish(std::move(flight));
  }
  std::erase(flights, nullptr);
}

// Those that leave our hands without Redis being told how they ended.
void Executor::release(Flights& flights) {
  const Group back = those_with(Effect::give_back, flights);
  // What cannot start goes back with all that have not started: one by one they would end up in another
  // order.
  if (std::any_of(back.begin(), back.end(),
                  [](const Flight* flight) { return flight->job.needs && !flight->called; }))
    parts_.in_flight.recall_all();
  if (!back.empty()) parts_.consumer.give_back(deliveries_of(back));
  for (Flight* flight : those_with(Effect::drop, flights)) {
    log::warning("the message was no longer ours", {{"task_id", flight->task->task_id}});
    parts_.consumer.forget(flight->delivery);
  }
  std::erase_if(flights, [this](const auto& flight) {
    const Effect effect = flight->attempt.effect;
    if (effect == Effect::give_back && flight->job.needs && !flight->called)
      parts_.in_flight.give_back(flight->task, parts_.clock.now());
    else if (effect >= Effect::give_back)
      parts_.in_flight.remove(flight->task);
    return effect >= Effect::give_back;
  });
}

void Executor::step(Flight& flight, const Event& event) {
  flight.attempt = next(flight.attempt, event);
  const Effect effect = flight.attempt.effect;
  if (effect != Effect::record && effect != Effect::settle) return;
  if (flight.outcome)
    flight.ending =
        ending_of(*std::exchange(flight.outcome, std::nullopt), flight.delivery, flight.delivery.message,
                  flight.record, *flight.job.options, parts_.clock.now());
  else if (effect == Effect::record)
    flight.ending.advance.attempt = flight.record;  // a later one, when the first was stale
  if (effect == Effect::record) note(flight);
}

// What the attempt went through goes into its record with its end.
void Executor::note(Flight& flight) const {
  const WallTime now = parts_.clock.now();
  tasks::AttemptNotes notes{
      .number = flight.record.number,
      .worker = flight.attempt.end == End::completed ? std::string_view() : options_.worker,
      .phases = flight.task->phases(now),
      .error = flight.ending.why};
  if (notes.phases.empty() && flight.called)
    notes.phases.push_back({.name = "run", .detail = "", .from = flight.began, .to = now});
  if (flight.ending.advance.to == tasks::Status::retrying)
    notes.next_attempt_at = flight.ending.settlement.eta;
  tasks::put_notes(flight.ending.advance.fields, notes);
}

// Reads the message and finds its actor. Wrong arguments, an unknown actor, a model that is not there: it
// ends without running, in its record like any other.
void Executor::prepare(Flight& flight) {
  const dramatiq::Message& message = flight.delivery.message;
  const WallTime now = parts_.clock.now();
  flight.job = parts_.host.prepare(message);
  flight.task = std::make_shared<InFlightTask>(
      task_id_of(message), message.message_id, std::string(flight.job.actor), now,
      dramatiq::is_abortable(message, *flight.job.options), flight.job.needs.has_value());
  if (const auto eta = dramatiq::due(message, now); eta && *eta > now) {
    // As the dashboard may put one: an eta on a plain queue.
    flight.ending.settlement = {
        .kind = dramatiq::Settlement::Kind::move, .lease = flight.delivery, .updated = message, .eta = eta};
    return step(flight, TooEarly{});
  }
  if (!flight.job.refusal && dramatiq::is_too_old(message, *flight.job.options, now)) {
    flight.job.refusal = Error{Code::invalid_argument, "the message is older than its max_age", ""};
    flight.job.skipped = true;
  }
  if (!flight.job.refusal && flight.job.needs) {
    flight.task->wants(flight.job.needs->model);
    parts_.in_flight.add(flight.task);
    return step(flight, Ready{.admission = true, .record = flight.job.tracked});
  }
  if (flight.job.refusal) return refuse(flight, *flight.job.refusal);
  step(flight, Ready{.record = flight.job.tracked});
}

// By its actor's policy, as when it had run.
void Executor::refuse(Flight& flight, Error error) {
  const dramatiq::Message& message = flight.delivery.message;
  Outcome outcome = flight.job.skipped
                        ? Outcome(Fail{.error = std::move(error.message), .skipped = true})
                        : decide({std::move(error), flight.task->stop_cause()}, message,
                                 dramatiq::policy_of(message, flight.job.options->retries), uniform());
  if (std::holds_alternative<GiveBack>(outcome)) return step(flight, Postponed{});
  const End end = end_of(outcome);
  flight.outcome = std::move(outcome);
  step(flight, Unfit{end, flight.job.tracked});
}

// Waits for slot, lock and gates. No record is touched meanwhile: waiting is no attempt.
void Executor::admit(Flight& flight) {
  InFlightTask& task = *flight.task;
  auto resources =
      parts_.limiter.acquire(*flight.job.needs, options_.patience, task.wait_token(),
                             [&](const limits::Wait& wait) { task.waits(wait, parts_.clock.now()); });
  if (resources) {
    flight.resources = std::move(*resources);
    step(flight, Granted{});
  } else if (task.stop_cause() == StopCause::cancelled) {
    flight.outcome = EndCancelled{"cancelled"};
    step(flight, CancelledWaiting{});
  } else if (resources.error().code == Code::timeout || resources.error().code == Code::cancelled) {
    return step(flight, Postponed{});  // a slot or lock that is not free is no error
  } else {
    refuse(flight, resources.error());
  }
  parts_.consumer.started(flight.delivery);
}

// A place to run in, and only then the start: what waits for a place must not count as dead when the one that
// runs exclusively takes the worker with it.
Exclusive::Place Executor::enter(const Group& group) {
  const bool by_itself = group.front()->attempt.exclusive;
  Exclusive::Place place = by_itself ? Exclusive::Place() : exclusive_.try_enter();
  if (!place) {
    const bool marked =
        std::any_of(group.begin(), group.end(), [](const Flight* flight) { return flight->attempt.marked; });
    if (marked) {
      for (Flight* flight : group) {
        flight->delivery.unaborted = false;  // it may be aborted while it waits
        step(*flight, Crowded{});
      }
      return place;
    }
    place = exclusive_.enter(by_itself,
                             group.size() == 1 ? group.front()->task->stop_token() : abandon_.get_token());
  }
  for (Flight* flight : group) {
    if (place) {
      step(*flight, Granted{});
    } else if (flight->task->stop_cause() == StopCause::cancelled) {
      flight->outcome = EndCancelled{"cancelled"};
      step(*flight, CancelledWaiting{});
    } else {
      step(*flight, Postponed{});
    }
  }
  return place;
}

// Runs the actor; answers how long it took. Waiting for Redis is not its fault.
SteadyTime::duration Executor::call(Flight& flight) {
  const dramatiq::Message& message = flight.delivery.message;
  const bool admitted = flight.job.needs.has_value();
  if (admitted)
    log::info("task started", {{"task_id", flight.task->task_id},
                               {"actor", message.actor_name},
                               {"attempt", flight.record.number}});
  else
    parts_.in_flight.add(flight.task);
  RunOf run(*this, flight);
  if (admitted) flight.task->runs(parts_.clock.now());
  if (flight.attempt.opened && !flight.attempt.written) running(flight, parts_.clock.steady() + kFlush);
  parts_.host.started(message);
  flight.called = true;
  flight.began = parts_.clock.now();
  Result<std::string> result = guarded([&] { return flight.job.run(run); });
  const SteadyTime::duration took = run.took();
  parts_.host.ran(message, flight.job, run, result);
  flight.resources = {};     // others need not wait for Redis,
  flight.job.run = nullptr;  // and its arguments are read
  parts_.in_flight.remove(flight.task);
  const double chance = result ? 0 : uniform();  // for the backoff of a failure; drawing it takes a while
  Outcome outcome = decide({std::move(result), flight.task->stop_cause()}, message,
                           dramatiq::policy_of(message, flight.job.options->retries), chance);
  if (std::holds_alternative<GiveBack>(outcome)) {
    step(flight, Interrupted{});
  } else {
    const End end = end_of(outcome);
    flight.outcome = std::move(outcome);
    step(flight, Ran{end});
  }
  return took;
}

// Nobody waits for Redis before the run that was asked to stop, nor anybody at the end of the process.
bool Executor::gives_up(Effect effect, const Group& group) const {
  if (abandon_.stop_requested()) return true;
  return !is_after_run(effect) && std::all_of(group.begin(), group.end(), [](const Flight* flight) {
    return !flight->called && flight->task->stop_token().stop_requested();
  });
}

// One effect for all of the group, until it is done. One that Redis refuses after its run is put aside, so
// that the others go on: those are returned.
Group Executor::carry_out(Effect effect, const Group& group) {
  redis::Backoff backoff;
  for (bool failed = false;; failed = true) {
    auto events = exchanges_.carry_out(effect, group);
    if (events) {
      if (failed) trouble_.worked(trouble_of(effect));
      for (std::size_t i = 0; i < group.size(); ++i) step(*group[i], (*events)[i]);
      if (effect == Effect::settle || effect == Effect::bury) settled(group);
      return {};
    }
    const redis::ErrorClass meaning = redis::classify(events.error());
    const bool away = meaning == redis::ErrorClass::transient || meaning == redis::ErrorClass::connection;
    if (away) parts_.consumer.lost_contact();
    if (gives_up(effect, group)) {
      for (Flight* flight : group) {
        if (is_after_run(effect))
          log::error("a task's end is not written; recovery will put its message back",
                     {{"task_id", flight->task->task_id}, {"error", events.error().message}});
        step(*flight, GaveUp{});
        if (flight->attempt.effect == Effect::none) flight->delivery.leave_to_recovery();
      }
      return {};
    }
    const bool never = meaning == redis::ErrorClass::broken;
    if ((never || (meaning == redis::ErrorClass::refused && is_after_run(effect)))) {
      if (group.size() > 1) {  // one is at fault: the others need not suffer
        Group aside;
        for (Flight* flight : group)
          for (Flight* each : carry_out(effect, {flight})) aside.push_back(each);
        return aside;
      }
      Flight& flight = *group.front();
      if (never && effect != Effect::bury) {
        flight.reason = flight.reason.empty() ? burial(flight, events.error().message) : flight.reason;
        step(flight, Refused{});
        return {};
      }
      trouble_.failed(trouble_of(effect), events.error());
      return group;
    }
    trouble_.failed(trouble_of(effect), events.error());
    if (!is_after_run(effect))
      for (const Flight* flight : group)
        flight->task->waits({.reason = "redis", .detail = events.error().message}, parts_.clock.now());
    if (parts_.client.wait_connected(kAwaySlice, abandon_.get_token())) {
      std::unique_lock lock(mutex_);  // it is there, but does not do it yet
      changed_.wait_for(lock, abandon_.get_token(), backoff.next(), [] { return false; });
    }
  }
}

// They have left our hands, but for those that were no longer ours.
void Executor::settled(const Group& group) {
  Group left;
  for (Flight* flight : group)
    if (flight->attempt.effect != Effect::drop) left.push_back(flight);
  parts_.consumer.settled(deliveries_of(left), 0);
  for (const Flight* flight : left) {
    const End end = *flight->attempt.end;
    if (end == End::moved) continue;
    parts_.host.ended(flight->delivery.queue, flight->job.actor, end, flight->called);
    if (!flight->reason.empty())
      log::error("task became a dead letter",
                 {{"task_id", flight->task->task_id}, {"error", flight->reason}});
    else if (flight->job.needs)
      log::info("task ended", {{"task_id", flight->task->task_id},
                               {"outcome", described::enum_name(end)},
                               {"attempt", flight->record.number},
                               {"error", flight->ending.why}});
  }
}

void Executor::running(const Flight& flight, SteadyTime due) {
  bool wake;
  {
    const std::lock_guard lock(mutex_);
    wake = due < next_due();
    Running& slot = running_[std::this_thread::get_id()];
    slot.attempt = flight.record;  // into the memory of the last one
    slot.task = flight.task;
    slot.due = due;
  }
  if (wake) changed_.notify_all();
}

void Executor::finish(std::unique_ptr<Flight> flight) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, abandon_.get_token(),
                [this] { return gathered_.size() < kMaxGathered && aside_.size() < kMaxAside; });
  const bool sleeps = next_due() == SteadyTime::max();  // those who write have nothing to wait for
  if (const auto own = running_.find(std::this_thread::get_id()); own != running_.end())
    own->second.due = SteadyTime::max();
  if (gathered_.empty()) first_ = parts_.clock.steady();
  gathered_.push_back(std::move(flight));
  const bool wake = sleeps || gathered_.size() == kTogether;
  lock.unlock();
  if (wake) changed_.notify_all();
}

void Executor::flush() {
  {
    const std::lock_guard lock(mutex_);
    if (gathered_.empty()) return;
    flush_ = true;
  }
  changed_.notify_all();
}

bool Executor::wait_idle(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline,
                             [this] { return gathered_.empty() && aside_.empty() && busy_ == 0; });
}

SteadyTime Executor::next_due() const {
  SteadyTime due = gathered_.empty() ? SteadyTime::max() : first_ + kFlush;
  if (!aside_.empty()) due = std::min(due, aside_due_);
  for (const auto& [thread, running] : running_) due = std::min(due, running.due);
  return due;
}

bool Executor::is_due(SteadyTime now) const {
  return (flush_ && !gathered_.empty()) || gathered_.size() >= kTogether || now >= next_due();
}

void Executor::finish_loop(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    while (!is_due(parts_.clock.steady()) && !stop.stop_requested()) {
      const SteadyTime due = next_due();
      const auto news = [&] { return is_due(parts_.clock.steady()) || next_due() < due; };
      if (due == SteadyTime::max())
        changed_.wait(lock, stop, news);
      else
        changed_.wait_until(lock, stop, due, news);
    }
    if (stop.stop_requested() && gathered_.empty() && aside_.empty()) return;
    const SteadyTime now = parts_.clock.steady();
    const bool again = !aside_.empty() && (now >= aside_due_ || stop.stop_requested());
    Flights batch = again ? std::exchange(aside_, {}) : Flights();
    const std::size_t count = std::min(kTogether, gathered_.size());
    std::move(gathered_.begin(), gathered_.begin() + static_cast<std::ptrdiff_t>(count),
              std::back_inserter(batch));
    gathered_.erase(gathered_.begin(), gathered_.begin() + static_cast<std::ptrdiff_t>(count));
    if (gathered_.empty()) flush_ = false;
    std::vector<Shown> shown;
    for (auto& [thread, running] : running_) {
      if (running.due > now) continue;
      shown.push_back({running.attempt, running.task});
      running.due = SteadyTime::max();
    }
    ++busy_;
    lock.unlock();
    changed_.notify_all();
    // What is not shown now is shown by its progress or its end.
    if (!shown.empty()) (void)exchanges_.show(shown);
    finish_all(std::move(batch));
    lock.lock();
    --busy_;
    if (again && aside_.empty()) {
      backoff_ = {};
      for (const Effect effect : {Effect::record, Effect::settle}) trouble_.worked(trouble_of(effect));
    }
    changed_.notify_all();
  }
}

// Until each has left our hands, or is put aside.
void Executor::finish_all(Flights flights) {
  for (release(flights); !flights.empty(); release(flights)) {
    const Effect effect = earliest(flights);
    const Group refused = carry_out(effect, those_with(effect, flights));
    if (refused.empty()) continue;
    const std::lock_guard lock(mutex_);
    if (aside_.empty()) aside_due_ = parts_.clock.steady() + backoff_.next();
    for (auto& flight : flights)
      if (std::find(refused.begin(), refused.end(), flight.get()) != refused.end())
        aside_.push_back(std::move(flight));
    std::erase(flights, nullptr);
  }
}

}  // namespace medsynth::pipeline
