// What was measured of models that were in memory, kept over restarts: one JSON file, stored format.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/described.h"
#include "medsynth/base/error.h"

namespace medsynth::models {

// Only the anonymous part is measured: a mapped file's pages are page cache.
struct Learned {
  std::string model;
  std::string options;  // it holds for a model loaded with the same ones
  std::uint64_t anonymous_bytes = 0;
  std::uint64_t peak_bytes = 0;  // anonymous, while it loads
  double load_seconds = 0;
  // Of each GPU, by its number, what it took there beyond what had been predicted.
  std::vector<std::int64_t> device_beyond;
  bool operator==(const Learned&) const = default;
};
BOOST_DESCRIBE_STRUCT(Learned, (), (model, options, anonymous_bytes, peak_bytes, load_seconds, device_beyond))

// A missing or damaged file has taught nothing.
std::vector<Learned> read_learned(const std::filesystem::path& file);
// Writes what is new over what the file holds of other models (another worker's, perhaps). unavailable: it
// cannot be written.
Result<> write_learned(const std::filesystem::path& file, const std::vector<Learned>& learned);

// Anonymous resident memory of this process, in bytes; 0 when it cannot be known.
std::uint64_t anonymous_bytes();

}  // namespace medsynth::models

// Files of older versions lack the last.
template <>
struct medsynth::described::Rules<medsynth::models::Learned> {
  static constexpr std::array fields{Field{.name = "device_beyond", .optional = true}};
};
