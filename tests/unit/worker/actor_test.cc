#include "medsynth/worker/actor.h"

#include <gtest/gtest.h>

#include "medsynth/worker/control.h"
#include "medsynth/worker/host.h"

namespace medsynth::worker {
namespace {

struct Add {
  std::int64_t a = 0;
  std::int64_t b = 1;
};
BOOST_DESCRIBE_STRUCT(Add, (), (a, b))
struct Sum {
  std::int64_t sum = 0;
};
BOOST_DESCRIBE_STRUCT(Sum, (), (sum))

Result<> check(const Add& add) {
  if (add.a == add.b) return invalid("/b", "must differ from a");
  return success();
}

class FakeContext final : public Context {
 public:
  const inference::Until& until() const override { return until_; }
  double elapsed() const override { return 0; }
  void progress(double, std::string_view) override {}
  actors::WorkingModel working_model() override { return {}; }
  Result<dramatiq::Permit> acquire(const dramatiq::RateLimit&) override { return dramatiq::Permit({}); }

  inference::Until until_;
};

const Actor* find_actor(std::string_view name) {
  for (const Actor& actor : actors())
    if (actor.about.name == name) return &actor;
  return nullptr;
}

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

// One registration: options as Dramatiq has them unless said otherwise, positional arguments in the order of
// the members, a check of one's own, a result without a duration.
TEST(Actors, AreOneRegistration) {
  const Actor add = make_actor<Add>({.name = "add"}, [](Context&, const Add& arguments) -> Result<Sum> {
    return Sum{arguments.a + arguments.b};
  });
  EXPECT_EQ(add.about.operation, "add");
  EXPECT_EQ(add.about.max_retries, 20);
  const auto prepared = add.prepare("[2, 3]", "{}");
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_FALSE(prepared->model);
  FakeContext context;
  EXPECT_EQ(*prepared->run(context), R"({"sum":5})");
  EXPECT_EQ(add.prepare("[2, 2]", "{}").error().faults.at(0).pointer, "/b");
  EXPECT_EQ(add.prepare("[2]", R"({"c":1})").error().faults.at(0).pointer, "/b");
}

// A function asks whether to go on, and returns what it is told.
TEST(Actors, AreToldToStop) {
  FakeContext context;
  EXPECT_TRUE(context.go_on());
  context.until_.deadline = SteadyTime::min();
  EXPECT_EQ(context.go_on().error().code, Code::timeout);
  std::stop_source stop;
  context.until_.stop = stop.get_token();
  stop.request_stop();
  EXPECT_EQ(context.go_on().error().code, Code::cancelled);
}

}  // namespace
}  // namespace medsynth::worker
