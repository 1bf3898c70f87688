#include "medsynth/cli/verdict.h"

#include <gtest/gtest.h>

namespace medsynth::cli {
namespace {

TEST(Verdict, SaysWhatItRestsOn) {
  const std::string text =
      verdict_text(json::parse(R"({"verdict":"contradiction","contradiction_score":0.9,"confidence":"high",
      "explanation":"One affirms, the other denies.","methods_used":["polarity","language_model"],"context_differences":["dose"],
      "model":{"id":"smollm2"},"calibrated":false,"duration":1.5,"warnings":["the demo model answered"]})")
                       ->as_object())
          .str();
  for (const char* part : {"CONTRADICTION  0.90", "not calibrated", "One affirms", "differs in: dose",
                           "polarity, language_model", "smollm2", "1.5 s", "note: the demo model answered"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(Waiting, SaysForWhatWhereInLineAndHowLong) {
  const auto task = json::parse(R"({"waiting":{"reason":"model_lock","detail":"model 'm' is in use","place":3,
      "estimate":{"low":130,"high":241},"remedy":"The task ends"}})");
  EXPECT_EQ(waiting_text(task->as_object()),
            "waits for the model (model 'm' is in use), place 3, about 2-5 min");
  EXPECT_EQ(waits_for(task->as_object()), "model_lock 2-5 min");
  EXPECT_EQ(waiting_remedy(task->as_object()), "The task ends");
}

TEST(Waiting, OfOneThatDoesNotWaitNothingIsSaid) {
  const auto task = json::parse(R"({"waiting":null})");
  EXPECT_EQ(waiting_text(task->as_object()), "queued");
  EXPECT_EQ(waits_for(task->as_object()), "");
}

// Of a reason that a newer server has, its own name.
TEST(Waiting, AnUnknownReasonHasItsOwnName) {
  const auto task =
      json::parse(R"({"waiting":{"reason":"quota","detail":null,"place":null,"estimate":null}})");
  EXPECT_EQ(waiting_text(task->as_object()), "waits for quota");
}

}  // namespace
}  // namespace medsynth::cli
