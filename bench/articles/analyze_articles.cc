// See bench/articles.
#include <array>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>

#include <fmt/format.h>

#include "medsynth/contradiction/contradiction.h"
#include "medsynth/inference/engine.h"

namespace {

using namespace medsynth;

constexpr std::array kDrugs{
    "aspirin",       "metformin",  "atorvastatin", "vitamin D",     "omega-3 fatty acids",
    "remdesivir",    "zinc",       "apixaban",     "empagliflozin", "probiotics",
    "dexamethasone", "colchicine", "semaglutide",  "melatonin",     "sertraline"};
constexpr std::array kOutcomes{"all-cause mortality", "stroke",         "myocardial infarction",
                               "hospital admission",  "major bleeding", "blood pressure",
                               "depressive symptoms", "fracture risk",  "cognitive decline",
                               "length of stay",      "viral load",     "quality of life"};
constexpr std::array kPeople{"older adults",         "patients with type 2 diabetes",
                             "postmenopausal women", "critically ill patients",
                             "children with asthma", "patients with heart failure"};
constexpr std::array kFindings{"significantly reduced {1} compared with placebo", "did not reduce {1}",
                               "had no significant effect on {1}", "was associated with a lower risk of {1}",
                               "increased {1}"};

template <class Array>
const char* any(const Array& array, std::mt19937& random) {
  return array[random() % array.size()];
}

std::string finding(const char* drug, std::mt19937& random) {
  return fmt::format(fmt::runtime("{0} " + std::string(any(kFindings, random))), drug,
                     any(kOutcomes, random));
}

jobs::Article article(std::size_t number, std::mt19937& random) {
  const char* drug = any(kDrugs, random);
  const char* people = any(kPeople, random);
  jobs::Article out;
  out.id = fmt::format("A{}", number);
  out.title = fmt::format("{} in {}: a randomised trial", drug, people);
  out.abstract = fmt::format(
      "BACKGROUND: The role of {0} in {1} remains a matter of debate, and earlier trials were small and of "
      "short duration. Observational studies suggest a benefit, but confounding by indication cannot be "
      "excluded. METHODS: In this multicentre, double-blind trial we randomly assigned {2} {1} to receive "
      "{0} or matching placebo for {3} months. The primary outcome was assessed by a blinded committee. "
      "Analyses followed the intention-to-treat principle, and hazard ratios were estimated with Cox models "
      "adjusted for age, sex and centre. RESULTS: A total of {4} participants completed follow-up; the mean "
      "age was {5} years and {6}% were women. Treatment with {7} (hazard ratio 0.{8}, 95% CI 0.{9} to "
      "1.{10}; P=0.0{11}). In {1}, {12}. Moreover, {13}, although the confidence interval was wide. Serious "
      "adverse events occurred in {6} participants in each group. In a prespecified subgroup analysis of "
      "those older than 65 years, {14}. CONCLUSIONS: Among {1}, {15}. Larger trials with longer follow-up "
      "are needed before routine use can be recommended.",
      drug, people, 200 + random() % 9000, 6 + random() % 54, 180 + random() % 8000, 40 + random() % 40,
      30 + random() % 40, finding(drug, random), 60 + random() % 40, 40 + random() % 20, 10 + random() % 20,
      1 + random() % 9, finding(drug, random), finding(drug, random), finding(drug, random),
      finding(drug, random));
  return out;
}

}  // namespace

// analyze_articles [--model FILE.gguf] ABSTRACTS...
int main(int argc, char** argv) {
  int first = 1;
  const auto engine = inference::make_engine();
  std::shared_ptr<inference::Model> model;
  if (argc > 2 && std::string_view(argv[1]) == "--model") {
    auto loaded = engine->load({.path = argv[2], .name = "sentences", .threads = 2});
    if (!loaded) return fmt::print(stderr, "{}\n", loaded.error().message), 1;
    model = *loaded;
    first = 3;
  }
  fmt::print("| abstracts | claims | pairs compared | contradictions | seconds |\n|---|---|---|---|---|\n");
  for (int i = first; i < argc; ++i) {
    std::mt19937 random(7);
    jobs::AnalyzeArticles arguments;
    for (std::size_t n = 0; n < std::strtoul(argv[i], nullptr, 10); ++n)
      arguments.articles.push_back(article(n, random));
    const auto start = std::chrono::steady_clock::now();
    const auto result = contradiction::analyze(arguments, {}, {}, {.sentence = model.get()});
    if (!result) return 1;
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    fmt::print("| {} | {} | {} | {} | {:.2f} |\n", result->total_articles, result->total_claims,
               result->pairs_compared, result->contradictions.size(), taken.count());
  }
}
