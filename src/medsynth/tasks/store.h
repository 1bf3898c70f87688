// The store of tasks in Redis: every call is a Query, carried out by redis::Client. Each state change is one
// atomic script: record, indexes, TTL, event. Not a queue: it puts no message anywhere but through the
// commands given to create().
//
//   Store store({.prefix = "task:", .ttl = 86400s});
//   auto record = client.run(store.get("task-123"));
//
// Ids must have passed check_task_id(), fields and results of callers whom we do not trust check_fields() and
// check_json(). Fields that the store owns (is_owned) are not taken from callers. `now` is the caller's
// clock; keys expire by Redis' own. Workers write with an Attempt and are refused once a newer attempt began
// or the record ended; the source document's eight calls carry none and are not fenced.
//
// Keys: `{prefix}{task_id}` is the record, a hash of JSON texts. Under `{prefix}\x1f`, which no id can
// contain: `all` (zset, ids by creation in microseconds), `status:<status>` (the same), `expiry` (zset, ids
// by expiry in milliseconds; those that ended together are one entry, joined by newlines),
// `tombstone:<message_id>` (message must not run), `deleted:<task_id>` (its message still lives: late writes
// make no record). A record that stands for a message has no TTL until it has ended; one written directly has
// it from each write. A record that older Python stored as a JSON string is read, and rewritten at its first
// write.
//
// Any call may end with `conflict` (reason "not_a_task_record") when the record's key holds something else,
// and with the client's errors. A call whose answer was lost can be repeated; the worst is a Written that
// says stale. Events: {"task_id","status","progress","attempt"} on channel(), several in one message with
// newlines between them where many tasks changed at once; of a deleted task {"task_id","status":"deleted"}.
// Thread safe (immutable). It holds no state but its options; the sources go by who makes the calls: store.cc has
// looking and single tasks, store_writes.cc the source document's writes, store_batch.cc what workers write,
// store_many.cc what is done to many, store_messages.cc what follows a replay or a purge.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/redis/query.h"
#include "medsynth/tasks/record.h"

namespace medsynth::tasks {

struct StoreOptions {
  std::string prefix = "task:";
  std::chrono::seconds ttl{86400};  // of ended records, and of records written directly; at least 1 s
  int database = 0;                 // channels, unlike keys, are shared by all databases
  std::string channel;              // events are published here; empty: "{prefix}\x1f" "events:{database}"
  std::size_t large_result = 64 * 1024;  // bytes above which lists leave the result out
};

struct ListRequest {
  std::optional<Status> status;
  std::int64_t limit = 100;  // 1-1000
  std::int64_t offset = 0;
  std::string cursor;                    // of an earlier page; wins over offset
  std::optional<WallTime> before = {};   // only those created before; a cursor wins
  std::vector<std::string> fields = {};  // that are read of each record; empty: all
  bool results = false;                  // large ones too: fewer tasks to a page then
};
struct Page {
  std::vector<Record> tasks;        // newest first; fewer than `limit`, with a cursor, where they are large
  std::int64_t total = 0;           // of that status, or of all
  std::int64_t looked_at = 0;       // of these, from the newest to the end of this page
  std::vector<std::string> scores;  // of each task in the index: with its id a Cursor to what follows it
  std::optional<std::string> next_cursor;  // empty on the last page
};

struct NewTask {
  std::string task_id;
  std::string message_id;
  std::string queue;
  std::string actor;
  Fields fields;  // further ones, such as metadata
};
// An Idempotency-Key: the first POST stores `value` (digest of the body, task id) under `key` for `ttl`.
struct Guard {
  std::string key;  // full Redis key
  std::string value;
  std::chrono::seconds ttl{86400};
};
// A hash that holds a queue's messages, and how many it may hold: with `max` or more, nothing is created.
struct Bound {
  std::string hash;  // full Redis key
  std::int64_t max = 0;
};
struct Created {
  enum class Outcome { created, exists, guarded, full } outcome = Outcome::created;
  std::string guard_value;  // for guarded: what the first POST stored
};

// Who writes: the message that a worker runs, and which run of it this is.
struct Attempt {
  std::string task_id;
  std::string message_id;
  std::int64_t number = 0;
  std::int64_t created = 0;  // microseconds: when the record was made, where that is known
};
struct Begin {
  std::string task_id;
  std::string message_id;
  std::string queue;
  std::string actor;
  std::string worker;  // host and worker id, for people; of all that are opened together
};
struct Begun {
  enum class Outcome {
    run,
    ended,      // for this message, before its worker could settle it: settle it as the record says
    taken,      // the id belongs to another message that has not ended: this one must not be dropped
    cancelled,  // settle it unrun, as when deleted
    deleted
  } outcome = Outcome::run;
  Attempt attempt;
  std::string owner = {};  // of taken: the other message's id
};
// What became of a worker's write. stale: a newer attempt began, or the task has ended; gone: it was deleted.
// `stop_requested`: somebody cancelled or deleted the task; stop soon.
struct Written {
  enum class Outcome { written, stale, gone } outcome = Outcome::written;
  bool stop_requested = false;
};

// A step of an attempt: what its record becomes, and the fields that come with it. Those of many tasks are
// one script (Store::advance).
struct Advance {
  Attempt attempt;
  Status to = Status::processing;
  Fields fields = {};
};
Advance to_processing(Attempt attempt);
// Progress in percent, and fields that the store does not own.
Advance to_progress(Attempt attempt, double percent, const Fields& fields);
// The message went back to the queue unfinished: the attempt is over.
Advance to_pending(Attempt attempt);
Advance to_completed(Attempt attempt, std::string result_json, WallTime now);
Advance to_failed(Attempt attempt, std::string_view error, WallTime now);
Advance to_retrying(Attempt attempt, std::string_view error, WallTime next_attempt_at);
Advance to_cancelled(Attempt attempt, std::string_view why, WallTime now);

struct Cancelled {
  enum class Outcome {
    cancelled,
    requested,
    ended,
    absent
  } outcome = Outcome::absent;  // requested: it runs, and was asked to stop
  std::string message_id;
};

// What became of a message that was to run again. absent: it was no longer where it lay; taken: its task id
// belongs to another message by now. Nothing is done then.
enum class Reopened { reopened, absent, taken };
struct MessageOfTask {
  std::string task_id;
  std::string message_id;
};
// The task that a message stands for: kwargs.task_id, else options.task_id (JSON texts, empty when absent),
// where they pass check_task_id(), else the message's own id, which must have passed it.
std::string identity_of(std::string_view kwargs, std::string_view task_id_option,
                        const std::string& message_id);

// What one message on Store::channel() tells, as JSON each: the changes of one script.
std::vector<std::string_view> events_in(std::string_view message);

class Store {
 public:
  explicit Store(StoreOptions options = {});

  redis::Query<std::optional<Record>> get(std::string task_id) const;
  // invalid_argument for a cursor that is not ours (pointer "/cursor").
  Result<redis::Query<Page>> list(const ListRequest& request, WallTime now) const;
  // Records of which list() read only some fields, with all that lists show. Without those that are gone by
  // now; at the end some may be left out where they are large. `results`: as in ListRequest.
  redis::Query<std::vector<Record>> whole(std::vector<Record> excerpts, bool results = false) const;

  // Record (pending), idempotency key and `also` (the commands that enqueue the message, no scripts) in one
  // script: all or nothing. Repeating it with the same message_id answers `created` again.
  redis::Query<Created> create(const NewTask& task, WallTime now, std::vector<redis::Command> also = {},
                               std::optional<Guard> guard = {}, const std::optional<Bound>& bound = {}) const;
  // A worker starts messages. First a look, many in one exchange: the attempt of each whose record is as it
  // was created. Writes no state: advance() does, while nobody else began, and states that follow quickly are
  // one write. The number of all others is 0: open() has more to say about them.
  redis::Query<std::vector<Attempt>> look(const std::vector<Begin>& begins) const;
  // Opens the next attempts, many in one script: `processing` by begins.front().worker. A record that is not
  // there is made, unless a tombstone says it was deleted. A record that has ended for another message gives
  // way to a new one: ids are free again then (docs/decisions/0028). One without a message is taken over. A
  // record that is `processing` for this message (its worker died) gets a new attempt. A key that holds
  // something else is that one's error alone.
  redis::Query<std::vector<Result<Begun>>> open(const std::vector<Begin>& begins, WallTime now) const;
  redis::Query<Begun> begin(const Begin& begin, WallTime now) const;  // the same of one
  // Writes of attempts from look() or open(), many in one script; each is fenced by message, attempt and
  // worker (empty: of attempts from open() only). At most one for each task. Where something else lies by
  // now, it is stale. Repeating it answers `written` as long as nothing else happened.
  redis::Query<std::vector<Written>> advance(const std::vector<Advance>& advances, std::string_view worker,
                                             WallTime now) const;
  // The same of one attempt from open().
  redis::Query<Written> progress(const Attempt& attempt, double percent, const Fields& fields,
                                 WallTime now) const {
    return advance_one(to_progress(attempt, percent, fields), now);
  }
  redis::Query<Written> complete(const Attempt& attempt, std::string result_json, WallTime now) const {
    return advance_one(to_completed(attempt, std::move(result_json), now), now);
  }
  redis::Query<Written> fail(const Attempt& attempt, std::string_view error, WallTime now) const {
    return advance_one(to_failed(attempt, error, now), now);
  }
  redis::Query<Written> retry(const Attempt& attempt, std::string_view error, WallTime next_attempt_at,
                              WallTime now) const {
    return advance_one(to_retrying(attempt, error, next_attempt_at), now);
  }
  redis::Query<Written> end_cancelled(const Attempt& attempt, std::string_view why, WallTime now) const {
    return advance_one(to_cancelled(attempt, why, now), now);
  }
  redis::Query<Written> release(const Attempt& attempt, WallTime now) const {
    return advance_one(to_pending(attempt), now);
  }

  // Ends a waiting task at once and asks a running one to stop; writes the tombstone and dramatiq-abort's
  // cancel key. One without a message has nobody to ask, and ends at once.
  redis::Query<Cancelled> cancel(std::string task_id, WallTime now) const;
  // False when there was none. A message that still lives gets a tombstone and the cancel key; late writes
  // answer `gone`.
  redis::Query<bool> remove(std::string task_id, WallTime now) const;
  // `older_than` counts from the last update: what nobody can read has none, and stays where an age is asked
  // for. Works in bounded steps; answers how many were deleted.
  redis::Query<std::int64_t> remove_many(std::optional<Status> status,
                                         std::optional<std::chrono::seconds> older_than, WallTime now) const;

  // Whether the message was cancelled or deleted while it waited; forget_tombstone once it is settled.
  redis::Query<bool> has_tombstone(std::string message_id) const;
  redis::Query<redis::Done> forget_tombstone(std::string message_id) const;

  // A dead message goes back to its queue: the record that stands for it, where there is one, is pending
  // again, and no cancel or deletion holds any more. `also` moves the message (no scripts); its first command
  // takes it from where it lies and answers 0 when somebody else has.
  redis::Query<Reopened> reopen(const std::string& task_id, std::string_view message_id, WallTime now,
                                const std::vector<redis::Command>& also) const;
  // Before waiting messages are taken off their queue for good: their records are cancelled, but for those
  // that run, have ended, or belong to another message. Answers how many.
  redis::Query<std::int64_t> abandon(const std::vector<MessageOfTask>& messages, WallTime now) const;

  // Removes index entries whose record has expired, in bounded steps; answers how many.
  redis::Query<std::int64_t> sweep(WallTime now) const;
  // How many pending tasks were created before each of these; nullopt for one that is not pending.
  redis::Query<std::vector<std::optional<std::int64_t>>> ahead(const std::vector<std::string>& ids) const;
  // How many records have each status.
  redis::Query<std::vector<std::pair<Status, std::int64_t>>> counts(WallTime now) const;

  // The source document's eight. Values are JSON text by field name; unknown fields are kept. No attempt, no
  // fence: set_task_status replaces the record from any status (it keeps created_at, message_id, queue,
  // actor; without a status it is pending) and opens a new attempt. Progress on a record that is not there is
  // false; complete and fail make it, unless it was deleted while its message lives.
  redis::Query<redis::Done> set_task_status(std::string task_id, const Fields& fields, WallTime now) const;
  redis::Query<bool> update_task_progress(std::string task_id, double percent, const Fields& fields,
                                          WallTime now) const;
  redis::Query<redis::Done> complete_task(std::string task_id, std::string result_json, WallTime now) const;
  redis::Query<redis::Done> fail_task(std::string task_id, std::string_view error, WallTime now) const;
  redis::Query<std::optional<Record>> get_task_status(std::string task_id) const {
    return get(std::move(task_id));
  }
  redis::Query<bool> delete_task_status(std::string task_id, WallTime now) const {
    return remove(std::move(task_id), now);
  }
  Result<redis::Query<Page>> list_tasks(const ListRequest& request, WallTime now) const {
    return list(request, now);
  }
  redis::Query<std::int64_t> cleanup_old_tasks(std::chrono::seconds max_age, WallTime now) const {
    return remove_many(std::nullopt, max_age, now);
  }

  const std::string& channel() const { return options_.channel; }

 private:
  redis::Query<Written> advance_one(Advance step, WallTime now) const;

  StoreOptions options_;
};

}  // namespace medsynth::tasks
