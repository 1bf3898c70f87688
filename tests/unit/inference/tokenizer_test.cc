#include "medsynth/inference/onnx/tokenizer.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "medsynth/base/id.h"
#include "medsynth/base/json.h"

namespace medsynth::inference::onnx {
namespace {

namespace fs = std::filesystem;

const fs::path kData(MEDSYNTH_ENTAILMENT_DATA);

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// What Hugging Face's tokenizers and SentencePiece said (tests/data/entailment/make.py).
const json::object& cases(std::string_view kind) {
  static const json::value all = *json::parse(read(kData / "cases.json"));
  return all.as_object().at(kind).as_object();
}

Ids ids_of(const json::value& array) {
  Ids ids;
  for (const json::value& each : array.as_array()) ids.push_back(each.to_number<std::int64_t>());
  return ids;
}

void expect_the_same(const Tokenizer& tokenizer, std::string_view kind) {
  for (const json::value& each : cases(kind).at("texts").as_array()) {
    const std::string text(each.at(0).as_string());
    EXPECT_EQ(tokenizer.tokens(text), ids_of(each.at(1))) << text;
  }
  for (const json::value& each : cases(kind).at("pairs").as_array()) {
    const auto pair =
        tokenizer.pair(each.at(0).as_string(), each.at(1).as_string(), each.at(2).to_number<std::size_t>());
    EXPECT_EQ(pair.ids, ids_of(each.at(3))) << each.at(0).as_string();
    EXPECT_EQ(pair.types, ids_of(each.at(4))) << each.at(0).as_string();
  }
}

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("medsynth-tokenizer-" + new_uuid())) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder& write(const std::string& name, const std::string& text) {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return *this;
  }
  std::string reason() const {
    const auto tokenizer = Tokenizer::read(path_, "bert");
    return tokenizer ? "" : tokenizer.error().reason;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// A tokenizer.json of each kind gives the ids of the library that wrote it: accents, ideographs, long words, white
// space of all sorts, what is in no vocabulary, and pairs that are cut.
TEST(Tokenizer, GivesTheIdsOfTheLibrariesThatInventedThem) {
  for (const auto& [folder, kind] : {std::pair("model", "word_piece"), std::pair("byte_pair", "byte_pair"),
                                     std::pair("unigram", "unigram")}) {
    const auto tokenizer = Tokenizer::read(kData / folder, "");
    ASSERT_TRUE(tokenizer) << kind << ": " << tokenizer.error().message;
    expect_the_same(*tokenizer, kind);
  }
}

// Without a tokenizer.json, spm.model says all, and the ids are SentencePiece's own.
TEST(Tokenizer, ReadsSentencePiece) {
  const Folder folder;
  fs::copy_file(kData / "unigram/spm.model", folder.path() / "spm.model");
  const auto tokenizer = Tokenizer::read(folder.path(), "deberta-v2");
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  expect_the_same(*tokenizer, "sentence_piece");
  const auto pair = tokenizer->pair("Aspirin", "stroke", 64);
  EXPECT_EQ(pair.ids.front(), 1);  // [CLS]
  EXPECT_EQ(pair.ids.back(), 2);   // [SEP]
  EXPECT_EQ(pair.types.back(), 1);
}

// BERT's and RoBERTa's older files hold the same: the ids are those of the newer ones.
TEST(Tokenizer, ReadsOlderFiles) {
  Folder bert, roberta;
  const auto file = [](const char* folder) { return *json::parse(read(kData / folder / "tokenizer.json")); };
  std::map<std::int64_t, std::string> lines;
  const json::value words = file("model");
  for (const auto& [piece, id] : words.at("model").at("vocab").as_object()) lines[id.as_int64()] = piece;
  std::string vocabulary;
  for (const auto& [id, piece] : lines) vocabulary += piece + "\n";
  bert.write("vocab.txt", vocabulary).write("tokenizer_config.json", R"({"do_lower_case": true})");
  const auto word_piece = Tokenizer::read(bert.path(), "bert");
  ASSERT_TRUE(word_piece) << word_piece.error().message;
  expect_the_same(*word_piece, "word_piece");

  const json::value bytes = file("byte_pair");
  std::string merges = "#version: 0.2\n";
  for (const json::value& each : bytes.at("model").at("merges").as_array())
    merges += std::string(each.at(0).as_string()) + " " + std::string(each.at(1).as_string()) + "\n";
  roberta.write("vocab.json", json::write(bytes.at("model").at("vocab"))).write("merges.txt", merges);
  const auto byte_pair = Tokenizer::read(roberta.path(), "roberta");
  ASSERT_TRUE(byte_pair) << byte_pair.error().message;
  expect_the_same(*byte_pair, "byte_pair");
}

// The names of special tokens in a claim stay text: it cannot end itself.
TEST(Tokenizer, TextNeverBecomesASpecialToken) {
  for (const char* folder : {"model", "byte_pair", "unigram"}) {
    const auto tokenizer = Tokenizer::read(kData / folder, "");
    ASSERT_TRUE(tokenizer);
    const Ids around = tokenizer->pair("a", "b", 64).ids;
    for (const std::int64_t each : tokenizer->tokens("[SEP] </s> <s> [CLS]")) {
      EXPECT_NE(each, around.front()) << folder;
      EXPECT_NE(each, around.back()) << folder;
    }
  }
}

// The longer text loses its end first; what is as long as the limit loses nothing.
TEST(Tokenizer, CutsTheLongerText) {
  const auto tokenizer = Tokenizer::read(kData / "model", "bert");
  ASSERT_TRUE(tokenizer);
  const std::string shorter = "not", longer = "not not not not not not";
  EXPECT_FALSE(tokenizer->pair(shorter, longer, 10).truncated);
  const auto cut = tokenizer->pair(longer, shorter, 8);
  EXPECT_TRUE(cut.truncated);
  EXPECT_EQ(cut.ids.size(), 8U);
  EXPECT_EQ(std::ranges::count(cut.types, 1), 2);  // the shorter one and its [SEP]
}

// What is missing or damaged says so, and what a kind cannot do is refused.
TEST(Tokenizer, SaysWhatIsWrong) {
  EXPECT_EQ(Folder().reason(), "tokenizer_missing");
  EXPECT_EQ(Folder().write("tokenizer.json", "{").reason(), "not_a_tokenizer");
  EXPECT_EQ(Folder().write("tokenizer.json", R"({"model": {"type": "WordLevel"}})").reason(),
            "not_a_tokenizer");
  EXPECT_EQ(Folder().write("spm.model", "nonsense").reason(), "not_a_tokenizer");
  EXPECT_EQ(Folder().write("vocab.txt", "a\nb\n").reason(), "not_a_tokenizer");
  const std::string spm = read(kData / "unigram/spm.model");
  for (std::size_t size = 0; size < spm.size();
       size += 97)  // cut anywhere: an error or a model, never a crash
    (void)Folder().write("spm.model", spm.substr(0, size)).reason();
}

}  // namespace
}  // namespace medsynth::inference::onnx
