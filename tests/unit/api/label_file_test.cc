#include "medsynth/api/label_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

namespace fs = std::filesystem;

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "medsynth-test-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  fs::path path;
};

std::vector<std::string> lines(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

KeptLabel label(const std::string& id, const std::string& what) {
  return {.id = id, .claim1 = "A\nreduces B.", .claim2 = "A does not.", .label = what, .labelled_at = "now"};
}

// The last word on a pair stands in place of those before it; lines of people's own stay.
TEST(LabelFile, KeepsTheLastWord) {
  const Folder folder;
  const fs::path file = label_file(folder.path / "data");
  EXPECT_EQ(*keep_label(file, label("t/1", "contradiction")), 1u);
  std::ofstream(file, std::ios::app) << "{\"claim1\": \"mine\"}\nno JSON\n";
  EXPECT_EQ(*keep_label(file, label("t/2", "contradiction")), 4u);
  EXPECT_EQ(*keep_label(file, label("t/1", "no_contradiction")), 4u);
  const auto kept = lines(file);
  EXPECT_EQ(kept.front(), "{\"claim1\": \"mine\"}");
  EXPECT_NE(kept.back().find("\"id\":\"t/1\",\"claim1\":\"A\\nreduces B.\""), std::string::npos);
  EXPECT_NE(kept.back().find("no_contradiction"), std::string::npos);
}

// Several at once lose nothing.
TEST(LabelFile, IsSafeAmongWriters) {
  const Folder folder;
  const fs::path file = label_file(folder.path);
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 4; ++writer)
      writers.emplace_back([&, writer] {
        for (int i = 0; i < 20; ++i)
          EXPECT_TRUE(
              keep_label(file, label(std::to_string(writer) + "/" + std::to_string(i), "contradiction")));
      });
  }
  EXPECT_EQ(lines(file).size(), 80u);
}

// Nothing can be kept: said, with the path.
TEST(LabelFile, SaysWhatCannotBeWritten) {
  const auto kept = keep_label("/dev/null/labels.jsonl", label("t/1", "contradiction"));
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().reason, "label_not_kept");
  EXPECT_NE(kept.error().message.find("/dev/null/labels.jsonl"), std::string::npos);
}

}  // namespace
}  // namespace medsynth::api
