// What is done to many at once: POST /v1/tasks/actions and /v1/dead/actions.
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/api/body.h"
#include "medsynth/api/bulk_payloads.h"
#include "medsynth/api/handlers.h"
#include "medsynth/api/off_loop.h"
#include "medsynth/api/task_search.h"
#include "medsynth/base/log.h"
#include "medsynth/tasks/changes.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;
using dramatiq::DeadLetter;
using dramatiq::DeadLetters;

// Dead letters that one call changes: it has them all in its hands, with their payloads.
constexpr std::int64_t kMaxLetters = 100;

// A member that is null is one that came out empty: it must not widen what is done.
Result<> check_nulls(const json::value& body) {
  const json::object* object = body.if_object();
  const json::value* filter = object ? object->if_contains("filter") : nullptr;
  if (!filter) return success();
  if (filter->is_null()) return invalid("/filter", "must not be null: leave it out, with `all` true");
  if (!filter->is_object()) return success();
  for (const auto& [name, value] : filter->get_object())
    if (value.is_null())
      return invalid(described::pointer_to("/filter", name), "must not be null: leave it out");
  return success();
}

// The request, with a filter that says what is meant.
template <class Actions>
Result<Actions> read_actions(const Request& request, std::initializer_list<std::string_view> actions) {
  BOOST_OUTCOME_TRY(const auto body, read_json(request.body));
  BOOST_OUTCOME_TRY(check_nulls(body));
  BOOST_OUTCOME_TRY(auto wanted, described::from_value<Actions>(body));
  if (std::ranges::find(actions, wanted.action) == actions.end())
    return invalid("/action", fmt::format("must be one of {}", fmt::join(actions, ", ")));
  const bool filtered = wanted.filter && !is_empty(*wanted.filter);
  if (!filtered && !wanted.all)
    return invalid("/filter", "must say which; or `all` must be true, which means every one");
  if (filtered && wanted.all) return invalid("/all", "does not go with a filter: it means every one");
  if (!wanted.filter) wanted.filter.emplace();
  BOOST_OUTCOME_TRY(allow_queue(request.key.get(), wanted.filter->queue.value_or("")));
  return wanted;
}

// What becomes of each.
class Tally {
 public:
  explicit Tally(ManyDone& done) : done_(done) {}
  ~Tally() {
    for (const auto& [reason, count] : skipped_) done_.skipped.push_back({reason, count});
    for (const auto& [reason, count] : failed_) done_.failed.push_back({reason, count});
  }
  void skip(const std::string& reason) { ++skipped_[reason]; }

  // An error that is this one's alone is counted; others end the call.
  Result<> add(const Result<>& result) {
    if (result)
      ++done_.done;
    else if (result.error().code == Code::not_found)
      skip("it is gone");
    else if (result.error().code == Code::conflict)
      ++failed_[result.error().message];
    else
      return result.error();
    return success();
  }

 private:
  ManyDone& done_;
  std::map<std::string, std::int64_t> skipped_, failed_;
};

template <class Actions>
Error more_than_expected(const Actions& wanted, std::int64_t matched) {
  return {Code::conflict,
          fmt::format("At least {} match, and {} were expected: nothing is done. Count them again (dry_run).",
                      matched, *wanted.expected),
          "more_than_expected"};
}

template <class Actions>
Response answered(const Actions& wanted, std::string_view what, ManyDone done, const Reach& reach) {
  done.action = wanted.action;
  done.dry_run = wanted.dry_run;
  done.scanned = reach.scanned;
  done.total = reach.total;
  done.next_cursor = reach.next_cursor;
  done.messages_scanned = reach.messages_scanned;
  done.messages_total = reach.messages_total;
  const std::string_view more = done.next_cursor ? " There may be more: go on with next_cursor." : "";
  auto message = wanted.dry_run ? fmt::format("{} {} match; nothing is done.{}", done.matched, what, more)
                                : fmt::format("{} of {} {} that match: {}.{}", done.done, done.matched, what,
                                              wanted.action, more);
  if (!wanted.dry_run)
    log::info("many at once",
              {{"action", wanted.action}, {"of", what}, {"matched", done.matched}, {"done", done.done}});
  return answer(ManyAnswer{.message = std::move(message), .data = std::move(done)});
}

asio::awaitable<Result<>> act_on(App& app, const std::string& action, const std::string& task_id,
                                 Tally& tally) {
  if (action == "delete") {
    const auto removed = co_await co_run(app, app.services.store.remove(task_id, app.now()));
    if (removed && !*removed) co_return tally.add(task_not_found());
    co_return tally.add(removed ? Result<>(success()) : removed.error());
  }
  using Outcome = tasks::Cancelled::Outcome;
  const auto cancelled = co_await co_run(app, app.services.store.cancel(task_id, app.now()));
  if (!cancelled) co_return tally.add(cancelled.error());
  if (cancelled->outcome == Outcome::absent) co_return tally.add(task_not_found());
  if (cancelled->outcome != Outcome::ended) co_return tally.add(success());
  tally.skip("it has ended");
  co_return success();
}

// Found first and then changed: what changes meanwhile is asked again by each change.
asio::awaitable<Result<Response>> change_tasks(App& app, const TaskActions& wanted, TaskSelection selection) {
  ManyDone done{.at = rfc3339(app.now())};
  Reach reach;
  BOOST_OUTCOME_CO_TRY(co_await look_into_arguments(app, selection, reach));
  std::vector<std::string> ids;
  const TakeTask take = [&](const tasks::Record& record, const tasks::Cursor&) {
    ++done.matched;
    if (!wanted.dry_run) ids.push_back(record.task_id);
    return wanted.dry_run || done.matched < wanted.limit;
  };
  BOOST_OUTCOME_CO_TRY(co_await walk_tasks(app, selection, wanted.cursor.value_or(""), take, reach));
  if (wanted.expected && !wanted.dry_run && done.matched > *wanted.expected)
    co_return more_than_expected(wanted, done.matched);
  {
    Tally tally(done);
    for (const std::string& id : ids) {
      BOOST_OUTCOME_CO_TRY(co_await act_on(app, wanted.action, id, tally));
    }
  }
  co_return answered(wanted, "tasks", std::move(done), reach);
}

asio::awaitable<Result<>> act_on(App& app, const std::string& action, const DeadLetter& letter,
                                 Tally& tally) {
  if (action == "replay") co_return tally.add(co_await replay_letter(app, letter));
  auto remove = DeadLetters(app.services.broker).remove(letter.queue, {letter.redis_message_id});
  const auto removed = co_await co_run(app, std::move(remove));
  if (removed && *removed == 0) co_return tally.add(no_such_letter());
  co_return tally.add(removed ? Result<>(success()) : removed.error());
}

// A letter and the task that its message stands for.
struct Candidate {
  std::string task_id;
  DeadLetter letter;
};

// Those whose tasks match.
asio::awaitable<Result<>> keep_by_task(App& app, const TaskSelection& selection,
                                       std::vector<Candidate>& candidates) {
  std::vector<std::string> ids;
  for (const Candidate& each : candidates) ids.push_back(each.task_id);
  if (ids.empty()) co_return success();
  const tasks::ChangeStream records(app.options.task_prefix);
  BOOST_OUTCOME_CO_TRY(auto found, co_await co_run(app, records.excerpts(ids, TaskSelection::fields())));
  std::vector<Candidate> kept;
  for (std::size_t i = 0; i < std::min(candidates.size(), found.size()); ++i)
    if (!found[i].fields.empty() && selection.matches(found[i])) kept.push_back(std::move(candidates[i]));
  candidates = std::move(kept);
  co_return success();
}

// With `selection` only those of tasks that match.
template <class Actions>
asio::awaitable<Result<Response>> change_letters(App& app, const Actions& wanted, const DeadFilter& filter,
                                                 const TaskSelection* selection) {
  ManyDone done{.at = rfc3339(app.now())};
  Reach reach;
  std::vector<Candidate> candidates;
  const std::int64_t most = std::min(wanted.limit, kMaxLetters);
  const TakeLetter take = [&](DeadLetter& letter) {
    Candidate found{letter.message ? task_of(*letter.message) : "", std::move(letter)};
    if (wanted.dry_run) found.letter = {};  // they are only counted
    if (!selection || !found.task_id.empty()) candidates.push_back(std::move(found));
    return wanted.dry_run || static_cast<std::int64_t>(candidates.size()) < most;
  };
  BOOST_OUTCOME_CO_TRY(co_await walk_dead(app, filter, wanted.cursor, take, reach));
  if (selection) {
    BOOST_OUTCOME_CO_TRY(co_await keep_by_task(app, *selection, candidates));
  }
  done.matched = static_cast<std::int64_t>(candidates.size());
  if (wanted.expected && !wanted.dry_run && done.matched > *wanted.expected)
    co_return more_than_expected(wanted, done.matched);
  if (!wanted.dry_run) {
    Tally tally(done);
    for (const Candidate& each : candidates) {
      BOOST_OUTCOME_CO_TRY(co_await act_on(app, wanted.action, each.letter, tally));
    }
  }
  co_return answered(wanted, "dead letters", std::move(done), reach);
}

asio::awaitable<Result<Response>> task_actions(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto wanted, read_actions<TaskActions>(request, {"cancel", "delete", "replay"}));
  BOOST_OUTCOME_CO_TRY(auto selection, TaskSelection::of(*wanted.filter, "/filter"));
  if (wanted.action != "replay") co_return co_await change_tasks(app, wanted, std::move(selection));
  // What can be put back is a dead letter; its queue, actor and arguments are those of its task.
  const DeadFilter filter{
      .queue = wanted.filter->queue, .actor = wanted.filter->actor, .text = wanted.filter->text};
  selection.filter.text.reset();
  co_return co_await change_letters(app, wanted, filter, &selection);
}

asio::awaitable<Result<Response>> dead_actions(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(const auto wanted, read_actions<DeadActions>(request, {"replay", "delete"}));
  co_return co_await change_letters(app, wanted, *wanted.filter, nullptr);
}

}  // namespace

std::vector<Route> bulk_routes() {
  return {
      {.method = Method::post,
       .pattern = "/v1/tasks/actions",
       .handler = task_actions,
       .access = Scope::operate,
       .name = "change_tasks",
       .group = "tasks",
       .summary = "Cancels, deletes or replays all tasks that match; without `dry_run` false it counts them",
       .body = payload<TaskActions>("TaskActions"),
       .answer = payload<ManyAnswer>("ManyAnswer"),
       .errors = {409}},
      {.method = Method::post,
       .pattern = "/v1/dead/actions",
       .handler = dead_actions,
       .access = Scope::operate,
       .name = "change_dead_letters",
       .group = "dead",
       .summary = "Replays or deletes all dead letters that match; without `dry_run` false it counts them",
       .body = payload<DeadActions>("DeadActions"),
       .answer = payload<ManyAnswer>("ManyAnswer"),
       .errors = {409}}};
}

}  // namespace medsynth::api
