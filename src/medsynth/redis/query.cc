#include "medsynth/redis/query.h"

#include <array>
#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "medsynth/redis/error_reply.h"

namespace medsynth::redis {
namespace {

std::string_view kind_name(Reply::Kind kind) {
  constexpr std::array<std::string_view, 5> names{"null", "text", "integer", "list", "error"};
  return names[static_cast<std::size_t>(kind)];
}

Error wrong_kind(const Reply& reply, std::string_view expected) {
  if (reply.is_error()) return as_error(reply);
  return {Code::internal,
          fmt::format("Redis answered with {} where {} was expected", kind_name(reply.kind), expected),
          "redis_reply"};
}

}  // namespace

Command Command::eval(const Script& script, std::vector<std::string> keys,
                      std::vector<std::string> arguments) {
  Command command;
  command.words.reserve(3 + keys.size() + arguments.size());
  command.words.emplace_back("EVALSHA");
  command.words.emplace_back(script.sha1);
  command.words.emplace_back(std::to_string(keys.size()));
  std::move(keys.begin(), keys.end(), std::back_inserter(command.words));
  std::move(arguments.begin(), arguments.end(), std::back_inserter(command.words));
  command.script = &script;
  return command;
}

std::string_view Reply::error_prefix() const {
  if (!is_error()) return {};
  return std::string_view(text).substr(0, text.find(' '));
}

Result<std::string> text(const Reply& reply) {
  if (reply.kind == Reply::Kind::text) return reply.text;
  return wrong_kind(reply, "text");
}

Result<std::string> text(Reply&& reply) {
  if (reply.kind == Reply::Kind::text) return std::move(reply.text);
  return wrong_kind(reply, "text");
}

Result<std::int64_t> integer(const Reply& reply) {
  if (reply.kind == Reply::Kind::integer) return reply.integer;
  if (reply.kind == Reply::Kind::text) {
    std::int64_t number = 0;
    const char* end = reply.text.data() + reply.text.size();
    const auto [stop, error] = std::from_chars(reply.text.data(), end, number);
    if (error == std::errc() && stop == end) return number;
  }
  return wrong_kind(reply, "an integer");
}

Result<std::vector<Reply>> list(const Reply& reply) {
  if (reply.kind == Reply::Kind::list) return reply.list;
  return wrong_kind(reply, "a list");
}

Result<std::vector<Reply>> list(Reply&& reply) {
  if (reply.kind == Reply::Kind::list) return std::move(reply.list);
  return wrong_kind(reply, "a list");
}

Result<std::vector<std::string>> texts(const Reply& reply) {
  return texts(Reply(reply));
}

Result<std::vector<std::string>> texts(Reply&& reply) {
  if (reply.kind != Reply::Kind::list) return wrong_kind(reply, "a list");
  std::vector<std::string> out;
  out.reserve(reply.list.size());
  for (Reply& element : reply.list) {
    BOOST_OUTCOME_TRY(auto word, text(std::move(element)));
    out.push_back(std::move(word));
  }
  return out;
}

Error as_error(const Reply& reply) {
  return error_of(reply.text);
}

Query<Done> all_ok(Commands commands) {
  return {std::move(commands), [](Replies replies) -> Result<Step<Done>> {
            for (const Reply& reply : replies)
              if (reply.is_error()) return as_error(reply);
            return Step<Done>{Done{}};
          }};
}

}  // namespace medsynth::redis
