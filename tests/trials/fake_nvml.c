/* libnvidia-ml.so.1 as far as Medsynth calls it: one GPU of 8 GiB. The first word of the file that FAKE_NVML_STATE
   names says how it does: "busy" (95 %), "lost" (no call succeeds), else idle. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct memory { unsigned long long total, free, used; };
struct utilization { unsigned int gpu, memory; };
static const unsigned long long gib = 1ULL << 30;

static int is(const char* state) {
  char word[32] = "";
  FILE* file = fopen(getenv("FAKE_NVML_STATE"), "r");
  if (!file) return 0;
  if (fscanf(file, "%31s", word) != 1) word[0] = 0;
  fclose(file);
  return strcmp(word, state) == 0;
}

int nvmlInit_v2(void) { return is("lost") ? 999 : 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int* count) { return *count = 1, 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void** device) { return (void)index, *device = "gpu", 0; }
int nvmlDeviceGetName(void* device, char* name, unsigned int length) {
  (void)device;
  return snprintf(name, length, "Trial GPU"), 0;
}
int nvmlDeviceGetMemoryInfo(void* device, struct memory* memory) {
  (void)device;
  if (is("lost")) return 15;
  memory->total = 8 * gib, memory->free = 6 * gib, memory->used = 2 * gib;
  return 0;
}
int nvmlDeviceGetUtilizationRates(void* device, struct utilization* use) {
  (void)device;
  if (is("lost")) return 15;
  use->gpu = is("busy") ? 95 : 0, use->memory = 0;
  return 0;
}
const char* nvmlErrorString(int code) { return code == 15 ? "GPU is lost" : "Unknown Error"; }
