#include "medsynth/dramatiq/workers.h"

#include <algorithm>
#include <cstdlib>

#include "medsynth/base/json.h"
#include "medsynth/dramatiq/placing.h"
#include "medsynth/dramatiq/recovery.h"
#include "medsynth/dramatiq/scripts.h"
#include "medsynth/redis/pattern.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Reply;
using redis::Step;
using std::chrono::milliseconds;

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
  Command scan("SCAN", cursor, "MATCH", redis::glob_escaped(k.acks_prefix()) + "*", "COUNT", 1000, "TYPE",
               "set");
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

Command reclaim(const BrokerOptions& options, const std::string& queue, std::string_view worker,
                std::string limit) {
  const Keys k = keys(options);
  const std::string c = canonical_queue(queue);
  const std::string dq = delay_queue(queue);
  return Command::eval(scripts::reclaim,
                       {k.heartbeats(), k.running(worker, c), k.deaths(c), k.queue(c), k.payloads(c),
                        k.acks(worker, c), k.queue(dq), k.payloads(dq), k.acks(worker, dq)},
                       {std::string(worker), std::move(limit), bell_of(options, c), c,
                        worker == options.worker_id ? "" : "1"});
}

// Members and scores one after the other, whether Redis pairs them (RESP3) or not.
std::vector<std::string> flat(const std::vector<Reply>& replies) {
  std::vector<std::string> words;
  for (const Reply& each : replies) {
    if (each.kind != Reply::Kind::list)
      words.push_back(each.text);
    else
      for (const Reply& part : each.list) words.push_back(part.text);
  }
  return words;
}

}  // namespace

Query<redis::Done> Workers::enter(std::int64_t pid) const {
  const Keys k = keys(broker_.options());
  // The heartbeat first: one of ours without it counts as dead.
  return redis::all_ok(
      {Command::eval(scripts::heartbeat, {k.heartbeats()}, {broker_.options().worker_id}),
       Command("HSET", k.workers(), broker_.options().worker_id,
               json::write(json::object{
                   {"host", broker_.options().host}, {"pid", pid}, {"pids", broker_.options().pids}}))});
}

Query<bool> Workers::leave(const std::vector<std::string>& queues) const {
  const Keys k = keys(broker_.options());
  std::vector<std::string> names{k.heartbeats(), k.workers()};
  for (const std::string& queue : queues) {
    names.push_back(k.acks(broker_.options().worker_id, queue));
    names.push_back(k.acks(broker_.options().worker_id, delay_queue(queue)));
  }
  for (const std::string& queue : queues) names.push_back(k.running(broker_.options().worker_id, queue));
  Query<std::int64_t> gone =
      sum({Command::eval(scripts::unregister, std::move(names),
                         {broker_.options().worker_id, std::to_string(2 * queues.size())})});
  return redis::then<bool>(std::move(gone), [](std::int64_t n) { return n != 0; });
}

Query<WallTime> Workers::beat(const std::vector<std::string>& queues) const {
  const Keys k = keys(broker_.options());
  std::vector<std::string> names{k.heartbeats()};
  std::vector<std::string> workers{broker_.options().worker_id};
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

Query<std::vector<WorkerEntry>> Workers::ours() const {
  return {{Command("HGETALL", keys(broker_.options()).workers())},
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

Query<std::vector<Heartbeat>> Workers::heartbeats() const {
  return {{Command("TIME"), Command("ZRANGE", keys(broker_.options()).heartbeats(), 0, -1, "WITHSCORES")},
          [](Replies replies) -> Result<Step<std::vector<Heartbeat>>> {
            BOOST_OUTCOME_TRY(auto time, redis::texts(replies[0]));
            BOOST_OUTCOME_TRY(auto members, redis::list(replies[1]));
            if (time.size() != 2) return Error{Code::internal, "TIME did not answer with two numbers", ""};
            const double now = std::atof(time[0].c_str()) * 1e3 + std::atof(time[1].c_str()) / 1e3;
            const auto words = flat(members);
            std::vector<Heartbeat> beats;
            for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
              if (words[i].starts_with("medsynth-delays:")) continue;
              const double silent = now - std::atof(words[i + 1].c_str());
              beats.push_back({words[i], std::chrono::milliseconds(static_cast<std::int64_t>(silent))});
            }
            return Step<std::vector<Heartbeat>>{std::move(beats)};
          }};
}

Query<std::int64_t> Workers::recover(const std::string& queue, milliseconds reachable_for) const {
  const Keys k = keys(broker_.options());
  const std::string c = canonical_queue(queue);
  Command expire = Command::eval(scripts::expire,
                                 {k.dead(c), k.dead_payloads(c), k.reasons(c), k.deaths(c), k.payloads(c)},
                                 {std::to_string(broker_.options().dead_message_ttl.count())});
  return {{survey(broker_.options()), std::move(expire)},
          [options = broker_.options(), c, reachable_for](Replies replies) -> Result<Step<std::int64_t>> {
            BOOST_OUTCOME_TRY(auto dead, dead_of(options, replies[0], reachable_for));
            // Housekeeping that failed is said when what the dead held is back.
            std::optional<Error> expiring;
            if (replies[1].is_error()) expiring = redis::as_error(replies[1]);
            if (dead.empty() && expiring) return *expiring;
            if (dead.empty()) return Step<std::int64_t>{0};
            std::vector<Command> commands;
            for (const Dead& d : dead)
              commands.push_back(reclaim(options, c, d.worker, std::to_string(d.lives_after_ms)));
            Query<std::int64_t> back = sum(std::move(commands));
            if (expiring)
              back.decode = [expiring](const Replies&) -> Result<Step<std::int64_t>> { return *expiring; };
            return Step<std::int64_t>{std::move(back)};
          }};
}

Query<std::int64_t> Workers::recover_from(const std::string& worker_id, const std::string& queue) const {
  return sum({reclaim(broker_.options(), queue, worker_id, "")});
}

Query<std::int64_t> Workers::forget_dead(milliseconds reachable_for) const {
  return {{survey(broker_.options())},
          [options = broker_.options(), reachable_for](Replies replies) -> Result<Step<std::int64_t>> {
            BOOST_OUTCOME_TRY(auto dead, dead_of(options, replies[0], reachable_for));
            if (dead.empty()) return Step<std::int64_t>{0};
            return Step<std::int64_t>{forget(options, std::move(dead), "0")};
          }};
}

}  // namespace medsynth::dramatiq
