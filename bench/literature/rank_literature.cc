// See bench/literature/run.
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/articles.h"
#include "medsynth/contradiction/contradiction.h"
#include "medsynth/contradiction/findings/question.h"
#include "medsynth/contradiction/findings/statements.h"
#include "medsynth/inference/engine.h"

#include "labelled.h"

namespace {

using namespace medsynth;
using namespace medsynth::contradiction;
using namespace medsynth::bench;

double megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

int analyze_file(const Options& options) {
  jobs::AnalyzeArticles arguments;
  const auto articles = read_articles(options);
  for (std::size_t i = 0; i < options.times; ++i)
    for (jobs::Article article : articles) {
      if (i > 0) article.id = article.id.value_or("") + "-" + std::to_string(i);
      arguments.articles.push_back(std::move(article));
    }
  arguments.threshold = options.threshold;
  const auto model = load(options.model);
  const auto start = std::chrono::steady_clock::now();
  const auto result = analyze(arguments, {}, {}, {.sentence = model.get()});
  if (!result) return fmt::print(stderr, "{}\n", result.error().message), 1;
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  fmt::print(
      "| articles | sentences that find | findings | compared | left out | questions | contradictions | per "
      "1,000 "
      "| seconds | MB |\n|---|---|---|---|---|---|---|---|---|---|\n");
  fmt::print("| {} | {} | {} | {} | {} | {} | {} | {:.1f} | {:.1f} | {:.0f} |\n\n", result->total_articles,
             result->total_claims, result->total_findings, result->pairs_compared, result->not_compared,
             result->questions.size(), result->contradictions.size(),
             1000. * static_cast<double>(result->contradictions.size()) /
                 static_cast<double>(result->total_articles),
             taken.count(), megabytes());
  for (const std::string& warning : result->warnings) fmt::print("- {}\n", warning);
  fmt::print("\nQuestions with most findings:\n");
  for (std::size_t i = 0; i < std::min<std::size_t>(10, result->questions.size()); ++i) {
    const jobs::Question& each = result->questions[i];
    fmt::print(
        "- {} > {}: {} articles, {} more, {} less, {} none, {} undirected; {} contradictions, {} "
        "agreements\n",
        each.exposure, each.outcome, each.articles, each.more, each.less, each.no_difference, each.undirected,
        each.contradictions, each.agreements);
  }
  fmt::print("\nThe strongest, to be read:\n");
  for (std::size_t i = 0; i < std::min(options.shown, result->contradictions.size()); ++i) {
    const jobs::FoundContradiction& each = result->contradictions[i];
    fmt::print("\n{}. {:.2f} {} {}\n", i + 1, each.contradiction_score, described::enum_name(each.confidence),
               each.explanation);
    for (const jobs::ArticleClaim* side : {&each.claim1, &each.claim2})
      fmt::print("   - {} \"{}\": {}\n", side->article_id, side->title, side->claim);
  }
  return 0;
}

int print_findings(const Options& options) {
  const auto articles = read_articles(options);
  std::vector<std::string> warnings;
  const auto library = read_library(articles, {}, {}, warnings);
  if (!library) return 1;
  std::string_view last;
  for (const IndexedFinding& each : library->findings) {
    if (each.article % options.every != 0) continue;
    const std::string_view text = text_of(articles[each.article], each);
    const std::string_view sentence =
        text.substr(each.finding.sentence.begin, each.finding.sentence.end - each.finding.sentence.begin);
    if (sentence.data() != last.data())
      fmt::print("{} [{}] {}\n", id_of(articles[each.article], each.article),
                 described::enum_name(each.finding.section), sentence);
    last = sentence;
    fmt::print("    {}\n", show(each.finding, text));
  }
  return 0;
}

int read_lines() {
  for (std::string line; std::getline(std::cin, line);) {
    fmt::print("{}\n", line);
    for (const Finding& finding : read_statement(line, {})) fmt::print("    {}\n", show(finding, line));
  }
  return 0;
}

// Texts of random bytes, words and pieces of words: nothing may crash.
int random_texts(std::size_t count) {
  constexpr std::array kPieces{"no ",
                               "not ",
                               "associated with ",
                               "reduced ",
                               "(AOR 2.1, 95% CI 1.4-3.2) ",
                               ", ",
                               "and ",
                               "than ",
                               "Results",
                               "RESULTS: ",
                               ". ",
                               "; ",
                               "0. 08",
                               "[",
                               "(",
                               ")",
                               "]",
                               "\xce\xb2",
                               "\xff",
                               "\xe2\x82",
                               "between ",
                               "in ",
                               "similar ",
                               "neither ",
                               "who ",
                               "women ",
                               "higher ",
                               "\n\n",
                               "Aspirin ",
                               "stroke ",
                               "was ",
                               "that ",
                               "role ",
                               "of ",
                               ": ",
                               "Conclusions",
                               "risk factors ",
                               "were "};
  std::mt19937 random(7);
  jobs::AnalyzeArticles arguments;
  arguments.threshold = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text;
    for (std::size_t n = random() % 40; n > 0; --n)
      if (random() % 6 == 0)
        text.push_back(static_cast<char>(random()));
      else
        text += kPieces[random() % kPieces.size()];
    jobs::Article article;
    if (random() % 2) article.title = text.substr(0, text.size() / 2);
    if (random() % 3 == 0)
      article.claims = std::vector<std::string>{text, text};
    else
      article.abstract = text;
    arguments.articles.push_back(std::move(article));
    if (arguments.articles.size() < 500) continue;
    if (!analyze(arguments, {}, {})) return 1;
    arguments.articles.clear();
  }
  fmt::print("{} random texts\n", count);
  return 0;
}

}  // namespace

// rank_literature MODE [--abstracts FILE] [--labels FILE] [--model FILE] [--threshold T] [--shown N] [--times
// N] [--every N]
int main(int argc, char** argv) {
  Options options;
  if (argc > 1) options.mode = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--abstracts") options.abstracts = value;
    if (name == "--labels") options.labels = value;
    if (name == "--model") options.model = value;
    if (name == "--threshold") options.threshold = std::stod(value);
    if (name == "--shown") options.shown = std::stoul(value);
    if (name == "--times") options.times = std::stoul(value);
    if (name == "--every") options.every = std::stoul(value);
  }
  if (options.mode == "analyze") return analyze_file(options);
  if (options.mode == "findings") return print_findings(options);
  if (options.mode == "read") return read_lines();
  if (options.mode == "sample") return sample(options);
  if (options.mode == "labels") return labels(options);
  if (options.mode == "questions") return questions(options);
  if (options.mode == "features") return features(options);
  if (options.mode == "claim_features") return claim_features(options);
  if (options.mode == "random") return random_texts(options.shown);
  fmt::print(stderr,
             "modes: analyze, findings, read, sample, labels, questions, features, claim_features, random\n");
  return 2;
}
