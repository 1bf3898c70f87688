#include "medsynth/contradiction/findings/roles.h"

#include <algorithm>

#include "medsynth/contradiction/findings/terms.h"

namespace medsynth::contradiction {
namespace {

// What an exposure or an outcome that stands behind a cue is introduced by.
constexpr std::string_view kBehind =
    "in among with by after following for between at from on within across during using receiving over";

bool compares(const Part& part) {
  return part.preposition == "than" || part.preposition.starts_with("compar") ||
         any_of_words(part.preposition, "versus vs relative");
}

Part erase(Parts& from, std::size_t at) {
  const Part part = from[at];
  from.erase(from.begin() + static_cast<std::ptrdiff_t>(at));
  return part;
}

void put(Parts& to, const std::optional<Part>& part) {
  if (part) to.push_back(*part);
}

}  // namespace

const std::string& Roles::word(std::size_t at) const {
  static const std::string kNothing;
  return at < units_.size() ? units_[at].item.text : kNothing;
}

bool Roles::is_preposition(std::size_t at) const {
  return role(at) == Role::preposition || role(at) == Role::versus ||
         any_of_words(word(at), "using receiving without who whose whom aged");
}

Parts Roles::parts(std::size_t begin, std::size_t end) const {
  Parts found{{"", begin, begin}};
  for (std::size_t i = begin; i < end; ++i) {
    if (is_preposition(i) && !any_of_words(word(i), "of per via")) {
      found.back().end = i;
      found.push_back({units_[i].item.text, i + 1, i + 1});
    }
    found.back().end = i + 1;
  }
  return found;
}

float Roles::worth(const Part& part) const {
  return most_worth(terms_of(units_, text_, part.begin, part.end));
}

float Roles::worth(const Parts& parts) const {
  float most = 0;
  for (const Part& part : parts) most = std::max(most, worth(part));
  return most;
}

// The first part behind one of these; taken out.
std::optional<Part> Roles::take(Parts& from, std::string_view prepositions) const {
  for (std::size_t i = 0; i < from.size(); ++i)
    if (any_of_words(from[i].preposition, prepositions) && worth(from[i]) > 0) return erase(from, i);
  return std::nullopt;
}

std::optional<Part> Roles::take_first(Parts& from) const {
  for (std::size_t i = 0; i < from.size(); ++i)
    if (worth(from[i]) >= kTellingWorth && !compares(from[i])) return erase(from, i);
  return std::nullopt;
}

bool Roles::people(const Part& part) const {
  for (std::size_t i = part.begin; i < part.end; ++i)
    if (is_population_word(word(i))) return true;
  return false;
}

// The first part that says something, and where it names people, what they have in common: "women with
// anaemia".
Parts Roles::take_named(Parts& from) const {
  const auto first = std::find_if(from.begin(), from.end(), [&](const Part& part) {
    return worth(part) >= kTellingWorth && !compares(part);
  });
  // "associated with treatment outcome among smokers": where, not what.
  if (first != from.end() && first != from.begin() &&
      any_of_words(first->preposition, "in among within across during over at after"))
    return {};
  const auto group = std::find_if(from.begin(), from.end(), [&](const Part& part) { return people(part); });
  if (group == from.end() || group > first) {
    if (first == from.end()) return {};
    Parts named{*first};
    const auto at = static_cast<std::size_t>(first - from.begin());
    from.erase(first);
    absorb(from, at, "to from with against", named);
    return named;
  }
  auto end = group + 1;
  while (
      end != from.end() &&
      any_of_words(end->preposition, "with without who whose whom in from having aged receiving using at on"))
    ++end;
  const Parts named(group, end);
  from.erase(group, end);
  return named;
}

// "exposure to A from B", "treatment with C": what belongs to a part that was taken out at `at`.
void Roles::absorb(Parts& from, std::size_t at, std::string_view prepositions, Parts& to) const {
  while (at < from.size() && any_of_words(from[at].preposition, prepositions) && !people(from[at]))
    to.push_back(erase(from, at));
}

// As take(), with what people there have in common.
Parts Roles::take_group(Parts& from, std::string_view prepositions) const {
  for (auto at = from.begin(); at != from.end(); ++at) {
    if (!any_of_words(at->preposition, prepositions) || (worth(*at) <= 0 && !people(*at))) continue;
    auto end = at + 1;
    while (people(*at) && end != from.end() &&
           any_of_words(end->preposition, "with without who whose whom having aged receiving using"))
      ++end;
    const Parts found(at, end);
    from.erase(at, end);
    return found;
  }
  return {};
}

// "effective in the treatment of adults with C".
Parts Roles::take_treated(Parts& from) const {
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (!any_of_words(from[i].preposition, "in for")) continue;
    for (std::size_t k = from[i].begin; k < from[i].begin + 2 && k < from[i].end; ++k) {
      if (!any_of_words(word(k), "treatment treating prevention management relief prophylaxis")) continue;
      Parts rest(from.begin() + static_cast<std::ptrdiff_t>(i), from.end());
      from.resize(i);
      Parts treated = take_group(rest, "in for");
      from.insert(from.end(), rest.begin(), rest.end());
      return treated;
    }
  }
  return {};
}

// "between A and B", "between A with B".
bool Roles::split_pair(const Part& part, Part& first, Part& second) const {
  for (std::size_t i = part.begin; i < part.end; ++i) {
    if (!any_of_words(word(i), "and versus vs")) continue;
    first = {part.preposition, part.begin, i};
    second = {part.preposition, i + 1, part.end};
    return worth(first) > 0 || worth(second) > 0;
  }
  return false;
}

// "... were A, B and C", "... included A".
std::optional<Part> Roles::listed(const Parts& parts) const {
  if (parts.empty()) return std::nullopt;
  const std::size_t end = parts.back().end;
  for (std::size_t i = parts.front().begin; i + 1 < end; ++i)
    if (role(i) == Role::be || word(i) == ":" || any_of_words(units_[i].stem, "includ compriz"))
      return Part{"", i + 1, end};
  return std::nullopt;
}

void Roles::take_comparators(Parts& side, Frame& frame) const {
  for (std::size_t i = 0; i < side.size();) {
    if (!compares(side[i])) {
      ++i;
      continue;
    }
    // "Compared with placebo, A reduced B": the subject stands behind the comma.
    std::size_t comma = side[i].begin;
    while (comma < side[i].end && word(comma) != ",") ++comma;
    if (const Part rest{"", comma + 1, side[i].end}; i <= 1 && comma + 1 < side[i].end && worth(rest) > 0) {
      frame.comparator.push_back({side[i].preposition, side[i].begin, comma});
      side[i++] = rest;
      continue;
    }
    frame.comparator.push_back(erase(side, i));
    // "than that in females", "than among those who received placebo"
    while (worth(frame.comparator.back()) < kTellingWorth && i < side.size() &&
           any_of_words(side[i].preposition, "in among for with without of who receiving using"))
      frame.comparator.push_back(erase(side, i));
  }
}

// "In multivariable analysis, A ...", "In patients with C, A ...": what stands before the comma is not the
// subject.
void Roles::leading(Parts& before, Frame& frame) const {
  if (before.size() < 2 || before.front().end > before.front().begin + 2 ||
      worth(before.front()) >= kTellingWorth)
    return;
  for (std::size_t at = 1; at < before.size(); ++at) {
    Part& part = before[at];
    for (std::size_t i = part.begin; i + 1 < part.end; ++i) {
      if (word(i) != ",") continue;
      const auto own = before.begin() + static_cast<std::ptrdiff_t>(at);
      // "For every 10 g of A, ...": what differs, not who.
      const bool dose = before[1].preposition == "for" && any_of_words(word(before[1].begin), "every each");
      Parts& to = dose ? frame.exposure : frame.population;
      to.insert(to.end(), before.begin() + 1, own);
      to.push_back({part.preposition, part.begin, i});
      part = {"", i + 1, part.end};
      before.erase(before.begin() + 1, own);
      return;
    }
  }
}

Frame Roles::assign(const CueGroup& group, Parts before, Parts after) const {
  Frame frame;
  if (protection(group, before, after, frame)) return frame;
  // "no better than placebo for ...": the cue has its "than".
  if (group.end > 0 && units_[group.end - 1].phrase.ends_with(" than") && !after.empty() &&
      after.front().preposition.empty())
    after.front().preposition = "than";
  take_comparators(before, frame);
  take_comparators(after, frame);
  leading(before, frame);
  // "superior to B", "similar to that of B"
  if (group.cue.kind == CueKind::verdict || group.cue.kind == CueKind::similar)
    if (const auto to =
            std::find_if(after.begin(), after.begin() + std::min<std::ptrdiff_t>(2, std::ssize(after)),
                         [](const Part& part) { return any_of_words(part.preposition, "to from"); });
        to != after.begin() + std::min<std::ptrdiff_t>(2, std::ssize(after)))
      frame.comparator.push_back(erase(after, static_cast<std::size_t>(to - after.begin())));
  switch (group.cue.kind) {
    case CueKind::relation:
    case CueKind::factor:
    case CueKind::likely:
      // "B was less likely with A"
      if (group.cue.kind == CueKind::likely && word(group.end) != "to" && !after.empty() &&
          any_of_words(word(group.end), "with in after among following under on"))
        change(group, before, after, frame);
      else
        relation(before, after, frame);
      break;
    case CueKind::difference:
      difference(group, before, after, frame);
      break;
    case CueKind::relation_of:
    case CueKind::influence:
      noun(group, before, after, frame);
      break;
    default:
      change(group, before, after, frame);
      break;
  }
  for (const Parts* side : {&before, &after})
    for (const Part& part : *side)
      if (!part.preposition.empty()) frame.population.push_back(part);
  return frame;
}

// "A was associated with B"; "factors associated with B were A".
void Roles::relation(Parts& before, Parts& after, Frame& frame) const {
  const auto list = worth(before) >= kTellingWorth ? std::nullopt : listed(after);
  if (!list) {
    frame.exposure = take_named(before);
    frame.outcome = take_named(after);
    // "A and B are associated"
    Part first, second;
    if (frame.outcome.empty() && frame.exposure.size() == 1 && split_pair(frame.exposure[0], first, second) &&
        worth(first) >= kTellingWorth && worth(second) >= kTellingWorth)
      frame.exposure = {first}, frame.outcome = {second};
    return;
  }
  Parts named{{"", after.front().begin, list->begin - 1}};
  frame.exposure.push_back(*list);
  put(frame.outcome, take_first(named));
  after.clear();
}

// "A protects B against C", "a protective effect of A against C": C is the outcome.
bool Roles::protection(const CueGroup& group, Parts& before, Parts& after, Frame& frame) const {
  bool protects = false;
  for (std::size_t i = group.begin > 1 ? group.begin - 2 : 0; i < group.end; ++i)
    protects |= units_[i].stem.starts_with("protect");
  if (!protects) return false;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const bool against = after[i].preposition == "against" || (after[i].preposition == "from" && i <= 1);
    if (!against || worth(after[i]) <= 0) continue;
    frame.outcome.push_back(erase(after, i));
    take_comparators(before, frame);
    leading(before, frame);
    frame.exposure = take_named(before);
    if (frame.exposure.empty()) put(frame.exposure, take(after, "of by with"));
    if (frame.exposure.empty()) put(frame.exposure, take_first(after));
    for (const Parts* side : {&before, &after})
      for (const Part& part : *side) frame.population.push_back(part);
    return true;
  }
  return false;
}

// "Men who drank developed diabetes less often than ...", "Patients with A died more frequently": the verb
// before the adverb begins the outcome.
bool Roles::said_at_the_end(const CueGroup& group, Parts& before, const Parts& after, Frame& frame) const {
  const bool adverb = units_[group.end - 1].phrase.ends_with("often") ||
                      units_[group.end - 1].phrase.ends_with("ly") ||
                      any_of_words(word(group.end - 1), "faster sooner slower often frequently commonly");
  if (!adverb || worth(after) >= kTellingWorth || before.empty()) return false;
  for (std::size_t at = before.size(); at-- > 0;)
    for (std::size_t i = before[at].end; i-- > before[at].begin;) {
      if (!word(i).ends_with("ed") && !any_of_words(word(i), "had fell became experienced got underwent"))
        continue;
      if (i > 0 && (any_of_words(word(i - 1), "who that which") || role(i - 1) == Role::be)) continue;
      Parts subject(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(at));
      subject.push_back({before[at].preposition, before[at].begin, i});
      if (worth(subject) < kTellingWorth) continue;
      frame.outcome.push_back({"", i, before[at].end});
      frame.exposure = subject;
      before.clear();
      return true;
    }
  return false;
}

void Roles::change(const CueGroup& group, Parts& before, Parts& after, Frame& frame) const {
  if (said_at_the_end(group, before, after, frame)) return;
  if (!frame.exposure.empty()) {  // "For every 10 g of A, B rose"
    put(frame.outcome, worth(before) >= kTellingWorth ? take_first(before) : take_first(after));
    return;
  }
  const bool subject = worth(before) >= kTellingWorth;
  const bool turned = group.cue.kind == CueKind::cause
                          ? (passive(group) && !after.empty()) || (subject && changes(group))
                          : outcome_stands_before(group, before, after);
  if (turned) {  // outcome, cue, in exposure
    put(frame.outcome, take_first(before));
    frame.exposure =
        take_group(after, group.cue.kind == CueKind::cause && passive(group) ? "by in with" : kBehind);
    if (frame.exposure.empty()) put(frame.exposure, take(before, "in among with after following by for"));
  } else if (subject || group.cue.kind == CueKind::cause) {
    frame.exposure = take_named(before);
    if (group.cue.kind == CueKind::verdict) frame.outcome = take_treated(after);
    if (frame.outcome.empty()) frame.outcome = take_named(after);
  } else {  // "There was a reduction in B with A"
    put(frame.outcome, take_first(after));
    frame.exposure = take_group(after, kBehind);
  }
}

// "A difference in B between C and D", "B differed between C and D", "C and D differed in B".
void Roles::difference(const CueGroup& group, Parts& before, Parts& after, Frame& frame) const {
  const bool subject = worth(before) >= kTellingWorth;
  const auto between = take(after, "between by across among according within");
  const auto in = take(after, "in for regarding concerning on with");
  Part first, second;
  // "B among those with A did not differ from that of others"
  if (const auto from = take(after, "from"); from && !between && !in && subject && before.size() > 1 &&
                                             any_of_words(word(group.end - 1), "differ differed differs")) {
    put(frame.outcome, take_first(before));
    frame.exposure = take_group(before, "in among with after following under");
    put(frame.comparator, from);
    return;
  }
  if (!between)
    put(frame.exposure, take_first(before));
  else if (split_pair(*between, first, second))
    frame.exposure.push_back(first), frame.comparator.push_back(second);
  else
    frame.exposure.push_back(*between);
  put(frame.outcome, in ? in : between && subject ? take_first(before) : take_first(after));
}

// "The association between A and B", "an effect of A on B", "A has a role in B".
void Roles::noun(const CueGroup& group, Parts& before, Parts& after, Frame& frame) const {
  const bool subject = worth(before) >= kTellingWorth;
  Part first, second;
  if (const auto between = take(after, "between"); between && split_pair(*between, first, second)) {
    frame.exposure.push_back(first);
    frame.outcome.push_back(second);
  } else if (word(group.end - 1) == "role") {
    const auto in = take(after, "in"), of = take(after, "for");
    put(frame.outcome, in ? in : take_first(after));
    put(frame.exposure, of ? of : subject ? take_first(before) : take_first(after));
  } else if (group.cue.kind == CueKind::influence && !after.empty() && after.front().preposition.empty() &&
             subject && worth(after.front()) >= kTellingWorth) {  // "did not influence B in C"
    put(frame.exposure, take_first(before));
    put(frame.outcome, take_first(after));
  } else if (const auto on =
                 take(after, group.cue.kind == CueKind::influence ? "on upon in for" : "with on to")) {
    frame.outcome.push_back(*on);
    put(frame.exposure, subject ? take_first(before) : take_first(after));
  } else {
    put(frame.exposure, take_first(before));
    put(frame.outcome, take_first(after));
  }
}

bool Roles::passive(const CueGroup& group) const {
  for (std::size_t at = group.begin, steps = 0; at > 0 && steps < 3; ++steps) {
    --at;
    if (role(at) == Role::be) return true;
    if (role(at) != Role::stop && role(at) != Role::significant && role(at) != Role::negation) return false;
  }
  return false;
}

// "B did not change significantly with A": of itself.
bool Roles::changes(const CueGroup& group) const {
  if (!any_of_words(word(group.end - 1), "change changed")) return false;
  std::size_t before = group.end - 1;
  while (before > 0 && (word(before - 1).ends_with("ly") || role(before - 1) == Role::significant)) --before;
  if (before == 0 || !(any_of_words(word(before - 1), "not never to") || word(before - 1).ends_with("n't")))
    return false;  // "produced no change in B", "changed B"
  std::size_t next = group.end;
  while (role(next) == Role::significant || word(next).ends_with("ly")) ++next;
  return any_of_words(word(next), "with during after in under among following between over");
}

// "B was reduced by A", "B was similar in A", "B increased with A".
bool Roles::outcome_stands_before(const CueGroup& group, const Parts& before, const Parts& after) const {
  const CueKind kind = group.cue.kind;
  const std::size_t last = group.end - 1;
  const bool noun = kind == CueKind::change_of ||
                    (kind == CueKind::change && last > 0 &&
                     any_of_words(word(last - 1), "a an no significant greater any further larger"));
  // "Survival was better with A"
  const bool compared = kind == CueKind::verdict && any_of_words(word(last), "better worse poorer") &&
                        any_of_words(word(group.end), "with after under following among");
  if (worth(before) < kTellingWorth || noun || (kind == CueKind::verdict && !compared)) return false;
  if (compared) return true;
  const bool ends = group.end >= units_.size();
  const bool followed =
      !ends && (is_preposition(group.end) || role(group.end) == Role::stop || word(group.end) == ",");
  if (passive(group) && (followed || after.empty() || worth(after.front()) <= 0)) return true;
  // "improved to the same extent" ends with another word.
  const std::string& verb = word(group.cue.outcomes == kNone ? group.begin : last);
  const bool past = verb.ends_with("ed") || any_of_words(verb, "rose fell increases decreases");
  if (kind == CueKind::change)
    return past &&
           any_of_words(word(group.end), "with in after among from over by during following to at between");
  return (kind == CueKind::similar || kind == CueKind::compare) && !ends && is_preposition(group.end) &&
         any_of_words(word(group.end), "between in among across with for at from to after under");
}

}  // namespace medsynth::contradiction
