// What the modes of rank_literature share, and its labels.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/contradiction/articles.h"
#include "medsynth/inference/engine.h"

namespace medsynth::bench {

struct Options {
  std::string mode, abstracts, labels, model;
  double threshold = .7;
  std::size_t shown = 20, times = 1, every = 1;
};

std::vector<jobs::Article> read_articles(const Options& options);
std::shared_ptr<inference::Model> load(const std::string& path);  // null for ""
std::string show(const contradiction::Finding& finding, std::string_view text);

// Pairs to be labelled that --labels does not have: the strongest `shown`, half as many of one question, and
// as many at random. On stdout their text, on stderr what a label needs.
int sample(const Options& options);
// One line for each label: half, same_question, contradiction, opposition, figures; to fit the weights of
// question.cc.
int features(const Options& options);
// How the claims of invented questions do, alone and among abstracts.
int questions(const Options& options);
// One line for each pair of claims of the sets to fit: what question.cc is fitted on.
int claim_features(const Options& options);
// How good the scores are on the labels, by halves, with 95 % intervals.
int labels(const Options& options);

}  // namespace medsynth::bench
