#include "medsynth/dramatiq/dead.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "medsynth/dramatiq/keys.h"
#include "medsynth/dramatiq/placing.h"
#include "medsynth/dramatiq/quarantine.h"
#include "medsynth/dramatiq/scripts.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Reply;
using redis::Step;
using Names = std::vector<std::string>;

// A letter of which only the place is known yet.
struct Place {
  std::string queue;
  std::string id;
  std::int64_t died_at_ms = 0;

  bool before(const Place& other) const {  // in a page: newest first
    return died_at_ms != other.died_at_ms ? died_at_ms > other.died_at_ms : id > other.id;
  }
};

Keys keys(const Broker& broker) {
  return {broker.options().namespace_};
}

// Of ZREVRANGE ... WITHSCORES: pairs (RESP3), or one after the other.
void read_places(const Reply& reply, const std::string& queue, std::vector<Place>& places) {
  for (std::size_t i = 0; i < reply.list.size(); ++i) {
    const Reply& item = reply.list[i];
    if (item.kind == Reply::Kind::list && item.list.size() == 2)
      places.push_back({queue, item.list[0].text, score(item.list[1])});
    else if (i + 1 < reply.list.size())
      places.push_back({queue, item.text, score(reply.list[++i])});
  }
}

// The last line of a Python traceback names the exception.
std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const std::size_t line = text.rfind('\n');
  return std::string(line == text.npos ? text : text.substr(line + 1));
}

DeadLetter make_letter(const Place& place, std::string payload, const Reply& reason) {
  DeadLetter letter{.redis_message_id = place.id,
                    .queue = place.queue,
                    .died_at_ms = place.died_at_ms,
                    .reason = reason.text,
                    .payload = std::move(payload),
                    .message = std::nullopt};
  auto message = decode(letter.payload);
  if (!message) {
    if (letter.reason.empty()) letter.reason = undecodable(message.error());
    return letter;
  }
  if (auto raw = quarantined_payload(*message)) {
    letter.payload = std::move(*raw);
    return letter;
  }
  const std::int64_t retries = message->integer_option("retries").value_or(0);
  // Ours bury the message as it failed; Python buries it as it was before its last attempt.
  letter.attempts = reason.is_null() ? retries + 1 : retries;
  if (letter.reason.empty()) letter.reason = last_line(message->text_option("traceback").value_or(""));
  letter.message = std::move(*message);
  return letter;
}

Query<DeadPage> read_letters(const Keys& k, std::vector<Place> places, DeadPage page, bool more) {
  Query<DeadPage> query;
  for (const Place& place : places) {
    query.commands.emplace_back("HGET", k.dead_payloads(place.queue), place.id);
    query.commands.emplace_back("HGET", k.reasons(place.queue), place.id);
  }
  query.decode = [places = std::move(places), page = std::move(page),
                  more](Replies replies) mutable -> Result<Step<DeadPage>> {
    if (more) page.next = DeadCursor{places.back().died_at_ms, places.back().id};
    for (std::size_t i = 0; i < places.size(); ++i) {
      Reply& payload = replies[2 * i];
      if (payload.is_error()) return redis::as_error(payload);
      if (payload.is_null()) continue;  // it went meanwhile
      page.letters.push_back(make_letter(places[i], std::move(payload.text), replies[2 * i + 1]));
    }
    return Step<DeadPage>{std::move(page)};
  };
  return query;
}

// Cuts the page where its payloads become too many bytes.
Query<DeadPage> weigh(const Keys& k, std::vector<Place> places, DeadPage page, bool more) {
  Query<DeadPage> query;
  for (const Place& place : places)
    query.commands.emplace_back("HSTRLEN", k.dead_payloads(place.queue), place.id);
  query.decode = [k, places = std::move(places), page = std::move(page),
                  more](Replies replies) mutable -> Result<Step<DeadPage>> {
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      BOOST_OUTCOME_TRY(auto size, redis::integer(replies[i]));
      bytes += size;
      if (i == 0 || bytes <= kPayloadBytes) continue;
      places.resize(i);
      more = true;
    }
    return Step<DeadPage>{read_letters(k, std::move(places), std::move(page), more)};
  };
  return query;
}

// The first of each queue after the cursor, merged.
Query<DeadPage> merge(const Keys& k, Names queues, const std::vector<std::int64_t>& starts,
                      std::int64_t limit, DeadPage page) {
  Query<DeadPage> query;
  for (std::size_t i = 0; i < queues.size(); ++i)
    query.commands.emplace_back("ZREVRANGE", k.dead(queues[i]), starts[i], starts[i] + limit, "WITHSCORES");
  query.decode = [k, queues = std::move(queues), limit,
                  page = std::move(page)](Replies replies) mutable -> Result<Step<DeadPage>> {
    std::vector<Place> places;
    for (std::size_t i = 0; i < queues.size(); ++i) {
      if (replies[i].is_error()) return redis::as_error(replies[i]);
      read_places(replies[i], queues[i], places);
    }
    std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.before(b); });
    const bool more = static_cast<std::int64_t>(places.size()) > limit;
    if (more) places.resize(static_cast<std::size_t>(limit));
    if (places.empty()) return Step<DeadPage>{std::move(page)};
    return Step<DeadPage>{weigh(k, std::move(places), std::move(page), more)};
  };
  return query;
}

// How many of a queue's letters come before the cursor, and at it: those that died later, and of those that
// died in its millisecond the ids from its own upwards.
Result<std::int64_t> start_of(const Reply& later, Reply ties, const std::string& id) {
  BOOST_OUTCOME_TRY(auto count, redis::integer(later));
  BOOST_OUTCOME_TRY(auto ids, redis::texts(std::move(ties)));
  return count + std::count_if(ids.begin(), ids.end(), [&](const std::string& each) { return each >= id; });
}

}  // namespace

std::string to_text(const DeadCursor& cursor) {
  return fmt::format("{}:{}", cursor.died_at_ms, cursor.redis_message_id);
}

Result<DeadCursor> parse_dead_cursor(std::string_view text) {
  DeadCursor cursor;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cursor.died_at_ms);
  if (error != std::errc() || end == text.data() + text.size() || *end != ':')
    return invalid("/cursor", "is not the next_cursor of a page");
  cursor.redis_message_id = text.substr(static_cast<std::size_t>(end - text.data()) + 1);
  return cursor;
}

Query<DeadPage> DeadLetters::list(Names queues, const DeadRequest& request) const {
  const Keys k = keys(broker_);
  Query<DeadPage> query;
  for (const std::string& queue : queues) {
    query.commands.emplace_back("ZCARD", k.dead(queue));
    if (!request.after) continue;
    const std::string at = std::to_string(request.after->died_at_ms);
    query.commands.emplace_back("ZCOUNT", k.dead(queue), "(" + at, "+inf");
    query.commands.emplace_back("ZRANGEBYSCORE", k.dead(queue), at, at);
  }
  query.decode = [k, queues = std::move(queues), request](Replies replies) mutable -> Result<Step<DeadPage>> {
    DeadPage page;
    std::vector<std::int64_t> starts;
    for (auto reply = replies.begin(); reply != replies.end(); ++reply) {
      BOOST_OUTCOME_TRY(auto all, redis::integer(*reply));
      page.total += all;
      std::int64_t start = 0;
      if (request.after) {
        BOOST_OUTCOME_TRY(start, start_of(reply[1], std::move(reply[2]), request.after->redis_message_id));
        reply += 2;
      }
      starts.push_back(start);
    }
    if (queues.empty()) return Step<DeadPage>{std::move(page)};
    return Step<DeadPage>{merge(k, std::move(queues), starts, request.limit, std::move(page))};
  };
  return query;
}

Query<std::optional<DeadLetter>> DeadLetters::get(Names queues, const std::string& redis_message_id) const {
  const Keys k = keys(broker_);
  Query<std::optional<DeadLetter>> query;
  for (const std::string& queue : queues) {
    query.commands.emplace_back("ZSCORE", k.dead(queue), redis_message_id);
    query.commands.emplace_back("HGET", k.dead_payloads(queue), redis_message_id);
    query.commands.emplace_back("HGET", k.reasons(queue), redis_message_id);
  }
  query.decode = [queues = std::move(queues),
                  redis_message_id](Replies replies) -> Result<Step<std::optional<DeadLetter>>> {
    for (std::size_t i = 0; i < queues.size(); ++i) {
      Reply& payload = replies[3 * i + 1];
      if (payload.is_error()) return redis::as_error(payload);
      if (payload.is_null()) continue;
      const Place place{queues[i], redis_message_id, score(replies[3 * i])};
      return Step<std::optional<DeadLetter>>{
          std::optional(make_letter(place, std::move(payload.text), replies[3 * i + 2]))};
    }
    return Step<std::optional<DeadLetter>>{std::optional<DeadLetter>()};
  };
  return query;
}

Query<Names> DeadLetters::oldest(const std::string& queue, std::int64_t count, std::int64_t skip) const {
  return {{Command("ZRANGE", keys(broker_).dead(queue), skip, skip + count - 1)},
          [](Replies replies) -> Result<Step<Names>> {
            BOOST_OUTCOME_TRY(auto ids, redis::texts(std::move(replies[0])));
            return Step<Names>{std::move(ids)};
          }};
}

std::vector<Command> DeadLetters::replay_commands(const DeadLetter& letter, WallTime now) const {
  const Keys k = keys(broker_);
  Message message = *letter.message;
  for (const char* name : {"retries", "traceback", "requeue_timestamp", "eta"}) message.erase_option(name);
  message.queue_name = letter.queue;
  message.message_timestamp = millis(now);
  std::vector<Command> commands{Command("ZREM", k.dead(letter.queue), letter.redis_message_id),
                                Command("HDEL", k.dead_payloads(letter.queue), letter.redis_message_id),
                                Command("HDEL", k.reasons(letter.queue), letter.redis_message_id),
                                Command("HDEL", k.deaths(letter.queue), letter.redis_message_id)};
  auto enqueue = broker_.enqueue_commands(std::move(message));
  std::move(enqueue.begin(), enqueue.end(), std::back_inserter(commands));
  return commands;
}

Query<std::int64_t> DeadLetters::remove(const std::string& queue, const Names& redis_message_ids) const {
  const Keys k = keys(broker_);
  Query<std::int64_t> query;
  for (const std::string& key : {k.dead(queue), k.dead_payloads(queue), k.reasons(queue)}) {
    Command command(key == k.dead(queue) ? "ZREM" : "HDEL", key);
    command.words.insert(command.words.end(), redis_message_ids.begin(), redis_message_ids.end());
    query.commands.push_back(std::move(command));
  }
  query.decode = [](Replies replies) -> Result<Step<std::int64_t>> {
    for (const Reply& reply : replies)
      if (reply.is_error()) return redis::as_error(reply);
    BOOST_OUTCOME_TRY(auto removed, redis::integer(replies[0]));
    return Step<std::int64_t>{removed};
  };
  return query;
}

}  // namespace medsynth::dramatiq
