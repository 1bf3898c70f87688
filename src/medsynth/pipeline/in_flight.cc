#include "medsynth/pipeline/in_flight.h"

namespace medsynth::pipeline {

InFlightTask::InFlightTask(std::string task, std::string message, std::string actor_name, WallTime since,
                           bool abortable_, bool waits)
    : task_id(std::move(task)),
      message_id(std::move(message)),
      actor(std::move(actor_name)),
      abortable(abortable_),
      wait_(waits ? std::stop_source() : std::stop_source(std::nostopstate)),
      since_(since) {}

void InFlightTask::stop(StopCause cause) {
  StopCause none = StopCause::none;
  cause_.compare_exchange_strong(none, cause);
  stop_.request_stop();
  wait_.request_stop();
}

void InFlightTask::show(std::string state, std::string reason, WallTime since) {
  const std::lock_guard lock(mutex_);
  state_ = std::move(state);
  reason_ = std::move(reason);
  since_ = since;
}

fleet::TaskReport InFlightTask::report() const {
  const std::lock_guard lock(mutex_);
  return {task_id, actor, state_, reason_, rfc3339(since_)};
}

void InFlightTask::wants(std::string model) {
  const std::lock_guard lock(mutex_);
  model_ = std::move(model);
}

std::string InFlightTask::waits_for_model() const {
  const std::lock_guard lock(mutex_);
  return state_ == "running" ? "" : model_;
}

void InFlight::add(std::shared_ptr<InFlightTask> task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
}

void InFlight::remove(const std::shared_ptr<InFlightTask>& task) {
  const std::lock_guard lock(mutex_);
  tasks_.remove(task);
}

std::vector<std::shared_ptr<InFlightTask>> InFlight::all() const {
  const std::lock_guard lock(mutex_);
  return {tasks_.begin(), tasks_.end()};
}

std::vector<fleet::TaskReport> InFlight::reports() const {
  std::vector<fleet::TaskReport> reports;
  for (const auto& task : all()) reports.push_back(task->report());
  return reports;
}

std::map<std::string, std::int64_t> InFlight::waiting_for_models() const {
  std::map<std::string, std::int64_t> tasks;
  for (const auto& task : all())
    if (const std::string model = task->waits_for_model(); !model.empty()) ++tasks[model];
  return tasks;
}

void InFlight::stop_all(StopCause cause) {
  for (const auto& task : all()) task->stop(cause);
}

void InFlight::recall_all() {
  for (const auto& task : all()) task->recall();
}

std::size_t InFlight::size() const {
  const std::lock_guard lock(mutex_);
  return tasks_.size();
}

}  // namespace medsynth::pipeline
