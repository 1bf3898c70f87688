// Models from the catalogue through the cache into the engine, with an engine that has a GPU of 100 MB and no models.
#include "medsynth/worker/model_source.h"

#include <atomic>
#include <fstream>

#include <gtest/gtest.h>

#include "medsynth/base/id.h"
#include "medsynth/base/log.h"

namespace medsynth::worker {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::uint64_t kMb = 1 << 20;

// A GPU, as its driver tells it: models of ours take of its memory while they live.
struct Gpu {
  std::atomic<std::uint64_t> used = 0;
  std::atomic<int> asked = 0;
};

class StubModel final : public inference::Model {
 public:
  StubModel(inference::ModelInfo info, Gpu& gpu, std::uint64_t bytes)
      : info_(std::move(info)), gpu_(gpu), bytes_(bytes) {
    gpu_.used += bytes_;
  }
  ~StubModel() override { gpu_.used -= bytes_; }
  const inference::ModelInfo& info() const override { return info_; }
  Result<std::vector<inference::LabelScores>> score(std::span<const inference::Prompt>,
                                                    std::span<const std::string>,
                                                    const inference::Until&) override {
    return invalid("", "is a stub");
  }
  Result<std::vector<std::vector<float>>> embed(std::span<const std::string>, const inference::Until&,
                                                std::vector<bool>*) override {
    return invalid("", "is a stub");
  }

 private:
  inference::ModelInfo info_;
  Gpu& gpu_;
  std::uint64_t bytes_;
};

// Every model: four layers of 15 MB, of which keys and values are 5, embeddings of 8 and an output of 6.
class StubEngine final : public inference::Engine {
 public:
  explicit StubEngine(Gpu* gpu) : gpu_(gpu) {}
  Result<std::shared_ptr<inference::Model>> load(const inference::LoadOptions& options) override {
    last = options.placement;
    const auto bytes = options.placement.device_bytes();
    return std::make_shared<StubModel>(inference::ModelInfo{.id = options.name}, gpu_ ? *gpu_ : none_,
                                       bytes.empty() ? 0 : bytes[0]);
  }
  Result<models::Footprint> footprint(const inference::LoadOptions&) override {
    std::vector<models::Layer> layers(4, {10 * kMb, 5 * kMb});
    layers.push_back({6 * kMb, 0});
    return models::Footprint{.layers = std::move(layers), .input = 8 * kMb, .compute = 2 * kMb};
  }
  std::vector<models::Device> devices() override {
    if (!gpu_) return {};
    ++gpu_->asked;
    return {{.name = "GPU", .kind = "gpu", .memory_total = 100 * kMb, .memory_free = 100 * kMb - gpu_->used}};
  }
  models::Placement last;

 private:
  Gpu* gpu_;
  Gpu none_;
};

struct ModelSourceTest : testing::Test {
  fs::path folder = fs::canonical(testing::TempDir()) / new_uuid();
  Gpu gpu;
  StubEngine engine{&gpu};
  models::Cache cache{{.devices = [this] { return engine.devices(); }}};
  redis::Client nobody{{.url = {.unix_path = "/nonexistent"}, .timeout = 10ms, .quiet = true}};
  fleet::Fleet fleet{{}};
  ModelDeaths deaths{nobody, fleet};
  ModelSource source{{.folder = folder}, engine, cache, deaths};

  static void SetUpTestSuite() { log::start("error", "text", "test"); }

  ModelSourceTest() {
    fs::create_directories(folder);
    std::ofstream catalogue(folder / "models.toml");
    for (const std::string name : {"prefer", "require", "never"}) {
      std::ofstream(folder / name) << name;
      catalogue << "[models." << name << "]\nfile = '" << name << "'\ngpu = '" << name << "'\n";
    }
  }
  ~ModelSourceTest() override { fs::remove_all(folder); }

  models::Resolved model(const std::string& name) const {
    return **source.resolve({.name = name, .kind = "language"});
  }
  Result<models::Handle> open(const std::string& name) {
    return source.open(model(name), {.deadline = system_clock().steady() + 30s}, {});
  }
  fleet::InstalledModel installed(const std::string& name) const {
    const auto all = source.installed({}, 80);
    for (const fleet::InstalledModel& each : *all)
      if (each.id == name) return each;
    return {};
  }
};

// It fits on the GPU: loaded there whole, and the task, the cache and the list of models say so.
TEST_F(ModelSourceTest, LiesOnTheGpuWhereThereIsRoom) {
  EXPECT_EQ(source.needs("a", model("prefer")).memory_bytes, 10 * kMb);
  const auto handle = open("prefer");
  ASSERT_TRUE(handle) << handle.error().message;
  EXPECT_EQ(engine.last.text, "5 of 5 layers on GPU 0");
  const models::ModelStats stats = cache.get_stats().models.at(0);
  EXPECT_EQ(stats.placement, engine.last.text);
  EXPECT_EQ(stats.device_bytes, std::vector<std::uint64_t>{68 * kMb});
  EXPECT_EQ(installed("prefer").placement, engine.last.text);
  EXPECT_EQ(installed("never").gpu, "never");
  EXPECT_EQ(installed("never").placement, "");
}

// Another program has half of it: the last layers that fit, or nothing, as the entry says, and why.
TEST_F(ModelSourceTest, TheEntrySaysWhatHappensWithoutRoom) {
  gpu.used = 50 * kMb;
  ASSERT_TRUE(open("prefer"));
  EXPECT_EQ(engine.last.text, "3 of 5 layers on GPU 0");
  EXPECT_EQ(engine.last.reason, "all 5 layers need 68 MB, and GPU 0 has 50 MB for it");
  EXPECT_EQ(engine.last.cpu_bytes, 40 * kMb);
  const auto refused = open("require");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "does_not_fit");
}

// An idle model of ours has it: it leaves, and the other one gets all of its layers there.
TEST_F(ModelSourceTest, IdleModelsMakeRoomThere) {
  ASSERT_TRUE(open("prefer"));
  ASSERT_TRUE(open("require"));
  EXPECT_EQ(engine.last.text, "5 of 5 layers on GPU 0");
  EXPECT_FALSE(cache.contains("prefer"));
}

// One that never lies on a GPU starts no driver; without a GPU everything is with the CPU.
TEST_F(ModelSourceTest, NoDriverIsStartedForTheCpu) {
  ASSERT_TRUE(open("never"));
  EXPECT_EQ(source.needs("a", model("never")).memory_bytes, 0U);
  EXPECT_EQ(gpu.asked, 0);
  EXPECT_EQ(engine.last.text, "CPU");
  StubEngine without(nullptr);
  models::Cache other{{.devices = [&] { return without.devices(); }}};
  const ModelSource bare({.folder = folder}, without, other, deaths);
  EXPECT_EQ(bare.needs("a", model("prefer")).memory_bytes, 76 * kMb);
  EXPECT_EQ(bare.open(model("require"), {}, {}).error().reason, "does_not_fit");
}

}  // namespace
}  // namespace medsynth::worker
