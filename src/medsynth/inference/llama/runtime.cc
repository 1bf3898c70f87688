#include "medsynth/inference/llama/runtime.h"

#include <dlfcn.h>

#include <filesystem>
#include <mutex>
#include <string_view>
#include <utility>

#include <llama.h>

#include "medsynth/base/log.h"

namespace medsynth::inference::llama {
namespace {

thread_local std::string first_error;  // the reason; what follows are its consequences

void on_message(ggml_log_level level, const char* message, void*) {
  std::string_view text(message);
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (level == GGML_LOG_LEVEL_ERROR && first_error.empty()) first_error = text;
  // Continued lines are dots of a progress bar.
  if (text.empty() || level == GGML_LOG_LEVEL_CONT || !log::enabled(log::Level::debug)) return;
  log::debug("llama.cpp", {{"text", text}});
}

// Instead of ggml's own, which attaches a debugger to this process to print a backtrace: that takes seconds,
// and nobody takes over what a worker held as long as it is not dead.
void on_abort(const char* message) {
  log::error("llama.cpp gave up", {{"error", message}});
}

#ifdef MEDSYNTH_PORTABLE
// Where ggml itself lies: its backends (one for each kind of CPU, and GPUs) are plug-ins beside it. Not
// ggml_backend_load_all(), which would run any libggml-*.so that lies in the current folder.
std::string plug_ins() {
  Dl_info ggml{};
  ::dladdr(reinterpret_cast<const void*>(&ggml_backend_load_all_from_path), &ggml);
  return std::filesystem::canonical(ggml.dli_fname).parent_path().native();
}
#endif

}  // namespace

void start_runtime() {
  static std::once_flag once;
  std::call_once(once, [] {
    llama_log_set(on_message, nullptr);
    ggml_set_abort_callback(on_abort);
    llama_backend_init();
  });
}

void load_backends() {
  start_runtime();
#ifdef MEDSYNTH_PORTABLE
  static std::once_flag once;
  std::call_once(once, [] { ggml_backend_load_all_from_path(plug_ins().c_str()); });
#endif
}

std::string take_error() {
  return std::exchange(first_error, {});
}

}  // namespace medsynth::inference::llama
