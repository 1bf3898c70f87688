// The limiter: the source document's calls, and leases for coroutines (whose slots belong to no thread).
#include "medsynth/limits/limits.h"

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

// A lease, or why there is none yet.
nb::object try_lease(const std::string& model) {
  Limiter& the = limiter();
  limits::Needs needs{.actor = "python", .model = model};
  auto [lease, wait] = outside([&](const std::stop_token&) { return the.try_acquire(needs); });
  if (!lease) return nb::make_tuple(wait.reason, wait.detail);
  return nb::cast(std::move(*lease));
}

}  // namespace

void bind_limits(nb::module_& m) {
  m.def("can_start_task", &can_start_task);
  m.def("wait_for_resources", [](double timeout) {
    Limiter& the = limiter();
    return outside(
        [&](const std::stop_token& stop) { return the.wait_for_resources(milliseconds(timeout), stop); });
  });
  m.def("acquire_task_slot", [](double timeout) {
    Limiter& the = limiter();
    return outside(
        [&](const std::stop_token& stop) { return the.acquire_task_slot(milliseconds(timeout), stop); });
  });
  m.def("release_task_slot", [] { limiter().release_task_slot(); });
  m.def("acquire_model_lock", [](double timeout, const std::string& model) {
    if (model.empty()) throw Failure(invalid("model_id", "must not be empty"));
    Limiter& the = limiter();
    return outside([&](const std::stop_token& stop) {
      return the.acquire_model_lock(model, milliseconds(timeout), stop);
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
  m.def("limits", [] { return described_to_python(limiter().limits()); });
  nb::class_<Lease>(m, "Lease").def("release", &Lease::release).def_prop_ro("held", &Lease::held);
  m.def("try_lease", &try_lease);
}

}  // namespace medsynth::python
