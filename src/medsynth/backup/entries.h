// What a backup holds, as it is written: objects in JSON, a line each, and what they stand for. Stored, and
// read by other versions: members may be added, those that are here keep their meaning. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/described.h"
#include "medsynth/dramatiq/copies.h"
#include "medsynth/tasks/copies.h"

namespace medsynth::backup {

// What this version writes, and the newest that it reads. Another number is another meaning of what is there;
// what is only added needs none.
inline constexpr std::int64_t kFormat = 1;

// Bytes that need not be text (fields of a record, payloads) are written as dramatiq::as_characters().
struct MessageEntry {
  std::string queue;  // canonical, or ".DQ" of a delayed one
  std::string redis_message_id;
  std::string payload;
  std::int64_t deaths = 0;
};
BOOST_DESCRIBE_STRUCT(MessageEntry, (), (queue, redis_message_id, payload, deaths))

// A task with what makes it go on: a record, a message, or both.
struct TaskEntry {
  std::string task_id;
  std::vector<std::string> fields;  // name, value, name, value ...
  std::int64_t created_micros = 0;  // 0: unknown
  std::int64_t left_ms = -1;        // of its record; negative: it does not expire
  std::string tombstone;            // the message must not run: cancelled; empty: it may
  std::string message_id;           // empty: no message
  std::optional<MessageEntry> message;
};
BOOST_DESCRIBE_STRUCT(TaskEntry, (),
                      (task_id, fields, created_micros, left_ms, tombstone, message_id, message))

struct LetterEntry {
  std::string queue;
  std::string redis_message_id;
  std::string payload;
  std::string reason;
  std::int64_t died_at_ms = 0;
};
BOOST_DESCRIBE_STRUCT(LetterEntry, (), (queue, redis_message_id, payload, reason, died_at_ms))

struct State {
  std::vector<std::string> queues;  // that ours know
  std::vector<std::string> paused;
  std::map<std::string, double> limits;  // that were set through the API
  // Letters of the backup that do not count: they were replayed while it was written, and their tasks came after.
  std::vector<std::string> replayed;
};
BOOST_DESCRIBE_STRUCT(State, (), (queues, paused, limits, replayed))

// A file of the archive.
struct Part {
  std::string name;
  std::int64_t entries = 0;  // lines of a page; else 1
  std::string sha256;
};
BOOST_DESCRIBE_STRUCT(Part, (), (name, entries, sha256))

struct Counts {
  std::int64_t tasks = 0;     // records
  std::int64_t ended = 0;     // of these
  std::int64_t messages = 0;  // that wait or were in somebody's hands
  std::int64_t delayed = 0;
  std::int64_t dead_letters = 0;
  std::int64_t without_message = 0;  // records that have not ended, and whose message is nowhere
  std::int64_t files = 0;
};
BOOST_DESCRIBE_STRUCT(Counts, (), (tasks, ended, messages, delayed, dead_letters, without_message, files))

// The first file of the archive, and with what it held, the last.
struct Heading {
  std::int64_t format = kFormat;
  std::string version;     // of the program that wrote it
  std::string id;          // of this backup
  std::string created_at;  // RFC 3339
};
BOOST_DESCRIBE_STRUCT(Heading, (), (format, version, id, created_at))
struct Manifest : Heading {
  Counts counts;
  std::vector<Part> parts;
};
BOOST_DESCRIBE_STRUCT(Manifest, (Heading), (counts, parts))

std::string write(const TaskEntry& entry);  // a line, with its end
std::string write(const LetterEntry& entry);
// invalid_argument: it is none, or holds a name that nobody may use.
Result<TaskEntry> read_task(std::string_view line);
Result<LetterEntry> read_letter(std::string_view line);

// As they go into a backup. The copies are at rest: nothing of them runs.
TaskEntry entry_of(const tasks::Copy& record, const std::optional<dramatiq::Copy>& message,
                   std::string_view message_id);
LetterEntry entry_of(const dramatiq::LetterCopy& letter);
// And out of it. invalid_argument: bytes that are none.
Result<tasks::Copy> record_of(const TaskEntry& entry);
Result<std::optional<dramatiq::Copy>> message_of(const TaskEntry& entry);
Result<dramatiq::LetterCopy> letter_of(const LetterEntry& entry);

// Counts an entry among what a backup holds.
void count(const TaskEntry& entry, Counts& counts);

// What goes into a backup of a record and a message that names it, read together.
enum class Takes {
  both,
  record,   // it has ended: its message is settled in a moment
  message,  // there is no record yet, or it is another message's
  nothing   // its task was deleted
};
Takes takes(const tasks::Copy& record, std::string_view message_id);

}  // namespace medsynth::backup

namespace medsynth::described {
template <>
struct Rules<backup::MessageEntry> {
  static constexpr bool open = true;
  static constexpr std::array fields{Field{.name = "deaths", .optional = true, .minimum = 0}};
};
template <>
struct Rules<backup::TaskEntry> {
  static constexpr bool open = true;
  static constexpr std::array fields{
      Field{.name = "fields", .optional = true}, Field{.name = "created_micros", .optional = true},
      Field{.name = "left_ms", .optional = true}, Field{.name = "tombstone", .optional = true},
      Field{.name = "message_id", .optional = true}};
};
template <>
struct Rules<backup::LetterEntry> {
  static constexpr bool open = true;
  static constexpr std::array fields{Field{.name = "reason", .optional = true}};
};
template <>
struct Rules<backup::State> {
  static constexpr bool open = true;
  static constexpr std::array<Field, 0> fields{};
};
template <>
struct Rules<backup::Part> {
  static constexpr bool open = true;
  static constexpr std::array<Field, 0> fields{};
};
template <>
struct Rules<backup::Counts> {
  static constexpr bool open = true;
  static constexpr std::array<Field, 0> fields{};
};
template <>
struct Rules<backup::Heading> {
  static constexpr bool open = true;
  static constexpr std::array<Field, 0> fields{};
};
template <>
struct Rules<backup::Manifest> {
  static constexpr bool open = true;
  static constexpr std::array<Field, 0> fields{};
};
}  // namespace medsynth::described
