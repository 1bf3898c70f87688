// One message on its way, and what its actor sees of it. Internal to runner.cc and together.cc.
#pragma once

#include <exception>

#include "medsynth/base/json.h"
#include "medsynth/worker/persist.h"
#include "medsynth/worker/runner.h"

namespace medsynth::worker {

constexpr std::chrono::milliseconds kProgressEvery{100};  // a progress write costs a round trip
constexpr double kModelLoaded = 10;  // progress once the model is there, as in the source document

double uniform();  // in [0, 1)
std::chrono::milliseconds time_limit(const dramatiq::Message& message, const Actor& actor);

// One message on its way.
struct Runner::Task {
  const dramatiq::Delivery& delivery;
  std::stop_token abandon;
  std::shared_ptr<InHandTask> hand;
  const Actor* actor = nullptr;
  Prepared prepared = {};
  std::optional<models::Resolved> model = {};
  limits::Lease lease = {};
  Alone::Place place = {};
  tasks::Attempt attempt = {};
  inference::Until until = {};
  bool ran = false;
  std::optional<WallTime> ended = {};  // when its run was over; others may have its slot from then on
};

class Runner::TaskContext final : public Context {
 public:
  TaskContext(Parts& parts, Task& task) : parts_(parts), task_(task) {}

  // Loads the wanted model, or finds it in the cache.
  Result<> open_model() {
    if (!task_.model) return success();
    task_.hand->show("loading", task_.model->model.name, parts_.clock.now());
    BOOST_OUTCOME_TRY(auto handle, parts_.models.open(*task_.model, task_.until, [this](double part) {
      progress(kModelLoaded * part, "loading model");
    }));
    if (const auto keep = task_.prepared.model->keep_alive) handle.keep_alive(keep_alive_time(*keep));
    handle_ = std::move(handle);
    return success();
  }

  std::string_view task_id() const override { return task_.hand->task_id; }
  const inference::Until& until() const override { return task_.until; }
  double elapsed() const override {
    return std::chrono::duration<double>(parts_.clock.steady() - start_).count();
  }
  inference::Model* model() override { return handle_ ? &handle_.as<inference::Model>() : nullptr; }

  std::optional<jobs::ModelUsed> model_used() const override {
    if (!handle_) return std::nullopt;
    const inference::ModelInfo& info = handle_.as<inference::Model>().info();
    return jobs::ModelUsed{info.id, info.digest, info.description, task_.model->model.demo};
  }

  Result<std::optional<contradiction::Calibration>> calibration() override {
    return parts_.models.calibration(task_.model, model());
  }

  Result<dramatiq::Permit> acquire(const dramatiq::RateLimit& limit) override {
    BOOST_OUTCOME_TRY(auto taken, parts_.client.run(dramatiq::acquire(limit, parts_.clock.now())));
    if (!taken) return rate_limit_exceeded(limit.key);
    // A place that cannot be given back is free after the limit's own time.
    return dramatiq::Permit([&client = parts_.client, limit] {
      if (limit.kind == dramatiq::RateLimit::Kind::concurrent) (void)client.run(dramatiq::release(limit));
    });
  }

  // Progress that cannot be written is not worth failing for; a stop that it brings is obeyed.
  void progress(double percent, std::string_view stage) override {
    const SteadyTime now = parts_.clock.steady();
    if (task_.attempt.number == 0 || (now < next_ && stage == stage_)) return;
    next_ = now + kProgressEvery;
    stage_ = stage;
    const auto written = parts_.client.run(parts_.store.progress(
        task_.attempt, percent, {{"stage", json::write_string(stage)}}, parts_.clock.now()));
    if (written && written->stop_requested) task_.hand->stop(StopCause::cancelled);
  }

 private:
  Parts& parts_;
  Task& task_;
  const SteadyTime start_ = parts_.clock.steady();
  models::Handle handle_;
  SteadyTime next_ = {};
  std::string stage_;
};

template <class T>
Result<T> Runner::persist(const std::stop_token& stop, std::string_view what,
                          const std::function<redis::Query<T>()>& query) {
  return worker::persist(parts_.client, stop, trouble_, what, query);
}

// What an actor, or a library under it, throws is a failed attempt, and no end of the process.
template <class Work>
auto guarded(Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& error) {
    return Error{Code::internal, error.what(), ""};
  } catch (...) {
    return Error{Code::internal, "the actor threw something that is no std::exception", ""};
  }
}

}  // namespace medsynth::worker
