// Submitting a task and waiting for it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "medsynth/base/json.h"
#include "medsynth/cli/app.h"

namespace medsynth::cli {

// Submits `body` to `target`: what is known of the new task, its `task_id` first of all.
Result<json::object> submit_task(const HttpClient& client, const std::string& target,
                                 const json::object& body);

// The record of a task that has ended: polls until then, with its progress on stderr. `way_back` says how to
// come back to a task that goes on: to Ctrl-C, and in the error where the wait was too long or the server
// went away.
Result<json::object> ended_task(const HttpClient& client, const std::string& task_id, double timeout_seconds,
                                const std::string& way_back);

// The result of a task that completed; an error for one that failed or was cancelled.
Result<json::object> result_of(const json::object& task);

// "The task goes on: medsynth tasks show ID ..."
std::string way_back_to(const std::string& task_id);

// Seconds until 100 %, when `percent` was reached in `passed` seconds from `from` percent on; nothing where
// that is too little to say. Pure.
std::optional<double> seconds_left(double from, double percent, double passed);

// Both, for a command that shows a result: with `no_wait` the task's id is printed, and that is all. Else the
// task is printed as JSON where that is asked for, and `show` gets the result. Gives the exit code, `show`'s
// where it was called.
int run_task(const Session& session, const HttpClient& client, const std::string& target,
             const json::object& body, bool no_wait, double timeout_seconds,
             const std::function<int(const json::object&)>& show);

}  // namespace medsynth::cli
