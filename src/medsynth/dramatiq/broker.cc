#include "medsynth/dramatiq/broker.h"

#include <algorithm>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/json.h"
#include "medsynth/dramatiq/keys.h"
#include "medsynth/dramatiq/quarantine.h"
#include "medsynth/dramatiq/recovery.h"
#include "medsynth/dramatiq/scripts.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Step;
using std::chrono::milliseconds;

constexpr std::int64_t kMaxFetch = 1000;  // ids that Lua may unpack at once, with room to spare
constexpr std::size_t kMaxRequeue = 1000;

Keys keys(const BrokerOptions& options) {
  return {options.namespace_};
}

Query<bool> whether(Command command) {
  return {{std::move(command)}, [](Replies replies) -> Result<Step<bool>> {
            BOOST_OUTCOME_TRY(auto n, redis::integer(replies[0]));
            return Step<bool>{n != 0};
          }};
}

Query<std::int64_t> sum(std::vector<Command> commands) {
  return {std::move(commands), [](Replies replies) -> Result<Step<std::int64_t>> {
            std::int64_t total = 0;
            for (const auto& reply : replies) {
              BOOST_OUTCOME_TRY(auto n, redis::integer(reply));
              total += n;
            }
            return Step<std::int64_t>{total};
          }};
}

// The message as it lies on its queue from now on, and its new id there.
struct Outgoing {
  std::string queue;
  std::string id = new_uuid();
  std::string payload;
};

Outgoing outgoing(Message message, std::optional<WallTime> eta) {
  Outgoing out;
  out.queue = eta ? delay_queue(message.queue_name) : canonical_queue(message.queue_name);
  message.queue_name = out.queue;
  message.set_option("redis_message_id", json::write_string(out.id));  // in Python's order
  if (eta) message.set_option("eta", std::to_string(millis(*eta)));
  out.payload = encode(message);
  return out;
}

std::vector<std::string> settle_keys(const Keys& keys, const std::string& worker, const std::string& queue) {
  return {keys.payloads(queue), keys.acks(worker, queue), keys.starts(queue)};
}

// An empty payload keeps the stored one.
Command bury(const BrokerOptions& options, const std::string& queue, const std::string& id,
             std::string payload, std::string reason) {
  const Keys k = keys(options);
  std::vector<std::string> names = settle_keys(k, options.worker_id, queue);
  names.insert(names.end(), {k.dead(queue), k.dead_payloads(queue), k.reasons(queue)});
  return Command::eval(scripts::dead, std::move(names), {id, std::move(payload), std::move(reason)});
}

Command move(const BrokerOptions& options, const std::string& bell, const Delivery& delivery, Outgoing to) {
  const Keys k = keys(options);
  std::vector<std::string> names = settle_keys(k, options.worker_id, delivery.queue);
  names.insert(names.end(), {k.queue(to.queue), k.payloads(to.queue)});
  return Command::eval(
      scripts::move, std::move(names),
      {delivery.redis_message_id, std::move(to.id), std::move(to.payload), bell, std::move(to.queue)});
}

// Those that cannot be decoded go to the dead letters, one by one, and the others come back.
Result<Step<Fetched>> sort_out(const BrokerOptions& options, const std::string& queue, Replies replies) {
  BOOST_OUTCOME_TRY(auto words, redis::texts(std::move(replies[0])));
  Fetched fetched;
  std::vector<Command> quarantine;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    auto message = decode(words[i + 1]);
    if (message) {
      fetched.deliveries.push_back({queue, std::move(words[i]), std::move(*message)});
    } else {
      const Message wrapped = quarantined(queue, words[i], words[i + 1], system_clock().now());
      quarantine.push_back(
          bury(options, queue, words[i], encode(wrapped), "undecodable: " + message.error().message));
    }
  }
  if (quarantine.empty()) return Step<Fetched>{std::move(fetched)};
  Query<std::int64_t> buried = sum(std::move(quarantine));
  return Step<Fetched>{Query<Fetched>{std::move(buried.commands),
                                      [fetched = std::move(fetched), count = std::move(buried.decode)](
                                          Replies done) mutable -> Result<Step<Fetched>> {
                                        BOOST_OUTCOME_TRY(auto step, count(std::move(done)));
                                        fetched.quarantined = *step.value;
                                        return Step<Fetched>{std::move(fetched)};
                                      }}};
}

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

std::string Broker::bell_channel(const std::string& queue) const {
  return fmt::format("{}:__medsynth__.bell.{}.{}", options_.namespace_, options_.database,
                     canonical_queue(queue));
}

std::vector<std::string> Broker::bell_channels(const std::string& queue) const {
  const std::string keyspace = fmt::format("__keyspace@{}__:", options_.database);
  const Keys k = keys(options_);
  return {bell_channel(queue), keyspace + k.queue(queue), keyspace + k.queue(delay_queue(queue))};
}

std::vector<Command> Broker::enqueue_commands(Message message, std::optional<WallTime> eta) const {
  const Keys k = keys(options_);
  Outgoing out = outgoing(std::move(message), eta);
  return {Command("HSET", k.payloads(out.queue), out.id, std::move(out.payload)),
          Command("RPUSH", k.queue(out.queue), out.id),
          Command("PUBLISH", bell_channel(out.queue), out.queue)};
}

Query<redis::Done> Broker::enqueue(Message message, std::optional<WallTime> eta) const {
  const Keys k = keys(options_);
  Outgoing out = outgoing(std::move(message), eta);
  return redis::all_ok({Command::eval(scripts::enqueue, {k.queue(out.queue), k.payloads(out.queue)},
                                      {out.id, std::move(out.payload), bell_channel(out.queue), out.queue})});
}

Query<Fetched> Broker::fetch(const std::string& queue, std::int64_t count) const {
  const Keys k = keys(options_);
  const std::string& worker = options_.worker_id;
  return {
      {Command::eval(scripts::fetch,
                     {k.queue(queue), k.payloads(queue), k.acks(worker, queue), k.heartbeats(), k.paused()},
                     {worker, std::to_string(std::clamp<std::int64_t>(count, 1, kMaxFetch)), queue})},
      [options = options_, queue](Replies replies) { return sort_out(options, queue, std::move(replies)); }};
}

Query<bool> Broker::ack(const Delivery& delivery) const {
  return whether(Command::eval(scripts::ack, settle_keys(keys(options_), options_.worker_id, delivery.queue),
                               {delivery.redis_message_id}));
}

Query<bool> Broker::dead(const Delivery& delivery, Message updated, std::string reason) const {
  updated.set_option("redis_message_id", json::write_string(delivery.redis_message_id));
  return whether(
      bury(options_, delivery.queue, delivery.redis_message_id, encode(updated), std::move(reason)));
}

Query<bool> Broker::retry(const Delivery& delivery, Message updated, WallTime eta) const {
  updated.queue_name = delivery.queue;
  return whether(move(options_, bell_channel(delivery.queue), delivery, outgoing(std::move(updated), eta)));
}

Query<bool> Broker::move_due(const Delivery& delayed) const {
  Message message = delayed.message;
  message.queue_name = delayed.queue;
  message.erase_option("eta");
  return whether(
      move(options_, bell_channel(delayed.queue), delayed, outgoing(std::move(message), std::nullopt)));
}

Query<std::int64_t> Broker::requeue(const std::string& queue,
                                    const std::vector<std::string>& redis_message_ids) const {
  const Keys k = keys(options_);
  std::vector<Command> commands;
  // From the last piece to the first, since each goes to the head.
  for (std::size_t end = redis_message_ids.size(); end > 0;) {
    const std::size_t begin = end > kMaxRequeue ? end - kMaxRequeue : 0;
    std::vector<std::string> arguments{bell_channel(queue), queue};
    arguments.insert(arguments.end(), redis_message_ids.begin() + static_cast<std::ptrdiff_t>(begin),
                     redis_message_ids.begin() + static_cast<std::ptrdiff_t>(end));
    commands.push_back(
        Command::eval(scripts::requeue,
                      {k.queue(queue), k.payloads(queue), k.acks(options_.worker_id, queue), k.starts(queue)},
                      std::move(arguments)));
    end = begin;
  }
  return sum(std::move(commands));
}

Query<bool> Broker::exists(const Delivery& delivery) const {
  return whether(Command("HEXISTS", keys(options_).payloads(delivery.queue), delivery.redis_message_id));
}

Query<std::vector<std::string>> Broker::held(const std::string& queue) const {
  return {{Command("SMEMBERS", keys(options_).acks(options_.worker_id, queue))},
          [](Replies replies) -> Result<Step<std::vector<std::string>>> {
            BOOST_OUTCOME_TRY(auto ids, redis::texts(std::move(replies[0])));
            return Step<std::vector<std::string>>{std::move(ids)};
          }};
}

Query<std::int64_t> Broker::count_start(const Delivery& delivery) const {
  const Keys k = keys(options_);
  return sum(
      {Command::eval(scripts::start, {k.acks(options_.worker_id, delivery.queue), k.starts(delivery.queue)},
                     {delivery.redis_message_id, options_.worker_id})});
}

Query<redis::Done> Broker::register_worker(std::int64_t pid) const {
  const Keys k = keys(options_);
  // The heartbeat first: one of ours without it counts as dead.
  return redis::all_ok({Command::eval(scripts::heartbeat, {k.heartbeats()}, {options_.worker_id}),
                        Command("HSET", k.workers(), options_.worker_id,
                                json::write(json::object{{"host", options_.host}, {"pid", pid}}))});
}

Query<bool> Broker::unregister_worker(const std::vector<std::string>& queues) const {
  const Keys k = keys(options_);
  std::vector<std::string> names{k.heartbeats(), k.workers()};
  for (const std::string& queue : queues) {
    names.push_back(k.acks(options_.worker_id, queue));
    names.push_back(k.acks(options_.worker_id, delay_queue(queue)));
  }
  return whether(Command::eval(scripts::unregister, std::move(names), {options_.worker_id}));
}

Query<WallTime> Broker::heartbeat() const {
  return {{Command::eval(scripts::heartbeat, {keys(options_).heartbeats()}, {options_.worker_id})},
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
              WorkerEntry entry{.worker_id = words[i], .host = {}};
              const auto about = json::parse(words[i + 1]);
              if (about && about->is_object()) {
                const auto* host = about->get_object().if_contains("host");
                const auto* pid = about->get_object().if_contains("pid");
                if (host && host->is_string()) entry.host = host->get_string();
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
  return Command::eval(scripts::reclaim,
                       {k.heartbeats(), k.queue(c), k.payloads(c), k.acks(worker, c), k.queue(dq),
                        k.payloads(dq), k.acks(worker, dq)},
                       {std::string(worker), std::move(limit), bell_channel(c), c});
}

Query<std::int64_t> Broker::recover(const std::string& queue, milliseconds reachable_for) const {
  const Keys k = keys(options_);
  const std::string c = canonical_queue(queue);
  Command expire = Command::eval(scripts::expire,
                                 {k.dead(c), k.dead_payloads(c), k.reasons(c), k.starts(c), k.payloads(c)},
                                 {std::to_string(options_.dead_message_ttl.count())});
  return {{survey(options_), std::move(expire)},
          [broker = *this, c, reachable_for](Replies replies) -> Result<Step<std::int64_t>> {
            if (replies[1].is_error()) return redis::as_error(replies[1]);
            BOOST_OUTCOME_TRY(auto dead, dead_of(broker.options_, replies[0], reachable_for));
            if (dead.empty()) return Step<std::int64_t>{0};
            std::vector<Command> commands;
            for (const Dead& d : dead)
              commands.push_back(broker.reclaim(c, d.worker, std::to_string(d.lives_after_ms)));
            return Step<std::int64_t>{sum(std::move(commands))};
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
