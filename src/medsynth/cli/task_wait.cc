#include "medsynth/cli/task_wait.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "medsynth/api/payloads.h"
#include "medsynth/base/clock.h"
#include "medsynth/cli/verdict.h"

namespace medsynth::cli {
namespace {

constexpr double kFirstLook = 0.3;   // seconds: most tasks have ended then, or say what they wait for
constexpr double kOnTerminal = 1;    // whose line of progress is to move
constexpr double kOffTerminal = 20;  // below what an answer may take
constexpr double kRedisIsAway = 1, kManyWait = 0.25;  // before it is asked again

// Off a terminal there is no line of progress: a task that waits says why at once, and each minute.
class WaitNotes {
 public:
  void look(const json::object& task, SteadyTime::duration waited) {
    const bool known = !waits_for(task).empty();
    if (isatty(STDERR_FILENO) || waited < next_ || (!known && waited < std::chrono::seconds(1))) return;
    next_ = waited + std::chrono::minutes(1);
    const std::string remedy = waiting_remedy(task);
    fmt::print(stderr, "{}{}\n", printable(waiting_text(task)),
               remedy.empty() ? "" : printable(". " + remedy));
  }

 private:
  SteadyTime::duration next_ = {};
};

bool has_ended(const std::string& status) {
  return status == "completed" || status == "failed" || status == "cancelled";
}

// How far a running task is, and how long it will still take.
class Progress {
 public:
  void show(const json::object& task, SteadyTime now) {
    const double percent = number(task, "progress");
    if (!since_) since_ = now, from_ = percent;
    const double passed = std::chrono::duration<double>(now - *since_).count();
    std::string stage = task.contains("stage") ? cell(task, "stage") : cell(task, "status");
    if (const auto left = seconds_left(from_, percent, passed))
      stage += fmt::format(", about {} left", seconds(std::ceil(*left)));
    line_.show(stage, percent);
  }
  void show(const std::string& reason) { line_.show(reason); }

 private:
  ProgressLine line_;
  std::optional<SteadyTime> since_;
  double from_ = 0;
};

// A task about which the server cannot say anything now.
json::object waiting_for_redis(const Error& error) {
  return {
      {"status", "pending"},
      {"waiting",
       {{"reason", "redis"},
        {"detail", error.message},
        {"remedy", "The server comes back by itself when Redis does; medsynth doctor says what is wrong"}}}};
}

// Asks until the task has ended; the server answers when it has, and keeps it, so nothing is lost when this
// ends earlier.
Result<json::object> wait_for(const HttpClient& client, const std::string& task_id, double timeout) {
  Progress progress;
  WaitNotes notes;
  const bool terminal = isatty(STDERR_FILENO) != 0;
  const SteadyTime start = system_clock().steady();
  const auto passed = [&] { return std::chrono::duration<double>(system_clock().steady() - start).count(); };
  for (double wait = kFirstLook;; wait = terminal ? kOnTerminal : kOffTerminal) {
    const double asked = passed();
    wait = std::clamp(timeout - asked, 0.0, wait);
    auto answer = client.call<api::TaskAnswer>(
        "GET", fmt::format("/v1/async-ml/task/{}?wait={:.3f}", percent_encode(task_id), wait));
    const bool away = !answer && answer.error().reason.starts_with("redis_");
    if (!answer && !away) return answer.error();
    const json::object task = away ? waiting_for_redis(answer.error()) : answer->at("data").as_object();
    const std::string status = cell(task, "status");
    if (has_ended(status)) return task;
    if (status == "pending" || status == "retrying") {
      progress.show(waiting_text(task));
      notes.look(task, system_clock().steady() - start);
    } else {
      progress.show(task, system_clock().steady());
    }
    if (passed() >= timeout)
      return Error{Code::timeout, fmt::format("task {} has not ended after {}", task_id, seconds(timeout)),
                   "task_timeout"};
    // Redis is away, or so many wait that the server answers at once.
    const double early = std::min(asked + wait - passed(), away ? kRedisIsAway : kManyWait);
    if (early > 0) std::this_thread::sleep_for(std::chrono::duration<double>(early));
  }
}

}  // namespace

std::string way_back_to(const std::string& task_id) {
  return fmt::format("The task goes on: medsynth tasks show {0} (or: medsynth tasks cancel {0})", task_id);
}

std::optional<double> seconds_left(double from, double percent, double passed) {
  constexpr double kSeconds = 2, kPercent = 2;  // of a shorter look nothing follows
  if (passed < kSeconds || percent - from < kPercent) return std::nullopt;
  return (100 - percent) * passed / (percent - from);
}

Result<json::object> submit_task(const HttpClient& client, const std::string& target,
                                 const json::object& body) {
  BOOST_OUTCOME_TRY(const auto accepted, client.call<api::SubmitAnswer>("POST", target, json::write(body)));
  return accepted.at("data").as_object();
}

Result<json::object> ended_task(const HttpClient& client, const std::string& task_id, double timeout_seconds,
                                const std::string& way_back) {
  const InterruptNotice notice(way_back);
  auto task = wait_for(client, task_id, timeout_seconds);
  if (task) return task;
  const bool lives = task.error().code == Code::timeout || task.error().code == Code::unavailable;
  if (lives) task.error().message += ". " + way_back;
  return task.error();
}

Result<json::object> result_of(const json::object& task) {
  const std::string status = cell(task, "status"), task_id = cell(task, "task_id");
  if (status != "completed")
    return Error{Code::internal, fmt::format("task {} {}: {}", task_id, status, cell(task, "error")),
                 "task_" + status};
  const json::value* result = task.if_contains("result");
  if (result && result->is_object()) return result->get_object();
  return Error{Code::unavailable, fmt::format("task {} is completed, but its result is no object", task_id),
               "unexpected_answer"};
}

int run_task(const Session& session, const HttpClient& client, const std::string& target,
             const json::object& body, bool no_wait, double timeout_seconds,
             const std::function<int(const json::object&)>& show) {
  const auto submitted = submit_task(client, target, body);
  if (!submitted) return fail(submitted.error());
  const std::string task_id = cell(*submitted, "task_id");
  if (no_wait) {
    if (session.format == Format::json)
      print_json(*submitted);
    else
      print(task_id);
    return 0;
  }
  const auto task = ended_task(client, task_id, timeout_seconds, way_back_to(task_id));
  if (!task) return fail(task.error());
  if (session.format == Format::json) print_json(*task);
  const auto result = result_of(*task);
  return result ? show(*result) : fail(result.error());
}

}  // namespace medsynth::cli
