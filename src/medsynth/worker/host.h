// The actors of a process and what they work with, as the pipeline wants to know them: a message as a job,
// with its model, its needs and its context; what happened as metrics. Thread safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/pipeline/job.h"
#include "medsynth/redis/client.h"
#include "medsynth/telemetry/telemetry.h"
#include "medsynth/worker/actor.h"
#include "medsynth/worker/model_deaths.h"
#include "medsynth/worker/model_source.h"

namespace medsynth::worker {

class ActorHost final : public pipeline::Host {
 public:
  // All of them outlive it.
  ActorHost(std::vector<Actor> actors, redis::Client& client, const ModelSource& models, ModelDeaths& deaths,
            telemetry::Metrics& metrics, const Clock& clock);

  std::vector<std::string_view> names() const;
  // What ConsumerOptions::expected_work asks: by how long the last ones of that actor ran.
  std::optional<std::chrono::microseconds> expected_work(const dramatiq::Message& message) const;
  // Of the last tasks that needed admission, in the order in which they ended.
  std::vector<fleet::RunTime> run_times() const;

  pipeline::Job prepare(const dramatiq::Message& message) override;
  void started(const dramatiq::Message& message) override;
  void ran(const dramatiq::Message& message, const pipeline::Job& job, const pipeline::Run& run,
           const Result<std::string>& result) override;
  void ended(std::string_view queue, std::string_view actor, pipeline::End end, bool called) override;

 private:
  class JobContext;
  Result<> fill(pipeline::Job& job, const Actor& actor, const dramatiq::Message& message);
  struct Entry {
    Actor actor;
    std::atomic<std::int64_t> nanoseconds{1'000'000};  // as long as nobody knows better
  };

  std::map<std::string, Entry, std::less<>> entries_;
  redis::Client& client_;
  const ModelSource& models_;
  ModelDeaths& deaths_;
  telemetry::Metrics& metrics_;
  const Clock& clock_;
  mutable std::mutex run_times_mutex_;
  std::deque<fleet::RunTime> run_times_;  // guarded by it
};

}  // namespace medsynth::worker
