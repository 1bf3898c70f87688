// Reads a file in the safetensors format: a length of 8 bytes, a JSON header, the tensors' bytes. The whole
// file is kept in memory. Immutable after reading.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "medsynth/base/error.h"

namespace medsynth::inference {

class Safetensors {
 public:
  struct Tensor {
    std::string type;                 // "F32"
    std::vector<std::int64_t> shape;  // rows first
    std::span<const char> bytes;      // lives as long as the file
  };

  // not_found: it cannot be read; invalid_argument: it is not such a file, or a tensor lies outside it.
  static Result<Safetensors> read(const std::filesystem::path& file);

  // invalid_argument when there is no such tensor, or it is not 32-bit floats of exactly that shape.
  Result<std::span<const char>> floats(const std::string& name, const std::vector<std::int64_t>& shape) const;

 private:
  std::vector<char> content_;
  std::map<std::string, Tensor> tensors_;
};

}  // namespace medsynth::inference
