#include "medsynth/dramatiq/copies.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "medsynth/dramatiq/keys.h"
#include "medsynth/dramatiq/placing.h"
#include "medsynth/dramatiq/scripts.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Reply;
using redis::Step;

constexpr int kScanStep = 20;  // payloads of one reply, about: they may be large

Query<std::vector<bool>> each_is(std::vector<Command> commands, std::int64_t wanted) {
  return {std::move(commands), [wanted](const Replies& replies) -> Result<Step<std::vector<bool>>> {
            std::vector<bool> are;
            for (const Reply& reply : replies) {
              BOOST_OUTCOME_TRY(const auto number, redis::integer(reply));
              are.push_back(number == wanted);
            }
            return Step<std::vector<bool>>{std::move(are)};
          }};
}

}  // namespace

Query<std::vector<Waiting>> Copies::tail(const std::string& queue, std::int64_t skip,
                                         std::int64_t count) const {
  const Keys k = keys(broker_.options());
  return {{Command("LRANGE", k.queue(queue), -(skip + count), -(skip + 1))},
          [payloads = k.payloads(queue)](Replies replies) -> Result<Step<std::vector<Waiting>>> {
            BOOST_OUTCOME_TRY(auto ids, redis::texts(std::move(replies[0])));
            if (ids.empty()) return Step<std::vector<Waiting>>{std::vector<Waiting>{}};
            std::reverse(ids.begin(), ids.end());
            return Step<std::vector<Waiting>>{payloads_of(payloads, std::move(ids))};
          }};
}

Query<Copies::Scanned> Copies::scan(const std::string& queue, const std::string& cursor) const {
  return {{Command("HSCAN", keys(broker_.options()).payloads(queue), cursor, "COUNT", kScanStep)},
          [](Replies replies) -> Result<Step<Scanned>> {
            BOOST_OUTCOME_TRY(auto page, redis::list(std::move(replies[0])));
            if (page.size() != 2)
              return Error{Code::internal, "HSCAN did not answer with a cursor and fields", "redis_reply"};
            Scanned scanned;
            BOOST_OUTCOME_TRY(scanned.cursor, redis::text(std::move(page[0])));
            BOOST_OUTCOME_TRY(auto words, redis::texts(std::move(page[1])));
            for (std::size_t i = 0; i + 1 < words.size(); i += 2)
              scanned.messages.push_back({std::move(words[i]), std::move(words[i + 1])});
            return Step<Scanned>{std::move(scanned)};
          }};
}

std::vector<Command> Copies::reads(const std::string& queue, const std::string& redis_message_id) const {
  const Keys k = keys(broker_.options());
  return {Command("HGET", k.payloads(queue), redis_message_id),
          Command("HGET", k.deaths(queue), redis_message_id)};
}

Result<std::optional<Copy>> Copies::read(const std::string& queue, const std::string& redis_message_id,
                                         std::span<Reply> replies) const {
  if (replies[0].is_null()) return std::optional<Copy>();
  Copy copy{.queue = queue, .redis_message_id = redis_message_id, .payload = {}};
  BOOST_OUTCOME_TRY(copy.payload, redis::text(std::move(replies[0])));
  copy.deaths = std::strtoll(replies[1].text.c_str(), nullptr, 10);
  return std::optional(std::move(copy));
}

std::vector<Command> Copies::puts(const Copy& copy) const {
  const Keys k = keys(broker_.options());
  std::vector<Command> commands{Command("HSET", k.payloads(copy.queue), copy.redis_message_id, copy.payload)};
  if (copy.deaths > 0)
    commands.emplace_back("HSET", k.deaths(copy.queue), copy.redis_message_id, copy.deaths);
  commands.emplace_back("LPUSH", k.queue(copy.queue), copy.redis_message_id);
  return commands;
}

Command Copies::notification(const std::string& queue) const {
  return Command("PUBLISH", broker_.bell_channel(queue), queue);
}

Query<std::vector<LetterCopy>> Copies::read_letters(const std::string& queue,
                                                    std::vector<Waiting> letters) const {
  const Keys k = keys(broker_.options());
  Query<std::vector<LetterCopy>> query;
  for (const Waiting& each : letters) {
    query.commands.emplace_back("ZSCORE", k.dead(queue), each.redis_message_id);
    query.commands.emplace_back("HGET", k.reasons(queue), each.redis_message_id);
  }
  query.decode = [queue = canonical_queue(queue), letters = std::move(letters)](
                     Replies replies) mutable -> Result<Step<std::vector<LetterCopy>>> {
    std::vector<LetterCopy> copies;
    for (std::size_t i = 0; i < letters.size(); ++i) {
      Reply &died_at = replies[2 * i], &reason = replies[2 * i + 1];
      for (const Reply& reply : {died_at, reason})
        if (reply.is_error()) return redis::as_error(reply);
      if (died_at.is_null()) continue;
      copies.push_back({.queue = queue,
                        .redis_message_id = std::move(letters[i].redis_message_id),
                        .payload = std::move(letters[i].payload),
                        .reason = std::move(reason.text),
                        .died_at_ms = score(died_at)});
    }
    return Step<std::vector<LetterCopy>>{std::move(copies)};
  };
  return query;
}

Query<std::vector<bool>> Copies::put_letters(const std::vector<LetterCopy>& letters,
                                             const std::string& given_back) const {
  const Keys k = keys(broker_.options());
  std::vector<Command> commands;
  for (const LetterCopy& each : letters)
    commands.push_back(Command::eval(
        scripts::letter, {k.dead(each.queue), k.dead_payloads(each.queue), k.reasons(each.queue), given_back},
        {each.redis_message_id, each.payload, each.reason, std::to_string(each.died_at_ms)}));
  return each_is(std::move(commands), 1);
}

Query<std::vector<bool>> Copies::look(const std::vector<LetterCopy>& letters,
                                      const std::string& given_back) const {
  const Keys k = keys(broker_.options());
  std::vector<Query<std::int64_t>> there;
  for (const LetterCopy& each : letters)
    there.push_back(sum({Command("HEXISTS", k.dead_payloads(each.queue), each.redis_message_id),
                         Command("SISMEMBER", given_back, each.redis_message_id)}));
  return redis::then<std::vector<bool>>(redis::all(std::move(there)), [](std::vector<std::int64_t> counts) {
    std::vector<bool> absent;
    for (const std::int64_t count : counts) absent.push_back(count == 0);
    return absent;
  });
}

}  // namespace medsynth::dramatiq
