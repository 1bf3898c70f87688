#include "medsynth/limits/probes/nvml.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <utility>

#include "medsynth/base/log.h"

namespace medsynth::limits {
namespace {

// Between two tries to open the library: loading one that is there costs a millisecond, looking for one that
// is not a hundredth of that.
constexpr std::chrono::seconds kFirstWait{1}, kLongestWait{60};
const std::string kSilent = "no device answers";

// The C types of the library, whose binary interface is fixed.
constexpr int kSuccess = 0, kDriverNotLoaded = 9;
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
  const char* (*error_text)(int) = nullptr;

  bool find() {
    return load(library, "nvmlInit_v2", init) && load(library, "nvmlShutdown", shutdown) &&
           load(library, "nvmlDeviceGetCount_v2", count) &&
           load(library, "nvmlDeviceGetHandleByIndex_v2", by_index) &&
           load(library, "nvmlDeviceGetName", name) && load(library, "nvmlDeviceGetMemoryInfo", memory) &&
           load(library, "nvmlDeviceGetUtilizationRates", utilization);
  }
  std::string why(int code) const { return error_text ? error_text(code) : "error " + std::to_string(code); }
  ~Calls() {
    if (started) shutdown();
    if (library) ::dlclose(library);
  }
  bool started = false;
};

Nvml::Nvml(std::unique_ptr<Calls> calls) : calls_(std::move(calls)) {}

Nvml::~Nvml() = default;

std::unique_ptr<Nvml> Nvml::open(const std::string& library, std::string& trouble) {
  trouble.clear();
  if (library.empty()) return nullptr;
  auto calls = std::make_unique<Calls>();
  calls->library = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!calls->library) return nullptr;
  if (!calls->find()) return trouble = library + " lacks a function that this program needs", nullptr;
  load(calls->library, "nvmlErrorString", calls->error_text);  // only for people
  const auto failed = [&](const char* what, int code) {
    if (code != kDriverNotLoaded) trouble = std::string(what) + ": " + calls->why(code);
    return nullptr;
  };
  if (const int code = calls->init(); code != kSuccess) return failed("the driver does not start", code);
  calls->started = true;
  unsigned int count = 0;
  if (const int code = calls->count(&count); code != kSuccess)
    return failed("the driver does not list its devices", code);
  if (count == 0) return nullptr;
  std::unique_ptr<Nvml> nvml(new Nvml(std::move(calls)));
  for (unsigned int index = 0; index < count; ++index) {
    void* handle = nullptr;
    std::array<char, 97> name{};
    if (nvml->calls_->by_index(index, &handle) != kSuccess ||
        nvml->calls_->name(handle, name.data(), name.size() - 1) != kSuccess)
      handle = nullptr;  // e.g. one that another user has to himself
    nvml->handles_.push_back(handle);
    nvml->names_.push_back(handle ? name.data() : "GPU " + std::to_string(index));
  }
  return nvml;
}

std::vector<GpuDevice> Nvml::read() {
  std::vector<GpuDevice> devices;
  for (std::size_t i = 0; i < handles_.size(); ++i) {
    GpuDevice& device = devices.emplace_back(GpuDevice{.name = names_[i]});
    if (!handles_[i]) continue;
    Memory memory{};
    if (calls_->memory(handles_[i], &memory) == kSuccess && memory.total > 0) {
      device.memory_total = memory.total;
      device.memory_used = memory.total > memory.free ? memory.total - memory.free : 0;
    }
    Utilization use{};
    if (calls_->utilization(handles_[i], &use) == kSuccess) device.percent = use.gpu;
  }
  return devices;
}

// False while there is nothing to read.
bool GpuProbe::reopen(SteadyTime now) {
  if (now < last_.next_try) return false;
  last_.next_try = now + wait_;
  wait_ = std::min(wait_ * 2, kLongestWait);
  nvml_.reset();
  std::string trouble;
  nvml_ = Nvml::open(library_, trouble);
  if (trouble != std::exchange(trouble_, trouble) && !trouble.empty())
    log::warning("the GPU's use is unknown", {{"why", trouble}});
  if (!nvml_) last_.present = !trouble.empty() || !last_.devices.empty();
  return nvml_ != nullptr;
}

GpuReading GpuProbe::read(SteadyTime now) {
  if (!nvml_ && !reopen(now)) return last_;
  GpuReading reading{.devices = nvml_->read(), .present = true};
  const auto is_silent = [](const GpuDevice& each) { return !each.memory_total && !each.percent; };
  if (!std::all_of(reading.devices.begin(), reading.devices.end(), is_silent)) {
    wait_ = kFirstWait;
    trouble_.clear();
  } else {
    if (std::exchange(trouble_, kSilent) != kSilent)
      log::warning("the GPU's use is unknown", {{"why", kSilent}});
    reading.devices = reopen(now) ? nvml_->read() : last_.devices;
  }
  reading.next_try = last_.next_try;
  last_ = reading;
  for (GpuDevice& each : last_.devices) each = {.name = each.name};
  return reading;
}

}  // namespace medsynth::limits
