#include "medsynth/worker/recorder.h"

#include <pthread.h>

#include <algorithm>

#include "medsynth/base/log.h"
#include "medsynth/worker/persist.h"

namespace medsynth::worker {
namespace {

using namespace std::chrono_literals;

constexpr auto kFlush = 1ms;
constexpr std::size_t kTogether = 256;  // records of one script: more only keeps others of this Redis waiting
constexpr std::size_t kMostGathered = 4096;  // then whoever ends a task waits for Redis

}  // namespace

Recorder::Recorder(redis::Client& client, const tasks::Store& store, dramatiq::Consumer& consumer,
                   const Clock& clock, redis::Trouble& trouble, std::string worker)
    : client_(client),
      store_(store),
      consumer_(consumer),
      clock_(clock),
      trouble_(trouble),
      worker_(std::move(worker)) {
  for (std::jthread& thread : threads_) {
    thread = std::jthread([this](std::stop_token stop) {
      pthread_setname_np(pthread_self(), "ms-record");
      run(std::move(stop));
    });
  }
}

Recorder::~Recorder() {
  for (std::jthread& thread : threads_) thread.request_stop();
  for (std::jthread& thread : threads_) thread.join();
}

void Recorder::started(const tasks::Attempt& attempt) {
  bool wake;
  {
    const std::lock_guard lock(mutex_);
    wake = next_due() == SteadyTime::max();
    Running& running = running_[std::this_thread::get_id()];
    running.attempt = attempt;  // into the memory of the last one
    running.due = clock_.steady() + kFlush;
  }
  if (wake) changed_.notify_all();
}

void Recorder::ended(Ending ending) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return gathered_.size() < kMostGathered; });
  const bool sleeps = next_due() == SteadyTime::max();  // those who write have nothing to wait for
  running_[std::this_thread::get_id()].due = SteadyTime::max();
  if (gathered_.empty()) first_ = clock_.steady();
  gathered_.push_back(std::move(ending));
  const bool wake = sleeps || gathered_.size() == kTogether;
  lock.unlock();
  if (wake) changed_.notify_all();
}

void Recorder::flush() {
  {
    const std::lock_guard lock(mutex_);
    flush_ = true;
  }
  changed_.notify_all();
}

bool Recorder::wait_idle(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [this] { return gathered_.empty() && busy_ == 0; });
}

SteadyTime Recorder::next_due() const {
  SteadyTime due = gathered_.empty() ? SteadyTime::max() : first_ + kFlush;
  for (const auto& [thread, running] : running_) due = std::min(due, running.due);
  return due;
}

bool Recorder::is_due(SteadyTime now) const {
  return (flush_ && !gathered_.empty()) || gathered_.size() >= kTogether || now >= next_due();
}

void Recorder::run(std::stop_token stop) {
  std::vector<Ending> endings;  // keeps its memory, and lends it to those who gather
  std::unique_lock lock(mutex_);
  for (;;) {
    while (!is_due(clock_.steady()) && !stop.stop_requested()) {
      const SteadyTime due = next_due();
      const auto news = [&] { return is_due(clock_.steady()) || next_due() < due; };
      if (due == SteadyTime::max())
        changed_.wait(lock, stop, news);
      else
        changed_.wait_until(lock, stop, due, news);
    }
    if (gathered_.empty() && stop.stop_requested()) return;
    std::swap(endings, gathered_);
    flush_ = false;
    std::vector<tasks::Advance> started;
    const SteadyTime now = clock_.steady();
    for (auto& [thread, running] : running_) {
      if (running.due > now) continue;
      started.push_back(tasks::to_processing(running.attempt));
      running.due = SteadyTime::max();
    }
    ++busy_;
    lock.unlock();
    changed_.notify_all();
    std::span<Ending> left = endings;
    do {
      const std::size_t size = std::min(kTogether, left.size());
      write(left.first(size), std::exchange(started, {}), stop);
      left = left.subspan(size);
    } while (!left.empty());
    endings.clear();
    lock.lock();
    --busy_;
    changed_.notify_all();
  }
}

void Recorder::write(std::span<Ending> endings, std::vector<tasks::Advance> started,
                     const std::stop_token& stop) {
  std::vector<tasks::Advance> advances = std::move(started);
  advances.reserve(advances.size() + endings.size());
  for (Ending& ending : endings) advances.push_back(std::move(ending.advance));
  if (advances.empty()) return;
  const auto written = advance(advances, stop);
  if (written || !is_hopeless(written.error())) {
    for (Ending& ending : endings) settle(ending, written);
    return;
  }
  // One is at fault: the others need not suffer. Those that only began are shown once they have ended.
  const std::size_t began = advances.size() - endings.size();
  for (std::size_t i = 0; i < endings.size(); ++i)
    settle(endings[i], advance({std::move(advances[began + i])}, stop));
}

Result<std::vector<tasks::Written>> Recorder::advance(const std::vector<tasks::Advance>& advances,
                                                      const std::stop_token& stop) {
  return persist<std::vector<tasks::Written>>(
      client_, stop, trouble_, "the ends of tasks cannot be written into their records",
      [&] { return store_.advance(advances, worker_, clock_.now()); });
}

void Recorder::settle(Ending& ending, const Result<std::vector<tasks::Written>>& written) {
  if (written) return consumer_.settle(std::move(ending.settlement), {});
  const dramatiq::Lease& lease = ending.settlement.lease;
  log::error("a task's end was not written",
             {{"redis_message_id", lease.redis_message_id}, {"error", written.error().message}});
  if (!is_hopeless(written.error())) return;  // the process ends: recovery puts the message back
  consumer_.settle({.kind = dramatiq::Settlement::Kind::dead,
                    .lease = lease,
                    .reason = "it " + std::string(ending.how) +
                              ", and its record cannot be written: " + written.error().message},
                   {});
}

}  // namespace medsynth::worker
