// The calls on many records. Each script call does bounded work; what is left is one more step of the query.
#include <algorithm>
#include <cstdint>
#include <limits>

#include "medsynth/base/id.h"
#include "medsynth/tasks/calls.h"
#include "medsynth/tasks/cursor.h"
#include "medsynth/tasks/legacy.h"
#include "medsynth/tasks/store.h"

namespace medsynth::tasks {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Reply;
using redis::Step;

// Records or entries per script call: Redis serves nobody else meanwhile, and deleting one takes some 20 µs.
constexpr std::int64_t kPerStep = 200;
constexpr std::int64_t kMaxLimit = 1000;
constexpr std::int64_t kPageBytes = 4 << 20;  // of results that are read at once; as list.lua

std::string text_or_empty(std::optional<Status> status) {
  return status ? json_text(*status) : "";
}

// Results above `large` bytes are left out of lists.
Fields without_large_result(Fields fields, std::size_t large) {
  std::int64_t bytes = 0;
  for (auto& [name, value] : fields) {
    if (name != "result" || value.size() <= large) continue;
    bytes = static_cast<std::int64_t>(value.size());
    value = "null";
  }
  if (bytes > 0) fields.emplace_back("result_bytes", std::to_string(bytes));
  return fields;
}

Result<std::optional<Record>> read_row(std::vector<Reply>& parts, std::size_t large) {
  Record record{std::move(parts[0].text), {}};
  if (parts[1].kind == Reply::Kind::text) {
    auto fields = split_legacy(parts[1].text);
    if (!fields) return std::optional<Record>();  // one that nobody can read must not hide the others
    record.fields = without_large_result(std::move(*fields), large);
    return std::optional(std::move(record));
  }
  BOOST_OUTCOME_TRY(auto words, redis::texts(std::move(parts[1])));
  record.fields = to_fields(std::move(words));
  if (parts[2].integer > 0) {
    record.fields.emplace_back("result", "null");
    record.fields.emplace_back("result_bytes", std::to_string(parts[2].integer));
  }
  return std::optional(std::move(record));
}

// Results up to so many bytes are read.
std::size_t largest_result(const StoreOptions& options, bool all) {
  return all ? std::numeric_limits<std::int64_t>::max() : options.large_result;
}

Result<Page> read_page(Reply reply, std::size_t large) {
  BOOST_OUTCOME_TRY(auto answer, answer_of(std::move(reply), 5));
  Page page;
  page.total = answer[0].integer;
  page.looked_at = answer[4].integer;
  if (!answer[1].text.empty()) page.next_cursor = to_text({answer[1].text, answer[2].text});
  BOOST_OUTCOME_TRY(auto rows, redis::list(std::move(answer[3])));
  for (Reply& row : rows) {
    BOOST_OUTCOME_TRY(auto parts, answer_of(std::move(row), 4));
    BOOST_OUTCOME_TRY(auto record, read_row(parts, large));
    if (!record) continue;
    page.tasks.push_back(std::move(*record));
    page.scores.push_back(std::move(parts[3].text));
  }
  return page;
}

// What an excerpt lacks: the names of its record's fields, its result left out where that is large. nullopt: it
// is gone. Of an older version's, list() read everything.
Result<std::optional<std::vector<std::string>>> missing_of(const Reply& result_size, Reply names,
                                                           std::size_t large) {
  using Names = std::vector<std::string>;
  if (names.error_prefix() == "WRONGTYPE") return std::optional<Names>(Names());
  BOOST_OUTCOME_TRY(auto fields, redis::texts(std::move(names)));
  if (fields.empty()) return std::optional<Names>();
  if (result_size.integer > static_cast<std::int64_t>(large)) std::erase(fields, "result");
  return std::optional<Names>(std::move(fields));
}

// The fields of each excerpt's record by their names, in one exchange.
Query<std::vector<Record>> filled(const StoreOptions& options, std::vector<Record> excerpts,
                                  std::vector<std::vector<std::string>> names,
                                  std::vector<std::int64_t> left_out) {
  Query<std::vector<Record>> query;
  for (std::size_t i = 0; i < excerpts.size(); ++i) {
    if (names[i].empty()) continue;
    Command command("HMGET", options.prefix + excerpts[i].task_id);
    command.words.insert(command.words.end(), names[i].begin(), names[i].end());
    query.commands.push_back(std::move(command));
  }
  query.decode = [excerpts = std::move(excerpts), names = std::move(names), left_out = std::move(left_out)](
                     Replies replies) mutable -> Result<Step<std::vector<Record>>> {
    auto reply = replies.begin();
    for (std::size_t i = 0; i < excerpts.size(); ++i) {
      if (names[i].empty()) continue;
      BOOST_OUTCOME_TRY(auto values, redis::list(std::move(*reply++)));
      Fields fields;
      for (std::size_t at = 0; at < std::min(values.size(), names[i].size()); ++at)
        if (!values[at].is_null()) fields.emplace_back(std::move(names[i][at]), std::move(values[at].text));
      if (left_out[i] > 0) {
        fields.emplace_back("result", "null");
        fields.emplace_back("result_bytes", std::to_string(left_out[i]));
      }
      excerpts[i].fields = std::move(fields);
    }
    return Step<std::vector<Record>>{std::move(excerpts)};
  };
  return query;
}

struct Removal {
  StoreOptions options;
  std::string status;  // JSON text, empty for all
  std::string newest;  // updated_at above which a record stays; empty: none stays
  WallTime now;
  Cursor after = {};  // the last entry that was looked at
  std::int64_t removed = 0;
  std::string unreadable = {};  // the id of one that must not stop the others
};

Query<std::int64_t> remove_from(Removal removal) {
  Query<std::int64_t> query;
  query.commands = {call(scripts::remove_many, removal.options, {index_key(removal.options, "all")},
                         removal.now,
                         {removal.status, std::to_string(kPerStep), removal.after.score,
                          removal.after.task_id, removal.newest, removal.unreadable})};
  query.decode = [removal = std::move(removal)](Replies replies) mutable -> Result<Step<std::int64_t>> {
    if (replies.front().is_error()) return redis::as_error(replies.front());
    BOOST_OUTCOME_TRY(auto answer, answer_of(std::move(replies.back()), 3));
    answer.resize(std::max<std::size_t>(answer.size(), 4));
    if (answer[0].text == "legacy") {
      auto rewrite = adoption(answer, removal.options, answer[2].text, removal.now);
      if (!rewrite) removal.unreadable = answer[2].text;
      Query<std::int64_t> again = remove_from(removal);
      if (rewrite) again.commands.insert(again.commands.begin(), std::move(**rewrite));
      return Step<std::int64_t>(std::move(again));
    }
    removal.removed += answer[1].integer;
    removal.after = {answer[2].text, answer[3].text};
    if (removal.after.score.empty()) return Step<std::int64_t>(removal.removed);
    return Step<std::int64_t>(remove_from(removal));
  };
  return query;
}

Query<std::int64_t> sweep_from(StoreOptions options, WallTime now, std::int64_t already) {
  Query<std::int64_t> query;
  query.commands = {
      call(scripts::sweep, options, {index_key(options, "expiry")}, now, {std::to_string(kPerStep)})};
  query.decode = [options, now, already](Replies replies) -> Result<Step<std::int64_t>> {
    BOOST_OUTCOME_TRY(auto answer, answer_of(std::move(replies[0]), 2));
    const std::int64_t removed = already + answer[0].integer;
    if (answer[1].integer == 0) return Step<std::int64_t>(removed);
    return Step<std::int64_t>(sweep_from(options, now, removed));
  };
  return query;
}

}  // namespace

Result<Query<Page>> Store::list(const ListRequest& request, WallTime now) const {
  if (request.limit < 1 || request.limit > kMaxLimit) return invalid("/limit", "must be from 1 to 1000");
  if (request.offset < 0) return invalid("/offset", "must not be negative");
  Cursor cursor;
  if (!request.cursor.empty()) {
    auto known = cursor_from(request.cursor);
    if (!known)
      return invalid("/cursor", "is not a cursor of ours: take next_cursor of the page before, unchanged");
    cursor = std::move(*known);
  } else if (request.before) {
    cursor.score = std::to_string(std::max<std::int64_t>(0, micros(*request.before)));
  }
  const std::size_t large = largest_result(options_, request.results);
  std::vector<std::string> arguments{text_or_empty(request.status),
                                     std::to_string(request.limit),
                                     std::to_string(request.offset),
                                     cursor.score,
                                     cursor.task_id,
                                     std::to_string(large)};
  arguments.insert(arguments.end(), request.fields.begin(), request.fields.end());
  Query<Page> query;
  query.commands = {call(scripts::list, options_, {index_key(options_, "all")}, now, std::move(arguments))};
  query.decode = [large](Replies replies) -> Result<Step<Page>> {
    BOOST_OUTCOME_TRY(auto page, read_page(std::move(replies[0]), large));
    return Step<Page>(std::move(page));
  };
  return query;
}

Query<std::vector<Record>> Store::whole(std::vector<Record> excerpts, bool results) const {
  Query<std::vector<Record>> query;
  for (const Record& each : excerpts) {
    query.commands.emplace_back("HSTRLEN", options_.prefix + each.task_id, "result");
    query.commands.emplace_back("HKEYS", options_.prefix + each.task_id);
  }
  query.decode = [options = options_, largest = largest_result(options_, results),
                  excerpts =
                      std::move(excerpts)](Replies replies) mutable -> Result<Step<std::vector<Record>>> {
    std::vector<Record> there;
    std::vector<std::vector<std::string>> names;
    std::vector<std::int64_t> left_out;
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < excerpts.size(); ++i) {
      const Reply& size = replies[2 * i];
      BOOST_OUTCOME_TRY(auto missing, missing_of(size, std::move(replies[2 * i + 1]), largest));
      if (!missing) continue;
      const bool large = size.integer > static_cast<std::int64_t>(largest);
      bytes += large ? 0 : size.integer;
      if (bytes > kPageBytes && !there.empty()) break;
      there.push_back(std::move(excerpts[i]));
      names.push_back(std::move(*missing));
      left_out.push_back(large ? size.integer : 0);
    }
    return Step<std::vector<Record>>{
        filled(options, std::move(there), std::move(names), std::move(left_out))};
  };
  return query;
}

Query<std::int64_t> Store::remove_many(std::optional<Status> status,
                                       std::optional<std::chrono::seconds> older_than, WallTime now) const {
  std::string newest;
  if (older_than) {
    // An age beyond 1970 is older than everything.
    const auto oldest = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
    newest = json::write_string(rfc3339(now - std::clamp(*older_than, std::chrono::seconds(0), oldest)));
  }
  return remove_from({options_, text_or_empty(status), std::move(newest), now});
}

Query<std::int64_t> Store::sweep(WallTime now) const {
  return sweep_from(options_, now, 0);
}

Query<std::vector<std::pair<Status, std::int64_t>>> Store::counts(WallTime now) const {
  using Counts = std::vector<std::pair<Status, std::int64_t>>;
  Query<Counts> query;
  query.commands = sweep_from(options_, now, 0).commands;
  Counts statuses;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<Status>>([&](auto each) {
    query.commands.emplace_back("ZCARD", index_key(options_, std::string("status:") + each.name));
    statuses.emplace_back(each.value, 0);
  });
  query.decode = [statuses](Replies replies) mutable -> Result<Step<Counts>> {
    if (replies[0].is_error()) return redis::as_error(replies[0]);
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      BOOST_OUTCOME_TRY(auto count, redis::integer(replies[i + 1]));
      statuses[i].second = count;
    }
    return Step<Counts>(std::move(statuses));
  };
  return query;
}

}  // namespace medsynth::tasks
