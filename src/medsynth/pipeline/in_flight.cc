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

void InFlightTask::enter(tasks::Phase phase) {
  constexpr std::size_t kMax = 16;  // one that changes its reason for hours says no more with more
  if (!phases_.empty()) phases_.back().to = phase.from;
  // What took no time was none: it runs and finds that its model is to be loaded first.
  if (!phases_.empty() && phases_.back().name == "run" && phases_.back().from == phase.from)
    phases_.pop_back();
  if (phases_.size() == kMax) phases_.erase(phases_.begin() + kMax / 2);
  phases_.push_back(std::move(phase));
}

void InFlightTask::waits(const limits::Wait& wait, WallTime now) {
  const std::lock_guard lock(mutex_);
  if (!waits_for_ || waits_for_->reason != wait.reason) {
    since_ = now;
    enter({.name = "waiting", .detail = wait.reason == "slots" ? "slot" : wait.reason, .from = now});
  }
  waits_for_ = wait;
}

void InFlightTask::runs(WallTime now) {
  const std::lock_guard lock(mutex_);
  waits_for_.reset();
  state_ = "running";
  since_ = now;
  began_ = now;
  enter({.name = "run", .detail = "", .from = now});
}

void InFlightTask::show(std::string state, WallTime now) {
  const std::lock_guard lock(mutex_);
  state_ = std::move(state);
  since_ = now;
  const bool loads = state_ == "loading";
  enter({.name = loads ? "load" : "run", .detail = loads ? model_ : "", .from = now});
}

std::vector<tasks::Phase> InFlightTask::phases(std::optional<WallTime> end) const {
  const std::lock_guard lock(mutex_);
  std::vector<tasks::Phase> phases = phases_;
  if (!phases.empty()) phases.back().to = end;
  return phases;
}

void InFlightTask::resume(const InFlightTask& earlier) {
  const std::scoped_lock lock(mutex_, earlier.mutex_);
  waits_for_ = earlier.waits_for_;
  since_ = earlier.since_;
  phases_ = earlier.phases_;
}

fleet::TaskReport InFlightTask::report() const {
  const std::lock_guard lock(mutex_);
  fleet::TaskReport report{.task_id = task_id,
                           .actor = actor,
                           .state = state_,
                           .reason = "",
                           .since = rfc3339(since_),
                           .model = model_,
                           .detail = "",
                           .began = began_ ? rfc3339(*began_) : ""};
  if (!waits_for_) return report;
  report.reason = waits_for_->reason;
  report.detail = waits_for_->detail;
  report.place = waits_for_->place;
  report.have = waits_for_->have;
  report.need = waits_for_->need;
  return report;
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
  if (!given_back_.empty()) {
    if (const auto earlier = given_back_.extract(task->message_id)) task->resume(*earlier.mapped().task);
  }
  tasks_.push_back(std::move(task));
}

void InFlight::remove(const std::shared_ptr<InFlightTask>& task) {
  const std::lock_guard lock(mutex_);
  tasks_.remove(task);
}

void InFlight::give_back(const std::shared_ptr<InFlightTask>& task, WallTime now) {
  const std::lock_guard lock(mutex_);
  tasks_.remove(task);
  given_back_.insert_or_assign(task->message_id, GivenBack{task, now});
}

std::vector<std::shared_ptr<InFlightTask>> InFlight::all() const {
  const std::lock_guard lock(mutex_);
  return {tasks_.begin(), tasks_.end()};
}

std::vector<fleet::TaskReport> InFlight::reports(WallTime now) {
  std::vector<fleet::TaskReport> reports;
  const std::lock_guard lock(mutex_);
  std::erase_if(given_back_, [&](const auto& each) { return now - each.second.at > fleet::kReportTtl; });
  for (const auto& task : tasks_) reports.push_back(task->report());
  for (const auto& [message, earlier] : given_back_) reports.push_back(earlier.task->report());
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
