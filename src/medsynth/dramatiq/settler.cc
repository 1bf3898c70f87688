#include "medsynth/dramatiq/settler.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "medsynth/base/log.h"
#include "medsynth/dramatiq/waiting.h"

namespace medsynth::dramatiq {
namespace {

constexpr std::size_t kMost = 1000;  // of one exchange: more only keeps others of this Redis waiting
constexpr std::string_view kRefused = "messages cannot be settled: Redis refuses it";

}  // namespace

Settler::Settler(redis::Client& client, const Broker& broker, std::function<void()> lost_contact,
                 std::function<void(const std::vector<Settlement>&, std::int64_t)> settled)
    : client_(client), broker_(broker), lost_contact_(std::move(lost_contact)), settled_(std::move(settled)) {
  thread_ = std::jthread([this](std::stop_token stop) {
    pthread_setname_np(pthread_self(), "ms-settle");
    run(std::move(stop));
  });
}

Settler::~Settler() {
  thread_.request_stop();
  thread_.join();
}

void Settler::settle(Settlement settlement, Done done) {
  bool first;
  {
    const std::lock_guard lock(mutex_);
    first = gathering_.settlements.empty();
    gathering_.settlements.push_back(std::move(settlement));
    gathering_.done.push_back(std::move(done));
  }
  if (first) changed_.notify_all();
}

void Settler::give_up_at(SteadyTime when) {
  const std::lock_guard lock(mutex_);
  give_up_at_ = when;
}

bool Settler::may_still_settle() const {
  const std::lock_guard lock(mutex_);
  return steady_now() < give_up_at_;
}

std::size_t Settler::put_aside() const {
  const std::lock_guard lock(mutex_);
  return aside_.settlements.size();
}

bool Settler::wait_idle(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [this] {
    return gathering_.settlements.empty() && aside_.settlements.empty() && !busy_;
  });
}

void Settler::Batch::take_over(Batch& other) {
  std::move(other.settlements.begin(), other.settlements.end(), std::back_inserter(settlements));
  std::move(other.done.begin(), other.done.end(), std::back_inserter(done));
  other.settlements.clear();
  other.done.clear();
}

void Settler::run(std::stop_token stop) {
  Batch batch;  // keeps its memory, and lends it to those who gather
  std::unique_lock lock(mutex_);
  for (;;) {
    wait_for_work(lock, stop);
    const bool again = !aside_.settlements.empty() && (steady_now() >= aside_due_ || stop.stop_requested());
    if (again) {
      std::swap(batch, aside_);
    } else if (gathering_.settlements.empty()) {
      if (aside_.settlements.empty()) return;  // it was asked to stop, and has nothing
      continue;
    } else if (gathering_.settlements.size() <= kMost) {
      std::swap(batch, gathering_);
    } else {
      batch = next_batch();
    }
    busy_ = true;
    lock.unlock();
    carry_out(batch, again);
    lock.lock();
    busy_ = false;
    if (again && aside_.settlements.empty()) {
      backoff_ = {};
      trouble_.worked(kRefused);
    }
    if (again && stop.stop_requested() && !aside_.settlements.empty()) {
      lock.unlock();
      pause(kLoadingPause);
      lock.lock();
    }
    changed_.notify_all();
  }
}

void Settler::wait_for_work(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
  const auto gathered = [this] { return !gathering_.settlements.empty(); };
  if (aside_.settlements.empty())
    changed_.wait(lock, stop, gathered);
  else
    changed_.wait_until(lock, stop, aside_due_, gathered);
}

// The first of those that gathered.
Settler::Batch Settler::next_batch() {
  const auto take = [](auto& from) {
    std::remove_reference_t<decltype(from)> first(std::make_move_iterator(from.begin()),
                                                  std::make_move_iterator(from.begin() + kMost));
    from.erase(from.begin(), from.begin() + kMost);
    return first;
  };
  return {take(gathering_.settlements), take(gathering_.done)};
}

// In doubt: an earlier attempt may have worked without our hearing of it. Then what is no longer ours nor
// there worked.
Result<std::vector<bool>> Settler::try_once(const Batch& batch, bool in_doubt) {
  BOOST_OUTCOME_TRY(auto ours, client_.run(broker_.settle(batch.settlements)));
  if (!in_doubt || std::find(ours.begin(), ours.end(), false) == ours.end()) return ours;
  BOOST_OUTCOME_TRY(auto there, client_.run(broker_.exist(batch.settlements)));
  for (std::size_t i = 0; i < ours.size(); ++i) ours[i] = ours[i] || !there[i];
  return ours;
}

void Settler::carry_out(Batch& batch, bool in_doubt) {
  for (;;) {
    const auto ours = try_once(batch, in_doubt);
    if (ours) return finish(batch, *ours);
    in_doubt = true;
    if (is_away(ours.error())) {
      lost_contact_();
      if (may_still_settle()) {
        if (reach(client_)) pause(kLoadingPause);  // it is there, but does not do it yet
        continue;
      }
    }
    if (batch.settlements.size() > 1) return one_by_one(batch);
    return refuse(batch, ours.error());
  }
}

// One is at fault: the others need not suffer.
void Settler::one_by_one(Batch& batch) {
  for (std::size_t i = 0; i < batch.settlements.size(); ++i) {
    Batch one;
    one.settlements.push_back(std::move(batch.settlements[i]));
    one.done.push_back(std::move(batch.done[i]));
    carry_out(one, true);
  }
  batch = {};
}

void Settler::refuse(Batch& one, const Error& error) {
  const Settlement& settlement = one.settlements.front();
  if (!may_still_settle()) {
    log::error("a message cannot be settled; recovery will put it back",
               {{"queue", settlement.lease.queue},
                {"redis_message_id", settlement.lease.redis_message_id},
                {"error", error.message}});
    return answer(one, {false});
  }
  if (!redis::worth_retrying(redis::classify(error))) {
    const bool dies = settlement.kind == Settlement::Kind::dead;
    const std::string reason = (dies ? settlement.reason + "; " : std::string()) +
                               "what follows from its end cannot be written: " + error.message;
    const auto ours = client_.run(broker_.settle({{.kind = Settlement::Kind::dead,
                                                   .lease = settlement.lease,
                                                   .updated = dies ? settlement.updated : std::nullopt,
                                                   .reason = reason}}));
    if (ours) {
      log::error("a message became a dead letter", {{"queue", settlement.lease.queue},
                                                    {"redis_message_id", settlement.lease.redis_message_id},
                                                    {"error", reason}});
      return finish(one, *ours);
    }
  }
  trouble_.failed(kRefused, error);
  const std::lock_guard lock(mutex_);
  if (aside_.settlements.empty()) aside_due_ = steady_now() + backoff_.next();
  aside_.take_over(one);
}

// It has left our hands.
void Settler::finish(Batch& batch, const std::vector<bool>& ours) {
  settled_(batch.settlements, std::count(ours.begin(), ours.end(), false));
  answer(batch, ours);
}

void Settler::answer(Batch& batch, const std::vector<bool>& ours) {
  for (std::size_t i = 0; i < batch.done.size(); ++i)
    if (batch.done[i]) batch.done[i](ours[i]);
  batch.settlements.clear();
  batch.done.clear();
}

}  // namespace medsynth::dramatiq
