// Reading GGUF headers, with files made here: a header has no weights.
#include "medsynth/inference/model_file.h"

#include <fstream>

#include <gtest/gtest.h>

#include "medsynth/base/id.h"
#include "medsynth/inference/engine.h"
#include "medsynth/inference/install.h"

#include "support/gguf.h"

namespace medsynth::inference {
namespace {

namespace fs = std::filesystem;

using test::Gguf;

struct ModelFileTest : testing::Test {
  fs::path folder = fs::canonical(testing::TempDir()) / new_uuid();
  fs::path file = folder / "model.gguf";
  ModelFileTest() { fs::create_directories(folder); }
  ~ModelFileTest() override { fs::remove_all(folder); }

  static Gguf biomedlm() {
    Gguf gguf;
    gguf.text("general.architecture", "gpt2")
        .number("gpt2.block_count", 32)
        .number("gpt2.embedding_length", 2560)
        .number("gpt2.attention.head_count", 20)
        .number("gpt2.feed_forward_length", 10240)
        .number("gpt2.context_length", 1024)
        .words("tokenizer.ggml.tokens", 28896);
    return gguf;
  }
};

// A header: what it says is read.
TEST_F(ModelFileTest, ReadsTheHeader) {
  biomedlm().write(file);
  const auto facts = read_facts(file);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->architecture, "gpt2");
  EXPECT_EQ(facts->layers, 32);
  EXPECT_EQ(facts->context, 1024);
  EXPECT_EQ(facts->vocabulary, 28896);
  EXPECT_EQ(facts->key_value_dimensions, std::vector<std::int64_t>(32, 2 * 2560));
  EXPECT_FALSE(facts->sentence);
}

// BioMedLM's shape without the marker, or with the marker false: refused before the weights are loaded, at
// every door.
TEST_F(ModelFileTest, UnfixedBioMedLmIsRefused) {
  for (const bool with_marker : {false, true}) {
    auto gguf = biomedlm();
    if (with_marker) gguf.flag("medsynth.inverse_layer_scale_applied", false);
    gguf.write(file);
    EXPECT_EQ(make_engine()->load({.path = file, .name = "biomedlm"}).error().reason, "unfixed_biomedlm");
    auto catalogue = models::Catalogue::read(folder);
    EXPECT_EQ(add_model(*catalogue, {.name = "biomedlm", .file = file.string()}).error().reason,
              "unfixed_biomedlm");
  }
}

// The same with the marker, or another shape: nothing to refuse.
TEST_F(ModelFileTest, FixedBioMedLmPasses) {
  biomedlm().flag("medsynth.inverse_layer_scale_applied", true).write(file);
  EXPECT_TRUE(check_biomedlm(*read_facts(file)));
  EXPECT_TRUE(check_biomedlm({.architecture = "gpt2", .layers = 12, .dimension = 768, .vocabulary = 50257}));
}

// No file, a folder, an empty file, other text, a header cut off: each an error, never a crash.
TEST_F(ModelFileTest, OtherFilesAreRefused) {
  EXPECT_EQ(read_facts(file).error().code, Code::not_found);
  EXPECT_EQ(read_facts(folder).error().code, Code::not_found);
  for (const std::string text : {"", "hello", "GGUF", "GGUF\3\0\0\0"}) {
    std::ofstream(file, std::ios::binary) << text;
    EXPECT_EQ(read_facts(file).error().reason, "not_a_model") << text;
  }
  biomedlm().write(file);
  fs::resize_file(file, 200);
  EXPECT_EQ(read_facts(file).error().reason, "not_a_model");
  EXPECT_EQ(make_engine()->load({.path = file, .name = "x"}).error().reason, "not_a_model");
}

// A header of the wrong types: fields count as missing.
TEST_F(ModelFileTest, WrongTypesAreNoCrash) {
  Gguf gguf;
  gguf.text("general.architecture", "gpt2")
      .text("gpt2.block_count", "many")
      .words("gpt2.embedding_length", 2)
      .number("tokenizer.ggml.tokens", 3)
      .text("gpt2.attention.causal", "no");
  gguf.write(file);
  const auto facts = read_facts(file);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->layers, 0);
  EXPECT_EQ(facts->dimension, 0);
  EXPECT_EQ(facts->vocabulary, 0);
  EXPECT_FALSE(make_engine()->load({.path = file, .name = "x"}));  // the runtime refuses it
}

// A file the operator has: entered with digest, context and memory, its path below the folder.
TEST_F(ModelFileTest, AddFillsIn) {
  biomedlm().flag("medsynth.inverse_layer_scale_applied", true).write(file);
  auto catalogue = models::Catalogue::read(folder);
  const auto added = add_model(*catalogue, {.name = "biomedlm", .file = file.string()});
  ASSERT_TRUE(added);
  EXPECT_EQ(added->name, "biomedlm");
  const models::ModelFile* entry = catalogue->find("biomedlm");
  EXPECT_EQ(entry->file, "model.gguf");
  EXPECT_EQ(entry->sha256.size(), 64U);
  EXPECT_EQ(entry->context, 1024);
  EXPECT_GE(entry->memory_mb, 335);  // keys and values alone
}

// A file of the folder's that is entered again in place of its model: the bytes are the new ones, and nothing
// else is in the folder. Under another name the same bytes are not copied again, and other bytes do not take
// the file of a model that stays.
TEST_F(ModelFileTest, ReplacingTakesTheNewFile) {
  const fs::path models = folder / "models", other = folder / "other" / "model.gguf";
  fs::create_directories(other.parent_path());
  biomedlm().flag("medsynth.inverse_layer_scale_applied", true).write(file);
  biomedlm().flag("medsynth.inverse_layer_scale_applied", true).text("general.name", "new").write(other);
  auto catalogue = models::Catalogue::read(models);
  const auto first = add_model(*catalogue, {.name = "a", .file = file.string()});
  ASSERT_TRUE(first);
  EXPECT_EQ(add_model(*catalogue, {.name = "a", .file = other.string()}).error().reason, "model_exists");
  EXPECT_EQ(add_model(*catalogue, {.name = "b", .file = other.string()}).error().reason, "file_exists");
  const auto replaced = add_model(*catalogue, {.name = "a", .file = other.string()}, {}, {.replace = true});
  ASSERT_TRUE(replaced) << replaced.error().message;
  EXPECT_NE(replaced->sha256, first->sha256);
  EXPECT_EQ(fs::file_size(models / "model.gguf"), fs::file_size(other));
  ASSERT_TRUE(add_model(*catalogue, {.name = "b", .file = other.string()}));
  EXPECT_EQ(add_model(*catalogue, {.name = "a", .file = file.string()}, {}, {.replace = true}).error().reason,
            "file_exists");
  EXPECT_EQ(remove_model(*catalogue, "a", true).error().reason, "file_in_use");
  for (const auto& each : fs::directory_iterator(models))
    EXPECT_FALSE(fs::is_directory(each)) << each.path();  // nothing half-copied
}

// A file that was fetched for the folder: it is moved there, and says under which licence it is; what is no licence's name is
// none.
TEST_F(ModelFileTest, AFetchedFileIsMoved) {
  const fs::path models = folder / "models", place = models / ".pull" / "a" / "model.gguf";
  fs::create_directories(place.parent_path());
  Gguf().text("general.architecture", "llama").text("general.license", "apache-2.0").write(place);
  auto catalogue = models::Catalogue::read(models);
  const auto added = add_model(*catalogue, {.name = "a", .file = place.string()}, {}, {.move = true});
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->file, "model.gguf");
  EXPECT_EQ(added->licence, "apache-2.0");
  EXPECT_TRUE(fs::exists(models / "model.gguf"));
  EXPECT_FALSE(fs::exists(place));
  Gguf().text("general.architecture", "llama").text("general.license", "one\nline").write(place);
  EXPECT_EQ(read_facts(place)->licence, "");
  EXPECT_EQ(add_model(*catalogue, {.name = "b", .file = place.string()}, {}, {.move = true}).error().reason,
            "file_exists");
  EXPECT_TRUE(fs::exists(place)) << "what cannot be entered stays where it is";
}

// A name that cannot be one: said before anything is copied.
TEST_F(ModelFileTest, NamesAreCheckedFirst) {
  biomedlm().flag("medsynth.inverse_layer_scale_applied", true).write(file);
  auto catalogue = models::Catalogue::read(folder / "models");
  const auto refused = add_model(*catalogue, {.name = "no/name", .file = file.string()});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
  EXPECT_FALSE(fs::exists(folder / "models"));
}

// A model that needs more than the disk has: said before it is copied, and nothing is left. A sparse file has
// any size.
TEST_F(ModelFileTest, NoRoomForACopy) {
  biomedlm().flag("medsynth.inverse_layer_scale_applied", true).write(file);
  const fs::path models = folder / "models";
  std::error_code error;
  fs::resize_file(file, fs::space(folder).capacity + (1ULL << 30U), error);
  if (error) GTEST_SKIP() << "no file system for a file of that size: " << error.message();
  auto catalogue = models::Catalogue::read(models);
  const auto refused = add_model(*catalogue, {.name = "a", .file = file.string()});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "no_room");
  EXPECT_NE(refused.error().message.find("--link"), std::string::npos);
  EXPECT_TRUE(fs::is_empty(models));
}

// The context: what is wanted, never above the model's own; 0 is the model's own, at most 4096.
TEST(ChooseContext, IsBounded) {
  EXPECT_EQ(choose_context({.context = 1024}, 0), 1024);
  EXPECT_EQ(choose_context({.context = 1024}, 512), 512);
  EXPECT_EQ(choose_context({.context = 1024}, 9999), 1024);
  EXPECT_EQ(choose_context({.context = 131072}, 0), 4096);
  EXPECT_EQ(choose_context({.context = 131072}, 8192), 8192);
  EXPECT_EQ(choose_context({}, 0), 4096);
}

// Converting what is no BERT: an error that names the file or field.
TEST_F(ModelFileTest, ConvertRefuses) {
  EXPECT_EQ(convert_bert(folder, file).error().code, Code::not_found);
  std::ofstream(folder / "config.json") << R"({"model_type":"gpt2"})";
  EXPECT_EQ(convert_bert(folder, file).error().faults.at(0).pointer, "/model_type");
  std::ofstream(folder / "config.json") << R"({"model_type":"bert","hidden_size":"x"})";
  EXPECT_EQ(convert_bert(folder, file).error().faults.at(0).pointer, "/hidden_size");
  EXPECT_FALSE(fs::exists(file));
}

}  // namespace
}  // namespace medsynth::inference
