#include "cache.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <iterator>

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

namespace {
SteadyTime now() {
  return system_clock().steady();
}
}  // namespace

Cache::Seat* Cache::find(const std::string& id) {
  if (due_ && *due_ <= now()) expire();
  const auto found = seats_.find(id);
  return found == seats_.end() || found->second.closed ? nullptr : &found->second;
}

nb::object Cache::get(const std::string& id) {
  Seat* const seat = find(id);
  if (!seat) return nb::none();
  ++seat->hits;
  seat->last_use = now();
  return seat->object;
}

nb::object Cache::use(const std::string& id) {
  Seat* const seat = find(id);
  if (!seat) return nb::none();
  ++seat->hits;
  ++seat->users;
  return seat->object;
}

Cache::Tickets Cache::release(const std::string& id) {
  const auto found = seats_.find(id);
  if (found == seats_.end() || found->second.users == 0) return {};
  found->second.last_use = now();
  if (--found->second.users > 0 || !found->second.watched) return {};
  observe();
  return apply(heard(id));
}

void Cache::seat(const std::string& id, nb::object object, std::uint64_t measured) {
  seats_[id] = {.object = std::move(object), .last_use = now(), .measured = measured};
}

void Cache::observe() {
  for (auto& [id, seat] : seats_)
    plan_.observe(id, {seat.users, seat.last_use, std::exchange(seat.hits, 0)}, now());
}

Cache::Tickets Cache::request(models::Ticket ticket, const std::string& id,
                              const models::Metadata& metadata) {
  Tickets woken = expire();
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
  models::Plan::Left left = plan_.leave(ticket, id, now());
  return nb::make_tuple(nb::none(), left.for_place, apply(std::move(left.effects)));
}

Cache::Tickets Cache::loaded(const std::string& id, nb::object object, double seconds,
                             std::uint64_t memory_bytes) {
  seat(id, std::move(object), memory_bytes);
  return apply(plan_.loaded(id, {.seconds = seconds}, now()));
}

Cache::Tickets Cache::load_failed(const std::string& id, Error cause) {
  return apply(plan_.load_failed(id, cause, now()));
}

Cache::Tickets Cache::put(const std::string& id, nb::object object, const models::Metadata& metadata) {
  observe();
  const auto victims = value(plan_.make_way(id, metadata, now()));
  for (const std::string& victim : victims) seats_.at(victim).closed = true;
  Tickets woken = apply(plan_.put(id, metadata, victims, now()));
  seat(id, std::move(object), 0);
  for (const models::Ticket each : apply(plan_.tick(now()))) woken.push_back(each);
  return woken;
}

std::pair<std::string, Cache::Tickets> Cache::remove(const std::string& id) {
  observe();
  auto [removal, effects] = plan_.remove(id, now());
  Tickets woken = apply(std::move(effects));
  if (removal == models::Removal::draining && !plan_.contains(id)) removal = models::Removal::removed;
  return {std::string(described::enum_name(removal)), std::move(woken)};
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
  observe();
  return apply(plan_.tick(now()));
}

std::optional<double> Cache::seconds_until_due() const {
  const auto due = plan_.next_due(now());
  if (!due) return std::nullopt;
  return std::chrono::duration<double>(*due - now()).count();
}

models::CacheStats Cache::stats() {
  observe();
  models::CacheStats stats = plan_.stats(now(), system_clock().now());
  for (models::ModelStats& model : stats.models)
    if (const auto found = seats_.find(model.id); found != seats_.end() && model.memory_bytes == 0)
      model.memory_bytes = found->second.measured;
  return stats;
}

// All leave, or none does: one that is in use again is watched instead.
models::Effects Cache::claim(const std::vector<std::string>& ids) {
  std::vector<std::string> busy;
  for (const std::string& id : ids)
    if (seats_.at(id).users > 0) busy.push_back(id);
  for (const std::string& id : ids) seats_.at(id).closed = busy.empty();
  for (const std::string& id : busy) seats_.at(id).watched = true;
  return busy.empty() ? plan_.claimed(now()) : plan_.rescued(busy, now());
}

// The plan is told when nobody uses a watched one.
models::Effects Cache::heard(const std::string& id) {
  Seat& seat = seats_.at(id);
  seat.watched = seat.users > 0;
  return seat.watched ? models::Effects() : plan_.idle(id, now());
}

Cache::Tickets Cache::apply(models::Effects effects) {
  Tickets woken;
  std::vector<nb::object> leaving;
  for (std::size_t i = 0; i < effects.size(); ++i) {
    models::Effects more;
    if (auto* grant = std::get_if<models::Grant>(&effects[i])) {
      Seat& seat = seats_.at(grant->id);
      ++seat.users;
      answers_[grant->ticket] = {seat.object};
      woken.push_back(grant->ticket);
    } else if (auto* refuse = std::get_if<models::Refuse>(&effects[i])) {
      answers_[refuse->ticket] = {{}, std::move(refuse->error)};
      woken.push_back(refuse->ticket);
    } else if (auto* load = std::get_if<models::StartLoad>(&effects[i])) {
      answers_[load->ticket] = {};
      woken.push_back(load->ticket);
    } else if (auto* wanted = std::get_if<models::Claim>(&effects[i])) {
      more = claim(wanted->ids);
    } else if (auto* watch = std::get_if<models::Watch>(&effects[i])) {
      more = heard(watch->id);
    } else if (auto* close = std::get_if<models::Close>(&effects[i])) {
      seats_.at(close->id).closed = true;
      more = heard(close->id);
    } else if (auto* unload = std::get_if<models::Unload>(&effects[i])) {
      if (auto seat = seats_.extract(unload->id)) leaving.push_back(std::move(seat.mapped().object));
      // What is dropped is gone for the cache, whoever still holds a reference.
      more = plan_.unloaded(unload->id, std::nullopt, now());
    }
    // StopLoad: a Python factory cannot be stopped; what it makes stays for the next who asks.
    effects.insert(effects.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  due_ = plan_.next_due(now());
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
      .def("stats", [](Cache& self) { return described_to_python(self.stats()); });
  m.def(
      "make_cache",
      [](std::int64_t max_models, double ttl) {
        the = new Cache({.max_models = max_models, .ttl = milliseconds(ttl)});
        return the;
      },
      nb::rv_policy::reference);
}

}  // namespace medsynth::python
