// One message in flight: the attempt and everything that belongs to it. Exactly one thread has it at a time;
// one that is dropped gives its message back. Internal to this room.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "medsynth/dramatiq/consumer.h"
#include "medsynth/limits/limits.h"
#include "medsynth/pipeline/attempt.h"
#include "medsynth/pipeline/ending.h"
#include "medsynth/pipeline/in_flight.h"
#include "medsynth/pipeline/job.h"
#include "medsynth/tasks/store.h"

namespace medsynth::pipeline {

struct Flight {
  explicit Flight(dramatiq::Delivery taken) : delivery(std::move(taken)) {}

  dramatiq::Delivery delivery;
  Attempt attempt = {};
  std::shared_ptr<InFlightTask> task = {};
  Job job = {};
  limits::Lease resources = {};
  tasks::Attempt record = {};           // number 0: none of ours
  std::optional<Outcome> outcome = {};  // how it ends, until it is an ending
  Ending ending = {};
  std::string reason = {};  // why it is to be buried
  bool called = false;      // its actor
  WallTime began = {};      // that call
  bool in_doubt = false;    // it may be settled: an answer was lost
};

using Flights = std::vector<std::unique_ptr<Flight>>;
using Group = std::vector<Flight*>;  // those that have one effect

}  // namespace medsynth::pipeline
