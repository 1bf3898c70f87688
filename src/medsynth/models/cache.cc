// The shell of the cache: one mutex around the plan, threads that carry out what it decides. No lock is held
// while a model loads, while it is destroyed, or while somebody's callback runs.
#include "medsynth/models/cache.h"

#include <malloc.h>
#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "medsynth/base/log.h"
#include "medsynth/models/plan.h"

namespace medsynth::models {
namespace {

// How long remove() waits for the memory to be back.
constexpr std::chrono::seconds kRemovalWait{1};
constexpr std::chrono::milliseconds kShortestCheck{10};
// Progress is passed on in steps of this size.
constexpr double kProgressStep = 0.01;

std::string_view name_of(UnloadReason reason) {
  switch (reason) {
    case UnloadReason::evicted:
      return "evicted";
    case UnloadReason::expired:
      return "expired";
    case UnloadReason::removed:
      return "removed";
    case UnloadReason::replaced:
      return "replaced";
  }
  return "?";
}

Result<std::shared_ptr<Loaded>> run(const Loader& load, const std::function<void(double)>& progress,
                                    const std::stop_token& stop, const std::string& id) try {
  auto loaded = load(progress, stop);
  if (loaded && !*loaded) return Error{Code::internal, fmt::format("the loader of {} gave no model", id), ""};
  return loaded;
} catch (const std::bad_alloc&) {
  return Error{Code::exhausted, fmt::format("no memory to load {}", id), "no_memory"};
} catch (const std::exception& error) {
  return Error{Code::internal, fmt::format("loading {} failed: {}", id, error.what()), ""};
}

}  // namespace

struct Cache::Impl : std::enable_shared_from_this<Cache::Impl> {
  // One caller of get_or_create. Lives on its stack; reached through `waiters` under the mutex.
  struct Waiter {
    const Loader& load;
    std::optional<Result<Handle>> answer = std::nullopt;
    std::condition_variable_any changed = {};
  };
  struct Leaving {
    std::string id;
    UnloadReason reason;
    std::shared_ptr<Loaded> model;
  };
  struct Load {
    std::stop_source stop;
    double progress = 0;
    std::thread thread;
  };

  Impl(CacheOptions options_, const Clock& clock_)
      : clock(clock_), check_interval(std::max(options_.check_interval, kShortestCheck)), plan(options_) {}

  Now now() const { return {clock.steady(), clock.now()}; }
  Handle make_handle(const std::string& id, std::shared_ptr<Loaded> model);
  Result<Handle> wait(std::unique_lock<std::mutex>& lock, Waiter& waiter, Ticket ticket,
                      const std::string& id, std::chrono::steady_clock::time_point deadline,
                      const std::stop_token& stop, const std::function<void(double)>& progress);
  void release(const std::string& id);

  // With the mutex held: carries out effects. What needs time is handed to a thread.
  void apply(Effects effects);
  void apply(Grant& grant);
  void apply(Refuse& refuse);
  void apply(StartLoad& start);
  void apply(StopLoad& stop);
  void apply(Unload& unload);
  void finish(const std::string& id, Result<std::shared_ptr<Loaded>> loaded, double seconds);

  void load_in_thread(const std::string& id, const Loader& load, const std::stop_token& stop);
  void report_progress(const std::string& id, double part);
  void keep_house();                                         // the thread "ms-cache"
  void destroy_leaving(std::unique_lock<std::mutex>& lock);  // these let go of the lock meanwhile
  void join_ended(std::unique_lock<std::mutex>& lock);
  void close();

  const Clock& clock;
  const std::chrono::milliseconds check_interval;
  mutable std::mutex mutex;
  std::condition_variable_any work;     // for the housekeeper
  std::condition_variable_any settled;  // an instance has been destroyed
  Plan plan;
  bool closing = false;
  Ticket next_ticket = 1;
  std::map<Ticket, Waiter*> waiters;
  std::map<std::string, std::shared_ptr<Loaded>> models;
  std::map<std::string, Load> loads;
  std::vector<Leaving> leaving;    // to be destroyed
  std::vector<std::thread> ended;  // load threads to be joined
  std::thread housekeeper;
};

Handle::~Handle() {
  release();
}
Handle::Handle(Handle&& other) noexcept
    : model_(std::move(other.model_)), let_go_(std::exchange(other.let_go_, nullptr)) {}
Handle& Handle::operator=(Handle&& other) noexcept {
  if (this != &other) {
    release();
    model_ = std::move(other.model_);
    let_go_ = std::exchange(other.let_go_, nullptr);
  }
  return *this;
}

void Handle::release() {
  // The pointer goes first, so that the cache holds the last one and destroys the model on its own thread.
  model_.reset();
  if (auto let_go = std::exchange(let_go_, nullptr)) let_go();
}

Handle Cache::Impl::make_handle(const std::string& id, std::shared_ptr<Loaded> model) {
  Handle handle;
  handle.model_ = std::move(model);
  handle.let_go_ = [self = shared_from_this(), id] { self->release(id); };
  return handle;
}

void Cache::Impl::release(const std::string& id) {
  std::unique_lock lock(mutex);
  apply(plan.release(id, now()));
  work.notify_one();
  if (closing) destroy_leaving(lock);
}

void Cache::Impl::apply(Effects effects) {
  for (Effect& effect : effects) std::visit([this](auto& each) { apply(each); }, effect);
}

void Cache::Impl::apply(Grant& grant) {
  Waiter& waiter = *waiters.at(grant.ticket);
  waiter.answer.emplace(make_handle(grant.id, models.at(grant.id)));
  waiter.changed.notify_one();
}

void Cache::Impl::apply(Refuse& refuse) {
  Waiter& waiter = *waiters.at(refuse.ticket);
  waiter.answer.emplace(std::move(refuse.error));
  waiter.changed.notify_one();
}

void Cache::Impl::apply(StartLoad& start) try {
  Load& load = loads[start.id];
  if (closing) load.stop.request_stop();
  load.thread = std::thread(
      [this, id = start.id, loader = waiters.at(start.ticket)->load, stop = load.stop.get_token()] {
        pthread_setname_np(pthread_self(), "ms-load");
        load_in_thread(id, loader, stop);
      });
} catch (const std::system_error& error) {
  loads.erase(start.id);
  const Error no_thread{Code::exhausted, fmt::format("no thread to load {}: {}", start.id, error.what()), ""};
  apply(plan.load_failed(start.id, no_thread, now()));
}

void Cache::Impl::apply(StopLoad& stop) {
  loads.at(stop.id).stop.request_stop();
}

void Cache::Impl::apply(Unload& unload) {
  leaving.push_back({unload.id, unload.reason, std::move(models.extract(unload.id).mapped())});
  work.notify_one();
}

void Cache::Impl::load_in_thread(const std::string& id, const Loader& load, const std::stop_token& stop) {
  const auto start = std::chrono::steady_clock::now();
  auto loaded = run(load, [&](double part) { report_progress(id, part); }, stop, id);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (loaded)
    log::info("model loaded", {{"model", id}, {"seconds", seconds}});
  else
    log::warning("model not loaded", {{"model", id}, {"error", loaded.error().message}});
  finish(id, std::move(loaded), seconds);
}

void Cache::Impl::report_progress(const std::string& id, double part) {
  const std::lock_guard lock(mutex);
  Load& load = loads.at(id);
  if (part < load.progress + kProgressStep) return;
  load.progress = part;
  for (auto& [ticket, waiter] : waiters) waiter->changed.notify_one();
}

void Cache::Impl::finish(const std::string& id, Result<std::shared_ptr<Loaded>> loaded, double seconds) {
  const std::lock_guard lock(mutex);
  ended.push_back(std::move(loads.extract(id).mapped().thread));
  if (loaded) {
    models[id] = std::move(*loaded);
    apply(plan.loaded(id, seconds, now()));
  } else {
    apply(plan.load_failed(id, loaded.error(), now()));
  }
  work.notify_one();
}

void Cache::Impl::destroy_leaving(std::unique_lock<std::mutex>& lock) {
  while (!leaving.empty()) {
    Leaving next = std::move(leaving.back());
    leaving.pop_back();
    lock.unlock();
    next.model.reset();
    malloc_trim(0);  // the allocator keeps what was freed, and the machine does not see it
    log::info("model unloaded", {{"model", next.id}, {"reason", name_of(next.reason)}});
    lock.lock();
    apply(plan.unloaded(next.id));
    settled.notify_all();
  }
}

void Cache::Impl::join_ended(std::unique_lock<std::mutex>& lock) {
  std::vector<std::thread> threads = std::exchange(ended, {});
  lock.unlock();
  for (std::thread& thread : threads) {
    if (thread.joinable()) thread.join();
  }
  lock.lock();
}

void Cache::Impl::keep_house() {
  pthread_setname_np(pthread_self(), "ms-cache");
  std::unique_lock lock(mutex);
  SteadyTime next_check = clock.steady() + check_interval;
  while (!closing) {
    destroy_leaving(lock);
    join_ended(lock);
    if (clock.steady() >= next_check) {
      next_check = clock.steady() + check_interval;
      lock.unlock();
      malloc_trim(0);
      lock.lock();
    }
    apply(plan.expire(now()));
    if (!leaving.empty() || !ended.empty() || closing) continue;
    work.wait_for(lock, std::min(plan.next_due().value_or(next_check), next_check) - clock.steady());
  }
}

void Cache::Impl::close() {
  std::unique_lock lock(mutex);
  closing = true;
  work.notify_one();
  for (auto& [id, load] : loads) load.stop.request_stop();
  lock.unlock();
  housekeeper.join();
  lock.lock();
  while (!loads.empty() || !ended.empty()) {
    for (auto& [id, load] : loads) ended.push_back(std::move(load.thread));
    join_ended(lock);
  }
  for (const std::string& id : plan.ids()) apply(plan.remove(id).second);
  destroy_leaving(lock);
}

Cache::Cache(CacheOptions options, const Clock& clock) : impl_(std::make_shared<Impl>(options, clock)) {
  impl_->housekeeper = std::thread([impl = impl_.get()] { impl->keep_house(); });
}

Cache::~Cache() {
  impl_->close();
}

std::optional<Handle> Cache::get(const std::string& id) {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->plan.use(id, impl_->now())) return std::nullopt;
  return impl_->make_handle(id, impl_->models.at(id));
}

Result<Handle> Cache::get_or_create(const std::string& id, const Loader& load, const Metadata& metadata,
                                    std::chrono::milliseconds timeout, std::stop_token stop,
                                    const std::function<void(double)>& progress) {
  const auto start = std::chrono::steady_clock::now();
  // A timeout of years must not run over the end of the clock.
  const auto deadline = start + std::min<std::chrono::nanoseconds>(timeout, std::chrono::hours(24 * 365));
  std::unique_lock lock(impl_->mutex);
  Impl::Waiter waiter{load};
  const Ticket ticket = impl_->next_ticket++;
  impl_->waiters.emplace(ticket, &waiter);
  impl_->apply(impl_->plan.request(ticket, id, metadata, impl_->now()));
  auto result = impl_->wait(lock, waiter, ticket, id, deadline, stop, progress);
  impl_->waiters.erase(ticket);
  return result;
}

Result<Handle> Cache::Impl::wait(std::unique_lock<std::mutex>& lock, Waiter& waiter, Ticket ticket,
                                 const std::string& id, std::chrono::steady_clock::time_point deadline,
                                 const std::stop_token& stop, const std::function<void(double)>& progress) {
  double reported = 0;
  const auto part = [&] {
    const auto load = loads.find(id);
    return load == loads.end() ? 0 : load->second.progress;
  };
  while (!waiter.answer) {
    const bool woken = waiter.changed.wait_until(
        lock, stop, deadline, [&] { return waiter.answer || (progress && part() > reported); });
    if (waiter.answer) break;
    if (!woken) {
      auto left = plan.leave(ticket, id);
      apply(std::move(left.effects));
      if (stop.stop_requested())
        return Error{Code::cancelled, fmt::format("waiting for {} was cancelled", id), ""};
      if (left.for_place)
        return Error{Code::exhausted,
                     fmt::format("every place in the model cache is in use; {} got none in its time", id),
                     "cache_full"};
      return Error{Code::timeout, fmt::format("{} was not loaded in its time", id), ""};
    }
    reported = part();
    lock.unlock();
    progress(reported);
    lock.lock();
  }
  return std::move(*waiter.answer);
}

Result<> Cache::put(const std::string& id, std::shared_ptr<Loaded> model, const Metadata& metadata) {
  if (!model) return invalid("model", "must not be null");
  const std::lock_guard lock(impl_->mutex);
  BOOST_OUTCOME_TRY(auto effects, impl_->plan.put(id, metadata, impl_->now()));
  impl_->apply(std::move(effects));
  impl_->models[id] = std::move(model);
  impl_->work.notify_one();
  return success();
}

Removal Cache::remove(const std::string& id) {
  std::unique_lock lock(impl_->mutex);
  auto [removal, effects] = impl_->plan.remove(id);
  impl_->apply(std::move(effects));
  if (removal == Removal::removed)
    impl_->settled.wait_for(lock, kRemovalWait, [&] { return !impl_->plan.is_unloading(id); });
  return removal;
}

std::vector<std::pair<std::string, Removal>> Cache::clear() {
  std::vector<std::pair<std::string, Removal>> done;
  std::unique_lock lock(impl_->mutex);
  for (const std::string& id : impl_->plan.ids()) {
    auto [removal, effects] = impl_->plan.remove(id);
    impl_->apply(std::move(effects));
    if (removal != Removal::absent) done.emplace_back(id, removal);
  }
  impl_->settled.wait_for(lock, kRemovalWait, [&] {
    return std::none_of(done.begin(), done.end(),
                        [&](const auto& each) { return impl_->plan.is_unloading(each.first); });
  });
  return done;
}

void Cache::expire() {
  const std::lock_guard lock(impl_->mutex);
  impl_->apply(impl_->plan.expire(impl_->now()));
}

CacheStats Cache::get_stats() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->plan.stats(impl_->now());
}

}  // namespace medsynth::models
