// Results as people read them. Pure.
#pragma once

#include <string>

#include "medsynth/base/json.h"
#include "medsynth/cli/output.h"

namespace medsynth::cli {

// The result of detect_contradiction: verdict, score, why, and what it rests on.
Text verdict_text(const json::object& result);

// What a task that has not started waits for, from the answer of GET /v1/resources/usage: "waiting for a
// slot", "queued".
std::string waiting_reason(const json::object& usage, const std::string& task_id);

}  // namespace medsynth::cli
