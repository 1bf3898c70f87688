// The engine of the chaos test, in place of the one that the library has. A model's file says how loading it
// goes: "ok", "broken" (an error that is worth trying again) or "no memory". A model that is asked to
// continue "abort" ends its process, as llama.cpp's assertions do.
#include "medsynth/inference/engine.h"

#include <fstream>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "medsynth/inference/turn.h"

#include "history.h"

namespace medsynth::inference {
namespace {

using namespace std::chrono_literals;

class ChaosModel final : public Model {
 public:
  explicit ChaosModel(ModelInfo info) : info_(std::move(info)) {}
  const ModelInfo& info() const override { return info_; }

  Result<std::vector<LabelScores>> score(std::span<const Prompt> prompts, std::span<const std::string> labels,
                                         const Until& until) override {
    BOOST_OUTCOME_TRY(const auto turn, turn_.take(until));
    std::vector<LabelScores> scores;
    for (const Prompt& prompt : prompts) {
      if (prompt.text == "abort") chaos::abort_here("model");
      scores.push_back({.log_probs = std::vector<double>(labels.size(), -1.0)});
    }
    return scores;
  }
  Result<std::vector<std::vector<float>>> embed(std::span<const std::string>, const Until&,
                                                std::vector<bool>*) override {
    return Error{Code::invalid_argument, "this model only scores", ""};
  }

 private:
  const ModelInfo info_;
  Turn turn_;
};

class ChaosEngine final : public Engine {
 public:
  Result<std::shared_ptr<Model>> load(const LoadOptions& options) override {
    std::string how;
    std::getline(std::ifstream(options.path), how);
    std::this_thread::sleep_for(20ms);
    if (how == "no memory")
      return Error{Code::exhausted, fmt::format("no memory to load {}", options.name), "no_memory"};
    if (how != "ok") return Error{Code::unavailable, fmt::format("{} does not load", options.name), ""};
    return std::make_shared<ChaosModel>(ModelInfo{.id = options.name, .description = "chaos"});
  }
  Result<models::Footprint> footprint(const LoadOptions&) override {
    return models::Footprint{.layers = {}, .host = std::uint64_t{1} << 20};
  }
  std::vector<models::Device> devices() override { return {}; }
};

}  // namespace

std::unique_ptr<Engine> make_engine() {
  return std::make_unique<ChaosEngine>();
}

}  // namespace medsynth::inference
