#include "medsynth/api/url.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "medsynth/api/payloads.h"

namespace medsynth::api {
namespace {

std::string pointer_of(const Error& error) {
  return error.faults.empty() ? "none" : error.faults[0].pointer;
}

TEST(PercentDecode, DecodesOnceAndKeepsThePlus) {
  EXPECT_EQ(*percent_decode("a%2Fb%252F+c", "/x"), "a/b%2F+c");
  EXPECT_EQ(*percent_decode("a+b%2b", "/x", true), "a b+");
}

// A broken escape, or bytes that are no text: the fault names the parameter.
TEST(PercentDecode, RefusesBrokenEscapesAndWhatIsNotUtf8) {
  for (const char* wrong : {"%", "%4", "%zz", "a%2", "%ff", "%c3%28", "%ed%a0%80"}) {
    const auto decoded = percent_decode(wrong, "/task_id");
    ASSERT_FALSE(decoded) << wrong;
    EXPECT_EQ(decoded.error().code, Code::invalid_argument);
    EXPECT_EQ(pointer_of(decoded.error()), "/task_id");
  }
}

// Any text comes back as it was, the characters that mean something in a URL and those beyond ASCII too.
RC_GTEST_PROP(PercentDecode, UndoesPercentEncode, ()) {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "a", "Z9", "/", "%", "%2F", "?", "#", "+", " ", "\n", "\xc3\xbc", "\xe6\xbc\xa2", "\xf0\x9f\x98\x80"));
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  RC_ASSERT(*percent_decode(percent_encode(text), "/x") == text);
}

TEST(SplitPath, SplitsBeforeDecodingAndDropsOneSlashAtTheEnd) {
  std::vector<std::string_view> segments;
  split_path("/v1/tasks/a%2Fb/", segments);
  EXPECT_EQ(segments, (std::vector<std::string_view>{"v1", "tasks", "a%2Fb"}));
  split_path("/v1/tasks//", segments);
  EXPECT_EQ(segments, (std::vector<std::string_view>{"v1", "tasks", ""}));
  split_path("/", segments);
  EXPECT_TRUE(segments.empty());
}

TEST(ParseQuery, ReadsTypesAndKeepsDefaults) {
  const auto query = parse_query<ListTasksQuery>("status=failed&limit=7&cursor=a%26b");
  ASSERT_TRUE(query) << query.error().message;
  EXPECT_EQ(query->status, tasks::Status::failed);
  EXPECT_EQ(query->limit, 7);
  EXPECT_EQ(query->offset, 0);
  EXPECT_EQ(query->cursor, "a&b");
  EXPECT_EQ(parse_query<ListTasksQuery>("")->limit, 100);
  EXPECT_EQ(parse_query<HealthQuery>("verbose")->verbose, true);
  EXPECT_EQ(parse_query<HealthQuery>("verbose=false")->verbose, false);
}

// Each wrong parameter is named, whatever is wrong with it.
TEST(ParseQuery, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> wrong[] = {
      {"status=done", "/status"},    {"limit=0", "/limit"},
      {"limit=-1", "/limit"},        {"limit=1001", "/limit"},
      {"limit=ten", "/limit"},       {"limit=", "/limit"},
      {"limit=1.5", "/limit"},       {"limit=99999999999999999999", "/limit"},
      {"offset=-1", "/offset"},      {"colour=red", "/colour"},
      {"limit=1&limit=2", "/limit"}, {"cursor=%zz", "/cursor"},
      {"cursor=%ff", "/cursor"},     {"a/b=1", "/a~1b"}};
  for (const auto& [text, pointer] : wrong) {
    const auto query = parse_query<ListTasksQuery>(text);
    ASSERT_FALSE(query) << text;
    EXPECT_EQ(query.error().code, Code::invalid_argument) << text;
    EXPECT_EQ(pointer_of(query.error()), pointer) << text;
  }
  for (const char* name : {"status", "cursor", "offset"})  // empty is not absent
    for (const char* value : {"", "=", "=&limit=5"})
      EXPECT_EQ(pointer_of(parse_query<ListTasksQuery>(std::string(name) + value).error()),
                std::string("/") + name);
  EXPECT_EQ(pointer_of(parse_query<HealthQuery>("verbose=").error()), "/verbose");
  EXPECT_EQ(pointer_of(parse_query<DeleteTasksQuery>("all").error()), "/all");
  EXPECT_EQ(parse_query<ListTasksQuery>("status=x&limit=x").error().faults.size(), 2u);
  EXPECT_FALSE(parse_query<HealthQuery>("verbose=yes"));
}

}  // namespace
}  // namespace medsynth::api
