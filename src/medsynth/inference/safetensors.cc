#include "medsynth/inference/safetensors.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/base/json.h"

namespace medsynth::inference {
namespace {

constexpr std::size_t kLengthBytes = 8;

Error malformed(std::string_view why) {
  return {Code::invalid_argument, fmt::format("not a safetensors file: {}", why), "not_a_model"};
}

Result<std::vector<std::int64_t>> numbers(const json::object& tensor, std::string_view key) {
  std::vector<std::int64_t> out;
  const json::value* found = tensor.if_contains(key);
  if (!found || !found->is_array()) return malformed(fmt::format("a tensor has no {}", key));
  for (const json::value& each : found->get_array()) {
    if (!each.is_int64() || each.get_int64() < 0)
      return malformed(fmt::format("a tensor's {} are not numbers", key));
    out.push_back(each.get_int64());
  }
  return out;
}

}  // namespace

Result<Safetensors> Safetensors::read(const std::filesystem::path& file) {
  Safetensors out;
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  std::ifstream in(file, std::ios::binary);
  if (error || !in) return Error{Code::not_found, "cannot read " + file.string(), "model_file_not_found"};
  out.content_.resize(size);
  if (!in.read(out.content_.data(), static_cast<std::streamsize>(size)))
    return malformed("it cannot be read to its end");
  std::uint64_t length = 0;  // little-endian, as every machine that we run on
  if (size < kLengthBytes) return malformed("it is too short");
  std::memcpy(&length, out.content_.data(), kLengthBytes);
  if (length > size - kLengthBytes) return malformed("its header is longer than the file");
  BOOST_OUTCOME_TRY(const auto header,
                    json::parse(std::string_view(out.content_.data() + kLengthBytes, length)));
  if (!header.is_object()) return malformed("its header is not an object");
  const std::span<const char> data = std::span(out.content_).subspan(kLengthBytes + length);
  for (const auto& [name, value] : header.get_object()) {
    if (name == "__metadata__" || !value.is_object()) continue;
    Tensor tensor;
    const json::value* type = value.get_object().if_contains("dtype");
    if (type && type->is_string()) tensor.type = type->get_string();
    BOOST_OUTCOME_TRY(tensor.shape, numbers(value.get_object(), "shape"));
    BOOST_OUTCOME_TRY(const auto range, numbers(value.get_object(), "data_offsets"));
    if (range.size() != 2 || range[0] > range[1] || static_cast<std::size_t>(range[1]) > data.size())
      return malformed("a tensor lies outside the file");
    tensor.bytes =
        data.subspan(static_cast<std::size_t>(range[0]), static_cast<std::size_t>(range[1] - range[0]));
    out.tensors_.emplace(name, std::move(tensor));
  }
  return out;
}

Result<std::span<const char>> Safetensors::floats(const std::string& name,
                                                  const std::vector<std::int64_t>& shape) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return malformed("there is no tensor " + name);
  const Tensor& tensor = found->second;
  if (tensor.type != "F32" || tensor.shape != shape)
    return malformed(
        fmt::format("{} must be F32 of shape {}, not {} of {}", name, shape, tensor.type, tensor.shape));
  const auto count = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  if (tensor.bytes.size() != static_cast<std::size_t>(count) * sizeof(float))
    return malformed(name + " has the wrong size");
  return tensor.bytes;
}

}  // namespace medsynth::inference
