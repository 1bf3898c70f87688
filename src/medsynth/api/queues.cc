// /v1/queues
#include "medsynth/dramatiq/queues.h"

#include <algorithm>

#include <fmt/format.h>

#include "medsynth/api/handlers.h"
#include "medsynth/api/queue_view.h"
#include "medsynth/api/url.h"
#include "medsynth/redis/awaitable.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;
using redis::co_run;

constexpr std::int64_t kPurgeStep = 100;  // payloads that are looked at together

Result<std::string> queue_of(const Request& request) {
  const std::string& queue = request.parameters.at(0);
  BOOST_OUTCOME_TRY(check_queue(queue));
  return queue;
}

asio::awaitable<Result<Response>> list_queues(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<ListQueuesQuery>(request.query));
  BOOST_OUTCOME_CO_TRY(auto names, co_await known_queues(app, query.all));
  BOOST_OUTCOME_CO_TRY(auto infos, co_await queue_infos(app, std::move(names)));
  co_return answer(QueueList{std::move(infos)});
}

asio::awaitable<Result<Response>> answer_about(App& app, const std::string& queue, std::string message) {
  BOOST_OUTCOME_CO_TRY(auto infos, co_await queue_infos(app, {queue}));
  co_return answer(QueueAnswer{.message = std::move(message), .data = infos.at(0)});
}

asio::awaitable<Result<Response>> pause_queue(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto queue, queue_of(request));
  const dramatiq::Queues queues(app.services.broker);
  BOOST_OUTCOME_CO_TRY(co_await co_run(app.services.client, queues.pause(queue)));
  co_return co_await answer_about(
      app, queue,
      "The queue is paused: Medsynth's workers take nothing more from it. What they hold "
      "already runs; Python's workers know no pause.");
}

asio::awaitable<Result<Response>> resume_queue(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto queue, queue_of(request));
  const dramatiq::Queues queues(app.services.broker);
  BOOST_OUTCOME_CO_TRY(auto changed, co_await co_run(app.services.client, queues.resume(queue)));
  co_return co_await answer_about(app, queue,
                                  changed ? "The queue is active again." : "The queue was not paused.");
}

// The records of those messages that have a task; the others are only dropped.
std::vector<tasks::MessageOfTask> tasks_of(const std::vector<dramatiq::Waiting>& messages) {
  std::vector<tasks::MessageOfTask> found;
  for (const dramatiq::Waiting& each : messages) {
    const auto message = dramatiq::decode(each.payload);
    if (message)
      found.push_back({tasks::identity_of(message->kwargs, message->option("task_id"), message->message_id),
                       message->message_id});
  }
  return found;
}

// Records first: were we to end in between, the messages would be settled unrun.
asio::awaitable<Result<std::int64_t>> purge_some(App& app, redis::Query<std::vector<dramatiq::Waiting>> look,
                                                 const auto& drop) {
  BOOST_OUTCOME_CO_TRY(auto waiting, co_await co_run(app.services.client, std::move(look)));
  if (waiting.empty()) co_return 0;
  BOOST_OUTCOME_CO_TRY(
      co_await co_run(app.services.client, app.services.store.abandon(tasks_of(waiting), app.now())));
  co_return co_await co_run(app.services.client, drop(waiting));
}

// Waiting messages, then delayed ones that wait, then those that workers hold until they are due.
asio::awaitable<Result<std::int64_t>> purge(App& app, const std::string& queue, std::int64_t limit) {
  const dramatiq::Queues queues(app.services.broker);
  const std::string delayed = dramatiq::delay_queue(queue);
  std::int64_t purged = 0;
  for (const std::string& name : {queue, delayed}) {
    for (std::int64_t count = 1; count > 0 && purged < limit; purged += count) {
      const std::int64_t step = std::min(kPurgeStep, limit - purged);
      BOOST_OUTCOME_CO_TRY(
          count, co_await purge_some(app, queues.head(name, step),
                                     [&](const auto& messages) { return queues.drop(name, messages); }));
    }
  }
  for (std::int64_t count = 1; count > 0 && purged < limit; purged += count) {
    BOOST_OUTCOME_CO_TRY(
        count, co_await purge_some(app, queues.held_delayed(queue, kPurgeStep), [&](const auto& messages) {
          return queues.drop_held_delayed(queue, messages);
        }));
  }
  co_return purged;
}

asio::awaitable<Result<Response>> purge_queue(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto queue, queue_of(request));
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<BatchQuery>(request.query));
  BOOST_OUTCOME_CO_TRY(auto purged, co_await purge(app, queue, query.limit));
  BOOST_OUTCOME_CO_TRY(auto depth, co_await co_run(app.services.client, app.services.broker.depth(queue)));
  co_return answer(PurgeAnswer{
      .message = fmt::format("{} waiting and delayed messages are gone; their tasks are cancelled.", purged),
      .data = {purged, depth.ready + depth.delayed}});
}

// A member of the body as the text that came, in place: numbers of any size pass untouched.
std::string_view raw_member(std::string_view body, std::string_view name, std::string_view fallback) {
  const auto members = json::members(body);
  if (!members) return fallback;
  for (const auto& [key, text] : *members)
    if (key == name) fallback = text;
  return fallback;
}

Result<dramatiq::Message> read_message(const App& app, const Request& request, const std::string& queue,
                                       const SendMessage& body) {
  auto message = dramatiq::make_message(queue, body.actor,
                                        std::string(raw_member(request.body, "kwargs", "{}")), app.now());
  message.args = raw_member(request.body, "args", "[]");
  if (const auto options = json::members(raw_member(request.body, "options", "{}")))
    for (const auto& [name, text] : *options) message.set_option(name, std::string(text));
  BOOST_OUTCOME_TRY(dramatiq::check(message));
  return message;
}

bool is_ours(const std::vector<QueueInfo>& infos, const App& app, const std::string& queue) {
  const auto& own = app.options.queues;
  return infos.at(0).workers > 0 || std::find(own.begin(), own.end(), queue) != own.end();
}

// On a queue that our workers consume, the message has its record from the start; elsewhere nobody would end
// it.
asio::awaitable<Result<Response>> send_message(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto queue, queue_of(request));
  BOOST_OUTCOME_CO_TRY(auto body, described::parse<SendMessage>(request.body));
  BOOST_OUTCOME_CO_TRY(auto message, read_message(app, request, queue, body));
  const std::optional<WallTime> eta =
      body.delay > 0 ? std::optional(app.now() + std::chrono::milliseconds(body.delay)) : std::nullopt;
  const dramatiq::Queues queues(app.services.broker);
  BOOST_OUTCOME_CO_TRY(co_await co_run(app.services.client, queues.remember({queue})));
  BOOST_OUTCOME_CO_TRY(auto infos, co_await queue_infos(app, {queue}));
  SendAnswer sent{.message = "The message is sent.", .data = {queue, message.message_id, std::nullopt}};
  if (!is_ours(infos, app, queue)) {
    BOOST_OUTCOME_CO_TRY(co_await co_run(app.services.client, app.services.broker.enqueue(message, eta)));
    co_return answer(sent, 202);
  }
  const std::string id = tasks::identity_of(message.kwargs, message.option("task_id"), message.message_id);
  const tasks::NewTask task{.task_id = id,
                            .message_id = message.message_id,
                            .queue = queue,
                            .actor = message.actor_name,
                            .fields = {}};
  auto create =
      app.services.store.create(task, app.now(), app.services.broker.enqueue_commands(message, eta));
  BOOST_OUTCOME_CO_TRY(auto created, co_await co_run(app.services.client, std::move(create)));
  if (created.outcome == tasks::Created::Outcome::exists)
    co_return Error{Code::conflict, "A task with this id exists: choose another, or delete it first.",
                    "task_exists"};
  sent.data.task_id = id;
  co_return answer(sent, 202);
}

}  // namespace

std::vector<Route> queue_routes() {
  return {
      {.method = Method::get,
       .pattern = "/v1/queues/",
       .handler = list_queues,
       .name = "list_queues",
       .group = "queues",
       .summary = "Queues with what waits, runs and died in them",
       .query = payload<ListQueuesQuery>("ListQueuesQuery"),
       .answer = payload<QueueList>("QueueList")},
      {.method = Method::post,
       .pattern = "/v1/queues/{queue}/pause",
       .handler = pause_queue,
       .name = "pause_queue",
       .group = "queues",
       .summary = "Medsynth's workers take nothing more from it until it is resumed",
       .answer = payload<QueueAnswer>("QueueAnswer")},
      {.method = Method::post,
       .pattern = "/v1/queues/{queue}/resume",
       .handler = resume_queue,
       .name = "resume_queue",
       .group = "queues",
       .summary = "Ends a pause",
       .answer = payload<QueueAnswer>("QueueAnswer")},
      {.method = Method::post,
       .pattern = "/v1/queues/{queue}/messages",
       .handler = send_message,
       .name = "send_message",
       .group = "queues",
       .summary = "Sends a message to any actor, ours or Python's",
       .body = payload<SendMessage>("SendMessage"),
       .answer = payload<SendAnswer>("SendAnswer"),
       .status = 202,
       .errors = {409}},
      {.method = Method::delete_,
       .pattern = "/v1/queues/{queue}/messages",
       .handler = purge_queue,
       .name = "purge_queue",
       .group = "queues",
       .summary = "Drops waiting and delayed messages and cancels their tasks; call again while some remain",
       .query = payload<BatchQuery>("BatchQuery"),
       .answer = payload<PurgeAnswer>("PurgeAnswer")},
  };
}

}  // namespace medsynth::api
