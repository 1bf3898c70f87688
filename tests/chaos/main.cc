// The program that tests/chaos/run hurts: `serve` and `worker` as the product has them, with actors that note
// every run in the history. Settings come from the environment.
//
//   medsynth_chaos serve
//   medsynth_chaos worker [--worker-id ID]
//
// $CHAOS_DIR: the folder of the history; $CHAOS_MACHINE: what to call this machine there.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/json.h"
#include "medsynth/base/log.h"
#include "medsynth/base/signals.h"
#include "medsynth/cli/serve.h"
#include "medsynth/worker/worker.h"

#include "history.h"

namespace medsynth {
namespace chaos {
namespace {

using namespace std::chrono_literals;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::int64_t monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

// What a task will do is decided by who sends it.
struct Work {
  std::int64_t number = 0;
  std::int64_t ms = 0;      // how long it works
  std::int64_t fails = 0;   // so many runs fail first
  std::int64_t aborts = 0;  // so many runs end their process first: in the model, where there is one
  std::string model;
};
BOOST_DESCRIBE_STRUCT(Work, (), (number, ms, fails, aborts, model))

struct Answer {
  std::int64_t square = 0;
  std::string run;  // which one gave it
};
BOOST_DESCRIBE_STRUCT(Answer, (), (square, run))

// Runs of a task are counted in a folder: a file each, which only one process can make.
std::int64_t next_run(std::string_view task) {
  for (std::int64_t run = 1;; ++run) {
    const std::string path = fmt::format("{}/runs/{}.{}", variable("CHAOS_DIR"), task, run);
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file >= 0) return close(file), run;
    if (errno != EEXIST) abort_here("history");
  }
}

Result<Answer> carry_out(worker::Context& context, const Work& work, const std::string& run,
                         std::int64_t number_of_run) {
  if (number_of_run <= work.aborts) {
    const std::array prompts{inference::Prompt{.text = "abort"}};
    const std::array<std::string, 1> labels{"yes"};
    if (context.model()) (void)context.model()->score(prompts, labels, context.until());
    abort_here("actor");
  }
  if (number_of_run <= work.fails) return Error{Code::unavailable, "failed as it was told to", ""};
  for (std::int64_t done = 0; done < work.ms; done += 5) {
    BOOST_OUTCOME_TRY(context.go_on());
    context.progress(100.0 * static_cast<double>(done) / static_cast<double>(work.ms), "working");
    std::this_thread::sleep_for(5ms);
  }
  if (context.model()) {
    const std::array prompts{inference::Prompt{.text = "go on"}};
    const std::array<std::string, 1> labels{"yes"};
    BOOST_OUTCOME_TRY(context.model()->score(prompts, labels, context.until()));
  }
  return Answer{work.number * work.number, run};
}

Result<Answer> work(worker::Context& context, const Work& work) {
  const std::int64_t number = next_run(context.task_id());
  const std::string run = fmt::format("{}-{}", getpid(), number);
  const boost::json::object about{{"task", context.task_id()}, {"run", run}, {"model", work.model}};
  note("start", about);
  auto answer = carry_out(context, work, run, number);
  const bool stopped = !answer && answer.error().code == Code::cancelled;
  note(answer ? "end" : stopped ? "stopped" : "fail", about);
  return answer;
}

std::vector<worker::Actor> actors() {
  worker::Actor plain = worker::make_actor<Work>(
      {.name = "chaos", .max_retries = 20, .time_limit_ms = 60'000}, described::member_names<Work>(),
      [](const Work& each) {
        return each.model.empty()
                   ? std::nullopt
                   : std::optional(worker::WantedModel{.name = each.model, .kind = "language"});
      },
      work);
  plain.options.retries.min_backoff = 100ms;
  plain.options.retries.max_backoff = 400ms;
  worker::Actor brief =
      worker::make_actor<Work>({.name = "chaos_brief", .max_retries = 20, .time_limit_ms = 60'000}, work);
  brief.options.retries = plain.options.retries;
  brief.light = true;
  return {std::move(plain), std::move(brief)};
}

}  // namespace

void note(std::string_view what, boost::json::object about) {
  static const int file = open(fmt::format("{}/history/{}.jsonl", variable("CHAOS_DIR"), getpid()).c_str(),
                               O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  about["what"] = what;
  about["pid"] = getpid();
  about["machine"] = variable("CHAOS_MACHINE");
  about["t"] = monotonic();
  const std::string line = json::write(about) + "\n";
  if (write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) abort();
}

void abort_here(std::string_view where) {
  note("abort", {{"where", where}});
  abort();
}

}  // namespace chaos
}  // namespace medsynth

template <>
struct medsynth::described::Rules<medsynth::chaos::Work> {
  static constexpr std::array fields{
      Field{.name = "ms", .optional = true}, Field{.name = "fails", .optional = true},
      Field{.name = "aborts", .optional = true}, Field{.name = "model", .optional = true}};
};

int main(int argc, char** argv) {
  using namespace medsynth;
  const std::vector<std::string> words(argv + 1, argv + argc);
  const bool is_worker = !words.empty() && words[0] == "worker";
  block_end_signals();
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const auto loaded = load_settings({}, process_environment, "");
  if (!loaded) return std::cerr << loaded.error().message << '\n', EXIT_FAILURE;
  log::start(loaded->settings.log_level, loaded->settings.log_format, is_worker ? "worker" : "serve");
  if (is_worker)
    return worker::run_worker({.settings = loaded->settings,
                               .worker_id = words.size() == 3 ? words[2] : "",
                               .actors = chaos::actors()});
  return cli::serve(*loaded, [] { return load_settings({}, process_environment, ""); },
                    {std::filesystem::read_symlink("/proc/self/exe").string(), "worker"});
}
