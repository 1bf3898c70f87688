// OpenAPI's components: the payloads of calls and what is in them, each described once and referred to by its name. Pure.
#pragma once

#include <span>

#include "medsynth/api/router.h"

namespace medsynth::api {

json::object component_schemas(std::span<const Route> routes);

}  // namespace medsynth::api
