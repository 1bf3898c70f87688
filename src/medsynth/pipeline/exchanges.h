// Carries one effect out in Redis for many attempts, in one exchange, and says what happened to each. Knows
// no threads and tries nothing twice: executor.h does. Thread safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "medsynth/dramatiq/broker.h"
#include "medsynth/pipeline/flight.h"
#include "medsynth/redis/client.h"
#include "medsynth/tasks/store.h"

namespace medsynth::pipeline {

struct ExchangeParts {
  redis::Client& client;
  const tasks::Store& store;
  const dramatiq::Broker& broker;
  const Clock& clock;
  std::string worker;           // host and worker id, for the records
  std::int64_t max_deaths = 3;  // 0: never
};

struct Shown {
  tasks::Attempt attempt;
  std::shared_ptr<InFlightTask> task;
};

class Exchanges {
 public:
  explicit Exchanges(ExchangeParts parts) : parts_(std::move(parts)) {}

  // An event for each of the group, or the error of the whole exchange. Precondition: all have that effect,
  // and it is one of those that ask Redis.
  Result<std::vector<Event>> carry_out(Effect effect, const Group& group);
  // Shows attempts as processing whose records do not say so yet. An answer nobody waits for.
  Result<> show(const std::vector<Shown>& attempts);
  Result<tasks::Written> progress(const tasks::Attempt& attempt, double percent, std::string_view stage);

 private:
  using Events = Result<std::vector<Event>>;
  Events start(const Group& group);
  Events unmark(const Group& group);
  Events open(const Group& group);
  Events record(const Group& group);
  Events release(const Group& group);
  Events settle(const Group& group, bool bury);
  Events forget(const Group& group);
  tasks::Begin begin_of(const Flight& flight) const;
  void note(const InFlightTask& task, std::optional<WallTime> end, tasks::Advance& advance) const;
  Event opened(Flight& flight, const Result<tasks::Begun>& begun);
  Event has_ended(Flight& flight, const std::optional<tasks::Record>& record);

  ExchangeParts parts_;
};

}  // namespace medsynth::pipeline
