#include "medsynth/dramatiq/results.h"

#include <gtest/gtest.h>

namespace medsynth::dramatiq {
namespace {

using redis::Reply;

std::optional<StoredResult> read(std::string text) {
  const auto query = result_of(make_message("q", "act", "{}", WallTime{}), {});
  auto step = query.decode({Reply{.kind = Reply::Kind::text, .text = std::move(text)}});
  EXPECT_TRUE(step && step->value);
  return step && step->value ? *step->value : std::nullopt;
}

// A value is kept as the text it came as; only Dramatiq's own mark makes a failure of an object.
TEST(Results, ValuesAndFailuresAreToldApart) {
  EXPECT_EQ(read("1180591620717411303424")->value, "1180591620717411303424");
  EXPECT_EQ(read(R"({"exn":1})")->value, R"({"exn":1})");
  const auto failed = read(R"({"__t":"dramatiq.results.Result","exn":{"type":"ValueError","msg":"boo"}})");
  ASSERT_TRUE(failed && failed->failure);
  EXPECT_EQ(failed->failure->type, "ValueError");
  EXPECT_EQ(failed->failure->text, "boo");
}

TEST(Results, NoneIsThereYet) {
  const auto step = result_of(make_message("q", "act", "{}", WallTime{}), {}).decode({Reply{}});
  ASSERT_TRUE(step && step->value);
  EXPECT_FALSE(*step->value);
}

}  // namespace
}  // namespace medsynth::dramatiq
