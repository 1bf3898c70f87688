// medsynth contradict A B: submits, shows the way of the task, prints the verdict.
#include <memory>
#include <string>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/task_wait.h"
#include "medsynth/cli/verdict.h"

namespace medsynth::cli {
namespace {

struct Options {
  std::string claim1, claim2, task_id, model, entailment_model;
  bool fast = false;
  bool no_wait = false;
  double timeout = 600;  // seconds
};

int contradict(const Session& session, const Options& options) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  json::object body{
      {"claim1", options.claim1}, {"claim2", options.claim2}, {"use_all_methods", !options.fast}};
  if (!options.model.empty()) body["language_model"] = options.model;
  if (!options.entailment_model.empty()) body["entailment_model"] = options.entailment_model;
  if (!options.task_id.empty()) {
    if (const auto checked = check_name("--task-id", options.task_id); !checked) return fail(checked.error());
    body["task_id"] = options.task_id;
  }
  return run_task(session, *client, "/v1/async-ml/contradiction/detect", body, options.no_wait,
                  options.timeout, [&](const json::object& result) {
                    if (session.format == Format::table) print(verdict_text(result));
                    return 0;
                  });
}

}  // namespace

void add_contradict_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(app, chosen, "contradict", "Do two claims contradict each other?",
                                  [=](const Session& session) { return contradict(session, *options); });
  command->add_option("CLAIM1", options->claim1, "First claim")->required();
  command->add_option("CLAIM2", options->claim2, "Second claim")->required();
  command->add_option("--task-id", options->task_id, "Id of the task (made when absent)");
  auto* model = command->add_option("--model", options->model,
                                    "Language model that is asked, of 'medsynth models list' (the default)");
  auto* entailment = command
                         ->add_option("--entailment-model", options->entailment_model,
                                      "Entailment model that is asked in its place")
                         ->excludes(model);
  command->add_flag("--fast", options->fast, "Without a model")->excludes(model)->excludes(entailment);
  command->add_flag("--no-wait", options->no_wait, "Print the task's id and leave");
  command->add_option("--timeout", options->timeout, "Seconds to wait (600)")->check(CLI::PositiveNumber);
}

}  // namespace medsynth::cli
