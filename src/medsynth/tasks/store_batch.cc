// What workers write, of many attempts in one script each: open.lua, advance.lua.
#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>
#include <type_traits>

#include "medsynth/tasks/calls.h"
#include "medsynth/tasks/store.h"

namespace medsynth::tasks {
namespace {

using redis::Command;
using redis::Commands;
using redis::Query;
using redis::Replies;
using redis::Step;

// Places of `count` things, those of the same kind together.
template <class KindOf>
auto grouped(std::size_t count, KindOf kind_of) {
  std::map<decltype(kind_of(count)), std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < count; ++i) groups[kind_of(i)].push_back(i);
  return groups;
}

// What a script said of those that are unusual, as place (from 1) and value: calls `each` with the place as
// it was asked.
template <class Each>
Result<> read_unusual(Replies replies, const std::vector<std::size_t>& order, Each each) {
  BOOST_OUTCOME_TRY(auto answer, redis::list(std::move(replies[0])));
  for (std::size_t i = 0; i + 1 < answer.size(); i += 2) {
    BOOST_OUTCOME_TRY(auto place, redis::integer(answer[i]));
    if (place < 1 || static_cast<std::size_t>(place) > order.size())
      return Error{Code::internal, "Redis answered about a task that it was not asked about", "redis_reply"};
    each(order[static_cast<std::size_t>(place - 1)], answer[i + 1]);
  }
  return success();
}

// When a record was created that is still as it was then: pending for this message, never begun, never
// cancelled (nobody wrote a tombstone: whoever does changes the record too). 0: it does not say when.
std::optional<std::int64_t> created_at(const redis::Reply& looked, const std::string& message_id) {
  const std::vector<redis::Reply>& fields = looked.list;
  static const std::string kPending = json_text(Status::pending);
  const bool as_made = fields.size() == 5 && fields[0].text == json::write_string(message_id) &&
                       fields[1].text == "0" && fields[2].text == kPending && fields[4].is_null();
  if (!as_made) return std::nullopt;
  const std::string_view quoted = fields[3].text;
  if (quoted.size() < 2) return 0;
  const auto created = parse_rfc3339(quoted.substr(1, quoted.size() - 2));
  return created ? micros(*created) : 0;
}

using Opened = std::vector<Result<Begun>>;

Begun::Outcome begun_outcome(std::string_view word) {
  if (word == "run") return Begun::Outcome::run;
  if (word == "taken") return Begun::Outcome::taken;
  if (word == "cancelled") return Begun::Outcome::cancelled;
  return word == "deleted" ? Begun::Outcome::deleted : Begun::Outcome::ended;
}

Result<Begun> begun_of(const Begin& begin, const redis::Reply& word, const redis::Reply& more) {
  Begun begun{begun_outcome(word.text), {begin.task_id, begin.message_id, 0}};
  if (begun.outcome == Begun::Outcome::taken)
    begun.owner = Record{"", {{"message_id", more.text}}}.text("message_id").value_or("");
  if (begun.outcome == Begun::Outcome::run) {
    BOOST_OUTCOME_TRY(begun.attempt.number, redis::integer(more));
  }
  return begun;
}

// Opens those of `begins` at `places` into `opened`; those of an older version are rewritten first, and then
// opened like the others.
Query<Opened> open_at(const StoreOptions& options, std::vector<Begin> begins,
                      const std::vector<std::size_t>& places, Opened opened, Commands before, WallTime now) {
  std::vector<std::string> keys;
  std::vector<std::size_t> order;
  std::vector<std::string> arguments{std::to_string(micros(now)), json::write_string(begins.front().worker),
                                     json_texts_before(Status::processing)};
  const auto kind_of = [&](std::size_t i) {
    const Begin& begin = begins[places[i]];
    return std::pair<std::string_view, std::string_view>(begin.queue, begin.actor);
  };
  for (const auto& [kind, those] : grouped(places.size(), kind_of)) {
    arguments.insert(arguments.end(), {json::write_string(kind.first), json::write_string(kind.second),
                                       std::to_string(those.size())});
    for (const std::size_t place : those) {
      const std::size_t i = places[place];
      order.push_back(i);
      keys.push_back(options.prefix + begins[i].task_id);
      arguments.push_back(json::write_string(begins[i].message_id));
    }
  }
  before.push_back(call(scripts::open, options, std::move(keys), now, std::move(arguments)));
  return {std::move(before),
          [options, begins = std::move(begins), order = std::move(order), opened = std::move(opened),
           now](Replies replies) mutable -> Result<Step<Opened>> {
            for (const redis::Reply& reply : replies)
              if (reply.is_error()) return redis::as_error(reply);
            BOOST_OUTCOME_TRY(auto answer, answer_of(std::move(replies.back()), 2 * order.size()));
            Commands rewrites;
            std::vector<std::size_t> again;
            for (std::size_t at = 0; at < order.size(); ++at) {
              const std::size_t i = order[at];
              const std::vector<redis::Reply> one{answer[2 * at], answer[2 * at + 1]};
              auto rewrite = adoption(one, options, begins[i].task_id, now);
              if (!rewrite) {
                opened[i] = rewrite.error();
              } else if (*rewrite) {
                rewrites.push_back(std::move(**rewrite));
                again.push_back(i);
              } else {
                opened[i] = begun_of(begins[i], one[0], one[1]);
              }
            }
            if (again.empty()) return Step<Opened>{std::move(opened)};
            return Step<Opened>{
                open_at(options, std::move(begins), again, std::move(opened), std::move(rewrites), now)};
          }};
}

}  // namespace

std::vector<std::string_view> events_in(std::string_view message) {
  std::vector<std::string_view> events;
  for (std::size_t end; !message.empty(); message.remove_prefix(std::min(end + 1, message.size()))) {
    end = std::min(message.find('\n'), message.size());
    events.push_back(message.substr(0, end));
  }
  return events;
}

Advance to_processing(Attempt attempt) {
  return {std::move(attempt), Status::processing};
}

Advance to_completed(Attempt attempt, std::string result_json, WallTime now) {
  Advance step{std::move(attempt), Status::completed};
  step.fields.reserve(2);
  step.fields.emplace_back("result", std::move(result_json));
  step.fields.emplace_back("completed_at", quoted(now));
  return step;
}

Advance to_failed(Attempt attempt, std::string_view error, WallTime now) {
  return {
      std::move(attempt), Status::failed, {{"error", json::write_string(error)}, {"failed_at", quoted(now)}}};
}

Advance to_retrying(Attempt attempt, std::string_view error, WallTime next_attempt_at) {
  return {std::move(attempt),
          Status::retrying,
          {{"error", json::write_string(error)}, {"next_attempt_at", quoted(next_attempt_at)}}};
}

Advance to_cancelled(Attempt attempt, std::string_view why, WallTime now) {
  return {std::move(attempt),
          Status::cancelled,
          {{"error", json::write_string(why)}, {"cancelled_at", quoted(now)}}};
}

Advance to_progress(Attempt attempt, double percent, const Fields& fields) {
  Advance step{std::move(attempt), Status::processing, without_owned(fields)};
  std::erase_if(step.fields, [](const auto& field) { return field.first == "status"; });
  step.fields.emplace_back("progress", percent_text(percent));
  return step;
}

Advance to_pending(Attempt attempt) {
  return {std::move(attempt), Status::pending};
}

// Without a script: Redis reads a record in a fifth of the time that a script needs for it, and what comes of
// it is only believed until advance() has looked again.
Query<std::vector<Attempt>> Store::look(const std::vector<Begin>& begins) const {
  std::vector<Command> looks;
  looks.reserve(begins.size());
  for (const Begin& begin : begins)
    looks.emplace_back("HMGET", options_.prefix + begin.task_id, "message_id", "attempt", "status",
                       "created_at", "cancelled_at");
  std::vector<Attempt> attempts;
  attempts.reserve(begins.size());
  for (const Begin& begin : begins) attempts.push_back({begin.task_id, begin.message_id});
  return {
      std::move(looks),
      [attempts = std::move(attempts)](const Replies& replies) mutable -> Result<Step<std::vector<Attempt>>> {
        for (std::size_t i = 0; i < attempts.size(); ++i) {
          const std::optional<std::int64_t> created = created_at(replies[i], attempts[i].message_id);
          if (!created) continue;
          attempts[i].number = 1;
          attempts[i].created = *created;
        }
        return Step<std::vector<Attempt>>{std::move(attempts)};
      }};
}

Query<Opened> Store::open(const std::vector<Begin>& begins, WallTime now) const {
  std::vector<std::size_t> places(begins.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  return open_at(options_, begins, places, Opened(begins.size(), Begun{}), {}, now);
}

Query<Begun> Store::begin(const Begin& begin, WallTime now) const {
  return redis::then<Begun>(open({begin}, now), [](auto opened) { return std::move(opened.front()); });
}

Query<Written> Store::advance_one(Advance step, WallTime now) const {
  return redis::then<Written>(advance({std::move(step)}, "", now),
                              [](auto written) { return written.front(); });
}

Query<std::vector<Written>> Store::advance(const std::vector<Advance>& advances, std::string_view worker,
                                           WallTime now) const {
  std::vector<std::string> keys;
  std::vector<std::size_t> order;
  std::vector<std::string> arguments{worker.empty() ? "" : json::write_string(worker)};
  const auto kind_of = [&](std::size_t i) {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : advances[i].fields) names.push_back(name);
    return std::tuple(advances[i].to, advances[i].attempt.number, std::move(names));
  };
  for (const auto& [kind, places] : grouped(advances.size(), kind_of)) {
    const auto& [to, number, names] = kind;
    arguments.insert(arguments.end(), {json_text(to), std::to_string(number), std::to_string(places.size()),
                                       std::to_string(names.size())});
    arguments.insert(arguments.end(), names.begin(), names.end());
    for (const std::size_t i : places) {
      order.push_back(i);
      keys.push_back(options_.prefix + advances[i].attempt.task_id);
      arguments.push_back(json::write_string(advances[i].attempt.message_id));
      arguments.push_back(advances[i].attempt.created == 0 ? ""
                                                           : std::to_string(advances[i].attempt.created));
      for (const auto& [name, value] : advances[i].fields) arguments.push_back(value);
    }
  }
  return {{call(scripts::advance, options_, std::move(keys), now, std::move(arguments))},
          [order = std::move(order)](Replies replies) -> Result<Step<std::vector<Written>>> {
            std::vector<Written> written(order.size());
            BOOST_OUTCOME_TRY(
                read_unusual(std::move(replies), order, [&](std::size_t i, const redis::Reply& word) {
                  if (word.text == "gone") written[i] = {Written::Outcome::gone, true};
                  if (word.text == "stale") written[i] = {Written::Outcome::stale, false};
                  if (word.text == "stop") written[i].stop_requested = true;
                }));
            return Step<std::vector<Written>>(std::move(written));
          }};
}

}  // namespace medsynth::tasks
