// The store of tasks: the source document's calls, those of the tracking middleware, and events. Records come
// back as JSON text.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <tuple>

#include "medsynth/base/id.h"
#include "medsynth/tasks/store.h"

#include "core.h"
#include "module.h"

namespace medsynth::python {
namespace {

using tasks::Attempt;
using tasks::Fields;
using tasks::Written;

const tasks::Store& store() {
  return Core::here().store;
}
// Redis' time, which is known with the connection.
WallTime now() {
  redis::Client& client = Core::here().client();
  if (!client.connected()) run(redis::all_ok({}));
  return client.clock().now();
}
std::string checked(std::string task_id) {
  value(check_task_id(task_id));
  return task_id;
}
const Fields& checked(const Fields& fields) {
  value(tasks::check_fields(fields));
  return fields;
}

std::optional<tasks::Status> status_from(const std::optional<std::string>& name) {
  if (!name) return std::nullopt;
  if (const auto status = described::enum_from<tasks::Status>(*name)) return status;
  std::string names;
  for (std::string_view each : described::enum_names<tasks::Status>())
    names.append(names.empty() ? "" : ", ").append(each);
  throw Failure(invalid("/status", "must be one of " + names));
}

std::optional<std::string> get(std::string task_id) {
  const auto record = run(store().get(checked(std::move(task_id))));
  if (!record) return std::nullopt;
  return record->to_json();
}

// A page as a JSON array, and the cursor of the next one.
std::pair<std::string, std::optional<std::string>> list(const std::optional<std::string>& status,
                                                        std::int64_t limit, std::int64_t offset,
                                                        const std::string& cursor) {
  auto page = run(value(store().list(
      {.status = status_from(status), .limit = limit, .offset = offset, .cursor = cursor}, now())));
  std::string out = "[";
  for (const tasks::Record& record : page.tasks) {
    if (out.size() > 1) out += ',';
    record.to_json(out);
  }
  return {out + "]", std::move(page.next_cursor)};
}

void complete(std::string task_id, std::string result) {
  value(tasks::check_json(result, "result"));
  run(store().complete_task(checked(std::move(task_id)), std::move(result), now()));
}

std::int64_t remove_many(const std::optional<std::string>& status, std::optional<double> older_than) {
  // Rounded so that nothing younger goes, and never bounded to an age that is less than what was asked for.
  constexpr double kLongest = 1e10;
  if (older_than && !(*older_than >= 0))
    throw Failure(invalid("max_age", "must be a number of seconds, 0 or more"));
  std::optional<std::chrono::seconds> age;
  if (older_than)
    age = std::chrono::seconds(static_cast<std::int64_t>(std::ceil(std::min(*older_than, kLongest))));
  return run(store().remove_many(status_from(status), age, now()));
}

// ---- for the tracking middleware ----

using AttemptTuple = std::tuple<std::string, std::string, std::int64_t>;  // task id, message id, number

Attempt attempt_of(const AttemptTuple& a) {
  return {std::get<0>(a), std::get<1>(a), std::get<2>(a)};
}

std::pair<std::string, std::int64_t> begin(std::string task_id, std::string message_id, std::string queue,
                                           std::string actor, std::string worker) {
  const auto begun = run(store().begin({checked(std::move(task_id)), std::move(message_id), std::move(queue),
                                        std::move(actor), std::move(worker)},
                                       now()));
  constexpr std::array<std::string_view, 4> kNames{"run", "ended", "cancelled", "deleted"};
  return {std::string(kNames[static_cast<std::size_t>(begun.outcome)]), begun.attempt.number};
}

std::string create(std::string task_id, std::string message_id, std::string queue, std::string actor,
                   const Fields& fields) {
  const auto created = run(store().create({checked(std::move(task_id)), std::move(message_id),
                                           std::move(queue), std::move(actor), checked(fields)},
                                          now()));
  return created.outcome == tasks::Created::Outcome::created ? "created" : "exists";
}

std::pair<std::string, bool> said(const Written& written) {
  constexpr std::array<std::string_view, 3> kNames{"written", "stale", "gone"};
  return {std::string(kNames[static_cast<std::size_t>(written.outcome)]), written.stop_requested};
}

// ---- events ----

// What happens to tasks, from now on. Its own connection: a client has one set of subscriptions.
class Events {
 public:
  Events() : shared_(std::make_shared<Shared>()) {
    Core& core = Core::here();
    client_ = std::make_unique<redis::Client>(
        redis::ClientOptions{.url = core.url, .name = "medsynth-python-events", .quiet = true});
    client_->subscribe({core.store.channel()},
                       [shared = shared_](std::string_view, std::string_view payload) {
                         const std::lock_guard lock(shared->mutex);
                         for (const std::string_view event : tasks::events_in(payload)) {
                           if (shared->waiting.size() == kMost) shared->waiting.pop_front();
                           shared->waiting.emplace_back(event);
                         }
                         shared->came.notify_one();
                       });
    all().insert(this);
    try {
      value(outside([&](const std::stop_token& stop) { return connected(*client_, core.url, stop); }));
    } catch (...) {
      close();
      throw;
    }
  }
  ~Events() { close(); }
  Events(const Events&) = delete;

  // The next event as JSON, or none when there was none in time.
  std::optional<std::string> next(double timeout) {
    return outside([&, shared = shared_](const std::stop_token& stop) -> std::optional<std::string> {
      std::unique_lock lock(shared->mutex);
      shared->came.wait_for(lock, stop, milliseconds(timeout), [&] { return !shared->waiting.empty(); });
      if (shared->waiting.empty()) return std::nullopt;
      std::string event = std::move(shared->waiting.front());
      shared->waiting.pop_front();
      return event;
    });
  }

  void close() {
    all().erase(this);
    auto client = std::move(client_);
    if (!client) return;
    const nb::gil_scoped_release release;
    client.reset();
  }

  static void close_all() {
    while (!all().empty()) (*all().begin())->close();
  }
  // In a forked child: the connection's thread is the parent's.
  static void forget_all() {
    for (Events* each : all()) (void)each->client_.release();
    all().clear();
  }

 private:
  static constexpr std::size_t kMost = 10'000;  // a reader that sleeps loses the oldest
  struct Shared {
    std::mutex mutex;
    std::condition_variable_any came;
    std::deque<std::string> waiting;
  };
  static std::set<Events*>& all() {
    static auto* const the = new std::set<Events*>;  // guarded by the GIL
    return *the;
  }
  std::shared_ptr<Shared> shared_;
  std::unique_ptr<redis::Client> client_;
};

}  // namespace

void bind_tasks(nb::module_& m) {
  m.def("task_get", &get);
  m.def("task_list", &list);
  m.def("task_set", [](std::string id, const Fields& fields) {
    run(store().set_task_status(checked(std::move(id)), checked(fields), now()));
  });
  m.def("task_progress", [](std::string id, double percent, const Fields& fields) {
    return run(store().update_task_progress(checked(std::move(id)), percent, checked(fields), now()));
  });
  m.def("task_complete", &complete);
  m.def("task_fail", [](std::string id, const std::string& error) {
    run(store().fail_task(checked(std::move(id)), error, now()));
  });
  m.def("task_delete", [](std::string id) { return run(store().remove(checked(std::move(id)), now())); });
  m.def("task_delete_many", &remove_many, nb::arg().none(), nb::arg().none());
  m.def("task_cancel", [](std::string id) {
    constexpr std::array<std::string_view, 4> kNames{"cancelled", "requested", "ended", "absent"};
    const auto cancelled = run(store().cancel(checked(std::move(id)), now()));
    return std::string(kNames[static_cast<std::size_t>(cancelled.outcome)]);
  });

  m.def("attempt_create", &create);
  m.def("attempt_begin", &begin);
  m.def("attempt_progress", [](const AttemptTuple& a, double percent, const Fields& fields) {
    return said(run(store().progress(attempt_of(a), percent, checked(fields), now())));
  });
  m.def("attempt_complete", [](const AttemptTuple& a, std::string result) {
    value(tasks::check_json(result, "result"));
    return said(run(store().complete(attempt_of(a), std::move(result), now())));
  });
  m.def("attempt_fail", [](const AttemptTuple& a, const std::string& error) {
    return said(run(store().fail(attempt_of(a), error, now())));
  });
  m.def("attempt_retry", [](const AttemptTuple& a, const std::string& error, double seconds) {
    return said(run(store().retry(attempt_of(a), error, now() + milliseconds(seconds), now())));
  });
  m.def("attempt_cancelled", [](const AttemptTuple& a, const std::string& why) {
    return said(run(store().end_cancelled(attempt_of(a), why, now())));
  });

  nb::class_<Events>(m, "Events").def(nb::init<>()).def("next", &Events::next).def("close", &Events::close);
  m.def("close_events", &Events::close_all);
  m.def("forget_events", &Events::forget_all);
}

}  // namespace medsynth::python
