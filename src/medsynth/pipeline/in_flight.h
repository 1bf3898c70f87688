// What others see of the messages that this process has taken and that have not ended: who they are, what
// they wait for, and how to stop them. Thread safe.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/limits/limits.h"
#include "medsynth/pipeline/outcome.h"
#include "medsynth/tasks/timeline.h"

namespace medsynth::pipeline {

// One of them. The thread that runs it writes; others only ask it to stop and read what it shows.
class InFlightTask {
 public:
  // `waits`: it may wait for admission.
  InFlightTask(std::string task_id, std::string message_id, std::string actor, WallTime since, bool abortable,
               bool waits);

  const std::string task_id, message_id, actor;
  const bool abortable;  // by dramatiq-abort

  std::stop_token stop_token() const { return stop_.get_token(); }
  StopCause stop_cause() const { return cause_.load(); }
  void stop(StopCause cause);  // the first cause stays
  // Ends its wait for admission, and nothing else: stop() and recall() do.
  std::stop_token wait_token() const { return wait_.get_token(); }
  void recall() { wait_.request_stop(); }

  void waits(const limits::Wait& wait, WallTime now);
  void runs(WallTime now);
  // "loading" or "running", of one that runs.
  void show(std::string state, WallTime now);
  // It was given back while it waited, and is here again: its wait goes on.
  void resume(const InFlightTask& earlier);
  // What it went through; the last phase ends then, or goes on.
  std::vector<tasks::Phase> phases(std::optional<WallTime> end) const;
  fleet::TaskReport report() const;
  void wants(std::string model);
  std::string waits_for_model() const;  // "": it runs, or wants none

 private:
  void enter(tasks::Phase phase);  // mutex_ is held

  std::stop_source stop_, wait_;  // the second without a state where it does not wait
  std::atomic<StopCause> cause_{StopCause::none};
  mutable std::mutex mutex_;
  std::string state_ = "waiting", model_;
  std::optional<limits::Wait> waits_for_;
  WallTime since_;
  std::optional<WallTime> began_;
  std::vector<tasks::Phase> phases_;  // the last one goes on
};

class InFlight {
 public:
  void add(std::shared_ptr<InFlightTask> task);
  void remove(const std::shared_ptr<InFlightTask>& task);
  // It goes back to its queue without having run. One that waits is mostly fetched again at once: it stays
  // among the reports for as long as they live, and when it comes again its wait has not begun anew.
  void give_back(const std::shared_ptr<InFlightTask>& task, WallTime now);

  std::vector<std::shared_ptr<InFlightTask>> all() const;
  std::vector<fleet::TaskReport> reports(WallTime now);
  std::map<std::string, std::int64_t> waiting_for_models() const;  // tasks, by model
  void stop_all(StopCause cause);
  void recall_all();  // those that wait for admission stop waiting, so that all go back to the queue together
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::list<std::shared_ptr<InFlightTask>> tasks_;
  struct GivenBack {
    std::shared_ptr<InFlightTask> task;
    WallTime at;
  };
  std::map<std::string, GivenBack, std::less<>> given_back_;  // by message
};

}  // namespace medsynth::pipeline
