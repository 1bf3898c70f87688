// Records on their way to another Redis and back: read as they lie there, written where there is none. For a
// backup, which keeps each record with the message that it stands for.
//
//   Copies copies({.prefix = "task:", .ttl = 86400s});
//   const auto page = client.run(copies.scan("0"));
//   auto commands = copies.reads("task-123", message_id);     // together with those of its message
//   BOOST_OUTCOME_TRY(const Copy copy, copies.read("task-123", replies));
//
// Thread safe (immutable).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/tasks/store.h"

namespace medsynth::tasks {

struct Copy {
  std::string task_id;
  Fields fields;                    // all that lie in Redis, the store's own too; none: there is no record
  std::int64_t created_micros = 0;  // its place in the indexes; 0: unknown
  std::int64_t left_ms = -1;        // until it expires; negative: it does not
  std::string tombstone;  // of its message: "cancelled" or "deleted", which must not run; else empty

  std::string message_id() const;  // empty: it stands for none
  bool has_ended() const;
};

// The record of a task whose message runs again from the start: one that runs is pending.
Copy at_rest(Copy copy);

// A record, or a place for one, and the message that goes back with it.
struct Restoring {
  Copy copy;
  std::string message_id;                 // empty: no message goes back
  std::string redis_message_id;           // its id there
  std::string messages;                   // key of the hash that it goes into
  std::vector<redis::Command> also = {};  // what puts it back
};
enum class Restored {
  restored,
  record_exists,   // whatever it says: it stays, and its message does not come
  message_exists,  // it is there, or went back before
};

class Copies {
 public:
  explicit Copies(StoreOptions options);

  struct Scanned {
    std::string cursor;  // "0": that was all
    std::vector<std::string> task_ids;
  };
  // What lies under the prefix, in steps: each record that is there all the while comes at least once.
  redis::Query<Scanned> scan(const std::string& cursor) const;

  static constexpr std::size_t kReads = 4;
  // To be carried out together. `message_id` is that of the message that is read with it; it may be empty.
  std::vector<redis::Command> reads(const std::string& task_id, const std::string& message_id) const;
  // conflict (reason "not_a_task_record"): the key holds something else, perhaps a string of older Python.
  Result<Copy> read(const std::string& task_id, std::span<redis::Reply> replies) const;
  // The string of older Python as the record that it becomes. not_found: it went meanwhile; errors of read().
  redis::Query<Copy> read_string(const std::string& task_id, std::int64_t left_ms, WallTime now) const;

  // Each is one script: all of it or nothing. `given_back` is the key of a set of messages that went back, by
  // their id in Redis; it lives for 30 days, as tombstones do.
  redis::Query<std::vector<Restored>> restore(const std::vector<Restoring>& all,
                                              const std::string& given_back, WallTime now) const;
  // What restore() would answer now.
  redis::Query<std::vector<Restored>> look(const std::vector<Restoring>& all,
                                           const std::string& given_back) const;
  // The key for a backup of that id.
  std::string given_back_key(std::string_view backup_id) const;

 private:
  StoreOptions options_;
};

}  // namespace medsynth::tasks
