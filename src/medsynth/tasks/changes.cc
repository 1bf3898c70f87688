#include "medsynth/tasks/changes.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace medsynth::tasks {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Reply;
using redis::Step;

constexpr std::int64_t kKeptMs = 600'000;   // after the last one who read
constexpr std::int64_t kWritesKept = 4096;  // as prelude.lua; nearly

Error no_stream() {
  return {Code::internal, "Redis answered with no entry of a stream", "redis_reply"};
}

Result<ChangeId> id_of(const Reply& reply) {
  BOOST_OUTCOME_TRY(const auto text, redis::text(reply));
  const auto id = parse_change_id(text);
  if (!id) return no_stream();
  return *id;
}

// [id, [name, value, ...]]
Result<Changes::Write> write_of(Reply& entry) {
  if (entry.list.size() != 2 || entry.list[1].list.size() < 2) return no_stream();
  BOOST_OUTCOME_TRY(const auto id, id_of(entry.list[0]));
  return Changes::Write{id, std::move(entry.list[1].list[1].text)};
}

std::string stream_of(const std::string& prefix) {
  return prefix +
         "\x1f"
         "changes";
}

}  // namespace

std::string ChangeId::text() const {
  return fmt::format("{}-{}", ms, sequence);
}

std::optional<ChangeId> parse_change_id(std::string_view text) {
  ChangeId id;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, id.ms);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, id.sequence);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  return id;
}

Query<ChangeId> ChangeStream::keep() const {
  const std::string stream = stream_of(prefix_);
  return {{Command("XADD", stream, "MAXLEN", "~", kWritesKept, "*", "events", ""),
           Command("PEXPIRE", stream, kKeptMs)},
          [](const Replies& replies) -> Result<Step<ChangeId>> {
            BOOST_OUTCOME_TRY(const auto id, id_of(replies[0]));
            BOOST_OUTCOME_TRY(redis::integer(replies[1]));
            return Step<ChangeId>(id);
          }};
}

Query<Changes> ChangeStream::after(const ChangeId& place, std::int64_t count) const {
  const std::string stream = stream_of(prefix_);
  return {{Command("XRANGE", stream, "-", "+", "COUNT", 1),
           Command("XRANGE", stream, "(" + place.text(), "+", "COUNT", count)},
          [place](Replies replies) -> Result<Step<Changes>> {
            BOOST_OUTCOME_TRY(auto oldest, redis::list(std::move(replies[0])));
            BOOST_OUTCOME_TRY(auto entries, redis::list(std::move(replies[1])));
            Changes changes;
            if (!oldest.empty()) {
              BOOST_OUTCOME_TRY(const auto first, write_of(oldest.front()));
              changes.complete = first.id <= place;
            }
            for (Reply& entry : entries) {
              BOOST_OUTCOME_TRY(auto write, write_of(entry));
              changes.writes.push_back(std::move(write));
            }
            return Step<Changes>(std::move(changes));
          }};
}

Query<std::vector<Record>> ChangeStream::excerpts(const std::vector<std::string>& ids,
                                                  const std::vector<std::string>& names) const {
  std::vector<Command> commands;
  for (const std::string& id : ids) {
    Command command("HMGET", prefix_ + id);
    command.words.insert(command.words.end(), names.begin(), names.end());
    commands.push_back(std::move(command));
  }
  return {std::move(commands), [ids, names](Replies replies) -> Result<Step<std::vector<Record>>> {
            std::vector<Record> records;
            for (std::size_t i = 0; i < replies.size(); ++i) {
              Record& record = records.emplace_back(Record{ids[i], {}});
              for (std::size_t k = 0; k < replies[i].list.size() && k < names.size(); ++k)
                if (Reply& value = replies[i].list[k]; !value.is_null())
                  record.fields.emplace_back(names[k], std::move(value.text));
            }
            return Step<std::vector<Record>>(std::move(records));
          }};
}

}  // namespace medsynth::tasks
