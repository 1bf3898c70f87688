#include "medsynth/fleet/format.h"

#include <string>

#include <fmt/format.h>

#include "medsynth/fleet/keys.h"

namespace medsynth::fleet {
namespace {

using redis::Command;
using redis::Done;
using redis::Query;
using redis::Replies;
using redis::Step;

std::string key(const FleetOptions& options) {
  return key_base(options) + "format";
}

Result<Step<std::int64_t>> read(const redis::Reply& reply) {
  if (reply.is_null()) return Step<std::int64_t>{0};
  BOOST_OUTCOME_TRY(const auto number, redis::integer(reply));
  return Step<std::int64_t>{number};
}

}  // namespace

Query<std::int64_t> format(const FleetOptions& options) {
  return {{Command("GET", key(options))}, [](const Replies& replies) { return read(replies[0]); }};
}

Result<> check_format(std::int64_t found) {
  if (found <= kFormat) return success();
  return Error{
      Code::conflict,
      fmt::format("what lies in this Redis has format {}, and this version of Medsynth ({}) knows {} and "
                  "older: start the newer version again, or restore a backup of before the upgrade into an "
                  "empty Redis (docs/operate.md, Downgrade)",
                  found, MEDSYNTH_VERSION, kFormat),
      "newer_format"};
}

Query<Done> claim_format(const FleetOptions& options) {
  return {{Command("SET", key(options), kFormat, "NX"), Command("GET", key(options))},
          [](const Replies& replies) -> Result<Step<Done>> {
            if (replies[0].is_error()) return redis::as_error(replies[0]);
            BOOST_OUTCOME_TRY(const auto found, read(replies[1]));
            BOOST_OUTCOME_TRY(check_format(*found.value));
            return Step<Done>{Done{}};
          }};
}

}  // namespace medsynth::fleet
