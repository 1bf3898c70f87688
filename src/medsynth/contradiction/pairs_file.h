// Files of labelled pairs: our own, and those of two public data sets in their own columns. Pure: text in,
// pairs out.
//
// jsonl      one object a line: {"claim1", "claim2", "label": "contradiction" | "no_contradiction", "id"?,
//            "category"?}; further members and empty lines are passed over
// healthver  HealthVer's CSV: columns evidence, claim, label (Supports, Refutes, Neutral), id; Refutes is a
//            contradiction, and the label as written is the category
// nli4ct     NLI4CT's JSON: {"<id>": {"Type", "Section_id", "Primary_id", "Secondary_id"?, "Statement",
//            "Label": "Entailment" | "Contradiction"}}; the sections come from the trial reports; the
//            category is type and section
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/error.h"

namespace medsynth::contradiction {

enum class Label { contradiction, no_contradiction };
BOOST_DESCRIBE_ENUM(Label, contradiction, no_contradiction)

enum class Format { jsonl, healthver, nli4ct };
BOOST_DESCRIBE_ENUM(Format, jsonl, healthver, nli4ct)

struct LabelledPair {
  std::string claim1;
  std::string claim2;
  Label label = Label::no_contradiction;
  std::string id;        // may be empty
  std::string category;  // may be empty
};

// The text of one trial report (its JSON), by the trial's id; errors are passed on.
using TrialReader = std::function<Result<std::string>(const std::string& id)>;

// In the order of the file. invalid_argument (reason "bad_pairs") has a fault for each of the first wrong
// lines: where ("line 7, label"; of nli4ct, the entry and the field) and what to do about it. A file without
// a pair is one too. `trial` is needed for nli4ct only.
Result<std::vector<LabelledPair>> read_pairs(std::string_view text, Format format,
                                             const TrialReader& trial = {});

// Records of a CSV file (RFC 4180: quotes, commas and line ends inside quotes), each with the line that it
// begins on, counted from 1. invalid_argument: a quote that is not closed.
struct CsvRecord {
  std::size_t line = 0;
  std::vector<std::string> fields;
};
Result<std::vector<CsvRecord>> read_csv(std::string_view text);

}  // namespace medsynth::contradiction
