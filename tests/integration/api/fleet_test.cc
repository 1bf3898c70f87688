// What the API says about workers, and what it asks of them: with a worker that is played by the test.
#include <atomic>

#include "integration/api/api_fixture.h"

namespace medsynth::api {
namespace {

// Publishes one snapshot and confirms every version it sees until it is destroyed.
class PlayedWorker {
 public:
  using Answer = std::function<json::object(const fleet::Control&)>;

  PlayedWorker(const redis::Url& url, const fleet::Fleet& fleet, fleet::Snapshot snapshot, Answer answer)
      : client_({.url = url}), fleet_(fleet), snapshot_(std::move(snapshot)), answer_(std::move(answer)) {
    EXPECT_TRUE(client_.wait_connected(10s));
    EXPECT_TRUE(client_.run(fleet_.publish(snapshot_, 60s)));
    if (answer_) thread_ = std::jthread([this](std::stop_token stop) { obey(stop); });
  }

 private:
  void obey(std::stop_token stop) {
    std::int64_t seen = 0;
    while (!stop.stop_requested()) {
      const auto control = client_.run(fleet_.control(seen));
      if (control && control->version > seen) {
        seen = control->version;
        EXPECT_TRUE(client_.run(fleet_.confirm(seen, snapshot_.worker_id, answer_(*control))));
      }
      std::this_thread::sleep_for(1ms);  // a poll, as the real worker's; nothing depends on its length
    }
  }

  redis::Client client_;
  const fleet::Fleet& fleet_;
  fleet::Snapshot snapshot_;
  Answer answer_;
  std::jthread thread_;
};

class FleetCalls : public ApiTest {
 protected:
  fleet::Snapshot snapshot(std::string id) {
    fleet::Snapshot made;
    made.worker_id = std::move(id);
    made.host = "box";
    made.limits_origin = "environment";
    made.usage =
        described::to_value(limits::Usage{.cpu_percent = 40, .concurrent_tasks = 2, .max_cpu_percent = 90})
            .get_object();
    made.cache = {{.size = 1, .max_size = 3, .ttl = 60}, {{.id = "org/model", .state = "ready"}}};
    return made;
  }
  PlayedWorker play(std::string id, PlayedWorker::Answer answer) {
    return PlayedWorker(*redis::parse_url(redis_.url()), fleet_, snapshot(std::move(id)), std::move(answer));
  }
};

json::object nothing(const fleet::Control&) {
  return {};
}

// Nobody works: the server measures its own machine, against the limits a worker would have.
TEST_F(FleetCalls, UsageWithoutWorkersIsMeasuredHere) {
  const Answer answer = call("GET", "/v1/resources/usage");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json::object usage = answer.json();
  EXPECT_EQ(usage.at("cpu_percent").to_number<double>(), 12);
  EXPECT_EQ(usage.at("max_concurrent_tasks").as_int64(), 5);
  EXPECT_EQ(usage.at("hosts").as_array().at(0).at("host").as_string(), "here");
  EXPECT_TRUE(usage.at("hosts").as_array().at(0).at("workers").as_array().empty());
}

TEST_F(FleetCalls, UsageIsTheWorkers) {
  const auto worker = play("w1", nullptr);
  const json::object usage = call("GET", "/v1/resources/usage").json();
  EXPECT_EQ(usage.at("cpu_percent").to_number<double>(), 40);
  EXPECT_EQ(usage.at("concurrent_tasks").as_int64(), 2);
  EXPECT_EQ(usage.at("max_cpu_percent").to_number<double>(), 90);
  EXPECT_EQ(usage.at("hosts").as_array().at(0).at("host").as_string(), "box");
}

// A worker that confirms and one that does not: the change holds, and the answer names both.
TEST_F(FleetCalls, ChangingLimitsNamesWhoConfirmed) {
  start({.confirm_timeout = 200ms});
  const auto obedient = play("w1", nothing);
  const auto silent = play("w2", nullptr);
  const Answer changed =
      call("PUT", "/v1/resources/limits", R"({"max_cpu_percent":55.5,"max_concurrent_tasks":2})");
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.json().at("status").as_string(), "success");
  const json::object data = changed.json().at("data").as_object();
  EXPECT_EQ(data.at("max_cpu_percent").to_number<double>(), 55.5);
  EXPECT_EQ(data.at("max_concurrent_tasks").as_int64(), 2);
  EXPECT_EQ(data.at("max_memory_percent").to_number<double>(), 80);
  EXPECT_EQ(data.at("confirmed_by"), json::value(json::array{"w1"}));
  EXPECT_EQ(data.at("silent"), json::value(json::array{"w2"}));
  const json::object shown = call("GET", "/v1/resources/limits").json();
  EXPECT_EQ(shown.at("max_cpu_percent").to_number<double>(), 55.5);
  EXPECT_EQ(shown.at("origin").at("max_cpu_percent").as_string(), "api");
  EXPECT_EQ(shown.at("origin").at("max_memory_percent").as_string(), "environment");

  const Answer reset = call("DELETE", "/v1/resources/limits");
  EXPECT_EQ(reset.status, 200);
  EXPECT_EQ(reset.json().at("data").at("max_cpu_percent").to_number<double>(), 90);
}

TEST_F(FleetCalls, ALiveWorkerIsNotWaitedForLongerThanItTakes) {
  start({.confirm_timeout = 9s});
  const auto worker = play("w1", nothing);
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ(call("PUT", "/v1/resources/limits", R"({"max_cpu_percent":55})").status, 200);
  EXPECT_LT(std::chrono::steady_clock::now() - started, 8s);
}

TEST_F(FleetCalls, WrongLimitsChangeNothing) {
  const struct {
    const char* body;
    const char* pointer;
  } table[] = {{"{}", ""},
               {R"({"max_cpu_percent":null})", ""},
               {R"({"max_cpu_percent":101})", "/max_cpu_percent"},
               {R"({"max_memory_percent":-1})", "/max_memory_percent"},
               {R"({"max_gpu_percent":"high"})", "/max_gpu_percent"},
               {R"({"max_concurrent_tasks":0})", "/max_concurrent_tasks"},
               {R"({"max_concurrent_tasks":1.5})", "/max_concurrent_tasks"},
               {R"({"max_cpu":50})", "/max_cpu"}};
  for (const auto& each : table) {
    const Answer answer = call("PUT", "/v1/resources/limits", each.body);
    EXPECT_EQ(answer.status, 422) << each.body;
    EXPECT_EQ(answer.pointer(), each.pointer) << each.body;
  }
  EXPECT_EQ(
      call("GET", "/v1/resources/limits").json(),
      *json::parse(
          R"({"max_cpu_percent":80.0,"max_memory_percent":80.0,"max_gpu_percent":80.0,"max_concurrent_tasks":5,"origin":{"max_concurrent_tasks":"environment","max_cpu_percent":"environment","max_gpu_percent":"environment","max_memory_percent":"environment"}})"));
}

TEST_F(FleetCalls, SystemIsThisMachine) {
  const Answer answer = call("GET", "/v1/resources/system");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json().at("cpu").at("count_logical").as_int64(), 2);
  EXPECT_TRUE(answer.json().contains("gpu"));
}

TEST_F(FleetCalls, CacheStatisticsAreTheWorkers) {
  EXPECT_EQ(call("GET", "/v1/model-cache/stats").json().at("max_size").as_int64(), 5);
  const auto worker = play("w1", nullptr);
  const json::object stats = call("GET", "/v1/model-cache/stats").json();
  EXPECT_EQ(stats.at("size").as_int64(), 1);
  EXPECT_EQ(stats.at("max_size").as_int64(), 3);
  EXPECT_EQ(stats.at("models").as_array().at(0).at("id").as_string(), "org/model");
  EXPECT_EQ(stats.at("workers").as_array().at(0).at("worker_id").as_string(), "w1");
}

// A model in use goes when its last user lets go: the answer says so.
TEST_F(FleetCalls, RemovingAModelSaysWhatHappened) {
  const auto worker = play("w1", [](const fleet::Control& control) {
    const fleet::Request& request = control.requests.back();
    if (request.kind == "cache.clear")
      return json::object{{"removals", {{"org/model", "removed"}, {"busy", "draining"}}}};
    return json::object{
        {"removals", {{request.argument, request.argument == "org/model" ? "draining" : "absent"}}}};
  });
  const Answer removed = call("DELETE", "/v1/model-cache/models/org%2Fmodel");
  ASSERT_EQ(removed.status, 200) << removed.body;
  EXPECT_EQ(removed.json().at("data").at("draining").as_int64(), 1);
  EXPECT_EQ(removed.json().at("data").at("models").as_array().at(0).at("outcome").as_string(), "draining");
  EXPECT_NE(removed.json().at("message").as_string().find("in use"), std::string::npos);
  const Answer absent = call("DELETE", "/v1/model-cache/models/other");
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(absent.code(), "model_not_cached");
  const Answer cleared = call("DELETE", "/v1/model-cache/clear");
  EXPECT_EQ(cleared.status, 200);
  EXPECT_EQ(cleared.json().at("data").at("removed").as_int64(), 1);
  EXPECT_EQ(cleared.json().at("data").at("draining").as_int64(), 1);
}

// The workers choose, in their own catalogues; who has not the model and who does not run is told.
TEST_F(FleetCalls, AModelIsChosenByTheWorkers) {
  const Answer nobody = call("POST", "/v1/models/own/use");
  EXPECT_EQ(nobody.status, 503);
  EXPECT_EQ(nobody.code(), "no_workers");
  const auto worker = play("w1", [](const fleet::Control& control) -> json::object {
    const fleet::Request& request = control.requests.back();
    if (request.kind != "models.use") return {};
    const bool has = request.argument == "own";
    return {{"use",
             {{"kind", has ? "language" : ""},
              {"is_default", has},
              {"problem", has ? "" : "it is not installed here"}}}};
  });
  const Answer chosen = call("POST", "/v1/models/own/use");
  ASSERT_EQ(chosen.status, 200) << chosen.body;
  EXPECT_EQ(chosen.json().at("data").at("kind").as_string(), "language");
  EXPECT_TRUE(chosen.json().at("data").at("hosts").as_array().at(0).at("is_default").as_bool());
  const Answer absent = call("POST", "/v1/models/other/use");
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(absent.code(), "model_not_found");
  EXPECT_EQ(call("POST", "/v1/models/%2E%2E/use").status, 422);
}

TEST_F(FleetCalls, WithoutWorkersNoModelIsCached) {
  EXPECT_EQ(call("DELETE", "/v1/model-cache/models/m").status, 404);
  EXPECT_EQ(call("DELETE", "/v1/model-cache/clear").status, 200);
}

}  // namespace
}  // namespace medsynth::api
