#include "medsynth/dramatiq/broker.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/json.h"
#include "medsynth/dramatiq/keys.h"
#include "medsynth/dramatiq/placing.h"
#include "medsynth/dramatiq/recovery.h"
#include "medsynth/dramatiq/scripts.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Step;
using std::chrono::milliseconds;

constexpr std::int64_t kMaxFetch = 1000;       // ids that Lua may unpack at once, with room to spare
constexpr std::size_t kEnqueueTogether = 256;  // messages of one script: more only keeps others waiting

// Asks who has been silent for at least the shortest timeout.
Command survey(const BrokerOptions& options) {
  const Keys k = keys(options);
  const milliseconds silence = std::min(options.our_timeout, options.heartbeat_timeout);
  return Command::eval(scripts::survey, {k.heartbeats(), k.workers()}, {std::to_string(silence.count())});
}

Result<std::vector<Dead>> dead_of(const BrokerOptions& options, const redis::Reply& surveyed,
                                  milliseconds reachable_for) {
  BOOST_OUTCOME_TRY(auto items, redis::list(surveyed));
  if (items.empty()) return Error{Code::internal, "the survey of heartbeats answered nothing", ""};
  BOOST_OUTCOME_TRY(auto now, redis::integer(items[0]));
  std::vector<Beat> beats;
  for (std::size_t i = 1; i + 2 < items.size(); i += 3) {
    BOOST_OUTCOME_TRY(auto worker, redis::text(items[i]));
    BOOST_OUTCOME_TRY(auto ours, redis::integer(items[i + 2]));
    const auto at = redis::integer(items[i + 1]);  // a client may have written a fraction: long ago, then
    beats.push_back({std::move(worker),
                     at ? *at : static_cast<std::int64_t>(std::atof(items[i + 1].text.c_str())), ours == 1});
  }
  return dead_workers(beats, options.worker_id, now, {options.our_timeout, options.heartbeat_timeout},
                      reachable_for);
}

// Goes through all ack sets and drops from `dead` those that have one; forgets the rest.
Query<std::int64_t> forget(const BrokerOptions& options, std::vector<Dead> dead, const std::string& cursor) {
  const Keys k = keys(options);
  Command scan("SCAN", cursor, "MATCH", glob_escaped(k.acks_prefix()) + "*", "COUNT", 1000, "TYPE", "set");
  return {{std::move(scan)},
          [options, k, dead = std::move(dead)](Replies replies) mutable -> Result<Step<std::int64_t>> {
            BOOST_OUTCOME_TRY(auto page, redis::list(std::move(replies[0])));
            if (page.size() != 2)
              return Error{Code::internal, "SCAN did not answer with a cursor and keys", ""};
            BOOST_OUTCOME_TRY(auto next, redis::text(page[0]));
            BOOST_OUTCOME_TRY(auto found, redis::texts(std::move(page[1])));
            for (const std::string& key : found)
              std::erase_if(dead, [&](const Dead& d) { return key.starts_with(k.acks(d.worker, "")); });
            if (next != "0" && !dead.empty())
              return Step<std::int64_t>{forget(options, std::move(dead), next)};
            std::vector<std::string> arguments;
            for (Dead& d : dead) {
              arguments.push_back(std::move(d.worker));
              arguments.push_back(std::to_string(d.lives_after_ms));
            }
            return Step<std::int64_t>{
                sum({Command::eval(scripts::forget, {k.heartbeats(), k.workers()}, std::move(arguments))})};
          }};
}

}  // namespace

std::string glob_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("*?[]^\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

Broker::Broker(BrokerOptions options) : options_(std::move(options)) {
  if (options_.worker_id.empty()) options_.worker_id = new_uuid();
}

std::string bell_of(const BrokerOptions& options, std::string_view queue) {
  return fmt::format("{}:__medsynth__.bell.{}.{}", options.namespace_, options.database,
                     canonical_queue(queue));
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
                         {worker, std::to_string(std::clamp<std::int64_t>(count, 1, kMaxFetch)), queue,
                          start ? "1" : "0"})},
          [options = options_, queue](Replies replies) -> Result<Step<Fetched>> {
            BOOST_OUTCOME_TRY(auto taken, redis::list(std::move(replies[0])));
            if (taken.size() != 4)
              return Error{Code::internal, "fetch.lua did not answer with four things", ""};
            BOOST_OUTCOME_TRY(auto step, sort_out(options, queue, std::move(taken[1]), taken[2],
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

Query<redis::Done> Broker::register_worker(std::int64_t pid) const {
  const Keys k = keys(options_);
  // The heartbeat first: one of ours without it counts as dead.
  return redis::all_ok(
      {Command::eval(scripts::heartbeat, {k.heartbeats()}, {options_.worker_id}),
       Command("HSET", k.workers(), options_.worker_id,
               json::write(json::object{{"host", options_.host}, {"pid", pid}, {"pids", options_.pids}}))});
}

Query<bool> Broker::unregister_worker(const std::vector<std::string>& queues) const {
  const Keys k = keys(options_);
  std::vector<std::string> names{k.heartbeats(), k.workers()};
  for (const std::string& queue : queues) {
    names.push_back(k.acks(options_.worker_id, queue));
    names.push_back(k.acks(options_.worker_id, delay_queue(queue)));
  }
  for (const std::string& queue : queues) names.push_back(k.running(options_.worker_id, queue));
  Query<std::int64_t> gone = sum({Command::eval(scripts::unregister, std::move(names),
                                                {options_.worker_id, std::to_string(2 * queues.size())})});
  return redis::then<bool>(std::move(gone), [](std::int64_t n) { return n != 0; });
}

Query<WallTime> Broker::heartbeat(const std::vector<std::string>& queues) const {
  const Keys k = keys(options_);
  std::vector<std::string> names{k.heartbeats()};
  std::vector<std::string> workers{options_.worker_id};
  for (const std::string& queue : queues) {
    names.push_back(k.acks(scheduler_id(queue), delay_queue(queue)));
    workers.push_back(scheduler_id(queue));
  }
  return {{Command::eval(scripts::heartbeat, std::move(names), std::move(workers))},
          [](Replies replies) -> Result<Step<WallTime>> {
            BOOST_OUTCOME_TRY(auto ms, redis::integer(replies[0]));
            return Step<WallTime>{WallTime{milliseconds{ms}}};
          }};
}

Query<std::vector<WorkerEntry>> Broker::our_workers() const {
  return {{Command("HGETALL", keys(options_).workers())},
          [](Replies replies) -> Result<Step<std::vector<WorkerEntry>>> {
            BOOST_OUTCOME_TRY(auto words, redis::texts(std::move(replies[0])));
            std::vector<WorkerEntry> workers;
            for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
              WorkerEntry entry{.worker_id = words[i]};
              const auto about = json::parse(words[i + 1]);
              if (about && about->is_object()) {
                const json::object& members = about->get_object();
                for (const auto& [name, text] : {std::pair("host", &entry.host), {"pids", &entry.pids}})
                  if (const auto* value = members.if_contains(name); value && value->is_string())
                    *text = value->get_string();
                const auto* pid = members.if_contains("pid");
                if (pid && pid->is_int64()) entry.pid = pid->get_int64();
              }
              workers.push_back(std::move(entry));
            }
            return Step<std::vector<WorkerEntry>>{std::move(workers)};
          }};
}

Command Broker::reclaim(const std::string& queue, std::string_view worker, std::string limit) const {
  const Keys k = keys(options_);
  const std::string c = canonical_queue(queue);
  const std::string dq = delay_queue(queue);
  return Command::eval(
      scripts::reclaim,
      {k.heartbeats(), k.running(worker, c), k.deaths(c), k.queue(c), k.payloads(c), k.acks(worker, c),
       k.queue(dq), k.payloads(dq), k.acks(worker, dq)},
      {std::string(worker), std::move(limit), bell_channel(c), c, worker == options_.worker_id ? "" : "1"});
}

Query<std::int64_t> Broker::recover(const std::string& queue, milliseconds reachable_for) const {
  const Keys k = keys(options_);
  const std::string c = canonical_queue(queue);
  Command expire = Command::eval(scripts::expire,
                                 {k.dead(c), k.dead_payloads(c), k.reasons(c), k.deaths(c), k.payloads(c)},
                                 {std::to_string(options_.dead_message_ttl.count())});
  return {{survey(options_), std::move(expire)},
          [broker = *this, c, reachable_for](Replies replies) -> Result<Step<std::int64_t>> {
            BOOST_OUTCOME_TRY(auto dead, dead_of(broker.options_, replies[0], reachable_for));
            // Housekeeping that failed is said when what the dead held is back.
            std::optional<Error> expiring;
            if (replies[1].is_error()) expiring = redis::as_error(replies[1]);
            if (dead.empty() && expiring) return *expiring;
            if (dead.empty()) return Step<std::int64_t>{0};
            std::vector<Command> commands;
            for (const Dead& d : dead)
              commands.push_back(broker.reclaim(c, d.worker, std::to_string(d.lives_after_ms)));
            Query<std::int64_t> back = sum(std::move(commands));
            if (expiring)
              back.decode = [expiring](const Replies&) -> Result<Step<std::int64_t>> { return *expiring; };
            return Step<std::int64_t>{std::move(back)};
          }};
}

Query<std::int64_t> Broker::recover_worker(const std::string& queue, const std::string& worker_id) const {
  return sum({reclaim(queue, worker_id, "")});
}

Query<std::int64_t> Broker::forget_dead_workers(milliseconds reachable_for) const {
  return {{survey(options_)},
          [options = options_, reachable_for](Replies replies) -> Result<Step<std::int64_t>> {
            BOOST_OUTCOME_TRY(auto dead, dead_of(options, replies[0], reachable_for));
            if (dead.empty()) return Step<std::int64_t>{0};
            return Step<std::int64_t>{forget(options, std::move(dead), "0")};
          }};
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
