// What a worker reports and obeys: its own thread ("ms-control") publishes snapshots, rereads control every
// 500 ms (the bell only makes it sooner), applies limits, removes models, stops tasks that were cancelled,
// and confirms.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/base/mutex.h"
#include "medsynth/dramatiq/consumer.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/limits/limits.h"
#include "medsynth/limits/sensors.h"
#include "medsynth/models/cache.h"
#include "medsynth/pipeline/in_flight.h"
#include "medsynth/redis/client.h"
#include "medsynth/redis/trouble.h"
#include "medsynth/tasks/store.h"
#include "medsynth/telemetry/telemetry.h"
#include "medsynth/worker/host.h"
#include "medsynth/worker/model_source.h"

namespace medsynth::worker {

struct ControlParts {
  redis::Client& client;  // its own: it subscribes to the bell
  const fleet::Fleet& fleet;
  const tasks::Store& store;
  limits::Limiter& limiter;
  limits::Sensors& sensors;
  models::Cache& cache;
  const ModelSource& models;
  const dramatiq::Consumer& consumer;
  pipeline::InFlight& in_flight;
  const ActorHost& actors;
  telemetry::Metrics& metrics;
  const Clock& clock;
};

struct Identity {
  std::string worker_id;
  std::string host;
  std::vector<std::string> queues;
};

class Control {
 public:
  // `on_limits` is told the limits in force whenever they change.
  Control(ControlParts parts, Identity identity, limits::Limits environment,
          std::function<void(const limits::Limits&)> on_limits);

  // What is in force now, before the first task is taken: limits set through the API survive a restart.
  void obey();
  void run(std::stop_token stop);  // the thread's body
  void set_draining();             // shown from the next snapshot on
  // Limits of the environment from now on: in force where none were set through the API.
  void set_environment(const limits::Limits& environment);

 private:
  void apply_limits(const std::map<std::string, double>& set, std::vector<Fault> unread);
  bool take_environment();  // whether there is a new one
  json::object answer(const fleet::Request& request);
  void stop_cancelled();
  void stop_aborted();
  void list_models(const limits::MemoryInfo& memory);
  void publish();
  void pass_over(const std::vector<Fault>& faults);
  // Whether it went well; says so where it did not.
  template <class T>
  bool said(std::string_view what, const Result<T>& result) {
    if (result)
      trouble_.worked(what);
    else
      trouble_.failed(what, result.error());
    return result.has_value();
  }
  void count(const models::CacheStats& cache, const limits::Pressure& pressure);
  void say_gates(const limits::AdmissionState& state);

  ControlParts parts_;
  Identity identity_;
  limits::Limits environment_;
  std::function<void(const limits::Limits&)> on_limits_;
  fleet::Snapshot snapshot_;  // what does not change, what was published last, and the control version
  std::map<std::string, std::int64_t> waiting_;  // tasks that wait for each model
  std::map<std::string, bool> closed_gates_;     // as they were said last
  fleet::Tally counted_;                         // what the history has of this worker
  bool know_version_ = false;                    // requests made before this worker started are not for it
  // Running messages that were aborted, and until when they may go on.
  std::map<std::string, SteadyTime> stop_at_;
  redis::Trouble trouble_;
  std::string passed_over_;  // what is wrong with the limits in Redis, as it was said
  // Shared with the client's callbacks, which may still come when this object is gone.
  struct Bell {
    Mutex mutex;
    std::condition_variable_any rung;
    bool ring GUARDED_BY(mutex) = false;
    std::optional<limits::Limits> environment GUARDED_BY(mutex);  // that obey() has not taken
    void notify();
  };
  const std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
  std::atomic<bool> draining_{false};
};

}  // namespace medsynth::worker
