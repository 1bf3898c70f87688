// The calls on one record, except writes.
#include "medsynth/tasks/store.h"

#include <algorithm>
#include <iterator>

#include "medsynth/tasks/calls.h"
#include "medsynth/tasks/legacy.h"

namespace medsynth::tasks {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Reply;
using redis::Step;

using Answer = std::vector<Reply>;
using Found = std::optional<Record>;

Result<Found> read_hash(const std::string& task_id, Reply reply) {
  BOOST_OUTCOME_TRY(auto words, redis::texts(std::move(reply)));
  if (words.empty()) return Found();
  return Found(Record{task_id, to_fields(std::move(words))});
}

// A key that is no hash: the JSON string of an older version, if it has not become a hash meanwhile.
Query<Found> get_other(std::string key, std::string task_id) {
  Query<Found> query;
  query.commands = {Command("GET", key), Command("HGETALL", key)};
  query.decode = [task_id = std::move(task_id)](Replies replies) -> Result<Step<Found>> {
    if (!replies[1].is_error()) {
      BOOST_OUTCOME_TRY(auto record, read_hash(task_id, std::move(replies[1])));
      return Step<Found>(std::move(record));
    }
    if (replies[0].error_prefix() == "WRONGTYPE") return not_a_record(task_id, "something else");
    if (replies[0].is_null()) return Step<Found>(Found());
    BOOST_OUTCOME_TRY(auto text, redis::text(std::move(replies[0])));
    BOOST_OUTCOME_TRY(auto fields, split_legacy(text));
    return Step<Found>(Found(Record{task_id, std::move(fields)}));
  };
  return query;
}

Created::Outcome created_outcome(std::string_view word) {
  if (word == "created") return Created::Outcome::created;
  if (word == "full") return Created::Outcome::full;
  return word == "guarded" ? Created::Outcome::guarded : Created::Outcome::exists;
}

Cancelled::Outcome cancelled_outcome(std::string_view word) {
  if (word == "cancelled") return Cancelled::Outcome::cancelled;
  if (word == "requested") return Cancelled::Outcome::requested;
  return word == "absent" ? Cancelled::Outcome::absent : Cancelled::Outcome::ended;
}

}  // namespace

Store::Store(StoreOptions options) : options_(completed(std::move(options))) {}

Query<Found> Store::get(std::string task_id) const {
  const std::string key = options_.prefix + task_id;
  Query<Found> query;
  query.commands = {Command("HGETALL", key)};
  query.decode = [key, task_id = std::move(task_id)](Replies replies) -> Result<Step<Found>> {
    if (replies[0].error_prefix() == "WRONGTYPE") return Step<Found>(get_other(key, task_id));
    BOOST_OUTCOME_TRY(auto record, read_hash(task_id, std::move(replies[0])));
    return Step<Found>(std::move(record));
  };
  return query;
}

Query<Created> Store::create(const NewTask& task, WallTime now, std::vector<Command> also,
                             std::optional<Guard> guard, const std::optional<Bound>& bound) const {
  const std::string record = options_.prefix + task.task_id;
  const std::string message = json::write_string(task.message_id);
  // Redis searches a record from its front: first what every write asks for.
  Fields fields{{"message_id", message},
                {"attempt", "0"},
                {"status", json_text(Status::pending)},
                {"progress", "0"},
                {"created_at", quoted(now)},
                {"updated_at", quoted(now)},
                {"queue", json::write_string(task.queue)},
                {"actor", json::write_string(task.actor)}};
  for (const auto& field : without_owned(task.fields))
    if (field.first != "status" && field.first != "message_id") fields.push_back(field);
  std::vector<std::string> arguments{
      task.task_id,
      std::to_string(micros(now)),
      message,
      guard ? guard->value : "",
      std::to_string(guard ? std::chrono::milliseconds(guard->ttl).count() : 0),
      std::to_string(bound ? bound->max : 0)};
  append_counted(arguments, fields);
  for (Command& command : also) {
    arguments.push_back(std::to_string(command.words.size()));
    std::move(command.words.begin(), command.words.end(), std::back_inserter(arguments));
  }
  Query<Created> query;
  query.commands = {call(scripts::create, options_,
                         {record, guard ? guard->key : record, bound ? bound->hash : record}, now,
                         std::move(arguments))};
  query.decode = [](Replies replies) -> Result<Step<Created>> {
    BOOST_OUTCOME_TRY(auto answer, answer_of(std::move(replies[0]), 1));
    return Step<Created>(
        Created{created_outcome(answer[0].text), answer.size() > 1 ? std::move(answer[1].text) : ""});
  };
  return query;
}

Query<Cancelled> Store::cancel(std::string task_id, WallTime now) const {
  Command command = call_on(scripts::cancel, options_, task_id, now, {json_texts_before(Status::cancelled)});
  return ask<Cancelled>(
      std::move(command), options_, std::move(task_id), now, [](Answer& answer) -> Result<Cancelled> {
        Cancelled cancelled{cancelled_outcome(answer[0].text), ""};
        if (const auto message = json::parse(answer[1].text); message && message->is_string())
          cancelled.message_id = std::string(message->get_string());
        return cancelled;
      });
}

Query<bool> Store::remove(std::string task_id, WallTime now) const {
  Command command = call_on(scripts::remove, options_, task_id, now);
  const Read<bool> read = [](Answer& answer) -> Result<bool> { return answer[0].text == "removed"; };
  const auto unreadable = [options = options_, task_id, now, read](const std::string& text) {
    return ask<bool>(call_on(scripts::remove, options, task_id, now, {text}), options, task_id, now, read);
  };
  return ask<bool>(std::move(command), options_, task_id, now, read, unreadable);
}

Query<bool> Store::has_tombstone(std::string message_id) const {
  return {{Command("EXISTS", tombstone_key(options_, message_id))},
          [](Replies replies) -> Result<Step<bool>> {
            BOOST_OUTCOME_TRY(auto count, redis::integer(replies[0]));
            return Step<bool>(count > 0);
          }};
}

Query<std::vector<std::optional<std::int64_t>>> Store::ahead(const std::vector<std::string>& ids) const {
  using Places = std::vector<std::optional<std::int64_t>>;
  const std::string pending = index_key(options_, "status:pending");
  std::vector<Command> commands{Command("ZCARD", pending)};
  for (const std::string& id : ids) commands.emplace_back("ZREVRANK", pending, id);
  return {std::move(commands), [](const Replies& replies) -> Result<Step<Places>> {
            BOOST_OUTCOME_TRY(const auto all, redis::integer(replies[0]));
            Places places;
            for (std::size_t i = 1; i < replies.size(); ++i) {
              places.emplace_back();
              if (replies[i].is_null()) continue;
              BOOST_OUTCOME_TRY(const auto behind, redis::integer(replies[i]));
              places.back() = std::max<std::int64_t>(0, all - 1 - behind);
            }
            return Step<Places>{std::move(places)};
          }};
}

Query<redis::Done> Store::forget_tombstone(std::string message_id) const {
  return redis::all_ok({call(scripts::forget, options_, {tombstone_key(options_, message_id)}, WallTime{},
                             {json::write_string(message_id)})});
}

}  // namespace medsynth::tasks
