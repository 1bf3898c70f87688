// The messages that this worker has in hand: who they are, what they wait for, and how to stop them. Thread
// safe.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/worker/outcome.h"

namespace medsynth::worker {

// One message in hand. The thread that runs it owns it; others only ask it to stop and read what it shows.
class InHandTask {
 public:
  // `waits`: it may wait for admission.
  InHandTask(std::string task_id, std::string message_id, std::string actor, WallTime since, bool abortable,
             bool waits);

  const std::string task_id, message_id, actor;
  const bool abortable;  // by dramatiq-abort

  std::stop_token stop_token() const { return stop_.get_token(); }
  StopCause stop_cause() const { return cause_.load(); }
  void stop(StopCause cause);  // the first cause stays
  // Ends its wait for admission, and nothing else: stop() and recall() do.
  std::stop_token wait_token() const { return wait_.get_token(); }
  void recall() { wait_.request_stop(); }

  void show(std::string state, std::string reason, WallTime since);
  fleet::TaskReport report() const;
  void wants(std::string model);
  std::string waits_for_model() const;  // "": it runs, or wants none

 private:
  std::stop_source stop_, wait_;  // the second without a state where it does not wait
  std::atomic<StopCause> cause_{StopCause::none};
  mutable std::mutex mutex_;
  std::string state_ = "waiting", reason_, model_;
  WallTime since_;
};

class InHand {
 public:
  std::shared_ptr<InHandTask> add(std::string task_id, std::string message_id, std::string actor,
                                  WallTime now, bool abortable, bool waits = true);
  void remove(const std::shared_ptr<InHandTask>& task);

  std::vector<std::shared_ptr<InHandTask>> all() const;
  std::vector<fleet::TaskReport> reports() const;
  std::map<std::string, std::int64_t> waiting_for_models() const;  // tasks, by model
  void stop_all(StopCause cause);
  void recall_all();  // those that wait for admission stop waiting, so that all go back to the queue together
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::list<std::shared_ptr<InHandTask>> tasks_;
};

}  // namespace medsynth::worker
