#include "medsynth/inference/model_file.h"

#include <algorithm>

namespace medsynth::inference {
namespace {

constexpr std::int64_t kLargestDefaultContext = 4096;
constexpr std::int64_t kComputeBatch = 512;   // tokens computed together: the runtime's batch
constexpr std::int64_t kWantedTogether = 64;  // logits of one batch: the runtime's limit
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

std::int64_t choose_context(const ModelFacts& facts, std::int64_t wanted) {
  const std::int64_t own = facts.context > 0 ? facts.context : kLargestDefaultContext;
  return wanted > 0 ? std::min(wanted, own) : std::min(own, kLargestDefaultContext);
}

std::uint64_t predict_bytes(const ModelFacts& facts, std::int64_t context) {
  const std::int64_t cache = facts.sentence ? 0 : facts.layers * context * facts.key_value_dimension * 2;
  // Activations of one batch in 32 bits: a few vectors of the model's width, two of the feed-forward's, the
  // attention mask.
  const std::int64_t batch = std::min(kComputeBatch, context);
  const std::int64_t compute = batch * (8 * facts.dimension + 2 * facts.feed_forward + context) * 4;
  // Logits of one slice, once computed and once handed out.
  const std::int64_t logits = facts.sentence ? 0 : 2 * kWantedTogether * facts.vocabulary * 4;
  const std::int64_t words = facts.vocabulary * kBytesPerWord;
  return facts.tensor_bytes + static_cast<std::uint64_t>(cache + compute + logits + words);
}

}  // namespace medsynth::inference
