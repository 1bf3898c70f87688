#include "medsynth/models/placement.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace medsynth::models {
namespace {

// Four layers of 10 that repeat, of which 2 are keys and values, and an output of 6; 4 of buffers.
Footprint footprint() {
  return {.layers = {{8, 2}, {8, 2}, {8, 2}, {8, 2}, {6, 0}}, .input = 5, .compute = 4, .host = 1};
}

DeviceRoom room(std::uint64_t free, std::uint64_t most = 0) {
  return {.free = free, .most = std::max(free, most)};
}

struct Case {
  const char* name;
  std::vector<DeviceRoom> rooms;
  Gpu gpu;
  std::vector<Share> shares;
  std::uint64_t cpu_bytes;
  const char* text;
};

// What it takes on each side, who gets the layers, and in which words.
TEST(Placement, Table) {
  const std::vector<Case> cases{
      {"no GPU", {}, Gpu::prefer, {}, 56, "CPU"},
      {"never", {room(100)}, Gpu::never, {}, 56, "CPU"},
      {"all on one", {room(50)}, Gpu::prefer, {{0, 5, 50}}, 10, "5 of 5 layers on GPU 0"},
      {"the freer of two", {room(60), room(70)}, Gpu::require, {{1, 5, 50}}, 10, "5 of 5 layers on GPU 1"},
      {"the free one before one that others must leave",
       {room(0, 90), room(50)},
       Gpu::prefer,
       {{1, 5, 50}},
       10,
       "5 of 5 layers on GPU 1"},
      {"one that others must leave before two",
       {room(30, 50), room(30)},
       Gpu::prefer,
       {{0, 5, 50}},
       10,
       "5 of 5 layers on GPU 0"},
      {"split over two",
       {room(24), room(34)},
       Gpu::require,
       {{1, 3, 34}, {0, 2, 20}},
       10,
       "5 of 5 layers: 3 on GPU 1, 2 on GPU 0"},
      {"the last layers", {room(49)}, Gpu::prefer, {{0, 4, 40}}, 20, "4 of 5 layers on GPU 0"},
      {"the output alone", {room(10)}, Gpu::prefer, {{0, 1, 10}}, 50, "1 of 5 layers on GPU 0"},
      {"not even that", {room(9)}, Gpu::prefer, {}, 56, "CPU"},
  };
  for (const Case& each : cases) {
    const auto placed = place("m", footprint(), each.rooms, each.gpu);
    ASSERT_TRUE(placed) << each.name;
    EXPECT_EQ(placed->shares, each.shares) << each.name;
    EXPECT_EQ(placed->cpu_bytes, each.cpu_bytes) << each.name;
    EXPECT_EQ(placed->text, each.text) << each.name;
    EXPECT_EQ(placed->reason.empty(), placed->shares.size() == 1 && placed->on_devices() == 5) << each.name;
  }
}

// Required and not all there: refused with what it needs and what there is, never split silently.
TEST(Placement, RequireIsAllOrNothing) {
  const std::vector<DeviceRoom> small{room(std::uint64_t{2} << 30)};
  Footprint large = footprint();
  large.layers[0].weights = std::uint64_t{3} << 30;
  const auto refused = place("biomedlm", large, small, Gpu::require);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::exhausted);
  EXPECT_EQ(refused.error().reason, "does_not_fit");
  EXPECT_NE(refused.error().message.find("all 5 layers need 3.0 GB, and GPU 0 has 2.0 GB for it"),
            std::string::npos)
      << refused.error().message;
  const auto none = place("biomedlm", large, {}, Gpu::require);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("there is no GPU"), std::string::npos);
  // No room can come where there is no GPU, and what has no layers uses none: trying again is of no use.
  EXPECT_EQ(none.error().code, Code::invalid_argument);
  EXPECT_EQ(place("nli", {.host = 5}, small, Gpu::require).error().code, Code::invalid_argument);
  EXPECT_EQ(place("nli", {.host = 5}, {}, Gpu::require).error().code, Code::invalid_argument);
  EXPECT_EQ(place("nli", {.host = 5}, small, Gpu::prefer)->reason, "what runs it uses no GPU");
}

// The output's weights are the input's: the CPU has them once, and keeps them when a GPU gets its copy.
TEST(Placement, TiedOutputIsCopied) {
  Footprint tied = footprint();
  tied.input = 6;
  tied.tied = 6;
  EXPECT_EQ(tied.on_cpu(), 51U);
  const std::vector<DeviceRoom> rooms{room(50)};
  const auto placed = place("m", tied, rooms, Gpu::prefer);
  ASSERT_TRUE(placed);
  EXPECT_EQ(placed->device_bytes(), std::vector<std::uint64_t>{50});
  EXPECT_EQ(placed->cpu_bytes, 11U);
}

// It took more there than predicted the last time: so it does in the next plan. What lies on an integrated
// GPU lies in the machine's memory.
TEST(Placement, CountsWhatWasMeasuredAndWhereItLies) {
  std::vector<DeviceRoom> rooms{room(55)};
  rooms[0].beyond = 6;
  EXPECT_EQ(place("m", footprint(), rooms, Gpu::prefer)->on_devices(), 4U);
  rooms[0].beyond = 5;
  rooms[0].integrated = true;
  const auto placed = place("m", footprint(), rooms, Gpu::prefer);
  EXPECT_EQ(placed->shares, (std::vector<Share>{{0, 5, 55}}));
  EXPECT_EQ(placed->cpu_bytes, 10U + 55);
}

// Whatever there is: no device is given more than it has, layers are given out once and from the last one on,
// and nothing is left with the CPU that one device alone could have taken in whole.
RC_GTEST_PROP(Placement, NeverMoreThanThereIs, ()) {
  Footprint any{.layers = {}, .compute = *rc::gen::inRange<std::uint64_t>(0, 5)};
  const auto weights =
      *rc::gen::container<std::vector<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(1, 20));
  for (const std::uint64_t each : weights) any.layers.push_back({each, 1});
  const auto frees = *rc::gen::container<std::vector<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(0, 80));
  std::vector<DeviceRoom> rooms;
  for (const std::uint64_t free : frees) rooms.push_back(room(free, free + *rc::gen::inRange(0, 20)));
  const auto placed = place("m", any, rooms, Gpu::prefer);
  RC_ASSERT(placed.has_value());
  std::uint64_t all = any.compute, there = 0;
  for (const Layer& layer : any.layers) all += layer.weights + layer.cache;
  for (const Share& share : placed->shares) {
    RC_ASSERT(share.layers > 0U);
    RC_ASSERT(share.bytes <= rooms[share.device].most);
    there += share.bytes - any.compute;
  }
  RC_ASSERT(placed->on_devices() <= any.layers.size());
  RC_ASSERT(placed->cpu_bytes + there == all);
  for (const DeviceRoom& each : rooms)
    if (each.most >= all && !any.layers.empty()) RC_ASSERT(placed->on_devices() == any.layers.size());
}

}  // namespace
}  // namespace medsynth::models
