// What a sentence of an article finds: who has more, less or as much of what. One finding for each exposure
// of an enumeration, with the estimate that stands behind it. Pure, thread safe, linear in the length of the
// sentence with a bound on the number of findings.
//
//   "Smoking (AOR 2.1; 95% CI 1.4-3.2) and age (AOR 0.9; 0.6-1.4) were associated with stroke."
//     {exposure smoking, outcome stroke, more, 2.1}, {exposure age, outcome stroke, not_associated, 0.9}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/contradiction/abbreviations.h"
#include "medsynth/contradiction/findings/section.h"
#include "medsynth/contradiction/lexicon.h"
#include "medsynth/contradiction/quantities.h"

namespace medsynth::contradiction {

// A word that names something.
struct Term {
  std::uint64_t concept_id = 0;
  float worth = 0;            // see worth.h
  std::int8_t sentiment = 0;  // of more of it: -1 bad, +1 good, 0 not known
  bool inverse = false;       // the opposite of its concept: "survival", "rural"
  Span span;
};
using Terms = std::vector<Term>;  // in order of concept, each once

enum class Direction : std::uint8_t { more, less, no_difference, associated, not_associated, better, worse };
BOOST_DESCRIBE_ENUM(Direction, more, less, no_difference, associated, not_associated, better, worse)

struct Finding {
  Terms exposure, comparator, outcome, population;
  Terms words;          // of a claim that was given: all of them
  bool denies = false;  // of a claim that was given: see denials.h
  Direction direction = Direction::associated;
  Outcomes allowed = kAny;     // of less, none, more of the outcome
  bool benefit = false;        // "more" is better, "less" is worse
  bool exposure_less = false;  // "lower intake was associated with ...": the direction is that of less of it
  bool outcome_less = false;   // "... with iron deficiency": that of less of it
  bool property = false;       // what a thing is said to be: see properties.h
  bool unclear = false;        // nothing was read but the words: everything is allowed
  bool symmetric = false;      // an association: exposure and outcome may change places
  bool implied = false;        // "the intervention": the exposure is what the title names
  bool hedged = false;         // may, suggests
  bool statistical = false;    // none because it was not significant
  std::optional<Estimate> estimate;
  std::optional<PValue> p;
  Span cue, sentence;
  std::optional<Span> negation;
  Section section = Section::unlabelled;
};

inline constexpr std::size_t kMaxFindingsPerSentence = 16;

// `abbreviations`: those of the whole article; `topic`: the words of its title, may be empty. Sentences of
// sections that report no findings, aims, hypotheses and recommendations have none.
std::vector<Finding> read_findings(std::string_view text, const Sentence& sentence,
                                   const Abbreviations& abbreviations, const Terms& topic);

// The words of a text that name something, with what they are worth; for titles.
Terms read_terms(std::string_view text, Span part, const Abbreviations& abbreviations);

}  // namespace medsynth::contradiction
