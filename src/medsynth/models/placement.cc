#include "medsynth/models/placement.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace medsynth::models {
namespace {

using Limit = std::uint64_t DeviceRoom::*;

// Of the layers from `first` on, without `count` behind.
std::uint64_t bytes_on(const Footprint& footprint, const DeviceRoom& room, std::size_t first,
                       std::size_t count) {
  auto bytes = static_cast<std::int64_t>(footprint.compute) + room.beyond;
  for (std::size_t i = first; i < first + count; ++i)
    bytes += static_cast<std::int64_t>(footprint.layers[i].weights + footprint.layers[i].cache);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, bytes));
}

// The one that has the most room among those that hold all layers.
std::optional<Share> whole_on_one(const Footprint& footprint, std::span<const DeviceRoom> rooms,
                                  Limit limit) {
  std::optional<Share> best;
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    const Share share{i, footprint.layers.size(), bytes_on(footprint, rooms[i], 0, footprint.layers.size())};
    if (share.bytes <= rooms[i].*limit && (!best || rooms[i].*limit > rooms[best->device].*limit))
      best = share;
  }
  return best;
}

// The layers from `first` on, on as few devices as hold them, those with the most room first; nullopt: they
// do not fit.
std::optional<std::vector<Share>> fill(const Footprint& footprint, std::span<const DeviceRoom> rooms,
                                       Limit limit, std::size_t first) {
  std::vector<std::size_t> order(rooms.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return rooms[a].*limit != rooms[b].*limit ? rooms[a].*limit > rooms[b].*limit : a < b;
  });
  std::vector<Share> shares;
  for (const std::size_t device : order) {
    if (first == footprint.layers.size()) break;
    Share share{.device = device, .bytes = bytes_on(footprint, rooms[device], first, 0)};
    while (first < footprint.layers.size()) {
      const std::uint64_t more = footprint.layers[first].weights + footprint.layers[first].cache;
      if (share.bytes + more > rooms[device].*limit) break;
      share.bytes += more, ++share.layers, ++first;
    }
    if (share.layers > 0) shares.push_back(share);
  }
  if (first < footprint.layers.size()) return std::nullopt;
  return shares;
}

// As many of the last layers as fit; empty: not even the output does.
std::vector<Share> choose(const Footprint& footprint, std::span<const DeviceRoom> rooms) {
  if (footprint.layers.empty()) return {};
  for (const Limit limit : {&DeviceRoom::free, &DeviceRoom::most})
    if (const auto one = whole_on_one(footprint, rooms, limit)) return {*one};
  for (const Limit limit : {&DeviceRoom::free, &DeviceRoom::most})
    if (auto several = fill(footprint, rooms, limit, 0)) return std::move(*several);
  for (std::size_t first = 1; first < footprint.layers.size(); ++first)
    if (auto part = fill(footprint, rooms, &DeviceRoom::most, first)) return std::move(*part);
  return {};
}

std::string words(const Placement& placement) {
  const std::size_t there = placement.on_devices();
  if (there == 0) return placement.text;
  const std::string of = fmt::format("{} of {} layers", there, placement.layers);
  if (placement.shares.size() == 1) return fmt::format("{} on GPU {}", of, placement.shares[0].device);
  std::vector<std::string> parts;
  for (const Share& share : placement.shares)
    parts.push_back(fmt::format("{} on GPU {}", share.layers, share.device));
  return fmt::format("{}: {}", of, fmt::join(parts, ", "));
}

// What it would take, and what there is.
std::string shortage(const Footprint& footprint, std::span<const DeviceRoom> rooms) {
  if (rooms.empty()) return "there is no GPU that this program can use";
  if (footprint.layers.empty()) return "what runs it uses no GPU";
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < rooms.size(); ++i)
    parts.push_back(fmt::format("GPU {} has {} for it", i, gigabytes(rooms[i].most)));
  return fmt::format("all {} layers need {}, and {}", footprint.layers.size(),
                     gigabytes(bytes_on(footprint, rooms[0], 0, footprint.layers.size())),
                     fmt::join(parts, ", "));
}

}  // namespace

std::string gigabytes(std::uint64_t bytes) {
  const double mega = static_cast<double>(bytes) / (1 << 20);
  return mega < 1000 ? fmt::format("{:.0f} MB", mega) : fmt::format("{:.1f} GB", mega / 1024);
}

std::uint64_t Footprint::on_cpu() const {
  std::uint64_t bytes = input + compute + host;
  for (const Layer& layer : layers) bytes += layer.weights + layer.cache;
  return bytes - std::min(bytes, tied);
}

std::vector<DeviceRoom> rooms_of(std::span<const Device> devices) {
  std::vector<DeviceRoom> rooms;
  for (const Device& each : devices)
    rooms.push_back({each.kind == "integrated", each.memory_free, each.memory_free, 0});
  return rooms;
}

std::size_t Placement::on_devices() const {
  std::size_t count = 0;
  for (const Share& share : shares) count += share.layers;
  return count;
}

std::vector<std::uint64_t> Placement::device_bytes() const {
  std::vector<std::uint64_t> bytes;
  for (const Share& share : shares) {
    bytes.resize(std::max(bytes.size(), share.device + 1));
    bytes[share.device] += share.bytes;
  }
  return bytes;
}

Result<Placement> place(std::string_view model, const Footprint& footprint, std::span<const DeviceRoom> rooms,
                        Gpu gpu) {
  Placement placement{.layers = footprint.layers.size(), .shares = {}, .cpu_bytes = footprint.on_cpu()};
  if (gpu != Gpu::never) placement.shares = choose(footprint, rooms);
  const std::size_t there = placement.on_devices();
  const bool whole = !placement.shares.empty() && there == placement.layers;
  if (!whole || placement.shares.size() > 1)
    placement.reason = gpu == Gpu::never ? "gpu is \"never\"" : shortage(footprint, rooms);
  if (!whole && gpu == Gpu::require)
    return Error{rooms.empty() || footprint.layers.empty() ? Code::invalid_argument : Code::exhausted,
                 fmt::format("{} must lie on a GPU (gpu = \"require\" in models.toml): {}; free the GPU, use "
                             "a smaller model or context, or write gpu = \"prefer\"",
                             model, placement.reason),
                 "does_not_fit"};
  placement.text = words(placement);
  placement.cpu_weights = footprint.input;
  for (std::size_t i = 0; i < placement.layers - there; ++i)
    placement.cpu_weights += footprint.layers[i].weights;
  for (std::size_t i = placement.layers - there; i < placement.layers; ++i)
    placement.cpu_bytes -= footprint.layers[i].weights + footprint.layers[i].cache;
  if (there > 0)
    placement.cpu_bytes += footprint.tied;  // that copy stays
  else
    placement.cpu_weights -= footprint.tied;
  for (const Share& share : placement.shares)
    if (rooms[share.device].integrated) placement.cpu_bytes += share.bytes;
  return placement;
}

}  // namespace medsynth::models
