// The limiter: the source document's calls, and leases for coroutines (whose slots belong to no thread).
#include "medsynth/limits/limits.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include "core.h"
#include "module.h"
#include "values.h"

namespace medsynth::python {
namespace {

using limits::Lease;
using limits::Limiter;

Limiter& limiter() {
  return Core::here().limiter();
}

nb::tuple can_start_task() {
  Limiter& the = limiter();
  const auto [can, usage] = outside([&](const std::stop_token&) { return the.can_start_task(); });
  return nb::make_tuple(can, described_to_python(usage));
}

nb::object usage() {
  Limiter& the = limiter();
  nb::object out =
      described_to_python(outside([&](const std::stop_token&) { return the.get_resource_usage(); }));
  nb::dict models;
  for (const auto& [model, memory_mb] : the.model_usage()) models[nb::str(model.c_str())] = memory_mb;
  out["models"] = models;
  return out;
}

// True: it was got. False: not in time. None: Python wants this thread back, which may ask again.
template <class Attempt>
nb::object wait(double timeout, const Attempt& attempt) {
  if (outside([&](const std::stop_token& stop) { return attempt(std::chrono::milliseconds(0), stop); }))
    return nb::bool_(true);
  if (timeout <= 0) return nb::bool_(false);
  const Wait told;
  if (outside([&](const std::stop_token&) { return attempt(milliseconds(timeout), told.stop()); }))
    return nb::bool_(true);
  return told.wanted_back() ? nb::none() : nb::object(nb::bool_(false));
}

limits::Needs python_task(const std::string& model) {
  return {.actor = "python", .model = model};
}

// Waits on a thread that does nothing else: what a thread leased, its own later calls would share.
Lease acquire_lease(const std::string& model, double timeout, std::stop_source stop) {
  Limiter& the = limiter();
  return value(outside([&](const std::stop_token& ending) {
    const std::stop_callback end(ending, [&] { stop.request_stop(); });
    return the.acquire(python_task(model), milliseconds(timeout), stop.get_token());
  }));
}

}  // namespace

void bind_limits(nb::module_& m) {
  m.def("can_start_task", &can_start_task);
  m.def("wait_for_resources", [](double timeout) {
    return wait(timeout, [&the = limiter()](auto left, const std::stop_token& stop) {
      return the.wait_for_resources(left, stop);
    });
  });
  m.def("acquire_task_slot", [](double timeout) {
    return wait(timeout, [&the = limiter()](auto left, const std::stop_token& stop) {
      return the.acquire_task_slot(left, stop);
    });
  });
  m.def("release_task_slot", [] { limiter().release_task_slot(); });
  m.def("acquire_model_lock", [](double timeout, const std::string& model) {
    if (model.empty()) throw Failure(invalid("model_id", "must not be empty"));
    return wait(timeout, [&the = limiter(), &model](auto left, const std::stop_token& stop) {
      return the.acquire_model_lock(model, left, stop);
    });
  });
  m.def("release_model_lock", [](const std::string& model) { limiter().release_model_lock(model); });
  m.def("register_model_usage",
        [](const std::string& model, double memory_mb) { limiter().register_model_usage(model, memory_mb); });
  m.def("resource_usage", &usage);
  m.def("system_info", [] {
    limits::Sensors& sensors = Core::here().sensors();
    return described_to_python(outside([&](const std::stop_token&) { return sensors.system(); }));
  });
  m.def("slots", [] {
    nb::list out;
    for (const limits::SlotInfo& slot : limiter().slots()) out.append(described_to_python(slot));
    return out;
  });
  m.def("waiting", [] { return limiter().admission().waiting; });
  m.def("limits", [] { return described_to_python(limiter().limits()); });
  nb::class_<Lease>(m, "Lease").def("release", &Lease::release).def_prop_ro("held", &Lease::held);
  // Without waiting: a lease, or None.
  m.def("try_lease", [](const std::string& model) {
    return outside(
        [&, &the = limiter()](const std::stop_token&) { return the.try_acquire(python_task(model)).first; });
  });
  nb::class_<std::stop_source>(m, "Stop").def(nb::init<>()).def("request", [](std::stop_source& self) {
    self.request_stop();
  });
  m.def("acquire_lease", &acquire_lease);
  m.def("look_at_waits", &Wait::look);
}

}  // namespace medsynth::python
