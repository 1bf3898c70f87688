// The parts of asf.medical._core.
#pragma once

#include <nanobind/nanobind.h>

namespace medsynth::python {

void bind_tasks(nanobind::module_& m);
void bind_limits(nanobind::module_& m);
void bind_cache(nanobind::module_& m);
void bind_fleet(nanobind::module_& m);
void bind_inference(nanobind::module_& m);

}  // namespace medsynth::python
