// /v1/queues and /v1/dead, with what they leave in Redis.
#include "medsynth/dramatiq/dead.h"

#include "integration/api/api_fixture.h"
#include "support/settle.h"

namespace medsynth::api {
namespace {

class QueueCalls : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    ASSERT_TRUE(own_.wait_connected(10s));
  }
  json::object queue(const std::string& name) {
    const json::object listed = call("GET", "/v1/queues/").json();
    for (const json::value& each : listed.at("queues").as_array())
      if (each.at("name").as_string() == name) return each.as_object();
    return {};
  }
  json::object send(std::string_view body, const std::string& queue = "medsynth") {
    const Answer sent = call("POST", "/v1/queues/" + queue + "/messages", body);
    EXPECT_EQ(sent.status, 202) << sent.body;
    return sent.status == 202 ? sent.json().at("data").as_object() : json::object{};
  }
  // Sends a message with this task id and lets its worker bury it, with its record.
  dramatiq::DeadLetter bury(const std::string& task_id) {
    send(R"({"actor":"act","kwargs":{"task_id":")" + task_id + R"("}})");
    const auto fetched = own_.run(worker_.fetch("medsynth", 1));
    const auto& delivery = fetched->deliveries.at(0);
    const auto begun = own_.run(
        store_.begin({task_id, delivery.message.message_id, "medsynth", "act", "w"}, system_clock().now()));
    EXPECT_TRUE(own_.run(store_.fail(begun->attempt, "boom", system_clock().now())));
    EXPECT_TRUE(*own_.run(test::dead(worker_, delivery, delivery.message, "boom")));
    return own_.run(dramatiq::DeadLetters(worker_).get({"medsynth"}, delivery.redis_message_id))->value();
  }
  std::string status_of(const std::string& task_id) {
    const json::object task = call("GET", "/v1/tasks/" + task_id).json();
    return task.contains("status") && task.at("status").is_string()
               ? std::string(task.at("status").as_string())
               : "";
  }

  redis::Client own_{{.url = *redis::parse_url(redis_.url())}};
  dramatiq::Broker worker_{{.worker_id = "w", .host = "here"}};
};

// A message for a queue of ours has its record from the start; numbers of any size pass untouched.
TEST_F(QueueCalls, SendsAMessage) {
  const json::object sent = send(
      R"({"actor":"act","args":[1180591620717411303424, 1.50],"kwargs":{"a":[]},"options":{"max_retries":1}})");
  EXPECT_EQ(status_of(std::string(sent.at("task_id").as_string())), "pending");
  const auto fetched = own_.run(worker_.fetch("medsynth", 1));
  const dramatiq::Message& message = fetched->deliveries.at(0).message;
  EXPECT_EQ(message.args, "[1180591620717411303424, 1.50]");
  EXPECT_EQ(message.option("max_retries"), "1");
  EXPECT_EQ(message.message_id, sent.at("message_id").as_string());
}

// Nobody of ours would ever end a record on a queue that only Python consumes.
TEST_F(QueueCalls, AMessageForPythonHasNoRecord) {
  const json::object sent = send(R"({"actor":"act","delay":60000})", "pythons");
  EXPECT_TRUE(sent.at("task_id").is_null());
  EXPECT_EQ(queue("pythons").at("delayed").as_int64(), 1);
  EXPECT_EQ(call("GET", "/v1/tasks/").json().at("total").as_int64(), 0);
}

TEST_F(QueueCalls, BadMessagesAreRefused) {
  const std::string path = "/v1/queues/medsynth/messages";
  EXPECT_EQ(call("POST", path, R"({"args":[]})").pointer(), "/actor");
  EXPECT_EQ(call("POST", path, R"({"actor":"a","args":{}})").pointer(), "/args");
  EXPECT_EQ(call("POST", path, R"({"actor":"a","delay":-1})").pointer(), "/delay");
  EXPECT_EQ(call("POST", path, R"({"actor":"a","kwarg":{}})").pointer(), "/kwarg");
  EXPECT_EQ(call("POST", "/v1/queues/a.DQ/messages", R"({"actor":"a"})").pointer(), "/queue");
  EXPECT_EQ(call("POST", path, R"({"actor":"a","args":[NaN]})").status, 400);
  EXPECT_EQ(queue("medsynth").at("ready").as_int64(), 0);
  send(R"({"actor":"a","kwargs":{"task_id":"once"}})");
  EXPECT_EQ(call("POST", path, R"({"actor":"a","kwargs":{"task_id":"once"}})").code(), "task_exists");
}

// Seen in the list and in the metrics of every queue; our fetch takes nothing.
TEST_F(QueueCalls, APauseIsSeen) {
  send(R"({"actor":"a"})");
  send(R"({"actor":"a","delay":60000})");
  EXPECT_EQ(call("POST", "/v1/queues/medsynth/pause").status, 200);
  EXPECT_EQ(call("POST", "/v1/queues/second/pause").status, 200);
  EXPECT_EQ(queue("medsynth").at("state").as_string(), "paused");
  EXPECT_TRUE(own_.run(worker_.fetch("medsynth", 1))->deliveries.empty());
  const std::string metrics = call("GET", "/metrics").body;
  EXPECT_NE(metrics.find(R"(medsynth_queue_depth{queue="medsynth",state="ready"} 1)"), std::string::npos)
      << metrics;
  EXPECT_NE(metrics.find(R"(medsynth_queue_depth{queue="second",state="ready"} 0)"), std::string::npos);
  EXPECT_NE(metrics.find(R"(medsynth_queue_paused{queue="second"} 1)"), std::string::npos);
  const std::string_view delayed =
      R"(dramatiq_delayed_messages_inprogress{actor_name="",queue_name="medsynth"} 1)";
  EXPECT_NE(metrics.find(delayed), std::string::npos) << "under Dramatiq's own name";
  EXPECT_EQ(call("POST", "/v1/queues/medsynth/resume").json().at("data").at("state").as_string(), "active");
  EXPECT_EQ(own_.run(worker_.fetch("medsynth", 1))->deliveries.size(), 1u);
}

// What waits and what is delayed goes, its tasks are cancelled; what runs goes on.
TEST_F(QueueCalls, PurgesAQueue) {
  send(R"({"actor":"a","kwargs":{"task_id":"runs"}})");
  const auto running = own_.run(worker_.fetch("medsynth", 1));
  for (int i = 0; i < 150; ++i) send(R"({"actor":"a","kwargs":{"task_id":"t)" + std::to_string(i) + R"("}})");
  send(R"({"actor":"a","kwargs":{"task_id":"late"},"delay":60000})");
  const Answer some = call("DELETE", "/v1/queues/medsynth/messages?limit=120");
  EXPECT_EQ(some.json().at("data").at("purged_count").as_int64(), 120) << some.body;
  EXPECT_EQ(some.json().at("data").at("remaining").as_int64(), 31);
  const Answer rest = call("DELETE", "/v1/queues/medsynth/messages");
  EXPECT_EQ(rest.json().at("data").at("purged_count").as_int64(), 31) << rest.body;
  EXPECT_EQ(status_of("t0"), "cancelled");
  EXPECT_EQ(status_of("late"), "cancelled");
  EXPECT_EQ(status_of("runs"), "pending");
  EXPECT_TRUE(*own_.run(test::ack(worker_, running->deliveries.at(0))));
}

// Delayed messages that workers hold until they are due are counted like the others. (R13)
TEST_F(QueueCalls, PurgesNoMoreHeldMessagesThanItsLimit) {
  for (int i = 0; i < 5; ++i)
    send(R"({"actor":"a","kwargs":{"task_id":"t)" + std::to_string(i) + R"("},"delay":60000})");
  const auto held = own_.run(worker_.fetch("medsynth.DQ", 5));
  ASSERT_EQ(held->deliveries.size(), 5u);
  const Answer some = call("DELETE", "/v1/queues/medsynth/messages?limit=2");
  EXPECT_EQ(some.json().at("data").at("purged_count").as_int64(), 2) << some.body;
  EXPECT_EQ(some.json().at("data").at("remaining").as_int64(), 3);
  int cancelled = 0;
  for (int i = 0; i < 5; ++i) cancelled += status_of("t" + std::to_string(i)) == "cancelled";
  EXPECT_EQ(cancelled, 2);
}

// Replay: the record is pending again, the message runs as new, and a second replay finds nothing.
TEST_F(QueueCalls, ReplaysADeadLetter) {
  const dramatiq::DeadLetter letter = bury("t1");
  EXPECT_EQ(status_of("t1"), "failed");
  const json::object page = call("GET", "/v1/dead/").json();
  ASSERT_EQ(page.at("total").as_int64(), 1);
  EXPECT_EQ(page.at("letters").at(0).at("task_id").as_string(), "t1");
  EXPECT_EQ(page.at("letters").at(0).at("reason").as_string(), "boom");
  const std::string path = "/v1/dead/" + letter.redis_message_id;
  EXPECT_EQ(call("GET", path).json().at("kwargs").at("task_id").as_string(), "t1");
  EXPECT_EQ(call("POST", path + "/replay").status, 202);
  EXPECT_EQ(status_of("t1"), "pending");
  EXPECT_TRUE(call("GET", "/v1/tasks/t1").json().at("error").is_null());
  EXPECT_EQ(call("POST", path + "/replay").code(), "dead_letter_not_found");
  const auto fetched = own_.run(worker_.fetch("medsynth", 1));
  const auto begun = own_.run(store_.begin(
      {"t1", fetched->deliveries.at(0).message.message_id, "medsynth", "act", "w"}, system_clock().now()));
  EXPECT_EQ(begun->outcome, tasks::Begun::Outcome::run);
}

// A task that was deleted comes to life when somebody replays its letter: the deletion holds no more.
TEST_F(QueueCalls, ReplaysTheLetterOfADeletedTask) {
  const dramatiq::DeadLetter letter = bury("t1");
  EXPECT_EQ(call("DELETE", "/v1/tasks/t1").status, 200);
  EXPECT_EQ(call("POST", "/v1/dead/" + letter.redis_message_id + "/replay").status, 202);
  const auto fetched = own_.run(worker_.fetch("medsynth", 1));
  const auto begun = own_.run(store_.begin(
      {"t1", fetched->deliveries.at(0).message.message_id, "medsynth", "act", "w"}, system_clock().now()));
  EXPECT_EQ(begun->outcome, tasks::Begun::Outcome::run);
}

// The id was given to another message meanwhile: the letter stays.
TEST_F(QueueCalls, AReplayDoesNotTakeAnothersTask) {
  const dramatiq::DeadLetter letter = bury("t1");
  EXPECT_EQ(call("DELETE", "/v1/tasks/t1").status, 200);
  send(R"({"actor":"act","kwargs":{"task_id":"t1"}})");
  EXPECT_EQ(call("POST", "/v1/dead/" + letter.redis_message_id + "/replay").code(), "task_exists");
  EXPECT_EQ(queue("medsynth").at("dead").as_int64(), 1);
}

TEST_F(QueueCalls, ReplaysAndPurgesMany) {
  for (int i = 0; i < 5; ++i) bury("t" + std::to_string(i));
  (void)own_.send({redis::Command("HSET", "dramatiq:medsynth.XQ.msgs", "bad", "\x80 pickle"),
                   redis::Command("ZADD", "dramatiq:medsynth.XQ", 1, "bad")});
  const Answer some = call("POST", "/v1/dead/replay?queue=medsynth&limit=3");
  EXPECT_EQ(some.json().at("data").at("replayed_count").as_int64(), 3) << some.body;
  EXPECT_EQ(some.json().at("data").at("refused").at(0).as_string(), "bad");
  EXPECT_EQ(some.json().at("data").at("remaining").as_int64(), 3);
  EXPECT_EQ(queue("medsynth").at("ready").as_int64(), 3);
  EXPECT_EQ(call("POST", "/v1/dead/bad/replay").code(), "undecodable");
  EXPECT_EQ(call("DELETE", "/v1/dead/?queue=medsynth").json().at("data").at("purged_count").as_int64(), 3);
  EXPECT_EQ(call("DELETE", "/v1/dead/bad").status, 404);
  EXPECT_EQ(call("DELETE", "/v1/dead/").pointer(), "/queue");
}

// Letters that cannot be replayed, and an id without one, do not stand in the way of the others. (R13)
TEST_F(QueueCalls, ReplaysManyPastThoseThatAreRefused) {
  for (int i = 0; i < 3; ++i) bury("t" + std::to_string(i));
  for (int i = 0; i < 4; ++i) {
    const std::string id = "bad" + std::to_string(i);
    (void)own_.send({redis::Command("HSET", "dramatiq:medsynth.XQ.msgs", id, "\x80 pickle"),
                     redis::Command("ZADD", "dramatiq:medsynth.XQ", 1, id)});
  }
  (void)own_.send({redis::Command("ZADD", "dramatiq:medsynth.XQ", 1, "no payload")});
  const Answer some = call("POST", "/v1/dead/replay?queue=medsynth&limit=2");
  EXPECT_EQ(some.json().at("data").at("replayed_count").as_int64(), 2) << some.body;
  const Answer rest = call("POST", "/v1/dead/replay?queue=medsynth&limit=2");
  EXPECT_EQ(rest.json().at("data").at("replayed_count").as_int64(), 1) << rest.body;
  EXPECT_EQ(rest.json().at("data").at("refused").as_array().size(), 4u);
  EXPECT_EQ(rest.json().at("data").at("remaining").as_int64(), 4);
}

// Bytes of any kind are shown as text, each as the character of its number.
TEST_F(QueueCalls, ShowsAnUndecodableLetter) {
  (void)own_.send({redis::Command("HSET", "dramatiq:medsynth.msgs", "bad", "\x80\x1b[31m{"),
                   redis::Command("RPUSH", "dramatiq:medsynth", "bad")});
  EXPECT_EQ(own_.run(worker_.fetch("medsynth", 1))->quarantined, 1);
  const Answer shown = call("GET", "/v1/dead/bad?queue=medsynth");
  ASSERT_EQ(shown.status, 200) << shown.body;
  EXPECT_EQ(shown.json().at("decodable").as_bool(), false);
  EXPECT_NE(shown.body.find(R"("payload":"\u0080\u001b[31m{")"), std::string::npos) << shown.body;
  EXPECT_EQ(call("GET", "/v1/dead/?limit=0").pointer(), "/limit");
  EXPECT_EQ(call("GET", "/v1/dead/?cursor=x").pointer(), "/cursor");
}

}  // namespace
}  // namespace medsynth::api
