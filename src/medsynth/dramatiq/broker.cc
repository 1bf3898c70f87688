#include "medsynth/dramatiq/broker.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/dramatiq/placing.h"
#include "medsynth/dramatiq/scripts.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Step;
using Flags = std::vector<bool>;

constexpr std::size_t kEnqueueTogether = 256;  // messages of one script: more only keeps others waiting

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

Broker::Broker(BrokerOptions options) : options_(std::move(options)) {
  if (options_.worker_id.empty()) options_.worker_id = new_uuid();
}

std::string Broker::bell_channel(const std::string& queue) const {
  return bell_of(options_, queue);
}

std::vector<std::string> Broker::bell_channels(const std::string& queue) const {
  const std::string keyspace = fmt::format("__keyspace@{}__:", options_.database);
  const Keys k = keys(options_);
  return {bell_channel(queue), keyspace + k.queue(queue), keyspace + k.queue(delay_queue(queue))};
}

std::vector<Command> Broker::enqueue_commands(Message message, std::optional<WallTime> eta) const {
  return place_commands(options_, place(std::move(message), eta));
}

Query<redis::Done> Broker::enqueue(Message message, std::optional<WallTime> eta) const {
  std::vector<Outgoing> one;
  one.push_back({std::move(message), eta});
  return enqueue(std::move(one));
}

Query<redis::Done> Broker::enqueue(std::vector<Outgoing> messages) const {
  std::map<std::string, std::vector<Placed>> queues;
  for (Outgoing& out : messages) {
    Placed placed = place(std::move(out.message), out.eta);
    queues[placed.queue].push_back(std::move(placed));
  }
  const Keys k = keys(options_);
  std::vector<Command> commands;
  for (auto& [queue, all] : queues) {
    for (std::size_t begin = 0; begin < all.size(); begin += kEnqueueTogether) {
      std::vector<std::string> arguments{bell_channel(queue), queue};
      for (std::size_t i = begin; i < std::min(all.size(), begin + kEnqueueTogether); ++i) {
        arguments.push_back(std::move(all[i].id));
        arguments.push_back(std::move(all[i].payload));
      }
      commands.push_back(
          Command::eval(scripts::enqueue, {k.queue(queue), k.payloads(queue)}, std::move(arguments)));
    }
  }
  return redis::all_ok(std::move(commands));
}

Query<Fetched> Broker::fetch(const std::string& queue, std::int64_t count, bool start) const {
  const Keys k = keys(options_);
  const std::string& worker = options_.worker_id;
  return {{Command::eval(scripts::fetch,
                         {k.queue(queue), k.payloads(queue), k.acks(worker, queue), k.heartbeats(),
                          k.paused(), k.running(worker, queue), k.deaths(queue)},
                         {worker, std::to_string(std::clamp<std::int64_t>(count, 1, kMaxIds)), queue,
                          start ? "1" : "0"})},
          [options = options_, queue](Replies replies) -> Result<Step<Fetched>> {
            BOOST_OUTCOME_TRY(auto taken, redis::list(std::move(replies[0])));
            if (taken.size() != 4)
              return Error{Code::internal, "fetch.lua did not answer with four things", ""};
            BOOST_OUTCOME_TRY(auto step, decode_fetched(options, queue, std::move(taken[1]), taken[2],
                                                        {.started = taken[0].integer == 1}));
            const std::vector<redis::Reply>& unaborted = taken[3].list;
            if (step.value && step.value->deliveries.size() == unaborted.size())
              for (std::size_t i = 0; i < unaborted.size(); ++i) {
                Received& delivery = step.value->deliveries[i];
                delivery.unaborted = delivery.message.message_id == unaborted[i].text;
              }
            return step;
          }};
}

Query<Flags> Broker::settle(const std::vector<Settlement>& settlements) const {
  return dramatiq::settle(options_, settlements);
}

Query<std::int64_t> Broker::requeue(const std::string& queue,
                                    const std::vector<std::string>& redis_message_ids) const {
  const Keys k = keys(options_);
  std::vector<Command> commands;
  // From the last piece to the first, since each goes to the head.
  for (std::size_t end = redis_message_ids.size(); end > 0;) {
    const std::size_t begin =
        end > static_cast<std::size_t>(kMaxIds) ? end - static_cast<std::size_t>(kMaxIds) : 0;
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

Query<redis::Done> Broker::forget_starts(const std::string& queue,
                                         const std::vector<std::string>& redis_message_ids) const {
  Command unmark("SREM", keys(options_).running(options_.worker_id, queue));
  unmark.words.insert(unmark.words.end(), redis_message_ids.begin(), redis_message_ids.end());
  return redis::all_ok({std::move(unmark)});
}

std::string Broker::messages_key(const std::string& queue) const {
  return keys(options_).payloads(queue);
}

Query<Depth> Broker::depth(const std::string& queue) const {
  const Keys k = keys(options_);
  const std::string c = canonical_queue(queue);
  return {{Command("LLEN", k.queue(c)), Command("HLEN", k.payloads(c)),
           Command("HLEN", k.payloads(delay_queue(c))), Command("ZCARD", k.dead(c))},
          [](Replies replies) -> Result<Step<Depth>> {
            BOOST_OUTCOME_TRY(auto ready, redis::integer(replies[0]));
            BOOST_OUTCOME_TRY(auto all, redis::integer(replies[1]));
            BOOST_OUTCOME_TRY(auto delayed, redis::integer(replies[2]));
            BOOST_OUTCOME_TRY(auto dead, redis::integer(replies[3]));
            return Step<Depth>{Depth{ready, delayed, std::max<std::int64_t>(0, all - ready), dead}};
          }};
}

}  // namespace medsynth::dramatiq
