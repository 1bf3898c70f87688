#include "medsynth/pipeline/job.h"

#include <gtest/gtest.h>

namespace medsynth::pipeline {
namespace {

TEST(TaskId, IsThatOfTheArgumentsElseTheOptionsElseTheMessage) {
  dramatiq::Message message =
      dramatiq::make_message("medsynth", "a", R"({"task_id":"from-kwargs"})", WallTime{});
  EXPECT_EQ(task_id_of(message), "from-kwargs");
  message.kwargs = "{}";
  message.set_option("task_id", "\"from-options\"");
  EXPECT_EQ(task_id_of(message), "from-options");
  message.set_option("task_id", "\"\"");
  EXPECT_EQ(task_id_of(message), message.message_id);
}

}  // namespace
}  // namespace medsynth::pipeline
