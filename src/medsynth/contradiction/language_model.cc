#include "medsynth/contradiction/language_model.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "medsynth/contradiction/prompt.h"

namespace medsynth::contradiction {
namespace {

// A claim beyond this is cut: the examples and both claims must fit a context of 1024 tokens.
constexpr std::size_t kMaxClaimBytes = 1200;

// On one line, so that a claim cannot look like the end of its part of the prompt.
std::string one_line(std::string_view claim, bool& truncated) {
  std::size_t size = std::min(claim.size(), kMaxClaimBytes);
  while (size > 0 && size < claim.size() && (static_cast<unsigned char>(claim[size]) & 0xC0U) == 0x80U)
    --size;
  truncated |= size < claim.size();
  std::string line(claim.substr(0, size));
  std::replace_if(
      line.begin(), line.end(), [](char each) { return static_cast<unsigned char>(each) < ' '; }, ' ');
  return line;
}

// What all pairs have in common.
const std::string& beginning() {
  static const std::string* const text = [] {
    auto* out = new std::string(prompt_template().instructions + "\n\n");
    for (const WorkedExample& each : prompt_template().examples)
      *out += fmt::format("Finding 1: {}\nFinding 2: {}\nAnswer: {}\n\n", each.finding1, each.finding2,
                          each.answer);
    *out += "Finding 1:";
    return out;
  }();
  return *text;
}

using Answers = std::array<double, 3>;  // agree, disagree, different

// Logarithms of the probabilities, with a floor: an answer that never comes is not infinitely sure.
Answers logs_of(const inference::LabelScores& scores) {
  constexpr double kLeast = -50;
  Answers logs{};
  for (std::size_t i = 0; i < logs.size(); ++i) logs[i] = std::max(scores.log_probs[i], kLeast);
  return logs;
}

Answers minus(Answers a, const Answers& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}

// Probabilities that sum to 1.
Answers softmax(const Answers& logs) {
  const double greatest = *std::max_element(logs.begin(), logs.end());
  Answers out{};
  double sum = 0;
  for (std::size_t i = 0; i < out.size(); ++i) sum += out[i] = std::exp(logs[i] - greatest);
  for (double& each : out) each /= sum;
  return out;
}

// Of "disagree" against "agree", so that a model that knows nothing has 0. "different" is left out: it says more
// of how unsure a model is than of the pair, and what is about the same thing the analysis of the text knows.
double log_odds_of(const Answers& probabilities) {
  constexpr double kSmallest = 1e-12;
  return std::log(std::max(probabilities[1], kSmallest) / std::max(probabilities[0], kSmallest));
}

double sigmoid(double logit) {
  return 1 / (1 + std::exp(-logit));
}

}  // namespace

const PromptTemplate& prompt_template() {
  static const PromptTemplate* const built_in =
      new PromptTemplate(*described::parse<PromptTemplate>(std::string(kPrompt)));
  return *built_in;
}

inference::Prompt prompt_of(std::string_view first, std::string_view second, bool constant) {
  return {.text = fmt::format("{} {}\nFinding 2: {}\nAnswer:", beginning(), first, second),
          .shared = beginning().size(),
          .constant = constant};
}

std::array<std::string, 3> labels() {
  const AnswerWords& words = prompt_template().answers;
  return {" " + words.agree, " " + words.disagree, " " + words.different};
}

double ModelAnswer::probability() const {
  return sigmoid(log_odds());
}

double ModelAnswer::asymmetry() const {
  return std::abs(sigmoid(logit12) - sigmoid(logit21));
}

Result<ModelAnswer> ask(inference::Model& model, std::string_view claim1, std::string_view claim2,
                        const inference::Until& until) {
  ModelAnswer answer;
  const std::string first = one_line(claim1, answer.truncated), second = one_line(claim2, answer.truncated);
  const std::array prompts{prompt_of(first, second), prompt_of(second, first), prompt_of("N/A", "N/A", true)};
  const auto names = labels();
  BOOST_OUTCOME_TRY(auto scores, model.score(prompts, names, until));
  const bool complete = scores.size() == prompts.size() &&
                        std::all_of(scores.begin(), scores.end(),
                                    [&](const auto& each) { return each.log_probs.size() == names.size(); });
  if (!complete)
    return Error{Code::internal, "The model answered with the wrong number of scores.", "bad_model_answer"};
  const Answers bias = logs_of(scores[2]);
  const Answers order12 = minus(logs_of(scores[0]), bias), order21 = minus(logs_of(scores[1]), bias);
  Answers both{};
  for (std::size_t i = 0; i < both.size(); ++i) both[i] = (order12[i] + order21[i]) / 2;
  const Answers probabilities = softmax(both);
  answer.agree = probabilities[0];
  answer.disagree = probabilities[1];
  answer.different = probabilities[2];
  answer.logit12 = log_odds_of(softmax(order12));
  answer.logit21 = log_odds_of(softmax(order21));
  answer.label_mass = std::min(scores[0].label_mass, scores[1].label_mass);
  answer.truncated |= scores[0].truncated || scores[1].truncated;
  return answer;
}

Result<std::vector<ModelAnswer>> ask_entailment(inference::Model& model,
                                                std::span<const inference::TextPair> pairs,
                                                const inference::Until& until) {
  std::vector<inference::TextPair> both(pairs.begin(), pairs.end());
  for (const inference::TextPair& pair : pairs) both.push_back({pair.hypothesis, pair.premise});
  BOOST_OUTCOME_TRY(const auto read, model.entail(both, until));
  if (read.size() != both.size())
    return Error{Code::internal, "The model answered with the wrong number of scores.", "bad_model_answer"};
  std::vector<ModelAnswer> answers;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const inference::Entailment &one = read[i], &other = read[pairs.size() + i];
    const auto probability = [&](double inference::Entailment::* label) {
      return (std::exp(one.*label) + std::exp(other.*label)) / 2;
    };
    const auto log_odds = [](const inference::Entailment& each) {
      constexpr double kSmallest = 1e-12;
      const double p = std::exp(each.contradiction);
      return std::log(std::max(p, kSmallest) / std::max(1 - p, kSmallest));
    };
    answers.push_back({.agree = probability(&inference::Entailment::entailment),
                       .disagree = probability(&inference::Entailment::contradiction),
                       .different = probability(&inference::Entailment::neutral),
                       .logit12 = log_odds(one),
                       .logit21 = log_odds(other),
                       .label_mass = 1,
                       .truncated = one.truncated || other.truncated,
                       .entailment = true});
  }
  return answers;
}

std::string_view wording_of(std::string_view method) {
  return method == "entailment" ? std::string_view("entailment-1") : prompt_template().version;
}

json::object details_of(const ModelAnswer& answer, bool calibrated, bool demo) {
  if (answer.entailment)
    return {{"score", answer.probability()},
            {"weight", 1.0},
            {"answers", json::object{{"entailment", answer.agree},
                                     {"contradiction", answer.disagree},
                                     {"neutral", answer.different}}},
            {"logits", json::object{{"order12", answer.logit12}, {"order21", answer.logit21}}},
            {"asymmetry", answer.asymmetry()},
            {"truncated", answer.truncated},
            {"calibrated", calibrated}};
  return {
      {"score", answer.probability()},
      {"weight", answer.counts() ? 1.0 : 0.0},
      {"answers",
       json::object{{"agree", answer.agree}, {"disagree", answer.disagree}, {"different", answer.different}}},
      {"logits", json::object{{"order12", answer.logit12}, {"order21", answer.logit21}}},
      {"label_mass", answer.label_mass},
      {"asymmetry", answer.asymmetry()},
      {"template", prompt_template().version},
      {"truncated", answer.truncated},
      {"calibrated", calibrated},
      {"demo", demo}};
}

}  // namespace medsynth::contradiction
