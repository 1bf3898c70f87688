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

TEST(Waiting, NamesTheResource) {
  const auto usage = json::parse(
      R"({"hosts":[{"host":"h","tasks":[{"task_id":"t","state":"waiting","reason":"model_lock"}]}]})");
  EXPECT_EQ(waiting_reason(usage->as_object(), "t"), "waiting for the model");
  EXPECT_EQ(waiting_reason(usage->as_object(), "other"), "queued");
}

}  // namespace
}  // namespace medsynth::cli
