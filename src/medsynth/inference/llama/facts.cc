// What a GGUF file says about itself, from its header.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gguf.h>

#include "medsynth/inference/llama/runtime.h"
#include "medsynth/inference/model_file.h"

namespace medsynth::inference {
namespace {

using Header = std::unique_ptr<gguf_context, decltype(&gguf_free)>;

// The accessors end the process when the type is not the stored one, and writers of files differ: so look
// first. `at`: of an array, one number per layer, that one.
std::int64_t integer(const gguf_context* header, const std::string& key, std::size_t at = 0) {
  const std::int64_t id = gguf_find_key(header, key.c_str());
  if (id < 0) return 0;
  gguf_type type = gguf_get_kv_type(header, id);
  const void* data = nullptr;
  if (type == GGUF_TYPE_ARRAY) {
    type = gguf_get_arr_type(header, id);
    if (type == GGUF_TYPE_STRING || at >= gguf_get_arr_n(header, id)) return 0;
    data = gguf_get_arr_data(header, id);
  } else if (type != GGUF_TYPE_STRING) {
    data = gguf_get_val_data(header, id);
    at = 0;
  }
  switch (type) {
    case GGUF_TYPE_UINT16:
      return static_cast<const std::uint16_t*>(data)[at];
    case GGUF_TYPE_INT16:
      return static_cast<const std::int16_t*>(data)[at];
    case GGUF_TYPE_UINT32:
      return static_cast<const std::uint32_t*>(data)[at];
    case GGUF_TYPE_INT32:
      return static_cast<const std::int32_t*>(data)[at];
    case GGUF_TYPE_UINT64:
      return static_cast<std::int64_t>(static_cast<const std::uint64_t*>(data)[at]);
    case GGUF_TYPE_INT64:
      return static_cast<const std::int64_t*>(data)[at];
    default:
      return 0;
  }
}

bool flag(const gguf_context* header, const std::string& key, bool fallback) {
  const std::int64_t id = gguf_find_key(header, key.c_str());
  return id >= 0 && gguf_get_kv_type(header, id) == GGUF_TYPE_BOOL ? gguf_get_val_bool(header, id) : fallback;
}

std::string text(const gguf_context* header, const std::string& key) {
  const std::int64_t id = gguf_find_key(header, key.c_str());
  return id >= 0 && gguf_get_kv_type(header, id) == GGUF_TYPE_STRING ? gguf_get_val_str(header, id) : "";
}

// Nothing but a name of a licence may go into the catalogue from here.
std::string licence(const gguf_context* header) {
  constexpr std::size_t kLongest = 100;
  std::string name = text(header, "general.license");
  const bool plain =
      name.size() <= kLongest && std::ranges::all_of(name, [](char c) { return c >= ' ' && c < '\x7f'; });
  return plain ? name : "";
}

// Far beyond every model there is, and small enough that sizes computed from them fit into 64 bits.
constexpr std::int64_t kMostLayers = 1 << 12;
constexpr std::int64_t kMostContext = 1 << 27;
constexpr std::int64_t kMostWidth = 1 << 22;
constexpr std::int64_t kMostHeads = 1 << 16;

// Where the last tensor ends, in bytes from the file's start; more than any file has where it does not fit.
std::uint64_t end_of_tensors(const gguf_context* header) {
  std::uint64_t end = 0;
  for (std::int64_t i = 0; i < gguf_get_n_tensors(header); ++i) {
    std::uint64_t one = gguf_get_data_offset(header);
    const bool fits = !__builtin_add_overflow(one, gguf_get_tensor_offset(header, i), &one) &&
                      !__builtin_add_overflow(one, gguf_get_tensor_size(header, i), &one);
    end = std::max(end, fits ? one : UINT64_MAX);
  }
  return end;
}

Error not_a_model(const std::filesystem::path& path, std::string_view why) {
  return {
      Code::invalid_argument,
      fmt::format("{} is no GGUF model file, or is damaged{}{}", path.string(), why.empty() ? "" : ": ", why),
      "not_a_model"};
}

std::int64_t vocabulary(const gguf_context* header) {
  const std::int64_t id = gguf_find_key(header, "tokenizer.ggml.tokens");
  return id >= 0 && gguf_get_kv_type(header, id) == GGUF_TYPE_ARRAY
             ? static_cast<std::int64_t>(gguf_get_arr_n(header, id))
             : 0;
}

// Tensors that the runtime keeps with the CPU, wherever the layers are: they are looked up, not computed with.
bool is_input(std::string_view name) {
  return name.starts_with("token_embd") || name.starts_with("position_embd") ||
         name.starts_with("token_types") || name.starts_with("per_layer_token_embd");
}

// The number in "blk.12.attn_q.weight"; nullopt for what belongs to no layer, or to none that there is.
std::optional<std::size_t> layer_of(std::string_view name, std::size_t layers) {
  constexpr std::string_view kPrefix = "blk.";
  std::size_t layer = 0;
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
  return error == std::errc{} && layer < layers ? std::optional(layer) : std::nullopt;
}

// Which bytes lie where. A model without an output of its own computes it with the embeddings of its tokens.
void weigh_tensors(const gguf_context* header, ModelFacts& facts) {
  facts.layer_bytes.resize(static_cast<std::size_t>(facts.layers));
  bool has_output = false;
  std::uint64_t words = 0;
  for (std::int64_t i = 0; i < gguf_get_n_tensors(header); ++i) {
    const std::string_view name = gguf_get_tensor_name(header, i);
    const std::uint64_t size = gguf_get_tensor_size(header, i);
    facts.tensor_bytes += size;
    has_output = has_output || name == "output.weight";
    if (name == "token_embd.weight") words = size;
    if (const auto layer = layer_of(name, facts.layer_bytes.size())) facts.layer_bytes[*layer] += size;
    if (is_input(name)) facts.input_bytes += size;
  }
  if (!has_output && !facts.sentence) facts.tied_bytes = words;
}

}  // namespace

Result<ModelFacts> read_facts(const std::filesystem::path& path) {
  llama::start_runtime();
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    return Error{Code::not_found, "there is no model file " + path.string(), "model_file_not_found"};
  llama::take_error();
  const Header owner(gguf_init_from_file(path.c_str(), {.no_alloc = true, .ctx = nullptr}), gguf_free);
  const gguf_context* header = owner.get();
  ModelFacts facts;
  if (header) facts.architecture = text(header, "general.architecture");
  if (facts.architecture.empty())
    return not_a_model(path, header ? "it names no architecture" : llama::take_error());
  const std::string arch = facts.architecture + ".";
  facts.sentence = !flag(header, arch + "attention.causal", true);
  facts.layers = integer(header, arch + "block_count");
  facts.dimension = integer(header, arch + "embedding_length");
  facts.feed_forward = integer(header, arch + "feed_forward_length");
  facts.context = integer(header, arch + "context_length");
  facts.vocabulary = vocabulary(header);
  facts.licence = licence(header);
  facts.inverse_layer_scale_applied = flag(header, "medsynth.inverse_layer_scale_applied", false);
  const auto below = [](std::int64_t most, auto... numbers) {
    return ((numbers >= 0 && numbers <= most) && ...);
  };
  bool plausible = below(kMostLayers, facts.layers) && below(kMostContext, facts.context) &&
                   below(kMostWidth, facts.dimension, facts.feed_forward);
  for (std::size_t i = 0; plausible && i < static_cast<std::size_t>(facts.layers); ++i) {
    const std::int64_t heads = std::max<std::int64_t>(1, integer(header, arch + "attention.head_count", i));
    const std::int64_t shared = integer(header, arch + "attention.head_count_kv", i);
    const std::int64_t keys = integer(header, arch + "attention.key_length");
    const std::int64_t values = integer(header, arch + "attention.value_length");
    plausible = below(kMostHeads, heads, shared, keys, values);
    if (!plausible) break;
    const std::int64_t own = facts.dimension / heads;
    facts.key_value_dimensions.push_back((shared > 0 ? shared : heads) *
                                         ((keys > 0 ? keys : own) + (values > 0 ? values : own)));
    plausible = below(kMostWidth, facts.key_value_dimensions.back());
  }
  if (!plausible) return not_a_model(path, "it says that it is larger than any model");
  weigh_tensors(header, facts);
  if (const std::uint64_t end = end_of_tensors(header), size = std::filesystem::file_size(path, error);
      end > size)
    return not_a_model(
        path, fmt::format("it ends after {} of {} bytes, as a download that broke off does", size, end));
  return facts;
}

}  // namespace medsynth::inference
