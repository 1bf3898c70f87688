// Inside the room: the cache's state, one mutex around the plan, and the threads that carry out what it
// decides. No lock is held while a model loads, while it is destroyed, while memory is measured, or while
// somebody's callback runs. shell.cc has what runs under the mutex, shell_threads.cc what runs without it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "medsynth/models/cache.h"
#include "medsynth/models/gate.h"
#include "medsynth/models/plan.h"

namespace medsynth::models {

struct CacheShell : std::enable_shared_from_this<CacheShell> {
  // One caller of get_or_create. Lives on its stack; reached through `waiters` under the mutex.
  struct Waiter {
    const std::string& id;
    const Loader& load;
    std::optional<Result<Handle>> answer = std::nullopt;
    std::condition_variable_any changed = {};
  };
  struct Load {
    std::stop_source stop;
    double progress = 0;
    std::uint64_t peak = 0;  // anonymous bytes, of the whole process
    bool alone = false;      // nothing else loads or leaves
    std::uint64_t moves = 0;
    std::thread thread;
  };
  struct Leaving {
    std::string id;
    UnloadReason reason;
    std::uint64_t expected = 0;
    SteadyTime loaded_at{};
    std::shared_ptr<Loaded> model;
  };

  CacheShell(CacheOptions options_, const Clock& clock_);
  void start();
  void close();

  // Without a lock: a use of a model that is there; an empty handle when it is not found.
  Handle find(const std::string& id) const;
  Handle find_locked(const std::string& id);
  Result<Handle> wait(std::unique_lock<std::mutex>& lock, Waiter& waiter, Ticket ticket,
                      std::chrono::steady_clock::time_point deadline, const std::stop_token& stop,
                      const std::function<void(double)>& progress);
  Error leave(const Waiter& waiter, Ticket ticket, const std::stop_token& stop);
  void end_use(Seat& seat, std::optional<std::chrono::milliseconds> keep_alive);
  Result<> put(const std::string& id, std::shared_ptr<Loaded> model, const Metadata& metadata);

  // With the mutex held: tells the plan who uses what, and carries out effects. What needs time is handed to
  // a thread.
  void observe();
  void apply(Effects effects);
  Effects carry_out(Grant& grant);
  Effects carry_out(Refuse& refuse);
  Effects carry_out(StartLoad& start);
  Effects carry_out(StopLoad& stop);
  Effects carry_out(Claim& claim);
  Effects carry_out(Watch& watch);
  Effects carry_out(Close& close);
  Effects carry_out(Unload& unload);
  Effects heard(const std::string& id, std::int64_t users);
  std::vector<std::string> close_all(const std::vector<std::string>& ids);
  void seat(const std::string& id, std::shared_ptr<Loaded> model);

  void load_in_thread(const std::string& id, const Loader& load, const std::stop_token& stop);
  void report_progress(const std::string& id, double part);
  void finish(const std::string& id, Result<std::shared_ptr<Loaded>> loaded, LoadReport report,
              std::uint64_t before, std::uint64_t after);
  std::vector<Device> see_devices() const;
  void keep_time();                                      // the thread "ms-cache"
  void unload_models();                                  // the thread "ms-unload"
  void unload_next(std::unique_lock<std::mutex>& lock);  // these let go of the lock meanwhile
  void check_memory(std::unique_lock<std::mutex>& lock);
  void check_devices(std::unique_lock<std::mutex>& lock);
  void keep_learned(std::unique_lock<std::mutex>& lock);
  void join_ended(std::unique_lock<std::mutex>& lock);
  void tell(const CacheEvent& event) const;

  const CacheOptions options;
  const Clock& clock;
  Directory directory;
  mutable std::mutex mutex;
  std::condition_variable work;     // for ms-cache
  std::condition_variable unloads;  // for ms-unload
  std::condition_variable settled;  // an instance's memory is back
  Plan plan;
  bool closing = false;
  bool check_due = false;
  bool devices_due = false;
  std::atomic<bool> uses_devices = false;  // a model with bytes on a GPU was wanted
  bool learned_changed = false;
  std::uint64_t moves =
      0;  // loads and unloads that began or ended: memory measured across one is not told apart
  std::int64_t unloading = 0;
  Ticket next_ticket = 1;
  std::map<Ticket, Waiter*> waiters;
  std::map<std::string, Seat*> seats;  // of models that are ready or draining
  std::vector<std::unique_ptr<Seat>> all_seats;
  std::vector<Seat*> free_seats;
  std::map<std::string, Load> loads;
  std::deque<Leaving> leaving;
  std::vector<std::thread> ended;  // load threads to be joined
  std::thread timekeeper, unloader;
};

}  // namespace medsynth::models
