#include "medsynth/dramatiq/settlement.h"

#include <iterator>
#include <map>

#include "medsynth/base/json.h"
#include "medsynth/dramatiq/placing.h"
#include "medsynth/dramatiq/scripts.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Step;
using Flags = std::vector<bool>;

constexpr std::int64_t kBarrierTtlMs = 86'400'000;  // Dramatiq's for groups

std::vector<std::string> settle_keys(const BrokerOptions& options, const std::string& queue) {
  const Keys k = keys(options);
  return {k.payloads(queue), k.acks(options.worker_id, queue), k.running(options.worker_id, queue),
          k.deaths(queue)};
}

void append(std::vector<std::string>& arguments, Command command) {
  arguments.push_back(std::to_string(command.words.size()));
  std::move(command.words.begin(), command.words.end(), std::back_inserter(arguments));
}

void append(std::vector<std::string>& arguments, const BrokerOptions& options,
            const std::vector<Outgoing>& messages) {
  for (const Outgoing& out : messages)
    for (Command& command : place_commands(options, place(out.message, out.eta)))
      append(arguments, std::move(command));
}

void append(std::vector<std::string>& arguments, const Keys& k, const std::string& queue,
            const std::vector<Letter>& letters) {
  for (const Letter& letter : letters) {
    const std::string id = letter.message.text_option("redis_message_id").value();
    append(arguments, Command("HSET", k.dead_payloads(queue), id, encode(letter.message)));
    append(arguments, Command("HSET", k.reasons(queue), id, letter.reason));
    append(arguments, Command("ZADD", k.dead(queue), letter.message.message_timestamp, id));
  }
}

bool is_plain(const Settlement& settlement) {
  const Follow& follow = settlement.follow;
  return settlement.kind == Settlement::Kind::ack && follow.messages.empty() && follow.letters.empty() &&
         follow.commands.empty() && !follow.group;
}

Command settle_one(const BrokerOptions& options, const Settlement& settlement) {
  const Lease& lease = settlement.lease;
  const Follow& follow = settlement.follow;
  const Keys k = keys(options);
  std::vector<std::string> names = settle_keys(options, lease.queue);
  names.insert(names.end(), {k.dead(lease.queue), k.dead_payloads(lease.queue), k.reasons(lease.queue),
                             follow.group ? follow.group->barrier : k.dead(lease.queue)});
  std::string letter;
  std::vector<std::string> then;
  if (settlement.kind == Settlement::Kind::dead) {
    letter = "=";
    if (settlement.updated) {
      Message updated = *settlement.updated;
      updated.set_option("redis_message_id", json::write_string(lease.redis_message_id));
      letter = encode(updated);
    }
  } else if (settlement.kind == Settlement::Kind::move) {
    append(then, options, {{settlement.updated.value(), settlement.eta}});
  }
  append(then, options, follow.messages);
  append(then, k, lease.queue, follow.letters);
  for (const Command& command : follow.commands) append(then, command);
  std::vector<std::string> arguments{lease.redis_message_id, std::move(letter), settlement.reason,
                                     follow.group ? std::to_string(kBarrierTtlMs) : "",
                                     std::to_string(then.size())};
  std::move(then.begin(), then.end(), std::back_inserter(arguments));
  if (follow.group) {
    append(arguments, options, follow.group->callbacks);
    append(arguments, k, lease.queue, follow.group->letters);
  }
  return Command::eval(scripts::settle, std::move(names), std::move(arguments));
}

}  // namespace

Query<Flags> settle(const BrokerOptions& options, const std::vector<Settlement>& settlements) {
  // Which settlements each command is about: many for an ack.
  std::vector<std::vector<std::size_t>> places;
  std::vector<Command> commands;
  std::map<std::string_view, std::size_t> open;  // queue -> its ack command that has room
  for (std::size_t i = 0; i < settlements.size(); ++i) {
    const Lease& lease = settlements[i].lease;
    if (!is_plain(settlements[i])) {
      places.push_back({i});
      commands.push_back(settle_one(options, settlements[i]));
      continue;
    }
    const auto found = open.find(lease.queue);
    if (found == open.end() || places[found->second].size() == static_cast<std::size_t>(kMaxIds)) {
      open.insert_or_assign(lease.queue, commands.size());
      places.push_back({i});
      commands.push_back(
          Command::eval(scripts::ack, settle_keys(options, lease.queue), {lease.redis_message_id}));
    } else {
      places[found->second].push_back(i);
      commands[found->second].words.push_back(lease.redis_message_id);
    }
  }
  return {std::move(commands),
          [places = std::move(places), count = settlements.size()](Replies replies) -> Result<Step<Flags>> {
            Flags ours(count, true);
            for (std::size_t c = 0; c < places.size(); ++c) {
              if (replies[c].kind == redis::Reply::Kind::integer) {
                ours[places[c][0]] = replies[c].integer != 0;
                continue;
              }
              BOOST_OUTCOME_TRY(auto lost, redis::list(std::move(replies[c])));
              for (const auto& place : lost) {
                BOOST_OUTCOME_TRY(auto at, redis::integer(place));
                ours[places[c][static_cast<std::size_t>(at - 1)]] = false;
              }
            }
            return Step<Flags>{std::move(ours)};
          }};
}

}  // namespace medsynth::dramatiq
