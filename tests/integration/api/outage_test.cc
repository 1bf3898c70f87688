// Redis away, or silent: a clear answer at once, and recovery without a restart.
#include "integration/api/api_fixture.h"

namespace medsynth::api {
namespace {

class Outage : public ApiTest {
 protected:
  // Until the call answers with `status`, or ten seconds are over.
  Answer wait_for(int status, std::string_view target) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    for (;;) {
      const Answer answer = call("GET", target);
      if (answer.status == status || std::chrono::steady_clock::now() > deadline) return answer;
    }
  }
};

TEST_F(Outage, RedisAwayIs503AndComesBackByItself) {
  EXPECT_EQ(call("GET", "/readyz").status, 200);
  redis_.kill();
  const Answer away = wait_for(503, "/v1/tasks/");
  EXPECT_EQ(away.status, 503);
  EXPECT_EQ(away.code(), "redis_unavailable");
  EXPECT_EQ(away.headers.at("retry-after"), "1");
  EXPECT_EQ(call("POST", "/v1/async-ml/embeddings/generate", R"({"texts":["a"]})").status, 503);
  EXPECT_EQ(call("GET", "/readyz").status, 503);
  EXPECT_EQ(call("GET", "/livez").status, 200);
  EXPECT_NE(call("GET", "/metrics").body.find("medsynth_redis_up 0"), std::string::npos);
  redis_.start();
  EXPECT_EQ(wait_for(200, "/v1/tasks/").status, 200);
  EXPECT_EQ(call("GET", "/readyz").status, 200);
}

// Redis takes commands and does not answer: a 503 after the client's timeout; other calls go on meanwhile.
TEST_F(Outage, ASilentRedisBlocksNobodyElse) {
  redis_.pause();
  Wire waiting(port_);
  waiting.send("GET /v1/tasks/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(call("GET", "/livez").status, 200);
  const Answer answer = waiting.read();
  EXPECT_EQ(answer.status, 503) << answer.body;
  EXPECT_EQ(answer.headers.at("retry-after"), "1");
  redis_.resume();
}

// Readiness wants a worker where workers are expected.
TEST_F(Outage, ReadyOnlyWithAWorker) {
  EXPECT_EQ(call("GET", "/readyz?verbose").json().at("checks").as_array().size(), 2u);
  start({}, true);
  const Answer alone = call("GET", "/readyz");
  EXPECT_EQ(alone.status, 503);
  EXPECT_EQ(alone.code(), "not_ready");
  redis::Client other({.url = *redis::parse_url(redis_.url())});
  ASSERT_TRUE(other.wait_connected(10s));
  fleet::Snapshot snapshot;
  snapshot.worker_id = "w1";
  ASSERT_TRUE(other.run(fleet_.publish(snapshot, 60s)));
  EXPECT_EQ(call("GET", "/readyz").status, 200);
  EXPECT_EQ(call("GET", "/healthz?verbose").json().at("checks").as_array().size(), 4u);
  snapshot.draining = true;
  ASSERT_TRUE(other.run(fleet_.publish(snapshot, 60s)));
  EXPECT_EQ(call("GET", "/readyz").status, 503);
}

}  // namespace
}  // namespace medsynth::api
