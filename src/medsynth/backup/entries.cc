#include "medsynth/backup/entries.h"

#include <utility>

#include "medsynth/base/id.h"
#include "medsynth/dramatiq/quarantine.h"

namespace medsynth::backup {
namespace {

Result<std::string> bytes_of(std::string_view characters) {
  if (auto bytes = dramatiq::as_bytes(characters)) return std::move(*bytes);
  return invalid("", "holds characters that stand for no byte");
}

Result<> check_queue(std::string_view queue) {
  return dramatiq::check_queue_name(dramatiq::canonical_queue(queue));
}

}  // namespace

std::string write(const TaskEntry& entry) {
  return described::write(entry) + "\n";
}

std::string write(const LetterEntry& entry) {
  return described::write(entry) + "\n";
}

Result<TaskEntry> read_task(std::string_view line) {
  BOOST_OUTCOME_TRY(auto entry, described::parse<TaskEntry>(line));
  BOOST_OUTCOME_TRY(check_task_id(entry.task_id));
  if (entry.fields.size() % 2 != 0) return invalid("/fields", "must be names, each with a value");
  if (entry.message) {
    BOOST_OUTCOME_TRY(check_queue(entry.message->queue));
    BOOST_OUTCOME_TRY(check_name("/message_id", entry.message_id));
  } else if (entry.fields.empty()) {
    return invalid("/fields", "is empty, and there is no message either");
  }
  return entry;
}

Result<LetterEntry> read_letter(std::string_view line) {
  BOOST_OUTCOME_TRY(auto entry, described::parse<LetterEntry>(line));
  BOOST_OUTCOME_TRY(check_queue(entry.queue));
  return entry;
}

TaskEntry entry_of(const tasks::Copy& record, const std::optional<dramatiq::Copy>& message,
                   std::string_view message_id) {
  const tasks::Copy rested = tasks::at_rest(record);
  TaskEntry entry{.task_id = rested.task_id,
                  .fields = {},
                  .created_micros = rested.created_micros,
                  .left_ms = rested.left_ms,
                  .tombstone = rested.tombstone,
                  .message_id = message ? std::string(message_id) : "",
                  .message = {}};
  for (const auto& [name, value] : rested.fields) {
    entry.fields.push_back(dramatiq::as_characters(name));
    entry.fields.push_back(dramatiq::as_characters(value));
  }
  if (message)
    entry.message = MessageEntry{message->queue, message->redis_message_id,
                                 dramatiq::as_characters(message->payload), message->deaths};
  return entry;
}

LetterEntry entry_of(const dramatiq::LetterCopy& letter) {
  return {letter.queue, letter.redis_message_id, dramatiq::as_characters(letter.payload),
          dramatiq::as_characters(letter.reason), letter.died_at_ms};
}

Result<tasks::Copy> record_of(const TaskEntry& entry) {
  tasks::Copy copy{.task_id = entry.task_id,
                   .fields = {},
                   .created_micros = entry.created_micros,
                   .left_ms = entry.left_ms,
                   .tombstone = entry.tombstone};
  for (std::size_t i = 0; i + 1 < entry.fields.size(); i += 2) {
    BOOST_OUTCOME_TRY(auto name, bytes_of(entry.fields[i]));
    BOOST_OUTCOME_TRY(auto value, bytes_of(entry.fields[i + 1]));
    copy.fields.emplace_back(std::move(name), std::move(value));
  }
  return copy;
}

Result<std::optional<dramatiq::Copy>> message_of(const TaskEntry& entry) {
  if (!entry.message) return std::optional<dramatiq::Copy>();
  BOOST_OUTCOME_TRY(auto payload, bytes_of(entry.message->payload));
  return std::optional(dramatiq::Copy{entry.message->queue, entry.message->redis_message_id,
                                      std::move(payload), entry.message->deaths});
}

Result<dramatiq::LetterCopy> letter_of(const LetterEntry& entry) {
  BOOST_OUTCOME_TRY(auto payload, bytes_of(entry.payload));
  BOOST_OUTCOME_TRY(auto reason, bytes_of(entry.reason));
  return dramatiq::LetterCopy{entry.queue, entry.redis_message_id, std::move(payload), std::move(reason),
                              entry.died_at_ms};
}

void count(const TaskEntry& entry, Counts& counts) {
  if (!entry.fields.empty()) {
    ++counts.tasks;
    const auto record = record_of(entry);
    if (record && record->has_ended()) ++counts.ended;
  }
  if (entry.message) ++(dramatiq::is_delay_queue(entry.message->queue) ? counts.delayed : counts.messages);
}

Takes takes(const tasks::Copy& record, std::string_view message_id) {
  const bool stands_for_it = !record.fields.empty() && record.message_id() == message_id;
  if (stands_for_it && record.has_ended()) return Takes::record;
  if (!stands_for_it) return record.tombstone.empty() ? Takes::message : Takes::nothing;
  return Takes::both;
}

}  // namespace medsynth::backup
