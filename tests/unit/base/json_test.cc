#include "medsynth/base/json.h"

#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace medsynth::json {
namespace {

// Numbers leave the program as Python's json module writes them.
TEST(JsonWrite, NumbersAreThoseOfPython) {
  EXPECT_EQ(write_number(80.0), "80.0");
  EXPECT_EQ(write_number(0.1), "0.1");
  EXPECT_EQ(write_number(0.0001), "0.0001");
  EXPECT_EQ(write_number(1e-05), "1e-05");
  EXPECT_EQ(write_number(1e15), "1000000000000000.0");
  EXPECT_EQ(write_number(1e16), "1e+16");
  EXPECT_EQ(write_number(-0.0), "-0.0");
  EXPECT_EQ(write_number(5e-324), "5e-324");
  EXPECT_EQ(write_number(1.7976931348623157e308), "1.7976931348623157e+308");
  EXPECT_EQ(write_number(INFINITY), "Infinity");
}

TEST(JsonWrite, StringsAreAsciiWithShortEscapesAndSurrogatePairs) {
  EXPECT_EQ(write_string("a\"b\\c/\n\r\t\f\b"), R"("a\"b\\c/\n\r\t\f\b")");
  EXPECT_EQ(write_string(std::string_view("\x7f\x01\0", 3)), R"("\u007f\u0001\u0000")");
  EXPECT_EQ(write_string("é€😀"), R"("\u00e9\u20ac\ud83d\ude00")");
  EXPECT_EQ(write_string("\xff"), R"("\ufffd")");
}

TEST(JsonParse, KeepsSixtyFourBitIntegersAndOrder) {
  const auto value = parse(R"({"b":9223372036854775807,"a":18446744073709551615})");
  ASSERT_TRUE(value);
  EXPECT_EQ(write(*value), R"({"b":9223372036854775807,"a":18446744073709551615})");
}

TEST(JsonParse, RefusesWhatIsNotJsonWithoutQuotingIt) {
  for (const char* text : {"", "{", "[1,]", "NaN", "{\"a\":1}x", "\"\xff\""}) {
    const auto value = parse(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().reason, "malformed_json");
  }
  EXPECT_FALSE(parse(std::string(100, '[')));
}

// Found by the fuzzer: it became Infinity, and the answer that repeated it was not JSON.
TEST(JsonParse, RefusesNumbersBeyondADouble) {
  for (const char* text : {"1e999", "[1,-1e999]", R"({"a":{"b":1e999}})"})
    EXPECT_FALSE(json::parse(text)) << text;
  EXPECT_TRUE(json::parse("1.7976931348623157e308"));
}

// What others put into their documents as it is must be JSON for each of their readers.
TEST(IsJson, IsStrict) {
  for (const char* text : {"null", " [1, 2.5e3, \"a\\u0041\"] ", R"({"a":{"b":[true,false]}})",
                           "18446744073709551617", "1.7976931348623157e308"})
    EXPECT_TRUE(is_json(text)) << text;
  for (const char* text : {"", " ", "NaN", "[Infinity]", "{\"a\":-Infinity}", "1e999", "[1,]", "{'a':1}",
                           "1 2", "\"\xff\"", "\"\\ud800\"", "{\"a\":1", "tru", "01"})
    EXPECT_FALSE(is_json(text)) << text;
  EXPECT_TRUE(is_json(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(is_json(std::string(65, '[') + std::string(65, ']')));
  EXPECT_TRUE(parse("[[{\"result\":" + std::string(64, '[') + std::string(64, ']') + "}]]"));
}

TEST(DropNonFinite, MakesThemNullAtAnyDepth) {
  value made = {{"a", NAN}, {"b", array{1.5, INFINITY, object{{"c", -INFINITY}}}}};
  drop_non_finite(made);
  EXPECT_EQ(write(made), R"({"a":null,"b":[1.5,null,{"c":null}]})");
}

TEST(JsonMembers, GivesTheRawTextOfEachMember) {
  const auto found = members(R"( {"a" : 1180591620717411303424 , "b\u0041":[1,{"x":"]}"}], "c":Infinity} )");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 3u);
  EXPECT_EQ((*found)[0], (std::pair<std::string, std::string_view>("a", "1180591620717411303424")));
  EXPECT_EQ((*found)[1].first, "bA");
  EXPECT_EQ((*found)[1].second, R"([1,{"x":"]}"}])");
  EXPECT_EQ((*found)[2].second, "Infinity");
}

TEST(JsonMembers, RefusesBrokenText) {
  for (const char* text : {"", "1", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1", "[1]]", "{\"a:1}"})
    EXPECT_FALSE(members(text)) << text;
}

RC_GTEST_PROP(JsonWrite, DoublesReadBackExactly, (double number)) {
  RC_PRE(std::isfinite(number));
  const auto value = parse(write_number(number));
  RC_ASSERT(value.has_value());
  RC_ASSERT(value.value().get_double() == number);
}

RC_GTEST_PROP(JsonMembers, SplitsWhatTheWriterWrote,
              (const std::vector<std::pair<std::string, double>>& pairs)) {
  object written;
  for (const auto& [name, number] : pairs) written[write_string(name)] = std::isfinite(number) ? number : 0.0;
  const std::string text = write(written);
  const auto found = members(text);
  RC_ASSERT(found.has_value());
  RC_ASSERT(found.value().size() == written.size());
}

}  // namespace
}  // namespace medsynth::json
