// /v1/async-ml: work for the actors
#include <fmt/format.h>

#include "medsynth/api/body.h"
#include "medsynth/api/handlers.h"
#include "medsynth/api/idempotency.h"
#include "medsynth/api/models.h"
#include "medsynth/api/off_loop.h"
#include "medsynth/api/payloads.h"
#include "medsynth/api/queue_view.h"
#include "medsynth/api/url.h"
#include "medsynth/api/waits.h"
#include "medsynth/base/id.h"
#include "medsynth/jobs/jobs.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

Meta meta(const App& app, const Request& request) {
  return {request.request_id, rfc3339(app.now())};
}

// A keyword argument that has its default is left out, as a Python caller would: the source document's own
// actors take fewer parameters than ours.
template <class Arguments>
std::string keyword_arguments(const Arguments& arguments) {
  const json::value defaults = described::to_value(Arguments{}), all = described::to_value(arguments);
  json::object given;
  for (const auto& [name, value] : all.get_object())
    if (value != defaults.at(name)) given[name] = value;
  return json::write(given);
}

// Sizes only: never the texts.
json::object sizes(const jobs::DetectContradiction&) {
  return {};
}
json::object sizes(const jobs::AnalyzeArticles& arguments) {
  return {{"total_articles", arguments.articles.size()}};
}
json::object sizes(const jobs::GenerateEmbeddings& arguments) {
  return {{"total_texts", arguments.texts.size()}};
}

Response accepted(const App& app, const Request& request, const std::string& task_id,
                  const json::object& counted, bool replayed) {
  json::object data{{"task_id", task_id}, {"status", described::enum_name(tasks::Status::pending)}};
  for (const auto& [name, count] : counted) data[name] = count;
  Response response = json_response({{"success", true},
                                     {"message", "The task is accepted."},
                                     {"data", std::move(data)},
                                     {"meta", described::to_value(meta(app, request))}},
                                    202);
  response.headers.emplace_back(
      "Location", fmt::format("{}/v1/async-ml/task/{}", app.options.path_prefix, percent_encode(task_id)));
  if (replayed) response.headers.emplace_back("Idempotent-Replayed", "true");
  return response;
}

// The model that a task names, and where it says so.
struct NamedModel {
  std::string pointer, name, kind;
};
std::optional<NamedModel> model_of(const jobs::DetectContradiction& arguments) {
  if (arguments.entailment_model)
    return NamedModel{"/entailment_model", *arguments.entailment_model, "entailment"};
  if (!arguments.language_model) return std::nullopt;
  return NamedModel{"/language_model", *arguments.language_model, "language"};
}
std::optional<NamedModel> model_of(const jobs::AnalyzeArticles& arguments) {
  if (!arguments.entailment_model) return std::nullopt;
  return NamedModel{"/entailment_model", *arguments.entailment_model, "entailment"};
}
std::optional<NamedModel> model_of(const jobs::GenerateEmbeddings& arguments) {
  if (!arguments.model_name) return std::nullopt;
  return NamedModel{"/model_name", *arguments.model_name, "sentence"};
}

// Whether it uses one: words are compared without.
bool uses_model(const jobs::DetectContradiction& arguments) {
  return arguments.use_all_methods;
}
bool uses_model(const jobs::AnalyzeArticles&) {
  return true;
}
bool uses_model(const jobs::GenerateEmbeddings&) {
  return true;
}

// What a key is limited to.
template <class Arguments>
Result<> check_key(const App& app, const Request& request, const Arguments& arguments) {
  BOOST_OUTCOME_TRY(allow_queue(request.key.get(), app.options.queue));
  if (!uses_model(arguments)) return success();
  const auto model = model_of(arguments);
  return allow_model(request.key.get(), model ? std::optional(model->name) : std::nullopt);
}

// A submission as far as it can be made without Redis.
struct Submission {
  std::string task_id;
  std::optional<NamedModel> model;
  json::object counted;
  std::optional<IdempotencyKey> key;
  redis::Query<tasks::Created> create;  // record, message and idempotency key in one script: all or nothing
};

template <class Arguments>
Result<Submission> prepare(const App& app, const Request& request, const jobs::Actor& actor,
                           Arguments arguments) {
  BOOST_OUTCOME_TRY(check_key(app, request, arguments));
  BOOST_OUTCOME_TRY(jobs::check(arguments));
  if (!arguments.task_id) arguments.task_id = new_uuid();
  BOOST_OUTCOME_TRY(check_task_id(*arguments.task_id));
  BOOST_OUTCOME_TRY(auto key, idempotency_key(request, app.options.task_prefix));
  const std::string& id = *arguments.task_id;
  json::object counted = sizes(arguments);
  json::object metadata{{"operation", actor.operation}};
  for (const auto& [name, count] : counted) metadata[name] = count;

  const WallTime now = app.now();
  const auto message =
      dramatiq::make_message(app.options.queue, std::string(actor.name), keyword_arguments(arguments), now);
  BOOST_OUTCOME_TRY(dramatiq::check(message));
  const tasks::NewTask task{.task_id = id,
                            .message_id = message.message_id,
                            .queue = app.options.queue,
                            .actor = std::string(actor.name),
                            .fields = {{"metadata", json::write(metadata)}}};
  std::optional<tasks::Guard> once;
  if (key) once = guard(*key, id);
  return Submission{.task_id = id,
                    .model = model_of(arguments),
                    .counted = std::move(counted),
                    .key = std::move(key),
                    .create = app.services.store.create(
                        task, now, app.services.broker.enqueue_commands(message), std::move(once),
                        bound_of(app, request.key.get(), app.options.queue))};
}

template <class Arguments>
asio::awaitable<Result<Submission>> prepared(App& app, const Request& request, const jobs::Actor& actor,
                                             Result<Arguments> (*read)(const Request&)) {
  co_return co_await off_loop(app, request.body.size(), [&]() -> Result<Submission> {
    BOOST_OUTCOME_TRY(auto arguments, read(request));
    return prepare(app, request, actor, std::move(arguments));
  });
}

asio::awaitable<Result<Response>> submit(App& app, const Request& request, Submission submission) {
  using Outcome = tasks::Created::Outcome;
  if (const auto& model = submission.model) {
    BOOST_OUTCOME_CO_TRY(co_await check_model(app, model->pointer, model->name, model->kind));
  }
  BOOST_OUTCOME_CO_TRY(auto created, co_await co_run(app, std::move(submission.create)));
  if (created.outcome == Outcome::exists) co_return task_exists();
  if (created.outcome == Outcome::full) co_return queue_full(app, request.key.get(), app.options.queue);
  if (created.outcome == Outcome::created)
    co_return accepted(app, request, submission.task_id, submission.counted, false);
  BOOST_OUTCOME_CO_TRY(auto first, replayed_task(*submission.key, created.guard_value));
  co_return accepted(app, request, first, submission.counted, true);
}

template <class Arguments>
Result<Arguments> read_body(const Request& request) {
  return parse_body<Arguments>(request.body);
}

// The body with what the query adds; a field in both is a mistake.
Result<jobs::DetectContradiction> read_claims(const Request& request) {
  BOOST_OUTCOME_TRY(auto query, parse_query<DetectQuery>(request.query));
  json::value body = json::object{};
  if (!request.body.empty()) {
    BOOST_OUTCOME_TRY(body, read_json(request.body));
  }
  if (!body.is_object()) return described::from_value<jobs::DetectContradiction>(body);
  const json::value extra = described::to_value(query);
  for (const auto& [name, value] : extra.get_object()) {
    if (value.is_null()) continue;
    if (body.get_object().contains(name))
      return invalid(described::pointer_to("", name), "is both in the body and in the query");
    body.get_object()[name] = value;
  }
  return described::from_value<jobs::DetectContradiction>(body);
}

asio::awaitable<Result<Response>> detect(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto submission, co_await prepared(app, request, jobs::kDetect, read_claims));
  co_return co_await submit(app, request, std::move(submission));
}

asio::awaitable<Result<Response>> analyze(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto submission,
                       co_await prepared(app, request, jobs::kAnalyze, read_body<jobs::AnalyzeArticles>));
  co_return co_await submit(app, request, std::move(submission));
}

asio::awaitable<Result<Response>> embed(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto submission,
                       co_await prepared(app, request, jobs::kEmbed, read_body<jobs::GenerateEmbeddings>));
  co_return co_await submit(app, request, std::move(submission));
}

asio::awaitable<Result<Response>> show(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(const auto shown, co_await shown_task(app, request));
  co_return Response{.body = co_await off_loop(app, shown.record.bytes(), [&] {
                       std::string body = R"({"success":true,"message":"The task as it is now.","data":)";
                       shown.record.to_json(body, described::write(shown.waiting));
                       return body + R"(,"meta":)" + described::write(meta(app, request)) + "}";
                     })};
}

Route submission(std::string_view pattern, Handler handler, std::string_view name, std::string_view summary,
                 Payload body) {
  return {.method = Method::post,
          .pattern = pattern,
          .handler = handler,
          .access = Scope::submit,
          .name = name,
          .group = "async-ml",
          .summary = summary,
          .body = body,
          .takes_idempotency_key = true,
          .answer = payload<SubmitAnswer>("SubmitAnswer"),
          .status = 202,
          .errors = {409, 422, 503}};
}

}  // namespace

std::vector<Route> async_ml_routes() {
  Route detection = submission("/v1/async-ml/contradiction/detect", detect, "detect_contradiction",
                               "Do two claims contradict each other?",
                               payload<jobs::DetectContradiction>("DetectContradiction"));
  detection.query = payload<DetectQuery>("DetectQuery");
  detection.body_optional = true;
  return {
      detection,
      submission("/v1/async-ml/contradiction/analyze", analyze, "analyze_articles",
                 "Which claims of these articles contradict each other?",
                 payload<jobs::AnalyzeArticles>("AnalyzeArticles")),
      submission("/v1/async-ml/embeddings/generate", embed, "generate_embeddings", "Embeds texts",
                 payload<jobs::GenerateEmbeddings>("GenerateEmbeddings")),
      {.method = Method::get,
       .pattern = "/v1/async-ml/task/{task_id}",
       .handler = show,
       .access = Scope::read,
       .name = "show_ml_task",
       .group = "async-ml",
       .summary = "One task with its result, in an envelope; with `wait` when it has ended",
       .query = payload<ShowTaskQuery>("ShowTaskQuery"),
       .answer = payload<TaskAnswer>("TaskAnswer"),
       .polled = true,
       .errors = {404}},
  };
}

}  // namespace medsynth::api
