// Models that killed workers. A message whose model was with it each time it killed one blocks that model
// when it becomes a dead letter: no task loads the file again for kBlockedFor, or until the file or its entry
// in the catalogue is another. Where it is in memory and works it stays in use.
//
// One with which a task has ended well is never blocked: the message is at fault then. Of one that was loaded
// and has done nothing else yet that cannot be told from the deaths of one message: the second one blocks it.
//
// Thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "medsynth/base/mutex.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/models/catalogue.h"
#include "medsynth/redis/client.h"

namespace medsynth::worker {

// Long enough that workers do other work in between, short enough to wait for.
inline constexpr std::chrono::minutes kBlockedFor{10};

class ModelDeaths {
 public:
  // Both outlive it.
  ModelDeaths(redis::Client& client, const fleet::Fleet& fleet) : client_(client), fleet_(fleet) {}

  void loaded(const models::Resolved& model) { note("loaded", model); }
  void worked(const models::Resolved& model) { note("sound", model); }  // a task has ended well with it
  void block(const models::Resolved& model, std::int64_t deaths, const std::string& task_id) const;
  // not_allowed (reason "model_blocked") says since when and what lifts it. Where Redis does not answer
  // nothing is known to be wrong.
  Result<> may_load(const models::Resolved& model) const;

 private:
  void note(const std::string& what, const models::Resolved& model);

  redis::Client& client_;
  const fleet::Fleet& fleet_;
  mutable Mutex mutex_;
  std::set<std::string, std::less<>> noted_ GUARDED_BY(mutex_);  // by this process
};

}  // namespace medsynth::worker
