#include "values.h"

namespace medsynth::python {

namespace nb = nanobind;

nb::object to_python(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return nb::none();
    case boost::json::kind::bool_:
      return nb::bool_(value.get_bool());
    case boost::json::kind::int64:
      return nb::int_(value.get_int64());
    case boost::json::kind::uint64:
      return nb::int_(value.get_uint64());
    case boost::json::kind::double_:
      return nb::float_(value.get_double());
    case boost::json::kind::string:
      return nb::str(value.get_string().data(), value.get_string().size());
    case boost::json::kind::array: {
      nb::list out;
      for (const boost::json::value& each : value.get_array()) out.append(to_python(each));
      return out;
    }
    case boost::json::kind::object: {
      nb::dict out;
      for (const auto& [name, member] : value.get_object())
        out[nb::str(name.data(), name.size())] = to_python(member);
      return out;
    }
  }
  return nb::none();
}

}  // namespace medsynth::python
