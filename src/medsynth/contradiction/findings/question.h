// Are two findings about one question, and do they exclude each other? Pure, symmetric, thread safe.
//
// A question is what is done (or met with) and what comes of it. Numbers and directions only count inside of
// one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/contradiction/findings/findings.h"

namespace medsynth::contradiction {

// How much two lists of terms share, 0..1: the cosine with what the terms are worth.
double likeness(const Terms& a, const Terms& b);
Terms joined(const Terms& a, const Terms& b);
// In the order of the text, parted by spaces.
std::string words_of(const Terms& terms, std::string_view text);

// How two findings meet; each 0..1.
struct Meeting {
  double exposure = 0, outcome = 0;  // likeness, of the better of both ways round where one is an association
  double rarest_exposure = 0, rarest_outcome = 0;  // what the rarest shared word is worth
  double all = 0;      // likeness of exposure and outcome together, whichever is which
  double setting = 0;  // of populations
  double shared = 0;   // what the shared words of exposure and outcome are worth together, at most 3
  double title = 0;    // of the articles' titles
  double rarest_title = 0;
  double words = 0;         // of all words of two claims that were given
  double shared_words = 0;  // what those that they share are worth together, at most 3
  // How far neither names the other's exposure, or outcome, anywhere in a claim, or in exposure and outcome.
  double other_exposure = 0, other_outcome = 0;
  // Of two claims of which one was not read: what of either, by worth, the other does not name anywhere.
  double unread = 0;
  double meaning = 0;  // cosine of the sentences' embeddings; 0: no sentence model
  bool turned = false;
};
BOOST_DESCRIBE_STRUCT(Meeting, (),
                      (exposure, outcome, rarest_exposure, rarest_outcome, all, setting, shared, title,
                       rarest_title, words, shared_words, other_exposure, other_outcome, unread, meaning,
                       turned))
Meeting meet(const Finding& a, const Finding& b, const Terms& title_a, const Terms& title_b);

enum class Opposition : std::uint8_t {
  agrees,
  unclear,   // nothing to compare: one is better, the other more, and which of them is good is not known
  null,      // one finds an effect, the other none
  opposite,  // less and more, better and worse
};
BOOST_DESCRIBE_ENUM(Opposition, agrees, unclear, null, opposite)
Opposition oppose(const Finding& a, const Finding& b, bool turned);

// Probability that both answer one question, and that they contradict each other. From weights fitted on
// pairs of real abstracts (tests/literature).
struct Probability {
  double same_question = 0;
  double contradiction = 0;
};
Probability probability_of(const Meeting& meeting, Opposition opposition, const Finding& a, const Finding& b);

// What differs between the two beside the direction, in words: population, comparator, dose, design,
// follow-up.
std::vector<std::string> differences(const Finding& a, std::string_view text_a, const Finding& b,
                                     std::string_view text_b);

}  // namespace medsynth::contradiction
