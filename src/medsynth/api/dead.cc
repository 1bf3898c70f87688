// /v1/dead
#include "medsynth/dramatiq/dead.h"

#include <algorithm>

#include <fmt/format.h>

#include "medsynth/api/handlers.h"
#include "medsynth/api/off_loop.h"
#include "medsynth/api/queue_view.h"
#include "medsynth/api/url.h"
#include "medsynth/base/id.h"
#include "medsynth/dramatiq/quarantine.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;
using dramatiq::DeadLetter;
using dramatiq::DeadLetters;

constexpr std::int64_t kReplayStep = 100;  // letters that are asked for together

std::string time_text(std::int64_t ms) {
  return rfc3339(WallTime{std::chrono::milliseconds{ms}});
}

// Bytes of one part of a letter that its reader gets: a page on a screen has some thousand.
constexpr std::size_t kMaxShown = 1024 * 1024;

// A text of which only the beginning is shown.
void cut(std::string& text, std::string_view name, std::vector<std::string>& omitted) {
  if (text.size() <= kMaxShown) return;
  text.resize(kMaxShown);
  omitted.emplace_back(name);
}

template <class Info>
Info described_letter(const DeadLetter& letter) {
  Info info;
  info.id = letter.redis_message_id;
  info.queue = letter.queue;
  info.died_at = time_text(letter.died_at_ms);
  info.reason = letter.reason;
  info.payload_bytes = static_cast<std::int64_t>(letter.payload.size());
  info.decodable = letter.message.has_value();
  if (!letter.message) return info;
  info.actor = letter.message->actor_name;
  info.message_id = letter.message->message_id;
  info.task_id = task_of(*letter.message);
  info.attempts = letter.attempts;
  info.sent_at = time_text(letter.message->message_timestamp);
  return info;
}

// JSON as it lies in Redis, or a string of it: Python writes NaN, which no other JSON reader takes. What is
// too large is null, and `omitted` names it.
std::string shown(std::string_view name, const std::string& text, std::vector<std::string>& omitted) {
  if (text.size() <= kMaxShown) return json::is_json(text) ? text : json::write_string(text);
  omitted.emplace_back(name);
  return "null";
}

std::string shown_options(const dramatiq::Message& message, std::vector<std::string>& omitted) {
  std::string options;
  for (const auto& [name, text] : message.options) {
    if (name == "traceback") continue;
    options += fmt::format("{}{}:", options.empty() ? "" : ",", json::write_string(name));
    options += json::is_json(text) ? text : json::write_string(text);
  }
  return shown("options", "{" + options + "}", omitted);
}

// The described letter, with arguments and options as the text that they are.
std::string detail_json(const DeadLetter& letter) {
  auto detail = described_letter<DeadLetterDetail>(letter);
  std::vector<std::string> omitted;
  std::string args, kwargs, options;
  if (letter.message) {
    args = shown("args", letter.message->args, omitted);
    kwargs = shown("kwargs", letter.message->kwargs, omitted);
    options = shown_options(*letter.message, omitted);
    detail.traceback = letter.message->text_option("traceback");
    if (detail.traceback) cut(*detail.traceback, "traceback", omitted);
  } else {
    detail.payload = letter.payload;
    cut(*detail.payload, "payload", omitted);
    detail.payload = dramatiq::as_characters(*detail.payload);
  }
  if (!omitted.empty()) detail.omitted = std::move(omitted);
  std::string body = "{";
  const json::value described = described::to_value(detail);
  for (const auto& [name, value] : described.get_object()) {
    if (body.size() > 1) body += ',';
    body += json::write_string(name) + ':';
    if (letter.message && name == "args")
      body += args;
    else if (letter.message && name == "kwargs")
      body += kwargs;
    else if (letter.message && name == "options")
      body += options;
    else
      body += json::write(value);
  }
  return body + "}";
}

asio::awaitable<Result<Response>> list_dead(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<ListDeadQuery>(request.query));
  dramatiq::DeadRequest wanted{.limit = query.limit};
  if (query.cursor) {
    BOOST_OUTCOME_CO_TRY(wanted.after, dramatiq::parse_dead_cursor(*query.cursor));
  }
  BOOST_OUTCOME_CO_TRY(auto queues, co_await named_or_known(app, query.queue));
  BOOST_OUTCOME_CO_TRY(auto page,
                       co_await co_run(app, DeadLetters(app.services.broker).list(queues, wanted)));
  DeadPage body{.letters = {}, .total = page.total, .next_cursor = std::nullopt};
  std::size_t bytes = 0;
  for (const DeadLetter& letter : page.letters) bytes += letter.payload.size();
  body.letters = co_await off_loop(app, bytes, [&] {
    std::vector<DeadLetterInfo> letters;
    for (const DeadLetter& letter : page.letters) letters.push_back(described_letter<DeadLetterInfo>(letter));
    return letters;
  });
  if (page.next) body.next_cursor = to_text(*page.next);
  co_return answer(body);
}

// The letter that the path and the query name.
asio::awaitable<Result<DeadLetter>> find_letter(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<DeadLetterQuery>(request.query));
  BOOST_OUTCOME_CO_TRY(check_name("/id", request.parameters.at(0)));
  BOOST_OUTCOME_CO_TRY(auto queues, co_await named_or_known(app, query.queue));
  auto get = DeadLetters(app.services.broker).get(std::move(queues), request.parameters.at(0));
  BOOST_OUTCOME_CO_TRY(auto letter, co_await co_run(app, std::move(get)));
  if (!letter) co_return no_such_letter();
  co_return std::move(*letter);
}

asio::awaitable<Result<Response>> show_dead(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto letter, co_await find_letter(app, request));
  co_return Response{.body =
                         co_await off_loop(app, letter.payload.size(), [&] { return detail_json(letter); })};
}

}  // namespace

std::string task_of(const dramatiq::Message& message) {
  return tasks::identity_of(message.kwargs, message.option("task_id"), message.message_id);
}

Error no_such_letter() {
  return {Code::not_found, "There is no such dead letter: it was replayed, purged, or has expired.",
          "dead_letter_not_found"};
}

asio::awaitable<Result<>> replay_letter(App& app, const DeadLetter& letter) {
  if (!letter.message)
    co_return Error{Code::conflict, "This payload cannot be decoded, so nobody could run it: purge it.",
                    "undecodable"};
  const std::size_t bytes = letter.payload.size();
  if (const auto checked = co_await off_loop(app, bytes, [&] { return check(*letter.message); }); !checked)
    co_return Error{Code::conflict, "This message cannot be sent: " + checked.error().message, "undecodable"};
  const auto commands = co_await off_loop(
      app, bytes, [&] { return DeadLetters(app.services.broker).replay_commands(letter, app.now()); });
  auto reopen =
      app.services.store.reopen(task_of(*letter.message), letter.message->message_id, app.now(), commands);
  BOOST_OUTCOME_CO_TRY(auto outcome, co_await co_run(app, std::move(reopen)));
  if (outcome == tasks::Reopened::absent) co_return no_such_letter();
  if (outcome == tasks::Reopened::taken)
    co_return Error{Code::conflict,
                    "The task id of this message belongs to another message by now: delete that task first.",
                    "task_exists"};
  co_return success();
}

namespace {

// The same, which the request is to change, and may.
asio::awaitable<Result<DeadLetter>> find_own_letter(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto letter, co_await find_letter(app, request));
  BOOST_OUTCOME_CO_TRY(allow_queue(request.key.get(), letter.queue));
  co_return std::move(letter);
}

asio::awaitable<Result<Response>> replay_dead(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto letter, co_await find_own_letter(app, request));
  BOOST_OUTCOME_CO_TRY(co_await replay_letter(app, letter));
  co_return answer(ReplayAnswer{.message = fmt::format("The message is on queue {} again.", letter.queue),
                                .data = {.replayed_count = 1, .refused = {}, .remaining = 0}},
                   202);
}

asio::awaitable<Result<std::int64_t>> dead_count(App& app, const std::string& queue) {
  BOOST_OUTCOME_CO_TRY(auto depth, co_await co_run(app, app.services.broker.depth(queue)));
  co_return depth.dead;
}

// The oldest first, so that those which die again meanwhile come last, and are not looked at. Refused ones
// stay where they are, before the others.
asio::awaitable<Result<Response>> replay_many(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<DeadBatchQuery>(request.query));
  BOOST_OUTCOME_CO_TRY(check_queue(query.queue));
  BOOST_OUTCOME_CO_TRY(allow_queue(request.key.get(), query.queue));
  const DeadLetters dead(app.services.broker);
  Replayed done;
  BOOST_OUTCOME_CO_TRY(std::int64_t unseen, co_await dead_count(app, query.queue));
  while (unseen > 0 && done.replayed_count < query.limit) {
    const std::int64_t step = std::min({unseen, query.limit - done.replayed_count, kReplayStep});
    auto next = dead.oldest(query.queue, step, static_cast<std::int64_t>(done.refused.size()));
    BOOST_OUTCOME_CO_TRY(auto ids, co_await co_run(app, std::move(next)));
    if (ids.empty()) break;
    unseen -= static_cast<std::int64_t>(ids.size());
    for (const std::string& id : ids) {
      BOOST_OUTCOME_CO_TRY(auto letter, co_await co_run(app, dead.get({query.queue}, id)));
      if (!letter) {  // an id without a payload would stand before the others for ever
        BOOST_OUTCOME_CO_TRY(co_await co_run(app, dead.remove(query.queue, {id})));
        continue;
      }
      const auto replayed = co_await replay_letter(app, *letter);
      if (replayed)
        ++done.replayed_count;
      else if (replayed.error().code == Code::conflict)
        done.refused.push_back(id);
      else if (replayed.error().code != Code::not_found)
        co_return replayed.error();
    }
  }
  BOOST_OUTCOME_CO_TRY(done.remaining, co_await dead_count(app, query.queue));
  co_return answer(ReplayAnswer{.message = fmt::format("{} messages are on queue {} again.",
                                                       done.replayed_count, query.queue),
                                .data = std::move(done)},
                   202);
}

asio::awaitable<Result<Response>> delete_dead(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto letter, co_await find_own_letter(app, request));
  auto remove = DeadLetters(app.services.broker).remove(letter.queue, {letter.redis_message_id});
  BOOST_OUTCOME_CO_TRY(auto removed, co_await co_run(app, std::move(remove)));
  if (removed == 0) co_return no_such_letter();
  co_return answer(PurgeAnswer{.message = "The dead letter is gone.", .data = {1, 0}});
}

asio::awaitable<Result<Response>> purge_dead(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<DeadBatchQuery>(request.query));
  BOOST_OUTCOME_CO_TRY(check_queue(query.queue));
  BOOST_OUTCOME_CO_TRY(allow_queue(request.key.get(), query.queue));
  const DeadLetters dead(app.services.broker);
  BOOST_OUTCOME_CO_TRY(auto ids, co_await co_run(app, dead.oldest(query.queue, query.limit)));
  std::int64_t removed = 0;
  if (!ids.empty()) {
    BOOST_OUTCOME_CO_TRY(removed, co_await co_run(app, dead.remove(query.queue, ids)));
  }
  BOOST_OUTCOME_CO_TRY(auto remaining, co_await dead_count(app, query.queue));
  co_return answer(PurgeAnswer{.message = fmt::format("{} dead letters are gone.", removed),
                               .data = {removed, remaining}});
}

}  // namespace

std::vector<Route> dead_routes() {
  return {
      {.method = Method::get,
       .pattern = "/v1/dead/",
       .handler = list_dead,
       .access = Scope::read,
       .name = "list_dead_letters",
       .group = "dead",
       .summary = "Dead letters, newest first",
       .query = payload<ListDeadQuery>("ListDeadQuery"),
       .answer = payload<DeadPage>("DeadPage")},
      {.method = Method::delete_,
       .pattern = "/v1/dead/",
       .handler = purge_dead,
       .access = Scope::operate,
       .name = "purge_dead_letters",
       .group = "dead",
       .summary = "Drops a queue's dead letters, the oldest first; call again while some remain",
       .query = payload<DeadBatchQuery>("DeadBatchQuery"),
       .answer = payload<PurgeAnswer>("PurgeAnswer")},
      {.method = Method::post,
       .pattern = "/v1/dead/replay",
       .handler = replay_many,
       .access = Scope::operate,
       .name = "replay_dead_letters",
       .group = "dead",
       .summary = "Puts a queue's dead letters back, the oldest first; call again while some remain",
       .query = payload<DeadBatchQuery>("DeadBatchQuery"),
       .answer = payload<ReplayAnswer>("ReplayAnswer"),
       .status = 202},
      {.method = Method::get,
       .pattern = "/v1/dead/{id}",
       .handler = show_dead,
       .access = Scope::read,
       .name = "show_dead_letter",
       .group = "dead",
       .summary = "One dead letter with its arguments and its last error",
       .query = payload<DeadLetterQuery>("DeadLetterQuery"),
       .answer = payload<DeadLetterDetail>("DeadLetterDetail"),
       .errors = {404}},
      {.method = Method::delete_,
       .pattern = "/v1/dead/{id}",
       .handler = delete_dead,
       .access = Scope::operate,
       .name = "delete_dead_letter",
       .group = "dead",
       .summary = "Drops one dead letter",
       .query = payload<DeadLetterQuery>("DeadLetterQuery"),
       .answer = payload<PurgeAnswer>("PurgeAnswer"),
       .errors = {404}},
      {.method = Method::post,
       .pattern = "/v1/dead/{id}/replay",
       .handler = replay_dead,
       .access = Scope::operate,
       .name = "replay_dead_letter",
       .group = "dead",
       .summary = "Puts one dead letter back on its queue, as new; its task is pending again",
       .query = payload<DeadLetterQuery>("DeadLetterQuery"),
       .answer = payload<ReplayAnswer>("ReplayAnswer"),
       .status = 202,
       .errors = {404, 409}},
  };
}

}  // namespace medsynth::api
