// What analyze() found, as its result says it: quotes with code points, questions, explanations. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "medsynth/contradiction/articles.h"
#include "medsynth/contradiction/findings/question.h"
#include "medsynth/jobs/jobs.h"

namespace medsynth::contradiction {

// Two findings that contradict each other with this probability; first < second.
struct Hit {
  std::size_t first = 0, second = 0;
  double score = 0;
  bool turned = false;
  Opposition opposition = Opposition::agrees;
  std::optional<double> entailment = std::nullopt;  // probability of a contradiction, where a model read it
};

// Findings on one thing, in order; the first one speaks for all.
struct Group {
  std::vector<std::size_t> findings;
  std::int64_t agreements = 0, contradictions = 0;
};

class Report {
 public:
  Report(const jobs::AnalyzeArticles& arguments, const Library& library, jobs::ArticlesResult& result)
      : arguments_(arguments), library_(library), result_(result) {}

  // `question`: its id, -1 for none. False: the result is full.
  bool contradiction(const Hit& hit, std::int64_t question);
  bool question(const Group& topic, std::int64_t id);
  // Its exposure and outcome, in words.
  std::string subject(std::size_t finding) const;
  // Last: the findings and articles that were referred to.
  void finish();

 private:
  bool fits(std::size_t bytes);
  std::int64_t refer(std::size_t finding);
  jobs::ReportedFinding described(std::size_t finding) const;
  jobs::ArticleClaim side(std::size_t finding) const;
  std::string explanation(const Hit& hit, const std::vector<std::string>& differences) const;
  std::string says(std::size_t finding) const;
  const jobs::Article& article(std::size_t finding) const {
    return arguments_.articles[library_.findings[finding].article];
  }
  std::string_view text(std::size_t finding) const {
    return text_of(article(finding), library_.findings[finding]);
  }
  std::string exposure_of(std::size_t finding) const;

  const jobs::AnalyzeArticles& arguments_;
  const Library& library_;
  jobs::ArticlesResult& result_;
  std::vector<std::size_t> referred_;
  std::size_t bytes_ = 0;
};

}  // namespace medsynth::contradiction
