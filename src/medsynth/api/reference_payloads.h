// What the calls on references and labels take and answer, described once.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/described.h"
#include "medsynth/references/articles.h"

namespace medsynth::api {

// Names of columns (or members of JSON), for files in which they are unusual.
struct ReferencesQuery {
  std::optional<std::string> title;
  std::optional<std::string> abstract;
  std::optional<std::string> year;
  std::optional<std::string> journal;
  std::optional<std::string> authors;
  std::optional<std::string> doi;
  std::optional<std::string> pmid;
  std::optional<std::string> id;
};
BOOST_DESCRIBE_STRUCT(ReferencesQuery, (), (title, abstract, year, journal, authors, doi, pmid, id))

// A record that was joined with an article.
struct DuplicateRecord {
  std::string article;  // id of the one that was kept
  std::string title;    // of the one that was not
  std::string why;      // doi | pmid | title and year
  std::int64_t line = 0;
  std::string file;
};
BOOST_DESCRIBE_STRUCT(DuplicateRecord, (), (article, title, why, line, file))

struct ReferencesAnswer {
  std::vector<references::Article> articles;
  std::vector<DuplicateRecord> duplicates;
  std::vector<references::Warning> warnings;
  std::string format;  // of an archive, those of its files, with commas between
};
BOOST_DESCRIBE_STRUCT(ReferencesAnswer, (), (articles, duplicates, warnings, format))

enum class Judgement { agree, disagree };
BOOST_DESCRIBE_ENUM(Judgement, agree, disagree)

struct NewLabel {
  std::string task_id;
  std::int64_t pair = 1;
  Judgement label = Judgement::agree;
  std::optional<std::string> claim1;
  std::optional<std::string> claim2;
};
BOOST_DESCRIBE_STRUCT(NewLabel, (), (task_id, pair, label, claim1, claim2))

// What the report saves.
struct LabelsFile {
  std::vector<NewLabel> labels;
};
BOOST_DESCRIBE_STRUCT(LabelsFile, (), (labels))

// One line of the file of labels, which `medsynth calibrate` reads.
struct KeptLabel {
  std::string id;  // of the pair: TASK/NUMBER
  std::string claim1;
  std::string claim2;
  std::string label;  // contradiction | no_contradiction
  std::string labelled_at;
};
BOOST_DESCRIBE_STRUCT(KeptLabel, (), (id, claim1, claim2, label, labelled_at))

struct KeptLabels {
  KeptLabel label;
  std::int64_t total = 0;  // labels that there are now
};
BOOST_DESCRIBE_STRUCT(KeptLabels, (), (label, total))

struct LabelAnswer {
  std::string status = "success";
  std::string message;
  KeptLabels data;
};
BOOST_DESCRIBE_STRUCT(LabelAnswer, (), (status, message, data))

}  // namespace medsynth::api

namespace medsynth::described {
template <>
struct Rules<api::ReferencesQuery> {
  static constexpr std::size_t kMaxName = 200;
  static constexpr std::array fields{
      Field{.name = "title",
            .help = "What the column of titles is called",
            .min_size = 1,
            .max_size = kMaxName},
      Field{.name = "abstract", .help = "The column of abstracts", .min_size = 1, .max_size = kMaxName},
      Field{.name = "year", .help = "The column of years", .min_size = 1, .max_size = kMaxName},
      Field{.name = "journal", .help = "The column of journals", .min_size = 1, .max_size = kMaxName},
      Field{.name = "authors", .help = "The column of authors", .min_size = 1, .max_size = kMaxName},
      Field{.name = "doi", .help = "The column of DOIs", .min_size = 1, .max_size = kMaxName},
      Field{.name = "pmid", .help = "The column of PMIDs", .min_size = 1, .max_size = kMaxName},
      Field{.name = "id", .help = "The column of ids", .min_size = 1, .max_size = kMaxName}};
};
template <>
struct Rules<api::NewLabel> {
  static constexpr std::size_t kMaxClaim = 32 * 1024;  // as of an article's texts
  static constexpr std::array fields{
      Field{.name = "task_id", .help = "The analysis that reported the pair", .min_size = 1, .max_size = 200},
      Field{.name = "pair",
            .help = "Its number among the contradictions of the result, from 1",
            .minimum = 1,
            .maximum = 1e6},
      Field{.name = "label", .help = "agree: they contradict each other; disagree: they do not"},
      Field{.name = "claim1",
            .help = "With claim2, where the task may be gone: what the pair said",
            .min_size = 1,
            .max_size = kMaxClaim},
      Field{.name = "claim2", .help = "See claim1", .min_size = 1, .max_size = kMaxClaim}};
};
}  // namespace medsynth::described
