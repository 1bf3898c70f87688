// /v1/queues
#include "medsynth/dramatiq/queues.h"

#include <algorithm>

#include <fmt/format.h>

#include "medsynth/api/body.h"
#include "medsynth/api/handlers.h"
#include "medsynth/api/off_loop.h"
#include "medsynth/api/queue_view.h"
#include "medsynth/api/url.h"
#include "medsynth/base/log.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

constexpr std::int64_t kPurgeStep = 100;  // payloads that are looked at together

// That the request is to change, and may.
Result<std::string> queue_of(const Request& request) {
  const std::string& queue = request.parameters.at(0);
  BOOST_OUTCOME_TRY(check_queue(queue));
  BOOST_OUTCOME_TRY(allow_queue(request.key.get(), queue));
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
  BOOST_OUTCOME_CO_TRY(const auto changed, co_await co_run(app, queues.pause(queue)));
  BOOST_OUTCOME_CO_TRY(const auto depth, co_await co_run(app, app.services.broker.depth(queue)));
  if (changed) log::info("queue paused", {{"queue", queue}, {"waiting", depth.ready}});
  co_return co_await answer_about(
      app, queue,
      "The queue is paused: Medsynth's workers take nothing more from it. What they hold "
      "already runs; Python's workers know no pause.");
}

asio::awaitable<Result<Response>> resume_queue(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto queue, queue_of(request));
  const dramatiq::Queues queues(app.services.broker);
  BOOST_OUTCOME_CO_TRY(auto changed, co_await co_run(app, queues.resume(queue)));
  BOOST_OUTCOME_CO_TRY(const auto depth, co_await co_run(app, app.services.broker.depth(queue)));
  if (changed) log::info("queue resumed", {{"queue", queue}, {"waiting", depth.ready}});
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
  BOOST_OUTCOME_CO_TRY(auto waiting, co_await co_run(app, std::move(look)));
  if (waiting.empty()) co_return 0;
  std::size_t bytes = 0;
  for (const dramatiq::Waiting& each : waiting) bytes += each.payload.size();
  auto abandon =
      co_await off_loop(app, bytes, [&] { return app.services.store.abandon(tasks_of(waiting), app.now()); });
  BOOST_OUTCOME_CO_TRY(co_await co_run(app, std::move(abandon)));
  co_return co_await co_run(app, drop(waiting));
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
    const std::int64_t step = std::min(kPurgeStep, limit - purged);
    BOOST_OUTCOME_CO_TRY(
        count, co_await purge_some(app, queues.held_delayed(queue, step), [&](const auto& messages) {
          return queues.drop_held_delayed(queue, messages);
        }));
  }
  co_return purged;
}

asio::awaitable<Result<Response>> purge_queue(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto queue, queue_of(request));
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<BatchQuery>(request.query));
  BOOST_OUTCOME_CO_TRY(auto purged, co_await purge(app, queue, query.limit));
  BOOST_OUTCOME_CO_TRY(auto depth, co_await co_run(app, app.services.broker.depth(queue)));
  co_return answer(PurgeAnswer{
      .message = fmt::format("{} waiting and delayed messages are gone; their tasks are cancelled.", purged),
      .data = {purged, depth.ready + depth.delayed}});
}

struct Sending {
  dramatiq::Message message;
  std::optional<WallTime> eta = {};
  std::string task_id = {};
};

// Arguments and options stay the text that came: numbers of any size pass untouched.
Result<Sending> read_sending(const App& app, const Request& request, const std::string& queue) {
  BOOST_OUTCOME_TRY(auto body, parse_body<SendMessage>(request.body));
  Sending sending{dramatiq::make_message(queue, body.actor, "{}", app.now())};
  if (body.delay > 0) sending.eta = app.now() + std::chrono::milliseconds(body.delay);
  std::string_view options = "{}";
  BOOST_OUTCOME_TRY(auto members, json::members(request.body));
  for (const auto& [name, text] : members) {
    if (name == "args") sending.message.args = text;
    if (name == "kwargs") sending.message.kwargs = text;
    if (name == "options") options = text;
  }
  BOOST_OUTCOME_TRY(sending.message.options, dramatiq::read_options(options));
  const dramatiq::Message& message = sending.message;
  BOOST_OUTCOME_TRY(dramatiq::check(message));
  sending.task_id = tasks::identity_of(message.kwargs, message.option("task_id"), message.message_id);
  return sending;
}

// Nearly: others may send at the same time.
bool is_full(const App& app, const Key* key, const QueueInfo& info) {
  const std::int64_t max = max_queue_length(app, key);
  return max > 0 && info.ready + info.delayed + info.running >= max;
}

bool is_ours(const std::vector<QueueInfo>& infos, const App& app, const std::string& queue) {
  const auto& own = app.options.queues;
  return infos.at(0).workers > 0 || std::find(own.begin(), own.end(), queue) != own.end();
}

// On a queue that our workers consume, the message has its record from the start; elsewhere nobody would end
// it.
asio::awaitable<Result<Response>> send_message(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto queue, queue_of(request));
  BOOST_OUTCOME_CO_TRY(allow_model(request.key.get(), std::nullopt));  // an actor may use any
  const Key* key = request.key.get();
  const std::size_t bytes = request.body.size();
  BOOST_OUTCOME_CO_TRY(auto sending,
                       co_await off_loop(app, bytes, [&] { return read_sending(app, request, queue); }));
  const dramatiq::Message& message = sending.message;
  const dramatiq::Queues queues(app.services.broker);
  BOOST_OUTCOME_CO_TRY(co_await co_run(app, queues.remember({queue})));
  BOOST_OUTCOME_CO_TRY(auto infos, co_await queue_infos(app, {queue}));
  SendAnswer sent{.message = "The message is sent.", .data = {queue, message.message_id, std::nullopt}};
  if (!is_ours(infos, app, queue)) {
    if (is_full(app, key, infos.at(0))) co_return queue_full(app, key, queue);
    auto enqueue =
        co_await off_loop(app, bytes, [&] { return app.services.broker.enqueue(message, sending.eta); });
    BOOST_OUTCOME_CO_TRY(co_await co_run(app, std::move(enqueue)));
    co_return answer(sent, 202);
  }
  tasks::Fields fields;
  if (sending.eta) fields.emplace_back("eta", json::write_string(rfc3339(*sending.eta)));
  const tasks::NewTask task{.task_id = sending.task_id,
                            .message_id = message.message_id,
                            .queue = queue,
                            .actor = message.actor_name,
                            .fields = std::move(fields)};
  const auto bound = bound_of(app, key, sending.eta ? dramatiq::delay_queue(queue) : queue);
  auto create = co_await off_loop(app, bytes, [&] {
    return app.services.store.create(task, app.now(),
                                     app.services.broker.enqueue_commands(message, sending.eta), {}, bound);
  });
  BOOST_OUTCOME_CO_TRY(auto created, co_await co_run(app, std::move(create)));
  if (created.outcome == tasks::Created::Outcome::exists) co_return task_exists();
  if (created.outcome == tasks::Created::Outcome::full) co_return queue_full(app, key, queue);
  sent.data.task_id = sending.task_id;
  co_return answer(sent, 202);
}

}  // namespace

std::vector<Route> queue_routes() {
  return {
      {.method = Method::get,
       .pattern = "/v1/queues/",
       .handler = list_queues,
       .access = Scope::read,
       .name = "list_queues",
       .group = "queues",
       .summary = "Queues with what waits, runs and died in them",
       .query = payload<ListQueuesQuery>("ListQueuesQuery"),
       .answer = payload<QueueList>("QueueList")},
      {.method = Method::post,
       .pattern = "/v1/queues/{queue}/pause",
       .handler = pause_queue,
       .access = Scope::operate,
       .name = "pause_queue",
       .group = "queues",
       .summary = "Medsynth's workers take nothing more from it until it is resumed",
       .answer = payload<QueueAnswer>("QueueAnswer")},
      {.method = Method::post,
       .pattern = "/v1/queues/{queue}/resume",
       .handler = resume_queue,
       .access = Scope::operate,
       .name = "resume_queue",
       .group = "queues",
       .summary = "Ends a pause",
       .answer = payload<QueueAnswer>("QueueAnswer")},
      {.method = Method::post,
       .pattern = "/v1/queues/{queue}/messages",
       .handler = send_message,
       .access = Scope::submit,
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
       .access = Scope::operate,
       .name = "purge_queue",
       .group = "queues",
       .summary = "Drops waiting and delayed messages and cancels their tasks; call again while some remain",
       .query = payload<BatchQuery>("BatchQuery"),
       .answer = payload<PurgeAnswer>("PurgeAnswer")},
  };
}

}  // namespace medsynth::api
