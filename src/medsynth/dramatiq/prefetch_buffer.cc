#include "medsynth/dramatiq/prefetch_buffer.h"

#include <algorithm>
#include <utility>

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

constexpr microseconds kSlice = 1ms;  // work that is handed out together: its records are written together
constexpr std::size_t kMaxInSlice = 256;
constexpr microseconds kAhead = 50ms;  // work that is fetched before somebody waits for it
constexpr std::int64_t kMinAhead = 16, kMaxAhead = 4000;

// nullopt: one of them waits for admission.
std::optional<microseconds> sum(const std::vector<Leases::Work>& work) {
  microseconds sum{0};
  for (const Leases::Work& each : work) {
    if (!each) return std::nullopt;
    sum += *each;
  }
  return sum;
}

}  // namespace

PrefetchBuffer::PrefetchBuffer(std::int64_t prefetch, bool knows_work, std::function<void()> low)
    : prefetch_(prefetch), knows_work_(knows_work), low_(std::move(low)) {}

std::vector<Received> PrefetchBuffer::take(std::size_t count, std::chrono::milliseconds timeout,
                                           std::stop_token stop) {
  std::unique_lock lock(mutex_);
  const auto done = [&] { return closed_ || leases_.ready() > 0; };
  ++takers_;
  if (!done()) {
    lock.unlock();
    low_();
    lock.lock();
    changed_.wait_for(lock, stop, timeout, done);
  }
  --takers_;
  if (closed_) return {};
  std::vector<Received> taken = leases_.take(kSlice, std::min(count, kMaxInSlice));
  const bool more = leases_.ready() > 0, low = wanted_locked() > 0;
  lock.unlock();
  if (more) changed_.notify_one();
  if (low) low_();
  return taken;
}

void PrefetchBuffer::started(const std::string& id) {
  const std::lock_guard lock(mutex_);
  leases_.started(id);
}

void PrefetchBuffer::settled(const std::vector<std::string>& ids) {
  const std::lock_guard lock(mutex_);
  for (const std::string& id : ids) leases_.settled(id);
}

void PrefetchBuffer::give_back(const std::vector<std::string>& ids) {
  const std::lock_guard lock(mutex_);
  for (const std::string& id : ids) leases_.give_back(id);
}

PrefetchBuffer::Ids PrefetchBuffer::returns() {
  const std::lock_guard lock(mutex_);
  Ids ids = leases_.returns();
  if (!ids.empty()) ++returning_;
  return ids;
}

void PrefetchBuffer::returned() {
  const std::lock_guard lock(mutex_);
  --returning_;
}

std::int64_t PrefetchBuffer::wanted_locked() const {
  const auto ready = static_cast<std::int64_t>(leases_.ready());
  const std::int64_t max = std::max(prefetch_, ahead_);
  if (closed_ || leases_.returning() || returning_ > 0 || (takers_ <= ready && ready > max / 2)) return 0;
  return max + takers_ - ready;
}

std::int64_t PrefetchBuffer::wanted() {
  const std::lock_guard lock(mutex_);
  return wanted_locked();
}

bool PrefetchBuffer::fetches_ahead() {
  const std::lock_guard lock(mutex_);
  return ahead_ > 0;
}

void PrefetchBuffer::add(std::vector<Received> messages, const std::vector<Leases::Work>& work) {
  const auto known = sum(work);
  const auto count = static_cast<std::int64_t>(messages.size());
  {
    const std::lock_guard lock(mutex_);
    ahead_ = known && knows_work_
                 ? std::clamp(kAhead.count() * count / std::max<std::int64_t>(known->count(), 1), kMinAhead,
                              kMaxAhead)
                 : 0;
    for (std::size_t i = 0; i < work.size(); ++i) leases_.add(std::move(messages[i]), work[i]);
  }
  changed_.notify_one();
}

bool PrefetchBuffer::is_one_slice(const std::vector<Leases::Work>& work) const {
  const auto known = sum(work);
  return known && knows_work_ && !work.empty() && work.size() <= kMaxInSlice && *known <= kSlice;
}

Leases::Difference PrefetchBuffer::reconcile(const std::string& queue,
                                             const std::vector<std::string>& leased) {
  const std::lock_guard lock(mutex_);
  return leases_.reconcile(queue, leased);
}

void PrefetchBuffer::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

bool PrefetchBuffer::is_closed() {
  const std::lock_guard lock(mutex_);
  return closed_;
}

PrefetchBuffer::Ids PrefetchBuffer::drain() {
  const std::lock_guard lock(mutex_);
  return leases_.returning() ? Ids{} : leases_.drain();
}

}  // namespace medsynth::dramatiq
