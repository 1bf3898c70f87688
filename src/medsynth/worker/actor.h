// An actor is one registration: its name and options, how its arguments are read, and the function that does
// the work.
//
//   struct CountWords { std::string text; };                       // described: checked before the function
//   runs BOOST_DESCRIBE_STRUCT(CountWords, (), (text))
//
//   Actor actor = make_actor<CountWords>({.name = "count_words", .max_retries = 3, .time_limit_ms = 60'000},
//       [](Context& context, const CountWords& arguments) -> Result<WordCount> { ... });
//
// An actor that works with a model says which, per call, and in which order Python passes positional
// arguments (actors.cc). The function runs on a worker thread, several at a time, with admission, slot and
// model lock already held. It returns a described result or an error (invalid_argument is never retried),
// watches context.until(), and reports progress. Arguments may have a check() beside them for what a
// description cannot say; a result's member `duration` is filled in. More: docs/actors.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/actors/actors.h"
#include "medsynth/base/described.h"
#include "medsynth/dramatiq/middleware.h"
#include "medsynth/dramatiq/rate_limits.h"
#include "medsynth/inference/engine.h"
#include "medsynth/jobs/jobs.h"
#include "medsynth/models/catalogue.h"

namespace medsynth::worker {

// The model an actor asks for; `required` false: it can do without when none is installed.
struct WantedModel {
  std::string name;  // "" is the default of its kind
  std::string kind;  // language | sentence | entailment
  bool required = true;
  std::optional<double> keep_alive = std::nullopt;  // of the request, in seconds; see jobs
  std::string otherwise = "";  // kind of the model that is asked where there is none, and it is not required
};

// What a running actor sees. Not thread safe: it belongs to the thread that runs the actor.
class Context {
 public:
  virtual ~Context() = default;
  virtual std::string_view task_id() const { return ""; }
  // When to give up: its stop token (cancelled, shutdown) and its deadline (the time limit).
  virtual const inference::Until& until() const = 0;
  // Whether it is time to give up: `cancelled` or `timeout`, to be returned as it is.
  Result<> go_on() const;
  // A line at info, with the task's id. Never the texts that a task is about.
  void log(std::string_view event, const json::object& details = {}) const;
  virtual double elapsed() const = 0;  // seconds since the attempt started
  // 0-100; `stage` is shown to people ("loading model", "comparing").
  virtual void progress(double percent, std::string_view stage) = 0;
  // The wanted model, loaded; without one where none is installed and it was not required.
  virtual actors::WorkingModel working_model() = 0;
  inference::Model* model() { return working_model().model; }
  std::optional<jobs::ModelUsed> model_used() { return working_model().used(); }
  // A place under a limit that actors of Python may share, held until the Permit goes. `exhausted` when there
  // is none: returned as it is, the task is tried again later, as Dramatiq's RateLimitExceeded is.
  virtual Result<dramatiq::Permit> acquire(const dramatiq::RateLimit& limit) = 0;
};

// A message whose arguments are checked: what it wants, and the work.
struct Prepared {
  std::optional<WantedModel> model;
  std::function<Result<std::string>(Context&)> run;  // gives the result as JSON text
};

struct Actor {
  jobs::Actor about;
  std::function<Result<Prepared>(std::string_view args, std::string_view kwargs)> prepare;
  dramatiq::ActorOptions options = {};
  // Needs no model and no admission: fetched ahead, run without a slot, those that end at once many together.
  bool light = false;
  bool tracked = true;  // its tasks have records
  // Ends within milliseconds where it runs without a model: it waits for a slot then, but not for CPU or
  // memory.
  bool brief_without_model = false;
};

// Positional arguments (a JSON array) as members of `kwargs`, by the names of the Python signature.
Result<json::value> bind_arguments(std::string_view args, std::string_view kwargs,
                                   const std::vector<std::string_view>& names);

template <class Arguments, class Wants, class Run>
Actor make_actor(const jobs::Actor& about, std::vector<std::string_view> positional, Wants wants, Run run) {
  Actor actor{about,
              [positional = std::move(positional), wants, run](std::string_view args,
                                                               std::string_view kwargs) -> Result<Prepared> {
                BOOST_OUTCOME_TRY(auto value, bind_arguments(args, kwargs, positional));
                BOOST_OUTCOME_TRY(auto arguments, described::from_value<Arguments>(value));
                if constexpr (requires { check(arguments); }) {
                  BOOST_OUTCOME_TRY(check(arguments));
                }
                auto shared = std::make_shared<const Arguments>(std::move(arguments));
                return Prepared{wants(*shared), [shared, run](Context& context) -> Result<std::string> {
                                  BOOST_OUTCOME_TRY(auto result, run(context, *shared));
                                  if constexpr (requires { result.duration = 0.0; })
                                    result.duration = context.elapsed();
                                  return described::write(result);
                                }};
              }};
  actor.options.retries.max_retries = about.max_retries;
  actor.options.time_limit = std::chrono::milliseconds(about.time_limit_ms);
  return actor;
}

// One without a model, whose positional arguments are the members in their order.
template <described::Struct Arguments, class Run>
Actor make_actor(const jobs::Actor& about, Run run) {
  return make_actor<Arguments>(
      about, described::member_names<Arguments>(),
      [](const Arguments&) { return std::optional<WantedModel>(); }, std::move(run));
}

// The three of the source document.
const std::vector<Actor>& actors();

}  // namespace medsynth::worker
