#include "medsynth/inference/onnx/tokenizer.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <span>

#include <fmt/format.h>

#include "medsynth/inference/onnx/json_fields.h"

namespace medsynth::inference::onnx {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargest = 100'000'000;  // bytes; the largest vocabularies have 20 million

Result<std::string> read_file(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  std::string text(error || size > kLargest ? 0 : size, '\0');
  if (error || size > kLargest || !in.read(text.data(), static_cast<std::streamsize>(size)))
    return not_a_tokenizer(fmt::format("{} cannot be read", path.filename().string()));
  return text;
}

Result<json::value> read_json_file(const fs::path& path) {
  BOOST_OUTCOME_TRY(const std::string text, read_file(path));
  auto value = json::parse(text);
  if (!value)
    return not_a_tokenizer(
        fmt::format("{} is damaged ({})", path.filename().string(), value.error().message));
  return value;
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// A file that may be absent; null then.
Result<json::value> read_optional(const fs::path& path) {
  return is_there(path) ? read_json_file(path) : json::value();
}

// Pieces with their ids, as WordPiece and BPE have them.
Result<ByText<std::int64_t>> vocabulary_of(const json::value& vocabulary) {
  ByText<std::int64_t> out;
  if (!vocabulary.is_object() || vocabulary.get_object().empty())
    return not_a_tokenizer("it has no vocabulary");
  for (const auto& [piece, id] : vocabulary.get_object()) {
    if (!id.is_int64() || id.get_int64() < 0) return not_a_tokenizer("an id of its vocabulary is no number");
    out.emplace(std::string(piece), id.get_int64());
  }
  return out;
}

Result<std::int64_t> id_in(const ByText<std::int64_t>& vocabulary, std::string_view piece) {
  const auto found = vocabulary.find(piece);
  if (found == vocabulary.end())
    return not_a_tokenizer(fmt::format("there is no {} in its vocabulary", piece));
  return found->second;
}

// "a b" in older files, ["a", "b"] in newer ones.
std::optional<std::pair<std::string, std::string>> merge_of(const json::value& merge) {
  if (merge.is_array() && merge.get_array().size() == 2 && merge.get_array()[0].is_string() &&
      merge.get_array()[1].is_string())
    return std::pair(std::string(merge.get_array()[0].get_string()),
                     std::string(merge.get_array()[1].get_string()));
  if (!merge.is_string()) return std::nullopt;
  const std::string_view text = merge.get_string();
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return std::pair(std::string(text.substr(0, space)), std::string(text.substr(space + 1)));
}

// The step of that kind, alone or in a Sequence; null: none.
const json::value& step_of_kind(const json::value& step, std::string_view kind, std::string_view list) {
  if (string_at(step, "type") == kind) return step;
  for (const json::value& each : array_at(step, list))
    if (const json::value& found = step_of_kind(each, kind, list); !found.is_null()) return found;
  return at(step, "");
}

Result<std::shared_ptr<const Pieces>> read_word_pieces(const json::value& file) {
  const json::value& model = at(file, "model");
  if (step_of_kind(at(file, "pre_tokenizer"), "BertPreTokenizer", "pretokenizers").is_null())
    return not_a_tokenizer("its words are not cut as BERT's");
  WordPieceModel out{.continuation = string_at(model, "continuing_subword_prefix", "##"),
                     .longest = static_cast<std::size_t>(integer_at(model, "max_input_chars_per_word", 100))};
  BOOST_OUTCOME_TRY(out.vocabulary, vocabulary_of(at(model, "vocab")));
  BOOST_OUTCOME_TRY(out.unknown, id_in(out.vocabulary, string_at(model, "unk_token", "[UNK]")));
  return std::shared_ptr<const Pieces>(word_piece(std::move(out)));
}

Result<std::shared_ptr<const Pieces>> read_unigram(const json::value& file) {
  const json::value& model = at(file, "model");
  const json::value& metaspace = step_of_kind(at(file, "pre_tokenizer"), "Metaspace", "pretokenizers");
  if (metaspace.is_null() || string_at(metaspace, "replacement", "\u2581") != "\u2581")
    return not_a_tokenizer("its words do not begin with U+2581");
  if (bool_at(model, "byte_fallback", false)) return not_a_tokenizer("it falls back to bytes");
  std::set<std::int64_t> special;
  for (const json::value& each : array_at(file, "added_tokens"))
    if (bool_at(each, "special", false)) special.insert(integer_at(each, "id", -1));
  UnigramModel out{.unknown = integer_at(model, "unk_id", -1),
                   .prefix = bool_at(metaspace, "add_prefix_space", true) &&
                             string_at(metaspace, "prepend_scheme", "always") != "never"};
  std::int64_t id = 0;
  for (const json::value& each : array_at(model, "vocab")) {
    const json::array* piece = each.if_array();
    if (!piece || piece->size() != 2 || !(*piece)[0].is_string() || !(*piece)[1].is_number())
      return not_a_tokenizer("its vocabulary is damaged");
    if (id != out.unknown && !special.contains(id) && !(*piece)[0].get_string().empty())
      out.pieces.emplace(std::string((*piece)[0].get_string()),
                         std::pair(id, (*piece)[1].to_number<double>()));
    ++id;
  }
  if (out.pieces.empty() || out.unknown < 0 || out.unknown >= id)
    return not_a_tokenizer("it has no vocabulary, or no token for what is unknown");
  return std::shared_ptr<const Pieces>(unigram(std::move(out)));
}

Result<std::shared_ptr<const Pieces>> read_byte_pair(const json::value& file) {
  const json::value& model = at(file, "model");
  const json::value& bytes = step_of_kind(at(file, "pre_tokenizer"), "ByteLevel", "pretokenizers");
  if (bytes.is_null() || !bool_at(bytes, "use_regex", true))
    return not_a_tokenizer("its words are not cut into bytes as GPT-2's");
  BytePairModel out{.prefix_space = bool_at(bytes, "add_prefix_space", true)};
  BOOST_OUTCOME_TRY(out.vocabulary, vocabulary_of(at(model, "vocab")));
  for (const json::value& each : array_at(model, "merges")) {
    auto merge = merge_of(each);
    if (!merge) return not_a_tokenizer("its merges are damaged");
    out.merges.push_back(std::move(*merge));
  }
  BOOST_OUTCOME_TRY(auto pieces, byte_pair(std::move(out)));
  return std::shared_ptr<const Pieces>(std::move(pieces));
}

// Of a SentencePiece model, a protocol buffer: its numbered fields, those of wire types 0, 1, 2 and 5.
struct ProtoField {
  std::uint64_t number = 0, value = 0;  // of wire type 0
  std::string_view bytes;               // of the others
};
std::optional<std::vector<ProtoField>> proto_fields(std::string_view text) {
  std::vector<ProtoField> fields;
  const auto varint = [&]() -> std::optional<std::uint64_t> {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 64 && !text.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(text.front());
      text.remove_prefix(1);
      out |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return out;
    }
    return std::nullopt;
  };
  while (!text.empty()) {
    const auto key = varint();
    if (!key) return std::nullopt;
    ProtoField field{.number = *key >> 3U};
    std::optional<std::uint64_t> size;
    switch (*key & 7U) {
      case 0:
        if (const auto value = varint()) {
          field.value = *value;
          size = 0;
        }
        break;
      case 1:
        size = 8;
        break;
      case 2:
        size = varint();
        break;
      case 5:
        size = 4;
        break;
      default:
        break;
    }
    if (!size || *size > text.size()) return std::nullopt;
    field.bytes = text.substr(0, *size);
    text.remove_prefix(*size);
    fields.push_back(field);
  }
  return fields;
}

float float_of(std::string_view bytes) {
  float out = 0;
  if (bytes.size() == sizeof out) std::memcpy(&out, bytes.data(), sizeof out);
  return out;
}

// The field's bytes in a message that may lack it.
std::string_view bytes_of(std::span<const ProtoField> fields, std::uint64_t number) {
  const auto found = std::ranges::find(fields, number, &ProtoField::number);
  return found == fields.end() ? std::string_view() : found->bytes;
}

std::uint64_t value_of(std::span<const ProtoField> fields, std::uint64_t number, std::uint64_t fallback) {
  const auto found = std::ranges::find(fields, number, &ProtoField::number);
  return found == fields.end() ? fallback : found->value;
}

}  // namespace

Result<Tokenizer> Tokenizer::read(const fs::path& folder, std::string_view family) {
  Result<Tokenizer> tokenizer = [&]() -> Result<Tokenizer> {
    if (is_there(folder / "tokenizer.json")) {
      BOOST_OUTCOME_TRY(const auto file, read_json_file(folder / "tokenizer.json"));
      return read_json(file);
    }
    if (is_there(folder / "spm.model")) return read_sentence_piece(folder);
    if (is_there(folder / "vocab.txt")) return read_vocabulary(folder);
    if (is_there(folder / "vocab.json") && is_there(folder / "merges.txt")) return read_byte_pairs(folder);
    return Error{
        Code::not_found,
        fmt::format("the model has no tokenizer: put its tokenizer.json (or vocab.txt, spm.model, or "
                    "vocab.json and merges.txt) into {}, beside the .onnx file",
                    folder.string()),
        "tokenizer_missing"};
  }();
  if (tokenizer && tokenizer->slots_.empty())
    return not_a_tokenizer(fmt::format("nothing says what stands between two texts of a {} model", family));
  return tokenizer;
}

Result<Tokenizer> Tokenizer::read_json(const json::value& file) {
  Tokenizer out;
  BOOST_OUTCOME_TRY(out.steps_, read_normalizer(at(file, "normalizer")));
  const json::value& model = at(file, "model");
  // Old files have no type.
  const std::string type = string_at(model, "type", at(model, "merges").is_array() ? "BPE" : "WordPiece");
  if (type == "WordPiece") {
    BOOST_OUTCOME_TRY(out.pieces_, read_word_pieces(file));
  } else if (type == "Unigram") {
    BOOST_OUTCOME_TRY(out.pieces_, read_unigram(file));
  } else if (type == "BPE") {
    BOOST_OUTCOME_TRY(out.pieces_, read_byte_pair(file));
  } else {
    return not_a_tokenizer(fmt::format("its kind {} is not known", type));
  }
  BOOST_OUTCOME_TRY(out.read_template(at(file, "post_processor")));
  return out;
}

// The special tokens of one processor, alone or in a Sequence.
Result<> Tokenizer::read_template(const json::value& processor) {
  const std::string type = string_at(processor, "type");
  for (const json::value& each : array_at(processor, "processors")) {
    BOOST_OUTCOME_TRY(read_template(each));
  }
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    const json::array &begin = array_at(processor, "cls"), &end = array_at(processor, "sep");
    if (begin.size() != 2 || end.size() != 2 || !begin[1].is_int64() || !end[1].is_int64())
      return not_a_tokenizer("its special tokens are damaged");
    surround(begin[1].get_int64(), end[1].get_int64(), type == "RobertaProcessing");
  }
  if (type != "TemplateProcessing") return success();
  for (const json::value& each : array_at(processor, "pair")) {
    if (const json::value& text = at(each, "Sequence"); text.is_object()) {
      slots_.push_back(
          {.text = string_at(text, "id") == "A" ? 1 : 2, .type = integer_at(text, "type_id", 0)});
      continue;
    }
    const json::value& special = at(each, "SpecialToken");
    for (const json::value& id :
         array_at(at(at(processor, "special_tokens"), string_at(special, "id")), "ids"))
      if (id.is_int64()) slots_.push_back({.id = id.get_int64(), .type = integer_at(special, "type_id", 0)});
  }
  const auto texts = std::ranges::count_if(slots_, [](const Slot& slot) { return slot.text > 0; });
  if (texts != 2) return not_a_tokenizer("its template is not of two texts");
  return success();
}

// [CLS] a [SEP] b [SEP] with types 0 and 1, or RoBERTa's <s> a </s></s> b </s> with one type.
void Tokenizer::surround(std::int64_t begin, std::int64_t end, bool roberta) {
  const std::int64_t second = roberta ? 0 : 1;
  slots_ = {{.id = begin}, {.text = 1}, {.id = end}};
  if (roberta) slots_.push_back({.id = end});
  slots_.push_back({.text = 2, .type = second});
  slots_.push_back({.id = end, .type = second});
}

// BERT's vocab.txt: a piece a line, its number is its id.
Result<Tokenizer> Tokenizer::read_vocabulary(const fs::path& folder) {
  BOOST_OUTCOME_TRY(const std::string text, read_file(folder / "vocab.txt"));
  BOOST_OUTCOME_TRY(const auto config, read_optional(folder / "tokenizer_config.json"));
  WordPieceModel model;
  std::int64_t id = 0;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    model.vocabulary.insert_or_assign(std::string(line), id++);
  }
  BOOST_OUTCOME_TRY(model.unknown, id_in(model.vocabulary, "[UNK]"));
  BOOST_OUTCOME_TRY(const auto begin, id_in(model.vocabulary, "[CLS]"));
  BOOST_OUTCOME_TRY(const auto end, id_in(model.vocabulary, "[SEP]"));
  BertSteps steps{.chinese = bool_at(config, "tokenize_chinese_chars", true),
                  .lowercase = bool_at(config, "do_lower_case", true)};
  steps.strip_accents = bool_at(config, "strip_accents", steps.lowercase);
  Tokenizer out;
  out.steps_ = {bert_step(steps)};
  out.pieces_ = word_piece(std::move(model));
  out.surround(begin, end, false);
  return out;
}

// DeBERTa's spm.model. A ModelProto: its pieces (1: piece, 2: score, 3: kind), and the rules of its normaliser
// (3: with 2: the rules, 3: a space at the beginning, 4: single spaces). The ids are the numbers of the pieces.
Result<Tokenizer> Tokenizer::read_sentence_piece(const fs::path& folder) {
  constexpr std::uint64_t kNormal = 1, kUnknown = 2, kUserDefined = 4;
  BOOST_OUTCOME_TRY(const std::string text, read_file(folder / "spm.model"));
  const Error damaged = not_a_tokenizer("spm.model is damaged, or no model of SentencePiece");
  const auto model = proto_fields(text);
  if (!model) return damaged;
  UnigramModel out{.unknown = -1};
  std::optional<std::int64_t> begin, end;
  std::int64_t id = 0;
  for (const ProtoField& field : *model) {
    if (field.number != 1) continue;
    const auto piece = proto_fields(field.bytes);
    if (!piece) return damaged;
    const std::string name(bytes_of(*piece, 1));
    const std::uint64_t kind = value_of(*piece, 3, kNormal);
    if (kind == kUnknown) out.unknown = id;
    if (name == "[CLS]" || name == "<s>") begin = id;
    if (name == "[SEP]" || name == "</s>") end = id;
    if (!name.empty() && (kind == kNormal || kind == kUserDefined))
      out.pieces.emplace(name, std::pair(id, static_cast<double>(float_of(bytes_of(*piece, 2)))));
    ++id;
  }
  const auto trainer = proto_fields(bytes_of(*model, 2));
  const auto normaliser = proto_fields(bytes_of(*model, 3));
  if (!trainer || !normaliser || out.unknown < 0 || out.pieces.empty()) return damaged;
  if (value_of(*trainer, 3, 1) != 1)
    return not_a_tokenizer("spm.model is not of SentencePiece's Unigram kind");
  if (!begin || !end) return not_a_tokenizer("spm.model has no [CLS] and [SEP]");
  Tokenizer made;
  if (const std::string rules(bytes_of(*normaliser, 2)); !rules.empty()) {
    BOOST_OUTCOME_TRY(auto step, charsmap_step(rules));
    made.steps_.push_back(std::move(step));
  }
  if (value_of(*normaliser, 4, 1) != 0) made.steps_.push_back(single_spaces_step());
  out.prefix = value_of(*normaliser, 3, 1) != 0;
  made.pieces_ = unigram(std::move(out));
  made.surround(*begin, *end, false);
  return made;
}

// RoBERTa's vocab.json and merges.txt.
Result<Tokenizer> Tokenizer::read_byte_pairs(const fs::path& folder) {
  BOOST_OUTCOME_TRY(const auto vocabulary, read_json_file(folder / "vocab.json"));
  BOOST_OUTCOME_TRY(const std::string merges, read_file(folder / "merges.txt"));
  BOOST_OUTCOME_TRY(const auto config, read_optional(folder / "tokenizer_config.json"));
  BytePairModel model{.prefix_space = bool_at(config, "add_prefix_space", false)};
  BOOST_OUTCOME_TRY(model.vocabulary, vocabulary_of(vocabulary));
  BOOST_OUTCOME_TRY(const auto begin, id_in(model.vocabulary, "<s>"));
  BOOST_OUTCOME_TRY(const auto end, id_in(model.vocabulary, "</s>"));
  for (std::string_view rest = merges; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty() || line.starts_with("#version")) continue;
    auto merge = merge_of(json::value(line));
    if (!merge) return not_a_tokenizer("merges.txt is damaged");
    model.merges.push_back(std::move(*merge));
  }
  Tokenizer out;
  BOOST_OUTCOME_TRY(out.pieces_, byte_pair(std::move(model)));
  out.surround(begin, end, true);
  return out;
}

Ids Tokenizer::tokens(std::string_view text) const {
  std::string normalised(text);
  for (const Step& step : steps_) normalised = step(std::move(normalised));
  return pieces_->cut(normalised);
}

TokenPair Tokenizer::pair(std::string_view first, std::string_view second, std::size_t limit) const {
  std::array<Ids, 2> texts{tokens(first), tokens(second)};
  const std::size_t around = slots_.size() - 2;
  const std::size_t room = limit > around ? limit - around : 0;
  TokenPair out;
  out.truncated = texts[0].size() + texts[1].size() > room;
  if (out.truncated) {
    // The longer one is cut down to the shorter one, then both alike.
    Ids &longer = texts[0].size() >= texts[1].size() ? texts[0] : texts[1],
        &shorter = &longer == texts.data() ? texts[1] : texts[0];
    longer.resize(std::max(room - std::min(room, shorter.size()), (room + 1) / 2));
    shorter.resize(std::min(shorter.size(), room - longer.size()));
  }
  for (const Slot& slot : slots_) {
    if (slot.text > 0) {
      const Ids& ids = texts[static_cast<std::size_t>(slot.text - 1)];
      out.ids.insert(out.ids.end(), ids.begin(), ids.end());
    } else {
      out.ids.push_back(slot.id);
    }
    out.types.resize(out.ids.size(), slot.type);
  }
  return out;
}

}  // namespace medsynth::inference::onnx
