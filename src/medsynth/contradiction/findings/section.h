// The sentences of an abstract and the section that each stands in. Pure, thread safe, linear in the length.
//
// Labels are found however journals print them: "RESULTS: We ...", "Results We ...", "ResultsWe ...", and
// fused to the sentence before ("... in 2015.ResultsWe ..."). A full stop inside brackets or within a number
// ("AOR: 0. 08") ends no sentence.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/contradiction/text.h"

namespace medsynth::contradiction {

// `unlabelled`: of an abstract without labels. `mixed`: "Methods and findings".
enum class Section : std::uint8_t {
  unlabelled,
  background,
  methods,
  mixed,
  results,
  conclusions,
  other,
  title,
  claim
};
BOOST_DESCRIBE_ENUM(Section, unlabelled, background, methods, mixed, results, conclusions, other, title,
                    claim)

struct Sentence {
  Span span;  // without the label
  Section section = Section::unlabelled;
};

std::vector<Sentence> read_sections(std::string_view abstract);

// May a finding stand in this section?
bool reports_findings(Section section);

}  // namespace medsynth::contradiction
