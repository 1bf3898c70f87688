// The calls of this room's scripts. Internal to the store.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "medsynth/tasks/scripts.h"
#include "medsynth/tasks/store.h"

namespace medsynth::tasks {

StoreOptions completed(StoreOptions options);                               // what was left to its default
std::string index_key(const StoreOptions& options, std::string_view name);  // "all", "status:pending"
std::string tombstone_key(const StoreOptions& options, std::string_view message_id);

redis::Command call(const redis::Script& script, const StoreOptions& options, std::vector<std::string> keys,
                    WallTime now, std::vector<std::string> arguments);
// The same for one record: its key first, its id as the first argument.
redis::Command call_on(const redis::Script& script, const StoreOptions& options, const std::string& task_id,
                       WallTime now, std::vector<std::string> arguments = {});
std::string quoted(WallTime time);                                       // as JSON text
void append(std::vector<std::string>& arguments, const Fields& fields);  // name, value, ...
void append_counted(std::vector<std::string>& arguments,
                    const Fields& fields);  // number of words before them

Fields to_fields(std::vector<std::string> words);  // of HGETALL
// Fields of a caller, less those that the store owns, and less a message_id that is no text (Python's None).
Fields without_owned(const Fields& fields);
Error not_a_record(std::string_view task_id, std::string_view kind);

// A script's answer: a list of at least so many elements, else internal, "redis_reply".
Result<std::vector<redis::Reply>> answer_of(redis::Reply reply, std::size_t min_size);

// What a script said instead of its answer: that the record is of an older version (the command that rewrites
// it), or that the key holds something else (conflict, "not_a_task_record").
Result<std::optional<redis::Command>> adoption(const std::vector<redis::Reply>& answer,
                                               const StoreOptions& options, const std::string& task_id,
                                               WallTime now);

template <class T>
using Read = std::function<Result<T>(std::vector<redis::Reply>& answer)>;

// What to do about the JSON string of an older version that nobody can read.
template <class T>
using Unreadable = std::function<redis::Query<T>(const std::string& text)>;

// A script call on one record. When the record is of an older version it is rewritten first, and then asked
// again.
template <class T>
redis::Query<T> ask(redis::Command command, const StoreOptions& options, std::string task_id, WallTime now,
                    Read<T> read, Unreadable<T> unreadable = {}) {
  redis::Query<T> query;
  query.commands.push_back(command);
  query.decode = [=, command = std::move(command)](redis::Replies replies) -> Result<redis::Step<T>> {
    if (replies.front().is_error()) return redis::as_error(replies.front());
    BOOST_OUTCOME_TRY(auto answer, answer_of(std::move(replies.back()), 1));
    answer.resize(std::max<std::size_t>(answer.size(), 2));  // a second word where there is one
    auto rewrite = adoption(answer, options, task_id, now);
    if (!rewrite && unreadable && answer[0].text == "legacy")
      return redis::Step<T>(unreadable(answer[1].text));
    if (!rewrite) return rewrite.error();
    if (*rewrite) {
      redis::Query<T> again = ask(command, options, task_id, now, read, unreadable);
      again.commands.insert(again.commands.begin(), std::move(**rewrite));
      return redis::Step<T>(std::move(again));
    }
    BOOST_OUTCOME_TRY(auto value, read(answer));
    return redis::Step<T>(std::move(value));
  };
  return query;
}

}  // namespace medsynth::tasks
