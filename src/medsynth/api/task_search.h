// Looking through all tasks, or all dead letters, for those that somebody means: newest first, in steps that keep neither
// Redis nor the event loop from others, and only so far in one call. Where it ended is a cursor.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "medsynth/api/app.h"
#include "medsynth/api/task_filter.h"
#include "medsynth/tasks/cursor.h"

namespace medsynth::api {

// How far it got.
struct Reach {
  std::int64_t scanned =
      0;  // of `total`, the newest first, those of earlier calls included where a cursor says so
  std::int64_t total = 0;
  std::optional<std::string> next_cursor;  // none: all were looked at
  // Of the messages that there are; where arguments were looked through.
  std::optional<std::int64_t> messages_scanned, messages_total;
};

// Looks for `text` among the arguments of messages that are there still.
boost::asio::awaitable<Result<>> look_into_arguments(App& app, TaskSelection& wanted, Reach& reach);

// Told of each record that matches, with the fields of TaskSelection::fields() alone, and of its place; false ends the
// walk behind it. It may be called on another thread, while nothing else of the caller runs.
using TakeTask = std::function<bool(const tasks::Record&, const tasks::Cursor&)>;
boost::asio::awaitable<Result<>> walk_tasks(App& app, const TaskSelection& wanted, std::string cursor,
                                            const TakeTask& take, Reach& reach);

// The same of dead letters. `reach.scanned` counts those of this call.
using TakeLetter = std::function<bool(dramatiq::DeadLetter&)>;
boost::asio::awaitable<Result<>> walk_dead(App& app, const DeadFilter& wanted,
                                           const std::optional<std::string>& cursor, const TakeLetter& take,
                                           Reach& reach);

}  // namespace medsynth::api
