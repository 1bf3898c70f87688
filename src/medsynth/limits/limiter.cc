#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/log.h"
#include "medsynth/limits/gatekeeper.h"
#include "medsynth/limits/limits.h"
#include "medsynth/limits/sensors.h"

namespace medsynth::limits {
namespace {

using std::chrono::milliseconds;

// What a thread holds of one limiter by the source document's calls, and what it has leased beside that.
struct Held {
  struct Model {
    std::shared_ptr<Grip> grip;
    int count = 0;
  };
  std::shared_ptr<Grip> slot;
  int slot_count = 0;
  std::map<std::string, Model> models;
  std::weak_ptr<Grip> leased_slot;
  std::map<std::string, std::weak_ptr<Grip>> leased_models;

  bool by_calls() const { return slot || !models.empty(); }
  bool anything() const {
    const auto is_held = [](const auto& each) { return !each.second.expired(); };
    return by_calls() || !leased_slot.expired() ||
           std::any_of(leased_models.begin(), leased_models.end(), is_held);
  }
};

// Thread-local, so that a thread that ends lets go; by limiter and process, so that neither a later limiter
// at the same address nor a forked child takes it for its own.
Held& held_by_this_thread(std::uint64_t limiter) {
  thread_local std::map<std::uint64_t, Held> all;
  return all[limiter];
}

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> next{1};
  return next++;
}

void remember(Held& held, const Grant& grant, const std::string& model) {
  if (grant.slot) held.leased_slot = grant.slot;
  std::erase_if(held.leased_models, [](const auto& each) { return each.second.expired(); });
  if (grant.model) held.leased_models[model] = grant.model;
}

Result<> check(const Limits& limits) {
  const auto percent = [](std::string name, double value) -> Result<> {
    if (value >= 0 && value <= 100) return success();
    return invalid("/" + name, fmt::format("{:g} must be from 0 to 100", value));
  };
  BOOST_OUTCOME_TRY(percent("max_cpu_percent", limits.max_cpu_percent));
  BOOST_OUTCOME_TRY(percent("max_memory_percent", limits.max_memory_percent));
  BOOST_OUTCOME_TRY(percent("max_gpu_percent", limits.max_gpu_percent));
  if (limits.max_concurrent_tasks >= 1 && limits.max_concurrent_tasks <= kMaxHoldings) return success();
  return invalid("/max_concurrent_tasks",
                 fmt::format("{} must be from 1 to {}", limits.max_concurrent_tasks, kMaxHoldings));
}

// For the calls that say no more than false.
bool succeeded(const Result<Grant>& grant, std::string_view call) {
  if (!grant && grant.error().code != Code::timeout && grant.error().code != Code::cancelled)
    log::error("limits are out of order", {{"call", call}, {"error", grant.error().message}});
  return grant.has_value();
}

}  // namespace

struct Lease::Impl {
  Grant grant;
};
Lease::Lease() noexcept = default;
Lease::~Lease() = default;
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&&) noexcept = default;
void Lease::release() {
  impl_.reset();
}

struct Limiter::Impl {
  // One per process: a forked child makes its own, for the mutexes of the other may be held by threads it
  // does not have.
  struct Process {
    std::unique_ptr<Gatekeeper> keeper;
    std::uint64_t generation = fork_generation();
    std::uint64_t number = next_number();
    std::mutex mutex = {};
    std::map<std::string, double> model_usage = {};
  };

  LimiterOptions options;
  Sensors& sensors;
  const Clock& clock;
  std::atomic<Process*> process;

  Impl(const LimiterOptions& o, Sensors& s, const Clock& c, std::unique_ptr<Gatekeeper> keeper)
      : options(o), sensors(s), clock(c), process(new Process{.keeper = std::move(keeper)}) {}
  ~Impl() { delete process.load(); }

  Process& here() {
    Process* now = process.load(std::memory_order_acquire);
    if (now->generation == fork_generation()) return *now;
    auto keeper = Gatekeeper::open(options, sensors, clock);
    if (!keeper) {
      log::error("limits cannot be used after fork", {{"error", keeper.error().message}});
      return *now;  // its guard cannot be taken: everything waits
    }
    std::unique_ptr<Process> fresh(new Process{.keeper = std::move(*keeper)});
    // The parent's is left as it is, never destroyed.
    if (process.compare_exchange_strong(now, fresh.get(), std::memory_order_acq_rel)) return *fresh.release();
    return *now;
  }
  Gatekeeper& keeper() { return *here().keeper; }
  Held& held() { return held_by_this_thread(here().number); }

  // What `needs` asks for beyond what this thread already holds.
  Request beyond_held(const Needs& needs) {
    Held& mine = held();
    const bool has_model = mine.models.contains(needs.model);
    // A thread with a slot has been admitted: to wait for more while it holds that could be to wait for
    // itself. A lease beside others is for another task.
    const bool has_slot = mine.slot != nullptr;
    return {.needs = needs,
            .slot = !has_slot,
            .gates = !has_slot && !needs.brief,
            .model = !has_model,
            .begun = mine.by_calls()};
  }

  Lease lease(const Request& request, Grant grant) {
    Held& mine = held();
    const std::string& model = request.needs.model;
    if (!request.slot) {
      grant.slot = mine.slot;
      keeper().raise(*mine.slot, request.needs);
    }
    if (!request.model) grant.model = mine.models[model].grip;
    remember(mine, grant, model);
    Lease out;
    out.impl_ = std::make_unique<Lease::Impl>(std::move(grant));
    return out;
  }
};

Limiter::Limiter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Limiter::~Limiter() = default;

Result<std::unique_ptr<Limiter>> Limiter::open(const LimiterOptions& options, Sensors& sensors,
                                               const Clock& clock) {
  BOOST_OUTCOME_TRY(check(options.limits));
  BOOST_OUTCOME_TRY(auto keeper, Gatekeeper::open(options, sensors, clock));
  return std::unique_ptr<Limiter>(
      new Limiter(std::make_unique<Impl>(options, sensors, clock, std::move(keeper))));
}

Result<Lease> Limiter::acquire(const Needs& needs, milliseconds timeout, std::stop_token stop,
                               const std::function<void(const Wait&)>& on_wait) {
  const Request request = impl_->beyond_held(needs);
  BOOST_OUTCOME_TRY(auto grant, impl_->keeper().acquire(request, timeout, stop, on_wait));
  return impl_->lease(request, std::move(grant));
}

std::pair<std::optional<Lease>, Wait> Limiter::try_acquire(const Needs& needs) {
  const Request request = impl_->beyond_held(needs);
  auto answer = impl_->keeper().try_acquire(request);
  using Refused = std::pair<std::optional<Lease>, Wait>;
  if (!answer) return Refused(std::nullopt, Wait{"slots", answer.error().message});
  if (auto* wait = std::get_if<Wait>(&*answer)) return Refused(std::nullopt, std::move(*wait));
  if (auto* never = std::get_if<Never>(&*answer))
    return Refused(std::nullopt, Wait{never->reason, "can never start: " + never->detail});
  return {std::optional(impl_->lease(request, std::get<Grant>(std::move(*answer)))), Wait{}};
}

std::pair<bool, Usage> Limiter::can_start_task() {
  Usage usage = impl_->keeper().usage();
  return {usage.reason.empty(), usage};
}

bool Limiter::wait_for_resources(milliseconds timeout, std::stop_token stop) {
  const Request request{.needs = {}, .slot = !impl_->held().slot, .model = false, .reserve = false};
  return succeeded(impl_->keeper().acquire(request, timeout, stop, {}), "wait_for_resources");
}

bool Limiter::acquire_task_slot(milliseconds timeout, std::stop_token stop) {
  Held& mine = impl_->held();
  if (!mine.slot) mine.slot = mine.leased_slot.lock();
  if (!mine.slot) {
    auto grant = impl_->keeper().acquire(
        {.needs = {.actor = "acquire_task_slot"}, .model = false, .begun = mine.anything()}, timeout, stop,
        {});
    if (!succeeded(grant, "acquire_task_slot")) return false;
    mine.slot = std::move(grant->slot);
  }
  ++mine.slot_count;
  return true;
}

void Limiter::release_task_slot() {
  Held& mine = impl_->held();
  if (mine.slot_count == 0) return log::warning("release_task_slot without an acquire");
  if (--mine.slot_count == 0) mine.slot.reset();
}

bool Limiter::acquire_model_lock(const std::string& model, milliseconds timeout, std::stop_token stop) {
  if (model.empty()) return log::warning("acquire_model_lock without a model"), false;
  Held& mine = impl_->held();
  if (auto found = mine.models.find(model); found != mine.models.end()) return ++found->second.count > 0;
  std::shared_ptr<Grip> grip;
  if (auto leased = mine.leased_models.find(model); leased != mine.leased_models.end())
    grip = leased->second.lock();
  if (!grip) {
    auto grant = impl_->keeper().acquire(
        {.needs = {.model = model}, .slot = false, .gates = false, .begun = mine.anything()}, timeout, stop,
        {});
    if (!succeeded(grant, "acquire_model_lock")) return false;
    grip = std::move(grant->model);
  }
  mine.models[model] = {std::move(grip), 1};
  return true;
}

void Limiter::release_model_lock(const std::string& model) {
  Held& mine = impl_->held();
  const auto found = mine.models.find(model);
  if (found == mine.models.end())
    return log::warning("release_model_lock without an acquire", {{"model", model}});
  if (--found->second.count == 0) mine.models.erase(found);
}

void Limiter::register_model_usage(const std::string& model, double memory_mb) {
  Impl::Process& here = impl_->here();
  if (!std::isfinite(memory_mb) || memory_mb < 0)
    return log::warning("model usage is no size", {{"model", model}});
  const std::lock_guard lock(here.mutex);
  here.model_usage[model] = memory_mb;
}

std::map<std::string, double> Limiter::model_usage() const {
  Impl::Process& here = impl_->here();
  const std::lock_guard lock(here.mutex);
  return here.model_usage;
}

Usage Limiter::get_resource_usage() {
  return impl_->keeper().usage();
}
std::vector<SlotInfo> Limiter::slots() const {
  return impl_->keeper().slots();
}
Limits Limiter::limits() const {
  return impl_->keeper().limits();
}
void Limiter::set_limits(const Limits& limits) {
  impl_->keeper().set_limits(limits);
}
AdmissionState Limiter::admission() const {
  return impl_->keeper().admission();
}

}  // namespace medsynth::limits
