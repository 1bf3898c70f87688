#include "core.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include <fmt/format.h>

#include "medsynth/base/log.h"
#include "medsynth/base/paths.h"
#include "medsynth/redis/access.h"

namespace medsynth::python {
namespace {

using namespace std::chrono_literals;

constexpr auto kConnectPatience = 2s;
constexpr auto kClosePatience = 2s;

// What close() must know; a forked child has its own.
struct Life {
  std::atomic<int> calls{0};
  std::atomic<bool> closed{false};
  std::thread::id closer;  // set before closed
  std::stop_source stop;
  std::set<Wait*> waits;  // guarded by the GIL
};
// Never destroyed: threads that outlive the interpreter may still look.
Life* life = new Life;
Core* the = nullptr;

// The parent's threads do not exist here and its locks may be held for ever: everything is left as it is.
void after_fork() {
  life = new Life;
  the = nullptr;
}

[[noreturn]] void stay() {
  for (;;) ::pause();
}

Result<std::string> settings_text() {
  std::ifstream file(settings_file());
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

}  // namespace

Call::Call() {
  ++life->calls;
  if (!life->closed) return;
  --life->calls;
  if (std::this_thread::get_id() == life->closer)
    throw Failure(Error{Code::unavailable, "Python is ending: nothing new is started", "interpreter_ending"});
  // A daemon thread: an exception would only be words about it on standard error, when that may be gone
  // already.
  PyEval_SaveThread();
  stay();
}
Call::~Call() {
  --life->calls;
}
// Counted out: close() need not wait for it.
void Call::stay_if_ending() const {
  if (!life->closed) return;
  --life->calls;
  stay();
}
std::stop_token Call::stop() const {
  return life->stop.get_token();
}

// Python's C handler of signals writes each one's number into a pipe; a thread hears of it there, and passes
// it on to whoever listened before (an event loop). Main thread only.
class Wait::Signals {
 public:
  explicit Signals(std::stop_source stop) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
      throw Failure(Error{Code::exhausted, "no pipe for signals: too many open files", "no_descriptors"});
    read_ = ends[0];
    write_ = ends[1];
    ::fcntl(read_, F_SETFL, 0);  // only Python's handler must never block
    before_ = nb::cast<int>(set_wakeup_fd(write_));
    sigset_t all, mask;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    thread_ = std::thread([read = read_, before = before_, stop]() mutable {
      pthread_setname_np(pthread_self(), "ms-signals");
      for (unsigned char number = 0;;) {
        if (::read(read, &number, 1) != 1 && errno == EINTR) continue;
        if (number == kEnd) return;
        if (before >= 0) (void)!::write(before, &number, 1);
        stop.request_stop();
      }
    });
    pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  }
  ~Signals() {
    try {
      set_wakeup_fd(before_);
    } catch (const std::exception&) {  // the descriptor of before is closed by now
      set_wakeup_fd(-1);
    }
    (void)!::write(write_, &kEnd, 1);  // not a close: a forked child may have the other end too
    thread_.join();
    ::close(read_);
    ::close(write_);
  }
  Signals(const Signals&) = delete;

 private:
  static nb::object set_wakeup_fd(int descriptor) {
    return nb::module_::import_("signal").attr("set_wakeup_fd")(descriptor);
  }

  static constexpr unsigned char kEnd = 0;  // no signal's number
  int read_ = -1, write_ = -1, before_ = -1;
  std::thread thread_;
};

Wait::Wait()
    : thread_(PyThreadState_Get()),
      ending_(life->stop.get_token(), [stop = stop_]() mutable { stop.request_stop(); }) {
  if (::gettid() == ::getpid()) {
    signals_ = std::make_unique<Signals>(stop_);
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
  }
  life->waits.insert(this);
}
Wait::~Wait() {
  life->waits.erase(this);
}

void Wait::look() {
  for (Wait* each : life->waits)
    if (each->thread_->async_exc) each->stop_.request_stop();
}

Core& Core::here() {
  if (the) return *the;
  static const int registered = pthread_atfork(nullptr, nullptr, after_fork);
  (void)registered;
  auto loaded = value(load_settings({}, process_environment, value(settings_text())));
  auto url = value(redis::url_of(loaded.settings));
  // A library speaks up when something is wrong, unless it was told to say more.
  const bool asked = loaded.origins["log_level"] != Origin::fallback;
  log::start(asked ? loaded.settings.log_level : "warning", loaded.settings.log_format, "python");
  the = new Core(std::move(loaded.settings), std::move(url));
  return *the;
}

Core::Core(Settings s, redis::Url u)
    : settings(std::move(s)),
      url(std::move(u)),
      host(host_name(settings)),
      store({.prefix = settings.task_storage_prefix,
             .ttl = std::chrono::seconds(settings.task_storage_ttl),
             .database = url.database}),
      fleet({.namespace_ = settings.namespace_,
             .prefix = settings.task_storage_prefix,
             .database = url.database}) {}

void Core::close() {
  if (life->closed) return;
  life->closer = std::this_thread::get_id();
  life->closed = true;
  life->stop.request_stop();
  Core* const core = std::exchange(the, nullptr);
  const nb::gil_scoped_release release;
  const auto end = std::chrono::steady_clock::now() + kClosePatience;
  while (life->calls > 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
  // A call that cannot be interrupted keeps its parts; the process takes them with it.
  if (core && life->calls == 0) core->client_.reset();
}

redis::Client& Core::client() {
  if (!client_)
    client_ = std::make_unique<redis::Client>(
        redis::ClientOptions{.url = url, .name = "medsynth-python", .quiet = true, .callers_work = true});
  return *client_;
}

limits::Sensors& Core::sensors() {
  if (!sensors_) sensors_ = limits::make_sensors({.data_dir = data_dir(settings)});
  return *sensors_;
}

limits::Limits Core::environment_limits() const {
  return {settings.max_cpu_percent, settings.max_memory_percent, settings.max_gpu_percent,
          settings.max_concurrent_tasks};
}

limits::Limiter& Core::limiter() {
  if (!limiter_)
    limiter_ = value(limits::Limiter::open({.limits = environment_limits(),
                                            .runtime_dir = value(limits::runtime_dir(settings.runtime_dir)),
                                            .check_interval = milliseconds(settings.resource_check_interval)},
                                           sensors()));
  return *limiter_;
}

inference::Engine& Core::engine() {
  if (!engine_) engine_ = inference::make_engine();
  return *engine_;
}

Result<> connected(redis::Client& client, const redis::Url& url, const std::stop_token& stop) {
  if (client.connected()) return success();
  if (client.wait_connected(kConnectPatience, stop)) return success();
  return Error{
      Code::unavailable,
      fmt::format("Redis at {} cannot be reached: {}. Start 'medsynth serve' or a Redis there, or set "
                  "REDIS_URL.",
                  url.shown(), client.last_error()),
      "redis_unavailable",
      {},
      std::chrono::seconds(1)};
}

std::chrono::milliseconds milliseconds(double seconds) {
  constexpr double kYear = 365 * 24 * 3600;
  if (std::isnan(seconds)) return 0ms;
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::clamp(seconds, 0., kYear) * 1000));
}

}  // namespace medsynth::python
