// What was measured of models that were in memory, kept over restarts: one JSON file, stored format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/error.h"

namespace medsynth::models {

// Only the anonymous part is measured: a mapped file's pages are page cache.
struct Learned {
  std::string model;
  std::string options;  // it holds for a model loaded with the same ones
  std::uint64_t anonymous_bytes = 0;
  std::uint64_t peak_bytes = 0;  // anonymous, while it loads
  double load_seconds = 0;
  bool operator==(const Learned&) const = default;
};
BOOST_DESCRIBE_STRUCT(Learned, (), (model, options, anonymous_bytes, peak_bytes, load_seconds))

// A missing or damaged file has taught nothing.
std::vector<Learned> read_learned(const std::filesystem::path& file);
// Writes what is new over what the file holds of other models (another worker's, perhaps). unavailable: it
// cannot be written.
Result<> write_learned(const std::filesystem::path& file, const std::vector<Learned>& learned);

// Anonymous resident memory of this process, in bytes; 0 when it cannot be known.
std::uint64_t anonymous_bytes();

}  // namespace medsynth::models
