#include "medsynth/inference/model_file.h"

#include <algorithm>

#include "medsynth/inference/onnx/files.h"
#include "medsynth/inference/onnx/find_runtime.h"

namespace medsynth::inference {
namespace {

constexpr std::int64_t kLargestDefaultContext = 4096;
constexpr std::int64_t kComputeBatch = 512;   // tokens computed together: the runtime's batch
constexpr std::int64_t kWantedTogether = 64;  // logits of one batch: the runtime's limit
constexpr std::int64_t kCellsTogether = 256;  // the runtime rounds a context up to that
constexpr std::int64_t kBytesPerWord = 500;   // of the tokenizer's tables, as measured

}  // namespace

Result<> check_biomedlm(const ModelFacts& facts) {
  const bool shape = facts.architecture == "gpt2" && facts.layers == 32 && facts.dimension == 2560 &&
                     facts.vocabulary == 28896;
  if (!shape || facts.inverse_layer_scale_applied) return success();
  return Error{Code::invalid_argument,
               "this file has BioMedLM's shape but not the marker medsynth.inverse_layer_scale_applied: run "
               "as it is, it "
               "would give wrong answers. docs/biomedlm.md says how to make a right one",
               "unfixed_biomedlm"};
}

Result<> check_runtime(const std::filesystem::path& path) {
  if (!onnx::is_onnx(path)) return success();
  BOOST_OUTCOME_TRY(onnx::find_runtime());
  return success();
}

std::int64_t choose_context(const ModelFacts& facts, std::int64_t wanted) {
  const std::int64_t own = facts.context > 0 ? facts.context : kLargestDefaultContext;
  return wanted > 0 ? std::min(wanted, own) : std::min(own, kLargestDefaultContext);
}

models::Footprint predict_footprint(const ModelFacts& facts, std::int64_t context) {
  // Activations of one batch in 32 bits: a few vectors of the model's width, two of the feed-forward's, the
  // attention mask.
  const std::int64_t batch = std::min(kComputeBatch, context);
  const std::int64_t compute = batch * (8 * facts.dimension + 2 * facts.feed_forward + context) * 4;
  // Logits of one slice, once computed and once handed out.
  const std::int64_t logits = facts.sentence ? 0 : 2 * kWantedTogether * facts.vocabulary * 4;
  models::Footprint footprint{.layers = {},
                              .input = facts.input_bytes,
                              .compute = static_cast<std::uint64_t>(compute + logits),
                              .host = static_cast<std::uint64_t>(facts.vocabulary * kBytesPerWord),
                              .tied = facts.tied_bytes};
  std::uint64_t output = facts.tensor_bytes - facts.input_bytes + facts.tied_bytes;
  const std::int64_t cells = (context + kCellsTogether - 1) / kCellsTogether * kCellsTogether;
  for (std::size_t i = 0; i < facts.layer_bytes.size(); ++i) {
    const std::int64_t width = i < facts.key_value_dimensions.size() ? facts.key_value_dimensions[i] : 0;
    footprint.layers.push_back(
        {facts.layer_bytes[i], facts.sentence ? 0 : static_cast<std::uint64_t>(cells * width * 2)});
    output -= facts.layer_bytes[i];
  }
  footprint.layers.push_back({.weights = output});
  return footprint;
}

}  // namespace medsynth::inference
