#include "medsynth/hub/hub.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "medsynth/hub/recommended.h"

namespace medsynth::hub {
namespace {

const Address kHub = *parse_address("https://huggingface.co");

std::string read(std::string_view text) {
  const auto reference = parse_reference(text, kHub);
  if (!reference) return "wrong";
  return reference->repository + " @" + reference->revision + " :" + reference->file;
}

TEST(Reference, NamesRepositoryRevisionAndFile) {
  EXPECT_EQ(read("hf:Qwen/Qwen2.5-GGUF"), "Qwen/Qwen2.5-GGUF @main :");
  EXPECT_EQ(read("hf:a/b:Q4_K_M"), "a/b @main :Q4_K_M");
  EXPECT_EQ(read("hf:a/b@v1.0:onnx/model.onnx"), "a/b @v1.0 :onnx/model.onnx");
  EXPECT_EQ(read("https://huggingface.co/a/b"), "a/b @main :");
  EXPECT_EQ(read("https://huggingface.co/a/b/blob/main/x.gguf?download=true"), "a/b @main :x.gguf");
  EXPECT_EQ(read("https://huggingface.co/a/b/resolve/abc/dir/x.gguf"), "a/b @abc :dir/x.gguf");
  EXPECT_EQ(read("https://huggingface.co/a/b/tree/main"), "a/b @main :");
  for (const char* wrong :
       {"hf:", "hf:a", "hf:a/", "hf:a/b/c", "hf:../b", "hf:a/b@", "hf:a/b@x/y", "hf:a/b:", "hf:a/b:../x",
        "hf:a/b:/etc/x", "hf:a b/c", "https://huggingface.co/a", "https://huggingface.co/a/b/commits/main"})
    EXPECT_EQ(read(wrong), "wrong") << wrong;
  EXPECT_FALSE(is_reference("https://other.example/a/b.gguf", kHub));
}

TEST(Reference, GivesAName) {
  EXPECT_EQ(name_of("hf:Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF:Q4_K_M", kHub), "qwen2.5-coder-0.5b-instruct");
  EXPECT_EQ(name_of("https://host/dir/My Model.GGUF?x=/y.gguf", kHub), "my-model");
}

std::vector<RepositoryFile> files(std::initializer_list<const char*> paths) {
  std::vector<RepositoryFile> all;
  for (const char* path : paths) all.push_back({path, 1, ""});
  return all;
}

std::string chosen(const std::vector<RepositoryFile>& all, const std::string& wanted) {
  const auto choice = choose(all, {.repository = "a/b", .file = wanted});
  if (!choice) return choice.error().reason + ": " + choice.error().message;
  std::string out = choice->model.path;
  for (const RepositoryFile& each : choice->beside) out += " " + each.path;
  return out;
}

TEST(Choose, TheOnlyModelOrTheOneThatIsNamed) {
  const auto several =
      files({"README.md", "m-Q4_K_M.gguf", "m-IQ4_K_M.gguf", "m-Q8_0.gguf", "mmproj-f16.gguf"});
  EXPECT_EQ(chosen(files({"README.md", "m.gguf", "mmproj-f16.gguf"}), ""), "m.gguf");
  EXPECT_EQ(chosen(several, "q4_k_m"), "m-Q4_K_M.gguf");
  EXPECT_EQ(chosen(several, "m-Q8_0.gguf"), "m-Q8_0.gguf");
  const std::string asked = chosen(several, "");
  EXPECT_TRUE(asked.starts_with("ambiguous")) << asked;
  for (const char* name : {"m-Q4_K_M.gguf", "m-IQ4_K_M.gguf", "m-Q8_0.gguf"})
    EXPECT_NE(asked.find(name), std::string::npos) << name;
  EXPECT_NE(chosen(several, "Q2_K").find("has no file Q2_K"), std::string::npos);
  EXPECT_NE(chosen(files({"model.safetensors"}), "").find("must be converted"), std::string::npos);
  EXPECT_TRUE(
      chosen(files({"m-00001-of-00002.gguf", "m-00002-of-00002.gguf"}), "").starts_with("split_file"));
}

TEST(Choose, WhatBelongsToAnOnnxModel) {
  const auto all = files({"config.json", "tokenizer.json", "spm.model", "README.md", "onnx/model.onnx",
                          "onnx/model.onnx_data", "onnx/config.json", "onnx/model_int8.onnx",
                          "other/tokenizer.json", "pytorch_model.bin"});
  EXPECT_EQ(chosen(all, "onnx/model.onnx"),
            "onnx/model.onnx onnx/config.json tokenizer.json spm.model onnx/model.onnx_data");
  EXPECT_EQ(chosen(all, "model_int8"), "onnx/model_int8.onnx onnx/config.json tokenizer.json spm.model");
  EXPECT_TRUE(chosen(all, "").starts_with("ambiguous"));
}

// What is in the table can be fetched, and is checked.
TEST(Recommended, AreWhole) {
  for (const Recommended& each : recommended()) {
    EXPECT_EQ(find_recommended(each.name), &each) << each.name << " is there twice";
    EXPECT_FALSE(each.licence.empty()) << each.name;
    EXPECT_GT(each.bytes, 0U) << each.name;
    EXPECT_GT(each.memory_mb, 0U) << each.name;
    if (each.from.empty()) continue;
    const auto reference = parse_reference(each.from, kHub);
    ASSERT_TRUE(reference) << each.name;
    EXPECT_EQ(reference->revision.size(), 40U) << each.name << " may change";
    EXPECT_EQ(each.sha256.size(), 64U) << each.name;
  }
}

}  // namespace
}  // namespace medsynth::hub
