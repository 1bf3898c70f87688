#include "medsynth/api/idempotency.h"

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

Request post(std::string_view key, std::string_view body,
             std::string_view path = "/v1/async-ml/contradiction/detect") {
  Request request;
  request.method = Method::post;
  request.path = path;
  request.body = body;
  request.idempotency_key = key;
  return request;
}

IdempotencyKey key_of(const Request& request) {
  return **idempotency_key(request, "task:");
}

TEST(Idempotency, WithoutTheHeaderThereIsNoKey) {
  Request request = post("", "{}");
  request.idempotency_key.reset();
  EXPECT_FALSE(*idempotency_key(request, "task:"));
}

TEST(Idempotency, RefusesKeysThatAreNoKeys) {
  for (const std::string& key :
       {std::string(), std::string(256, 'a'), std::string("a\x01"), std::string("\xc3\xa9")}) {
    const auto refused = idempotency_key(post(key, "{}"), "task:");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().faults.at(0).pointer, "/Idempotency-Key");
  }
  EXPECT_TRUE(idempotency_key(post(std::string(255, 'a'), "{}"), "task:"));
}

// The key is kept where no task id can be: a task id has no control characters.
TEST(Idempotency, RedisKeyLiesBesideTheTasks) {
  const std::string key = key_of(post("k", "{}")).redis_key;
  EXPECT_TRUE(key.starts_with("task:\x1fidempotency:")) << key;
}

// The same key on another call is another key; the same call with a slash at its end is the same.
TEST(Idempotency, KeysAreByCall) {
  const auto one = key_of(post("k", "{}"));
  EXPECT_NE(one.redis_key, key_of(post("k", "{}", "/v1/async-ml/embeddings/generate")).redis_key);
  EXPECT_NE(one.redis_key, key_of(post("k2", "{}")).redis_key);
  EXPECT_EQ(one.redis_key, key_of(post("k", "{}", "/v1/async-ml/contradiction/detect/")).redis_key);
}

// The same body again: the first task. Another body, also in the query: a mistake of the caller.
TEST(Idempotency, ReplaysTheSameBodyAndRefusesAnother) {
  const auto first = key_of(post("k", R"({"claim1":"a"})"));
  const tasks::Guard stored = guard(first, "t-1");
  EXPECT_EQ(stored.key, first.redis_key);
  EXPECT_EQ(stored.ttl, std::chrono::hours(24));
  EXPECT_EQ(*replayed_task(key_of(post("k", R"({"claim1":"a"})")), stored.value), "t-1");
  const auto other = replayed_task(key_of(post("k", R"({"claim1":"b"})")), stored.value);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::invalid_argument);
  EXPECT_EQ(other.error().reason, "idempotency_key_reused");
  Request query = post("k", R"({"claim1":"a"})");
  query.query = "claim2=x";
  EXPECT_FALSE(replayed_task(key_of(query), stored.value));
}

TEST(Idempotency, SomethingElseUnderTheKeyIsOurFault) {
  EXPECT_EQ(replayed_task(key_of(post("k", "{}")), "nonsense").error().code, Code::internal);
}

}  // namespace
}  // namespace medsynth::api
