// A Redis Cluster, as far as we work on one: all our keys in one slot, by one hash tag. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "medsynth/redis/query.h"

namespace medsynth::redis {

// What stands between the first '{' and the next '}'; empty when there is no such thing.
std::string_view hash_tag(std::string_view key);

// Whether names may be used as beginnings of keys here: on a cluster they must carry the same hash tag;
// invalid_argument says how. `settings` are their names, for the message. Elsewhere everything may.
Query<Done> check_prefixes(std::vector<std::string> prefixes, std::string settings);

}  // namespace medsynth::redis
