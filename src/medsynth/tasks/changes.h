// What changed in the records of a store, in the order in which it was written: a stream that the writes keep
// for as long as somebody reads. Where nobody does, it is not there, and a write does not pay for it.
//
//   ChangeStream stream("task:");
//   auto at = client.run(stream.keep());                // from here on
//   ... client.run(stream.after(*at, 64)) ...
//
// Key: `{prefix}\x1f` `changes`, the last 4096 writes, gone ten minutes after the last keep(). Queries, carried
// out by redis::Client. Thread safe (immutable).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/redis/query.h"
#include "medsynth/tasks/record.h"

namespace medsynth::tasks {

// A place in the stream, "1764460800000-0" as text. Later places are greater.
struct ChangeId {
  std::uint64_t ms = 0;
  std::uint64_t sequence = 0;
  auto operator<=>(const ChangeId&) const = default;
  std::string text() const;
};
std::optional<ChangeId> parse_change_id(std::string_view text);

struct Changes {
  struct Write {
    ChangeId id;
    std::string events;  // as one message on Store::channel(), for events_in(); "": none
  };
  std::vector<Write> writes;  // oldest first
  bool complete = false;      // false: some before these are kept no more
};

class ChangeStream {
 public:
  explicit ChangeStream(std::string prefix) : prefix_(std::move(prefix)) {}  // of the store

  // From now on, for ten minutes, changes are kept. Answers where that was asked.
  redis::Query<ChangeId> keep() const;
  // What was written after that place, at most `count` writes.
  redis::Query<Changes> after(const ChangeId& place, std::int64_t count) const;
  // These fields alone of each of these records, in their order; none of one that is not there.
  redis::Query<std::vector<Record>> excerpts(const std::vector<std::string>& ids,
                                             const std::vector<std::string>& names) const;

 private:
  std::string prefix_;
};

}  // namespace medsynth::tasks
