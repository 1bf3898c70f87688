// A worker with actors that do nothing, a producer for them, and the same commands without a worker: what
// bench/dramatiq/run measures. Settings come from the environment.
//
//   bench_dramatiq work                           until SIGTERM
//   bench_dramatiq send ACTOR COUNT [--records]   as our producer; with the records that a tracked task has
//   bench_dramatiq pings COUNT PAUSE_MS           one message at a time; `ping` writes its pick-up to stdout,
//   in us bench_dramatiq bare COUNT [--records]         a worker's commands for that many messages, and
//   nothing else
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <iostream>
#include <random>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "medsynth/base/log.h"
#include "medsynth/dramatiq/producer.h"
#include "medsynth/dramatiq/workers.h"
#include "medsynth/redis/access.h"
#include "medsynth/tasks/store.h"
#include "medsynth/worker/worker.h"

namespace {

using namespace medsynth;
using namespace std::chrono_literals;

worker::Actor light(std::string_view name, bool tracked, std::function<std::string(std::string_view)> run) {
  worker::Actor actor{.about = {name, 3, 60'000, name}, .prepare = {}, .light = true, .tracked = tracked};
  actor.prepare = [run = std::move(run)](std::string_view args,
                                         std::string_view) -> Result<worker::Prepared> {
    return worker::Prepared{
        {}, [run, args = std::string(args)](worker::Context&) -> Result<std::string> { return run(args); }};
  };
  return actor;
}

std::string nothing(std::string_view) {
  return "null";
}

// args: [time of sending, microseconds]
std::string ping(std::string_view args) {
  const std::int64_t sent = std::atoll(std::string(args.substr(1)).c_str());
  std::printf("%ld\n", micros(system_clock().now()) - sent);
  std::fflush(stdout);
  return "null";
}

int work(const Settings& settings) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return worker::run_worker({.settings = settings,
                             .worker_id = "",
                             .actors = {light("noop", false, nothing), light("noop_tracked", true, nothing),
                                        light("ping", false, ping)}});
}

int fail(const Error& error) {
  std::cerr << error.message << '\n';
  return EXIT_FAILURE;
}

int send(redis::Client& client, const Settings& settings, const std::string& actor, int count, bool records) {
  const dramatiq::Broker broker({.namespace_ = settings.namespace_});
  const tasks::Store store({.prefix = settings.task_storage_prefix});
  std::vector<dramatiq::Outgoing> messages;
  std::vector<redis::Command> commands;
  for (int i = 0; i < count; ++i) {
    const WallTime now = system_clock().now();
    auto message = dramatiq::make_message(settings.queues, actor, "{}", now);
    if (!records) {
      messages.push_back({std::move(message)});
      continue;
    }
    const tasks::NewTask task{message.message_id, message.message_id, message.queue_name, actor, {}};
    auto create = store.create(task, now, broker.enqueue_commands(message));
    commands.push_back(std::move(create.commands.front()));
    if (commands.size() < 500 && i + 1 < count) continue;
    if (const auto sent = client.send(std::exchange(commands, {})); !sent) return fail(sent.error());
  }
  const auto sent = dramatiq::Producer(client, broker).send(std::move(messages));
  return sent ? EXIT_SUCCESS : fail(sent.error());
}

int pings(redis::Client& client, const Settings& settings, int count, int pause_ms) {
  const dramatiq::Broker broker({.namespace_ = settings.namespace_});
  const dramatiq::Producer producer(client, broker);
  std::mt19937 random(1);  // NOLINT: the same pauses every time
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(pause_ms * 500 + random() % (pause_ms * 1000)));
    auto message = dramatiq::make_message(settings.queues, "ping", "{}", system_clock().now());
    message.args = fmt::format("[{}]", micros(system_clock().now()));
    if (const auto sent = producer.send(std::move(message)); !sent) return fail(sent.error());
  }
  return EXIT_SUCCESS;
}

// Several chains of a worker's commands at once, so that Redis always has the next: what it can do when
// nobody waits for threads, decisions or actors.
class Bare {
 public:
  Bare(redis::Client& client, const Settings& settings, std::int64_t count, bool records)
      : client_(client),
        broker_({.namespace_ = settings.namespace_}),
        store_({.prefix = settings.task_storage_prefix}),
        queue_(settings.queues),
        left_(count),
        records_(records) {}

  Result<> run() {
    BOOST_OUTCOME_TRY(client_.run(dramatiq::Workers(broker_).enter(0)));
    std::vector<std::future<Error>> ends;
    for (std::promise<Error>& chain : chains_) {
      ends.push_back(chain.get_future());
      fetch(chain);
    }
    for (auto& end : ends) {
      if (const Error error = end.get(); !error.message.empty()) return error;
    }
    return success();
  }

 private:
  static constexpr std::int64_t kTogether = 256;  // as the worker's slices
  using Chain = std::promise<Error>;

  // Runs the query, then `then` with its value, on the client's thread.
  template <class T, class Then>
  void go(Chain& chain, redis::Query<T> query, Then then) {
    client_.run<T>(std::move(query), [&chain, then = std::move(then)](Result<T> result) mutable {
      if (!result) return chain.set_value(result.error());
      then(std::move(*result));
    });
  }

  void fetch(Chain& chain) {
    const std::int64_t count = std::min(kTogether, left_.load());
    left_ -= count;
    if (count == 0) return chain.set_value({.message = ""});
    go(chain, broker_.fetch(queue_, count), [this, &chain](dramatiq::Fetched fetched) {
      if (fetched.deliveries.empty()) return chain.set_value({.message = ""});
      start(chain, std::move(fetched.deliveries));
    });
  }

  void start(Chain& chain, std::vector<dramatiq::Received> deliveries) {
    std::vector<std::string> ids;
    std::vector<tasks::Begin> begins;
    for (const auto& delivery : deliveries) {
      ids.push_back(delivery.redis_message_id);
      const dramatiq::Message& message = delivery.message;
      if (records_)
        begins.push_back({message.message_id, message.message_id, queue_, message.actor_name, "bare"});
    }
    go(chain, broker_.note_starts(queue_, ids),
       [this, &chain, begins = std::move(begins), deliveries = std::move(deliveries)](auto) mutable {
         if (begins.empty()) return settle(chain, std::move(deliveries));
         go(chain, store_.look(begins),
            [this, &chain, deliveries = std::move(deliveries)](std::vector<tasks::Attempt> attempts) mutable {
              write(chain, std::move(attempts), std::move(deliveries));
            });
       });
  }

  void write(Chain& chain, std::vector<tasks::Attempt> attempts, std::vector<dramatiq::Received> deliveries) {
    const WallTime now = system_clock().now();
    std::vector<tasks::Advance> advances;
    for (tasks::Attempt& attempt : attempts)
      advances.push_back(to_completed(std::move(attempt), "null", now));
    go(chain, store_.advance(advances, "bare", now),
       [this, &chain, deliveries = std::move(deliveries)](auto) mutable {
         settle(chain, std::move(deliveries));
       });
  }

  void settle(Chain& chain, std::vector<dramatiq::Received> deliveries) {
    std::vector<dramatiq::Settlement> settlements;
    for (auto& delivery : deliveries) settlements.push_back({.lease = std::move(delivery)});
    go(chain, broker_.settle(settlements), [this, &chain](auto) { fetch(chain); });
  }

  redis::Client& client_;
  const dramatiq::Broker broker_;
  const tasks::Store store_;
  const std::string queue_;
  std::atomic<std::int64_t> left_;
  const bool records_;
  std::array<Chain, 4> chains_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto loaded = load_settings({}, process_environment, "");
  if (!loaded) return fail(loaded.error());
  const Settings& settings = loaded->settings;
  log::start(settings.log_level, settings.log_format, "bench");
  if (words.size() == 1 && words[0] == "work") return work(settings);
  const auto url = redis::url_of(settings);
  if (!url) return fail(url.error());
  redis::Client client({.url = *url, .callers_work = !words.empty() && words[0] == "pings"});
  if (const auto connected = client.wait_connected(5s); !connected) return fail(connected.error());
  if (words.size() >= 3 && words[0] == "send")
    return send(client, settings, words[1], std::stoi(words[2]), words.size() > 3);
  if (words.size() == 3 && words[0] == "pings")
    return pings(client, settings, std::stoi(words[1]), std::stoi(words[2]));
  if (words.size() >= 2 && words[0] == "bare") {
    const auto done = Bare(client, settings, std::stoll(words[1]), words.size() > 2).run();
    return done ? EXIT_SUCCESS : fail(done.error());
  }
  std::cerr << "bench_dramatiq work | send ACTOR COUNT [--records] | pings COUNT PAUSE_MS | bare COUNT "
               "[--records]\n";
  return EXIT_FAILURE;
}
