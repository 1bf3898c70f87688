// Results as people read them. Pure.
#pragma once

#include <string>

#include "medsynth/base/json.h"
#include "medsynth/cli/output.h"

namespace medsynth::cli {

// The result of detect_contradiction: verdict, score, why, and what it rests on.
Text verdict_text(const json::object& result);

// What a task waits for, in a line: "waits for a slot (5 of 5 slots are taken), place 3, about 20-40 s". Of one
// that does not, "queued".
std::string waiting_text(const json::object& task);
// The same for a column: "slot 20-40 s"; "" when it does not wait.
std::string waits_for(const json::object& task);
// What lifts it; "" when it does not wait.
std::string waiting_remedy(const json::object& task);

}  // namespace medsynth::cli
