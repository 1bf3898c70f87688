// Writes of many attempts in one script each: open.lua, advance.lua.
#include "medsynth/tasks/calls.h"
#include "medsynth/tasks/store.h"

namespace medsynth::tasks {
namespace {

using redis::Query;
using redis::Replies;
using redis::Step;

Advance step(Attempt attempt, Status to, WallTime now, Fields fields) {
  fields.emplace_back("status", json_text(to));
  fields.emplace_back("updated_at", quoted(now));
  return {std::move(attempt), to, std::move(fields)};
}

}  // namespace

Advance to_processing(Attempt attempt, WallTime now) {
  return step(std::move(attempt), Status::processing, now, {{"progress", "0"}});
}

Advance to_completed(Attempt attempt, std::string result_json, WallTime now) {
  return step(std::move(attempt), Status::completed, now,
              {{"progress", "100"}, {"result", std::move(result_json)}, {"completed_at", quoted(now)}});
}

Advance to_failed(Attempt attempt, std::string_view error, WallTime now) {
  return step(std::move(attempt), Status::failed, now,
              {{"error", json::write_string(error)}, {"failed_at", quoted(now)}});
}

Advance to_retrying(Attempt attempt, std::string_view error, WallTime next_attempt_at, WallTime now) {
  return step(std::move(attempt), Status::retrying, now,
              {{"error", json::write_string(error)}, {"next_attempt_at", quoted(next_attempt_at)}});
}

Advance to_cancelled(Attempt attempt, std::string_view why, WallTime now) {
  return step(std::move(attempt), Status::cancelled, now,
              {{"error", json::write_string(why)}, {"cancelled_at", quoted(now)}});
}

Query<std::vector<Attempt>> Store::open(const std::vector<Begin>& begins, WallTime now) const {
  std::vector<std::string> keys;
  std::vector<Attempt> attempts;
  std::vector<std::string> arguments{std::to_string(micros(now))};
  for (const Begin& begin : begins) {
    keys.push_back(options_.prefix + begin.task_id);
    attempts.push_back({begin.task_id, begin.message_id, 0});
    arguments.insert(arguments.end(), {begin.task_id, json::write_string(begin.message_id),
                                       json::write_string(begin.queue), json::write_string(begin.actor)});
  }
  return {{call(all_scripts().open, options_, std::move(keys), now, std::move(arguments))},
          [attempts = std::move(attempts)](Replies replies) mutable -> Result<Step<std::vector<Attempt>>> {
            BOOST_OUTCOME_TRY(auto answer, redis::list(std::move(replies[0])));
            for (std::size_t i = 0; i < attempts.size(); ++i) {
              BOOST_OUTCOME_TRY(attempts[i].number, redis::integer(answer[i]));
            }
            return Step<std::vector<Attempt>>(std::move(attempts));
          }};
}

Query<std::vector<Written>> Store::advance(const std::vector<Advance>& advances, std::string_view worker,
                                           WallTime now) const {
  std::vector<std::string> keys;
  std::vector<std::string> arguments{json::write_string(worker)};
  for (const Advance& advance : advances) {
    keys.push_back(options_.prefix + advance.attempt.task_id);
    arguments.insert(arguments.end(),
                     {advance.attempt.task_id, json::write_string(advance.attempt.message_id),
                      std::to_string(advance.attempt.number), json_text(advance.to)});
    append_counted(arguments, advance.fields);
  }
  return {{call(all_scripts().advance, options_, std::move(keys), now, std::move(arguments))},
          [](Replies replies) -> Result<Step<std::vector<Written>>> {
            BOOST_OUTCOME_TRY(auto words, redis::texts(std::move(replies[0])));
            std::vector<Written> written;
            for (const std::string& word : words) {
              if (word == "gone")
                written.push_back({Written::Outcome::gone, true});
              else
                written.push_back(
                    {word == "stale" ? Written::Outcome::stale : Written::Outcome::written, word == "stop"});
            }
            return Step<std::vector<Written>>(std::move(written));
          }};
}

}  // namespace medsynth::tasks
