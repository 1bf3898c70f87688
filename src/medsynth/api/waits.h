// What tasks wait for, found out for an answer; and waiting for one to end.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "medsynth/api/app.h"
#include "medsynth/tasks/record.h"

namespace medsynth::api {

// The workers' reports and the queues' pauses as they were a moment ago.
boost::asio::awaitable<Result<std::shared_ptr<const WaitingFacts>>> waiting_facts(App& app);

// What each of them waits for. Asks Redis only where one of them may.
boost::asio::awaitable<Result<std::vector<std::optional<tasks::Waiting>>>> waiting_of(
    App& app, std::span<const tasks::Record> records);
boost::asio::awaitable<Result<std::optional<tasks::Waiting>>> waiting_of(App& app,
                                                                         const tasks::Record& record);

// The task of the path once it has ended, or as it is after the wait that the query asks for. not_found: there
// is none (any more). Holds no thread. Where too many wait it does not.
struct ShownTask {
  tasks::Record record;
  std::optional<tasks::Waiting> waiting;
};
boost::asio::awaitable<Result<ShownTask>> shown_task(App& app, const Request& request);

}  // namespace medsynth::api
