#include "medsynth/worker/in_hand.h"

namespace medsynth::worker {

InHandTask::InHandTask(std::string task, std::string message, std::string actor_name, WallTime since,
                       bool abortable_, bool waits)
    : task_id(std::move(task)),
      message_id(std::move(message)),
      actor(std::move(actor_name)),
      abortable(abortable_),
      wait_(waits ? std::stop_source() : std::stop_source(std::nostopstate)),
      since_(since) {}

void InHandTask::stop(StopCause cause) {
  StopCause none = StopCause::none;
  cause_.compare_exchange_strong(none, cause);
  stop_.request_stop();
  wait_.request_stop();
}

void InHandTask::show(std::string state, std::string reason, WallTime since) {
  const std::lock_guard lock(mutex_);
  state_ = std::move(state);
  reason_ = std::move(reason);
  since_ = since;
}

fleet::TaskReport InHandTask::report() const {
  const std::lock_guard lock(mutex_);
  return {task_id, actor, state_, reason_, rfc3339(since_)};
}

void InHandTask::wants(std::string model) {
  const std::lock_guard lock(mutex_);
  model_ = std::move(model);
}

std::string InHandTask::waits_for_model() const {
  const std::lock_guard lock(mutex_);
  return state_ == "running" ? "" : model_;
}

std::shared_ptr<InHandTask> InHand::add(std::string task_id, std::string message_id, std::string actor,
                                        WallTime now, bool abortable, bool waits) {
  auto task = std::make_shared<InHandTask>(std::move(task_id), std::move(message_id), std::move(actor), now,
                                           abortable, waits);
  const std::lock_guard lock(mutex_);
  tasks_.push_back(task);
  return task;
}

void InHand::remove(const std::shared_ptr<InHandTask>& task) {
  const std::lock_guard lock(mutex_);
  tasks_.remove(task);
}

std::vector<std::shared_ptr<InHandTask>> InHand::all() const {
  const std::lock_guard lock(mutex_);
  return {tasks_.begin(), tasks_.end()};
}

std::vector<fleet::TaskReport> InHand::reports() const {
  std::vector<fleet::TaskReport> reports;
  for (const auto& task : all()) reports.push_back(task->report());
  return reports;
}

std::map<std::string, std::int64_t> InHand::waiting_for_models() const {
  std::map<std::string, std::int64_t> tasks;
  for (const auto& task : all())
    if (const std::string model = task->waits_for_model(); !model.empty()) ++tasks[model];
  return tasks;
}

void InHand::stop_all(StopCause cause) {
  for (const auto& task : all()) task->stop(cause);
}

void InHand::recall_all() {
  for (const auto& task : all()) task->recall();
}

std::size_t InHand::size() const {
  const std::lock_guard lock(mutex_);
  return tasks_.size();
}

}  // namespace medsynth::worker
