#include "medsynth/pipeline/exchanges.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/json.h"
#include "medsynth/dramatiq/aborts.h"

namespace medsynth::pipeline {
namespace {

using redis::Query;

std::vector<Event> all_done(const Group& group) {
  return std::vector<Event>(group.size(), Done{});
}

// Ids by queue, and where each is in the group.
struct ByQueue {
  std::vector<std::string> ids;
  std::vector<std::size_t> places;
};
template <class Wanted>
std::map<std::string_view, ByQueue> by_queue(const Group& group, Wanted wanted) {
  std::map<std::string_view, ByQueue> queues;
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (!wanted(*group[i])) continue;
    ByQueue& of = queues[group[i]->delivery.queue];
    of.ids.push_back(group[i]->delivery.redis_message_id);
    of.places.push_back(i);
  }
  return queues;
}

}  // namespace

Result<std::vector<Event>> Exchanges::carry_out(Effect effect, const Group& group) {
  switch (effect) {
    case Effect::start:
      return start(group);
    case Effect::unmark:
      return unmark(group);
    case Effect::open:
      return open(group);
    case Effect::record:
      return record(group);
    case Effect::release:
      return release(group);
    case Effect::settle:
      return settle(group, false);
    case Effect::bury:
      return settle(group, true);
    case Effect::forget:
      return forget(group);
    default:
      return Error{Code::internal, fmt::format("{} asks nothing of Redis", described::enum_name(effect)), ""};
  }
}

tasks::Begin Exchanges::begin_of(const Flight& flight) const {
  const dramatiq::Delivery& delivery = flight.delivery;
  return {flight.task->task_id, flight.task->message_id, dramatiq::canonical_queue(delivery.queue),
          delivery.message.actor_name, parts_.worker};
}

// Marks, opens first attempts, and asks for aborts, all at once. What needed admission is opened in its
// record, so that from then on a cancellation asks it to stop; where the lease was lost, the rightful worker
// opens the next attempt. Brief ones are only looked at: their end is their first write.
Result<std::vector<Event>> Exchanges::start(const Group& group) {
  const auto queues = by_queue(group, [](const Flight& flight) { return !flight.attempt.marked; });
  std::vector<Query<std::vector<std::int64_t>>> marks;
  for (const auto& [queue, of] : queues)
    marks.push_back(parts_.broker.note_starts(std::string(queue), of.ids));

  std::vector<std::size_t> asked, looked, opened;
  std::vector<std::string> ids;
  std::vector<tasks::Begin> begins;
  std::vector<tasks::Advance> firsts;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const Flight& flight = *group[i];
    if (flight.attempt.record && flight.job.needs) {
      opened.push_back(i);
      firsts.push_back(tasks::to_processing({flight.task->task_id, flight.task->message_id, 1}));
      // Should its worker die, this is what is known of it: it runs from now on.
      const WallTime now = parts_.clock.now();
      tasks::AttemptNotes notes{.number = 1, .worker = parts_.worker, .phases = flight.task->phases(now)};
      notes.phases.push_back({.name = "run", .detail = "", .from = now});
      tasks::put_notes(firsts.back().fields, notes);
    } else if (flight.attempt.record) {
      looked.push_back(i);
      begins.push_back(begin_of(flight));
    }
    if (flight.task->abortable && !flight.delivery.unaborted) {
      asked.push_back(i);
      ids.push_back(flight.task->message_id);
    }
  }
  std::vector<Started> started(group.size());
  std::vector<Event> events(group.size());
  if (!marks.empty() || !ids.empty() || !begins.empty() || !firsts.empty()) {
    // Whether it was aborted is no reason to wait for Redis.
    std::vector<bool> nobody(ids.size(), false);
    auto aborted =
        ids.empty() ? redis::known(nobody) : redis::or_else(dramatiq::cancelled(std::move(ids)), nobody);
    auto open = firsts.empty() ? redis::known(std::vector<tasks::Written>{})
                               : parts_.store.advance(firsts, parts_.worker, parts_.clock.now());
    BOOST_OUTCOME_TRY(auto answers, parts_.client.run(redis::both(
                                        redis::both(redis::all(std::move(marks)), std::move(aborted)),
                                        redis::both(std::move(open), parts_.store.look(begins)))));
    auto& [marked, records] = answers;
    auto& [deaths, cancelled] = marked;
    auto& [written, attempts] = records;
    std::size_t queue = 0;
    for (const auto& [name, of] : queues) {
      for (std::size_t i = 0; i < of.places.size(); ++i) started[of.places[i]].deaths = deaths[queue][i];
      ++queue;
    }
    for (std::size_t i = 0; i < asked.size(); ++i) started[asked[i]].aborted = cancelled[i];
    for (std::size_t i = 0; i < opened.size(); ++i) {
      const bool ours = written[i].outcome == tasks::Written::Outcome::written;
      started[opened[i]].opened = started[opened[i]].written = ours;
      group[opened[i]]->record = ours ? std::move(firsts[i].attempt) : tasks::Attempt{};
    }
    for (std::size_t i = 0; i < looked.size(); ++i) {
      started[looked[i]].opened = attempts[i].number > 0;
      group[looked[i]]->record = std::move(attempts[i]);
    }
  }
  for (std::size_t i = 0; i < group.size(); ++i) {
    Flight& flight = *group[i];
    Started& of = started[i];
    if (of.deaths < 0) {
      events[i] = Lost{};
      continue;
    }
    of.too_many = parts_.max_deaths > 0 && of.deaths >= parts_.max_deaths;
    if (!flight.outcome && of.too_many && flight.job.killed)
      flight.job.killed(of.deaths, flight.task->task_id);
    if (!flight.outcome && of.too_many)
      flight.outcome = Fail{fmt::format("the worker died {} times while it ran this task", of.deaths)};
    else if (!flight.outcome && of.aborted && (of.deaths == 0 || flight.attempt.exclusive))
      flight.outcome = EndCancelled{"aborted before it started"};
    events[i] = of;
  }
  return events;
}

Result<std::vector<Event>> Exchanges::unmark(const Group& group) {
  std::vector<Query<redis::Done>> queries;
  for (const auto& [queue, of] : by_queue(group, [](const Flight&) { return true; }))
    queries.push_back(parts_.broker.forget_starts(std::string(queue), of.ids));
  BOOST_OUTCOME_TRY(parts_.client.run(redis::all(std::move(queries))));
  return all_done(group);
}

// Those that have ended before are read: their messages are settled as their records say.
Result<std::vector<Event>> Exchanges::open(const Group& group) {
  std::vector<tasks::Begin> begins;
  for (const Flight* flight : group) begins.push_back(begin_of(*flight));
  BOOST_OUTCOME_TRY(auto begun, parts_.client.run(parts_.store.open(begins, parts_.clock.now())));
  std::vector<Event> events(group.size());
  std::vector<std::size_t> ended;
  std::vector<Query<std::optional<tasks::Record>>> reads;
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (begun[i] && begun[i]->outcome == tasks::Begun::Outcome::ended) {
      ended.push_back(i);
      reads.push_back(parts_.store.get(group[i]->task->task_id));
    } else {
      events[i] = opened(*group[i], begun[i]);
    }
  }
  if (ended.empty()) return events;
  BOOST_OUTCOME_TRY(auto records, parts_.client.run(redis::all(std::move(reads))));
  for (std::size_t i = 0; i < ended.size(); ++i) events[ended[i]] = has_ended(*group[ended[i]], records[i]);
  return events;
}

Event Exchanges::opened(Flight& flight, const Result<tasks::Begun>& begun) {
  using enum tasks::Begun::Outcome;
  if (!begun) {
    flight.reason = begun.error().message;
    return Refused{};
  }
  if (begun->outcome == run) {
    flight.record = begun->attempt;
    return Opened{};
  }
  flight.record = {};
  if (begun->outcome == taken) {
    flight.outcome = Fail{.error = fmt::format("its task id '{}' belongs to message {}, which has not ended: "
                                               "replay this one when it has, or give it another task id",
                                               flight.task->task_id, begun->owner),
                          .skipped = true};
    return Taken{};
  }
  flight.outcome = EndCancelled{"cancelled or deleted before it started"};
  return HasEnded{};
}

Event Exchanges::has_ended(Flight& flight, const std::optional<tasks::Record>& record) {
  const dramatiq::Message& message = flight.delivery.message;
  const auto policy = dramatiq::policy_of(message, flight.job.options->retries);
  auto outcome = record ? outcome_of(*record, message, policy) : std::nullopt;
  flight.record = {};
  flight.outcome = outcome ? std::move(*outcome) : EndCancelled{"its record has ended"};
  return HasEnded{end_of(*flight.outcome)};
}

void Exchanges::note(const InFlightTask& task, std::optional<WallTime> end, tasks::Advance& advance) const {
  tasks::put_notes(advance.fields,
                   {.number = advance.attempt.number, .worker = parts_.worker, .phases = task.phases(end)});
}

Result<std::vector<Event>> Exchanges::record(const Group& group) {
  std::vector<tasks::Advance> advances;
  advances.reserve(group.size());
  for (Flight* flight : group) advances.push_back(std::move(flight->ending.advance));
  const auto written = parts_.client.run(parts_.store.advance(advances, parts_.worker, parts_.clock.now()));
  const auto stale = [&](std::size_t i) { return (*written)[i].outcome != tasks::Written::Outcome::written; };
  for (std::size_t i = 0; i < group.size(); ++i)
    if (!written || stale(i)) group[i]->ending.advance = std::move(advances[i]);
  if (!written) return written.error();
  std::vector<Event> events = all_done(group);
  for (std::size_t i = 0; i < group.size(); ++i)
    if (stale(i)) events[i] = Stale{};
  return events;
}

Result<std::vector<Event>> Exchanges::release(const Group& group) {
  std::vector<tasks::Advance> advances;
  for (const Flight* flight : group) {
    advances.push_back(tasks::to_pending(flight->record));
    note(*flight->task, parts_.clock.now(), advances.back());
  }
  BOOST_OUTCOME_TRY(parts_.client.run(parts_.store.advance(advances, parts_.worker, parts_.clock.now())));
  return all_done(group);
}

// In doubt: an earlier try may have worked without our hearing of it. Then what is no longer ours nor there
// worked.
Result<std::vector<Event>> Exchanges::settle(const Group& group, bool bury) {
  std::vector<dramatiq::Settlement> settlements;
  settlements.reserve(group.size());
  for (Flight* flight : group) {
    if (bury) {
      const dramatiq::Settlement& meant = flight->ending.settlement;
      const bool dies = meant.kind == dramatiq::Settlement::Kind::dead;
      settlements.push_back({.kind = dramatiq::Settlement::Kind::dead,
                             .lease = flight->delivery,
                             .updated = dies ? meant.updated : std::nullopt,
                             .reason = flight->reason});
    } else {
      settlements.push_back(std::move(flight->ending.settlement));
    }
  }
  const auto try_once = [&]() -> Result<std::vector<bool>> {
    BOOST_OUTCOME_TRY(auto ours, parts_.client.run(parts_.broker.settle(settlements)));
    const bool in_doubt =
        std::any_of(group.begin(), group.end(), [](const Flight* f) { return f->in_doubt; });
    if (!in_doubt || std::find(ours.begin(), ours.end(), false) == ours.end()) return ours;
    BOOST_OUTCOME_TRY(auto there, parts_.client.run(parts_.broker.exist(settlements)));
    for (std::size_t i = 0; i < ours.size(); ++i) ours[i] = ours[i] || (group[i]->in_doubt && !there[i]);
    return ours;
  };
  const auto ours = try_once();
  if (!ours) {
    for (std::size_t i = 0; i < group.size(); ++i) {
      group[i]->in_doubt = true;
      if (!bury) group[i]->ending.settlement = std::move(settlements[i]);
    }
    return ours.error();
  }
  std::vector<Event> events = all_done(group);
  for (std::size_t i = 0; i < group.size(); ++i)
    if (!(*ours)[i]) events[i] = Lost{};
  return events;
}

// What stays of these expires by itself, and no other message has these ids.
Result<std::vector<Event>> Exchanges::forget(const Group& group) {
  std::vector<Query<redis::Done>> queries;
  for (const Flight* flight : group) {
    queries.push_back(parts_.store.forget_tombstone(flight->task->message_id));
    queries.push_back(dramatiq::forget_abort(flight->task->message_id));
  }
  BOOST_OUTCOME_TRY(parts_.client.run(redis::all(std::move(queries))));
  return all_done(group);
}

Result<> Exchanges::show(const std::vector<Shown>& attempts) {
  std::vector<tasks::Advance> advances;
  for (const Shown& each : attempts) {
    advances.push_back(tasks::to_processing(each.attempt));
    // Should its worker die, this is what is known of it.
    note(*each.task, std::nullopt, advances.back());
  }
  BOOST_OUTCOME_TRY(parts_.client.run(parts_.store.advance(advances, parts_.worker, parts_.clock.now())));
  return success();
}

Result<tasks::Written> Exchanges::progress(const tasks::Attempt& attempt, double percent,
                                           std::string_view stage) {
  const tasks::Fields fields{{"stage", json::write_string(stage)}};
  BOOST_OUTCOME_TRY(auto written,
                    parts_.client.run(parts_.store.advance({tasks::to_progress(attempt, percent, fields)},
                                                           parts_.worker, parts_.clock.now())));
  return written.front();
}

}  // namespace medsynth::pipeline
