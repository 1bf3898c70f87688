// The engine of builds for the thread sanitizer: scores and vectors are hashes of the texts, files are only
// looked at. Same contract, same errors, no model.
#include <cmath>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "medsynth/inference/model_file.h"
#include "medsynth/inference/scoring.h"
#include "medsynth/inference/turn.h"
#include "medsynth/models/digest.h"

namespace medsynth::inference {
namespace {

constexpr double kLabelMass = 0.9;
constexpr std::size_t kBytesPerToken = 4;

// FNV-1a: the same on every machine and in every run, which std::hash does not promise.
std::uint64_t hash_of(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = 14695981039346656037ULL ^ seed;
  for (const unsigned char byte : text) hash = (hash ^ byte) * 1099511628211ULL;
  return hash ^ (hash >> 29);
}

class FakeModel final : public Model {
 public:
  FakeModel(ModelInfo info, bool sentence) : info_(std::move(info)), sentence_(sentence) {}

  const ModelInfo& info() const override { return info_; }

  Result<std::vector<LabelScores>> score(std::span<const Prompt> prompts, std::span<const std::string> labels,
                                         const Until& until) override {
    if (sentence_)
      return Error{Code::invalid_argument,
                   fmt::format("{} is a sentence model: it embeds texts and cannot continue them", info_.id),
                   "not_a_language_model"};
    if (prompts.empty()) return invalid("/prompts", "must not be empty");
    if (labels.empty()) return invalid("/labels", "must not be empty");
    BOOST_OUTCOME_TRY(const auto turn, turn_.take(until));
    std::vector<LabelScores> scores;
    for (const Prompt& prompt : prompts) {
      BOOST_OUTCOME_TRY(check(until, "inference"));
      if (prompt.text.empty()) return invalid(fmt::format("/prompts/{}", scores.size()), "must not be empty");
      scores.push_back(score_one(prompt, labels));
    }
    return scores;
  }

  Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts, const Until& until,
                                                std::vector<bool>* truncated) override {
    if (texts.empty()) return invalid("/texts", "must not be empty");
    BOOST_OUTCOME_TRY(const auto turn, turn_.take(until));
    if (truncated) truncated->clear();
    std::vector<std::vector<float>> vectors;
    for (const std::string& text : texts) {
      BOOST_OUTCOME_TRY(check(until, "inference"));
      if (text.empty()) return invalid(fmt::format("/texts/{}", vectors.size()), "must not be empty");
      if (truncated) truncated->push_back(is_long(text));
      auto& vector = vectors.emplace_back(static_cast<std::size_t>(info_.dimension));
      for (std::size_t i = 0; i < vector.size(); ++i)
        vector[i] = static_cast<float>(hash_of(text, i) % 2001) / 1000.F - 1.F;
      normalize(vector);
    }
    return vectors;
  }

 private:
  bool is_long(const std::string& text) const {
    return text.size() / kBytesPerToken > static_cast<std::size_t>(info_.context);
  }

  LabelScores score_one(const Prompt& prompt, std::span<const std::string> labels) const {
    LabelScores scores{.label_mass = kLabelMass,
                       .truncated = is_long(prompt.text),
                       .tokens = static_cast<std::int64_t>(prompt.text.size() / kBytesPerToken)};
    double sum = 0;
    for (const std::string& label : labels)
      sum += scores.log_probs.emplace_back(
          static_cast<double>(1 + hash_of(prompt.text + label, prompt.chat) % 1000));
    for (double& each : scores.log_probs) each = std::log(kLabelMass * each / sum);
    return scores;
  }

  const ModelInfo info_;
  const bool sentence_;
  Turn turn_;
};

class FakeEngine final : public Engine {
 public:
  Result<std::shared_ptr<Model>> load(const LoadOptions& options) override {
    BOOST_OUTCOME_TRY(const ModelFacts facts, read_facts(options.path));
    BOOST_OUTCOME_TRY(auto digest, models::file_digest(options.path, options.stop));
    BOOST_OUTCOME_TRY(models::check_digest(options.name, digest, options.sha256));
    if (options.progress) options.progress(1);
    if (options.stop.stop_requested())
      return Error{Code::cancelled, fmt::format("loading {} was cancelled", options.name), ""};
    return std::make_shared<FakeModel>(ModelInfo{.id = options.name,
                                                 .digest = std::move(digest),
                                                 .description = "fake",
                                                 .context = choose_context(facts, options.context),
                                                 .dimension = facts.dimension,
                                                 .size_bytes = facts.tensor_bytes,
                                                 .chat = !facts.sentence},
                                       facts.sentence);
  }

  Result<models::Footprint> footprint(const LoadOptions& options) override {
    BOOST_OUTCOME_TRY(const ModelFacts facts, read_facts(options.path));
    return predict_footprint(facts, choose_context(facts, options.context));
  }

  std::vector<models::Device> devices() override { return {}; }
};

}  // namespace

std::unique_ptr<Engine> make_engine() {
  return std::make_unique<FakeEngine>();
}

}  // namespace medsynth::inference
