#include "medsynth/inference/onnx/find_runtime.h"

#include <dlfcn.h>

#include <algorithm>
#include <functional>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/paths.h"

namespace medsynth::inference::onnx {
namespace {

namespace fs = std::filesystem;

// libonnxruntime.so.1.32.0, or without the numbers; the newest first.
void add_libraries(const fs::path& folder, std::vector<fs::path>& found) {
  std::error_code error;
  std::vector<fs::path> here;
  for (const fs::directory_entry& each : fs::directory_iterator(folder, error))
    if (each.path().filename().string().starts_with("libonnxruntime.so")) here.push_back(each.path());
  std::ranges::sort(here, std::greater<>());
  found.insert(found.end(), here.begin(), here.end());
}

}  // namespace

Error no_runtime(const std::string& why) {
  return {Code::unavailable,
          fmt::format("ONNX Runtime, which runs .onnx models, is not here ({}): install it with 'pip install "
                      "onnxruntime' in Medsynth's Python environment, or put its libonnxruntime.so where the "
                      "system's loader finds it (LD_LIBRARY_PATH)",
                      why),
          "no_onnx_runtime"};
}

Result<fs::path> find_runtime() {
  std::error_code error;
  std::vector<fs::path> found;
  add_libraries(program_lib_dir() / "medsynth", found);
  for (const fs::path& package : python_package_dirs("onnxruntime")) add_libraries(package / "capi", found);
  if (const fs::path cache = cache_dir(); !cache.empty())
    for (const fs::directory_entry& each : fs::directory_iterator(cache, error))
      if (each.path().filename().string().starts_with("onnxruntime-"))
        add_libraries(each.path() / "lib", found);
  if (!found.empty()) return found.front();
  const char* const kName = "libonnxruntime.so.1";
  if (void* library = ::dlopen(kName, RTLD_NOW | RTLD_LOCAL)) {
    ::dlclose(library);
    return fs::path(kName);
  }
  return no_runtime("no libonnxruntime.so was found");
}

}  // namespace medsynth::inference::onnx
