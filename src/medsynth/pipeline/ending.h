// An outcome as what is written and how the message leaves our hands. Pure.
#pragma once

#include <string>
#include <string_view>

#include "medsynth/dramatiq/middleware.h"
#include "medsynth/pipeline/outcome.h"
#include "medsynth/tasks/store.h"

namespace medsynth::pipeline {

struct Ending {
  tasks::Advance advance;  // of a record that has an attempt of ours
  dramatiq::Settlement settlement;
  std::string why = {};  // for people
};

// Precondition: the outcome is not GiveBack.
Ending ending_of(Outcome outcome, const dramatiq::Lease& lease, const dramatiq::Message& message,
                 tasks::Attempt attempt, const dramatiq::ActorOptions& actor, WallTime now);

// How a message is settled whose record has ended already: its worker died, or lost Redis, between the two.
// nullopt: the record ended for another message, or was cancelled, and nothing is left to do.
std::optional<Outcome> outcome_of(const tasks::Record& record, const dramatiq::Message& message,
                                  const dramatiq::RetryPolicy& policy);

}  // namespace medsynth::pipeline
