// Entailment models by ONNX Runtime, on the tiny model of tests/data/entailment: where one text has more of the word
// "not", it says contradiction.
#include <cmath>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "medsynth/base/id.h"
#include "medsynth/inference/engine.h"
#include "medsynth/inference/install.h"
#include "medsynth/inference/onnx/files.h"
#include "medsynth/inference/onnx/find_runtime.h"

namespace medsynth::inference {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const fs::path kModel = fs::path(MEDSYNTH_ENTAILMENT_DATA) / "model";

class Entails : public testing::Test {
 protected:
  Entails() : folder_(fs::temp_directory_path() / ("medsynth-entailment-" + new_uuid())) {
    fs::create_directories(folder_);
    fs::copy(kModel, folder_ / "model", fs::copy_options::recursive);
  }
  ~Entails() override { fs::remove_all(folder_); }

  void SetUp() override {
    if (const auto runtime = onnx::find_runtime(); !runtime) GTEST_SKIP() << runtime.error().message;
  }

  Result<std::shared_ptr<Model>> load(const std::string& labels = "") {
    return make_engine()->load({.path = file(), .name = "tiny", .threads = 1, .labels = labels});
  }
  fs::path file() const { return folder_ / "model" / "model.onnx"; }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / "model" / name, std::ios::binary) << text;
  }
  std::string reason_of_loading(const std::string& labels = "") {
    const auto loaded = load(labels);
    return loaded ? "" : loaded.error().reason;
  }

  fs::path folder_;
};

// Pairs of different lengths in one call: each has its own answer, probabilities that sum to 1, and the same one
// alone.
TEST_F(Entails, AnswersPairs) {
  const auto model = load();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->info().kind, "entailment");
  const std::vector<TextPair> pairs{
      {"Aspirin reduces stroke.", "Aspirin does not reduce stroke."},
      {"Aspirin reduces stroke.", "Aspirin reduces the risk of stroke in adults."},
      {"It is not effective.", "It is not safe."}};
  const auto answers = (*model)->entail(pairs, {});
  ASSERT_TRUE(answers) << answers.error().message;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Entailment& each = (*answers)[i];
    EXPECT_EQ(each.contradiction > each.entailment, i == 0) << i;
    EXPECT_NEAR(std::exp(each.contradiction) + std::exp(each.entailment) + std::exp(each.neutral), 1, 1e-6);
    const auto alone = (*model)->entail(std::span(pairs).subspan(i, 1), {});
    ASSERT_TRUE(alone);
    EXPECT_NEAR(alone->front().contradiction, each.contradiction, 1e-5);
    EXPECT_FALSE(each.truncated);
  }
}

// Longer than the context: the answer says so.
TEST_F(Entails, SaysThatItCut) {
  const auto model = load();
  ASSERT_TRUE(model);
  std::string longest;
  for (int i = 0; i < 600; ++i) longest += "risk ";
  const std::vector<TextPair> pairs{{longest, "not"}};
  const auto answers = (*model)->entail(pairs, {});
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_TRUE(answers->front().truncated);
  EXPECT_EQ(answers->front().tokens, 512);
  EXPECT_GT(answers->front().contradiction, answers->front().entailment);  // the shorter text is whole
}

// A computation that would take hours ends when it is asked to, or at its deadline; the model stays usable.
TEST_F(Entails, EndsWhenItIsTime) {
  const auto model = load();
  ASSERT_TRUE(model);
  const std::vector<TextPair> endless{{"an endless process", "a process"}};
  const auto late = (*model)->entail(endless, {.deadline = std::chrono::steady_clock::now() + 100ms});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::timeout);
  std::stop_source stop;
  std::jthread asks([&] {
    std::this_thread::sleep_for(50ms);
    stop.request_stop();
  });
  const auto stopped = (*model)->entail(endless, {.stop = stop.get_token()});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::cancelled);
  const std::vector<TextPair> usual{{"not", "safe"}};
  EXPECT_TRUE((*model)->entail(usual, {}));
}

// A model that gives NaN, an empty text, and what such a model cannot do.
TEST_F(Entails, RefusesWithTheReason) {
  const auto model = load();
  ASSERT_TRUE(model);
  const std::vector<TextPair> damaged{{"damaged", "tissue"}}, empty{{"a", ""}};
  EXPECT_EQ((*model)->entail(damaged, {}).error().reason, "not_a_number");
  EXPECT_EQ((*model)->entail(empty, {}).error().code, Code::invalid_argument);
  const std::vector<Prompt> prompts{{.text = "a"}};
  const std::vector<std::string> labels{"b"};
  EXPECT_EQ((*model)->score(prompts, labels, {}).error().reason, "not_a_language_model");
  EXPECT_EQ((*model)->embed(labels, {}).error().reason, "not_a_sentence_model");
}

// The order of the outputs comes from the catalogue, else from config.json; where neither says it, nothing is loaded.
TEST_F(Entails, KnowsWhichOutputIsWhich) {
  const std::vector<TextPair> opposed{{"safe", "not safe"}};
  const auto turned = load("entailment, contradiction, neutral");
  ASSERT_TRUE(turned);
  const auto answer = (*turned)->entail(opposed, {});
  ASSERT_TRUE(answer);
  EXPECT_GT(answer->front().entailment, answer->front().contradiction);
  write("config.json", R"({"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}})");
  const auto unknown = load();
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().reason, "unknown_labels");
  EXPECT_NE(unknown.error().message.find("--labels"), std::string::npos) << unknown.error().message;
  EXPECT_TRUE(load("CONTRADICTION,ENTAILMENT,NEUTRAL"));
  EXPECT_EQ(reason_of_loading("entailment,not_entailment"), "unknown_labels");
  const auto fewer = load("contradiction,entailment");
  ASSERT_TRUE(fewer);  // the number of outputs shows when it is asked
  EXPECT_EQ((*fewer)->entail(opposed, {}).error().reason, "unknown_labels");
}

// Files that are not whole.
TEST_F(Entails, DamagedFilesAreRefused) {
  fs::remove(file().parent_path() / "tokenizer.json");
  EXPECT_EQ(reason_of_loading(), "tokenizer_missing");
  fs::copy_file(kModel / "tokenizer.json", file().parent_path() / "tokenizer.json");
  fs::resize_file(file(), fs::file_size(file()) / 2);
  EXPECT_EQ(reason_of_loading(), "not_a_model");
  fs::resize_file(file(), 0);
  EXPECT_EQ(reason_of_loading(), "not_a_model");
}

// Adding a folder copies all that belongs to the model, fills in what it says, and is refused as a whole where
// something is wrong; removing takes the folder away.
TEST_F(Entails, AreAddedAsFolders) {
  const fs::path models = folder_ / "models";
  auto catalogue = models::Catalogue::read(models);
  ASSERT_TRUE(catalogue);
  const std::string source = (folder_ / "model").string();
  EXPECT_EQ(add_model(*catalogue, {.name = "tiny", .file = source, .labels = "entailment,other,neutral"})
                .error()
                .reason,
            "unknown_labels");
  EXPECT_FALSE(fs::exists(models / "tiny"));
  const auto added = add_model(*catalogue, {.name = "tiny", .file = source});
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->kind, "entailment");
  EXPECT_EQ(added->file, "tiny/model.onnx");
  EXPECT_EQ(added->context, 512);
  EXPECT_EQ(added->sha256.size(), 64U);
  EXPECT_TRUE(fs::exists(models / "tiny" / "tokenizer.json"));
  EXPECT_EQ(catalogue->resolve("", "entailment").error().reason, "model_not_found");  // nobody chose it
  ASSERT_TRUE(catalogue->use("tiny"));
  EXPECT_EQ(catalogue->resolve("", "entailment")->model.name, "tiny");
  EXPECT_EQ(add_model(*catalogue, {.name = "tiny", .file = source}).error().code, Code::conflict);
  EXPECT_TRUE(add_model(*catalogue, {.name = "tiny", .file = source}, {}, {.replace = true}));
  ASSERT_TRUE(remove_model(*catalogue, "tiny", true));
  EXPECT_FALSE(fs::exists(models / "tiny"));
}

// A machine without the library: what is missing, and the command that gets it.
TEST(FindsRuntime, OrSaysHowToGetIt) {
  const Error missing = onnx::no_runtime("nothing there");
  EXPECT_EQ(missing.code, Code::unavailable);
  EXPECT_NE(missing.message.find("pip install onnxruntime"), std::string::npos);
}

// One .onnx file is the model, wherever hubs put it; of several it is the one called model.onnx, or none.
TEST(FindsModels, InFolders) {
  const fs::path folder = fs::temp_directory_path() / ("medsynth-onnx-" + new_uuid());
  fs::create_directories(folder / "onnx");
  EXPECT_EQ(onnx::find_model(folder).error().code, Code::not_found);
  std::ofstream(folder / "onnx" / "model_quantized.onnx") << "x";
  EXPECT_EQ(onnx::find_model(folder)->filename(), "model_quantized.onnx");
  std::ofstream(folder / "onnx" / "model_fp16.onnx") << "x";
  EXPECT_EQ(onnx::find_model(folder).error().code, Code::conflict);
  std::ofstream(folder / "onnx" / "model.onnx") << "x";
  EXPECT_EQ(onnx::find_model(folder)->filename(), "model.onnx");
  fs::remove_all(folder);
}

}  // namespace
}  // namespace medsynth::inference
