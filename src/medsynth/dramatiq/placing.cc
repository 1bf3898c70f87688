#include "medsynth/dramatiq/placing.h"

#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/json.h"

namespace medsynth::dramatiq {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Step;

namespace {

Query<std::vector<Waiting>> read_payloads(const std::string& hash, std::vector<std::string> ids) {
  std::vector<std::string> words{"HMGET", hash};
  words.insert(words.end(), ids.begin(), ids.end());
  Command command;
  command.words = std::move(words);
  return {{std::move(command)},
          [ids = std::move(ids)](Replies replies) mutable -> Result<Step<std::vector<Waiting>>> {
            BOOST_OUTCOME_TRY(auto payloads, redis::list(std::move(replies[0])));
            std::vector<Waiting> waiting;
            for (std::size_t i = 0; i < ids.size() && i < payloads.size(); ++i)
              waiting.push_back({std::move(ids[i]), std::move(payloads[i].text)});
            return Step<std::vector<Waiting>>{std::move(waiting)};
          }};
}

}  // namespace

Query<std::vector<Waiting>> payloads_of(const std::string& hash, std::vector<std::string> ids) {
  Query<std::vector<Waiting>> query;
  for (const std::string& id : ids) query.commands.emplace_back("HSTRLEN", hash, id);
  query.decode = [hash, ids = std::move(ids)](Replies replies) mutable -> Result<Step<std::vector<Waiting>>> {
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < ids.size() && bytes <= kPayloadBytes; ++i) {
      BOOST_OUTCOME_TRY(auto size, redis::integer(replies[i]));
      bytes += size;
      if (i > 0 && bytes > kPayloadBytes) ids.resize(i);
    }
    return Step<std::vector<Waiting>>{read_payloads(hash, std::move(ids))};
  };
  return query;
}

std::int64_t score(const redis::Reply& reply) {
  if (reply.kind == redis::Reply::Kind::integer) return reply.integer;
  return static_cast<std::int64_t>(std::strtod(reply.text.c_str(), nullptr));
}

std::string bell_of(const BrokerOptions& options, std::string_view queue) {
  return fmt::format("{}:__medsynth__.bell.{}.{}", options.namespace_, options.database,
                     canonical_queue(queue));
}

Placed place(Message message, std::optional<WallTime> eta) {
  Placed placed;
  placed.id = new_uuid();
  placed.queue = eta ? delay_queue(message.queue_name) : canonical_queue(message.queue_name);
  message.queue_name = placed.queue;
  message.set_option("redis_message_id", json::write_string(placed.id));  // in Python's order
  if (eta) message.set_option("eta", std::to_string(millis(*eta)));
  placed.payload = encode(message);
  return placed;
}

std::vector<Command> place_commands(const BrokerOptions& options, Placed placed) {
  const Keys k = keys(options);
  std::vector<Command> commands;
  commands.reserve(3);
  commands.emplace_back("HSET", k.payloads(placed.queue), placed.id, std::move(placed.payload));
  commands.emplace_back("RPUSH", k.queue(placed.queue), placed.id);
  commands.emplace_back("PUBLISH", bell_of(options, placed.queue), placed.queue);
  return commands;
}

Query<std::int64_t> sum(redis::Commands commands) {
  return {std::move(commands), [](Replies replies) -> Result<Step<std::int64_t>> {
            std::int64_t total = 0;
            for (const auto& reply : replies) {
              BOOST_OUTCOME_TRY(auto n, redis::integer(reply));
              total += n;
            }
            return Step<std::int64_t>{total};
          }};
}

}  // namespace medsynth::dramatiq
