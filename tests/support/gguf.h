// Writes model files in the GGUF format (version 3): numbers little-endian, strings with their length before them,
// tensors of 32-bit floats, all zeros, which are a hole in the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace medsynth::test {

class Gguf {
 public:
  // Keys that begin with '.' are the architecture's own.
  explicit Gguf(std::string architecture = "") : architecture_(std::move(architecture)) {
    if (!architecture_.empty()) text("general.architecture", architecture_);
  }
  Gguf& text(const std::string& key, const std::string& value) { return begin(key, 8).string(value); }
  Gguf& number(const std::string& key, std::uint32_t value) { return begin(key, 4).raw(value); }
  Gguf& real(const std::string& key, float value) { return begin(key, 6).raw(value); }
  Gguf& flag(const std::string& key, bool value) {
    return begin(key, 7).raw(static_cast<std::uint8_t>(value));
  }
  Gguf& numbers(const std::string& key, const std::vector<std::uint32_t>& values) {
    begin(key, 9).raw(std::uint32_t{4}).raw(static_cast<std::uint64_t>(values.size()));
    for (const std::uint32_t value : values) raw(value);
    return *this;
  }
  Gguf& words(const std::string& key, std::uint64_t count) {
    begin(key, 9).raw(std::uint32_t{8}).raw(count);
    for (std::uint64_t i = 0; i < count; ++i) string("t" + std::to_string(i));
    return *this;
  }
  Gguf& tensor(const std::string& name, const std::vector<std::uint64_t>& shape) {
    tensors_.emplace_back(name, shape);
    return *this;
  }

  void write(const std::filesystem::path& file) const {
    Gguf out;
    out.raw(std::uint32_t{0x46554747}).raw(std::uint32_t{3});
    out.raw(static_cast<std::uint64_t>(tensors_.size())).raw(count_);
    out.bytes_ += bytes_;
    std::uint64_t offset = 0;
    for (const auto& [name, shape] : tensors_) {
      out.string(name).raw(static_cast<std::uint32_t>(shape.size()));
      std::uint64_t size = sizeof(float);
      for (const std::uint64_t each : shape) out.raw(each), size *= each;
      out.raw(std::uint32_t{0}).raw(offset);
      offset += aligned(size);
    }
    if (!tensors_.empty()) out.bytes_.resize(aligned(out.bytes_.size()));
    std::ofstream(file, std::ios::binary) << out.bytes_;
    std::filesystem::resize_file(file, out.bytes_.size() + offset);
  }

 private:
  static std::uint64_t aligned(std::uint64_t size) { return (size + 31) / 32 * 32; }

  Gguf& begin(const std::string& key, std::uint32_t type) {
    ++count_;
    return string(key.starts_with('.') ? architecture_ + key : key).raw(type);
  }
  Gguf& string(const std::string& value) {
    raw(static_cast<std::uint64_t>(value.size()));
    bytes_ += value;
    return *this;
  }
  template <class T>
  Gguf& raw(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }

  std::string architecture_, bytes_;
  std::vector<std::pair<std::string, std::vector<std::uint64_t>>> tensors_;
  std::uint64_t count_ = 0;
};

}  // namespace medsynth::test
