// A store on a real redis-server, emptied before each test. The server lives as long as the test program's
// suite.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "medsynth/base/clock.h"
#include "medsynth/redis/client.h"
#include "medsynth/tasks/store.h"

#include "support/redis_server.h"

namespace medsynth::tasks {

using namespace std::chrono_literals;

class StoreTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<test::RedisServer>();
    client_ =
        std::make_unique<redis::Client>(redis::ClientOptions{.url = *redis::parse_url(server_->unix_url())});
    ASSERT_TRUE(client_->wait_connected(10s));
  }
  static void TearDownTestSuite() {
    client_.reset();
    server_.reset();
  }
  void SetUp() override { ASSERT_TRUE(client_->send({redis::Command("FLUSHALL")})); }

  WallTime now() const { return clock.now(); }

  // The answer of a query that must succeed.
  template <class T>
  T run(redis::Query<T> query) {
    Result<T> result = client_->run(std::move(query));
    if (!result) throw std::runtime_error("query failed: " + result.error().message);
    return std::move(*result);
  }
  template <class T>
  T run(Result<redis::Query<T>> query) {
    if (!query) throw std::runtime_error("refused: " + query.error().message);
    return run(std::move(*query));
  }
  template <class T>
  Error error_of(redis::Query<T> query) {
    Result<T> result = client_->run(std::move(query));
    return result ? Error{Code::internal, "it succeeded", ""} : result.error();
  }

  redis::Reply redis_says(redis::Command command) {
    auto replies = client_->send({std::move(command)});
    if (!replies) throw std::runtime_error(replies.error().message);
    return std::move(replies->front());
  }
  std::int64_t redis_integer(redis::Command command) { return redis_says(std::move(command)).integer; }

  std::int64_t ttl_of(const std::string& id) { return redis_integer(redis::Command("TTL", "task:" + id)); }
  bool tombstone(const std::string& message_id) { return run(store.has_tombstone(message_id)); }
  std::vector<std::string> ids(const Page& page) {
    std::vector<std::string> found;
    for (const Record& record : page.tasks) found.push_back(record.task_id);
    return found;
  }
  Record record(const std::string& id) { return run(store.get(id)).value_or(Record{id, {}}); }

  void create(const std::string& id) {
    const auto created = run(
        store.create({.task_id = id, .message_id = "m-" + id, .queue = "medsynth", .actor = "act"}, now()));
    ASSERT_EQ(created.outcome, Created::Outcome::created);
  }
  Begun begin(const std::string& id, const std::string& message_id) {
    return run(store.begin({id, message_id, "medsynth", "act", "host/w"}, now()));
  }
  Attempt start(const std::string& id) {
    const Begun begun = begin(id, "m-" + id);
    EXPECT_EQ(begun.outcome, Begun::Outcome::run);
    return begun.attempt;
  }

  // The indexes say exactly what the records say: every record is in `all` and in its status, and in expiry
  // if and only if it has a TTL; nothing else is anywhere.
  void expect_consistent() {
    const Page page = run(store.list({.limit = 1000}, now()));
    EXPECT_EQ(page.total, static_cast<std::int64_t>(page.tasks.size()));
    std::int64_t of_all_statuses = 0, expiring = 0;
    for (const auto& [status, count] : run(store.counts(now()))) of_all_statuses += count;
    EXPECT_EQ(of_all_statuses, page.total);
    for (const Record& each : page.tasks) {
      const std::string key = "task:\x1fstatus:" + each.text("status").value_or("?");
      EXPECT_EQ(redis_says(redis::Command("ZSCORE", key, each.task_id)).kind, redis::Reply::Kind::text)
          << each.task_id;
      const bool expires = ttl_of(each.task_id) >= 0;
      expiring += expires;
      const bool listed = !redis_says(redis::Command("ZSCORE",
                                                     "task:\x1f"
                                                     "expiry",
                                                     each.task_id))
                               .is_null();
      EXPECT_EQ(listed, expires) << each.task_id;
      const bool lives = !each.raw("message_id").empty() && !is_terminal(*each.status());
      EXPECT_EQ(expires, !lives) << each.task_id << " " << each.to_json();
    }
    EXPECT_EQ(redis_integer(redis::Command("ZCARD",
                                           "task:\x1f"
                                           "expiry")),
              expiring);
  }

  ManualClock clock;
  Store store{{.prefix = "task:", .ttl = 100s}};

  static inline std::unique_ptr<test::RedisServer> server_;
  static inline std::unique_ptr<redis::Client> client_;
};

}  // namespace medsynth::tasks
