#include "medsynth/limits/gatekeeper.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/log.h"

namespace medsynth::limits {
namespace {

using std::chrono::milliseconds;

// The guard is held for microseconds; a process stopped while it holds it must not make others miss their
// timeouts.
constexpr milliseconds kGuardPatience{2};
// Above this a machine has no CPU to spare: what tasks take then is less than they would.
constexpr double kFullCpu = 95;

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

// How many before `me` wait for the same.
int waiting_for_same(const std::vector<SlotTable::InLine>& line, const std::vector<Verdict>& verdicts,
                     std::size_t me) {
  int count = 0;
  for (std::size_t i = 0; i < me; ++i) {
    const bool model = verdicts[me].cause != Cause::model_lock ||
                       line[i].waiting.demand.model == line[me].waiting.demand.model;
    if (line[i].waiting.takes && verdicts[i].cause == verdicts[me].cause && model) ++count;
  }
  return count;
}

}  // namespace

class Gatekeeper::Blocked {
 public:
  explicit Blocked(Gatekeeper& keeper) : keeper_(keeper), since_(keeper.clock_.steady()) {}
  ~Blocked() { change(""); }
  Blocked(const Blocked&) = delete;
  // True when it is another reason than before.
  bool change(const std::string& reason) {
    const SteadyTime now = keeper_.clock_.steady();
    const std::lock_guard lock(keeper_.numbers_);
    AdmissionState& state = keeper_.state_;
    if (!reason_.empty())
      state.blocked_seconds[reason_] += std::chrono::duration<double>(now - since_).count();
    since_ = now;
    if (reason == reason_) return false;
    if (!reason_.empty()) --state.waiting[reason_];
    if (!reason.empty()) {
      ++state.waiting[reason];
      ++state.waits[reason];
    }
    reason_ = reason;
    return true;
  }

 private:
  Gatekeeper& keeper_;
  SteadyTime since_;
  std::string reason_;
};

Gatekeeper::Gatekeeper(const LimiterOptions& options, std::shared_ptr<SlotTable> table, Sensors& sensors,
                       const Clock& clock)
    : options_(options),
      table_(std::move(table)),
      clock_(clock),
      self_(static_cast<std::int32_t>(::getpid())),
      sampler_(sensors, clock, options.check_interval),
      limits_(options.limits),
      state_{.closed = {{"cpu", false}, {"memory", false}, {"gpu", false}}} {}

Result<std::unique_ptr<Gatekeeper>> Gatekeeper::open(const LimiterOptions& options, Sensors& sensors,
                                                     const Clock& clock) {
  BOOST_OUTCOME_TRY(auto table, SlotTable::open(options.runtime_dir));
  return std::unique_ptr<Gatekeeper>(new Gatekeeper(options, std::move(table), sensors, clock));
}

Result<Gatekeeper::Holders> Gatekeeper::open_holders(const Request& request) {
  Holders holders;
  if (!request.reserve) return holders;
  if (request.slot) {
    BOOST_OUTCOME_TRY(auto slot, table_->holder());
    holders.slot = std::move(slot);
  }
  if (request.model && !request.needs.model.empty()) {
    BOOST_OUTCOME_TRY(auto model, table_->holder());
    holders.model = std::move(model);
  }
  return holders;
}

Demand Gatekeeper::demand_of(const Request& request) const {
  const Needs& needs = request.needs;
  return {.cpu_share_percent = table_->share(kind_hash(needs)).value_or(needs.cpu_share_percent),
          .memory_bytes = needs.memory_bytes,
          .gpu_bytes = needs.gpu_bytes,
          .model = request.model ? model_hash(needs.model) : 0,
          .model_parallel = std::max<std::int64_t>(1, needs.model_parallel),
          .slot = request.slot,
          .gates = request.gates};
}

Result<Grant> Gatekeeper::acquire(const Request& request, milliseconds timeout, const std::stop_token& stop,
                                  const std::function<void(const Wait&)>& on_wait) {
  BOOST_OUTCOME_TRY(auto holders, open_holders(request));
  const SteadyTime start = clock_.steady();
  Caller caller{.request = request,
                .demand = demand_of(request),
                .holders = std::move(holders),
                .place = Place(*table_),
                .look_at_all = timeout <= milliseconds(0)};  // then it looks once
  if (timeout > milliseconds(0)) caller.place.holder = table_->kept_holder();
  std::optional<Blocked> blocked;
  std::optional<std::stop_callback<std::function<void()>>> wake;
  while (true) {
    if (stop.stop_requested()) return Error{Code::cancelled, "cancelled while it waited for resources", ""};
    if (caller.place.index >= 0) caller.place.seen = table_->bell(caller.place.index);
    const bool stood_in_line = caller.place.index >= 0;
    Answer answer = attempt(caller);
    if (auto* grant = std::get_if<Grant>(&answer)) return std::move(*grant);
    if (auto* never = std::get_if<Never>(&answer))
      return Error{Code::invalid_argument, fmt::format("this task can never start: {}", never->detail),
                   "does_not_fit"};
    const Wait& wait = std::get<Wait>(answer);
    const auto left = timeout - (clock_.steady() - start);
    if (left <= milliseconds(0)) return timed_out(request, timeout, wait);
    if (!caller.place.holder.is_open()) {
      if (auto holder = table_->holder()) {
        caller.place.holder = std::move(*holder);
        continue;  // with what it takes to stand in line
      }
    }
    // What came free between its look and its joining rang for nobody: a second look, before it sleeps.
    if (!stood_in_line && caller.place.index >= 0) continue;
    if (!blocked) blocked.emplace(*this);
    if (blocked->change(wait.reason) && on_wait) on_wait(wait);
    if (caller.place.index < 0) {
      // The guard or a place could not be had: somebody stands still, or a thousand wait.
      std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, kGuardPatience));
      continue;
    }
    if (!wake) wake.emplace(stop, [this, place = caller.place.index] { table_->ring(place); });
    const auto again = options_.look_again * std::min(5, 1 + caller.ahead / 2);
    table_->wait(caller.place.index, caller.place.seen, std::min<std::chrono::nanoseconds>(left, again));
    caller.look_at_all = table_->bell(caller.place.index) == caller.place.seen;
  }
}

Result<Answer> Gatekeeper::try_acquire(const Request& request) {
  BOOST_OUTCOME_TRY(auto holders, open_holders(request));
  Caller caller{.request = request,
                .demand = demand_of(request),
                .holders = std::move(holders),
                .place = Place(*table_),
                .look_at_all = true};
  return attempt(caller);
}

Answer Gatekeeper::attempt(Caller& caller) {
  // Read with no lock held. One that wants no slot passes nobody whom a reading holds up.
  const auto reading = caller.demand.gates || caller.demand.slot ? sampler_.latest() : nullptr;
  Look seen;
  look_and_take(caller, reading.get(), seen);
  for (const int place : seen.called) table_->ring(place);
  if (seen.grant) return std::move(*seen.grant);
  if (seen.wait) return std::move(*seen.wait);
  if (seen.verdict.kept) caller.look_at_all = true;  // for somebody who may be dead
  Wait wait = explain(seen.snapshot, caller.demand, seen.verdict, caller.request.needs);
  if (caller.place.index >= 0) wait.place = caller.ahead_for_same + 1;
  if (!seen.verdict.never) return wait;
  Never never;
  static_cast<Wait&>(never) = std::move(wait);
  return never;
}

void Gatekeeper::look_and_take(Caller& caller, const Reading* reading, Look& seen) {
  const Request& request = caller.request;
  const SlotTable::Guard guard(*table_, kGuardPatience);
  if (!guard) {
    seen.wait = Wait{request.slot ? "slots" : "model_lock", "another process is being served"};
    return;
  }
  // In this order: who is rung from here on looks again, and what came free before is seen now.
  auto line = table_->line(caller.place.index, caller.look_at_all);
  seen.snapshot = look(reading);
  if (reading) {
    seen.verdict = never_fits(seen.snapshot.sample, seen.snapshot.limits, caller.demand);
    if (seen.verdict.never) return;
    seen.snapshot.gates = next_gates(seen.snapshot);
    set_gates(seen.snapshot.gates);
  }
  const Waiting mine{.demand = caller.demand,
                     .limits = seen.snapshot.limits,
                     .takes = request.reserve,
                     .begun = request.begun};
  auto me = std::find_if(line.begin(), line.end(),
                         [&](const auto& each) { return each.place == caller.place.index; });
  if (me == line.end()) me = line.insert(line.end(), SlotTable::InLine{.place = -1});
  me->waiting = mine;  // its limits may have changed since it came
  const std::vector<Verdict> all = judge(seen.snapshot, line, me->place);
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i].place == caller.place.index) {
      seen.verdict = all[i];
      caller.ahead = static_cast<int>(i);
      caller.ahead_for_same = waiting_for_same(line, all, i);
    } else if (all[i].admitted() && table_->call(line[i].place)) {
      seen.called.push_back(line[i].place);
    }
  }
  if (seen.verdict.admitted()) {
    seen.grant = take(caller, seen.snapshot, reading);
    // Left in the same step: whoever looks next finds the task, not both. All who may go now were called.
    if (seen.grant && caller.place.index >= 0) table_->vacate(std::exchange(caller.place.index, -1));
    if (!seen.grant)
      seen.wait = Wait{"slots", fmt::format("all {} records of this machine are taken", kMaxHoldings)};
    return;
  }
  if (caller.place.index < 0 && caller.place.holder.is_open())
    if (const auto place = table_->join(caller.place.holder)) {
      caller.place.index = *place;
      caller.place.seen = table_->bell(*place);
    }
  if (caller.place.index >= 0) table_->describe(caller.place.index, mine);
}

// Who of the line may go. Those who may and are dead leave it first. The guard is held.
std::vector<Verdict> Gatekeeper::judge(const Snapshot& snapshot, std::vector<SlotTable::InLine>& line,
                                       int self) {
  while (true) {
    std::vector<Waiting> waiting;
    waiting.reserve(line.size());
    for (const auto& each : line) waiting.push_back(each.waiting);
    std::vector<Verdict> all = verdicts(snapshot, waiting);
    const auto is_dead = [&](const SlotTable::InLine& each) {
      return each.place != self && all[static_cast<std::size_t>(&each - line.data())].admitted() &&
             table_->clear_if_dead(each.place);
    };
    const auto dead = std::find_if(line.begin(), line.end(), is_dead);
    if (dead == line.end()) return all;
    line.erase(dead);
  }
}

// The guard is held.
void Gatekeeper::set_gates(const Gates& gates) {
  if (std::exchange(gates_, gates) == gates) return;
  const std::lock_guard lock(numbers_);
  state_.closed = {{"cpu", gates.cpu_closed}, {"memory", gates.memory_closed}, {"gpu", gates.gpu_closed}};
}

// The guard is held. nullopt when the table is full.
std::optional<Grant> Gatekeeper::take(Caller& caller, const Snapshot& snapshot, const Reading* reading) {
  const Sample& sample = snapshot.sample;
  const ProcessUse* self = reading ? reading->find(snapshot.self) : nullptr;
  const Needs& needs = caller.request.needs;
  const std::uint64_t task = table_->next_ticket();
  const std::uint64_t gpu_total = sample.gpu_memory_total.value_or(0);
  Grant grant;
  if (caller.holders.slot.is_open()) {
    const Holding holding{.pid = snapshot.self,
                          .slot = true,
                          .task = task,
                          .cpu_share_percent = caller.demand.cpu_share_percent,
                          .memory_bytes = needs.memory_bytes,
                          .gpu_bytes = needs.gpu_bytes,
                          .memory_base = self ? self->anonymous_bytes : 0,
                          .gpu_base = gpu_total - std::min(gpu_total, sample.gpu_memory_free)};
    const auto index = table_->take(caller.holders.slot, holding, needs, clock_.now());
    if (!index) return std::nullopt;
    grant.slot = std::make_shared<Grip>(table_, std::move(caller.holders.slot));
  }
  if (caller.holders.model.is_open()) {
    const Holding holding{.pid = snapshot.self, .slot = false, .model = caller.demand.model, .task = task};
    const auto index = table_->take(caller.holders.model, holding, needs, clock_.now());
    if (!index) return std::nullopt;
    grant.model = std::make_shared<Grip>(table_, std::move(caller.holders.model));
  }
  return grant;
}

// The table and the latest reading, as admission wants them. The guard is held.
Snapshot Gatekeeper::look(const Reading* reading) {
  Snapshot snapshot{.limits = limits(), .self = self_, .gates = gates_};
  std::set<std::int32_t> pids;
  table_->visit([&](int, const HoldingRecord& record) {
    const bool slot = record.kind.load(std::memory_order_relaxed) == HoldingKind::slot;
    const bool young = reading && record.since_us > micros(reading->from);
    snapshot.running.push_back({.pid = record.pid,
                                .slot = slot,
                                .model = slot ? 0 : record.model,
                                .task = record.task,
                                .cpu_share_percent = record.cpu_share_percent,
                                .memory_bytes = record.memory_bytes,
                                .gpu_bytes = record.gpu_bytes,
                                .memory_base = record.memory_base,
                                .gpu_base = record.gpu_base,
                                .unseen = slot && young && record.cpu_share_percent == 0});
    pids.insert(record.pid);
  });
  if (reading) {
    snapshot.sample = reading->sample;
    snapshot.processes = reading->processes;
    table_->saw(reading->sample.effective_cpus, reading->sample.cpu_percent > kFullCpu);
  }
  sampler_.watch({pids.begin(), pids.end()});
  return snapshot;
}

void Gatekeeper::raise(const Grip& grip, const Needs& needs) {
  const SlotTable::Guard guard(*table_, kGuardPatience);
  HoldingRecord& record = table_->holding(grip.holder.record);
  record.cpu_share_percent = std::max(record.cpu_share_percent, needs.cpu_share_percent);
  record.memory_bytes = std::max(record.memory_bytes, needs.memory_bytes);
  record.gpu_bytes = std::max(record.gpu_bytes, needs.gpu_bytes);
}

Usage Gatekeeper::usage() {
  const auto reading = sampler_.latest();
  const auto taken = static_cast<std::int64_t>(slots().size());
  const Limits now = limits();
  Usage usage{.cpu_percent = reading->sample.cpu_percent,
              .memory_percent = reading->sample.memory_percent,
              .gpu_percent = reading->sample.gpu_percent,
              .concurrent_tasks = taken,
              .max_cpu_percent = now.max_cpu_percent,
              .max_memory_percent = now.max_memory_percent,
              .max_gpu_percent = now.max_gpu_percent,
              .max_concurrent_tasks = now.max_concurrent_tasks,
              .reason = "",
              .detail = ""};
  const auto answer = try_acquire({.needs = {}, .model = false, .reserve = false});
  if (!answer) return usage;
  if (const auto* wait = std::get_if<Wait>(&*answer)) {
    usage.reason = wait->reason;
    usage.detail = wait->detail;
  }
  return usage;
}

std::vector<SlotInfo> Gatekeeper::slots() {
  std::vector<SlotInfo> out;
  const SlotTable::Guard guard(*table_, kGuardPatience);  // without it a name may be torn, no more
  table_->visit([&](int index, const HoldingRecord& record) {
    if (record.kind.load(std::memory_order_relaxed) != HoldingKind::slot) return;
    out.push_back({.slot = index,
                   .pid = record.pid,
                   .actor = text_of(record.actor_name),
                   .model = text_of(record.model_name),
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
      .max_concurrent_tasks = std::clamp<std::int64_t>(wanted.max_concurrent_tasks, 1, kMaxHoldings)};
  if (now != wanted)
    log::warning("limits out of range", {{"max_concurrent_tasks", now.max_concurrent_tasks}});
  {
    const std::lock_guard lock(numbers_);
    limits_ = now;
  }
  // One that read the limits before and joins the line after must not be missed.
  const SlotTable::Guard guard(*table_, kGuardPatience);
  table_->ring_process();
}

AdmissionState Gatekeeper::admission() const {
  const std::lock_guard lock(numbers_);
  return state_;
}

}  // namespace medsynth::limits
