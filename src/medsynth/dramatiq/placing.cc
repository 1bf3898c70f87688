#include "medsynth/dramatiq/placing.h"

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/json.h"

namespace medsynth::dramatiq {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Step;

std::string glob_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("*?[]^\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
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
