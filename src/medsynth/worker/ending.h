// An outcome as what is written and how the message leaves our hands. Pure.
#pragma once

#include <string>
#include <string_view>

#include "medsynth/dramatiq/middleware.h"
#include "medsynth/tasks/store.h"
#include "medsynth/worker/outcome.h"

namespace medsynth::worker {

struct Ending {
  tasks::Advance advance;
  dramatiq::Settlement settlement;
  std::string_view how;  // for people: completed, retrying, failed, cancelled
  std::string why = {};
};

// Precondition: the outcome is not GiveBack. An attempt number of 0: it has no record, and nothing is to be
// written.
Ending ending_of(Outcome outcome, dramatiq::Delivery delivery, tasks::Attempt attempt,
                 const dramatiq::ActorOptions& actor, WallTime now);

// How a message is settled whose record has ended already: its worker died, or lost Redis, between the two.
// nullopt: the record ended for another message, or was cancelled, and nothing is left to do.
std::optional<Outcome> outcome_of(const tasks::Record& record, const dramatiq::Message& message,
                                  const dramatiq::RetryPolicy& policy);

}  // namespace medsynth::worker
