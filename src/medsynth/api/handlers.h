// The calls, one file per group. Each checks its input, asks, and answers; an error is returned and becomes a
// problem.
#pragma once

#include <vector>

#include "medsynth/api/app.h"
#include "medsynth/api/payloads.h"
#include "medsynth/api/router.h"
#include "medsynth/dramatiq/dead.h"

namespace medsynth::api {

// Each group's rows of the table.
std::vector<Route> task_routes();         // tasks.cc
std::vector<Route> resource_routes();     // resources.cc
std::vector<Route> model_cache_routes();  // model_cache.cc
std::vector<Route> models_routes();       // models.cc
std::vector<Route> async_ml_routes();     // async_ml.cc
std::vector<Route> reference_routes();    // references.cc
std::vector<Route> label_routes();        // labels.cc
std::vector<Route> queue_routes();        // queues.cc
std::vector<Route> dead_routes();         // dead.cc
std::vector<Route> bulk_routes();         // bulk.cc
std::vector<Route> error_routes();        // errors.cc
std::vector<Route> history_routes();      // history.cc
std::vector<Route> event_routes();        // events.cc
std::vector<Route> session_routes();      // sign_in.cc
std::vector<Route> console_routes();      // console.cc
std::vector<Route> health_routes();       // health.cc
std::vector<Route> openapi_routes();      // openapi.cc

// {status:"success", message, data} and the like.
template <described::Struct T>
Response answer(const T& body, int status = 200) {
  return json_response(described::to_value(body), status);
}

// What `GET /v1/resources/usage` answers: resources.cc.
boost::asio::awaitable<Result<UsageAnswer>> usage_now(App& app);

// The path's task id, checked.
Result<std::string> task_id_of(const Request& request);
Error task_not_found();
Error task_exists();

// The task that a message stands for: dead.cc.
std::string task_of(const dramatiq::Message& message);
Error no_such_letter();
// Puts a dead letter back on its queue, record and message in one script. not_found: it is gone; conflict: it
// stays, and why.
boost::asio::awaitable<Result<>> replay_letter(App& app, const dramatiq::DeadLetter& letter);

}  // namespace medsynth::api
