// A model that a request names.
#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>

#include "medsynth/api/app.h"

namespace medsynth::api {

// Before a task that names a model is accepted. invalid_argument at `pointer`: no worker has it (workers are
// asked anew before that is said), or it is not of that kind; unavailable: it failed to load on each.
boost::asio::awaitable<Result<>> check_model(App& app, std::string pointer, std::string model,
                                             std::string kind);

}  // namespace medsynth::api
