// Submitting a task and waiting for it.
#pragma once

#include <functional>
#include <string>

#include "medsynth/base/json.h"
#include "medsynth/cli/app.h"

namespace medsynth::cli {

// Submits `body` to `target`. With `no_wait` the task's id is printed, and that is all. Else polls until the
// task has ended, with its progress on stderr, prints it as JSON where that is asked for, and gives `show`
// the result of one that completed. Gives the exit code, `show`'s where it was called. An error of a task
// that goes on says how to come back to it, and so does Ctrl-C.
int run_task(const Session& session, const HttpClient& client, const std::string& target,
             const json::object& body, bool no_wait, double timeout_seconds,
             const std::function<int(const json::object&)>& show);

}  // namespace medsynth::cli
