// The module asf.medical._core: plain functions, typed and explained by the Python modules that call them.
#include "module.h"

#include <nanobind/stl/string.h>

#include "medsynth/base/id.h"
#include "medsynth/base/settings.h"
#include "medsynth/base/text.h"
#include "medsynth/redis/access.h"

#include "core.h"
#include "values.h"

namespace medsynth::python {
namespace {

void raise(const Error& error) {
  nb::list faults;
  for (const Fault& fault : error.faults) faults.append(nb::make_tuple(fault.pointer, fault.detail));
  const nb::object retry_after = error.retry_after ? nb::cast(error.retry_after->count()) : nb::none();
  const nb::object exception = nb::module_::import_("asf.medical.errors")
                                   .attr("from_core")(std::string(info(error.code).name), error.message,
                                                      std::string(wire_code(error)), faults, retry_after);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
}

}  // namespace

NB_MODULE(_core, m) {
  nb::set_leak_warnings(false);  // what lives until the end of the process is meant to
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const Failure& failure) {
      raise(failure.error);
    }
  });
  m.attr("version") = MEDSYNTH_VERSION;
  m.def("close", &Core::close);
  m.def("settings", [] {
    nb::object all = described_to_python(Core::here().settings);
    for (const Setting& setting : settings_table())
      if (setting.secret)
        all[nb::str(setting.name.data(), setting.name.size())] = shown(Core::here().settings, setting);
    return all;
  });
  m.def("redis_url", [] { return value(redis::url_for_others(Core::here().settings)); });
  // InvalidArgument at `pointer` where a name from outside breaks the rule for names.
  m.def("check_name",
        [](const std::string& pointer, const std::string& name) { value(check_name(pointer, name)); });
  m.def("host", [] { return Core::here().host; });
  bind_tasks(m);
  bind_limits(m);
  bind_cache(m);
  bind_fleet(m);
  bind_inference(m);
}

}  // namespace medsynth::python
