#include "medsynth/dramatiq/hand.h"

#include <algorithm>

namespace medsynth::dramatiq {

void Hand::add(Delivery delivery, WallTime now) {
  held_.insert(delivery.redis_message_id);
  const auto at = due(delivery.message, now);
  if (is_delay_queue(delivery.queue))
    delayed_.emplace(at.value_or(now), std::move(delivery));
  else if (at && *at > now)
    delayed_.emplace(*at, std::move(delivery));
  else
    ready_.push_back(std::move(delivery));
}

std::optional<Delivery> Hand::take() {
  if (ready_.empty()) return std::nullopt;
  Delivery delivery = std::move(ready_.front());
  ready_.pop_front();
  return delivery;
}

std::optional<Delivery> Hand::take_due(WallTime now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    Delivery delivery = std::move(delayed_.extract(delayed_.begin()).mapped());
    if (is_delay_queue(delivery.queue)) return delivery;
    ready_.push_back(std::move(delivery));
  }
  return std::nullopt;
}

void Hand::settled(const Delivery& delivery) {
  held_.erase(delivery.redis_message_id);
}

std::optional<WallTime> Hand::next_due() const {
  if (delayed_.empty()) return std::nullopt;
  return delayed_.begin()->first;
}

Hand::Difference Hand::reconcile(const std::string& queue, const std::vector<std::string>& leased) {
  Difference difference;
  const std::unordered_set<std::string> still_ours(leased.begin(), leased.end());
  const auto lost = [&](const Delivery& delivery) {
    if (delivery.queue != queue || still_ours.contains(delivery.redis_message_id)) return false;
    held_.erase(delivery.redis_message_id);
    ++difference.lost;
    return true;
  };
  std::erase_if(ready_, lost);
  std::erase_if(delayed_, [&](const auto& entry) { return lost(entry.second); });
  for (const std::string& id : leased)
    if (!held_.contains(id)) difference.strangers.push_back(id);
  return difference;
}

std::map<std::string, std::vector<std::string>> Hand::drain() {
  std::map<std::string, std::vector<std::string>> ids;
  for (const Delivery& delivery : ready_) ids[delivery.queue].push_back(delivery.redis_message_id);
  for (const auto& [at, delivery] : delayed_) ids[delivery.queue].push_back(delivery.redis_message_id);
  for (const auto& [queue, list] : ids)
    for (const std::string& id : list) held_.erase(id);
  ready_.clear();
  delayed_.clear();
  return ids;
}

}  // namespace medsynth::dramatiq
