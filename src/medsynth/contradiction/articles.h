// The findings of many articles: what is read, what it is read from, and what could not be read. Pure but for
// a look at the deadline.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/contradiction/findings/candidates.h"
#include "medsynth/contradiction/findings/findings.h"
#include "medsynth/inference/engine.h"
#include "medsynth/jobs/jobs.h"

namespace medsynth::contradiction {

// Sentences or claims of one article that are read, so that one article cannot fill the result.
inline constexpr std::size_t kMaxClaimsPerArticle = 200;

struct Library {
  std::vector<IndexedFinding> findings;
  std::vector<Terms> topics;  // of each article: the words of its title; empty without one
  std::int64_t claims = 0;    // sentences and claims that find something
};

// The text in which a finding's spans count: a claim or the abstract of its article.
std::string_view text_of(const jobs::Article& article, const IndexedFinding& finding);

std::string id_of(const jobs::Article& article, std::size_t index);

// `progress` takes 0..1. Adds to `warnings` what was not read: articles without text, text that is not
// English, fields that nobody reads, claims beyond the bound. Errors: cancelled, timeout.
Result<Library> read_library(const std::vector<jobs::Article>& articles, const inference::Until& until,
                             const std::function<void(double)>& progress, std::vector<std::string>& warnings);

Result<> keep_going(const inference::Until& until);

}  // namespace medsynth::contradiction
