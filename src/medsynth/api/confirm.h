// Waiting for workers to confirm a change of control.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "medsynth/api/app.h"

namespace medsynth::api {

struct Confirmed {
  std::vector<std::string> confirmed_by;
  std::vector<std::string> silent;
  std::map<std::string, json::object> answers;  // by worker id
};

// Ids of the workers in the snapshots.
std::vector<std::string> ids_of(const std::vector<fleet::Snapshot>& snapshots);

// Until all of `workers` confirmed `version`, or the confirm timeout is over; those that did not are silent.
// The change has happened before this is called, so nothing here fails: Redis going away only makes the rest
// silent.
boost::asio::awaitable<Confirmed> wait_for_workers(App& app, std::int64_t version,
                                                   std::vector<std::string> workers);

}  // namespace medsynth::api
