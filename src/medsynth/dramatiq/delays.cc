#include "medsynth/dramatiq/delays.h"

#include <algorithm>

#include "medsynth/dramatiq/placing.h"
#include "medsynth/dramatiq/scripts.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Step;

constexpr std::int64_t kTogether = 1000;  // messages of one look: bounds what is in memory

}  // namespace

Query<std::int64_t> schedule(const BrokerOptions& options, const std::string& queue,
                             const std::vector<Received>& delayed, WallTime now) {
  const Keys k = keys(options);
  const std::string dq = delay_queue(queue);
  std::vector<Command> commands;
  for (std::size_t begin = 0; begin < delayed.size(); begin += static_cast<std::size_t>(kMaxIds)) {
    std::vector<std::string> arguments{scheduler_id(queue)};
    for (std::size_t i = begin; i < std::min(delayed.size(), begin + static_cast<std::size_t>(kMaxIds));
         ++i) {
      arguments.push_back(std::to_string(millis(due(delayed[i].message, now).value_or(now))));
      arguments.push_back(delayed[i].redis_message_id);
    }
    commands.push_back(Command::eval(
        scripts::schedule,
        {k.acks(options.worker_id, dq), k.acks(scheduler_id(queue), dq), k.due(queue), k.heartbeats()},
        std::move(arguments)));
  }
  return sum(std::move(commands));
}

Query<Fetched> take_due(const BrokerOptions& options, const std::string& queue, WallTime now,
                        std::int64_t count) {
  const Keys k = keys(options);
  const std::string dq = delay_queue(queue);
  return {{Command::eval(scripts::due,
                         {k.due(queue), k.acks(scheduler_id(queue), dq), k.acks(options.worker_id, dq),
                          k.payloads(dq), k.heartbeats()},
                         {options.worker_id, std::to_string(millis(now)), std::to_string(count)})},
          [options, dq](Replies replies) -> Result<Step<Fetched>> {
            BOOST_OUTCOME_TRY(auto taken, redis::list(std::move(replies[0])));
            if (taken.size() != 3)
              return Error{Code::internal, "due.lua did not answer with three things", ""};
            Fetched fetched;
            if (const std::string& next = taken[0].text; !next.empty())
              fetched.next_due = WallTime{std::chrono::milliseconds{std::atoll(next.c_str())}};
            return decode_fetched(options, dq, std::move(taken[1]), taken[2], std::move(fetched));
          }};
}

Settlement moved_when_due(Received delayed) {
  Message updated = std::move(delayed.message);
  updated.queue_name = delayed.queue;
  updated.erase_option("eta");
  return {.kind = Settlement::Kind::move, .lease = std::move(delayed), .updated = std::move(updated)};
}

Result<Delays::Look> Delays::look(const std::string& queue, WallTime now) {
  Look look;
  std::vector<Settlement> moves;
  std::vector<Received> later;
  BOOST_OUTCOME_TRY(auto fresh, client_.run(broker_.fetch(delay_queue(queue), kTogether)));
  for (Received& delivery : fresh.deliveries) {
    if (due(delivery.message, now).value_or(now) <= now)
      moves.push_back(moved_when_due(std::move(delivery)));
    else
      later.push_back(std::move(delivery));
  }
  if (!later.empty()) {
    BOOST_OUTCOME_TRY(auto scheduled, client_.run(schedule(broker_.options(), queue, later, now)));
    look.lost += static_cast<std::int64_t>(later.size()) - scheduled;
  }
  BOOST_OUTCOME_TRY(auto due, client_.run(take_due(broker_.options(), queue, now, kTogether)));
  if (due.next_due)
    next_.insert_or_assign(queue, *due.next_due);
  else
    next_.erase(queue);
  for (Received& delivery : due.deliveries) moves.push_back(moved_when_due(std::move(delivery)));
  if (!moves.empty()) {
    BOOST_OUTCOME_TRY(auto ours, client_.run(broker_.settle(moves)));
    look.lost += std::count(ours.begin(), ours.end(), false);
  }
  look.quarantined = fresh.quarantined + due.quarantined;
  look.trouble = fresh.trouble ? fresh.trouble : due.trouble;
  look.found = !moves.empty() || !later.empty() || look.quarantined > 0;
  return look;
}

std::optional<WallTime> Delays::next_due() const {
  std::optional<WallTime> first;
  for (const auto& [queue, at] : next_)
    if (!first || at < *first) first = at;
  return first;
}

}  // namespace medsynth::dramatiq
