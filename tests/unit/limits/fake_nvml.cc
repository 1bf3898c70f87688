// What limits/probes/nvml.cc needs of libnvidia-ml.so.1. FAKE_NVML: "broken" fails to start, "none" has no
// device, "forbidden" does not list them, "mig" does not tell its utilisation, "lost" has lost its devices,
// "zero" knows no sizes, "hangs" does not answer for a second, anything else has two devices; one of them
// cannot be opened with "taken".
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

namespace {

std::string_view mode() {
  const char* value = std::getenv("FAKE_NVML");
  return value ? value : "";
}
constexpr int kNotSupported = 3, kNoPermission = 4, kDriverNotLoaded = 9, kGpuIsLost = 15;
constexpr unsigned long long kGib = 1ULL << 30;
char devices[2];

}  // namespace

extern "C" {

struct FakeMemory {
  unsigned long long total, free, used;
};
struct FakeUtilization {
  unsigned int gpu, memory;
};

int nvmlInit_v2() {
  return mode() == "broken" ? kDriverNotLoaded : 0;
}
int nvmlShutdown() {
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned int* count) {
  if (mode() == "forbidden") return kNoPermission;
  *count = mode() == "none" ? 0 : 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void** device) {
  if (mode() == "taken" && index == 0) return kNoPermission;
  *device = &devices[index];
  return 0;
}
int nvmlDeviceGetName(void* device, char* name, unsigned int length) {
  std::strncpy(name, device == &devices[0] ? "Fake A" : "Fake B", length);
  return 0;
}
int nvmlDeviceGetMemoryInfo(void* device, FakeMemory* memory) {
  if (mode() == "hangs") std::this_thread::sleep_for(std::chrono::seconds(1));
  if (mode() == "lost") return kGpuIsLost;
  if (mode() == "zero") return *memory = {}, 0;
  *memory =
      device == &devices[0] ? FakeMemory{8 * kGib, 2 * kGib, 6 * kGib} : FakeMemory{16 * kGib, 16 * kGib, 0};
  return 0;
}
int nvmlDeviceGetUtilizationRates(void* device, FakeUtilization* use) {
  if (mode() == "lost" || mode() == "zero") return kGpuIsLost;
  if (mode() == "mig") return kNotSupported;
  *use = device == &devices[0] ? FakeUtilization{73, 10} : FakeUtilization{5, 1};
  return 0;
}

}  // extern "C"
