#include "medsynth/limits/probes/nvml.h"

#include <dlfcn.h>

#include <array>
#include <utility>

namespace medsynth::limits {
namespace {

// The C types of the library, whose binary interface is fixed.
constexpr int kSuccess = 0;
struct Memory {
  unsigned long long total, free, used;
};
struct Utilization {
  unsigned int gpu, memory;
};

template <class Function>
bool load(void* library, const char* name, Function*& out) {
  out = reinterpret_cast<Function*>(::dlsym(library, name));
  return out != nullptr;
}

}  // namespace

struct Nvml::Calls {
  void* library = nullptr;
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*count)(unsigned int*) = nullptr;
  int (*by_index)(unsigned int, void**) = nullptr;
  int (*name)(void*, char*, unsigned int) = nullptr;
  int (*memory)(void*, Memory*) = nullptr;
  int (*utilization)(void*, Utilization*) = nullptr;

  bool find() {
    return load(library, "nvmlInit_v2", init) && load(library, "nvmlShutdown", shutdown) &&
           load(library, "nvmlDeviceGetCount_v2", count) &&
           load(library, "nvmlDeviceGetHandleByIndex_v2", by_index) &&
           load(library, "nvmlDeviceGetName", name) && load(library, "nvmlDeviceGetMemoryInfo", memory) &&
           load(library, "nvmlDeviceGetUtilizationRates", utilization);
  }
};

Nvml::Nvml(std::unique_ptr<Calls> calls) : calls_(std::move(calls)) {}

std::unique_ptr<Nvml> Nvml::open(const std::string& library) {
  if (library.empty()) return nullptr;
  auto calls = std::make_unique<Calls>();
  calls->library = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!calls->library) return nullptr;
  if (!calls->find() || calls->init() != kSuccess) {
    ::dlclose(calls->library);
    return nullptr;
  }
  std::unique_ptr<Nvml> nvml(new Nvml(std::move(calls)));
  unsigned int count = 0;
  if (nvml->calls_->count(&count) != kSuccess) count = 0;
  for (unsigned int index = 0; index < count; ++index) {
    void* handle = nullptr;
    std::array<char, 97> name{};
    if (nvml->calls_->by_index(index, &handle) != kSuccess)
      continue;  // e.g. one that another user has to himself
    nvml->calls_->name(handle, name.data(), name.size() - 1);
    nvml->handles_.push_back(handle);
    nvml->devices_.push_back({.name = name.data()});
  }
  return nvml->handles_.empty() ? nullptr : std::move(nvml);
}

Nvml::~Nvml() {
  calls_->shutdown();
  ::dlclose(calls_->library);
}

const std::vector<GpuDevice>& Nvml::read() {
  for (std::size_t i = 0; i < handles_.size(); ++i) {
    Memory memory{};
    if (calls_->memory(handles_[i], &memory) == kSuccess) {
      devices_[i].memory_total = memory.total;
      devices_[i].memory_used = memory.total > memory.free ? memory.total - memory.free : 0;
    }
    Utilization use{};
    if (calls_->utilization(handles_[i], &use) == kSuccess) devices_[i].percent = use.gpu;
  }
  return devices_;
}

}  // namespace medsynth::limits
