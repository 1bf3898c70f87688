// What this process has of Medsynth: settings, store, limiter, fleet, metrics, engine. Made at the first use,
// so that an import connects to nothing; made again in a forked child, where the parent's threads are gone
// (its parts are left as they are). Everything here but outside() and run() wants the GIL, which is the lock
// of this state.
//
//   return run(Core::here().store.get(task_id));            // blocks without the GIL
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "medsynth/base/settings.h"
#include "medsynth/fleet/fleet.h"
#include "medsynth/inference/engine.h"
#include "medsynth/limits/limits.h"
#include "medsynth/limits/sensors.h"
#include "medsynth/redis/client.h"
#include "medsynth/tasks/store.h"
#include "medsynth/telemetry/telemetry.h"

namespace medsynth::python {

namespace nb = nanobind;

// Becomes the exception of asf.medical.errors that belongs to its code.
struct Failure : std::exception {
  explicit Failure(Error e) : error(std::move(e)) {}
  const char* what() const noexcept override { return error.message.c_str(); }
  Error error;
};

template <class T>
T value(Result<T> result) {
  if (!result) throw Failure(std::move(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class Core {
 public:
  static Core& here();
  // At the end of the interpreter: cancels what waits, closes connections. Later calls fail.
  static void close();

  const Settings settings;
  const redis::Url url;
  const std::string host;
  const tasks::Store store;
  const fleet::Fleet fleet;
  telemetry::Metrics metrics;

  redis::Client& client();  // connects in the background
  limits::Sensors& sensors();
  limits::Limiter& limiter();
  inference::Engine& engine();
  limits::Limits environment_limits() const;

 private:
  explicit Core(Settings settings, redis::Url url);
  std::unique_ptr<redis::Client> client_;
  std::unique_ptr<limits::Sensors> sensors_;
  std::unique_ptr<limits::Limiter> limiter_;
  std::unique_ptr<inference::Engine> engine_;
};

// A call that lets go of the GIL: counted until it has it again, so that close() can wait for it, and told to
// stop by it. With the GIL.
class Call {
 public:
  Call();  // when the interpreter is ending: throws in the thread that ends it, does not return in others
  ~Call();
  Call(const Call&) = delete;
  std::stop_token stop() const;
  // Without the GIL. Where the interpreter ends, does not return: whoever asks for the GIL then is ended by
  // Python in the middle of a C++ frame, which aborts the process, and only daemon threads are left to ask.
  void stay_if_ending() const;
};

template <class Work>
auto outside(Work&& work) {
  struct Return {
    const Call& call;
    ~Return() { call.stay_if_ending(); }
  };
  const Call call;
  const nb::gil_scoped_release release;
  const Return before_the_gil{call};
  return work(call.stop());
}

// One wait of this thread, told to stop when Python wants the thread back: it keeps its place in the
// machine's line until then, where coming back now and then to ask would lose it. A signal for the main
// thread ends it at once; an exception that is to be raised in another thread (PyThreadState_SetAsyncExc:
// Dramatiq's time limit), when look() is called next. With the GIL.
class Wait {
 public:
  Wait();  // runs the handlers of signals that came before
  ~Wait();
  Wait(const Wait&) = delete;
  bool wanted_back() const { return stop_.stop_requested(); }
  std::stop_token stop() const { return stop_.get_token(); }
  static void look();  // often, by whoever is there

 private:
  class Signals;
  std::stop_source stop_;
  PyThreadState* const thread_;
  std::stop_callback<std::function<void()>> ending_;
  std::unique_ptr<Signals> signals_;
};

// Waits a moment for a connection that is not there (yet); unavailable names the URL without its password.
Result<> connected(redis::Client& client, const redis::Url& url, const std::stop_token& stop);

template <class T>
T run(redis::Query<T> query) {
  Core& core = Core::here();
  redis::Client& client = core.client();
  return value(outside([&](const std::stop_token& stop) -> Result<T> {
    BOOST_OUTCOME_TRY(connected(client, core.url, stop));
    return client.run(std::move(query));
  }));
}

std::chrono::milliseconds milliseconds(double seconds);  // below 0: 0; at most a year

}  // namespace medsynth::python
