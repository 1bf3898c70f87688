// Writes into one record: the fenced ones of workers, and those of the source document. All are one script,
// write.lua.
#include <iterator>

#include "medsynth/tasks/calls.h"
#include "medsynth/tasks/store.h"

namespace medsynth::tasks {
namespace {

using redis::Query;
using redis::Replies;
using redis::Step;

struct Write {
  std::string_view missing;       // what to do when there is no record: refuse, create, replace
  std::optional<Status> to = {};  // empty: its status stays
  Fields fields = {};
  std::vector<std::string> forget = {};
};

Query<Written> query_of(const StoreOptions& options, const std::string& task_id, const Attempt* attempt,
                        Write write, WallTime now) {
  std::vector<std::string> arguments{attempt ? json::write_string(attempt->message_id) : "",
                                     attempt ? std::to_string(attempt->number) : "",
                                     write.to ? json_text(*write.to) : "", std::string(write.missing)};
  if (write.to) write.fields.emplace_back("status", json_text(*write.to));
  write.fields.emplace_back("updated_at", quoted(now));
  append_counted(arguments, write.fields);
  append_counted(arguments, {{"created_at", quoted(now)}, {"attempt", "0"}});
  std::move(write.forget.begin(), write.forget.end(), std::back_inserter(arguments));
  return ask<Written>(call_on(scripts::write, options, task_id, now, std::move(arguments)), options, task_id,
                      now, [](std::vector<redis::Reply>& answer) -> Result<Written> {
                        const std::string& outcome = answer[0].text;
                        if (outcome == "gone") return Written{Written::Outcome::gone, true};
                        if (outcome == "stale") return Written{Written::Outcome::stale, false};
                        return Written{Written::Outcome::written, answer[1].text == "1"};
                      });
}

// The same query with another answer.
template <class T>
Query<T> map(Query<Written> query, T (*convert)(const Written&)) {
  Query<T> mapped;
  mapped.commands = std::move(query.commands);
  mapped.decode = [decode = std::move(query.decode), convert](Replies replies) -> Result<Step<T>> {
    BOOST_OUTCOME_TRY(auto step, decode(std::move(replies)));
    if (step.next) return Step<T>(map(std::move(*step.next), convert));
    return Step<T>(convert(*step.value));
  };
  return mapped;
}

redis::Done done(const Written&) {
  return {};
}
bool was_written(const Written& written) {
  return written.outcome == Written::Outcome::written;
}

Write completion(std::string_view missing, std::string result_json, WallTime now) {
  return {missing,
          Status::completed,
          {{"progress", "100"}, {"result", std::move(result_json)}, {"completed_at", quoted(now)}},
          {"error", "failed_at", "cancelled_at", "next_attempt_at", "cancel_requested"}};
}

Write failure(std::string_view missing, std::string_view error, WallTime now) {
  return {missing,
          Status::failed,
          {{"error", json::write_string(error)}, {"failed_at", quoted(now)}},
          {"result", "completed_at", "cancelled_at", "next_attempt_at", "cancel_requested"}};
}

// Takes `status` out of the fields: it leads the write.
std::optional<Status> take_status(Fields& fields) {
  const Record record{"", fields};
  std::erase_if(fields, [](const auto& field) { return field.first == "status"; });
  return record.status();
}

void add_if_missing(Fields& fields, std::string_view name, std::string value) {
  for (const auto& field : fields)
    if (field.first == name) return;
  fields.emplace_back(name, std::move(value));
}

// What a record of this status has, unless the caller said it.
void add_stamps(Fields& fields, Status status, WallTime now) {
  add_if_missing(fields, "progress", status == Status::completed ? "100" : "0");
  if (status == Status::completed) add_if_missing(fields, "completed_at", quoted(now));
  if (status == Status::failed) add_if_missing(fields, "failed_at", quoted(now));
  if (status == Status::cancelled) add_if_missing(fields, "cancelled_at", quoted(now));
}

}  // namespace

Query<Written> Store::progress(const Attempt& attempt, double percent, const Fields& fields,
                               WallTime now) const {
  Write write{.missing = "refuse", .fields = without_owned(fields)};
  (void)take_status(write.fields);
  write.fields.emplace_back("progress", percent_text(percent));
  return query_of(options_, attempt.task_id, &attempt, std::move(write), now);
}

Query<Written> Store::complete(const Attempt& attempt, std::string result_json, WallTime now) const {
  static_assert(may_change(Status::processing, Status::completed));
  return query_of(options_, attempt.task_id, &attempt, completion("refuse", std::move(result_json), now),
                  now);
}

Query<Written> Store::fail(const Attempt& attempt, std::string_view error, WallTime now) const {
  static_assert(may_change(Status::processing, Status::failed));
  return query_of(options_, attempt.task_id, &attempt, failure("refuse", error, now), now);
}

Query<Written> Store::retry(const Attempt& attempt, std::string_view error, WallTime next_attempt_at,
                            WallTime now) const {
  static_assert(may_change(Status::processing, Status::retrying));
  Write write{.missing = "refuse",
              .to = Status::retrying,
              .fields = {{"error", json::write_string(error)}, {"next_attempt_at", quoted(next_attempt_at)}}};
  return query_of(options_, attempt.task_id, &attempt, std::move(write), now);
}

Query<Written> Store::end_cancelled(const Attempt& attempt, std::string_view why, WallTime now) const {
  static_assert(may_change(Status::processing, Status::cancelled));
  Write write{.missing = "refuse",
              .to = Status::cancelled,
              .fields = {{"error", json::write_string(why)}, {"cancelled_at", quoted(now)}},
              .forget = {"next_attempt_at", "cancel_requested"}};
  return query_of(options_, attempt.task_id, &attempt, std::move(write), now);
}

Query<Written> Store::release(const Attempt& attempt, WallTime now) const {
  static_assert(may_change(Status::processing, Status::pending));
  Write write{.missing = "refuse",
              .to = Status::pending,
              .fields = {{"progress", "0"}},
              .forget = {"worker", "stage"}};
  return query_of(options_, attempt.task_id, &attempt, std::move(write), now);
}

Query<redis::Done> Store::set_task_status(std::string task_id, const Fields& fields, WallTime now) const {
  Write write{.missing = "replace", .fields = without_owned(fields)};
  write.to = take_status(write.fields).value_or(Status::pending);
  add_stamps(write.fields, *write.to, now);
  return map(query_of(options_, task_id, nullptr, std::move(write), now), done);
}

Query<bool> Store::update_task_progress(std::string task_id, double percent, const Fields& fields,
                                        WallTime now) const {
  Write write{.missing = "refuse", .fields = without_owned(fields)};
  write.to = take_status(write.fields);
  write.fields.emplace_back("progress", percent_text(percent));  // the last of a name is written
  return map(query_of(options_, task_id, nullptr, std::move(write), now), was_written);
}

Query<redis::Done> Store::complete_task(std::string task_id, std::string result_json, WallTime now) const {
  return map(query_of(options_, task_id, nullptr, completion("create", std::move(result_json), now), now),
             done);
}

Query<redis::Done> Store::fail_task(std::string task_id, std::string_view error, WallTime now) const {
  return map(query_of(options_, task_id, nullptr, failure("create", error, now), now), done);
}

}  // namespace medsynth::tasks
