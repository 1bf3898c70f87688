// Where a model's layers lie: on one GPU, split over several, some of them or all with the CPU. Decided
// before the model is loaded, from what it takes and what the devices have, and told in words. Pure.
//
//   BOOST_OUTCOME_TRY(const auto placement, place("biomedlm", footprint, rooms, Gpu::prefer));
//   // placement.text: "31 of 33 layers on GPU 0"
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/error.h"

namespace medsynth::models {

// What a model's layers need: require, all of them on GPUs or the model is refused; prefer, there as far as
// they fit, the others with the CPU; never, all with the CPU.
enum class Gpu { prefer, require, never };
BOOST_DESCRIBE_ENUM(Gpu, prefer, require, never)

// A GPU that the runtime can use. Its number is its place in the list that it stands in ("GPU 0"), for as
// long as the process lives. Bytes as the driver tells them now.
struct Device {
  std::string id;      // PCI address, "0000:c1:00.0"; empty: the driver does not tell
  std::string name;    // "NVIDIA H200"
  std::string kind;    // gpu | integrated (its memory is the machine's)
  std::string driver;  // the runtime's backend: "CUDA", "Vulkan"
  std::uint64_t memory_total = 0;
  std::uint64_t memory_free = 0;
  bool operator==(const Device&) const = default;
};
BOOST_DESCRIBE_STRUCT(Device, (), (id, name, kind, driver, memory_total, memory_free))

// Bytes that a model takes.
struct Layer {
  std::uint64_t weights = 0;
  std::uint64_t cache = 0;  // keys and values of the whole context
  bool operator==(const Layer&) const = default;
};
struct Footprint {
  // As the runtime counts them: those that repeat, then the output, so that a model of 32 has 33.
  std::vector<Layer> layers;
  std::uint64_t input = 0;    // embeddings of tokens and positions: always with the CPU
  std::uint64_t compute = 0;  // buffers of a computation, on each device that takes part, and with the CPU
  std::uint64_t host = 0;     // what is in this process's memory whatever lies where: the tokenizer
  // Of the output's weights, those that are the input's: the CPU has them once, a GPU has its own copy.
  std::uint64_t tied = 0;

  std::uint64_t on_cpu() const;  // of a model that has no layer elsewhere
};

// What a device has for one model.
struct DeviceRoom {
  bool integrated = false;
  std::uint64_t free = 0;  // that the driver says is free, and that we may take
  std::uint64_t most = 0;  // the same, if every model of ours left it
  // What this model took there beyond its footprint when it was measured.
  std::int64_t beyond = 0;
};

// For a process that keeps no other models.
std::vector<DeviceRoom> rooms_of(std::span<const Device> devices);

struct Share {
  std::size_t device = 0;   // its number
  std::size_t layers = 0;   // that follow those of the share before
  std::uint64_t bytes = 0;  // that they take there, with keys and values, and buffers
  bool operator==(const Share&) const = default;
};

struct Placement {
  std::size_t layers = 0;         // of the model
  std::vector<Share> shares;      // hold the last layers; those before them are with the CPU. Empty: all are
  std::uint64_t cpu_bytes = 0;    // of this process's memory
  std::uint64_t cpu_weights = 0;  // of cpu_bytes: pages of the file
  std::string text = "CPU";       // "31 of 33 layers on GPU 0"
  std::string reason;             // why it is not all on one GPU: "gpu is \"never\""; empty: it is

  std::size_t on_devices() const;  // layers
  // By the device's number, as many as devices are given out; empty where none is used.
  std::vector<std::uint64_t> device_bytes() const;
};

// One device that is free enough for the whole model is taken before one on which other models would have to
// leave, one before several, and several before the CPU has a part. Of alike ones the one with more room.
// "does_not_fit" with Gpu::require: exhausted, when not all layers fit on GPUs; invalid_argument, when there is none.
Result<Placement> place(std::string_view model, const Footprint& footprint, std::span<const DeviceRoom> rooms,
                        Gpu gpu);

// "3.1 GB", for sentences about memory.
std::string gigabytes(std::uint64_t bytes);

}  // namespace medsynth::models
