// Writes an installation into a backup while it goes on: every task with what makes it go on, dead letters, and
// what was set through the API.
//
// Each task is read together with its message, in one step of Redis: at the moment of its page a task that
// waited or ran is pending, with its message; one that had ended keeps its record alone. What moves from one
// queue to another meanwhile is looked for again; what begins after the backup did may be missing. Works in
// pages: memory grows with ids, not with tasks.
#pragma once

#include <functional>
#include <vector>

#include "medsynth/backup/archive.h"
#include "medsynth/dramatiq/broker.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/redis/client.h"
#include "medsynth/tasks/store.h"

namespace medsynth::backup {

// An installation, as its settings name it. What it refers to outlives it.
struct Installation {
  redis::Client& client;
  tasks::StoreOptions store;
  const dramatiq::Broker& broker;
  const fleet::Fleet& fleet;
};

// Called after each page; an error ends the work with it.
using Progress = std::function<Result<>(const Counts&)>;

// Errors: Redis', the archive's, `progress`'. unavailable ("backup_not_at_rest"): tasks changed faster than they
// could be read, again and again. The archive is finished where it succeeds, and worth nothing otherwise.
Result<Manifest> save(const Installation& from, Writer& to, const std::vector<File>& files,
                      const Progress& progress);

}  // namespace medsynth::backup
