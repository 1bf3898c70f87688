// Puts a backup into an installation, empty or at work: tasks and messages whose ids are there stay as they
// are, and each message of a backup goes back once, however often the backup is restored (for 30 days).
//
//   BOOST_OUTCOME_TRY(const auto checked, check(descriptor));
//   BOOST_OUTCOME_TRY(const auto done, restore(descriptor, checked, to, {.dry_run = true}, progress));
#pragma once

#include <map>
#include <string>

#include "medsynth/backup/save.h"

namespace medsynth::backup {

struct RestoreOptions {
  bool dry_run = false;  // nothing is written; the answer is the same
  bool replace = false;  // limits that are set otherwise are set as in the backup
};

struct Outcome {
  Counts restored;
  Counts present;  // left as they were
  // Limits that are set otherwise and stay so, as they are there.
  std::map<std::string, double> other_limits;
};

// `checked` is of the same file. Errors: Redis', the archive's, `progress`' (called with what was restored). What
// was restored before an error is whole; the same call again goes on.
Result<Outcome> restore(int descriptor, const Checked& checked, const Installation& to,
                        const RestoreOptions& options, const Progress& progress);

}  // namespace medsynth::backup
