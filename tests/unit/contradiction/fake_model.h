// A language model that answers as told and remembers what it was asked.
#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "medsynth/inference/engine.h"

namespace medsynth::contradiction {

class FakeModel final : public inference::Model {
 public:
  FakeModel() {
    info_.id = "fake";
    info_.digest = "d1";
    info_.description = "fake 1M";
  }
  const inference::ModelInfo& info() const override { return info_; }
  Result<std::vector<inference::LabelScores>> score(std::span<const inference::Prompt> prompts,
                                                    std::span<const std::string> labels,
                                                    const inference::Until& until) override {
    ++calls;
    asked.assign(prompts.begin(), prompts.end());
    asked_labels.assign(labels.begin(), labels.end());
    if (until.stop.stop_requested()) return Error{Code::cancelled, "cancelled", ""};
    std::vector<inference::LabelScores> scores;
    for (const inference::Prompt& prompt : prompts) {
      const double yes = yes_of(prompt.text);
      inference::LabelScores each;
      for (const double answer : {(1 - yes) / 2, yes, (1 - yes) / 2})  // agree, disagree, different
        each.log_probs.push_back(std::log(answer * label_mass));
      each.label_mass = label_mass;
      scores.push_back(std::move(each));
    }
    return scores;
  }
  // Probability of a contradiction, of premise and hypothesis; the rest is entailment.
  std::function<double(const std::string&, const std::string&)> opposed_of;
  std::size_t entailed = 0;  // pairs, each order
  Result<std::vector<inference::Entailment>> entail(std::span<const inference::TextPair> pairs,
                                                    const inference::Until& until) override {
    if (!opposed_of) return inference::Model::entail(pairs, until);
    std::vector<inference::Entailment> out;
    for (const inference::TextPair& pair : pairs) {
      const double p = opposed_of(pair.premise, pair.hypothesis);
      out.push_back({.entailment = std::log(1 - p), .neutral = std::log(1e-9), .contradiction = std::log(p)});
    }
    entailed += out.size();
    return out;
  }

  Result<std::vector<std::vector<float>>> embed(std::span<const std::string>, const inference::Until&,
                                                std::vector<bool>*) override {
    if (embeddings.empty()) return Error{Code::internal, "not asked for", ""};
    return embeddings;
  }

  inference::ModelInfo info_;
  std::function<double(const std::string& prompt)> yes_of = [](const std::string&) { return .5; };
  std::vector<std::vector<float>> embeddings;  // whatever the texts
  double label_mass = .9;
  int calls = 0;
  std::vector<inference::Prompt> asked;
  std::vector<std::string> asked_labels;
};

}  // namespace medsynth::contradiction
