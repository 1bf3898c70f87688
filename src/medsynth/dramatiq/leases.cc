#include "medsynth/dramatiq/leases.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>

namespace medsynth::dramatiq {

using std::chrono::microseconds;

void Leases::enter(Place held, State state) {
  const auto count = [this](State of) -> std::size_t* {
    return of == State::waiting ? &waiting_ : of == State::returned ? &returned_ : nullptr;
  };
  if (auto* before = count(held->state)) --*before;
  if (auto* now = count(state)) ++*now;
  if (held->state == State::ready && state != State::ready) out_.splice(out_.end(), ready_, held);
  held->state = state;
}

void Leases::add(Received delivery, Work work) {
  const auto [place, is_new] = places_.try_emplace(delivery.redis_message_id);
  if (!is_new) {
    Held& held = *place->second;
    if (held.state == State::ready) held.delivery = std::move(delivery);
    return;
  }
  std::string queue = delivery.queue;
  ready_.push_back({next_order_++, std::move(queue), std::move(delivery), work});
  place->second = std::prev(ready_.end());
}

std::vector<Received> Leases::take(microseconds work, std::size_t count) {
  std::vector<Received> taken;
  taken.reserve(std::min(count, ready()));
  for (microseconds left = work; ready() > 0 && taken.size() < count;) {
    const Place next = ready_.begin();
    const bool waits = !next->work;
    if (!taken.empty() && (waits || *next->work > left)) break;
    taken.push_back(std::move(next->delivery));
    enter(next, waits ? State::waiting : State::running);
    if (waits) break;
    left -= *next->work;
  }
  return taken;
}

void Leases::started(const std::string& id) {
  if (const auto found = places_.find(id); found != places_.end()) enter(found->second, State::running);
}

void Leases::settled(const std::string& id) {
  const auto found = places_.find(id);
  if (found == places_.end()) return;
  enter(found->second, State::running);
  out_.erase(found->second);
  places_.erase(found);
}

void Leases::give_back(const std::string& id) {
  if (const auto found = places_.find(id); found != places_.end()) enter(found->second, State::returned);
}

std::map<std::string, std::vector<std::string>> Leases::returns() {
  if (!returning() || waiting_ > 0) return {};
  return drain();
}

Leases::Difference Leases::reconcile(const std::string& queue, const std::vector<std::string>& leased) {
  Difference difference;
  const std::unordered_set<std::string> still_ours(leased.begin(), leased.end());
  std::vector<std::string> lost;
  for (const Held& held : ready_)
    if (held.queue == queue && !still_ours.contains(held.delivery.redis_message_id))
      lost.push_back(held.delivery.redis_message_id);
  for (const std::string& id : lost) settled(id);
  difference.lost = static_cast<std::int64_t>(lost.size());
  for (const std::string& id : leased)
    if (!places_.contains(id)) difference.strangers.push_back(id);
  return difference;
}

std::map<std::string, std::vector<std::string>> Leases::drain() {
  std::vector<std::pair<std::uint64_t, std::string>> leaving;
  for (const auto& [id, held] : places_)
    if (held->state == State::ready || held->state == State::returned) leaving.emplace_back(held->order, id);
  std::sort(leaving.begin(), leaving.end());
  std::map<std::string, std::vector<std::string>> ids;
  for (auto& [order, id] : leaving) {
    ids[places_.at(id)->queue].push_back(id);
    settled(id);
  }
  return ids;
}

}  // namespace medsynth::dramatiq
