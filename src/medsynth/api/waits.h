// What tasks wait for, found out for an answer; and waiting for one to end.
#pragma once

#include <chrono>
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

// The record once its task has ended, or as it is after `wait`. nullopt: there is none (any more). Holds no
// thread. Where too many wait it does not.
boost::asio::awaitable<Result<std::optional<tasks::Record>>> ended_task(App& app, std::string id,
                                                                        std::chrono::milliseconds wait);

}  // namespace medsynth::api
