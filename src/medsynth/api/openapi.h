// OpenAPI 3.1 from the table of calls. Pure.
#pragma once

#include <span>
#include <string_view>

#include "medsynth/api/router.h"

namespace medsynth::api {

// `path_prefix` of a proxy, "" for none.
json::object openapi(std::span<const Route> routes, std::string_view path_prefix);

}  // namespace medsynth::api
