// An executor with a real Redis and scripted actors, for the tests of this room.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "medsynth/dramatiq/consumer.h"
#include "medsynth/dramatiq/workers.h"
#include "medsynth/limits/limits.h"
#include "medsynth/limits/sensors.h"
#include "medsynth/pipeline/executor.h"
#include "medsynth/redis/client.h"
#include "medsynth/tasks/store.h"

#include "support/eventually.h"
#include "support/redis_server.h"

namespace medsynth::pipeline {

using namespace std::chrono_literals;
using test::eventually;
using Running = Run;  // gtest has a Run of its own

// Actors by name, each what it is told to be; and what the executor said of them.
class ScriptedHost final : public Host {
 public:
  struct Actor {
    std::function<Result<std::string>(Run&)> run = [](Run&) -> Result<std::string> {
      return std::string("1");
    };
    dramatiq::ActorOptions options = {};
    bool tracked = true;
    bool admission = false;
    std::optional<Error> refusal = {};
  };
  std::map<std::string, Actor> actors{{"act", {}}};

  Job prepare(const dramatiq::Message& message) override {
    const auto found = actors.find(message.actor_name);
    if (found == actors.end())
      return {.options = &unknown_,
              .actor = "unknown",
              .refusal = Error{Code::not_found, "no actor is called that", ""},
              .skipped = true};
    Actor& actor = found->second;
    Job job{.options = &actor.options, .actor = found->first, .tracked = actor.tracked};
    if (actor.admission) job.needs = limits::Needs{.actor = found->first};
    job.run = [this, &actor, id = message.message_id](Run& run) {
      const int now = ++running;
      int seen = most_running;
      while (seen < now && !most_running.compare_exchange_weak(seen, now)) {
      }
      ++runs;
      auto result = actor.run(run);
      --running;
      return result;
    };
    job.refusal = actor.refusal;
    return job;
  }
  void started(const dramatiq::Message&) override {}
  void ran(const dramatiq::Message&, const Job&, const Run&, const Result<std::string>&) override {}
  void ended(std::string_view, std::string_view, End end, bool called) override {
    const std::lock_guard lock(mutex_);
    ends_.emplace_back(end, called);
  }
  std::vector<std::pair<End, bool>> ends() {
    const std::lock_guard lock(mutex_);
    return ends_;
  }

  std::atomic<int> running{0}, most_running{0}, runs{0};

 private:
  const dramatiq::ActorOptions unknown_ = {};
  std::mutex mutex_;
  std::vector<std::pair<End, bool>> ends_;
};

class ExecutorTest : public testing::Test {
 protected:
  static inline const std::string kWorker = "box/worker-a";

  // A server of its own: some of these tests kill it. Every write is on disk before it is answered.
  test::RedisServer server_{{"--appendfsync", "always"}};
  std::unique_ptr<redis::Client> client_ = connect(server_.url());
  std::unique_ptr<redis::Client> watcher_ = connect(server_.url());
  const dramatiq::Broker broker_{{.worker_id = "worker-a"}}, other_{{.worker_id = "worker-b"}};
  const tasks::Store store_{{.prefix = "task:"}};
  test::TempFolder folder_;
  std::unique_ptr<limits::Sensors> sensors_ = limits::make_sensors({});
  std::unique_ptr<limits::Limiter> limiter_ =
      std::move(*limits::Limiter::open({{100, 100, 100, 1}, folder_.path()}, *sensors_));
  InFlight in_flight_;
  ScriptedHost host_;
  std::unique_ptr<dramatiq::Consumer> consumer_;
  std::unique_ptr<Executor> executor_;

  static std::unique_ptr<redis::Client> connect(const std::string& url) {
    auto client = std::make_unique<redis::Client>(redis::ClientOptions{.url = *redis::parse_url(url)});
    EXPECT_TRUE(client->wait_connected(5s));
    return client;
  }
  void TearDown() override {
    if (consumer_) consumer_->stop(1s);
    executor_.reset();
    consumer_.reset();
  }
  void begin(redis::Client* client = nullptr) {
    redis::Client& used = client ? *client : *client_;
    consumer_ = std::make_unique<dramatiq::Consumer>(
        used, broker_,
        dramatiq::ConsumerOptions{
            .queues = {"q"}, .prefetch = 0, .expected_work = [this](const auto& message) {
              const auto found = host_.actors.find(message.actor_name);
              const bool waits = found == host_.actors.end() || found->second.admission;
              return waits ? std::nullopt : std::optional(std::chrono::microseconds(10));
            }});
    executor_ = std::make_unique<Executor>(
        ExecutorParts{used, store_, broker_, *consumer_, *limiter_, in_flight_, host_, used.clock()},
        ExecutorOptions{.worker = kWorker, .patience = 200ms});
  }
  // Takes what there is and runs it, as a worker thread does; false: there was nothing.
  bool run_some(std::chrono::milliseconds timeout = 5s) {
    auto some = consumer_->take_some(timeout);
    const bool any = !some.empty();
    executor_->run(std::move(some));
    return any;
  }
  // Runs until nothing waits and nothing is unsettled.
  void run_all() {
    EXPECT_TRUE(eventually([&] {
      run_some(20ms);
      const dramatiq::Depth left = depth();
      return left.ready + left.delayed + left.running == 0;
    }));
    EXPECT_TRUE(executor_->wait_idle(std::chrono::steady_clock::now() + 10s));
  }

  static dramatiq::Message message(std::string id, std::string actor = "act") {
    dramatiq::Message m = dramatiq::make_message("q", std::move(actor), "{}", system_clock().now());
    m.message_id = std::move(id);
    return m;
  }
  // With a record, as the API makes one.
  void submit(const dramatiq::Message& m) {
    const auto created =
        watcher_->run(store_.create({"t-" + m.message_id, m.message_id, "q", m.actor_name, {}}, now(),
                                    broker_.enqueue_commands(with_task(m))));
    ASSERT_TRUE(created && created->outcome == tasks::Created::Outcome::created);
  }
  static dramatiq::Message with_task(dramatiq::Message m) {
    m.kwargs = "{\"task_id\":\"t-" + m.message_id + "\"}";
    return m;
  }
  void send(const dramatiq::Message& m) { ASSERT_TRUE(watcher_->run(broker_.enqueue(m))); }

  WallTime now() const { return watcher_->clock().now(); }
  tasks::Record record(const std::string& id) {
    const auto found = watcher_->run(store_.get("t-" + id));
    return found && *found ? **found : tasks::Record{};
  }
  std::string status(const std::string& id) { return record(id).text("status").value_or("none"); }
  template <class... Words>
  redis::Reply say(Words&&... words) {
    auto replies = watcher_->send({redis::Command(std::forward<Words>(words)...)});
    return replies ? std::move((*replies)[0]) : redis::Reply{};
  }
  dramatiq::Depth depth() { return watcher_->run(broker_.depth("q")).value(); }
  std::string reason() {
    const auto all = redis::texts(say("HVALS", "dramatiq:__medsynth__.reasons.q")).value();
    return all.empty() ? "" : all.front();
  }
  // Nothing of q's messages is left anywhere.
  bool clean() {
    return say("EXISTS", "dramatiq:q.msgs").integer + say("EXISTS", "dramatiq:q.DQ.msgs").integer +
               say("EXISTS", "dramatiq:__acks__.worker-a.q").integer +
               say("EXISTS", "dramatiq:__medsynth__.running.worker-a.q").integer +
               say("EXISTS", "dramatiq:__medsynth__.deaths.q").integer ==
           0;
  }
};

}  // namespace medsynth::pipeline
