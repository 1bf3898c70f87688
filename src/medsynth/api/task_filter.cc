#include "medsynth/api/task_filter.h"

#include <cctype>

#include "medsynth/api/error_words.h"
#include "medsynth/dramatiq/message.h"

namespace medsynth::api {
namespace {

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

Result<std::optional<WallTime>> time_of(const std::optional<std::string>& text, const std::string& pointer) {
  if (!text) return std::optional<WallTime>();
  const auto time = parse_rfc3339(*text);
  if (!time) return invalid(pointer, "must be a time like 2026-01-31T12:00:00Z");
  return std::optional(*time);
}

bool is_as(const tasks::Record& record, std::string_view field, const std::optional<std::string>& wanted) {
  return !wanted || record.text(field) == wanted;
}

bool is_between(const tasks::Record& record, std::string_view field, const std::optional<WallTime>& after,
                const std::optional<WallTime>& before) {
  if (!after && !before) return true;
  const auto time = parse_rfc3339(record.text(field).value_or(""));
  return time && (!after || *time >= *after) && (!before || *time < *before);
}

// In a string, a number or a member's name: not in the JSON that was written of them, with its escapes.
bool has_text(const json::value& value, std::string_view text) {
  if (const auto* string = value.if_string()) return contains_text({string->data(), string->size()}, text);
  if (const auto* array = value.if_array())
    return std::ranges::any_of(*array, [&](const json::value& each) { return has_text(each, text); });
  if (const auto* object = value.if_object())
    return std::ranges::any_of(*object, [&](const auto& member) {
      return contains_text(member.key(), text) || has_text(member.value(), text);
    });
  return contains_text(json::write(value), text);
}

// JSON that only Python reads (NaN) is looked at as it is.
bool has_text_in(std::string_view json, std::string_view text) {
  const auto value = json::parse(json);
  return value ? has_text(*value, text) : contains_text(json, text);
}

}  // namespace

bool has_argument(const dramatiq::Message& message, std::string_view text) {
  return has_text_in(message.args, text) || has_text_in(message.kwargs, text);
}

bool contains_text(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != text.end();
}

Result<TaskSelection> TaskSelection::of(TaskFilter filter, const std::string& at) {
  TaskSelection wanted;
  BOOST_OUTCOME_TRY(wanted.created_after, time_of(filter.created_after, at + "/created_after"));
  BOOST_OUTCOME_TRY(wanted.created_before, time_of(filter.created_before, at + "/created_before"));
  BOOST_OUTCOME_TRY(wanted.updated_after, time_of(filter.updated_after, at + "/updated_after"));
  BOOST_OUTCOME_TRY(wanted.updated_before, time_of(filter.updated_before, at + "/updated_before"));
  if (filter.queue && !dramatiq::check_queue_name(*filter.queue))
    return invalid(at + "/queue", "is no name that a queue can have");
  wanted.filter = std::move(filter);
  return wanted;
}

std::vector<std::string> TaskSelection::fields() {
  return {"status",     "actor",      "queue",      "worker",  "error",
          "created_at", "updated_at", "message_id", "metadata"};
}

bool TaskSelection::matches(const tasks::Record& record) const {
  const TaskFilter& wanted = filter;
  if (wanted.status && record.status().value_or(tasks::Status::pending) != *wanted.status) return false;
  if (!is_as(record, "actor", wanted.actor) || !is_as(record, "queue", wanted.queue)) return false;
  if (!is_between(record, "created_at", created_after, created_before) ||
      !is_between(record, "updated_at", updated_after, updated_before))
    return false;
  if (wanted.worker && !contains_text(record.text("worker").value_or(""), *wanted.worker)) return false;
  if (wanted.error) {
    const auto error = record.text("error");
    if (!error || error_words(*error) != *wanted.error) return false;
  }
  return !wanted.text || by_arguments.contains(record.task_id) ||
         contains_text(record.task_id, *wanted.text) ||
         contains_text(record.text("message_id").value_or(""), *wanted.text) ||
         (!record.raw("metadata").empty() && has_text_in(record.raw("metadata"), *wanted.text));
}

bool TaskSelection::is_past(const tasks::Record& record) const {
  if (!created_after) return false;
  const auto created = parse_rfc3339(record.text("created_at").value_or(""));
  return created && *created < *created_after;
}

bool matches(const DeadFilter& filter, const dramatiq::DeadLetter& letter) {
  const auto& message = letter.message;
  if (filter.queue && letter.queue != *filter.queue) return false;
  if (filter.actor && (!message || message->actor_name != *filter.actor)) return false;
  if (filter.error && error_words(letter.reason) != *filter.error) return false;
  if (!filter.text) return true;
  if (contains_text(letter.redis_message_id, *filter.text)) return true;
  if (!message) return contains_text(letter.payload, *filter.text);
  return contains_text(message->message_id, *filter.text) ||
         contains_text(message->option("task_id"), *filter.text) || has_argument(*message, *filter.text);
}

}  // namespace medsynth::api
