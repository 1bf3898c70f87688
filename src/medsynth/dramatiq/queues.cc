#include "medsynth/dramatiq/queues.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "medsynth/dramatiq/keys.h"
#include "medsynth/dramatiq/placing.h"
#include "medsynth/dramatiq/scripts.h"
#include "medsynth/redis/pattern.h"

namespace medsynth::dramatiq {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Reply;
using redis::Step;
using Names = std::vector<std::string>;

constexpr int kScanStep = 1000;
// A script that searches has each payload in its hands, up to 16 MiB: few at a time.
constexpr int kSearchStep = 16;
constexpr int kSearchedBytes = 256 * 1024;

Keys keys(const Broker& broker) {
  return {broker.options().namespace_};
}

Query<std::int64_t> one_number(Command command) {
  return {{std::move(command)}, [](Replies replies) -> Result<Step<std::int64_t>> {
            BOOST_OUTCOME_TRY(auto n, redis::integer(replies[0]));
            return Step<std::int64_t>{n};
          }};
}

// The queue that a key with payloads belongs to; empty when it is not such a key.
std::string queue_of(std::string_view key, std::string_view ns) {
  constexpr std::string_view kEnding = ".msgs";
  if (key.size() <= ns.size() + 1 + kEnding.size() || !key.ends_with(kEnding)) return "";
  key.remove_prefix(ns.size() + 1);
  key.remove_suffix(kEnding.size());
  std::string queue = canonical_queue(key);
  return check_queue_name(queue) ? queue : "";
}

Query<Names> scan_from(const std::string& ns, const std::string& cursor, std::set<std::string> found) {
  return {{Command("SCAN", cursor, "MATCH", redis::glob_escaped(ns) + ":*.msgs", "COUNT", kScanStep, "TYPE",
                   "hash")},
          [ns, found = std::move(found)](Replies replies) mutable -> Result<Step<Names>> {
            BOOST_OUTCOME_TRY(auto page, redis::list(std::move(replies[0])));
            if (page.size() != 2)
              return Error{Code::internal, "SCAN did not answer with a cursor and keys", ""};
            BOOST_OUTCOME_TRY(auto next, redis::text(page[0]));
            BOOST_OUTCOME_TRY(auto names, redis::texts(std::move(page[1])));
            for (const std::string& key : names)
              if (std::string queue = queue_of(key, ns); !queue.empty()) found.insert(std::move(queue));
            if (next != "0") return Step<Names>{scan_from(ns, next, std::move(found))};
            return Step<Names>{Names(found.begin(), found.end())};
          }};
}

// At most `count` fields of a hash. HSCAN answers with as many as it likes: a small hash as a whole, of a
// large one perhaps none, and more behind its cursor.
Query<std::vector<Waiting>> some_of(const std::string& hash, std::size_t count, const std::string& cursor) {
  return {{Command("HSCAN", hash, cursor, "COUNT", count)},
          [hash, count](Replies replies) -> Result<Step<std::vector<Waiting>>> {
            BOOST_OUTCOME_TRY(auto page, redis::list(std::move(replies[0])));
            if (page.size() != 2)
              return Error{Code::internal, "HSCAN did not answer with a cursor and fields", ""};
            BOOST_OUTCOME_TRY(auto next, redis::text(page[0]));
            BOOST_OUTCOME_TRY(auto words, redis::texts(std::move(page[1])));
            if (words.empty() && next != "0") return Step<std::vector<Waiting>>{some_of(hash, count, next)};
            std::vector<Waiting> waiting;
            for (std::size_t i = 0; i + 1 < words.size() && waiting.size() < count; i += 2)
              waiting.push_back({std::move(words[i]), std::move(words[i + 1])});
            return Step<std::vector<Waiting>>{std::move(waiting)};
          }};
}

// A text as payloads may have it, in lower case: as JSON in UTF-8, and with escapes, as Python writes it.
std::vector<std::string> spellings(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c == '"' || c == '\\') plain += '\\';
    if (c == '\n' || c == '\t')
      plain += c == '\n' ? "\\n" : "\\t";
    else
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  std::string escaped;
  for (std::size_t at = 0; at < plain.size();) {
    const auto lead = static_cast<unsigned char>(plain[at]);
    const auto length = static_cast<std::size_t>(std::max(1, std::countl_one(lead)));  // it is UTF-8
    std::uint32_t point = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length && at + i < plain.size(); ++i)
      point = point << 6 | (static_cast<unsigned char>(plain[at + i]) & 0x3FU);
    at += length;
    if (length == 1)
      escaped += static_cast<char>(lead);
    else if (point < 0x10000)
      escaped += fmt::format("\\u{:04x}", point);
    else
      escaped += fmt::format("\\u{:04x}\\u{:04x}", 0xD7C0 + (point >> 10), 0xDC00 + (point & 0x3FF));
  }
  return escaped == plain ? std::vector{plain} : std::vector{plain, escaped};
}

// Goes on at a cursor of the first of these hashes.
struct Search {
  Names hashes;
  Names texts;
  std::int64_t count = 0;
  std::string cursor = "0";
  Sought found = {};
};

Query<Sought> search_on(Search search) {
  Command look = Command::eval(scripts::search, {search.hashes.front()},
                               {search.cursor, std::to_string(kSearchStep), std::to_string(kSearchedBytes)});
  look.words.insert(look.words.end(), search.texts.begin(), search.texts.end());
  return {{std::move(look)}, [search = std::move(search)](Replies replies) mutable -> Result<Step<Sought>> {
            BOOST_OUTCOME_TRY(auto answer, redis::list(std::move(replies[0])));
            if (answer.size() != 3) return Error{Code::internal, "Redis answered no page of messages", ""};
            BOOST_OUTCOME_TRY(auto payloads, redis::texts(std::move(answer[2])));
            Sought& found = search.found;
            std::move(payloads.begin(), payloads.end(), std::back_inserter(found.payloads));
            found.looked_at += answer[1].integer;
            search.cursor = answer[0].text;
            if (search.cursor == "0") search.hashes.erase(search.hashes.begin());
            if (search.hashes.empty() || found.looked_at >= search.count)
              return Step<Sought>{std::move(found)};
            return Step<Sought>{search_on(std::move(search))};
          }};
}

Query<std::int64_t> drop_all(const Broker& broker, const std::string& queue,
                             const std::vector<Waiting>& messages, std::string_view from_list) {
  const Keys k = keys(broker);
  std::vector<std::string> arguments{std::string(from_list)};
  for (const Waiting& message : messages) arguments.push_back(message.redis_message_id);
  return one_number(Command::eval(scripts::drop,
                                  {k.queue(queue), k.payloads(queue), k.deaths(queue), k.due(queue),
                                   k.acks(scheduler_id(queue), delay_queue(queue))},
                                  std::move(arguments)));
}

}  // namespace

Query<redis::Done> Queues::remember(const Names& queues) const {
  std::vector<Command> commands;
  for (const std::string& queue : queues) commands.emplace_back("SADD", keys(broker_).queues(), queue);
  return redis::all_ok(std::move(commands));
}

Query<std::int64_t> Queues::forget(const Names& queues) const {
  Command command("SREM", keys(broker_).queues());
  command.words.insert(command.words.end(), queues.begin(), queues.end());
  return one_number(std::move(command));
}

Query<Names> Queues::known() const {
  return {{Command("SMEMBERS", keys(broker_).queues()), Command("SMEMBERS", keys(broker_).paused())},
          [](Replies replies) -> Result<Step<Names>> {
            BOOST_OUTCOME_TRY(auto names, redis::texts(std::move(replies[0])));
            BOOST_OUTCOME_TRY(auto paused, redis::texts(std::move(replies[1])));
            std::set<std::string> all(names.begin(), names.end());
            all.insert(paused.begin(), paused.end());
            return Step<Names>{Names(all.begin(), all.end())};
          }};
}

Query<Names> Queues::scan() const {
  return scan_from(broker_.options().namespace_, "0", {});
}

Query<std::vector<QueueState>> Queues::states(Names queues) const {
  Query<std::vector<QueueState>> query;
  std::vector<std::function<Result<Step<Depth>>(Replies)>> decoders;
  for (const std::string& queue : queues) {
    query.commands.emplace_back("SISMEMBER", keys(broker_).paused(), queue);
    Query<Depth> depth = broker_.depth(queue);
    std::move(depth.commands.begin(), depth.commands.end(), std::back_inserter(query.commands));
    decoders.push_back(std::move(depth.decode));
  }
  query.decode = [queues = std::move(queues),
                  decoders = std::move(decoders)](Replies replies) -> Result<Step<std::vector<QueueState>>> {
    std::vector<QueueState> states;
    const std::size_t each = queues.empty() ? 0 : replies.size() / queues.size();
    for (std::size_t i = 0; i < queues.size(); ++i) {
      const auto first = replies.begin() + static_cast<std::ptrdiff_t>(i * each);
      BOOST_OUTCOME_TRY(auto paused, redis::integer(*first));
      BOOST_OUTCOME_TRY(auto depth, decoders[i](Replies(
                                        std::make_move_iterator(first + 1),
                                        std::make_move_iterator(first + static_cast<std::ptrdiff_t>(each)))));
      states.push_back({queues[i], paused == 1, *depth.value});
    }
    return Step<std::vector<QueueState>>{std::move(states)};
  };
  return query;
}

Query<Names> Queues::paused() const {
  return {{Command("SMEMBERS", keys(broker_).paused())}, [](Replies replies) -> Result<Step<Names>> {
            BOOST_OUTCOME_TRY(auto names, redis::texts(std::move(replies[0])));
            return Step<Names>{std::move(names)};
          }};
}

Query<Sought> Queues::search(const std::string& queue, std::string_view text, std::int64_t count) const {
  const Keys k = keys(broker_);
  const Names hashes{k.payloads(queue), k.payloads(delay_queue(queue)), k.dead_payloads(queue)};
  Query<Sought> query;
  for (const std::string& hash : hashes) query.commands.emplace_back("HLEN", hash);
  query.decode = [hashes, texts = spellings(text), count](const Replies& replies) -> Result<Step<Sought>> {
    Search search{.hashes = hashes, .texts = texts, .count = count};
    for (const Reply& reply : replies) {
      BOOST_OUTCOME_TRY(const auto length, redis::integer(reply));
      search.found.total += length;
    }
    if (search.found.total == 0 || count <= 0) return Step<Sought>{std::move(search.found)};
    return Step<Sought>{search_on(std::move(search))};
  };
  return query;
}

Query<bool> Queues::pause(const std::string& queue) const {
  return {{Command("SADD", keys(broker_).paused(), queue), Command("SADD", keys(broker_).queues(), queue)},
          [](Replies replies) -> Result<Step<bool>> {
            BOOST_OUTCOME_TRY(auto added, redis::integer(replies[0]));
            return Step<bool>{added == 1};
          }};
}

Query<bool> Queues::resume(const std::string& queue) const {
  return {{Command("SREM", keys(broker_).paused(), queue),
           Command("PUBLISH", broker_.bell_channel(queue), queue)},
          [](Replies replies) -> Result<Step<bool>> {
            BOOST_OUTCOME_TRY(auto removed, redis::integer(replies[0]));
            return Step<bool>{removed == 1};
          }};
}

Query<std::vector<Waiting>> Queues::head(const std::string& queue, std::int64_t count) const {
  const Keys k = keys(broker_);
  return {{Command("LRANGE", k.queue(queue), 0, count - 1)},
          [payloads = k.payloads(queue)](Replies replies) -> Result<Step<std::vector<Waiting>>> {
            BOOST_OUTCOME_TRY(auto ids, redis::texts(std::move(replies[0])));
            if (ids.empty()) return Step<std::vector<Waiting>>{std::vector<Waiting>{}};
            return Step<std::vector<Waiting>>{payloads_of(payloads, std::move(ids))};
          }};
}

Query<std::int64_t> Queues::drop(const std::string& queue, const std::vector<Waiting>& messages) const {
  return drop_all(broker_, queue, messages, "1");
}

Query<std::vector<Waiting>> Queues::held_delayed(const std::string& queue, std::int64_t count) const {
  return some_of(keys(broker_).payloads(delay_queue(queue)), static_cast<std::size_t>(count), "0");
}

Query<std::int64_t> Queues::drop_held_delayed(const std::string& queue,
                                              const std::vector<Waiting>& messages) const {
  return drop_all(broker_, delay_queue(queue), messages, "");
}

}  // namespace medsynth::dramatiq
