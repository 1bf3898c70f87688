// OpenAPI 3.1 from the table of calls. Pure.
#pragma once

#include <span>

#include "medsynth/api/router.h"

namespace medsynth::api {

json::object openapi(std::span<const Route> routes);

}  // namespace medsynth::api
