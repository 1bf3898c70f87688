// A worker with actors that do nothing, and a producer for them: what bench/dramatiq/run measures. Settings
// come from the environment.
//
//   bench_dramatiq work                                   until SIGTERM
//   bench_dramatiq send ACTOR COUNT [--records]           as our producer; with the records a tracked task
//   has bench_dramatiq pings COUNT PAUSE_MS                   one message at a time; `ping` writes its
//   pick-up to stdout, in us
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "medsynth/base/log.h"
#include "medsynth/dramatiq/producer.h"
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

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto loaded = load_settings({}, process_environment, "");
  if (!loaded) return fail(loaded.error());
  const Settings& settings = loaded->settings;
  log::start(settings.log_level, settings.log_format, "bench");
  if (words.size() == 1 && words[0] == "work") return work(settings);
  const auto url = redis::parse_url(settings.redis_url);
  if (!url) return fail(url.error());
  redis::Client client({.url = *url});
  if (const auto connected = client.wait_connected(5s); !connected) return fail(connected.error());
  if (words.size() >= 3 && words[0] == "send")
    return send(client, settings, words[1], std::stoi(words[2]), words.size() > 3);
  if (words.size() == 3 && words[0] == "pings")
    return pings(client, settings, std::stoi(words[1]), std::stoi(words[2]));
  std::cerr << "bench_dramatiq work | send ACTOR COUNT [--records] | pings COUNT PAUSE_MS\n";
  return EXIT_FAILURE;
}
