#include "medsynth/redis/cluster.h"

#include <fmt/format.h>

namespace medsynth::redis {

std::string_view hash_tag(std::string_view key) {
  const std::size_t open = key.find('{');
  if (open == key.npos) return {};
  const std::size_t close = key.find('}', open);
  return close == key.npos ? std::string_view() : key.substr(open + 1, close - open - 1);
}

Query<Done> check_prefixes(std::vector<std::string> prefixes, std::string settings) {
  return {{Command("INFO", "cluster")},
          [prefixes = std::move(prefixes),
           settings = std::move(settings)](Replies replies) -> Result<Step<Done>> {
            BOOST_OUTCOME_TRY(auto info, text(replies[0]));
            if (info.find("cluster_enabled:1") == info.npos) return Step<Done>{Done{}};
            for (const std::string& each : prefixes)
              if (hash_tag(each).empty() || hash_tag(each) != hash_tag(prefixes.front()))
                return invalid(
                    "", fmt::format("this Redis is a cluster: {} must carry the same hash tag, such as "
                                    "{{medsynth}}, so that their keys lie together",
                                    settings));
            return Step<Done>{Done{}};
          }};
}

}  // namespace medsynth::redis
