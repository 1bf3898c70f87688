#include "medsynth/worker/actor.h"

#include <gtest/gtest.h>

#include "medsynth/worker/control.h"
#include "medsynth/worker/runner.h"

namespace medsynth::worker {
namespace {

// The fast path needs no model; everything else can do without one.
TEST(Actors, WantAModelOnlyForWhatNeedsIt) {
  const Actor* detect = find_actor("detect_contradiction");
  ASSERT_NE(detect, nullptr);
  const auto all = detect->prepare("[]", R"({"claim1":"a","claim2":"b"})");
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_TRUE(all->model);
  EXPECT_FALSE(all->model->required);
  const auto fast = detect->prepare("[]", R"({"claim1":"a","claim2":"b","use_all_methods":false})");
  ASSERT_TRUE(fast);
  EXPECT_FALSE(fast->model);
  EXPECT_EQ(find_actor("unknown"), nullptr);
}

// Python may send positional arguments, in the order of the source document's signature.
TEST(Actors, TakePositionalArguments) {
  const auto bound = bind_arguments(R"(["a","b"])", R"({"task_id":"t"})", {"claim1", "claim2", "task_id"});
  ASSERT_TRUE(bound);
  EXPECT_EQ(json::write(*bound), R"({"task_id":"t","claim1":"a","claim2":"b"})");
  EXPECT_FALSE(bind_arguments(R"(["a","b","t"])", R"({"task_id":"t"})", {"claim1", "claim2", "task_id"}));
  EXPECT_FALSE(bind_arguments("[1,2,3,4]", "{}", {"claim1", "claim2", "task_id"}));
}

TEST(Actors, RefuseWrongArgumentsByName) {
  const auto prepared = find_actor("generate_embeddings")->prepare("[]", R"({"texts":"one"})");
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().faults[0].pointer, "/texts");
}

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

TEST(Limits, ThoseOfTheApiLieOverTheEnvironments) {
  const limits::Limits limits =
      overlay({}, {{"max_cpu_percent", 55}, {"max_concurrent_tasks", 2}, {"of_the_future", 1}});
  EXPECT_EQ(limits.max_cpu_percent, 55);
  EXPECT_EQ(limits.max_concurrent_tasks, 2);
  EXPECT_EQ(limits.max_memory_percent, 80);
}

}  // namespace
}  // namespace medsynth::worker
