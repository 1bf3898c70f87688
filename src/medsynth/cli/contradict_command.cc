// medsynth contradict A B: submits, shows the way of the task, prints the verdict.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "medsynth/base/clock.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/verdict.h"

namespace medsynth::cli {
namespace {

using namespace std::chrono_literals;

struct Options {
  std::string claim1, claim2, task_id;
  bool fast = false;
  bool no_wait = false;
  double timeout = 600;  // seconds
};

// What the machine says about a task that has not started: which resource it waits for.
std::string waiting_for(const HttpClient& client, const std::string& task_id) {
  const auto usage = client.call("GET", "/v1/resources/usage");
  if (!usage) return "queued";
  return waiting_reason(usage->as_object(), task_id);
}

bool has_ended(const std::string& status) {
  return status == "completed" || status == "failed" || status == "cancelled";
}

// Polls until the task has ended; the server keeps it, so nothing is lost when this ends earlier.
Result<json::object> wait_for(const HttpClient& client, const std::string& task_id, double timeout) {
  ProgressLine line;
  const SteadyTime start = system_clock().steady();
  const SteadyTime deadline = start + std::chrono::milliseconds(static_cast<std::int64_t>(timeout * 1000));
  for (auto pause = 20ms;; pause = std::min<std::chrono::milliseconds>(pause * 2, 250ms)) {
    BOOST_OUTCOME_TRY(auto answer, client.call("GET", "/v1/async-ml/task/" + percent_encode(task_id)));
    json::object task = answer.at("data").as_object();
    const std::string status = cell(task, "status");
    if (has_ended(status)) return task;
    const json::value* progress = task.if_contains("progress");
    if (status == "pending")
      line.show(waiting_for(client, task_id));
    else
      line.show(task.contains("stage") ? cell(task, "stage") : status,
                progress ? progress->to_number<double>() : 0.0);
    if (system_clock().steady() + pause > deadline)
      return Error{Code::timeout,
                   fmt::format("task {} has not ended after {}; look later with 'medsynth tasks show {}'",
                               task_id, seconds(timeout), task_id),
                   "task_timeout"};
    std::this_thread::sleep_for(pause);
  }
}

int contradict(const Session& session, const Options& options) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  json::object body{
      {"claim1", options.claim1}, {"claim2", options.claim2}, {"use_all_methods", !options.fast}};
  if (!options.task_id.empty()) body["task_id"] = options.task_id;
  const auto accepted = client->call("POST", "/v1/async-ml/contradiction/detect", json::write(body));
  if (!accepted) return fail(accepted.error());
  const json::object& data = accepted->at("data").as_object();
  const std::string task_id = cell(data, "task_id");
  if (options.no_wait) {
    if (session.format == Format::json)
      print_json(data);
    else
      print(task_id);
    return 0;
  }
  const auto task = wait_for(*client, task_id, options.timeout);
  if (!task) return fail(task.error());
  if (session.format == Format::json) print_json(*task);
  const std::string status = cell(*task, "status");
  if (status != "completed")
    return fail({Code::internal, fmt::format("task {} {}: {}", task_id, status, cell(*task, "error")),
                 "task_" + status});
  if (session.format == Format::table) print(verdict_text(task->at("result").as_object()));
  return 0;
}

}  // namespace

void add_contradict_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(app, chosen, "contradict", "Do two claims contradict each other?",
                                  [=](const Session& session) { return contradict(session, *options); });
  command->add_option("CLAIM1", options->claim1, "First claim")->required();
  command->add_option("CLAIM2", options->claim2, "Second claim")->required();
  command->add_option("--task-id", options->task_id, "Id of the task (made when absent)");
  command->add_flag("--fast", options->fast, "Without a language model");
  command->add_flag("--no-wait", options->no_wait, "Print the task's id and leave");
  command->add_option("--timeout", options->timeout, "Seconds to wait (600)")->check(CLI::PositiveNumber);
}

}  // namespace medsynth::cli
