#include "medsynth/dramatiq/middleware.h"

#include <algorithm>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/json.h"
#include "medsynth/dramatiq/quarantine.h"
#include "medsynth/dramatiq/results.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;

std::string name_option(const Message& message, std::string_view option, const std::string& actors) {
  const auto own = message.text_option(option);
  return own && !own->empty() ? *own : actors;
}

bool is_true(std::string_view json) {
  return json == "true";
}

bool keeps_result(const Message& message, const ActorOptions& actor) {
  const std::string_view own = message.option("store_results");
  return own.empty() ? actor.store_results : is_true(own);
}

std::vector<Command> stored(const Message& message, std::string value, const ActorOptions& actor,
                            const ResultKeys& keys) {
  const std::string key = result_key(message, keys);
  const std::int64_t ttl = message.integer_option("result_ttl").value_or(actor.result_ttl.count());
  std::vector<Command> commands;
  commands.emplace_back("DEL", key);
  commands.emplace_back("LPUSH", key, std::move(value));
  commands.emplace_back("PEXPIRE", key, std::max<std::int64_t>(ttl, 1));
  return commands;
}

std::string stored_failure(const Failure& failure) {
  return fmt::format(R"({{"__t":"dramatiq.results.Result","exn":{{"type":{},"msg":{}}}}})",
                     json::write_string(failure.type), json::write_string(failure.text));
}

Message call(const Message& cause, std::string actor, std::string args, WallTime now) {
  Message message = make_message(canonical_queue(cause.queue_name), std::move(actor), "{}", now);
  message.args = std::move(args);
  return message;
}

std::string appended(std::string args, std::string_view value) {
  args.pop_back();
  const bool empty = args.find_first_not_of(" \t\r\n", 1) == std::string::npos;
  return args.append(empty ? "" : ",").append(value).append("]");
}

Outgoing delayed(Message message, WallTime now) {
  const auto delay = message.integer_option("delay");
  const bool later = delay && *delay > 0;
  return {std::move(message), later ? std::optional(now + std::chrono::milliseconds(*delay)) : std::nullopt};
}

// What should follow and cannot be decoded: a dead letter of the message that it follows, as one that is
// fetched and cannot be.
Letter letter_of(const Message& message, std::string_view payload, const Error& error, WallTime now) {
  return {quarantined(canonical_queue(message.queue_name), new_uuid(), payload, now), undecodable(error)};
}

void add_next_step(Follow& follow, const Message& message, std::string_view result, const ActorOptions& actor,
                   WallTime now) {
  const std::string_view target = message.option("pipe_target");
  if (target.empty() || target == "null") return;
  auto next = decode(target);
  if (!next) return follow.letters.push_back(letter_of(message, target, next.error(), now));
  if (!actor.pipe_ignore && !is_true(next->option("pipe_ignore"))) next->args = appended(next->args, result);
  follow.messages.push_back(delayed(std::move(*next), now));
}

void add_group(Follow& follow, const Message& message, WallTime now) {
  const auto barrier = message.text_option("group_completion_uuid");
  const std::string_view list = message.option("group_completion_callbacks");
  if (!barrier || list.empty() || list == "null") return;
  Follow::Group group{*barrier, {}};
  const auto callbacks = json::members(list);
  const auto add = [&](std::string_view text, Result<Message> callback) {
    if (callback)
      group.callbacks.push_back({std::move(*callback)});
    else
      group.letters.push_back(letter_of(message, text, callback.error(), now));
  };
  if (!callbacks) add(list, callbacks.error());
  if (callbacks)
    for (const auto& [name, text] : *callbacks) add(text, decode(text));
  follow.group = std::move(group);
}

}  // namespace

bool is_too_old(const Message& message, const ActorOptions& actor, WallTime now) {
  const auto own = message.integer_option("max_age");
  const auto limit = own && *own != 0 ? std::optional(std::chrono::milliseconds(*own)) : actor.max_age;
  return limit && limit->count() > 0 && millis(now) - message.message_timestamp >= limit->count();
}

Follow after_success(const Message& message, std::string_view result, const ActorOptions& actor,
                     const ResultKeys& keys, WallTime now) {
  Follow follow;
  if (message.options.size() > 1 || actor.store_results || !actor.on_success.empty()) {
    if (keeps_result(message, actor)) follow.commands = stored(message, std::string(result), actor, keys);
    add_next_step(follow, message, result, actor, now);
    if (const std::string callback = name_option(message, "on_success", actor.on_success); !callback.empty())
      follow.messages.push_back(
          {call(message, callback, fmt::format("[{},{}]", encode(message), result), now)});
    add_group(follow, message, now);
  }
  return follow;
}

Follow after_error(const Message& message, const Failure& failure, bool gave_up, bool exhausted,
                   const ActorOptions& actor, const ResultKeys& keys, WallTime now) {
  Follow follow;
  const std::string type = json::write_string(failure.type), text = json::write_string(failure.text);
  if (gave_up && keeps_result(message, actor))
    follow.commands = stored(message, stored_failure(failure), actor, keys);
  if (const std::string callback = name_option(message, "on_failure", actor.on_failure); !callback.empty())
    follow.messages.push_back(
        {call(message, callback,
              fmt::format(R"([{},{{"type":{},"message":{}}}])", encode(message), type, text), now)});
  if (const std::string callback = name_option(message, "on_retry_exhausted", actor.on_retry_exhausted);
      exhausted && !callback.empty()) {
    const std::int64_t failed = std::max<std::int64_t>(0, message.integer_option("retries").value_or(0) - 1);
    const auto most = policy_of(message, actor.retries).max_retries;
    follow.messages.push_back({call(message, callback,
                                    fmt::format(R"([{},{{"retries":{},"max_retries":{}}}])", encode(message),
                                                failed, most ? std::to_string(*most) : "null"),
                                    now)});
  }
  return follow;
}

Follow after_skip(const Message& message, const std::optional<Failure>& failure, const ActorOptions& actor,
                  const ResultKeys& keys) {
  Follow follow;
  if (keeps_result(message, actor))
    follow.commands = stored(message, failure ? stored_failure(*failure) : "null", actor, keys);
  return follow;
}

}  // namespace medsynth::dramatiq
