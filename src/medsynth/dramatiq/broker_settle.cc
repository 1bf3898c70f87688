// The half of Broker through which messages leave our hands.
#include <algorithm>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/json.h"
#include "medsynth/dramatiq/placing.h"
#include "medsynth/dramatiq/quarantine.h"
#include "medsynth/dramatiq/scripts.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Step;
using Flags = std::vector<bool>;

constexpr std::size_t kMaxIds = 1000;               // that Lua may unpack at once, with room to spare
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

Settlement in_quarantine(const std::string& queue, std::string id, const std::string& payload,
                         const Error& error) {
  Message letter = quarantined(canonical_queue(queue), id, payload, system_clock().now());
  return {.kind = Settlement::Kind::dead,
          .lease = {queue, std::move(id)},
          .updated = std::move(letter),
          .reason = undecodable(error)};
}

// A message whose names nobody may use goes where one goes that cannot be decoded: nothing could be kept of
// it under those names, and it must not be lost.
Result<Message> decode_named(std::string_view payload) {
  BOOST_OUTCOME_TRY(auto message, decode(payload));
  BOOST_OUTCOME_TRY(check_names(message));
  return message;
}

// Of a query about one.
template <class T>
Query<T> only(Query<std::vector<T>> query) {
  return redis::then<T>(std::move(query), [](const std::vector<T>& all) { return T(all.front()); });
}

// By start.lua, which says which are unusual and how.
Query<std::vector<std::int64_t>> starts_one_by_one(std::vector<std::string> keys,
                                                   std::vector<std::string> ids) {
  const std::size_t size = ids.size();
  return {{Command::eval(scripts::start, std::move(keys), std::move(ids))},
          [size](Replies replies) -> Result<Step<std::vector<std::int64_t>>> {
            BOOST_OUTCOME_TRY(auto unusual, redis::list(std::move(replies[0])));
            std::vector<std::int64_t> deaths(size, 0);
            for (std::size_t i = 0; i + 1 < unusual.size(); i += 2) {
              BOOST_OUTCOME_TRY(auto place, redis::integer(unusual[i]));
              BOOST_OUTCOME_TRY(deaths[static_cast<std::size_t>(place - 1)], redis::integer(unusual[i + 1]));
            }
            return Step<std::vector<std::int64_t>>{std::move(deaths)};
          }};
}

}  // namespace

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

Result<Step<Fetched>> sort_out(const BrokerOptions& options, const std::string& queue, redis::Reply ids,
                               const redis::Reply& payloads, Fetched fetched) {
  const std::size_t size = std::min(ids.list.size(), payloads.list.size());
  fetched.deliveries.reserve(size);
  std::vector<Settlement> quarantine;
  for (std::size_t i = 0; i < size; ++i) {
    std::string& id = ids.list[i].text;
    const std::string& payload = payloads.list[i].text;
    auto message = decode_named(payload);
    if (message)
      fetched.deliveries.push_back({{queue, std::move(id)}, std::move(*message)});
    else
      quarantine.push_back(in_quarantine(queue, std::move(id), payload, message.error()));
  }
  if (quarantine.empty()) return Step<Fetched>{std::move(fetched)};
  Query<Flags> buried = Broker(options).settle(quarantine);
  return Step<Fetched>{Query<Fetched>{std::move(buried.commands),
                                      [fetched = std::move(fetched), decode = std::move(buried.decode)](
                                          Replies done) mutable -> Result<Step<Fetched>> {
                                        auto step = decode(std::move(done));
                                        if (step)
                                          fetched.quarantined =
                                              std::count(step->value->begin(), step->value->end(), true);
                                        else  // the others need not suffer
                                          fetched.trouble = step.error();
                                        return Step<Fetched>{std::move(fetched)};
                                      }}};
}

Command Broker::settle_one(const Settlement& settlement) const {
  const Lease& lease = settlement.lease;
  const Follow& follow = settlement.follow;
  const Keys k = keys(options_);
  std::vector<std::string> names = settle_keys(options_, lease.queue);
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
    append(then, options_, {{settlement.updated.value(), settlement.eta}});
  }
  append(then, options_, follow.messages);
  append(then, k, lease.queue, follow.letters);
  for (const Command& command : follow.commands) append(then, command);
  std::vector<std::string> arguments{lease.redis_message_id, std::move(letter), settlement.reason,
                                     follow.group ? std::to_string(kBarrierTtlMs) : "",
                                     std::to_string(then.size())};
  std::move(then.begin(), then.end(), std::back_inserter(arguments));
  if (follow.group) {
    append(arguments, options_, follow.group->callbacks);
    append(arguments, k, lease.queue, follow.group->letters);
  }
  return Command::eval(scripts::settle, std::move(names), std::move(arguments));
}

Query<Flags> Broker::settle(const std::vector<Settlement>& settlements) const {
  // Which settlements each command is about: many for an ack.
  std::vector<std::vector<std::size_t>> places;
  std::vector<Command> commands;
  std::map<std::string_view, std::size_t> open;  // queue -> its ack command that has room
  for (std::size_t i = 0; i < settlements.size(); ++i) {
    const Lease& lease = settlements[i].lease;
    if (!is_plain(settlements[i])) {
      places.push_back({i});
      commands.push_back(settle_one(settlements[i]));
      continue;
    }
    const auto found = open.find(lease.queue);
    if (found == open.end() || places[found->second].size() == kMaxIds) {
      open.insert_or_assign(lease.queue, commands.size());
      places.push_back({i});
      commands.push_back(
          Command::eval(scripts::ack, settle_keys(options_, lease.queue), {lease.redis_message_id}));
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

Query<bool> Broker::ack(const Lease& lease) const {
  return only(settle({{.lease = lease}}));
}

Query<bool> Broker::dead(const Lease& lease, Message updated, std::string reason) const {
  return only(settle({{.kind = Settlement::Kind::dead,
                       .lease = lease,
                       .updated = std::move(updated),
                       .reason = std::move(reason)}}));
}

Query<bool> Broker::retry(const Lease& lease, Message updated, WallTime eta) const {
  updated.queue_name = lease.queue;
  return only(
      settle({{.kind = Settlement::Kind::move, .lease = lease, .updated = std::move(updated), .eta = eta}}));
}

Query<bool> Broker::move_due(const Received& delayed) const {
  return only(settle({moved_when_due(delayed)}));
}

Query<std::int64_t> Broker::schedule(const std::string& queue, const std::vector<Received>& delayed,
                                     WallTime now) const {
  const Keys k = keys(options_);
  const std::string dq = delay_queue(queue);
  std::vector<Command> commands;
  for (std::size_t begin = 0; begin < delayed.size(); begin += kMaxIds) {
    std::vector<std::string> arguments{scheduler_id(queue)};
    for (std::size_t i = begin; i < std::min(delayed.size(), begin + kMaxIds); ++i) {
      arguments.push_back(std::to_string(millis(dramatiq::due(delayed[i].message, now).value_or(now))));
      arguments.push_back(delayed[i].redis_message_id);
    }
    commands.push_back(Command::eval(
        scripts::schedule,
        {k.acks(options_.worker_id, dq), k.acks(scheduler_id(queue), dq), k.due(queue), k.heartbeats()},
        std::move(arguments)));
  }
  return sum(std::move(commands));
}

Query<Fetched> Broker::due(const std::string& queue, WallTime now, std::int64_t count) const {
  const Keys k = keys(options_);
  const std::string dq = delay_queue(queue);
  return {{Command::eval(scripts::due,
                         {k.due(queue), k.acks(scheduler_id(queue), dq), k.acks(options_.worker_id, dq),
                          k.payloads(dq), k.heartbeats()},
                         {options_.worker_id, std::to_string(millis(now)), std::to_string(count)})},
          [options = options_, dq](Replies replies) -> Result<Step<Fetched>> {
            BOOST_OUTCOME_TRY(auto taken, redis::list(std::move(replies[0])));
            if (taken.size() != 3)
              return Error{Code::internal, "due.lua did not answer with three things", ""};
            Fetched fetched;
            if (const std::string& next = taken[0].text; !next.empty())
              fetched.next_due = WallTime{std::chrono::milliseconds{std::atoll(next.c_str())}};
            return sort_out(options, dq, std::move(taken[1]), taken[2], std::move(fetched));
          }};
}

Query<std::int64_t> Broker::requeue(const std::string& queue,
                                    const std::vector<std::string>& redis_message_ids) const {
  const Keys k = keys(options_);
  std::vector<Command> commands;
  // From the last piece to the first, since each goes to the head.
  for (std::size_t end = redis_message_ids.size(); end > 0;) {
    const std::size_t begin = end > kMaxIds ? end - kMaxIds : 0;
    std::vector<std::string> arguments{bell_of(options_, queue), queue};
    arguments.insert(arguments.end(), redis_message_ids.begin() + static_cast<std::ptrdiff_t>(begin),
                     redis_message_ids.begin() + static_cast<std::ptrdiff_t>(end));
    commands.push_back(Command::eval(scripts::requeue,
                                     {k.queue(queue), k.payloads(queue), k.acks(options_.worker_id, queue),
                                      k.running(options_.worker_id, queue), k.deaths(queue)},
                                     std::move(arguments)));
    end = begin;
  }
  return sum(std::move(commands));
}

Query<Flags> Broker::exist(const std::vector<Settlement>& settlements) const {
  std::vector<Command> commands;
  for (const Settlement& settlement : settlements)
    commands.emplace_back("HEXISTS", keys(options_).payloads(settlement.lease.queue),
                          settlement.lease.redis_message_id);
  return {std::move(commands), [](Replies replies) -> Result<Step<Flags>> {
            Flags there;
            for (const auto& reply : replies) {
              BOOST_OUTCOME_TRY(auto n, redis::integer(reply));
              there.push_back(n != 0);
            }
            return Step<Flags>{std::move(there)};
          }};
}

Query<std::vector<std::string>> Broker::held(const std::string& queue) const {
  return {{Command("SMEMBERS", keys(options_).acks(options_.worker_id, queue))},
          [](Replies replies) -> Result<Step<std::vector<std::string>>> {
            BOOST_OUTCOME_TRY(auto ids, redis::texts(std::move(replies[0])));
            return Step<std::vector<std::string>>{std::move(ids)};
          }};
}

// As a rule nothing is unusual, and then no script is needed: the marks come first, so that whoever takes a
// lease takes its mark too, or is seen.
Query<std::vector<std::int64_t>> Broker::note_starts(const std::string& queue,
                                                     std::vector<std::string> redis_message_ids) const {
  const Keys k = keys(options_);
  const std::string& worker = options_.worker_id;
  std::vector<std::string> names{k.acks(worker, queue), k.running(worker, queue), k.deaths(queue)};
  Command mark("SADD", names[1]), held("SMISMEMBER", names[0]);
  for (Command* command : {&mark, &held})
    command->words.insert(command->words.end(), redis_message_ids.begin(), redis_message_ids.end());
  return {{std::move(mark), std::move(held), Command("EXISTS", names[2])},
          [names, ids = std::move(redis_message_ids)](
              Replies replies) mutable -> Result<Step<std::vector<std::int64_t>>> {
            const std::vector<redis::Reply>& ours = replies[1].list;
            const bool usual =
                std::none_of(replies.begin(), replies.end(), [](const auto& r) { return r.is_error(); }) &&
                std::all_of(ours.begin(), ours.end(), [](const auto& is) { return is.integer == 1; }) &&
                replies[2].integer == 0;
            if (usual) return Step<std::vector<std::int64_t>>{std::vector<std::int64_t>(ids.size(), 0)};
            return Step<std::vector<std::int64_t>>{starts_one_by_one(std::move(names), std::move(ids))};
          }};
}

Query<std::int64_t> Broker::note_start(const Lease& lease) const {
  return only(note_starts(lease.queue, {lease.redis_message_id}));
}

Query<redis::Done> Broker::forget_starts(const std::string& queue,
                                         const std::vector<std::string>& redis_message_ids) const {
  Command unmark("SREM", keys(options_).running(options_.worker_id, queue));
  unmark.words.insert(unmark.words.end(), redis_message_ids.begin(), redis_message_ids.end());
  return redis::all_ok({std::move(unmark)});
}

Settlement moved_when_due(Received delayed) {
  Message updated = std::move(delayed.message);
  updated.queue_name = delayed.queue;
  updated.erase_option("eta");
  return {.kind = Settlement::Kind::move, .lease = std::move(delayed), .updated = std::move(updated)};
}

}  // namespace medsynth::dramatiq
