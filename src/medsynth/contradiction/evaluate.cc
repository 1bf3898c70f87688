#include "medsynth/contradiction/evaluate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <tuple>

#include "medsynth/contradiction/train.h"
#include "medsynth/contradiction/verdict.h"

namespace medsynth::contradiction {
namespace {

constexpr double kHalf = .5;
// Members of the details that are no verdict by themselves: a topic, and all methods together.
constexpr std::array<std::string_view, 2> kNotAlone{"embedding_similarity", "combination"};

std::optional<double> share(double part, double whole) {
  return whole > 0 ? std::optional(part / whole) : std::nullopt;
}

struct Counts {
  double true_positives = 0, false_positives = 0, true_negatives = 0, false_negatives = 0;

  void add(bool contradiction, bool said) {
    if (contradiction)
      (said ? true_positives : false_negatives) += 1;
    else
      (said ? false_positives : true_negatives) += 1;
  }
  double accuracy() const {
    return (true_positives + true_negatives) /
           (true_positives + false_positives + true_negatives + false_negatives);
  }
  // A label that neither occurs nor is given has no F1, and the mean is that of the other.
  double macro_f1() const {
    const double missed = false_positives + false_negatives;
    const auto positive = share(2 * true_positives, 2 * true_positives + missed);
    const auto negative = share(2 * true_negatives, 2 * true_negatives + missed);
    if (positive && negative) return (*positive + *negative) / 2;
    return positive.value_or(negative.value_or(0));
  }
};

std::int64_t& count_of(Verdicts& verdicts, jobs::Verdict verdict) {
  switch (verdict) {
    case jobs::Verdict::contradiction:
      return verdicts.contradiction;
    case jobs::Verdict::no_contradiction:
      return verdicts.no_contradiction;
    default:
      return verdicts.uncertain;
  }
}

// What one method said, else one half.
double score_of(const jobs::ContradictionResult& result, std::string_view method) {
  const json::value* details = result.details.if_contains(method);
  const json::value* score =
      details && details->is_object() ? details->get_object().if_contains("score") : nullptr;
  return score && score->is_number() ? score->to_number<double>() : kHalf;
}

std::vector<std::string> methods_of(const jobs::ContradictionResult& result) {
  std::vector<std::string> methods;
  for (const auto& [name, details] : result.details) {
    const json::object* object = details.if_object();
    const bool alone =
        std::find(kNotAlone.begin(), kNotAlone.end(), std::string_view(name)) == kNotAlone.end();
    if (alone && object && object->contains("score")) methods.emplace_back(name);
  }
  return methods;
}

}  // namespace

Metrics measure(std::span<const Prediction> predictions) {
  Metrics metrics;
  if (predictions.empty()) return metrics;
  Counts counts;
  std::vector<double> scores;
  const auto labels = std::make_unique<bool[]>(predictions.size());
  double same = 0;
  for (const Prediction& each : predictions) {
    counts.add(each.contradiction, each.score > kHalf);
    labels[scores.size()] = each.contradiction;
    scores.push_back(each.score);
    same += each.score == each.swapped ? 1 : 0;
    ++count_of(each.contradiction ? metrics.labelled_contradiction : metrics.labelled_no_contradiction,
               each.verdict);
  }
  const auto all = static_cast<double>(predictions.size());
  const double positives = counts.true_positives + counts.false_negatives;
  const Validated validated = validate(scores, {labels.get(), scores.size()});
  metrics.pairs = static_cast<std::int64_t>(predictions.size());
  metrics.contradictions = static_cast<std::int64_t>(positives);
  metrics.accuracy = counts.accuracy();
  metrics.precision = share(counts.true_positives, counts.true_positives + counts.false_positives);
  metrics.recall = share(counts.true_positives, positives);
  metrics.macro_f1 = counts.macro_f1();
  if (positives > 0 && positives < all) metrics.auroc = validated.auroc;
  metrics.ece = validated.ece;
  metrics.swap_consistency = same / all;
  const Verdicts &yes = metrics.labelled_contradiction, &no = metrics.labelled_no_contradiction;
  const auto covered = all - static_cast<double>(yes.uncertain + no.uncertain);
  metrics.coverage = covered / all;
  metrics.accuracy_covered = share(static_cast<double>(yes.contradiction + no.no_contradiction), covered);
  return metrics;
}

Result<Evaluation> evaluate(std::span<const LabelledPair> pairs, const Judge& judge,
                            const std::function<void(double)>& progress) {
  std::vector<Prediction> together;
  std::vector<WrongPair> errors;
  std::map<std::string, std::vector<Prediction>> by_category, by_method;
  for (const LabelledPair& pair : pairs) {
    jobs::DetectContradiction asked;
    asked.claim1 = pair.claim1;
    asked.claim2 = pair.claim2;
    BOOST_OUTCOME_TRY(const auto result, judge(asked));
    std::swap(asked.claim1, asked.claim2);
    BOOST_OUTCOME_TRY(const auto swapped, judge(asked));
    const bool label = pair.label == Label::contradiction;
    const Prediction said{label, result.contradiction_score, swapped.contradiction_score, result.verdict};
    for (const std::string& method : methods_of(result)) {
      // A method that only some pairs have was undecided about those before.
      auto& predictions = by_method[method];
      for (std::size_t i = predictions.size(); i < together.size(); ++i)
        predictions.push_back({.contradiction = together[i].contradiction});
    }
    for (auto& [method, predictions] : by_method) {
      const double score = score_of(result, method);
      predictions.push_back({label, score, score_of(swapped, method), verdict_of(score, Band{})});
    }
    together.push_back(said);
    if (label != (said.score > kHalf))
      errors.push_back({pair.id, pair.category, pair.label, said.score, said.verdict, pair.claim1,
                        pair.claim2, result.explanation});
    if (!pair.category.empty()) by_category[pair.category].push_back(said);
    if (progress) progress(static_cast<double>(together.size()) / static_cast<double>(pairs.size()));
  }
  std::sort(errors.begin(), errors.end(), [](const WrongPair& a, const WrongPair& b) {
    const auto key = [](const WrongPair& each) {
      return std::tuple(-std::abs(each.score - kHalf), std::tie(each.id, each.claim1, each.claim2));
    };
    return key(a) < key(b);
  });
  Evaluation evaluation{measure(together), {}, {}, {}, std::move(errors)};
  for (const auto& [method, predictions] : by_method) evaluation.methods[method] = measure(predictions);
  for (const auto& [category, predictions] : by_category)
    evaluation.categories[category] = measure(predictions);
  return evaluation;
}

}  // namespace medsynth::contradiction
