#include "medsynth/cli/top/feed.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "medsynth/api/payloads.h"
#include "medsynth/api/queue_payloads.h"

namespace medsynth::cli::top {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenLooks = 1s;      // at the tasks, at least
constexpr auto kWithoutChange = 5s;     // estimates change with time
constexpr auto kLongestPause = 5000ms;  // before the events are asked for again

struct States {
  json::object usage, cache;
  std::map<std::string, json::object> queues;
};

Result<States> look_at_states(const HttpClient& client) {
  States states;
  BOOST_OUTCOME_TRY(auto usage, client.call<api::UsageAnswer>("GET", "/v1/resources/usage"));
  BOOST_OUTCOME_TRY(auto cache, client.call<api::CacheAnswer>("GET", "/v1/model-cache/stats"));
  BOOST_OUTCOME_TRY(const auto queues, client.call<api::QueueList>("GET", "/v1/queues/"));
  states.usage = usage.as_object();
  states.cache = cache.as_object();
  for (const json::value& queue : queues.at("queues").as_array())
    states.queues[cell(queue.as_object(), "name")] = queue.as_object();
  return states;
}

struct Waiting {
  json::array tasks;
  std::int64_t total = 0;
};

Result<Waiting> look_at_waiting(const HttpClient& client) {
  Waiting waiting;
  for (const char* status : {"pending", "retrying"}) {
    BOOST_OUTCOME_TRY(const auto page, client.call<api::TaskPage>(
                                           "GET", fmt::format("/v1/tasks/?status={}&limit=50", status)));
    for (const json::value& task : page.at("tasks").as_array()) waiting.tasks.push_back(task);
    waiting.total += page.at("total").to_number<std::int64_t>();
  }
  return waiting;
}

void put(States states, Now& now) {
  now.usage = std::move(states.usage);
  now.cache = std::move(states.cache);
  now.queues = std::move(states.queues);
}

void put(Waiting waiting, Now& now) {
  now.waiting = std::move(waiting.tasks);
  now.waiting_total = waiting.total;
}

Result<json::value> carry_out_one(const HttpClient& client, const Action& action) {
  const auto call = [&](std::string_view method, std::string_view before, std::string_view pointer,
                        std::string_view after) -> Result<json::value> {
    BOOST_OUTCOME_TRY(const auto path, path_of(before, pointer, action.name, after));
    return client.call(method, path);
  };
  switch (action.kind) {
    case Action::Kind::pause:
      return call("POST", "/v1/queues/", "queue", "/pause");
    case Action::Kind::resume:
      return call("POST", "/v1/queues/", "queue", "/resume");
    case Action::Kind::drop:
      return call("DELETE", "/v1/model-cache/models/", "model", "");
    case Action::Kind::cancel:
      break;
  }
  return call("POST", "/v1/tasks/", "task", "/cancel");
}

}  // namespace

Result<Now> look(const HttpClient& client) {
  Now now{.url = client.url()};
  BOOST_OUTCOME_TRY(auto states, look_at_states(client));
  BOOST_OUTCOME_TRY(auto waiting, look_at_waiting(client));
  put(std::move(states), now);
  put(std::move(waiting), now);
  return now;
}

Feed::Feed(const HttpClient& client, Now first)
    : now_(std::move(first)),
      listener_([this, client](std::stop_token stop) { listen(client.until(stop), stop); }),
      asker_([this, client](std::stop_token stop) { ask(client.until(stop), stop); }) {}

Now Feed::now() const {
  const MutexLock lock(mutex_);
  return now_;
}

void Feed::act(Action action) {
  {
    const MutexLock lock(mutex_);
    actions_.push_back(std::move(action));
  }
  changed_.notify_all();
}

Text Feed::news() {
  const MutexLock lock(mutex_);
  return std::exchange(news_, {});
}

void Feed::listen(const HttpClient& client, std::stop_token stop) {
  std::chrono::milliseconds pause = kBetweenLooks;
  while (!stop.stop_requested()) {
    EventReader reader;
    const auto ended = client.stream("/v1/events", [&](std::string_view piece) {
      pause = kBetweenLooks;
      reader.read(piece, [this](const Event& event) { take(event); });
    });
    const MutexLock lock(mutex_);
    if (now_.link == Now::Link::live) now_.link = Now::Link::reconnecting;
    now_.trouble = ended ? "the server ended the events" : ended.error().message;
    wanted_ = true;
    changed_.notify_all();
    changed_.wait_for(mutex_, stop, pause, [] { return false; });
    pause = std::min(2 * pause, kLongestPause);
  }
}

void Feed::take(const Event& event) {
  auto value = json::parse(event.data);
  if (!value || !value->is_object()) return;
  json::object& data = value->get_object();
  const MutexLock lock(mutex_);
  if (event.name == "usage") now_.usage = std::move(data);
  if (event.name == "cache") now_.cache = std::move(data);
  if (event.name == "queue") {
    if (cell(data, "state") == "forgotten")
      now_.queues.erase(cell(data, "name"));
    else
      now_.queues[cell(data, "name")] = std::move(data);
  }
  if (event.name == "start") {
    now_.link = Now::Link::live;
    now_.queues.clear();  // all are told again
  }
  if (event.name == "start" || event.name == "task") {
    wanted_ = true;
    changed_.notify_all();
  }
}

void Feed::ask(const HttpClient& client, std::stop_token stop) {
  while (!stop.stop_requested()) {
    std::vector<Action> actions;
    bool live = false;
    {
      const MutexLock lock(mutex_);
      actions = std::exchange(actions_, {});
      live = now_.link == Now::Link::live;
      wanted_ = false;
    }
    carry_out(client, actions);
    auto waiting = look_at_waiting(client);
    auto states = live ? Result<States>(States{}) : look_at_states(client);
    const MutexLock lock(mutex_);
    if (waiting) put(std::move(*waiting), now_);
    if (!live && now_.link != Now::Link::live) {
      now_.link = states ? Now::Link::asking : Now::Link::reconnecting;
      if (!states) now_.trouble = states.error().message;
      if (states) put(std::move(*states), now_);
    }
    const auto acts = [this]() REQUIRES(mutex_) { return !actions_.empty(); };
    if (changed_.wait_for(mutex_, stop, kBetweenLooks, acts) || now_.link != Now::Link::live) continue;
    changed_.wait_for(mutex_, stop, kWithoutChange - kBetweenLooks,
                      [this]() REQUIRES(mutex_) { return wanted_ || !actions_.empty(); });
  }
}

void Feed::carry_out(const HttpClient& client, const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    const auto answer = carry_out_one(client, action);
    const Text said = answer ? fmt::format("{}: {}", action.name, cell(answer->as_object(), "message"))
                             : fmt::format("{}: {}", action.name, answer.error().message);
    const MutexLock lock(mutex_);
    news_ = said;
  }
}

}  // namespace medsynth::cli::top
