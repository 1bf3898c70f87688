#include "medsynth/dramatiq/results.h"

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/json.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Step;
using Found = std::optional<StoredResult>;

constexpr std::string_view kMark = R"("dramatiq.results.Result")";  // of an object that stands for a failure

Result<StoredResult> read(std::string text) {
  const auto members = json::members(text);
  std::string_view mark, exception;
  if (members && text.starts_with('{')) {
    for (const auto& [name, value] : *members) {
      if (name == "__t") mark = value;
      if (name == "exn") exception = value;
    }
  }
  if (mark != kMark) return StoredResult{std::move(text)};
  BOOST_OUTCOME_TRY(auto failed, json::parse(exception));
  const auto member = [&](std::string_view name) -> std::string {
    const auto* found = failed.is_object() ? failed.get_object().if_contains(name) : nullptr;
    return found && found->is_string() ? std::string(found->get_string()) : "";
  };
  return StoredResult{"", Failure{member("type"), member("msg")}};
}

}  // namespace

std::string result_key(const Message& message, const ResultKeys& keys) {
  const std::string text = fmt::format("{}:{}:{}:{}", keys.ns, canonical_queue(message.queue_name),
                                       message.actor_name, message.message_id);
  return keys.readable ? text : md5_hex(text);
}

Query<Found> result_of(const Message& message, const ResultKeys& keys) {
  return {{Command("LINDEX", result_key(message, keys), 0)}, [](Replies replies) -> Result<Step<Found>> {
            if (replies[0].is_null()) return Step<Found>{Found{}};
            BOOST_OUTCOME_TRY(auto text, redis::text(std::move(replies[0])));
            BOOST_OUTCOME_TRY(auto result, read(std::move(text)));
            return Step<Found>{Found{std::move(result)}};
          }};
}

}  // namespace medsynth::dramatiq
