#include "medsynth/dramatiq/hand.h"

#include <algorithm>
#include <unordered_set>

namespace medsynth::dramatiq {

using std::chrono::microseconds;

void Hand::enter(Held& held, State state) {
  const auto count = [this](State of) -> std::size_t* {
    return of == State::waiting ? &waiting_ : of == State::returned ? &returned_ : nullptr;
  };
  if (auto* before = count(held.state)) --*before;
  if (auto* now = count(state)) ++*now;
  held.state = state;
}

void Hand::add(Delivery delivery, Work work) {
  const auto [place, is_new] = held_.try_emplace(delivery.redis_message_id);
  Held& held = place->second;
  // One whose lease was taken while it lay here may come once more: it is given once.
  if (is_new || held.state != State::ready) ready_.push_back(&held);
  enter(held, State::ready);
  held = {next_order_++, delivery.queue, std::move(delivery), work};
}

std::vector<Delivery> Hand::take(microseconds work, std::size_t count) {
  std::vector<Delivery> taken;
  taken.reserve(std::min(count, ready()));
  for (microseconds left = work; ready() > 0 && taken.size() < count;) {
    Held& next = *ready_.front();
    const bool waits = !next.work;
    if (!taken.empty() && (waits || *next.work > left)) break;
    enter(next, waits ? State::waiting : State::running);
    taken.push_back(std::move(next.delivery));
    ready_.pop_front();
    if (waits) break;
    left -= *next.work;
  }
  return taken;
}

void Hand::started(const std::string& id) {
  if (const auto found = held_.find(id); found != held_.end()) enter(found->second, State::running);
}

void Hand::settled(const std::string& id) {
  const auto found = held_.find(id);
  if (found == held_.end()) return;
  enter(found->second, State::running);
  held_.erase(found);
}

void Hand::give_back(const std::string& id) {
  if (const auto found = held_.find(id); found != held_.end()) enter(found->second, State::returned);
}

std::map<std::string, std::vector<std::string>> Hand::returns() {
  if (!returning() || waiting_ > 0) return {};
  return drain();
}

Hand::Difference Hand::reconcile(const std::string& queue, const std::vector<std::string>& leased) {
  Difference difference;
  const std::unordered_set<std::string> still_ours(leased.begin(), leased.end());
  std::erase_if(ready_, [&](const Held* held) {
    if (held->queue != queue || still_ours.contains(held->delivery.redis_message_id)) return false;
    settled(std::string(held->delivery.redis_message_id));
    ++difference.lost;
    return true;
  });
  for (const std::string& id : leased)
    if (!held_.contains(id)) difference.strangers.push_back(id);
  return difference;
}

std::map<std::string, std::vector<std::string>> Hand::drain() {
  std::vector<std::pair<std::uint64_t, std::string>> leaving;
  for (const auto& [id, held] : held_)
    if (held.state == State::ready || held.state == State::returned) leaving.emplace_back(held.order, id);
  std::sort(leaving.begin(), leaving.end());
  std::map<std::string, std::vector<std::string>> ids;
  for (auto& [order, id] : leaving) {
    ids[held_.at(id).queue].push_back(id);
    settled(id);
  }
  ready_.clear();
  return ids;
}

}  // namespace medsynth::dramatiq
