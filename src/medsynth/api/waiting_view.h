// Why tasks do not run, from what their records, the workers' reports and the queues say. Only tasks that are
// pending or retrying wait. Pure; made for one answer, of some or many tasks. Not thread safe.
//
//   WaitingView view(facts, now);
//   std::optional<tasks::Waiting> waiting = view.of(record, ahead);
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "medsynth/api/forecast.h"
#include "medsynth/base/clock.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/tasks/record.h"

namespace medsynth::api {

struct WaitingFacts {
  fleet::Roll roll;
  std::set<std::string, std::less<>> paused;  // queues
};

// Of a task that waits by intention: it is delayed, or failed and is tried again later.
struct Due {
  std::string_view reason;  // "delayed", "retry"
  WallTime at;              // later than `now`
  std::string text;         // as the record has it
};
std::optional<Due> due_of(const tasks::Record& record, tasks::Status status, WallTime now);

class WaitingView {
 public:
  // `facts` outlive it.
  WaitingView(const WaitingFacts& facts, WallTime now);

  // `ahead`: how many pending tasks were created before it, where that is known. nullopt: nothing keeps it.
  std::optional<tasks::Waiting> of(const tasks::Record& record, std::optional<std::int64_t> ahead);

  // Why the messages that wait on a queue are not taken; "": they are.
  std::string reason_of_queue(const std::string& queue);

 private:
  using Workers = std::vector<const fleet::Snapshot*>;
  struct Reported {
    const fleet::Snapshot* worker;
    const fleet::TaskReport* task;
  };

  Workers consumers_of(std::string_view queue) const;
  std::optional<tasks::Waiting> until_due(const tasks::Record& record, const std::string& queue);
  tasks::Waiting for_a_worker(const std::string& queue) const;
  // What the first of those waits for that these workers have, or what keeps any task from them.
  std::optional<fleet::TaskReport> first_in_line(const Workers& workers) const;
  tasks::Waiting for_resources(const fleet::TaskReport& report, const Workers& workers,
                               std::optional<std::int64_t> place);
  const Forecast& forecast(const fleet::TaskReport& report, const Workers& workers);

  const WaitingFacts& facts_;
  const WallTime now_;
  std::map<std::string_view, Reported> waiting_;  // by task
  // By a worker of theirs, how many they are, reason and model.
  std::map<std::tuple<std::string, std::size_t, std::string, std::string>, Forecast> forecasts_;
};

}  // namespace medsynth::api
