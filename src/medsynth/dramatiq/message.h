// Dramatiq's message, byte for byte (docs/dramatiq-protocol.md, 1). Arguments and options travel as the JSON
// text they came with: 70-bit integers, NaN and unknown options pass untouched. Pure.
//
//   Message message = make_message("medsynth", "detect_contradiction", R"({"claim1":"a","claim2":"b"})",
//   clock.now()); BOOST_OUTCOME_TRY(check(message)); std::string payload = encode(message);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/base/error.h"

namespace medsynth::dramatiq {

struct Message {
  std::string queue_name;  // "<queue>.DQ" while delayed
  std::string actor_name;
  std::string args = "[]";                                   // JSON array
  std::string kwargs = "{}";                                 // JSON object
  std::vector<std::pair<std::string, std::string>> options;  // name, JSON text; in order, each name once
  std::string message_id;
  std::int64_t message_timestamp = 0;  // ms, when it was built

  std::string_view option(std::string_view name) const;  // JSON text, empty when absent
  // Truncated, and limited to +-8e12 (in ms the year 2223), so that Infinity, which means "no limit" in
  // Dramatiq, can be added to any time. nullopt when absent, null, NaN or no number.
  std::optional<std::int64_t> integer_option(std::string_view name) const;
  std::optional<std::string> text_option(std::string_view name) const;  // nullopt when absent or no string
  void set_option(std::string_view name, std::string json);  // keeps its position; new ones go last
  void erase_option(std::string_view name);
  bool operator==(const Message&) const = default;
};

// A new message with fresh id and time stamp.
Message make_message(std::string queue, std::string actor, std::string kwargs_json, WallTime now);

// For producers: whether the message may be sent. invalid_argument names the field that Python could not
// decode (args, kwargs or options that are not JSON), or a name in it that nobody may use: check_names(),
// here of all messages that follow it, and the task's id (kwargs.task_id, options.task_id).
Result<> check(const Message& message);

// Names that become keys, paths or labels: queue, actor and id of the message, of the one that follows it in
// a pipeline and of its group's callbacks, the actors of its other callbacks; a group's id must be a UUID, as
// Dramatiq makes them, since it is a key of Redis as it is. invalid_argument names the field. A follower that
// cannot be read is no fault here: it becomes a dead letter when its turn comes.
Result<> check_names(const Message& message);

// The members of a JSON object as options: in order, each name once, the last value counts. invalid_argument
// for what is no object, or a name that is not Unicode.
using Options = std::vector<std::pair<std::string, std::string>>;
Result<Options> read_options(std::string_view json);

std::string encode(const Message& message);
// invalid_argument says which of the seven keys is missing, unknown or wrong (never the payload's text). As
// strict as Python's decoder, and stricter where it guesses: without message_id or message_timestamp a
// message has no identity.
Result<Message> decode(std::string_view payload);

// [a-zA-Z_][a-zA-Z0-9._-]*, at most 200 bytes, and not one of the names that collide with Dramatiq's own
// keys.
Result<> check_queue_name(std::string_view name);
std::string delay_queue(std::string_view queue);      // "x" and "x.DQ" -> "x.DQ"
std::string canonical_queue(std::string_view queue);  // "x.DQ" and "x.XQ" -> "x"
bool is_delay_queue(std::string_view queue);

// When the message may run: its `eta`; nullopt for one that may run at once (no eta, or null). An eta that is
// no number counts as `now`.
std::optional<WallTime> due(const Message& message, WallTime now);

}  // namespace medsynth::dramatiq
