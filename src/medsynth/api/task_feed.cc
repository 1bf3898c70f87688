#include "medsynth/api/task_feed.h"

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "medsynth/tasks/store.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kKeepListening{10};  // to subscribe anew costs everybody a round trip

// A member of an event, as tasks::Store writes it: in this order, ids escaped for quotes and backslashes only.
std::string text_after(std::string_view event, std::string_view name) {
  std::string text;
  const std::size_t at = event.find(name);
  if (at == event.npos) return text;
  for (std::size_t i = at + name.size(); i < event.size() && event[i] != '"'; ++i) {
    if (event[i] == '\\') ++i;
    if (i < event.size()) text += event[i];
  }
  return text;
}

bool is_end(std::string_view status) {
  return status == "completed" || status == "failed" || status == "cancelled" || status == "deleted";
}

}  // namespace

TaskFeed::TaskFeed(redis::Client& client, std::string channel,
                   std::function<bool(std::string_view, std::string_view)> heard)
    : client_(client), channel_(std::move(channel)), heard_(std::move(heard)) {}

TaskFeed::Watch::Watch(TaskFeed& feed, std::string task_id, const asio::any_io_executor& executor)
    : feed_(feed), task_id_(std::move(task_id)), timer_(executor) {
  feed_.watches_.emplace(task_id_, this);
  feed_.listen();
}

TaskFeed::Watch::~Watch() {
  const auto [first, last] = feed_.watches_.equal_range(task_id_);
  for (auto each = first; each != last; ++each) {
    if (each->second != this) continue;
    feed_.watches_.erase(each);
    break;
  }
}

asio::awaitable<void> TaskFeed::Watch::wait(SteadyTime deadline) {
  if (std::exchange(told_, false)) co_return;
  timer_.expires_at(deadline);
  boost::system::error_code cancelled;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  told_ = false;
}

void TaskFeed::listen() {
  wanted_at_ = system_clock().steady();
  if (std::exchange(listening_, true)) return;
  client_.subscribe({channel_},
                    [this, alive = std::weak_ptr(alive_)](std::string_view, std::string_view message) {
                      if (alive.lock()) take(message);
                    });
}

void TaskFeed::wake_all() {
  for (const auto& [task_id, watch] : watches_) {
    watch->told_ = true;
    watch->timer_.cancel();
  }
}

void TaskFeed::take(std::string_view message) {
  bool wanted = !watches_.empty();
  for (const std::string_view event : tasks::events_in(message)) {
    const std::string id = text_after(event, R"({"task_id":")"),
                      status = text_after(event, R"(","status":")");
    wanted = heard_(id, status) || wanted;
    if (!is_end(status)) continue;
    const auto [first, last] = watches_.equal_range(id);
    for (auto each = first; each != last; ++each) {
      each->second->told_ = true;
      each->second->timer_.cancel();
    }
  }
  const SteadyTime now = system_clock().steady();
  if (wanted) wanted_at_ = now;
  if (!wanted && now - wanted_at_ > kKeepListening && std::exchange(listening_, false))
    client_.subscribe({}, {});
}

}  // namespace medsynth::api
