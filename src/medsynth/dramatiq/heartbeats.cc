#include "medsynth/dramatiq/heartbeats.h"

#include <cstdlib>

#include "medsynth/dramatiq/keys.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Reply;
using redis::Step;
using Beats = std::vector<Heartbeat>;

// Members and scores one after the other, whether Redis pairs them (RESP3) or not.
std::vector<std::string> flat(const std::vector<Reply>& replies) {
  std::vector<std::string> words;
  for (const Reply& each : replies) {
    if (each.kind != Reply::Kind::list)
      words.push_back(each.text);
    else
      for (const Reply& part : each.list) words.push_back(part.text);
  }
  return words;
}

}  // namespace

redis::Query<Beats> heartbeats(const Broker& broker) {
  const Keys keys{broker.options().namespace_};
  return {{Command("TIME"), Command("ZRANGE", keys.heartbeats(), 0, -1, "WITHSCORES")},
          [](redis::Replies replies) -> Result<Step<Beats>> {
            BOOST_OUTCOME_TRY(auto time, redis::texts(replies[0]));
            BOOST_OUTCOME_TRY(auto members, redis::list(replies[1]));
            if (time.size() != 2) return Error{Code::internal, "TIME did not answer with two numbers", ""};
            const double now = std::atof(time[0].c_str()) * 1e3 + std::atof(time[1].c_str()) / 1e3;
            const auto words = flat(members);
            Beats beats;
            for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
              if (words[i].starts_with("medsynth-delays:")) continue;
              const double silent = now - std::atof(words[i + 1].c_str());
              beats.push_back({words[i], std::chrono::milliseconds(static_cast<std::int64_t>(silent))});
            }
            return Step<Beats>{std::move(beats)};
          }};
}

}  // namespace medsynth::dramatiq
