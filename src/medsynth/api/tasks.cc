// /v1/tasks
#include <fmt/format.h>

#include "medsynth/api/handlers.h"
#include "medsynth/api/off_loop.h"
#include "medsynth/api/payloads.h"
#include "medsynth/api/task_search.h"
#include "medsynth/api/url.h"
#include "medsynth/api/waits.h"
#include "medsynth/base/id.h"
#include "medsynth/tasks/timeline.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

struct Listed {
  std::vector<tasks::Record> tasks;
  Reach reach;
};

std::string page_json(const Listed& page, const std::vector<std::optional<tasks::Waiting>>& waiting) {
  std::string body = R"({"tasks":[)";
  for (std::size_t i = 0; i < page.tasks.size(); ++i) {
    if (i > 0) body += ',';
    page.tasks[i].to_json(body, described::write(waiting[i]));
  }
  const Reach& reach = page.reach;
  body += fmt::format(R"(],"scanned":{},"total":{},"next_cursor":)", reach.scanned, reach.total);
  body += reach.next_cursor ? json::write_string(*reach.next_cursor) : "null";
  if (reach.messages_total)
    body += fmt::format(R"(,"messages_scanned":{},"messages_total":{})", *reach.messages_scanned,
                        *reach.messages_total);
  return body + "}";
}

// A page of an index, as it lies there.
asio::awaitable<Result<Listed>> list_index(App& app, const ListTasksQuery& query) {
  BOOST_OUTCOME_CO_TRY(auto list, app.services.store.list({.status = query.status,
                                                           .limit = query.limit,
                                                           .offset = query.offset,
                                                           .cursor = query.cursor.value_or(""),
                                                           .results = query.include.has_value()},
                                                          app.now()));
  BOOST_OUTCOME_CO_TRY(auto page, co_await co_run(app, std::move(list)));
  co_return Listed{std::move(page.tasks),
                   {.scanned = page.looked_at, .total = page.total, .next_cursor = page.next_cursor}};
}

// Those that match: found by a few fields, then read.
asio::awaitable<Result<Listed>> search_tasks(App& app, const ListTasksQuery& query) {
  if (query.offset > 0) co_return invalid("/offset", "goes with no filter but status: take next_cursor");
  BOOST_OUTCOME_CO_TRY(auto wanted, TaskSelection::of(query));
  Listed page;
  BOOST_OUTCOME_CO_TRY(co_await look_into_arguments(app, wanted, page.reach));
  std::vector<tasks::Record> found;
  std::vector<tasks::Cursor> places;
  const TakeTask take = [&](const tasks::Record& record, const tasks::Cursor& place) {
    found.push_back(record);
    places.push_back(place);
    return static_cast<std::int64_t>(found.size()) < query.limit;
  };
  BOOST_OUTCOME_CO_TRY(co_await walk_tasks(app, wanted, query.cursor.value_or(""), take, page.reach));
  if (found.empty()) co_return page;
  BOOST_OUTCOME_CO_TRY(page.tasks, co_await co_run(app, app.services.store.whole(std::move(found),
                                                                                 query.include.has_value())));
  if (page.tasks.empty() || page.tasks.back().task_id == places.back().task_id) co_return page;
  // The others are too large for this page.
  for (const tasks::Cursor& place : places)
    if (place.task_id == page.tasks.back().task_id) page.reach.next_cursor = to_text(place);
  co_return page;
}

asio::awaitable<Result<Response>> list_tasks(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<ListTasksQuery>(request.query));
  TaskFilter rest = query;
  rest.status.reset();
  auto listed = is_empty(rest) ? list_index(app, query) : search_tasks(app, query);
  BOOST_OUTCOME_CO_TRY(const auto page, co_await std::move(listed));
  BOOST_OUTCOME_CO_TRY(const auto waiting, co_await waiting_of(app, page.tasks));
  std::size_t bytes = 0;
  for (const tasks::Record& record : page.tasks) bytes += record.bytes();
  co_return Response{.body = co_await off_loop(app, bytes, [&] { return page_json(page, waiting); })};
}

asio::awaitable<Result<Response>> show_task(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(const auto shown, co_await shown_task(app, request));
  co_return Response{.body = co_await off_loop(app, shown.record.bytes(), [&] {
                       std::string body;
                       shown.record.to_json(body, described::write(shown.waiting));
                       return body;
                     })};
}

// A task that has not ended is in its last phase still; why it waits is told by those who know.
void show_waiting(const tasks::Waiting& waiting, tasks::Timeline& timeline) {
  if (timeline.attempts.empty()) return;
  auto& phases = timeline.attempts.back().phases;
  if (!phases.empty() && !phases.back().to) phases.back().to = waiting.since;
  if (!phases.empty() && phases.back().to == phases.back().from) phases.pop_back();
  phases.push_back({"waiting", waiting.since, std::nullopt, waiting.reason});
}

asio::awaitable<Result<Response>> show_timeline(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto id, task_id_of(request));
  BOOST_OUTCOME_CO_TRY(auto record, co_await co_run(app, app.services.store.get(std::move(id))));
  if (!record) co_return task_not_found();
  BOOST_OUTCOME_CO_TRY(const auto waiting, co_await waiting_of(app, *record));
  tasks::Timeline timeline = tasks::timeline_of(*record, app.now());
  if (waiting && waiting->reason != "retry") show_waiting(*waiting, timeline);
  co_return answer(timeline);
}

// The path's task id, of a task that the request's key may end. The record is asked only for a key that is
// limited to queues.
asio::awaitable<Result<std::string>> own_task_id_of(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto id, task_id_of(request));
  if (!request.key || request.key->queues.empty()) co_return id;
  BOOST_OUTCOME_CO_TRY(const auto record, co_await co_run(app, app.services.store.get(id)));
  if (!record) co_return task_not_found();
  BOOST_OUTCOME_CO_TRY(allow_queue(request.key.get(), record->text("queue").value_or("")));
  co_return id;
}

asio::awaitable<Result<Response>> delete_task(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto id, co_await own_task_id_of(app, request));
  BOOST_OUTCOME_CO_TRY(auto removed, co_await co_run(app, app.services.store.remove(id, app.now())));
  if (!removed) co_return task_not_found();
  co_return answer(Deleted{.message = "The task is deleted.", .data = {1}});
}

asio::awaitable<Result<Response>> delete_tasks(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<DeleteTasksQuery>(request.query));
  BOOST_OUTCOME_CO_TRY(allow_queue(request.key.get(), ""));  // tasks of all queues
  const bool filtered = query.status || query.older_than;
  if (!filtered && !query.all)
    co_return invalid("/all", "must be true to delete every task; or say which: status, older_than");
  if (filtered && query.all)
    co_return invalid("/all", "does not go with status or older_than: it means every task");
  std::optional<std::chrono::seconds> age;
  if (query.older_than) age = std::chrono::seconds(*query.older_than);
  auto remove = app.services.store.remove_many(query.status, age, app.now());
  BOOST_OUTCOME_CO_TRY(auto count, co_await co_run(app, std::move(remove)));
  co_return answer(Deleted{.message = fmt::format("{} tasks are deleted.", count), .data = {count}});
}

asio::awaitable<Result<Response>> cancel_task(App& app, const Request& request) {
  using Outcome = tasks::Cancelled::Outcome;
  BOOST_OUTCOME_CO_TRY(auto id, co_await own_task_id_of(app, request));
  BOOST_OUTCOME_CO_TRY(auto done, co_await co_run(app, app.services.store.cancel(id, app.now())));
  if (done.outcome == Outcome::absent) co_return task_not_found();
  if (done.outcome == Outcome::ended)
    co_return Error{Code::conflict, "The task has ended already: there is nothing to cancel.", "task_ended"};
  const bool runs = done.outcome == Outcome::requested;
  CancelAnswer body{.message = runs ? "The task runs and was asked to stop." : "The task is cancelled.",
                    .data = {id, runs ? "requested" : "cancelled"}};
  co_return answer(body, 202);
}

}  // namespace

Result<std::string> task_id_of(const Request& request) {
  const std::string& id = request.parameters.at(0);
  BOOST_OUTCOME_TRY(check_task_id(id));
  return id;
}

Error task_not_found() {
  return {Code::not_found, "There is no such task, or its record has expired.", "task_not_found"};
}

Error task_exists() {
  return {Code::conflict, "A task with this id exists: choose another, or delete it first.", "task_exists"};
}

std::vector<Route> task_routes() {
  return {
      {.method = Method::get,
       .pattern = "/v1/tasks/",
       .handler = list_tasks,
       .access = Scope::read,
       .name = "list_tasks",
       .group = "tasks",
       .summary = "Tasks that match, newest first; a result above 64 KiB is null with result_bytes, unless "
                  "`include` says result",
       .query = payload<ListTasksQuery>("ListTasksQuery"),
       .answer = payload<TaskPage>("TaskPage")},
      {.method = Method::delete_,
       .pattern = "/v1/tasks/",
       .handler = delete_tasks,
       .access = Scope::operate,
       .name = "delete_tasks",
       .group = "tasks",
       .summary = "Deletes tasks by status and by age since their last update, or all of them; those that "
                  "live are cancelled",
       .query = payload<DeleteTasksQuery>("DeleteTasksQuery"),
       .answer = payload<Deleted>("Deleted")},
      {.method = Method::get,
       .pattern = "/v1/tasks/{task_id}",
       .handler = show_task,
       .access = Scope::read,
       .name = "show_task",
       .group = "tasks",
       .summary = "One task with its result; with `wait` when it has ended",
       .query = payload<ShowTaskQuery>("ShowTaskQuery"),
       .answer = payload<tasks::TaskInfo>("TaskInfo"),
       .polled = true,
       .errors = {404}},
      {.method = Method::get,
       .pattern = "/v1/tasks/{task_id}/timeline",
       .handler = show_timeline,
       .access = Scope::read,
       .name = "show_timeline",
       .group = "tasks",
       .summary = "What the task went through: its last 20 attempts, each with its phases",
       .answer = payload<tasks::Timeline>("Timeline"),
       .polled = true,
       .errors = {404}},
      {.method = Method::delete_,
       .pattern = "/v1/tasks/{task_id}",
       .handler = delete_task,
       .access = Scope::operate,
       .name = "delete_task",
       .group = "tasks",
       .summary = "Deletes a task; one that lives is cancelled",
       .answer = payload<Deleted>("Deleted"),
       .errors = {404}},
      {.method = Method::post,
       .pattern = "/v1/tasks/{task_id}/cancel",
       .handler = cancel_task,
       .access = Scope::operate,
       .name = "cancel_task",
       .group = "tasks",
       .summary = "Ends a waiting task, asks a running one to stop",
       .answer = payload<CancelAnswer>("CancelAnswer"),
       .status = 202,
       .errors = {404, 409}},
  };
}

}  // namespace medsynth::api
