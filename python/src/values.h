// JSON values as Python objects, and back from described structs.
#pragma once

#include <nanobind/nanobind.h>

#include <boost/json/value.hpp>

#include "medsynth/base/described.h"

namespace medsynth::python {

nanobind::object to_python(const boost::json::value& value);

template <class T>
nanobind::object described_to_python(const T& value) {
  return to_python(described::to_value(value));
}

}  // namespace medsynth::python
