// The calls on tasks and async-ml, with what they leave in Redis.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "medsynth/api/app.h"
#include "medsynth/api/off_loop.h"

#include "integration/api/api_fixture.h"

namespace medsynth::api {
namespace {

constexpr std::string_view kDetect = "/v1/async-ml/contradiction/detect";
constexpr std::string_view kClaims = R"({"claim1":"Aspirin helps.","claim2":"Aspirin does not help."})";

class Calls : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    ASSERT_TRUE(own_.wait_connected(10s));
  }
  std::int64_t ready() { return own_.run(broker_.depth("medsynth"))->ready; }
  std::string submit(std::string_view body = kClaims) {
    return std::string(call("POST", kDetect, body).json().at("data").at("task_id").as_string());
  }

  redis::Client own_{{.url = *redis::parse_url(redis_.url())}};
};

TEST_F(Calls, SubmittingMakesARecordAndAMessage) {
  const Answer accepted = call("POST", kDetect, kClaims);
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  const json::object data = accepted.json().at("data").as_object();
  const std::string id(data.at("task_id").as_string());
  EXPECT_EQ(data.at("status").as_string(), "pending");
  EXPECT_EQ(accepted.json().at("success").as_bool(), true);
  EXPECT_EQ(accepted.json().at("meta").at("request_id").as_string(), accepted.headers.at("x-request-id"));
  EXPECT_EQ(accepted.headers.at("location"), "/v1/async-ml/task/" + id);

  const auto fetched = own_.run(broker_.fetch("medsynth", 5));
  ASSERT_EQ(fetched->deliveries.size(), 1u);
  const dramatiq::Message& message = fetched->deliveries[0].message;
  EXPECT_EQ(message.actor_name, "detect_contradiction");
  // Only what was given: the source document's actor knows no use_all_methods.
  EXPECT_EQ(
      *json::parse(message.kwargs),
      (json::value{{"claim1", "Aspirin helps."}, {"claim2", "Aspirin does not help."}, {"task_id", id}}));

  const Answer task = call("GET", accepted.headers.at("location"));
  ASSERT_EQ(task.status, 200);
  const json::object info = task.json().at("data").as_object();
  EXPECT_EQ(info.at("status").as_string(), "pending");
  EXPECT_EQ(info.at("message_id").as_string(), message.message_id);
  EXPECT_EQ(info.at("metadata").at("operation").as_string(), "detect_contradiction");
  EXPECT_EQ(task.body.find("Aspirin"), std::string::npos) << "claims stay out of the record";
}

TEST_F(Calls, ClaimsMayBeInTheQuery) {
  const Answer accepted =
      call("POST", std::string(kDetect) + "?claim1=a%20b&claim2=c+d&use_all_methods=false&task_id=q1");
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  const auto fetched = own_.run(broker_.fetch("medsynth", 1));
  EXPECT_EQ(
      *json::parse(fetched->deliveries.at(0).message.kwargs),
      (json::value{{"claim1", "a b"}, {"claim2", "c d"}, {"use_all_methods", false}, {"task_id", "q1"}}));
  EXPECT_EQ(call("POST", std::string(kDetect) + "?claim1=a", R"({"claim1":"a","claim2":"b"})").pointer(),
            "/claim1");
}

TEST_F(Calls, SubmissionsCountWhatTheyHold) {
  const Answer articles = call("POST", "/v1/async-ml/contradiction/analyze",
                               R"({"articles":[{"id":"1","claims":["a"]},{"id":"2","abstract":"b."}]})");
  EXPECT_EQ(articles.status, 202) << articles.body;
  EXPECT_EQ(articles.json().at("data").at("total_articles").as_int64(), 2);
  const Answer texts = call("POST", "/v1/async-ml/embeddings/generate", R"({"texts":["a","b","c"]})");
  EXPECT_EQ(texts.status, 202) << texts.body;
  EXPECT_EQ(texts.json().at("data").at("total_texts").as_int64(), 3);
  const std::string id(texts.json().at("data").at("task_id").as_string());
  EXPECT_EQ(call("GET", "/v1/tasks/" + id).json().at("metadata").at("total_texts").as_int64(), 3);
}

// Bad input at this door: a clear answer, and nothing in Redis.
TEST_F(Calls, BadInputChangesNothing) {
  const struct {
    const char* body;
    int status;
    const char* pointer;
  } table[] = {{"{\"claim1\":", 400, "none"},
               {"", 422, "/claim1"},
               {"[]", 422, ""},
               {R"({"claim1":"a"})", 422, "/claim2"},
               {R"({"claim1":1,"claim2":"b"})", 422, "/claim1"},
               {R"({"claim1":"","claim2":"b"})", 422, "/claim1"},
               {R"({"claim1":"a","claim2":"b","colour":1})", 422, "/colour"},
               {R"({"claim1":"a","claim2":"b","task_id":"a\u0007"})", 422, "/task_id"},
               {R"({"claim1":"a","claim2":"b","metadata1":[]})", 422, "/metadata1"}};
  for (const auto& each : table) {
    const Answer answer = call("POST", kDetect, each.body);
    EXPECT_EQ(answer.status, each.status) << each.body;
    EXPECT_EQ(answer.pointer(), each.pointer) << each.body;
    EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
  }
  EXPECT_EQ(call("POST", "/v1/async-ml/embeddings/generate", "").status, 400);
  EXPECT_EQ(call("POST", kDetect, kClaims, "Content-Type: text/plain\r\n").status, 415);
  EXPECT_EQ(call("POST", std::string(kDetect) + "?colour=1", kClaims).pointer(), "/colour");
  EXPECT_EQ(ready(), 0);
  EXPECT_EQ(call("GET", "/v1/tasks/").json().at("total").as_int64(), 0);
}

TEST_F(Calls, ABodyMustBeAnnounced) {
  Wire wire(port_);
  wire.send("PUT /v1/resources/limits HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(wire.read().status, 411);
}

TEST_F(Calls, AnExistingIdIsAConflict) {
  const char* body = R"({"claim1":"a","claim2":"b","task_id":"once"})";
  EXPECT_EQ(call("POST", kDetect, body).status, 202);
  const Answer second = call("POST", kDetect, body);
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(second.code(), "task_exists");
  EXPECT_EQ(ready(), 1);
}

// The same key and body: the same task, one message. Another body: refused.
TEST_F(Calls, IdempotencyKeyReplays) {
  const Answer first = call("POST", kDetect, kClaims, "Idempotency-Key: k1\r\n");
  const Answer again = call("POST", kDetect, kClaims, "Idempotency-Key: k1\r\n");
  ASSERT_EQ(first.status, 202);
  ASSERT_EQ(again.status, 202);
  EXPECT_EQ(again.json().at("data"), first.json().at("data"));
  EXPECT_EQ(again.headers.at("location"), first.headers.at("location"));
  EXPECT_EQ(again.headers.at("idempotent-replayed"), "true");
  EXPECT_FALSE(first.headers.contains("idempotent-replayed"));
  EXPECT_EQ(ready(), 1);
  const Answer other = call("POST", kDetect, R"({"claim1":"x","claim2":"y"})", "Idempotency-Key: k1\r\n");
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.code(), "idempotency_key_reused");
  EXPECT_EQ(call("POST", kDetect, kClaims, "Idempotency-Key: k2\r\n").status, 202);
  EXPECT_EQ(ready(), 2);
}

// With its own task id too, a repetition is a replay and not a conflict.
TEST_F(Calls, IdempotencyKeyWinsOverTheExistingId) {
  const char* body = R"({"claim1":"a","claim2":"b","task_id":"mine"})";
  EXPECT_EQ(call("POST", kDetect, body, "Idempotency-Key: k\r\n").status, 202);
  EXPECT_EQ(call("POST", kDetect, body, "Idempotency-Key: k\r\n").status, 202);
}

// Slashes, spaces and other scripts in an id: one segment of the path, encoded once.
TEST_F(Calls, IdsAreDecodedOnce) {
  const Answer accepted = call("POST", kDetect, R"({"claim1":"a","claim2":"b","task_id":"a/b %2F \u00fc"})");
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  EXPECT_EQ(accepted.headers.at("location"), "/v1/async-ml/task/a%2Fb%20%252F%20%C3%BC");
  EXPECT_EQ(call("GET", accepted.headers.at("location")).status, 200);
  EXPECT_EQ(call("GET", "/v1/tasks/a%2fb%20%252F%20%c3%bc").status, 200);
  EXPECT_EQ(call("GET", "/v1/tasks/%ff").pointer(), "/task_id");
  EXPECT_EQ(call("GET", "/v1/tasks/%zz").status, 422);
  EXPECT_EQ(call("GET", "/v1/tasks/a%07").pointer(), "/task_id");
  EXPECT_EQ(call("GET", "/v1/tasks/" + std::string(201, 'a')).pointer(), "/task_id");
}

TEST_F(Calls, ListsNewestFirstWithPages) {
  for (const char* id : {"t1", "t2", "t3"})
    submit(R"({"claim1":"a","claim2":"b","task_id":")" + std::string(id) + "\"}");
  const Answer page = call("GET", "/v1/tasks?limit=2&status=pending");
  ASSERT_EQ(page.status, 200) << page.body;
  const json::object first = page.json();
  EXPECT_EQ(first.at("total").as_int64(), 3);
  ASSERT_EQ(first.at("tasks").as_array().size(), 2u);
  EXPECT_EQ(first.at("tasks").as_array()[0].at("task_id").as_string(), "t3");
  const Answer rest = call(
      "GET", "/v1/tasks/?limit=2&status=pending&cursor=" + std::string(first.at("next_cursor").as_string()));
  ASSERT_EQ(rest.json().at("tasks").as_array().size(), 1u) << rest.body;
  EXPECT_EQ(rest.json().at("tasks").as_array()[0].at("task_id").as_string(), "t1");
  EXPECT_TRUE(rest.json().at("next_cursor").is_null());
  EXPECT_EQ(call("GET", "/v1/tasks/?offset=2").json().at("tasks").as_array().size(), 1u);
  EXPECT_EQ(call("GET", "/v1/tasks/?status=failed").json().at("total").as_int64(), 0);
}

TEST_F(Calls, ListRefusesWrongParameters) {
  EXPECT_EQ(call("GET", "/v1/tasks/?status=done").pointer(), "/status");
  EXPECT_EQ(call("GET", "/v1/tasks/?limit=-5").pointer(), "/limit");
  EXPECT_EQ(call("GET", "/v1/tasks/?cursor=nonsense").pointer(), "/cursor");
  EXPECT_EQ(call("GET", "/v1/tasks/t?verbose=1").pointer(), "/verbose");
}

TEST_F(Calls, CancelsAndDeletes) {
  const std::string id = submit();
  const Answer cancelled = call("POST", "/v1/tasks/" + id + "/cancel");
  EXPECT_EQ(cancelled.status, 202) << cancelled.body;
  EXPECT_EQ(cancelled.json().at("data").at("state").as_string(), "cancelled");
  EXPECT_EQ(call("GET", "/v1/tasks/" + id).json().at("status").as_string(), "cancelled");
  const Answer again = call("POST", "/v1/tasks/" + id + "/cancel");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.code(), "task_ended");
  EXPECT_EQ(call("POST", "/v1/tasks/none/cancel").status, 404);

  const Answer deleted = call("DELETE", "/v1/tasks/" + id);
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.json().at("status").as_string(), "success");
  EXPECT_EQ(deleted.json().at("data").at("deleted_count").as_int64(), 1);
  EXPECT_EQ(call("DELETE", "/v1/tasks/" + id).code(), "task_not_found");
}

TEST_F(Calls, DeletesManyByStatusAndAge) {
  submit(), submit();
  EXPECT_EQ(call("DELETE", "/v1/tasks/?status=failed").json().at("data").at("deleted_count").as_int64(), 0);
  EXPECT_EQ(call("DELETE", "/v1/tasks/?older_than=3600").json().at("data").at("deleted_count").as_int64(), 0);
  EXPECT_EQ(call("DELETE", "/v1/tasks/?older_than=-1").pointer(), "/older_than");
  EXPECT_EQ(call("DELETE", "/v1/tasks/?older=1").pointer(), "/older");
  EXPECT_EQ(call("DELETE", "/v1/tasks?all=true").json().at("data").at("deleted_count").as_int64(), 2);
  EXPECT_EQ(call("GET", "/v1/tasks/").json().at("total").as_int64(), 0);
}

// What is empty, misspelt, or put where nobody looks must not widen what is deleted.
TEST_F(Calls, NothingIsDeletedWithoutSayingWhat) {
  submit(), submit();
  const std::pair<const char*, const char*> wrong[] = {{"/v1/tasks/", "/all"},
                                                       {"/v1/tasks", "/all"},
                                                       {"/v1/tasks/?", "/all"},
                                                       {"/v1/tasks/?all=false", "/all"},
                                                       {"/v1/tasks/?all", "/all"},
                                                       {"/v1/tasks/?all=", "/all"},
                                                       {"/v1/tasks/?all=true&status=failed", "/all"},
                                                       {"/v1/tasks/?status=", "/status"},
                                                       {"/v1/tasks/?status=%20", "/status"},
                                                       {"/v1/tasks/?status=*", "/status"},
                                                       {"/v1/tasks/?older_than=", "/older_than"},
                                                       {"/v1/tasks/?stauts=failed&all=true", "/stauts"},
                                                       {"/v1/tasks//", "/task_id"},
                                                       {"/v1/tasks/%2E", "/task_id"},
                                                       {"/v1/tasks/..", "/task_id"},
                                                       {"/v1/dead/", "/queue"},
                                                       {"/v1/dead/?queue=", "/queue"},
                                                       {"/v1/dead/?queue=*", "/queue"},
                                                       {"/v1/queues/medsynth/messages?limit=", "/limit"},
                                                       {"/v1/queues/medsynth/messages?queue=x", "/queue"},
                                                       {"/v1/model-cache/models/%20", "/model_id"},
                                                       {"/v1/model-cache/clear?model=x", "/model"}};
  for (const auto& [target, pointer] : wrong) {
    const Answer answer = call("DELETE", target);
    EXPECT_EQ(answer.status, 422) << target;
    EXPECT_EQ(answer.pointer(), pointer) << target;
  }
  const Answer with_body = call("DELETE", "/v1/tasks/?all=true", R"({"status":"failed"})");
  EXPECT_EQ(with_body.status, 422) << with_body.body;
  EXPECT_EQ(call("POST", "/v1/dead/replay?queue=").pointer(), "/queue");
  EXPECT_EQ(call("GET", "/v1/tasks/").json().at("total").as_int64(), 2);
}

// A page in the same browser may not change anything, by whatever call and whatever it lacks.
TEST_F(Calls, OtherWebPagesMayNotChangeAnything) {
  const std::string id = submit();
  const std::string own = "Origin: http://localhost\r\n";
  for (const char* target :
       {"/v1/queues/medsynth/pause", "/v1/tasks/x/cancel", "/v1/dead/replay?queue=medsynth",
        "/v1/async-ml/contradiction/detect?claim1=a&claim2=b", "/no-such-path"}) {
    for (const char* header : {"Origin: https://evil.example\r\n", "Origin: null\r\n", "Origin: \r\n",
                               "Origin: http://localhost:1\r\n", "Sec-Fetch-Site: cross-site\r\n",
                               "Sec-Fetch-Site: same-site\r\n"}) {
      const Answer refused = call("POST", target, "", header);
      EXPECT_EQ(refused.status, 403) << target << header;
      EXPECT_EQ(refused.code(), "cross_site_request");
    }
  }
  EXPECT_EQ(call("POST", "/v1/queues/medsynth/pause", "", own + "Sec-Fetch-Site: cross-site\r\n").status,
            403);
  EXPECT_EQ(call("DELETE", "/v1/tasks/" + id, "", "Origin: https://evil.example\r\n").status, 403);
  EXPECT_EQ(call("GET", "/v1/tasks/" + id, "", "Origin: https://evil.example\r\n").status, 200);
  EXPECT_EQ(call("GET", "/v1/queues/").json().at("queues").as_array()[0].at("state").as_string(), "active");
  EXPECT_EQ(call("POST", "/v1/queues/medsynth/pause", "", own + "Sec-Fetch-Site: same-origin\r\n").status,
            200);
}

TEST_F(Calls, CodedBodiesAreRefusedAndAByteOrderMarkIsRead) {
  const std::string claims = R"({"claim1":"a","claim2":"b"})";
  const char* detect = "/v1/async-ml/contradiction/detect";
  const Answer coded =
      call("POST", detect, claims, "Content-Type: application/json\r\nContent-Encoding: gzip\r\n");
  EXPECT_EQ(coded.status, 415);
  EXPECT_EQ(coded.headers.at("accept-encoding"), "identity");
  EXPECT_EQ(
      call("POST", detect, claims, "Content-Type: application/json\r\nContent-Encoding: identity\r\n").status,
      202);
  EXPECT_EQ(call("POST", detect, "\xEF\xBB\xBF" + claims).status, 202);
  EXPECT_EQ(call("PUT", "/v1/resources/limits", "\xEF\xBB\xBF{").code(), "malformed_json");
}

// One more than the queue may have is refused, by every way to it, and nothing of it is kept.
TEST_F(Calls, AFullQueueTakesNoMore) {
  start({.max_queue_length = 2});
  submit(), submit();
  for (const auto& [target, body] :
       {std::pair("/v1/async-ml/contradiction/detect", R"({"claim1":"a","claim2":"b","task_id":"t"})"),
        std::pair("/v1/queues/medsynth/messages", R"({"actor":"a","kwargs":{"task_id":"t"}})")}) {
    const Answer full = call("POST", target, body);
    EXPECT_EQ(full.status, 503) << full.body;
    EXPECT_EQ(full.code(), "queue_full");
    EXPECT_EQ(full.headers.at("retry-after"), "5");
  }
  EXPECT_EQ(call("GET", "/v1/tasks/t").status, 404);
  EXPECT_EQ(call("POST", "/v1/queues/medsynth/messages", R"({"actor":"a","delay":1000})").status, 202);
  for (const int status : {202, 202, 503})
    EXPECT_EQ(call("POST", "/v1/queues/theirs/messages", R"({"actor":"a"})").status, status);
}

// Names that would be keys, paths or labels are the same everywhere.
TEST_F(Calls, NamesAreCheckedAtEveryDoor) {
  const std::string next =
      R"({"queue_name":"medsynth","actor_name":"a","args":[],"kwargs":{},"options":{},"message_id":"\u001fstatus:pending","message_timestamp":1})";
  const std::pair<std::string, const char*> wrong[] = {
      {R"({"actor":"a","options":{"pipe_target":)" + next + "}}", "/options/pipe_target/message_id"},
      {R"({"actor":"a","options":{"group_completion_uuid":"task:x"}})", "/options/group_completion_uuid"},
      {R"({"actor":"a","options":{"on_failure":"\u0000"}})", "/options/on_failure"},
      {R"({"actor":"a","options":{"task_id":".."}})", "/options/task_id"},
      {R"({"actor":"a","kwargs":{"task_id":"\u001fall"}})", "/kwargs/task_id"},
      {R"({"actor":"a\n"})", "/actor_name"}};
  for (const auto& [body, pointer] : wrong) {
    const Answer answer = call("POST", "/v1/queues/medsynth/messages", body);
    EXPECT_EQ(answer.status, 422) << body;
    EXPECT_EQ(answer.pointer(), pointer) << body;
  }
  EXPECT_EQ(call("POST", "/v1/queues/" + std::string(201, 'q') + "/pause").pointer(), "/queue");
  EXPECT_EQ(call("POST", "/v1/async-ml/contradiction/detect", R"({"claim1":"a","claim2":"b","task_id":"."})")
                .pointer(),
            "/task_id");
  EXPECT_EQ(
      call("POST", "/v1/async-ml/embeddings/generate", R"({"texts":["a"],"model_name":".."})").pointer(),
      "/model_name");
  EXPECT_EQ(call("GET", "/v1/dead/%01").pointer(), "/id");
  EXPECT_EQ(call("GET", "/v1/tasks/").json().at("total").as_int64(), 0);
}

// Whatever stands in one record, the list is JSON and has the others.
TEST_F(Calls, OneUnreadableRecordDoesNotBreakTheList) {
  const std::string id = submit(), other = submit();
  ASSERT_TRUE(
      client_->run(redis::all_ok({redis::Command("HSET", "task:" + id, "result", "{\"score\":NaN}", "note",
                                                 "no json", "metadata", "[1]", "progress", "\"x\"")})));
  const auto list = call("GET", "/v1/tasks/").json();
  ASSERT_EQ(list.at("tasks").as_array().size(), 2u);
  for (const auto& each : list.at("tasks").as_array()) {
    const auto& task = each.as_object();
    if (task.at("task_id").as_string() == other) continue;
    EXPECT_TRUE(task.at("result").is_null() && task.at("note").is_null() && task.at("metadata").is_null());
    EXPECT_EQ(task.at("progress"), 0);
    EXPECT_EQ(json::write(task.at("unreadable_fields")), R"(["progress","result","metadata","note"])");
  }
  EXPECT_EQ(call("GET", "/v1/async-ml/task/" + id).json().at("data").as_object().at("task_id").as_string(),
            id);
}

TEST_F(Calls, MetricsShowQueuesTasksAndRequests) {
  submit();
  const Answer page = call("GET", "/metrics");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"medsynth_redis_up 1\n", "medsynth_queue_depth{queue=\"medsynth\",state=\"ready\"} 1\n",
        "medsynth_tasks{status=\"pending\"} 1\n",
        "medsynth_http_request_duration_seconds_count{method=\"POST\",route=\"/v1/async-ml/contradiction/"
        "detect\",status=\"202\"} 1\n"})
    EXPECT_NE(page.body.find(line), std::string::npos) << line << page.body;
}

// Work that grows with its input leaves the event loop to the others.
TEST_F(Calls, LargeInputsAreReadOffTheLoop) {
  App app({}, {*client_, store_, broker_, fleet_, metrics_, sensors_});
  const auto thread_of = [&](std::size_t bytes) {
    boost::asio::io_context io(1);
    std::string thread;
    const auto read = [&]() -> boost::asio::awaitable<void> {
      thread = co_await off_loop(app, bytes, [] {
        char name[16] = {};
        pthread_getname_np(pthread_self(), name, sizeof name);
        return std::string(name);
      });
    };
    boost::asio::co_spawn(io, read, boost::asio::detached);
    io.run();
    return thread;
  };
  EXPECT_NE(thread_of(kOffLoopBytes - 1), "ms-parse");
  EXPECT_EQ(thread_of(kOffLoopBytes), "ms-parse");
}

TEST_F(Calls, DescribesItself) {
  const Answer document = call("GET", "/openapi.json");
  EXPECT_EQ(document.status, 200);
  EXPECT_EQ(document.json().at("openapi").as_string(), "3.1.0");
}

}  // namespace
}  // namespace medsynth::api
