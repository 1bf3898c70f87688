#include "medsynth/dramatiq/aborts.h"

#include <algorithm>

#include "medsynth/base/json.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Step;
using std::chrono::milliseconds;
using Flags = std::vector<bool>;
using Times = std::vector<std::optional<milliseconds>>;

// dramatiq-abort's default namespace; it is no part of Dramatiq's.
std::string cancel_key(const std::string& message_id) {
  return "dramatiq:aborts:cancel:" + message_id;
}
std::string abort_key(const std::string& message_id) {
  return "dramatiq:aborts:abort:" + message_id;
}

Query<Flags> each_cancelled(const std::vector<std::string>& message_ids) {
  std::vector<Command> commands;
  for (const std::string& id : message_ids) commands.emplace_back("EXISTS", cancel_key(id));
  return {std::move(commands), [](Replies replies) -> Result<Step<Flags>> {
            Flags flags;
            for (const auto& reply : replies) {
              BOOST_OUTCOME_TRY(auto there, redis::integer(reply));
              flags.push_back(there > 0);
            }
            return Step<Flags>{std::move(flags)};
          }};
}

// What was pushed to an abort key, as the add-on reads it: an object, or no request at all.
std::optional<milliseconds> abort_time(const redis::Reply& reply) {
  if (reply.kind != redis::Reply::Kind::text) return std::nullopt;
  const auto parsed = json::parse(reply.text);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const auto* wait = parsed->get_object().if_contains("abort_timeout");
  if (!wait || !wait->is_number()) return milliseconds(0);
  return milliseconds(static_cast<std::int64_t>(std::clamp(wait->to_number<double>(), 0.0, 1e12)));
}

}  // namespace

bool is_abortable(const Message& message, const ActorOptions& actor) {
  const std::string_view own = message.option("abortable");
  if (own.empty() || own == "null") return actor.abortable;
  return own != "false" && own != "0" && own != "\"\"";
}

Query<Flags> cancelled(std::vector<std::string> message_ids) {
  Command any("EXISTS");
  for (const std::string& id : message_ids) any.words.push_back(cancel_key(id));
  return {{std::move(any)}, [message_ids = std::move(message_ids)](Replies replies) -> Result<Step<Flags>> {
            // On a cluster the keys lie apart, and only one by one may be asked for.
            if (!replies[0].is_error()) {
              BOOST_OUTCOME_TRY(auto there, redis::integer(replies[0]));
              if (there == 0) return Step<Flags>{Flags(message_ids.size(), false)};
            }
            return Step<Flags>{each_cancelled(message_ids)};
          }};
}

Query<Times> abort_times(const std::vector<std::string>& message_ids) {
  std::vector<Command> commands;
  for (const std::string& id : message_ids) commands.emplace_back("LINDEX", abort_key(id), 0);
  return {std::move(commands), [](Replies replies) -> Result<Step<Times>> {
            Times times;
            for (const auto& reply : replies) times.push_back(abort_time(reply));
            return Step<Times>{std::move(times)};
          }};
}

Query<redis::Done> forget_abort(const std::string& message_id) {
  return redis::all_ok({Command("DEL", cancel_key(message_id)), Command("DEL", abort_key(message_id))});
}

}  // namespace medsynth::dramatiq
