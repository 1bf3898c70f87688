// Records as they are, for a backup: read, and put where there is none.
#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/redis/pattern.h"
#include "medsynth/tasks/calls.h"
#include "medsynth/tasks/copies.h"
#include "medsynth/tasks/legacy.h"

namespace medsynth::tasks {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Reply;
using redis::Step;

constexpr int kScanStep = 1000;

Restored restored_of(std::string_view word) {
  if (word == "restored") return Restored::restored;
  return word == "exists" ? Restored::record_exists : Restored::message_exists;
}

}  // namespace

std::string Copy::message_id() const {
  return Record{task_id, fields}.text("message_id").value_or("");
}

bool Copy::has_ended() const {
  const auto status = Record{task_id, fields}.status();
  return status && is_terminal(*status);
}

Copy at_rest(Copy copy) {
  if (Record{copy.task_id, copy.fields}.status() != Status::processing) return copy;
  std::erase_if(copy.fields, [](const auto& field) {
    return field.first == "worker" || field.first == "stage" || field.first == "cancel_requested";
  });
  for (auto& [name, value] : copy.fields) {
    if (name == "status") value = json_text(Status::pending);
    if (name == "progress") value = "0";
  }
  return copy;
}

Copies::Copies(StoreOptions options) : options_(completed(std::move(options))) {}

Query<Copies::Scanned> Copies::scan(const std::string& cursor) const {
  return {{Command("SCAN", cursor, "MATCH", redis::glob_escaped(options_.prefix) + "*", "COUNT", kScanStep)},
          [prefix = options_.prefix](Replies replies) -> Result<Step<Scanned>> {
            BOOST_OUTCOME_TRY(auto page, redis::list(std::move(replies[0])));
            if (page.size() != 2)
              return Error{Code::internal, "SCAN did not answer with a cursor and keys", "redis_reply"};
            Scanned scanned;
            BOOST_OUTCOME_TRY(scanned.cursor, redis::text(std::move(page[0])));
            BOOST_OUTCOME_TRY(auto keys, redis::texts(std::move(page[1])));
            for (const std::string& key : keys)
              if (check_task_id(key.substr(prefix.size())))  // our own keys are none
                scanned.task_ids.push_back(key.substr(prefix.size()));
            return Step<Scanned>{std::move(scanned)};
          }};
}

std::vector<Command> Copies::reads(const std::string& task_id, const std::string& message_id) const {
  const std::string key = options_.prefix + task_id;
  return {Command("HGETALL", key), Command("PTTL", key),
          Command("ZSCORE", index_key(options_, "all"), task_id),
          Command("GET", tombstone_key(options_, message_id))};
}

Result<Copy> Copies::read(const std::string& task_id, std::span<Reply> replies) const {
  if (replies[0].error_prefix() == "WRONGTYPE") return not_a_record(task_id, "something else");
  Copy copy{.task_id = task_id, .fields = {}, .tombstone = {}};
  BOOST_OUTCOME_TRY(auto words, redis::texts(std::move(replies[0])));
  copy.fields = to_fields(std::move(words));
  BOOST_OUTCOME_TRY(copy.left_ms, redis::integer(replies[1]));
  if (!replies[2].is_null()) {
    BOOST_OUTCOME_TRY(copy.created_micros, redis::integer(replies[2]));
  }
  if (!replies[3].is_null()) {
    BOOST_OUTCOME_TRY(auto verdict, redis::text(std::move(replies[3])));
    copy.tombstone = verdict.substr(0, verdict.find('\n'));
  }
  return copy;
}

Query<Copy> Copies::read_string(const std::string& task_id, std::int64_t left_ms, WallTime now) const {
  return redis::then<Copy>(Store(options_).get(task_id),
                           [task_id, left_ms, now](std::optional<Record> found) -> Result<Copy> {
                             if (!found)
                               return Error{Code::not_found, fmt::format("task '{}' went", task_id), ""};
                             Adopted adopted = adopt(std::move(found->fields), now);
                             return Copy{.task_id = task_id,
                                         .fields = std::move(adopted.fields),
                                         .created_micros = adopted.created_micros,
                                         .left_ms = left_ms,
                                         .tombstone = {}};
                           });
}

Query<std::vector<Restored>> Copies::restore(const std::vector<Restoring>& all, const std::string& given_back,
                                             WallTime now) const {
  Query<std::vector<Restored>> query;
  for (const Restoring& each : all) {
    const Copy& copy = each.copy;
    const std::string record = options_.prefix + copy.task_id;
    std::vector<std::string> arguments{
        copy.task_id,
        std::to_string(copy.created_micros > 0 ? copy.created_micros : micros(now)),
        std::to_string(copy.left_ms),
        each.message_id.empty() ? "" : json::write_string(each.message_id),
        each.redis_message_id,
        copy.tombstone};
    append_counted(arguments, copy.fields);
    for (const Command& command : each.also) {
      arguments.push_back(std::to_string(command.words.size()));
      arguments.insert(arguments.end(), command.words.begin(), command.words.end());
    }
    query.commands.push_back(call(scripts::restore, options_,
                                  {record, given_back, each.messages.empty() ? record : each.messages}, now,
                                  std::move(arguments)));
  }
  query.decode = [](Replies replies) -> Result<Step<std::vector<Restored>>> {
    std::vector<Restored> restored;
    for (Reply& reply : replies) {
      BOOST_OUTCOME_TRY(auto word, redis::text(std::move(reply)));
      restored.push_back(restored_of(word));
    }
    return Step<std::vector<Restored>>{std::move(restored)};
  };
  return query;
}

Query<std::vector<Restored>> Copies::look(const std::vector<Restoring>& all,
                                          const std::string& given_back) const {
  std::vector<Query<Restored>> queries;
  for (const Restoring& each : all) {
    Query<Restored> query;
    query.commands.emplace_back("EXISTS", options_.prefix + each.copy.task_id);
    if (!each.message_id.empty()) {
      query.commands.emplace_back("SISMEMBER", given_back, each.redis_message_id);
      query.commands.emplace_back("HEXISTS", each.messages, each.redis_message_id);
    }
    query.decode = [](const Replies& replies) -> Result<Step<Restored>> {
      BOOST_OUTCOME_TRY(const auto record, redis::integer(replies[0]));
      std::int64_t message = 0;
      for (std::size_t i = 1; i < replies.size(); ++i) {
        BOOST_OUTCOME_TRY(const auto there, redis::integer(replies[i]));
        message += there;
      }
      if (record > 0) return Step<Restored>{Restored::record_exists};
      return Step<Restored>{message > 0 ? Restored::message_exists : Restored::restored};
    };
    queries.push_back(std::move(query));
  }
  return redis::all(std::move(queries));
}

std::string Copies::given_back_key(std::string_view backup_id) const {
  return index_key(options_, fmt::format("restored:{}", backup_id));
}

}  // namespace medsynth::tasks
