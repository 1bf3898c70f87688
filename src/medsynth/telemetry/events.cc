#include <algorithm>

#include "medsynth/base/id.h"
#include "medsynth/base/log.h"
#include "medsynth/telemetry/telemetry.h"

namespace medsynth::telemetry {

std::string new_trace_id() {
  std::string id = new_uuid();
  std::erase(id, '-');
  return id;
}

void log_ml_event(const MlEvent& event) {
  const log::Level level = event.succeeded ? log::Level::info : log::Level::warning;
  if (!log::enabled(level)) return;
  log::write(level, "ml event",
             {{"model", event.model},
              {"operation", event.operation},
              {"status", event.succeeded ? "success" : "error"},
              {"duration", event.duration},
              {"error", event.error.empty() ? json::value(nullptr) : json::value(event.error)},
              {"metadata", event.metadata}});
}

}  // namespace medsynth::telemetry
