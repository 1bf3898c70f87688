#include "medsynth/inference/safetensors.h"

#include <cstring>
#include <fstream>

#include <gtest/gtest.h>

#include "medsynth/base/id.h"

namespace medsynth::inference {
namespace {

struct SafetensorsTest : testing::Test {
  std::filesystem::path file = std::filesystem::path(testing::TempDir()) / new_uuid();
  ~SafetensorsTest() override { std::filesystem::remove(file); }

  Result<Safetensors> read(const std::string& header, const std::string& data, std::uint64_t length) const {
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    std::ofstream(file, std::ios::binary) << bytes << header << data;
    return Safetensors::read(file);
  }
  Result<Safetensors> read(const std::string& header, const std::string& data) const {
    return read(header, data, header.size());
  }
};

constexpr auto kHeader =
    R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}})";

// A tensor of the expected shape: its bytes. Another shape, or an unknown name: refused.
TEST_F(SafetensorsTest, GivesTensors) {
  const auto tensors = read(kHeader, "abcdefgh");
  ASSERT_TRUE(tensors);
  const auto bytes = tensors->floats("w", {2, 1});
  ASSERT_TRUE(bytes);
  EXPECT_EQ(std::string(bytes->begin(), bytes->end()), "abcdefgh");
  EXPECT_EQ(tensors->floats("w", {1, 2}).error().code, Code::invalid_argument);
  EXPECT_EQ(tensors->floats("v", {2, 1}).error().code, Code::invalid_argument);
}

// Damaged files: an error, never a read outside the file.
TEST_F(SafetensorsTest, RefusesDamage) {
  EXPECT_FALSE(Safetensors::read(file));
  EXPECT_FALSE(read(kHeader, "abcd"));                         // cut off
  EXPECT_FALSE(read(kHeader, "abcdefgh", ~std::uint64_t{0}));  // header longer than the file
  EXPECT_FALSE(read("{", ""));
  EXPECT_FALSE(read("[]", ""));
  EXPECT_FALSE(read(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", "abcdefgh"));
  EXPECT_FALSE(read(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}})", "abcdefgh"));
  EXPECT_FALSE(read(R"({"w":{"dtype":"F32","shape":"x","data_offsets":[0,8]}})", "abcdefgh"));
  const auto wrong_size = read(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "abcdefgh");
  ASSERT_TRUE(wrong_size);
  EXPECT_FALSE(wrong_size->floats("w", {3}));
}

}  // namespace
}  // namespace medsynth::inference
