// What is predicted from a file's header against what the runtime reports when it loads that file, for models of
// five shapes, made here: small, and all zeros.
#include <algorithm>
#include <array>
#include <numeric>
#include <sstream>

#include <gtest/gtest.h>
#include <llama.h>

#include "medsynth/base/id.h"
#include "medsynth/inference/engine.h"
#include "medsynth/inference/model_file.h"

#include "support/gguf.h"

namespace medsynth::inference {
namespace {

namespace fs = std::filesystem;

using test::Gguf;

constexpr std::uint64_t kWords = 2000, kWidth = 128, kInner = 384, kLayers = 3, kContext = 600;

Gguf common(const std::string& architecture) {
  Gguf gguf(architecture);
  gguf.number(".block_count", kLayers)
      .number(".embedding_length", kWidth)
      .number(".context_length", kContext);
  gguf.text("tokenizer.ggml.model", "llama").words("tokenizer.ggml.tokens", kWords);
  gguf.tensor("token_embd.weight", {kWidth, kWords}).tensor("output_norm.weight", {kWidth});
  return gguf;
}

// The layers of Llama and its relatives: `queries` and `keys` are what a token's queries and keys are wide.
void add_layers(Gguf& gguf, std::uint64_t queries, std::uint64_t keys, bool biases = false) {
  gguf.number(".feed_forward_length", kInner).real(".attention.layer_norm_rms_epsilon", 1e-5F);
  for (std::uint64_t i = 0; i < kLayers; ++i) {
    const std::string blk = "blk." + std::to_string(i) + ".";
    gguf.tensor(blk + "attn_norm.weight", {kWidth}).tensor(blk + "ffn_norm.weight", {kWidth});
    gguf.tensor(blk + "attn_q.weight", {kWidth, queries})
        .tensor(blk + "attn_output.weight", {queries, kWidth});
    for (const char* name : {"attn_k", "attn_v"}) {
      gguf.tensor(blk + name + ".weight", {kWidth, keys});
      if (biases) gguf.tensor(blk + name + ".bias", {keys});
    }
    if (biases) gguf.tensor(blk + "attn_q.bias", {queries});
    gguf.tensor(blk + "ffn_gate.weight", {kWidth, kInner}).tensor(blk + "ffn_up.weight", {kWidth, kInner});
    gguf.tensor(blk + "ffn_down.weight", {kInner, kWidth});
  }
}

// An output of its own, and two heads of keys for four of queries.
Gguf grouped() {
  Gguf gguf = common("llama");
  gguf.tensor("output.weight", {kWidth, kWords});
  gguf.number(".attention.head_count", 4).number(".attention.head_count_kv", 2);
  add_layers(gguf, kWidth, kWidth / 2);
  return gguf;
}

// The same with biases, one head of keys, and an output that is the embeddings.
Gguf tied() {
  Gguf gguf = common("qwen2");
  gguf.number(".attention.head_count", 4).number(".attention.head_count_kv", 1);
  add_layers(gguf, kWidth, kWidth / 4, true);
  return gguf;
}

// Heads that are wider than the model divided by their number.
Gguf wide_heads() {
  Gguf gguf = common("gemma");
  gguf.number(".attention.head_count", 4).number(".attention.head_count_kv", 4);
  gguf.number(".attention.key_length", 96).number(".attention.value_length", 96);
  add_layers(gguf, 4 * 96, 4 * 96);
  return gguf;
}

// BioMedLM's family: positions that are looked up, one matrix for queries, keys and values.
Gguf positions() {
  Gguf gguf = common("gpt2");
  gguf.number(".attention.head_count", 4).number(".feed_forward_length", kInner);
  gguf.real(".attention.layer_norm_epsilon", 1e-5F);
  gguf.tensor("position_embd.weight", {kWidth, kContext}).tensor("output_norm.bias", {kWidth});
  for (std::uint64_t i = 0; i < kLayers; ++i) {
    const std::string blk = "blk." + std::to_string(i) + ".";
    for (const char* name : {"attn_norm", "ffn_norm"})
      for (const char* part : {".weight", ".bias"}) gguf.tensor(blk + name + part, {kWidth});
    gguf.tensor(blk + "attn_qkv.weight", {kWidth, 3 * kWidth}).tensor(blk + "attn_qkv.bias", {3 * kWidth});
    gguf.tensor(blk + "attn_output.weight", {kWidth, kWidth}).tensor(blk + "attn_output.bias", {kWidth});
    gguf.tensor(blk + "ffn_up.weight", {kWidth, kInner}).tensor(blk + "ffn_up.bias", {kInner});
    gguf.tensor(blk + "ffn_down.weight", {kInner, kWidth}).tensor(blk + "ffn_down.bias", {kWidth});
  }
  return gguf;
}

// Each layer with another number of heads, and another width inside.
Gguf uneven() {
  Gguf gguf = common("openelm");
  const std::vector<std::uint32_t> heads{2, 4, 6}, keys{1, 2, 3}, inner{128, 256, 384};
  constexpr std::uint64_t kHead = 64;
  gguf.numbers(".attention.head_count", heads).numbers(".attention.head_count_kv", keys);
  gguf.numbers(".feed_forward_length", inner).real(".attention.layer_norm_rms_epsilon", 1e-5F);
  gguf.number(".attention.key_length", kHead).number(".attention.value_length", kHead);
  for (std::uint64_t i = 0; i < kLayers; ++i) {
    const std::string blk = "blk." + std::to_string(i) + ".";
    gguf.tensor(blk + "attn_norm.weight", {kWidth}).tensor(blk + "ffn_norm.weight", {kWidth});
    gguf.tensor(blk + "attn_qkv.weight", {kWidth, kHead * (heads[i] + 2 * keys[i])});
    gguf.tensor(blk + "attn_q_norm.weight", {kHead}).tensor(blk + "attn_k_norm.weight", {kHead});
    gguf.tensor(blk + "attn_output.weight", {kHead * heads[i], kWidth});
    gguf.tensor(blk + "ffn_gate.weight", {kWidth, inner[i]})
        .tensor(blk + "ffn_up.weight", {kWidth, inner[i]});
    gguf.tensor(blk + "ffn_down.weight", {inner[i], kWidth});
  }
  return gguf;
}

// What the runtime writes into its log while it lives: "... KV buffer size =    1.50 MiB".
class Log {
 public:
  Log() {
    llama_log_get(&before_, &data_);
    llama_log_set(
        [](ggml_log_level, const char* text, void* self) { static_cast<Log*>(self)->text_ += text; }, this);
  }
  ~Log() { llama_log_set(before_, data_); }
  Log(const Log&) = delete;
  double mebibytes(const std::string& what) const {
    double sum = 0;
    for (auto at = text_.find(what); at != std::string::npos; at = text_.find(what, at + 1))
      sum += std::stod(text_.substr(text_.find('=', at) + 1));
    return sum;
  }
  const std::string& text() const { return text_; }

 private:
  ggml_log_callback before_ = nullptr;
  void* data_ = nullptr;
  std::string text_;
};

struct Shape {
  const char* name;
  Gguf (*make)();
};

void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.name;
}

class Footprint : public testing::TestWithParam<Shape> {};

// Weights and keys and values within 5 % of what is reported, layer by layer as many bytes as in the whole.
TEST_P(Footprint, IsWhatTheRuntimeReports) {
  const fs::path file = fs::canonical(testing::TempDir()) / (new_uuid() + ".gguf");
  GetParam().make().write(file);
  const auto engine = make_engine();
  const LoadOptions options{.path = file, .name = GetParam().name};
  const auto footprint = engine->footprint(options);
  ASSERT_TRUE(footprint) << footprint.error().message;
  const Log log;
  const auto model = engine->load(options);
  fs::remove(file);
  ASSERT_TRUE(model) << model.error().message << log.text();
  EXPECT_EQ(footprint->layers.size(), kLayers + 1);
  double weights = static_cast<double>(footprint->input - footprint->tied), cache = 0;
  for (const models::Layer& layer : footprint->layers) {
    weights += static_cast<double>(layer.weights);
    cache += static_cast<double>(layer.cache);
  }
  constexpr double kMebi = 1 << 20;
  const double reported = log.mebibytes("model buffer size"), keys = log.mebibytes("KV buffer size");
  EXPECT_NEAR(weights / kMebi, reported, 0.05 * reported) << log.text();
  EXPECT_NEAR(cache / kMebi, keys, 0.05 * keys) << log.text();
  EXPECT_GT(keys, 0) << log.text();
}

INSTANTIATE_TEST_SUITE_P(Shapes, Footprint,
                         testing::Values(Shape{"grouped", grouped}, Shape{"tied", tied},
                                         Shape{"wide_heads", wide_heads}, Shape{"positions", positions},
                                         Shape{"uneven", uneven}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace medsynth::inference
