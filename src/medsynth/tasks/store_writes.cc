// The writes of the source document, which carry no attempt: write.lua.
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

// Answers whether there was a record, or it was made.
Query<bool> query_of(const StoreOptions& options, const std::string& task_id, Write write, WallTime now) {
  std::vector<std::string> arguments{write.to ? json_text(*write.to) : "", std::string(write.missing)};
  if (write.to) write.fields.emplace_back("status", json_text(*write.to));
  write.fields.emplace_back("updated_at", quoted(now));
  append_counted(arguments, write.fields);
  append_counted(arguments, {{"created_at", quoted(now)}, {"attempt", "0"}});
  std::move(write.forget.begin(), write.forget.end(), std::back_inserter(arguments));
  return ask<bool>(
      call_on(scripts::write, options, task_id, now, std::move(arguments)), options, task_id, now,
      [](std::vector<redis::Reply>& answer) -> Result<bool> { return answer[0].text == "written"; });
}

Query<redis::Done> done(Query<bool> query) {
  return redis::then<redis::Done>(std::move(query), [](bool) { return redis::Done{}; });
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

Query<redis::Done> Store::set_task_status(std::string task_id, const Fields& fields, WallTime now) const {
  Write write{.missing = "replace", .fields = without_owned(fields)};
  write.to = take_status(write.fields).value_or(Status::pending);
  add_stamps(write.fields, *write.to, now);
  return done(query_of(options_, task_id, std::move(write), now));
}

Query<bool> Store::update_task_progress(std::string task_id, double percent, const Fields& fields,
                                        WallTime now) const {
  Write write{.missing = "refuse", .fields = without_owned(fields)};
  write.to = take_status(write.fields);
  write.fields.emplace_back("progress", percent_text(percent));  // the last of a name is written
  return query_of(options_, task_id, std::move(write), now);
}

Query<redis::Done> Store::complete_task(std::string task_id, std::string result_json, WallTime now) const {
  return done(query_of(options_, task_id, completion("create", std::move(result_json), now), now));
}

Query<redis::Done> Store::fail_task(std::string task_id, std::string_view error, WallTime now) const {
  return done(query_of(options_, task_id, failure("create", error, now), now));
}

}  // namespace medsynth::tasks
