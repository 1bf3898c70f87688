#include "medsynth/api/body.h"

#include <string>

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

std::string list_of(std::size_t count) {
  std::string body = "[1";
  for (std::size_t i = 1; i < count; ++i) body += ",1";
  return body + "]";
}

TEST(Body, OneWithTooManyValuesIsNotRead) {
  EXPECT_TRUE(read_json(list_of(kMaxValues - 1)));
  const auto refused = read_json(list_of(kMaxValues + 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
  EXPECT_EQ(refused.error().faults.at(0).pointer, "");
}

// A text is one value, however long and whatever is in it.
TEST(Body, WhatIsInAStringCountsOnce) {
  std::string text;
  while (text.size() < 3 * kMaxValues) text += R"(,:[{\",\\)";
  EXPECT_TRUE(read_json("\"" + text + "\""));
}

TEST(Body, MalformedJsonIsSaidToBe) {
  EXPECT_EQ(read_json("{").error().reason, "malformed_json");
  EXPECT_EQ(read_json(list_of(kMaxValues - 1) + "x").error().reason, "malformed_json");
}

}  // namespace
}  // namespace medsynth::api
