// What an analysis found, made into files for people: one self-contained HTML page, and a table. Pure; thread
// safe.
//
//   const Analysis analysis{.sources = ..., .articles = ..., .result = ..., .provenance = ...};
//   const Selection shown = select(analysis.result, "statin stroke");
//   write_file("report.html", html_report(analysis, shown));
//   write_file("pairs.csv", csv_report(analysis, shown));
//
// The page needs no network and forbids itself to use one (its Content-Security-Policy). Every text of an
// article is escaped in one place, report/html.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medsynth/jobs/jobs.h"
#include "medsynth/references/articles.h"
#include "medsynth/references/references.h"

namespace medsynth::references {

// A file that was read.
struct Source {
  std::string name;  // without its folders: the report goes to others
  std::string format;
  std::string sha256;
  std::size_t bytes = 0;
  std::size_t references = 0;
  std::vector<Warning> warnings;
};

// How the result came to be, for whoever must be able to check it.
struct Provenance {
  std::string version;  // of Medsynth
  std::string task_id;
  std::string created_at;  // RFC 3339
  std::vector<std::pair<std::string, std::string>> settings;
};

// Everything that the files are made of.
struct Analysis {
  std::vector<Source> sources;
  std::vector<Reference> references;          // after duplicates were joined
  std::vector<Article> articles;              // of `references`, in their order
  std::vector<Joined::Duplicate> duplicates;  // `kept` counts in `references`
  jobs::ArticlesResult result;
  Provenance provenance;
};

// What of a result is shown: indices of its questions, those with contradictions first, and of its
// contradictions, the strongest first.
struct Selection {
  std::vector<std::size_t> questions;
  std::vector<std::size_t> pairs;
};
// Questions and pairs whose exposure and outcome have all of these words; "" has them all. A word is met by
// one that it begins, or that begins with it ("statin", "statins").
Selection select(const jobs::ArticlesResult& result, std::string_view words);

// People count pairs from 1: in the report, on the command line and in labels.
inline std::size_t pair_number(std::size_t index) {
  return index + 1;
}

enum class Stance { more, less, no_difference, undirected };
// Which of a question's counts a finding is in.
Stance stance_of(const jobs::ReportedFinding& finding);

std::string html_report(const Analysis& analysis, const Selection& shown);

// One row for each pair, RFC 4180 in UTF-8 with a byte order mark, so that spreadsheets read it. A text that
// a spreadsheet would take for a formula gets an apostrophe before it.
std::string csv_report(const Analysis& analysis, const Selection& shown);

// The references whose articles are in the pairs, in their order.
std::vector<Reference> involved(const Analysis& analysis, const Selection& shown);

}  // namespace medsynth::references
