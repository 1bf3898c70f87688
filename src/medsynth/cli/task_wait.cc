#include "medsynth/cli/task_wait.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "medsynth/api/payloads.h"
#include "medsynth/base/clock.h"
#include "medsynth/cli/verdict.h"

namespace medsynth::cli {
namespace {

using namespace std::chrono_literals;

// What the machine says about a task that has not started: which resource it waits for.
std::string waiting_for(const HttpClient& client, const std::string& task_id) {
  const auto usage = client.call<api::UsageAnswer>("GET", "/v1/resources/usage");
  if (!usage) return "queued";
  return waiting_reason(usage->as_object(), task_id);
}

std::string way_back(const std::string& task_id) {
  return fmt::format("The task goes on: medsynth tasks show {0} (or: medsynth tasks cancel {0})", task_id);
}

// Off a terminal there is no line of progress: a task that waits says why after a second, and each minute.
class WaitNotes {
 public:
  void look(const std::string& reason, SteadyTime::duration waited) {
    if (isatty(STDERR_FILENO) || waited < next_) return;
    next_ = waited + std::chrono::minutes(1);
    fmt::print(stderr, "{} (medsynth usage says what is in use, medsynth limits set changes what may be)\n",
               printable(reason));
  }

 private:
  SteadyTime::duration next_ = std::chrono::seconds(1);
};

bool has_ended(const std::string& status) {
  return status == "completed" || status == "failed" || status == "cancelled";
}

// Polls until the task has ended; the server keeps it, so nothing is lost when this ends earlier.
Result<json::object> wait_for(const HttpClient& client, const std::string& task_id, double timeout) {
  ProgressLine line;
  WaitNotes notes;
  const SteadyTime start = system_clock().steady();
  const SteadyTime deadline = start + std::chrono::milliseconds(static_cast<std::int64_t>(timeout * 1000));
  for (auto pause = 20ms;; pause = std::min<std::chrono::milliseconds>(pause * 2, 250ms)) {
    BOOST_OUTCOME_TRY(auto answer,
                      client.call<api::TaskAnswer>("GET", "/v1/async-ml/task/" + percent_encode(task_id)));
    json::object task = answer.at("data").as_object();
    const std::string status = cell(task, "status");
    if (has_ended(status)) return task;
    if (status == "pending") {
      const std::string reason = waiting_for(client, task_id);
      line.show(reason);
      notes.look(reason, system_clock().steady() - start);
    } else {
      line.show(task.contains("stage") ? cell(task, "stage") : status, number(task, "progress"));
    }
    if (system_clock().steady() + pause > deadline)
      return Error{Code::timeout, fmt::format("task {} has not ended after {}", task_id, seconds(timeout)),
                   "task_timeout"};
    std::this_thread::sleep_for(pause);
  }
}

// The result of a task that completed; the task itself is printed as JSON where that is asked for.
Result<json::object> result_of_task(const Session& session, const HttpClient& client,
                                    const std::string& task_id, double timeout_seconds) {
  auto task = [&] {
    const InterruptNotice notice(way_back(task_id));
    return wait_for(client, task_id, timeout_seconds);
  }();
  if (!task) {
    const bool lives = task.error().code == Code::timeout || task.error().code == Code::unavailable;
    if (lives) task.error().message += ". " + way_back(task_id);
    return task.error();
  }
  if (session.format == Format::json) print_json(*task);
  const std::string status = cell(*task, "status");
  if (status != "completed")
    return Error{Code::internal, fmt::format("task {} {}: {}", task_id, status, cell(*task, "error")),
                 "task_" + status};
  json::value* result = task->if_contains("result");
  if (!result || !result->is_object())
    return Error{Code::unavailable, fmt::format("task {} is completed, but its result is no object", task_id),
                 "unexpected_answer"};
  return std::move(result->get_object());
}

}  // namespace

int run_task(const Session& session, const HttpClient& client, const std::string& target,
             const json::object& body, bool no_wait, double timeout_seconds,
             const std::function<int(const json::object&)>& show) {
  const auto accepted = client.call<api::SubmitAnswer>("POST", target, json::write(body));
  if (!accepted) return fail(accepted.error());
  const json::object& data = accepted->at("data").as_object();
  const std::string task_id = cell(data, "task_id");
  if (no_wait) {
    if (session.format == Format::json)
      print_json(data);
    else
      print(task_id);
    return 0;
  }
  const auto result = result_of_task(session, client, task_id, timeout_seconds);
  return result ? show(*result) : fail(result.error());
}

}  // namespace medsynth::cli
