// Waiting for a task that a command has submitted.
#pragma once

#include <string>

#include "medsynth/base/json.h"
#include "medsynth/cli/app.h"

namespace medsynth::cli {

// Polls until the task has ended, with its progress on stderr, and prints it as JSON where that is asked for.
// The result of one that completed. timeout, unavailable: it goes on, and the error says how to come back to
// it; Ctrl-C says so too. internal: it failed or was cancelled, or its result is no JSON object.
Result<json::object> result_of_task(const Session& session, const HttpClient& client,
                                    const std::string& task_id, double timeout_seconds);

}  // namespace medsynth::cli
