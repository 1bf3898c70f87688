#include "medsynth/contradiction/findings/properties.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "medsynth/contradiction/findings/cues.h"

namespace medsynth::contradiction {
namespace {

struct Property {
  std::string_view words;  // parted by spaces
  std::string_view noun;
  Outcomes says;        // of more or less of it
  bool effect = false;  // "not effective" is no effect; "not safe" is the opposite of safe
};
constexpr std::array kProperties{
    Property{"safe", "safety", kMore},
    Property{"unsafe dangerous hazardous", "safety", kLess},
    Property{"effective efficacious", "efficacy", kMore, true},
    Property{"ineffective inefficacious futile useless", "efficacy", kNone, true},
    Property{"tolerated tolerable", "tolerability", kMore},
    Property{"intolerable", "tolerability", kLess},
    Property{"cost-effective", "cost", kMore},
    Property{"feasible practicable", "feasibility", kMore},
    Property{"infeasible unfeasible impracticable", "feasibility", kLess},
    Property{"acceptable", "acceptability", kMore},
    Property{"unacceptable", "acceptability", kLess},
    Property{"accurate", "accuracy", kMore},
    Property{"inaccurate", "accuracy", kLess},
    Property{"reliable", "reliability", kMore},
    Property{"unreliable", "reliability", kLess},
};

const Property* property_of(std::string_view word) {
  const auto found = std::find_if(kProperties.begin(), kProperties.end(),
                                  [&](const Property& each) { return any_of_words(word, each.words); });
  return found == kProperties.end() ? nullptr : &*found;
}

// What may stand between a thing and its property.
constexpr std::string_view kBetween =
    "is are was were be been being to has have had seem seems seemed appear appears appeared remain remains "
    "remained prove proves proved proven found shown reported considered not no longer never cannot can may "
    "might "
    "could also both generally usually mostly very highly quite fairly relatively well poorly badly and or "
    "nor neither "
    "either";
constexpr std::string_view kBe =
    "is are was were be been seem seems seemed appear appears appeared remain remains remained prove proves "
    "proved";
constexpr std::string_view kBehind = "in for to among during at with when and or but nor as over under";

}  // namespace

std::vector<Finding> read_properties(std::string_view claim, const Span& sentence,
                                     const Abbreviations& abbreviations) {
  const std::vector<Token> flow = tokens(claim, sentence);
  const auto word = [&](std::size_t at) { return at < flow.size() ? std::string_view(flow[at].text) : ""; };
  std::vector<Finding> found;
  std::size_t from = flow.size(), to = 0;  // the words that say what it is
  for (std::size_t at = 1; at < flow.size(); ++at) {
    std::size_t begin = at;
    const auto hyphened = [&](std::size_t i) {
      return word(i) == "effective" && i > 1 && word(i - 2) == "cost" && word(i - 1) == "-";
    };
    const bool cost = (word(at) == "effective" && word(at - 1) == "cost") || hyphened(at);
    const Property* property = property_of(cost ? "cost-effective" : word(at));
    if (!property) continue;
    if (at + 1 < flow.size() && flow[at + 1].kind == TokenKind::word && !any_of_words(word(at + 1), kBehind))
      continue;
    if (cost) begin -= hyphened(at) ? 2 : 1;
    bool is = false, denied = false, poorly = false, well = false;
    while (begin > 0 && (any_of_words(word(begin - 1), kBetween) || property_of(word(begin - 1)) ||
                         word(begin - 1).ends_with("n't") || word(begin - 1) == ",")) {
      --begin;
      is |= any_of_words(word(begin), kBe) || word(begin).ends_with("n't");
      denied |= any_of_words(word(begin), "not never cannot neither no") || word(begin).ends_with("n't");
      poorly |= any_of_words(word(begin), "poorly badly");
      well |= word(begin) == "well";
    }
    if (!is || begin == 0 || (word(at) == "tolerated" && !poorly && !well)) continue;
    Finding finding;
    const Outcomes says = poorly ? opposite(property->says) : property->says;
    finding.allowed = denied ? static_cast<Outcomes>(kAny & ~says) : says;
    finding.direction = property->effect && finding.allowed != kMore ? Direction::no_difference
                        : (finding.allowed & kMore) != 0             ? Direction::better
                                                                     : Direction::worse;
    finding.benefit = finding.property = true;
    finding.outcome = read_terms(property->noun, {0, property->noun.size()}, {});
    constexpr float kWorth = .5F;  // a word of every abstract, but what this one is about
    for (Term& term : finding.outcome) term.worth = kWorth, term.span = flow[at].span;
    finding.exposure = read_terms(claim, {sentence.begin, flow[begin - 1].span.end}, abbreviations);
    finding.cue = {flow[begin].span.begin, flow[at].span.end};
    finding.sentence = sentence;
    finding.section = Section::claim;
    found.push_back(std::move(finding));
    from = std::min(from, begin);
    to = at + 1;
  }
  if (to == 0) return found;
  // "safe and effective in children": of both
  const Terms who =
      to < flow.size() ? read_terms(claim, {flow[to].span.begin, sentence.end}, abbreviations) : Terms{};
  for (Finding& finding : found) finding.population = who;
  return found;
}

}  // namespace medsynth::contradiction
