#include "medsynth/inference/onnx/files.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "medsynth/inference/onnx/json_fields.h"
#include "medsynth/inference/onnx/tokenizer.h"

namespace medsynth::inference::onnx {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 2> kWeightFiles{"_data", ".data"};  // after the model's name

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool describes(const fs::path& folder) {
  return is_file(folder / "config.json") ||
         std::ranges::any_of(kTokenizerFiles, [&](auto name) { return is_file(folder / name); });
}

Result<json::value> read_config(const fs::path& folder) {
  constexpr std::uint64_t kLargest = 10'000'000;
  const fs::path path = folder / "config.json";
  if (!is_file(path)) return json::value();
  std::error_code error;
  if (fs::file_size(path, error) > kLargest || error)
    return Error{Code::invalid_argument, path.string() + " is no config.json: it is too large",
                 "not_a_model"};
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  auto config = json::parse(text.str());
  if (config) return config;
  return Error{Code::invalid_argument,
               fmt::format("{} is damaged ({})", path.string(), config.error().message), "not_a_model"};
}

// RoBERTa counts positions from behind its padding token.
std::int64_t positions_of(const json::value& config, std::string_view family) {
  constexpr std::int64_t kUsual = 512;
  const std::int64_t positions = integer_at(config, "max_position_embeddings", kUsual);
  const bool offset = family.find("roberta") != std::string_view::npos;
  return std::clamp<std::int64_t>(positions - (offset ? 2 : 0), 8, kUsual);
}

// Activations of one computation in 32 bits: a few vectors of the model's width, two of the feed-forward's, and
// attention of each head.
std::uint64_t buffers_of(const json::value& config, std::int64_t context) {
  const std::int64_t width = integer_at(config, "hidden_size", 768),
                     feed_forward = integer_at(config, "intermediate_size", 4 * width),
                     heads = integer_at(config, "num_attention_heads", 12);
  const std::int64_t floats = kTokensTogether * (8 * width + 2 * feed_forward + 2 * heads * context);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, floats)) * sizeof(float);
}

}  // namespace

bool is_onnx(const fs::path& file) {
  return file.extension() == ".onnx";
}

Result<fs::path> find_model(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const fs::path& where : {folder, folder / "onnx"}) {
    if (is_file(where / "model.onnx")) return where / "model.onnx";
    for (const fs::directory_entry& each : fs::directory_iterator(where, error))
      if (is_onnx(each.path())) found.push_back(each.path());
  }
  if (found.size() == 1) return found.front();
  if (found.empty())
    return Error{Code::not_found, fmt::format("there is no .onnx file in {}", folder.string()),
                 "model_file_not_found"};
  std::ranges::sort(found);
  return Error{Code::conflict,
               fmt::format("{} has several .onnx files: name the one that is meant, such as {}",
                           folder.string(), found.front().string()),
               "model_ambiguous"};
}

std::vector<fs::path> ModelFolder::companions() const {
  std::vector<fs::path> files;
  for (const std::string_view ending : kWeightFiles)
    if (const fs::path weights = model.string() + std::string(ending); is_file(weights))
      files.push_back(weights);
  if (is_file(folder / "config.json")) files.push_back(folder / "config.json");
  for (const std::string_view name : kTokenizerFiles)
    if (is_file(folder / name)) files.push_back(folder / name);
  return files;
}

Result<ModelFolder> read_model_folder(const fs::path& model, std::string_view labels, std::int64_t context) {
  ModelFolder out{.model = model, .folder = model.parent_path()};
  std::error_code error;
  out.bytes = fs::file_size(model, error);
  if (error)
    return Error{Code::not_found, "there is no model file " + model.string(), "model_file_not_found"};
  if (out.bytes == 0) return Error{Code::invalid_argument, model.string() + " is empty", "not_a_model"};
  for (const std::string_view ending : kWeightFiles)
    if (const auto more = fs::file_size(model.string() + std::string(ending), error); !error)
      out.bytes += more;
  if (!describes(out.folder) && describes(out.folder.parent_path())) out.folder = out.folder.parent_path();
  BOOST_OUTCOME_TRY(const auto config, read_config(out.folder));
  out.family = string_at(config, "model_type");
  BOOST_OUTCOME_TRY(out.labels, read_labels(labels, config));
  const std::int64_t own = positions_of(config, out.family);
  out.context = context > 0 ? std::min(context, own) : own;
  constexpr std::uint64_t kRuntime = 20'000'000;  // what the library itself takes
  out.predicted = out.bytes + buffers_of(config, out.context) + kRuntime;
  BOOST_OUTCOME_TRY(Tokenizer::read(out.folder, out.family));
  return out;
}

}  // namespace medsynth::inference::onnx
