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
  Held& held =
      held_.insert_or_assign(delivery.redis_message_id, Held{next_order_++, delivery.queue}).first->second;
  ready_.push_back({std::move(delivery), work, &held});
}

std::vector<Delivery> Hand::take(microseconds work, std::size_t count) {
  std::vector<Delivery> taken;
  for (microseconds left = work; ready() > taken.size() && taken.size() < count;) {
    const Ready& next = ready_[taken.size()];
    if (!taken.empty() && (!next.work || *next.work > left)) break;
    const bool waits = !next.work;
    enter(*next.held, waits ? State::waiting : State::running);
    if (!waits) left -= *next.work;
    taken.push_back({});
    if (waits) break;
  }
  for (Delivery& delivery : taken) {
    delivery = std::move(ready_.front().delivery);
    ready_.pop_front();
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
  std::erase_if(ready_, [&](const Ready& entry) {
    const Delivery& delivery = entry.delivery;
    if (delivery.queue != queue || still_ours.contains(delivery.redis_message_id)) return false;
    settled(delivery.redis_message_id);
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
