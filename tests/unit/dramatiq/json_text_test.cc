#include "medsynth/dramatiq/json_text.h"

#include <map>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "medsynth/base/json.h"

namespace medsynth::dramatiq {
namespace {

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

// Each of these was given to Python's json.loads, which took it.
TEST(CheckJson, TakesWhatPythonTakes) {
  for (const char* text :
       {"[-Infinity]", "[NaN]", "Infinity", R"(["\ud800"])", "[\"\x7f\"]", "[1e5,1E+5,1e-5]", "[-0]",
        R"({"a":1,"a":2})", " [ ] ", "{ }", R"({"a" : [ 1 , 2 ] })", R"("\"\\\/\b\f\n\r\t\u00e9")", "true",
        "[0.5,-1.25,10]", "\"é\"", "null"})
    EXPECT_TRUE(check_json(text)) << text;
  EXPECT_TRUE(check_json(std::string(4300, '1')));
  EXPECT_TRUE(check_json(std::string(5000, '1') + ".0"));
  EXPECT_TRUE(check_json(nested(900)));
}

// Each of these was given to Python's json.loads, which refused it.
TEST(CheckJson, RefusesWhatPythonRefuses) {
  for (const char* text : {"[1,]",
                           R"({"a":1,})",
                           "[01]",
                           "[1.]",
                           "[.5]",
                           "[+1]",
                           "[-]",
                           "[-NaN]",
                           "[\"\x01\"]",
                           R"(["\x"])",
                           R"(["\u12g4"])",
                           R"(["\u123)",
                           "[1 2]",
                           R"({"a" "b":1})",
                           "[}",
                           "",
                           "  ",
                           "[1]x",
                           "nul",
                           "[\"a]",
                           "\xef\xbb\xbf[]",
                           "{1:2}",
                           "[\v1]",
                           "[1e]",
                           "{\"a\"}",
                           "[",
                           "{",
                           "\"\\",
                           "[1,,2]",
                           "\"\xff\"",
                           "\"\xed\xa0\x80\""})
    EXPECT_FALSE(check_json(text)) << text;
  EXPECT_FALSE(check_json(std::string(4301, '1')));
  EXPECT_FALSE(check_json(nested(2000)));
  EXPECT_FALSE(check_json(std::string_view("[\0]", 3)));
}

TEST(CheckJson, TheErrorSaysWhereAndNotWhat) {
  const auto wrong = check_json(R"(["aspirin",x])");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "malformed JSON at byte 11");
}

RC_GTEST_PROP(CheckJson, TextThatIsCutIsRefused,
              (const std::map<std::string, std::vector<double>>& content, std::size_t cut)) {
  json::object object;
  for (const auto& [name, numbers] : content) object[name] = json::array(numbers.begin(), numbers.end());
  const std::string text = json::write(object);
  RC_ASSERT(check_json(text).has_value());
  RC_ASSERT(!check_json(std::string_view(text).substr(0, cut % text.size())).has_value());
}

}  // namespace
}  // namespace medsynth::dramatiq
