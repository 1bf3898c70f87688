// The product's worker with actors for the tests, as other people's programs have it: tests/interop and
// tests/chaos start it with the environment of any worker (REDIS_URL, MEDSYNTH_QUEUES ...).
//
// Arguments of any kind, positional. What an actor did is in Redis: echo_peer appends its args to the list
// "effects:peer" and returns them; brief_peer is the same without admission; noted_peer appends "<args>
// <pid>.<run>"; flaky_peer fails once, then does the same as echo_peer; fail_peer always fails; add_peer
// returns the sum of its args; slow_peer appends to "started" and waits to be stopped; stubborn_peer waits
// for the key "go" and hears nothing; throw_peer appends to "started" and throws, its policy is one retry
// after 10 ms; brief_throw_peer is the same without admission; varied_peer runs without admission, for as
// many ms as its first argument says, or until the key that it names is there; limited_peer takes the limit
// that its first argument names (one at a time) and holds it until the key "go" is there.
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "medsynth/base/id.h"
#include "medsynth/base/json.h"
#include "medsynth/redis/client.h"
#include "medsynth/worker/worker.h"

namespace {

using namespace medsynth;
using namespace std::chrono_literals;
using worker::Context;

redis::Client& client() {
  static redis::Client client({.url = *redis::parse_url(std::getenv("REDIS_URL")), .name = "test-actors"});
  return client;
}

// Redis may be away, and what an actor does is there before it ends.
redis::Reply ask(const redis::Command& command) {
  for (;;) {
    auto replies = client().send({command});
    if (replies && !replies->front().is_error()) return std::move(replies->front());
    std::this_thread::sleep_for(50ms);
  }
}

// Once for each call: a Redis that stood still for longer than the client waits may have done it
// nevertheless.
void append(const char* list, const std::string& text) {
  static const redis::Script once{"append_once", R"lua(
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', 600) then redis.call('RPUSH', KEYS[2], ARGV[1]) end
return 1)lua"};
  ask(redis::Command::eval(once, {"{" + std::string(list) + "}:call:" + new_uuid(), list}, {text}));
}

Result<std::string> echo(Context&, const std::string& args) {
  append("effects:peer", args);
  return args;
}

Result<std::string> noted(Context&, const std::string& args) {
  static std::atomic<int> runs = 0;
  append("effects:peer", args + " " + std::to_string(::getpid()) + "." + std::to_string(runs++));
  return args;
}

Result<std::string> flaky(Context& context, const std::string& args) {
  if (ask(redis::Command("INCR", "attempts:" + args)).integer == 1)
    return Error{Code::unavailable, "failed once", ""};
  return echo(context, args);
}

Result<std::string> fail(Context&, const std::string&) {
  return Error{Code::unavailable, "boo", ""};
}

Result<std::string> add(Context&, const std::string& args) {
  BOOST_OUTCOME_TRY(auto numbers, json::parse(args));
  std::int64_t sum = 0;
  for (const auto& number : numbers.as_array()) sum += number.to_number<std::int64_t>();
  return json::write(sum);
}

Result<std::string> slow(Context& context, const std::string& args) {
  append("started", args);
  for (;;) {
    BOOST_OUTCOME_TRY(context.go_on());
    std::this_thread::sleep_for(5ms);
  }
}

void wait_for_go() {
  while (ask(redis::Command("EXISTS", "go")).integer == 0) std::this_thread::sleep_for(5ms);
}

Result<std::string> stubborn(Context& context, const std::string& args) {
  append("started", args);
  wait_for_go();
  return echo(context, args);
}

Result<std::string> thrower(Context&, const std::string& args) {
  append("started", args);
  throw std::runtime_error("thrown");
}

Result<std::string> varied(Context& context, const std::string& args) {
  BOOST_OUTCOME_TRY(const auto parsed, json::parse(args));
  const json::value& first = parsed.at(0);
  if (first.is_string()) {
    append("started", args);
    while (ask(redis::Command("EXISTS", std::string(first.get_string()))).integer == 0)
      std::this_thread::sleep_for(5ms);
  } else {
    std::this_thread::sleep_for(std::chrono::milliseconds(first.to_number<int>()));
  }
  return echo(context, args);
}

Result<std::string> limited(Context& context, const std::string& args) {
  BOOST_OUTCOME_TRY(auto names, json::parse(args));
  BOOST_OUTCOME_TRY(const auto permit,
                    context.acquire(dramatiq::concurrent_limit(std::string(names.at(0).as_string()))));
  append("started", args);
  wait_for_go();
  return echo(context, args);
}

worker::Actor actor(std::string_view name, Result<std::string> (*run)(Context&, const std::string&),
                    bool light = false) {
  worker::Actor made{.about = {.name = name},
                     .prepare = [run](std::string_view args, std::string_view) -> Result<worker::Prepared> {
                       return worker::Prepared{{}, [run, text = std::string(args)](Context& context) {
                                                 return run(context, text);
                                               }};
                     }};
  made.light = light;
  return made;
}

worker::Actor with_one_retry(worker::Actor made) {
  made.options.retries = {.max_retries = 1, .min_backoff = 10ms, .max_backoff = 10ms};
  return made;
}

}  // namespace

int main() {
  return worker::run_actors({actor("echo_peer", echo), actor("brief_peer", echo, true),
                             actor("noted_peer", noted, true), actor("flaky_peer", flaky),
                             actor("fail_peer", fail), actor("add_peer", add), actor("slow_peer", slow),
                             actor("stubborn_peer", stubborn), with_one_retry(actor("throw_peer", thrower)),
                             with_one_retry(actor("brief_throw_peer", thrower, true)),
                             actor("varied_peer", varied, true), actor("limited_peer", limited)});
}
