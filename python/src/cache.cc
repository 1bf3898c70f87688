#include "cache.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "medsynth/base/json.h"

#include "core.h"
#include "module.h"
#include "values.h"

namespace medsynth::python {
namespace {

Cache* the = nullptr;  // guarded by the GIL

models::Metadata metadata_of(std::uint64_t memory_bytes, const std::string& extra) {
  const auto parsed = value(json::parse(extra));
  return {.memory_bytes = memory_bytes, .extra = parsed.is_object() ? parsed.get_object() : json::object()};
}

}  // namespace

Cache* the_cache() {
  return the;
}

Cache::Cache(const models::CacheOptions& options) : plan_(options) {}

models::Now Cache::now() const {
  return {system_clock().steady(), system_clock().now()};
}

nb::object Cache::get(const std::string& id) {
  const auto found = objects_.find(id);
  if (found == objects_.end()) return nb::none();
  const models::Now at = now();
  apply(plan_.expire(at));
  if (!plan_.use(id, at)) return nb::none();
  nb::object object = objects_.at(id);
  apply(plan_.release(id, at));
  return object;
}

nb::object Cache::use(const std::string& id) {
  const models::Now at = now();
  apply(plan_.expire(at));
  return plan_.use(id, at) ? objects_.at(id) : nb::none();
}

Cache::Tickets Cache::release(const std::string& id) {
  return apply(plan_.release(id, now()));
}

Cache::Tickets Cache::request(models::Ticket ticket, const std::string& id,
                              const models::Metadata& metadata) {
  Tickets woken = apply(plan_.expire(now()));
  for (const models::Ticket each : apply(plan_.request(ticket, id, metadata, now()))) woken.push_back(each);
  return woken;
}

nb::object Cache::told(Answer answer) const {
  if (answer.refused) {
    const Error& error = *answer.refused;
    const nb::object retry_after = error.retry_after ? nb::cast(error.retry_after->count()) : nb::none();
    return nb::make_tuple("refused", std::string(info(error.code).name), error.message,
                          std::string(wire_code(error)), retry_after);
  }
  if (!answer.object.is_valid()) return nb::make_tuple("load");
  return nb::make_tuple("object", std::move(answer.object));
}

nb::object Cache::take(models::Ticket ticket) {
  auto found = answers_.extract(ticket);
  return found ? told(std::move(found.mapped())) : nb::none();
}

nb::tuple Cache::leave(models::Ticket ticket, const std::string& id) {
  if (nb::object answer = take(ticket); !answer.is_none()) return nb::make_tuple(answer, false, Tickets());
  models::Plan::Left left = plan_.leave(ticket, id);
  return nb::make_tuple(nb::none(), left.for_place, apply(std::move(left.effects)));
}

Cache::Tickets Cache::loaded(const std::string& id, nb::object object, double seconds,
                             std::uint64_t memory_bytes) {
  objects_[id] = std::move(object);
  if (memory_bytes > 0) measured_[id] = memory_bytes;
  return apply(plan_.loaded(id, seconds, now()));
}

Cache::Tickets Cache::load_failed(const std::string& id, Error cause) {
  return apply(plan_.load_failed(id, cause, now()));
}

Cache::Tickets Cache::put(const std::string& id, nb::object object, const models::Metadata& metadata) {
  Tickets woken = apply(value(plan_.put(id, metadata, now())));
  objects_[id] = std::move(object);
  return woken;
}

std::pair<std::string, Cache::Tickets> Cache::remove(const std::string& id) {
  auto [removal, effects] = plan_.remove(id);
  return {std::string(described::enum_name(removal)), apply(std::move(effects))};
}

std::pair<std::vector<std::pair<std::string, std::string>>, Cache::Tickets> Cache::clear() {
  std::pair<std::vector<std::pair<std::string, std::string>>, Tickets> out;
  for (const std::string& id : plan_.ids()) {
    auto [removal, woken] = remove(id);
    if (removal != "absent") out.first.emplace_back(id, removal);
    out.second.insert(out.second.end(), woken.begin(), woken.end());
  }
  return out;
}

Cache::Tickets Cache::expire() {
  return apply(plan_.expire(now()));
}

std::optional<double> Cache::seconds_until_due() const {
  const auto due = plan_.next_due();
  if (!due) return std::nullopt;
  return std::chrono::duration<double>(*due - now().steady).count();
}

models::CacheStats Cache::stats() const {
  models::CacheStats stats = plan_.stats(now());
  for (models::ModelStats& model : stats.models)
    if (const auto found = measured_.find(model.id); found != measured_.end() && model.memory_bytes == 0)
      model.memory_bytes = found->second;
  return stats;
}

Cache::Tickets Cache::apply(models::Effects effects) {
  if (effects.empty()) return {};
  Tickets woken;
  std::vector<nb::object> leaving;
  for (std::size_t i = 0; i < effects.size(); ++i) {
    if (auto* grant = std::get_if<models::Grant>(&effects[i])) {
      answers_[grant->ticket] = {objects_.at(grant->id)};
      woken.push_back(grant->ticket);
    } else if (auto* refuse = std::get_if<models::Refuse>(&effects[i])) {
      answers_[refuse->ticket] = {{}, std::move(refuse->error)};
      woken.push_back(refuse->ticket);
    } else if (auto* load = std::get_if<models::StartLoad>(&effects[i])) {
      answers_[load->ticket] = {};
      woken.push_back(load->ticket);
    } else if (auto* unload = std::get_if<models::Unload>(&effects[i])) {
      if (auto object = objects_.extract(unload->id)) leaving.push_back(std::move(object.mapped()));
      measured_.erase(unload->id);
      // What is dropped is gone for the cache, whoever still holds a reference.
      models::Effects more = plan_.unloaded(unload->id);
      effects.insert(effects.end(), std::make_move_iterator(more.begin()),
                     std::make_move_iterator(more.end()));
    }
    // StopLoad: a Python factory cannot be stopped; what it makes stays for the next who asks.
  }
  return woken;
}

void bind_cache(nb::module_& m) {
  nb::class_<Cache>(m, "Cache")
      .def("get", &Cache::get)
      .def("use", &Cache::use)
      .def("release", &Cache::release)
      .def(
          "request",
          [](Cache& self, models::Ticket ticket, const std::string& id, std::uint64_t memory_bytes,
             const std::string& extra) { return self.request(ticket, id, metadata_of(memory_bytes, extra)); })
      .def("take", &Cache::take)
      .def("leave", &Cache::leave)
      .def("loaded", &Cache::loaded)
      .def("load_failed",
           [](Cache& self, const std::string& id, const std::string& message, bool cancelled) {
             return self.load_failed(id, Error{cancelled ? Code::cancelled : Code::internal, message,
                                               cancelled ? "" : "load_failed"});
           })
      .def("put",
           [](Cache& self, const std::string& id, nb::object object, std::uint64_t memory_bytes,
              const std::string& extra) {
             return self.put(id, std::move(object), metadata_of(memory_bytes, extra));
           })
      .def("remove", &Cache::remove)
      .def("clear", &Cache::clear)
      .def("expire", &Cache::expire)
      .def("seconds_until_due", &Cache::seconds_until_due)
      .def("stats", [](const Cache& self) { return described_to_python(self.stats()); });
  m.def(
      "make_cache",
      [](std::int64_t max_models, double ttl) {
        the = new Cache({.max_models = max_models, .ttl = milliseconds(ttl)});
        return the;
      },
      nb::rv_policy::reference);
}

}  // namespace medsynth::python
