#include "medsynth/limits/gatekeeper.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/log.h"

namespace medsynth::limits {
namespace {

using std::chrono::milliseconds;

// A dead holder rings no bell, so waiters look again this often (DESIGN section 6).
constexpr milliseconds kLookAgain{20};
// The guard is held for microseconds; a process stopped while it holds it must not make others miss their
// timeouts.
constexpr milliseconds kGuardPatience{5};

// True when letting `later` in could take what `earlier` waits for.
bool competes(const std::string& reason, const Request& earlier, const Request& later) {
  const auto wants_model = [](const Request& each) { return each.ask.model && !each.needs.model.empty(); };
  if (reason.empty()) return earlier.ask.slot && later.ask.slot;
  if (reason == "slots") return later.ask.slot;
  if (reason == "model_lock") return wants_model(later) && later.needs.model == earlier.needs.model;
  if (!later.ask.gates) return false;
  if (reason == "cpu") return later.needs.cpu_share_percent > 0;
  if (reason == "memory") return later.needs.memory_bytes > 0;
  return later.needs.gpu_bytes > 0;
}

std::string text_of(const char (&field)[64]) {
  return std::string(field, ::strnlen(field, sizeof field));
}

double within(double value, double low, double high, double otherwise) {
  return std::isnan(value) ? otherwise : std::clamp(value, low, high);
}

Error timed_out(const Request& request, milliseconds timeout, const Wait& wait) {
  const std::string who =
      request.needs.actor.empty() ? "this task" : fmt::format("'{}'", request.needs.actor);
  return Error{Code::timeout,
               fmt::format("no room for {} within {:g} s: {}", who,
                           static_cast<double>(timeout.count()) / 1000, wait.detail),
               "resources_timeout"};
}

}  // namespace

Gatekeeper::Gatekeeper(const LimiterOptions& options, std::shared_ptr<SlotTable> table, Sensors& sensors,
                       const Clock& clock)
    : options_(options),
      table_(std::move(table)),
      clock_(clock),
      sampler_(sensors, clock, options.check_interval),
      limits_(options.limits) {}

Result<std::unique_ptr<Gatekeeper>> Gatekeeper::open(const LimiterOptions& options, Sensors& sensors,
                                                     const Clock& clock) {
  BOOST_OUTCOME_TRY(auto table, SlotTable::open(options.runtime_dir));
  return std::unique_ptr<Gatekeeper>(new Gatekeeper(options, std::move(table), sensors, clock));
}

Result<Gatekeeper::Holders> Gatekeeper::open_holders(const Request& request) const {
  Holders holders;
  if (!request.reserve) return holders;
  if (request.ask.slot) {
    BOOST_OUTCOME_TRY(auto slot, table_->new_holder());
    holders.slot = std::move(slot);
  }
  if (request.ask.model && !request.needs.model.empty()) {
    BOOST_OUTCOME_TRY(auto model, LockFile::open(model_name(options_.runtime_dir, request.needs.model).file));
    holders.model = std::move(model);
  }
  return holders;
}

Result<Grant> Gatekeeper::acquire(const Request& request, milliseconds timeout, const std::stop_token& stop,
                                  const std::function<void(const Wait&)>& on_wait) {
  BOOST_OUTCOME_TRY(auto holders, open_holders(request));
  const SteadyTime start = clock_.steady();
  SteadyTime blocked_since = start;
  std::string told;
  const std::stop_callback wake(stop, [this] { table_->ring(); });
  struct Place {
    Gatekeeper& keeper;
    Line::iterator at;
    ~Place() { keeper.leave(at); }
  } place{*this, join(request)};
  while (true) {
    if (stop.stop_requested()) return Error{Code::cancelled, "cancelled while it waited for resources", ""};
    const std::uint32_t bell = table_->bell();
    Answer answer = attempt(request, holders, place.at);
    if (auto* grant = std::get_if<Grant>(&answer)) return std::move(*grant);
    if (auto* never = std::get_if<Never>(&answer))
      return Error{Code::invalid_argument, fmt::format("this task can never start: {}", never->detail),
                   "does_not_fit"};
    const Wait& wait = std::get<Wait>(answer);
    const auto left = timeout - (clock_.steady() - start);
    if (left <= milliseconds(0)) return timed_out(request, timeout, wait);
    if (on_wait && std::exchange(told, wait.reason) != wait.reason) on_wait(wait);
    table_->wait(bell, std::min<std::chrono::nanoseconds>(left, kLookAgain));
    count_blocked(wait.reason, blocked_since);
  }
}

Result<Answer> Gatekeeper::try_acquire(const Request& request) {
  BOOST_OUTCOME_TRY(auto holders, open_holders(request));
  return attempt(request, holders, line_.end());
}

Answer Gatekeeper::attempt(const Request& request, Holders& holders, Line::iterator place) {
  const auto reading = request.ask.gates ? sampler_.latest() : nullptr;  // read with no lock held
  if (reading)
    if (auto refused = never_fits(reading->sample, limits(), request.needs)) return *refused;
  const std::lock_guard lock(mutex_);
  for (auto earlier = line_.begin(); earlier != place; ++earlier) {
    if (!earlier->request.reserve || !competes(earlier->reason, earlier->request, request)) continue;
    const std::string reason = earlier->reason.empty() ? "slots" : earlier->reason;
    if (place != line_.end()) place->reason = reason;
    return Wait{reason, "others of this process came first"};
  }
  Answer answer = decide_and_take(request, holders, reading.get());
  if (auto* wait = std::get_if<Wait>(&answer); wait && place != line_.end()) place->reason = wait->reason;
  return answer;
}

// mutex_ is held.
Answer Gatekeeper::decide_and_take(const Request& request, Holders& holders, const Reading* reading) {
  const SlotTable::Guard guard(*table_, kGuardPatience);
  if (!guard) return Wait{request.ask.slot ? "slots" : "model_lock", "another process is being served"};
  Snapshot snapshot = look(reading);
  const Needs& needs = request.needs;
  // The lock is tried first and given back if the rest is not to be had: nobody sees it, we have the guard.
  const std::int64_t parallel = std::max<std::int64_t>(1, needs.model_parallel);
  if (holders.model.is_open())
    while (snapshot.model_users < parallel && !holders.model.try_lock(snapshot.model_users))
      ++snapshot.model_users;
  if (reading) gates_ = snapshot.gates = next_gates(snapshot);
  Decision decision = decide(snapshot, needs, request.ask);
  Grant grant;
  if (std::holds_alternative<Admit>(decision) && holders.slot.is_open()) {
    const Sample& sample = snapshot.sample;
    const ProcessUse* self = reading ? reading->find(snapshot.self) : nullptr;
    const Reservation mine{
        .pid = snapshot.self,
        .cpu_share_percent = needs.cpu_share_percent,
        .memory_bytes = needs.memory_bytes,
        .gpu_bytes = needs.gpu_bytes,
        .memory_base = self ? self->anonymous_bytes : 0,
        .gpu_base = sample.gpu_memory_total - std::min(sample.gpu_memory_total, sample.gpu_memory_free)};
    if (const auto slot = table_->take(holders.slot, mine, needs, clock_.now()))
      grant.slot = std::make_shared<SlotGrip>(table_, std::move(holders.slot), *slot);
    else
      decision = Wait{"slots", fmt::format("all {} slots of this machine are taken", kMaxSlots)};
  }
  if (std::holds_alternative<Admit>(decision)) {
    if (holders.model.is_open()) grant.model = std::make_shared<ModelGrip>(table_, std::move(holders.model));
    return grant;
  }
  holders.model.unlock(snapshot.model_users);
  if (auto* never = std::get_if<Never>(&decision)) return std::move(*never);
  return std::get<Wait>(std::move(decision));
}

// The table and the latest reading, as admission wants them. mutex_ and the guard are held.
Snapshot Gatekeeper::look(const Reading* reading) {
  Snapshot snapshot{.limits = limits(), .self = static_cast<std::int32_t>(::getpid()), .gates = gates_};
  std::set<std::int32_t> pids;
  table_->visit([&](int, const SlotRecord& record) {
    snapshot.running.push_back({.pid = record.pid,
                                .cpu_share_percent = record.cpu_share_percent,
                                .memory_bytes = record.memory_bytes,
                                .gpu_bytes = record.gpu_bytes,
                                .memory_base = record.memory_base,
                                .gpu_base = record.gpu_base});
    pids.insert(record.pid);
  });
  if (reading) {
    snapshot.sample = reading->sample;
    snapshot.processes = reading->processes;
  }
  sampler_.watch({pids.begin(), pids.end()});
  return snapshot;
}

void Gatekeeper::raise(const SlotGrip& grip, const Needs& needs) {
  const std::lock_guard lock(mutex_);
  const SlotTable::Guard guard(*table_, kGuardPatience);
  SlotRecord& record = table_->record(grip.slot);
  record.cpu_share_percent = std::max(record.cpu_share_percent, needs.cpu_share_percent);
  record.memory_bytes = std::max(record.memory_bytes, needs.memory_bytes);
  record.gpu_bytes = std::max(record.gpu_bytes, needs.gpu_bytes);
}

Gatekeeper::Line::iterator Gatekeeper::join(const Request& request) {
  const std::lock_guard lock(mutex_);
  return line_.insert(line_.end(), Waiter{request, ""});
}

// Those behind may have been held up only by this one.
void Gatekeeper::leave(Line::iterator place) {
  bool alone = false;
  {
    const std::lock_guard lock(mutex_);
    line_.erase(place);
    alone = line_.empty();
  }
  if (!alone) table_->ring();
}

Usage Gatekeeper::usage() {
  const auto reading = sampler_.latest();
  const auto taken = static_cast<std::int64_t>(slots().size());
  const Limits now = limits();
  return {.cpu_percent = reading->sample.cpu_percent,
          .memory_percent = reading->sample.memory_percent,
          .gpu_percent = reading->sample.gpu_percent,
          .concurrent_tasks = taken,
          .max_cpu_percent = now.max_cpu_percent,
          .max_memory_percent = now.max_memory_percent,
          .max_gpu_percent = now.max_gpu_percent,
          .max_concurrent_tasks = now.max_concurrent_tasks};
}

std::vector<SlotInfo> Gatekeeper::slots() {
  std::vector<SlotInfo> out;
  const std::lock_guard lock(mutex_);
  const SlotTable::Guard guard(*table_, kGuardPatience);  // without it a name may be torn, no more
  table_->visit([&](int slot, const SlotRecord& record) {
    out.push_back({.slot = slot,
                   .pid = record.pid,
                   .actor = text_of(record.actor),
                   .model = text_of(record.model),
                   .cpu_share_percent = record.cpu_share_percent,
                   .memory_bytes = record.memory_bytes,
                   .since = rfc3339(WallTime{std::chrono::microseconds{record.since_us}})});
  });
  return out;
}

Limits Gatekeeper::limits() const {
  const std::lock_guard lock(numbers_);
  return limits_;
}

void Gatekeeper::set_limits(const Limits& wanted) {
  const Limits before = limits();
  const Limits now{
      .max_cpu_percent = within(wanted.max_cpu_percent, 0, 100, before.max_cpu_percent),
      .max_memory_percent = within(wanted.max_memory_percent, 0, 100, before.max_memory_percent),
      .max_gpu_percent = within(wanted.max_gpu_percent, 0, 100, before.max_gpu_percent),
      .max_concurrent_tasks = std::clamp<std::int64_t>(wanted.max_concurrent_tasks, 1, kMaxSlots)};
  if (now != wanted)
    log::warning("limits out of range", {{"max_concurrent_tasks", now.max_concurrent_tasks}});
  {
    const std::lock_guard lock(numbers_);
    limits_ = now;
  }
  table_->ring();
}

void Gatekeeper::count_blocked(const std::string& reason, SteadyTime& since) {
  const SteadyTime now = clock_.steady();
  const std::lock_guard lock(numbers_);
  blocked_seconds_[reason] += std::chrono::duration<double>(now - std::exchange(since, now)).count();
}

std::map<std::string, double> Gatekeeper::blocked_seconds() const {
  const std::lock_guard lock(numbers_);
  return blocked_seconds_;
}

}  // namespace medsynth::limits
