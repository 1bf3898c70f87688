// What other processes, perhaps of another version, wrote about themselves and about the limits: read as far
// as it is known, and nothing that cannot be is believed.
#include "medsynth/fleet/fleet.h"

#include <cmath>

#include "medsynth/base/described.h"
#include "medsynth/base/stored.h"
#include "medsynth/limits/overlay.h"

#include "fuzz.h"
#include "resp3.h"

namespace {

using namespace medsynth;

redis::Reply text_reply(std::string_view text) {
  return {.kind = redis::Reply::Kind::text, .text = std::string(text)};
}
redis::Reply list_reply(std::vector<redis::Reply> list) {
  return {.kind = redis::Reply::Kind::list, .list = std::move(list)};
}

void look(const fleet::Snapshot& snapshot) {
  fuzz::require(std::isfinite(snapshot.cache.ttl), "numbers are finite");
  for (const fleet::Sample& sample : snapshot.metrics)
    fuzz::require(std::isfinite(sample.value), "numbers are finite");
  std::vector<Fault> faults;
  const auto again = described::from_stored<fleet::Snapshot>(described::to_value(snapshot), faults);
  fuzz::require(faults.empty(), "what was read can be read again");
  fuzz::require(described::write(again) == described::write(snapshot), "it is the same when read again");
}

void look(const fleet::Roll& roll) {
  for (const fleet::Snapshot& snapshot : roll.alive) look(snapshot);
  for (const fleet::Silent& silent : roll.silent) (void)rfc3339(silent.since);
}

void look(const fleet::Control& control) {
  const limits::Limits limits = limits::overlay({}, control.limits).limits;
  for (const double percent : {limits.max_cpu_percent, limits.max_memory_percent, limits.max_gpu_percent})
    fuzz::require(percent >= 0 && percent <= 100, "percents are percents");
  fuzz::require(limits.max_concurrent_tasks >= 1 && limits.max_concurrent_tasks <= 4096,
                "the number of tasks is one that can be set");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  const fleet::Fleet fleet({});
  // As the one snapshot that is there ...
  auto index =
      fleet.roll().decode({list_reply({list_reply({text_reply("w"), text_reply("1700000000000")})})});
  auto roll = index->next->decode({list_reply({text_reply(bytes)})});
  fuzz::require(roll && roll->value && roll->value->alive.size() == 1, "who reports is seen");
  look(*roll->value);
  // ... as each value of control ...
  const std::string_view first = bytes.substr(0, bytes.find('\n'));
  if (auto control = fleet.control(0).decode(
          {list_reply({text_reply("limit:max_cpu_percent"), text_reply(first), text_reply("version"),
                       text_reply(first), text_reply("limit:max_concurrent_tasks"), text_reply(first)}),
           list_reply({text_reply(bytes)})}))
    look(*control->value);
  // ... and as all that Redis answers.
  redis::Replies replies = fuzz::replies_of(bytes, bytes.size());
  if (replies.size() < 2) return 0;
  if (auto control = fleet.control(0).decode(replies)) look(*control->value);
  (void)fleet.confirmations(1).decode(replies);
  if (auto step = fleet.roll().decode({replies[0]}); step && step->next) {
    if (auto end = step->next->decode({replies[1]})) look(*end->value);
  }
  return 0;
}
