#include "medsynth/worker/host.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/dramatiq/rate_limits.h"
#include "medsynth/pipeline/outcome.h"
#include "medsynth/telemetry/label.h"

namespace medsynth::worker {
namespace {

constexpr std::size_t kRunTimes = 64;  // of the last tasks: what is said about waiting rests on them
constexpr double kModelLoaded = 10;    // progress once the model is there, as in the source document

}  // namespace

// What the actor sees of its attempt, with its model.
class ActorHost::JobContext final : public Context {
 public:
  JobContext(const ActorHost& host, pipeline::Run& run, const Prepared& prepared,
             const std::optional<models::Resolved>& model)
      : host_(host),
        run_(run),
        prepared_(prepared),
        model_(model),
        until_{run.stop_token(), run.deadline()} {}

  // Loads the wanted model, or finds it in the cache.
  Result<> open_model() {
    if (!model_) return success();
    run_.show("loading");
    BOOST_OUTCOME_TRY(auto handle, host_.models_.open(*model_, until_, [this](double part) {
      progress(kModelLoaded * part, "loading model");
    }));
    if (const auto keep = prepared_.model->keep_alive) handle.keep_alive(keep_alive_time(*keep));
    handle_ = std::move(handle);
    host_.deaths_.loaded(*model_);
    run_.show("running");
    return success();
  }

  std::string_view task_id() const override { return run_.task_id(); }
  const inference::Until& until() const override { return until_; }
  double elapsed() const override { return run_.elapsed(); }
  void progress(double percent, std::string_view stage) override { run_.progress(percent, stage); }

  actors::WorkingModel working_model() override {
    return host_.models_.working(model_, handle_ ? &handle_.as<inference::Model>() : nullptr);
  }

  Result<dramatiq::Permit> acquire(const dramatiq::RateLimit& limit) override {
    BOOST_OUTCOME_TRY(auto taken, host_.client_.run(dramatiq::acquire(limit, host_.clock_.now())));
    if (!taken) return pipeline::rate_limit_exceeded(limit.key);
    // A place that cannot be given back is free after the limit's own time.
    return dramatiq::Permit([&client = host_.client_, limit] {
      if (limit.kind == dramatiq::RateLimit::Kind::concurrent) (void)client.run(dramatiq::release(limit));
    });
  }

 private:
  const ActorHost& host_;
  pipeline::Run& run_;
  const Prepared& prepared_;
  const std::optional<models::Resolved>& model_;
  const inference::Until until_;
  models::Handle handle_;
};

ActorHost::ActorHost(std::vector<Actor> actors, redis::Client& client, const ModelSource& models,
                     ModelDeaths& deaths, telemetry::Metrics& metrics, const Clock& clock)
    : client_(client), models_(models), deaths_(deaths), metrics_(metrics), clock_(clock) {
  for (Actor& actor : actors) entries_[std::string(actor.about.name)].actor = std::move(actor);
}

std::vector<std::string_view> ActorHost::names() const {
  std::vector<std::string_view> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

std::optional<std::chrono::microseconds> ActorHost::expected_work(const dramatiq::Message& message) const {
  const auto found = entries_.find(message.actor_name);
  if (found == entries_.end() || !found->second.actor.light) return std::nullopt;
  return std::chrono::ceil<std::chrono::microseconds>(std::chrono::nanoseconds(found->second.nanoseconds));
}

// What is published again and again carries no caller's text of any length.
pipeline::Job ActorHost::prepare(const dramatiq::Message& message) {
  static const dramatiq::ActorOptions kUnknown;
  const auto found = entries_.find(message.actor_name);
  if (found == entries_.end())
    return {.options = &kUnknown,
            .actor = telemetry::Label::kUnknown,
            .refusal = Error{Code::not_found,
                             fmt::format("no actor is called '{}' here{}", message.actor_name,
                                         described::did_you_mean(message.actor_name, names())),
                             ""},
            .skipped = true};
  const Actor& actor = found->second.actor;
  pipeline::Job job{.options = &actor.options, .actor = actor.about.name, .tracked = actor.tracked};
  if (const auto can_run = fill(job, actor, message); !can_run) job.refusal = can_run.error();
  return job;
}

// Reads the arguments and chooses the model. An actor may throw while it reads.
Result<> ActorHost::fill(pipeline::Job& job, const Actor& actor, const dramatiq::Message& message) try {
  auto prepared = actor.prepare(message.args, message.kwargs);
  if (!prepared) {
    Error error = prepared.error();
    error.message = "wrong arguments: " + error.message;
    return error;
  }
  std::optional<models::Resolved> model;
  if (prepared->model) {
    BOOST_OUTCOME_TRY(model, models_.resolve(*prepared->model));
  }
  if (!actor.light) {
    job.needs = models_.needs(message.actor_name, model);
    job.needs->brief = !model && actor.brief_without_model;
  }
  if (model)
    job.killed = [this, model = *model](std::int64_t deaths, std::string_view task_id) {
      deaths_.block(model, deaths, std::string(task_id));
    };
  job.run = [this, prepared = std::move(*prepared),
             model = std::move(model)](pipeline::Run& run) -> Result<std::string> {
    JobContext context(*this, run, prepared, model);
    BOOST_OUTCOME_TRY(context.open_model());
    auto result = prepared.run(context);
    if (result && model) deaths_.worked(*model);
    return result;
  };
  return success();
} catch (const std::exception& error) {
  return Error{Code::internal, error.what(), ""};
}

void ActorHost::started(const dramatiq::Message& message) {
  metrics_.message_started(message.queue_name, message.actor_name);
  // A retry waited for its turn by our own choice.
  if (message.integer_option("retries").value_or(0) > 0) return;
  const std::int64_t waited = millis(clock_.now()) - message.message_timestamp;
  metrics_.message_waited(message.queue_name, message.actor_name,
                          static_cast<double>(std::max<std::int64_t>(0, waited)) / 1000);
}

void ActorHost::ran(const dramatiq::Message& message, const pipeline::Job& job, const pipeline::Run& run,
                    const Result<std::string>& result) {
  Entry& entry = entries_.find(message.actor_name)->second;
  const double seconds = run.elapsed();
  metrics_.message_ended(message.queue_name, message.actor_name, !result, seconds * 1000);
  if (!job.needs) {
    // Half of what it was and half of what it is: one slow message does not change much, ten do.
    entry.nanoseconds = (entry.nanoseconds + static_cast<std::int64_t>(seconds * 1e9)) / 2;
    return;
  }
  {
    const std::lock_guard lock(run_times_mutex_);
    if (run_times_.size() >= kRunTimes) run_times_.pop_front();
    run_times_.push_back({message.actor_name, job.needs->model, seconds});
  }
  const std::string model = job.needs->model.empty() ? "none" : job.needs->model;
  metrics_.inference(model, entry.actor.about.operation, result.has_value(), seconds);
  telemetry::log_ml_event({.model = model,
                           .operation = entry.actor.about.operation,
                           .succeeded = result.has_value(),
                           .duration = seconds,
                           .error = result ? "" : std::string_view(result.error().message),
                           .metadata = {{"task_id", run.task_id()}, {"attempt", run.attempt()}}});
}

std::vector<fleet::RunTime> ActorHost::run_times() const {
  const std::lock_guard lock(run_times_mutex_);
  return {run_times_.begin(), run_times_.end()};
}

void ActorHost::ended(std::string_view queue, std::string_view actor, pipeline::End end, bool called) {
  const std::string of_queue(queue), of_actor(actor);
  if (end == pipeline::End::retrying) metrics_.message_retried(of_queue, of_actor);
  if (end == pipeline::End::failed) metrics_.message_rejected(of_queue, of_actor);
  if (end == pipeline::End::cancelled && !called) metrics_.message_skipped(of_queue, of_actor);
}

}  // namespace medsynth::worker
