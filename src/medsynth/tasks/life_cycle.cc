#include "medsynth/tasks/life_cycle.h"

#include <boost/mp11/algorithm.hpp>

namespace medsynth::tasks {
namespace {

template <class Wanted>
std::string join(Wanted wanted) {
  std::string texts;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<Status>>([&](auto each) {
    if (!wanted(each.value)) return;
    if (!texts.empty()) texts += ',';
    texts += json_text(each.value);
  });
  return texts;
}

}  // namespace

std::string json_text(Status status) {
  return std::string("\"") + boost::describe::enum_to_string(status, "") + '"';
}

std::string json_texts_before(Status to) {
  return join([&](Status from) { return may_change(from, to); });
}

std::string json_texts(bool terminal) {
  return join([&](Status status) { return is_terminal(status) == terminal; });
}

}  // namespace medsynth::tasks
