#include "medsynth/api/task_search.h"

#include <algorithm>

#include "medsynth/api/off_loop.h"
#include "medsynth/api/queue_view.h"
#include "medsynth/dramatiq/queues.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

constexpr std::int64_t kStep = 250;           // records of one script: some milliseconds of Redis
constexpr std::int64_t kMaxScanned = 10'000;  // of one call
constexpr std::int64_t kMaxMessages = 2'000;  // the same, of messages with their arguments
constexpr std::int64_t kLetterStep = 100;     // with their payloads

// Those of the page that match, in their order. Where the caller has enough, the index of the last that was looked
// at.
std::optional<std::size_t> take_from(const tasks::Page& page, const TaskSelection& wanted,
                                     const TakeTask& take, bool& past) {
  for (std::size_t i = 0; i < page.tasks.size(); ++i) {
    past = wanted.is_past(page.tasks[i]);
    if (past) return std::nullopt;
    if (wanted.matches(page.tasks[i]) && !take(page.tasks[i], {page.scores[i], page.tasks[i].task_id}))
      return i;
  }
  return std::nullopt;
}

}  // namespace

asio::awaitable<Result<>> look_into_arguments(App& app, TaskSelection& wanted, Reach& reach) {
  if (!wanted.filter.text) co_return success();
  BOOST_OUTCOME_CO_TRY(const auto queues, co_await named_or_known(app, wanted.filter.queue));
  const std::string& text = *wanted.filter.text;
  reach.messages_scanned = reach.messages_total = 0;
  for (const std::string& queue : queues) {
    const std::int64_t left = kMaxMessages - *reach.messages_scanned;
    auto search = dramatiq::Queues(app.services.broker).search(queue, text, left);
    BOOST_OUTCOME_CO_TRY(auto found, co_await co_run(app, std::move(search)));
    *reach.messages_scanned += found.looked_at;
    *reach.messages_total += found.total;
    std::size_t bytes = 0;
    for (const std::string& payload : found.payloads) bytes += payload.size();
    co_await off_loop(app, bytes, [&] {
      for (const std::string& payload : found.payloads)
        if (const auto message = dramatiq::decode(payload); message && has_argument(*message, text))
          wanted.by_arguments.insert(
              tasks::identity_of(message->kwargs, message->option("task_id"), message->message_id));
      return true;
    });
  }
  reach.messages_scanned = std::min(*reach.messages_scanned, *reach.messages_total);
  co_return success();
}

asio::awaitable<Result<>> walk_tasks(App& app, const TaskSelection& wanted, std::string cursor,
                                     const TakeTask& take, Reach& reach) {
  for (std::int64_t scanned = 0; scanned < kMaxScanned;) {
    const tasks::ListRequest step{.status = wanted.filter.status,
                                  .limit = kStep,
                                  .cursor = std::move(cursor),
                                  .before = wanted.created_before,
                                  .fields = TaskSelection::fields()};
    BOOST_OUTCOME_CO_TRY(auto list, app.services.store.list(step, app.now()));
    BOOST_OUTCOME_CO_TRY(auto page, co_await co_run(app, std::move(list)));
    std::size_t bytes = 0;
    for (const tasks::Record& record : page.tasks) bytes += record.bytes();
    bool past = false;
    const auto last = co_await off_loop(app, bytes, [&] { return take_from(page, wanted, take, past); });
    reach.total = page.total;
    reach.scanned = page.looked_at;
    reach.next_cursor = past ? std::nullopt : page.next_cursor;
    if (last && *last + 1 < page.tasks.size()) {
      reach.scanned -= static_cast<std::int64_t>(page.tasks.size() - *last - 1);
      reach.next_cursor = to_text(tasks::Cursor{page.scores[*last], page.tasks[*last].task_id});
    }
    if (last || !reach.next_cursor) break;
    scanned += kStep;
    cursor = *reach.next_cursor;
  }
  co_return success();
}

asio::awaitable<Result<>> walk_dead(App& app, const DeadFilter& wanted,
                                    const std::optional<std::string>& cursor, const TakeLetter& take,
                                    Reach& reach) {
  dramatiq::DeadRequest step{.limit = kLetterStep};
  if (cursor) {
    BOOST_OUTCOME_CO_TRY(step.after, dramatiq::parse_dead_cursor(*cursor));
  }
  BOOST_OUTCOME_CO_TRY(const auto queues, co_await named_or_known(app, wanted.queue));
  const dramatiq::DeadLetters dead(app.services.broker);
  bool enough = false;
  while (!enough && reach.scanned < kMaxMessages) {
    BOOST_OUTCOME_CO_TRY(auto page, co_await co_run(app, dead.list(queues, step)));
    reach.total = page.total;
    reach.next_cursor = page.next ? std::optional(to_text(*page.next)) : std::nullopt;
    std::size_t bytes = 0;
    for (const dramatiq::DeadLetter& letter : page.letters) bytes += letter.payload.size();
    co_await off_loop(app, bytes, [&] {
      for (std::size_t i = 0; i < page.letters.size() && !enough; ++i) {
        dramatiq::DeadLetter& letter = page.letters[i];
        ++reach.scanned;
        const dramatiq::DeadCursor behind{letter.died_at_ms, letter.redis_message_id};
        enough = matches(wanted, letter) && !take(letter);
        if (enough && (i + 1 < page.letters.size() || page.next)) reach.next_cursor = to_text(behind);
      }
      return true;
    });
    if (!page.next) break;
    step.after = page.next;
  }
  co_return success();
}

}  // namespace medsynth::api
