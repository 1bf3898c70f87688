#include "medsynth/tasks/calls.h"

#include <iterator>

#include <fmt/format.h>

#include "medsynth/tasks/legacy.h"

namespace medsynth::tasks {

StoreOptions completed(StoreOptions options) {
  options.ttl = std::max(options.ttl, std::chrono::seconds(1));
  if (options.channel.empty())
    options.channel = index_key(options, "events:" + std::to_string(options.database));
  return options;
}

// No task id can contain a control character: \x1f keeps our keys apart from theirs.
std::string index_key(const StoreOptions& options, std::string_view name) {
  return fmt::format("{}\x1f{}", options.prefix, name);
}

// As the scripts build it from the record's field: the JSON text without its quotes.
std::string tombstone_key(const StoreOptions& options, std::string_view message_id) {
  const std::string text = json::write_string(message_id);
  return index_key(options, "tombstone:" + text.substr(1, text.size() - 2));
}

std::string quoted(WallTime time) {
  return json::write_string(rfc3339(time));
}

redis::Command call(const redis::Script& script, const StoreOptions& options, std::vector<std::string> keys,
                    WallTime now, std::vector<std::string> arguments) {
  static const std::string open = json_texts(false);
  static const std::string ended = json_texts(true);
  std::vector<std::string> words{options.prefix,
                                 options.channel,
                                 open,
                                 ended,
                                 quoted(now),
                                 std::to_string(micros(now)),
                                 std::to_string(std::chrono::milliseconds(options.ttl).count())};
  words.insert(words.end(), std::make_move_iterator(arguments.begin()),
               std::make_move_iterator(arguments.end()));
  return redis::Command::eval(script, std::move(keys), std::move(words));
}

redis::Command call_on(const redis::Script& script, const StoreOptions& options, const std::string& task_id,
                       WallTime now, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), task_id);
  return call(script, options, {options.prefix + task_id}, now, std::move(arguments));
}

void append(std::vector<std::string>& arguments, const Fields& fields) {
  for (const auto& [name, value] : fields) {
    arguments.push_back(name);
    arguments.push_back(value);
  }
}

void append_counted(std::vector<std::string>& arguments, const Fields& fields) {
  arguments.push_back(std::to_string(fields.size() * 2));
  append(arguments, fields);
}

Fields to_fields(std::vector<std::string> words) {
  Fields fields;
  fields.reserve(words.size() / 2);
  for (std::size_t i = 0; i + 1 < words.size(); i += 2)
    fields.emplace_back(std::move(words[i]), std::move(words[i + 1]));
  return fields;
}

Fields without_owned(const Fields& fields) {
  Fields kept;
  for (const auto& [name, value] : fields) {
    const bool no_message = name == "message_id" && !value.starts_with('"');
    if (!is_owned(name) && !no_message) kept.emplace_back(name, value);
  }
  return kept;
}

Error not_a_record(std::string_view task_id, std::string_view kind) {
  return Error{
      Code::conflict,
      fmt::format(
          "the Redis key of task '{}' holds {} and not a task record: delete that key, or choose another "
          "TASK_STORAGE_PREFIX",
          task_id, kind),
      "not_a_task_record"};
}

Result<std::vector<redis::Reply>> answer_of(redis::Reply reply, std::size_t min_size) {
  BOOST_OUTCOME_TRY(auto answer, redis::list(std::move(reply)));
  if (answer.size() >= min_size) return answer;
  return Error{Code::internal,
               fmt::format("Redis answered with a list of {} where at least {} were expected", answer.size(),
                           min_size),
               "redis_reply"};
}

Result<std::optional<redis::Command>> adoption(const std::vector<redis::Reply>& answer,
                                               const StoreOptions& options, const std::string& task_id,
                                               WallTime now) {
  if (answer.empty()) return std::optional<redis::Command>();
  if (answer[0].text == "foreign") return not_a_record(task_id, answer[1].text);
  if (answer[0].text != "legacy") return std::optional<redis::Command>();
  BOOST_OUTCOME_TRY(auto fields, split_legacy(answer[1].text));
  const Adopted adopted = adopt(std::move(fields), now);
  std::vector<std::string> arguments{answer[1].text, std::to_string(adopted.created_micros)};
  append(arguments, adopted.fields);
  return std::optional(call_on(scripts::adopt, options, task_id, now, std::move(arguments)));
}

}  // namespace medsynth::tasks
