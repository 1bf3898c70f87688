// Our side of the interoperability tests: a small worker and a small producer on Dramatiq's queues, driven by
// pytest.
//
//   dramatiq_peer send --url URL --queue Q --actor A [--args JSON] [--kwargs JSON] [--delay MS]
//   dramatiq_peer send --url URL --queue Q --actor A --first N --last N --delay MS       many, with [number];
//   a tenth delayed dramatiq_peer hold --url URL --queue Q --count N --host H     N worker ids that hold one
//   message each; prints "ready" dramatiq_peer result --url URL --queue Q --actor A --id ID [--readable yes]
//   prints it, or "TYPE: TEXT", or "none" dramatiq_peer limit --url URL --kind concurrent|bucket|window --key
//   K [--limit N] [--period MS] [--release yes]
//                                                                             prints "yes" or "no"
//   dramatiq_peer work --url URL --queue Q [--timeout MS] [--threads N]     until SIGTERM; prints "ready"
//
// Actors of `work`: echo_peer appends its args to the Redis list "effects:peer"; flaky_peer fails once, then
// does the same; slow_peer appends to "started" and never ends; any other is a dead letter.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "medsynth/base/paths.h"
#include "medsynth/dramatiq/consumer.h"
#include "medsynth/dramatiq/producer.h"
#include "medsynth/dramatiq/rate_limits.h"
#include "medsynth/dramatiq/results.h"
#include "medsynth/dramatiq/retries.h"
#include "medsynth/dramatiq/workers.h"

#include "support/settle.h"

namespace {

using namespace medsynth;
using namespace std::chrono_literals;
using Arguments = std::map<std::string, std::string>;

std::string argument(const Arguments& arguments, const std::string& name, std::string otherwise) {
  const auto found = arguments.find("--" + name);
  return found == arguments.end() ? otherwise : found->second;
}

int fail(const Error& error) {
  std::cerr << error.message << '\n';
  return EXIT_FAILURE;
}

int send_many(redis::Client& client, const Arguments& arguments) {
  const WallTime now = system_clock().now();
  const auto delay = std::chrono::milliseconds(std::stol(argument(arguments, "delay", "0")));
  std::vector<dramatiq::Outgoing> all;
  for (long n = std::stol(arguments.at("--first")); n < std::stol(arguments.at("--last")); ++n) {
    dramatiq::Message message =
        dramatiq::make_message(argument(arguments, "queue", ""), argument(arguments, "actor", ""), "{}", now);
    message.args = "[" + std::to_string(n) + "]";
    all.push_back({std::move(message), n % 10 == 0 ? std::optional(now + delay) : std::nullopt});
  }
  const dramatiq::Broker broker({});
  const auto sent = dramatiq::Producer(client, broker).send(std::move(all));
  return sent ? EXIT_SUCCESS : fail(sent.error());
}

// As many workers that beat, and can be killed at once.
int hold(redis::Client& client, const Arguments& arguments) {
  const std::string queue = argument(arguments, "queue", "");
  std::vector<dramatiq::Broker> workers;
  for (long n = std::stol(argument(arguments, "count", "1")); n > 0; --n) {
    const dramatiq::Broker& worker =
        workers.emplace_back(dramatiq::BrokerOptions{.host = arguments.at("--host"), .pids = pids_here()});
    if (const auto known = client.run(dramatiq::Workers(worker).enter(::getpid())); !known)
      return fail(known.error());
    const auto fetched = client.run(worker.fetch(queue, 1));
    if (!fetched || fetched->deliveries.size() != 1) return EXIT_FAILURE;
  }
  std::cout << "ready" << std::endl;
  for (;;) {
    for (const dramatiq::Broker& worker : workers) (void)client.run(dramatiq::Workers(worker).beat());
    std::this_thread::sleep_for(1s);
  }
}

int send(redis::Client& client, const Arguments& arguments) {
  if (arguments.contains("--first")) return send_many(client, arguments);
  const WallTime now = system_clock().now();
  dramatiq::Message message =
      dramatiq::make_message(argument(arguments, "queue", "default"), argument(arguments, "actor", ""),
                             argument(arguments, "kwargs", "{}"), now);
  message.args = argument(arguments, "args", "[]");
  if (const auto checked = dramatiq::check(message); !checked) return fail(checked.error());
  const long delay = std::stol(argument(arguments, "delay", "0"));
  const auto eta = delay > 0 ? std::optional(now + std::chrono::milliseconds(delay)) : std::nullopt;
  const auto sent = client.run(dramatiq::Broker({}).enqueue(std::move(message), eta));
  return sent ? EXIT_SUCCESS : fail(sent.error());
}

int result(redis::Client& client, const Arguments& arguments) {
  dramatiq::Message message;
  message.queue_name = argument(arguments, "queue", "default");
  message.actor_name = argument(arguments, "actor", "");
  message.message_id = argument(arguments, "id", "");
  const auto found =
      client.run(dramatiq::result_of(message, {.readable = argument(arguments, "readable", "") == "yes"}));
  if (!found) return fail(found.error());
  if (!*found)
    std::cout << "none\n";
  else if ((*found)->failure)
    std::cout << (*found)->failure->type << ": " << (*found)->failure->text << '\n';
  else
    std::cout << (*found)->value << '\n';
  return EXIT_SUCCESS;
}

int limit(redis::Client& client, const Arguments& arguments) {
  using enum dramatiq::RateLimit::Kind;
  const std::string kind = argument(arguments, "kind", "concurrent");
  const dramatiq::RateLimit limit{
      kind == "bucket"   ? bucket
      : kind == "window" ? window
                         : concurrent,
      argument(arguments, "key", ""), std::stol(argument(arguments, "limit", "1")),
      std::chrono::milliseconds(std::stol(argument(arguments, "period", "900000")))};
  const bool release = argument(arguments, "release", "") == "yes";
  const auto done =
      client.run(release ? dramatiq::release(limit) : dramatiq::acquire(limit, system_clock().now()));
  if (!done) return fail(done.error());
  std::cout << (*done ? "yes" : "no") << '\n';
  return EXIT_SUCCESS;
}

void run_one(redis::Client& client, const dramatiq::Broker& broker, dramatiq::Consumer& consumer,
             dramatiq::Delivery delivery, const std::stop_token& stop) {
  using Kind = dramatiq::Settlement::Kind;
  const dramatiq::Message message = delivery.message;
  const auto settle = [&](dramatiq::Settlement settlement) {
    test::settle(client, broker, consumer, std::move(delivery), std::move(settlement), stop);
  };
  const WallTime at = client.clock().now();
  if (const auto eta = dramatiq::due(message, at); eta && *eta > at)  // as the executor does
    return settle({.kind = Kind::move, .updated = message, .eta = eta});
  const bool first = message.option("retries").empty();
  if (message.actor_name == "slow_peer") {
    (void)client.send({redis::Command("RPUSH", "started", message.args)});
    while (!stop.stop_requested()) std::this_thread::sleep_for(10ms);  // then it gives itself back
  } else if (message.actor_name == "flaky_peer" && first) {
    const WallTime now = system_clock().now();
    dramatiq::Message updated = dramatiq::after_failure(message, "failed once", now);
    updated.queue_name = delivery.queue;
    settle({.kind = Kind::move, .updated = std::move(updated), .eta = now + 200ms});
  } else if (message.actor_name == "echo_peer" || message.actor_name == "flaky_peer") {
    // Not acknowledged before its effect is there: Redis may be away.
    while (!client.send({redis::Command("RPUSH", "effects:peer", message.args)})) {
      if (stop.stop_requested()) return;
      std::this_thread::sleep_for(50ms);
    }
    settle({});
  } else {
    settle({.kind = Kind::dead, .updated = message, .reason = "no such actor"});
  }
}

int work(redis::Client& client, const Arguments& arguments, const sigset_t& ending) {
  const std::chrono::milliseconds timeout(std::stol(argument(arguments, "timeout", "60000")));
  const dramatiq::Broker broker({.host = "peer", .our_timeout = timeout, .heartbeat_timeout = timeout});
  dramatiq::Consumer consumer(client, broker,
                              {.queues = {argument(arguments, "queue", "default")},
                               .prefetch = 4,
                               .heartbeat = timeout / 10,
                               .maintenance = timeout / 10,
                               .sweep = timeout / 2});
  std::vector<std::jthread> threads;
  for (long i = std::stol(argument(arguments, "threads", "2")); i > 0; --i)
    threads.emplace_back([&](std::stop_token stop) {
      while (!stop.stop_requested())
        if (auto delivery = consumer.take(100ms, stop))
          run_one(client, broker, consumer, std::move(*delivery), stop);
    });
  std::cout << "ready" << std::endl;
  int signal = 0;
  sigwait(&ending, &signal);
  consumer.stop(5s);
  threads.clear();
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);  // before any thread
  Arguments arguments;
  for (int i = 2; i + 1 < argc; i += 2) arguments[argv[i]] = argv[i + 1];
  const auto url = redis::parse_url(argument(arguments, "url", "redis://127.0.0.1:6379/0"));
  if (!url) return fail(url.error());
  redis::Client client({.url = *url});
  if (const auto connected = client.wait_connected(5s); !connected) return fail(connected.error());
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "work") return work(client, arguments, ending);
  if (command == "hold") return hold(client, arguments);
  if (command == "result") return result(client, arguments);
  if (command == "limit") return limit(client, arguments);
  return send(client, arguments);
}
