// Dead letters: looking at them, replaying them, dropping them. Queries; writing one is the broker's dead().
//
//   DeadLetters dead(broker);
//   auto page = client.run(dead.list({"medsynth"}, {.limit = 50}));
//   for (const DeadLetter& letter : page->letters) ...
//
// A payload that cannot be decoded is shown as bytes and can only be removed. Thread safe (immutable); the
// broker outlives it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "medsynth/dramatiq/broker.h"

namespace medsynth::dramatiq {

struct DeadLetter {
  std::string redis_message_id;    // its id among the dead letters
  std::string queue;               // canonical
  std::int64_t died_at_ms = 0;     // by Redis' clock, or a Python worker's
  std::string reason;              // why; empty when a Python worker buried it without a traceback
  std::int64_t attempts = 0;       // runs so far, as far as the letter says
  std::string payload;             // as it came, byte for byte
  std::optional<Message> message;  // nullopt: the payload cannot be decoded
};

// Where a page ends: letters after it died earlier, or at the same time and have a smaller id.
struct DeadCursor {
  std::int64_t died_at_ms = 0;
  std::string redis_message_id;
};
std::string to_text(const DeadCursor& cursor);
// invalid_argument (pointer "/cursor") for a text that is none.
Result<DeadCursor> parse_dead_cursor(std::string_view text);

struct DeadRequest {
  std::int64_t limit = 50;  // at least 1
  std::optional<DeadCursor> after = {};
};
struct DeadPage {
  std::vector<DeadLetter> letters;  // newest first
  std::int64_t total = 0;
  std::optional<DeadCursor> next;  // there are more; a page ends early when its payloads are large
};

class DeadLetters {
 public:
  explicit DeadLetters(const Broker& broker) : broker_(broker) {}

  redis::Query<DeadPage> list(std::vector<std::string> queues, const DeadRequest& request) const;
  // Looks in these queues.
  redis::Query<std::optional<DeadLetter>> get(std::vector<std::string> queues,
                                              const std::string& redis_message_id) const;
  // Ids of a queue's letters, those that died first, but for the first `skip`.
  redis::Query<std::vector<std::string>> oldest(const std::string& queue, std::int64_t count,
                                                std::int64_t skip = 0) const;

  // The commands that put a letter back at the tail of its queue with a new id, as new: no retries, no
  // deaths, no traceback, no delay, and its age counts from `now`. The first one takes it from the dead
  // letters and answers 0 when it is not there any more: then the others must not follow
  // (tasks::Store::reopen). Precondition: letter.message.
  std::vector<redis::Command> replay_commands(const DeadLetter& letter, WallTime now) const;
  // How many of these were there.
  redis::Query<std::int64_t> remove(const std::string& queue,
                                    const std::vector<std::string>& redis_message_ids) const;

 private:
  const Broker& broker_;
};

}  // namespace medsynth::dramatiq
