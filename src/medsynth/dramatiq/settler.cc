#include "medsynth/dramatiq/settler.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>

#include "medsynth/base/log.h"
#include "medsynth/dramatiq/waiting.h"

namespace medsynth::dramatiq {
namespace {

constexpr std::size_t kMost = 1000;  // of one exchange: more only keeps others of this Redis waiting

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

bool Settler::wait_idle(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [this] { return gathering_.settlements.empty() && !busy_; });
}

void Settler::run(std::stop_token stop) {
  Batch batch;  // keeps its memory, and lends it to those who gather
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, stop, [this] { return !gathering_.settlements.empty(); });
    if (gathering_.settlements.empty()) return;
    if (gathering_.settlements.size() <= kMost) {
      std::swap(batch, gathering_);
    } else {
      const auto take = [](auto& from) {
        std::remove_reference_t<decltype(from)> first(std::make_move_iterator(from.begin()),
                                                      std::make_move_iterator(from.begin() + kMost));
        from.erase(from.begin(), from.begin() + kMost);
        return first;
      };
      batch = {take(gathering_.settlements), take(gathering_.done)};
    }
    busy_ = true;
    lock.unlock();
    carry_out(batch, false);
    batch.settlements.clear();
    batch.done.clear();
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
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
  const std::size_t size = batch.settlements.size();
  std::vector<bool> ours(size, false);
  for (;;) {
    auto answer = try_once(batch, in_doubt);
    if (answer) {
      ours = std::move(*answer);
      settled_(batch.settlements, std::count(ours.begin(), ours.end(), false));
      break;
    }
    in_doubt = true;
    const bool away = is_away(answer.error());
    if (away) lost_contact_();
    if (away && may_still_settle()) {
      if (reach(client_)) pause(kLoadingPause);  // it is there, but does not do it yet
      continue;
    }
    if (!away && size > 1) {  // one is at fault: the others need not suffer
      for (std::size_t i = 0; i < size; ++i) {
        Batch one;
        one.settlements.push_back(std::move(batch.settlements[i]));
        one.done.push_back(std::move(batch.done[i]));
        carry_out(one, true);
      }
      return;
    }
    for (const Settlement& settlement : batch.settlements)
      log::error("a message cannot be settled; recovery will put it back",
                 {{"queue", settlement.lease.queue},
                  {"redis_message_id", settlement.lease.redis_message_id},
                  {"error", answer.error().message}});
    break;
  }
  for (std::size_t i = 0; i < size; ++i)
    if (batch.done[i]) batch.done[i](ours[i]);
}

}  // namespace medsynth::dramatiq
