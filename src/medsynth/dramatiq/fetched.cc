#include "medsynth/dramatiq/fetched.h"

#include <algorithm>

#include "medsynth/dramatiq/quarantine.h"

namespace medsynth::dramatiq {
namespace {

using redis::Query;
using redis::Replies;
using redis::Step;

Settlement in_quarantine(const std::string& queue, std::string id, const std::string& payload,
                         const Error& error) {
  Message letter = quarantined(canonical_queue(queue), id, payload, system_clock().now());
  return {.kind = Settlement::Kind::dead,
          .lease = {queue, std::move(id)},
          .updated = std::move(letter),
          .reason = undecodable(error)};
}

// A message whose names nobody may use goes where one goes that cannot be decoded: nothing could be kept of
// it under those names, and it must not be lost.
Result<Message> decode_named(std::string_view payload) {
  BOOST_OUTCOME_TRY(auto message, decode(payload));
  BOOST_OUTCOME_TRY(check_names(message));
  return message;
}

}  // namespace

Result<Step<Fetched>> decode_fetched(const BrokerOptions& options, const std::string& queue, redis::Reply ids,
                                     const redis::Reply& payloads, Fetched fetched) {
  const std::size_t size = std::min(ids.list.size(), payloads.list.size());
  fetched.deliveries.reserve(size);
  std::vector<Settlement> quarantine;
  for (std::size_t i = 0; i < size; ++i) {
    std::string& id = ids.list[i].text;
    const std::string& payload = payloads.list[i].text;
    auto message = decode_named(payload);
    if (message)
      fetched.deliveries.push_back({{queue, std::move(id)}, std::move(*message)});
    else
      quarantine.push_back(in_quarantine(queue, std::move(id), payload, message.error()));
  }
  if (quarantine.empty()) return Step<Fetched>{std::move(fetched)};
  Query<std::vector<bool>> letters = settle(options, quarantine);
  return Step<Fetched>{Query<Fetched>{std::move(letters.commands),
                                      [fetched = std::move(fetched), decode = std::move(letters.decode)](
                                          Replies done) mutable -> Result<Step<Fetched>> {
                                        auto step = decode(std::move(done));
                                        if (step)
                                          fetched.quarantined =
                                              std::count(step->value->begin(), step->value->end(), true);
                                        else  // the others need not suffer
                                          fetched.trouble = step.error();
                                        return Step<Fetched>{std::move(fetched)};
                                      }}};
}

}  // namespace medsynth::dramatiq
