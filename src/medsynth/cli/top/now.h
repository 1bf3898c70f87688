// What `medsynth top` knows: the server's answers, as it gave them last.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "medsynth/base/json.h"

namespace medsynth::cli::top {

struct Now {
  enum class Link {
    live,          // told by events
    asking,        // events are refused: asked each second
    reconnecting,  // nothing answers, and this is how it was
  };

  std::string url;
  Link link = Link::asking;
  std::string trouble;                         // why it is not live; "": nothing is wrong
  json::object usage, cache;                   // api::UsageAnswer, api::CacheAnswer
  std::map<std::string, json::object> queues;  // api::QueueInfo
  json::array waiting;                         // tasks::TaskInfo of the newest that wait
  std::int64_t waiting_total = 0;
};

}  // namespace medsynth::cli::top
