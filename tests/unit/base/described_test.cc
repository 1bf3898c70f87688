#include "medsynth/base/described.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace medsynth {
namespace {

enum class Colour { red, green };
BOOST_DESCRIBE_ENUM(Colour, red, green)

struct Inner {
  std::int32_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (count))

struct Outer {
  std::string text;
  double percent = 50;
  std::optional<std::string> note;
  std::vector<Inner> inners;
  Colour colour = Colour::green;
  std::map<std::string, double> scores;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (text, percent, note, inners, colour, scores))

}  // namespace

template <>
struct described::Rules<Outer> {
  static constexpr std::array fields{
      described::Field{.name = "text", .help = "Some text", .min_size = 1, .max_size = 4},
      described::Field{.name = "percent", .optional = true, .minimum = 0, .maximum = 100},
      described::Field{.name = "inners", .optional = true},
      described::Field{.name = "colour", .optional = true},
      described::Field{.name = "scores", .optional = true},
  };
};

namespace {

TEST(Described, ReadsAndWritesTheSameText) {
  const std::string text =
      R"({"text":"ab","percent":1.5,"note":null,"inners":[{"count":3}],"colour":"red","scores":{"a":1.0}})";
  const auto outer = described::parse<Outer>(text);
  ASSERT_TRUE(outer) << outer.error().message;
  EXPECT_EQ(outer->inners[0].count, 3);
  EXPECT_EQ(outer->colour, Colour::red);
  EXPECT_EQ(described::write(*outer), text);
}

TEST(Described, OptionalMembersKeepTheirDefaults) {
  const auto outer = described::parse<Outer>(R"({"text":"ab"})");
  ASSERT_TRUE(outer);
  EXPECT_EQ(outer->percent, 50);
  EXPECT_EQ(outer->colour, Colour::green);
}

TEST(Described, NamesEveryFaultByItsPointer) {
  const auto outer = described::parse<Outer>(
      R"({"text":"abcde","percent":101,"inners":[{"count":3000000000},{"count":1.5},7],"colour":"blue","nots":1,"a/b":2})");
  ASSERT_FALSE(outer);
  std::vector<std::string> pointers;
  for (const Fault& fault : outer.error().faults) pointers.push_back(fault.pointer);
  EXPECT_EQ(pointers, (std::vector<std::string>{"/text", "/percent", "/inners/0/count", "/inners/1/count",
                                                "/inners/2", "/colour", "/nots", "/a~1b"}));
  EXPECT_NE(outer.error().faults[6].detail.find("did you mean 'note'"), std::string::npos);
  EXPECT_EQ(described::parse<Outer>("{}").error().faults[0].detail, "is required");
  EXPECT_EQ(described::parse<Outer>("[]").error().faults[0].detail, "must be an object");
}

// Twice the faults make no longer an answer: neither wrong elements nor unknown members.
TEST(Described, FaultsAreBounded) {
  const auto faults_of = [](std::size_t count) {
    std::string elements, members;
    for (std::size_t i = 0; i < count; ++i) {
      elements += i == 0 ? "1" : ",1";
      members += fmt::format(R"(,"unknown{}":1)", i);
    }
    const auto outer = described::parse<Outer>(R"({"text":"a","inners":[)" + elements + "]}");
    const auto others = described::parse<Outer>(R"({"text":"a")" + members + "}");
    EXPECT_EQ(others.error().faults.size(), outer.error().faults.size());
    return outer.error().faults;
  };
  EXPECT_EQ(faults_of(100).size(), 100u);
  const auto many = faults_of(5'000);
  EXPECT_EQ(many, faults_of(10'000));
  ASSERT_EQ(many.size(), 101u);
  EXPECT_EQ(many[99].pointer, "/inners/99");
  EXPECT_EQ(many[100].detail, "has more faults: these are the first 100");
}

// A name of megabytes is neither repeated nor compared.
TEST(Described, LongNamesAreCut) {
  const auto outer = described::parse<Outer>(R"({"text":"a",")" + std::string(1'000'000, 'n') + R"(":1})");
  ASSERT_FALSE(outer);
  EXPECT_LT(outer.error().message.size(), 300u);
  EXPECT_EQ(outer.error().faults.at(0).detail, "is not a known field");
}

// Found by the fuzzer: a double beyond 64 bits was converted before its range was looked at.
TEST(Described, NumbersBeyondTheTypeAreOutOfRange) {
  for (const char* number : {"1e300", "-1e300", "1e10"}) {
    const auto inner = described::parse<Inner>(fmt::format(R"({{"count":{}}})", number));
    ASSERT_FALSE(inner) << number;
    EXPECT_EQ(inner.error().faults.at(0).detail, "is out of range") << number;
  }
}

TEST(Described, SchemaFollowsFromTheDescription) {
  const auto schema = described::schema<Outer>();
  EXPECT_EQ(json::write(schema.at("required")), R"(["text"])");
  const auto& properties = schema.at("properties").get_object();
  EXPECT_EQ(json::write(properties.at("text")),
            R"({"type":"string","minLength":1,"maxLength":4,"description":"Some text"})");
  EXPECT_EQ(json::write(properties.at("note").at("type")), R"(["string","null"])");
  EXPECT_EQ(json::write(properties.at("colour").at("enum")), R"(["red","green"])");
  EXPECT_EQ(json::write(properties.at("percent").at("default")), "50.0");
}

}  // namespace
}  // namespace medsynth
