// An actor: its name and options, how its arguments are read, and the function that does the work. One
// registration:
//
//   make_actor<jobs::DetectContradiction>(jobs::kDetect, {"claim1", "claim2", "task_id"},
//       [](const auto& arguments) { return wanted model or nullopt; },
//       [](Context& context, const auto& arguments) -> Result<jobs::ContradictionResult> { ... });
//
// The function runs on a worker thread with admission, slot and model lock already held; it returns a
// described result or an error, watches context.until(), and reports progress. The result's `duration` is
// filled in for it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/calibrate.h"
#include "medsynth/inference/engine.h"
#include "medsynth/jobs/jobs.h"
#include "medsynth/models/catalogue.h"

namespace medsynth::worker {

// The model an actor asks for; `required` false: it can do without when none is installed.
struct WantedModel {
  std::string name;  // "" is the default of its kind
  std::string kind;  // language | sentence
  bool required = true;
  std::optional<double> keep_alive = std::nullopt;  // of the request, in seconds; see jobs
};

// What a running actor sees.
class Context {
 public:
  virtual ~Context() = default;
  virtual const inference::Until& until() const = 0;
  virtual double elapsed() const = 0;  // seconds since the attempt started
  // 0-100; `stage` is shown to people ("loading model", "comparing").
  virtual void progress(double percent, std::string_view stage) = 0;
  // The wanted model, loaded; nullptr when none is installed and it was not required.
  virtual inference::Model* model() = 0;
  virtual std::optional<jobs::ModelUsed> model_used() const = 0;
  // The operator's weights that go with that model, or with none; nothing: the built-in ones.
  virtual Result<std::optional<contradiction::Calibration>> calibration() = 0;
};

// A message whose arguments are checked: what it wants, and the work.
struct Prepared {
  std::optional<WantedModel> model;
  std::function<Result<std::string>(Context&)> run;  // gives the result as JSON text
};

struct Actor {
  jobs::Actor about;
  std::function<Result<Prepared>(std::string_view args, std::string_view kwargs)> prepare;
};

// Positional arguments (a JSON array) as members of `kwargs`, by the names of the Python signature.
Result<json::value> bind_arguments(std::string_view args, std::string_view kwargs,
                                   const std::vector<std::string_view>& names);

template <class Arguments, class Wants, class Run>
Actor make_actor(const jobs::Actor& about, std::vector<std::string_view> positional, Wants wants, Run run) {
  return {about,
          [positional = std::move(positional), wants, run](std::string_view args,
                                                           std::string_view kwargs) -> Result<Prepared> {
            BOOST_OUTCOME_TRY(auto value, bind_arguments(args, kwargs, positional));
            BOOST_OUTCOME_TRY(auto arguments, described::from_value<Arguments>(value));
            BOOST_OUTCOME_TRY(jobs::check(arguments));
            auto shared = std::make_shared<const Arguments>(std::move(arguments));
            return Prepared{wants(*shared), [shared, run](Context& context) -> Result<std::string> {
                              BOOST_OUTCOME_TRY(auto result, run(context, *shared));
                              result.duration = context.elapsed();
                              return described::write(result);
                            }};
          }};
}

// The three of the source document, by name.
const std::vector<Actor>& actors();
const Actor* find_actor(std::string_view name);

}  // namespace medsynth::worker
