// A sentence model of BERT's shape, from Hugging Face's layout to GGUF, with the names and keys that
// llama.cpp reads.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <ggml.h>
#include <gguf.h>

#include "medsynth/base/described.h"
#include "medsynth/inference/llama/runtime.h"
#include "medsynth/inference/model_file.h"
#include "medsynth/inference/safetensors.h"

namespace medsynth::inference {
namespace {

// The part of config.json that matters.
struct BertConfig {
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t max_position_embeddings = 0;
  std::int64_t num_attention_heads = 0;
  std::int64_t num_hidden_layers = 0;
  std::int64_t type_vocab_size = 0;
  double layer_norm_eps = 0;
};
BOOST_DESCRIBE_STRUCT(BertConfig, (),
                      (hidden_size, intermediate_size, max_position_embeddings, num_attention_heads,
                       num_hidden_layers, type_vocab_size, layer_norm_eps))

enum TokenType : std::int32_t { kNormal = 1, kControl = 3 };  // numbers of the GGUF format

// Which of llama.cpp's keys names each special token of a WordPiece vocabulary.
struct Special {
  std::string_view token;
  const char* key;
};
constexpr std::array kSpecial{Special{"[PAD]", "tokenizer.ggml.padding_token_id"},
                              Special{"[UNK]", "tokenizer.ggml.unknown_token_id"},
                              Special{"[CLS]", "tokenizer.ggml.bos_token_id"},
                              Special{"[SEP]", "tokenizer.ggml.seperator_token_id"},  // spelt so
                              Special{"[MASK]", "tokenizer.ggml.mask_token_id"}};

struct Named {
  std::string from, to;
};
const std::vector<Named> kOutside{{"embeddings.word_embeddings", "token_embd"},
                                  {"embeddings.position_embeddings", "position_embd"},
                                  {"embeddings.token_type_embeddings", "token_types"},
                                  {"embeddings.LayerNorm", "token_embd_norm"}};
const std::vector<Named> kInLayer{{"attention.self.query", "attn_q"},
                                  {"attention.self.key", "attn_k"},
                                  {"attention.self.value", "attn_v"},
                                  {"attention.output.dense", "attn_output"},
                                  {"attention.output.LayerNorm", "attn_output_norm"},
                                  {"intermediate.dense", "ffn_up"},
                                  {"output.dense", "ffn_down"},
                                  {"output.LayerNorm", "layer_output_norm"}};

Result<std::string> read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return Error{Code::not_found, "cannot read " + file.string(), "model_file_not_found"};
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<BertConfig> read_config(const std::filesystem::path& file) {
  BOOST_OUTCOME_TRY(const std::string text, read_text(file));
  BOOST_OUTCOME_TRY(auto value, json::parse(text));
  if (!value.is_object() || !value.get_object().contains("model_type") ||
      value.get_object()["model_type"] != "bert")
    return invalid("/model_type", "must be \"bert\" in config.json");
  json::object known;
  for (const std::string_view name : described::member_names<BertConfig>()) {
    if (const json::value* member = value.get_object().if_contains(name)) known[name] = *member;
  }
  BOOST_OUTCOME_TRY(auto config, described::from_value<BertConfig>(known));
  if (config.num_hidden_layers < 1 || config.num_attention_heads < 1 || config.hidden_size < 1)
    return invalid("/num_hidden_layers", "and the other sizes in config.json must be positive");
  return config;
}

class BertWriter {
 public:
  BertWriter(const BertConfig& config, const Safetensors& source)
      : config_(config),
        source_(source),
        file_(gguf_init_empty(), gguf_free),
        tensors_(
            ggml_init(
                {.mem_size = kTensors * ggml_tensor_overhead(), .mem_buffer = nullptr, .no_alloc = true}),
            ggml_free) {}

  void add_facts() {
    gguf_context* file = file_.get();
    gguf_set_val_str(file, "general.architecture", "bert");
    gguf_set_val_u32(file, "general.file_type", 0);  // all 32-bit floats
    set("bert.block_count", config_.num_hidden_layers);
    set("bert.context_length", config_.max_position_embeddings);
    set("bert.embedding_length", config_.hidden_size);
    set("bert.feed_forward_length", config_.intermediate_size);
    set("bert.attention.head_count", config_.num_attention_heads);
    gguf_set_val_f32(file, "bert.attention.layer_norm_epsilon", static_cast<float>(config_.layer_norm_eps));
    gguf_set_val_bool(file, "bert.attention.causal", false);
    set("bert.pooling_type", 1);  // mean
  }

  // WordPiece as llama.cpp searches it: a word's start is marked with a low line, the marks of continuations
  // are gone.
  void add_vocabulary(const std::string& text) {
    std::vector<std::string> tokens;
    std::vector<std::int32_t> types;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      std::string token = text.substr(at, end - at);
      if (token.ends_with('\r')) token.pop_back();
      at = end + 1;
      const auto special = std::find_if(kSpecial.begin(), kSpecial.end(),
                                        [&](const Special& each) { return each.token == token; });
      types.push_back(special == kSpecial.end() ? kNormal : kControl);
      if (special != kSpecial.end())
        set(special->key, static_cast<std::int64_t>(tokens.size()));
      else if (token.starts_with("##"))
        token.erase(0, 2);
      else
        token.insert(0, "\xe2\x96\x81");
      tokens.push_back(std::move(token));
    }
    std::vector<const char*> pointers;
    for (const std::string& token : tokens) pointers.push_back(token.c_str());
    gguf_set_val_str(file_.get(), "tokenizer.ggml.model", "bert");
    gguf_set_val_str(file_.get(), "tokenizer.ggml.pre", "default");
    set("tokenizer.ggml.token_type_count", config_.type_vocab_size);
    gguf_set_arr_str(file_.get(), "tokenizer.ggml.tokens", pointers.data(), pointers.size());
    gguf_set_arr_data(file_.get(), "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), types.size());
    vocabulary_ = static_cast<std::int64_t>(tokens.size());
  }

  Result<> add_tensors() {
    const std::int64_t width = config_.hidden_size;
    BOOST_OUTCOME_TRY(add(kOutside[0], "weight", {vocabulary_, width}));
    BOOST_OUTCOME_TRY(add(kOutside[1], "weight", {config_.max_position_embeddings, width}));
    BOOST_OUTCOME_TRY(add(kOutside[2], "weight", {config_.type_vocab_size, width}));
    BOOST_OUTCOME_TRY(add(kOutside[3], "weight", {width}));
    BOOST_OUTCOME_TRY(add(kOutside[3], "bias", {width}));
    for (std::int64_t layer = 0; layer < config_.num_hidden_layers; ++layer) {
      for (const Named& part : kInLayer) {
        const Named name{fmt::format("encoder.layer.{}.{}", layer, part.from),
                         fmt::format("blk.{}.{}", layer, part.to)};
        const bool norm = part.to.ends_with("norm");
        const std::int64_t rows = part.to == "ffn_up" ? config_.intermediate_size : width;
        const std::int64_t columns = part.to == "ffn_down" ? config_.intermediate_size : width;
        BOOST_OUTCOME_TRY(add(name, "weight", norm ? std::vector{width} : std::vector{rows, columns}));
        BOOST_OUTCOME_TRY(add(name, "bias", {rows}));
      }
    }
    return success();
  }

  bool write(const std::filesystem::path& out) const {
    return gguf_write_to_file(file_.get(), out.c_str(), false);
  }

 private:
  static constexpr std::size_t kTensors = 4096;  // descriptions only: enough for 250 layers

  void set(const char* key, std::int64_t value) {
    gguf_set_val_u32(file_.get(), key, static_cast<std::uint32_t>(value));
  }

  Result<> add(const Named& name, std::string_view part, const std::vector<std::int64_t>& shape) {
    BOOST_OUTCOME_TRY(const auto bytes, source_.floats(fmt::format("{}.{}", name.from, part), shape));
    const std::vector<std::int64_t> columns_first(shape.rbegin(), shape.rend());
    ggml_tensor* tensor =
        ggml_new_tensor(tensors_.get(), GGML_TYPE_F32, static_cast<int>(shape.size()), columns_first.data());
    if (!tensor) return Error{Code::invalid_argument, "the model has too many layers", "not_a_model"};
    ggml_set_name(tensor, fmt::format("{}.{}", name.to, part).c_str());
    tensor->data = const_cast<char*>(bytes.data());  // only read
    gguf_add_tensor(file_.get(), tensor);
    return success();
  }

  const BertConfig& config_;
  const Safetensors& source_;
  std::unique_ptr<gguf_context, decltype(&gguf_free)> file_;
  std::unique_ptr<ggml_context, decltype(&ggml_free)> tensors_;
  std::int64_t vocabulary_ = 0;
};

}  // namespace

Result<> convert_bert(const std::filesystem::path& folder, const std::filesystem::path& out) {
  llama::start_runtime();
  BOOST_OUTCOME_TRY(const BertConfig config, read_config(folder / "config.json"));
  BOOST_OUTCOME_TRY(const std::string vocabulary, read_text(folder / "vocab.txt"));
  BOOST_OUTCOME_TRY(const Safetensors source, Safetensors::read(folder / "model.safetensors"));
  BertWriter writer(config, source);
  writer.add_facts();
  writer.add_vocabulary(vocabulary);
  BOOST_OUTCOME_TRY(writer.add_tensors());
  const std::filesystem::path fresh = fmt::format("{}.{}.part", out.string(), getpid());
  std::error_code error;
  if (writer.write(fresh))
    std::filesystem::rename(fresh, out, error);
  else
    error = std::make_error_code(std::errc::io_error);
  if (!error) return success();
  std::filesystem::remove(fresh, error);
  return Error{Code::internal, fmt::format("cannot write {}: is the disk full?", out.string()), ""};
}

}  // namespace medsynth::inference
