#include "medsynth/contradiction/findings/cues.h"

#include <algorithm>

#include "medsynth/contradiction/findings/cue_words.h"
#include "medsynth/contradiction/findings/terms.h"

namespace medsynth::contradiction {
namespace {

bool is_be(const Piece& unit) {
  return unit.item.entry.role == Role::be;
}

// "were similar", "had comparable", not "similar studies".
bool is_said(const std::vector<Piece>& units, std::size_t at) {
  if (at + 2 < units.size() && units[at + 1].item.text == "to" &&
      units[at + 2].item.kind == TokenKind::number)
    return false;
  for (std::size_t back = at, steps = 0; back > 0 && steps < 4; ++steps) {
    const Piece& unit = units[--back];
    if (is_be(unit) ||
        any_of_words(unit.item.text,
                     "had have has showed show shows achieved remained found reported "
                     "demonstrated experienced provided produced yielded gave seem seems appears "
                     "with are"))
      return true;
    if (any_of_words(unit.item.text, "in to") && back > 0 &&
        any_of_words(units[back - 1].stem, "result led lead"))  // "resulted in similar"
      return true;
    if (unit.item.entry.role != Role::stop && unit.item.entry.role != Role::significant &&
        unit.item.entry.role != Role::negation)
      return false;
  }
  return false;
}

// Words that may stand between the cues of one group.
bool is_light(const Piece& unit) {
  switch (unit.item.entry.role) {
    case Role::stop:
    case Role::be:
    case Role::hedge:
    case Role::significant:
    case Role::negation:
      return unit.item.kind == TokenKind::word;
    case Role::preposition:
      return any_of_words(unit.item.text, "with to in on of at for");
    default:
      return any_of_words(unit.item.text,
                          "significant significantly statistically independently strongly strong clinically "
                          "positively relevant overall marked modest substantial small large clear time "
                          "times fold n't increased decreased also both further moderately slightly markedly "
                          "substantially considerably modestly greatly marginally dramatically");
  }
}

// A word that denies. `no` and `not` mean different scopes.
enum class Denial { none, verb, noun, opening };

Denial denial_at(const std::vector<Piece>& units, std::size_t at, std::size_t from) {
  const std::string& word = units[at].item.text;
  const std::string& phrase = units[at].phrase;
  if (phrase.starts_with("not only") || phrase.starts_with("no doubt")) return Denial::none;
  if (word == "not" && at + 1 < units.size() &&
      any_of_words(units[at + 1].item.text, "only just merely all every necessarily"))
    return Denial::none;
  // "A, but not B, was associated": B is not what was found.
  if (word == "not" && at > 0 && units[at - 1].item.text == "but") return Denial::none;
  if (any_of_words(word,
                   "not never cannot nor neither hardly barely unable nonsignificant insignificant "
                   "nonsignificantly"))
    return word.starts_with("n") && (word == "neither" || word == "nor") ? Denial::opening : Denial::verb;
  if (word.ends_with("n't")) return Denial::verb;
  if (word.starts_with("fail") && !any_of_words(phrase, "failure failures")) return Denial::verb;
  if (word == "unlikely") return Denial::verb;
  if (word == "without" && at + 1 < units.size() &&
      any_of_words(units[at + 1].item.text, "any significant affecting increasing reducing changing"))
    return Denial::verb;
  if (word == "none") return Denial::opening;
  if (any_of_words(word, "no little lack lacked lacks absence negligible minimal trivial")) {
    // "No association", "no evidence"; "no formal education" names a group unless it opens the clause.
    if (word == "no") {
      bool opens = true;
      for (std::size_t i = from; i < at && opens; ++i)
        opens = is_light(units[i]) || units[i].item.kind == TokenKind::symbol ||
                any_of_words(units[i].item.text, "there that we found observed showed");
      if (opens) return Denial::opening;
    }
    return Denial::noun;
  }
  return Denial::none;
}

bool reports(const Piece& unit) {
  return unit.item.entry.role == Role::observed || unit.item.entry.role == Role::significant ||
         any_of_words(unit.item.text,
                      "significant significance significantly observed found detected seen evident noted "
                      "statistically different sustained confirmed apparent demonstrated shown present");
}

// Only words that qualify stand in [from, to): "no statistically significant [reduction]".
bool only_qualifiers(const std::vector<Piece>& units, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i)
    if (!is_light(units[i]) && !reports(units[i]) && !cue_at(units, i) &&
        !any_of_words(units[i].item.text,
                      "evidence of for independent such direct causal consistent "
                      "apparent additional effect meaningful important beneficial"))
      return false;
  return true;
}

// "no independent prognostic [value]", "not a major genetic [risk factor]": one noun and its adjectives.
bool names_the_noun(const std::vector<Piece>& units, std::size_t from, const CueGroup& group) {
  constexpr std::size_t kMostAdjectives = 5;
  switch (group.cue.kind) {
    case CueKind::relation_of:
    case CueKind::factor:
    case CueKind::difference:
    case CueKind::influence:
    case CueKind::change_of:
    case CueKind::compare:
    case CueKind::verdict:
      break;
    default:
      return false;
  }
  if (from >= group.begin || group.begin - from > kMostAdjectives) return false;
  for (std::size_t i = from; i < group.begin; ++i) {
    const Item& item = units[i].item;
    if (item.kind != TokenKind::word || any_of_words(item.text, "and of who that which with in by to for on"))
      return false;
    if (item.entry.role != Role::content && item.entry.role != Role::stop &&
        item.entry.role != Role::effect && item.entry.role != Role::significant &&
        item.entry.role != Role::dose)
      return false;
  }
  return true;
}

// "did not find any [difference]", "did not lead to a [reduction]".
bool only_reports(const std::vector<Piece>& units, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i)
    if (!is_light(units[i]) && !reports(units[i]) && !cue_at(units, i) &&
        !any_of_words(units[i].item.text,
                      "find show observe see detect have cause lead result experience demonstrate "
                      "reveal support appear seem confer report produce provide identify any "
                      "reach add exert play achieve offer translate evidence consider considered "
                      "regarded act serve contribute help been important major confer conferred offer "
                      "demonstrated detected seen revealed confirm produced"))
      return false;
  return true;
}

// "women with increased weight", "groups of higher literacy": which they are, not what was found.
bool only_names_a_group(const std::vector<Piece>& units, std::size_t at) {
  if (at == 0 || at + 1 >= units.size()) return false;
  if (!any_of_words(units[at - 1].item.text, "with of having despite from whose")) return false;
  const Piece& unit = units[at];
  const bool attributive =
      unit.item.text.ends_with("ed") || any_of_words(unit.item.text,
                                                     "higher lower greater larger longer smaller shorter "
                                                     "better worse poorer fewer increasing decreasing");
  return attributive && units[at + 1].item.kind == TokenKind::word &&
         units[at + 1].item.entry.role == Role::content;
}

// "[improved] to the same extent", "[declined] at a similar rate", "[fell] equally": where that ends; else `at`.
std::size_t said_of_both(const std::vector<Piece>& units, std::size_t at, std::size_t to) {
  const auto word = [&](std::size_t i) { return i < to ? std::string_view(units[i].item.text) : ""; };
  if (any_of_words(word(at), "similarly equally comparably alike")) return at + 1;
  std::size_t next = at;
  if (!any_of_words(word(next), "to at by with")) return at;
  ++next;
  if (any_of_words(word(next), "the a an")) ++next;
  if (!any_of_words(word(next), "same similar equal comparable identical equivalent like")) return at;
  return any_of_words(word(next + 1), "extent degree pace rate rates speed magnitude amount level margin")
             ? next + 2
             : at;
}

bool is_relative(const Piece& unit) {
  return any_of_words(unit.item.text, "who whom whose that which those");
}

void deny_before(const std::vector<Piece>& units, std::size_t from, CueGroup& group) {
  for (std::size_t at = group.begin; at-- > from;) {
    if (units[at].item.entry.role == Role::boundary || units[at].item.text == ";") return;
    const Denial denial = denial_at(units, at, from);
    if (denial == Denial::none) continue;
    const std::size_t distance = group.begin - at;
    bool applies = false;
    if (denial == Denial::verb) {
      // "those who did not use X were more likely": the denial is the group's.
      bool relative = false;
      for (std::size_t i = at > from + 3 ? at - 3 : from; i < at; ++i) relative |= is_relative(units[i]);
      const bool unsupported =
          at + 1 < group.begin &&
          any_of_words(units[at + 1].item.text, "support justify favor favour endorse confirm");
      const bool article = at + 1 < group.begin && any_of_words(units[at + 1].item.text, "a an the any");
      // "did not confer any survival [benefit]"
      const bool said = at + 1 < group.begin && only_reports(units, at + 1, at + 2);
      applies = unsupported || only_qualifiers(units, at + 1, group.begin) ||
                ((article || said) && names_the_noun(units, at + 2, group)) ||
                (distance <= 4 && !relative && only_reports(units, at + 1, group.begin));
    } else if (denial == Denial::noun) {
      bool evidence = false;
      for (std::size_t i = at + 1; i < group.begin && i < at + 4; ++i)
        evidence |= units[i].item.text == "evidence";
      applies =
          evidence || only_qualifiers(units, at + 1, group.begin) || names_the_noun(units, at + 1, group);
    } else {
      applies = distance <= 14;
    }
    if (!applies) continue;
    group.negated = true;
    group.denial = at;
    for (std::size_t i = at; i < group.begin; ++i)
      group.statistical |=
          units[i].stem.starts_with("significant") || units[i].stem.starts_with("statistical");
    return;
  }
}

// "... was not significant", "did not reach significance", "was not observed".
void deny_after(const std::vector<Piece>& units, std::size_t to, CueGroup& group) {
  for (std::size_t at = group.end; at < to && at < group.end + 14; ++at) {
    const Piece& unit = units[at];
    if (unit.item.entry.role == Role::boundary || unit.item.text == ";") return;
    if (at > group.end && cue_at(units, at) && !reports(unit)) return;
    const bool not_significant = any_of_words(unit.item.text, "nonsignificant insignificant");
    if (not_significant && at > 0 && (is_be(units[at - 1]) || units[at - 1].item.text == "statistically")) {
      group.negated = group.statistical = true;
      group.denial = at;
      return;
    }
    const bool no_longer = unit.phrase.starts_with("no longer") ||
                           (unit.item.text == "no" && at + 1 < to && units[at + 1].item.text == "longer");
    if (!no_longer && !any_of_words(unit.item.text, "not neither nor never") &&
        !unit.item.text.ends_with("n't") && unit.item.text != "non")
      continue;
    for (std::size_t i = at + 1; i < to && i <= at + 3; ++i) {
      if (!reports(units[i])) continue;
      group.negated = true;
      group.denial = at;
      group.statistical = units[i].stem.starts_with("significan") || units[i].stem.starts_with("statistic");
      return;
    }
  }
}

void compose(Cue& outer, const Cue& inner) {
  const bool carries = outer.kind == CueKind::relation || outer.kind == CueKind::relation_of ||
                       outer.kind == CueKind::factor || outer.kind == CueKind::cause ||
                       outer.kind == CueKind::influence || outer.kind == CueKind::difference;
  if (outer.outcomes == kNone) {
    if (inner.benefit) outer.benefit = true;
    if (inner.kind == CueKind::verdict) outer.kind = inner.kind;  // "no more effective", "equally useful"
    return;                                                       // "similar reductions"
  }
  if (carries) {
    if (inner.kind == CueKind::relation || inner.kind == CueKind::relation_of ||
        inner.kind == CueKind::difference)
      return;
    outer.outcomes = inner.outcomes;
    outer.benefit = inner.benefit;
    return;
  }
  if (inner.kind == CueKind::relation || inner.kind == CueKind::relation_of ||
      inner.kind == CueKind::influence) {
    outer.kind = inner.kind;
    return;
  }
  // "more effective", "less improvement", "effective in reducing"
  if (outer.kind == CueKind::verdict && inner.kind != CueKind::verdict) {
    const bool bad = (outer.outcomes & kMore) == 0;
    outer.outcomes = bad ? static_cast<Outcomes>(kAny & ~inner.outcomes) : inner.outcomes;
    outer.benefit = inner.benefit;
    outer.kind = CueKind::cause;
    return;
  }
  if (outer.outcomes == kLess && !outer.benefit)
    outer.outcomes = opposite(inner.outcomes);
  else
    outer.outcomes = inner.outcomes;
  outer.benefit |= inner.benefit;
  if (inner.kind == CueKind::verdict || inner.kind == CueKind::change_of) outer.kind = inner.kind;
}

// A phrase of one unit or two.
const Cue* phrase_at(const std::vector<Piece>& units, std::size_t at) {
  const Piece& unit = units[at];
  const auto& phrases = cue_words().phrases;
  auto found = phrases.find(unit.phrase);
  if (found == phrases.end() && at + 1 < units.size() && units[at + 1].item.kind == TokenKind::word &&
      unit.phrase.size() < 24)
    found = phrases.find(unit.phrase + " " + units[at + 1].item.text);
  if (found == phrases.end()) return nullptr;
  const std::string& phrase = found->first;
  const std::string_view before = at > 0 ? std::string_view(units[at - 1].item.text) : "";
  if (any_of_words(phrase, "same equal unity") && !is_said(units, at) && before != "to") return nullptr;
  // "falls in older people" happen, "falls in blood pressure" are read.
  if (phrase == "fall in" || phrase == "falls in")
    for (std::size_t i = at + 2; i < units.size() && units[i].item.entry.role != Role::preposition; ++i)
      if (is_population_word(units[i].item.text) ||
          any_of_words(units[i].item.text, "older elderly seniors population homes"))
        return nullptr;
  if (phrase == "recommended" || phrase == "justified") {
    bool denied = false;
    for (std::size_t i = at > 3 ? at - 3 : 0; i < at; ++i)
      denied |= any_of_words(units[i].item.text, "not cannot no");
    if (!denied) return nullptr;
  }
  // "three times as often", "half as often"
  static constexpr Cue kMoreOften{CueKind::compare, kMore, false}, kLessOften{CueKind::compare, kLess, false};
  if (phrase.starts_with("as ") && any_of_words(before, "times twice")) return &kMoreOften;
  if (phrase.starts_with("as ") && before == "half") return &kLessOften;
  return &found->second;
}

}  // namespace

bool any_of_words(std::string_view word, std::string_view words) {
  if (word.empty()) return false;
  for (std::size_t at = words.find(word); at != words.npos; at = words.find(word, at + 1)) {
    const bool begins = at == 0 || words[at - 1] == ' ';
    const bool ends = at + word.size() == words.size() || words[at + word.size()] == ' ';
    if (begins && ends) return true;
  }
  return false;
}

const Cue* cue_at(const std::vector<Piece>& units, std::size_t at) {
  const Piece& unit = units[at];
  if (unit.item.kind != TokenKind::word) return nullptr;
  if (at > 0 && units[at - 1].item.joined) return nullptr;  // "dose-related"
  if (const Cue* const phrase = phrase_at(units, at)) return phrase;
  // "a 1.8-fold [hazard]"
  static constexpr Cue kFolds{CueKind::compare, kMore, false};
  if (unit.item.text == "fold" && at > 0 &&
      (units[at - 1].item.kind == TokenKind::number ||
       (at > 1 && units[at - 1].item.kind == TokenKind::symbol &&
        units[at - 2].item.kind == TokenKind::number)))
    return &kFolds;
  if (unit.item.joined) return nullptr;
  const auto found = cue_words().stems.find(unit.stem);
  if (found == cue_words().stems.end()) return nullptr;
  // "equivalent to five", "comparable prices": only what things are said to be.
  if (found->second.kind == CueKind::similar && !is_said(units, at)) return nullptr;
  // "to reduce unnecessary operations": which.
  if (unit.item.text == "unnecessary" && !is_said(units, at)) return nullptr;
  // "the leading causes of": a noun.
  if (unit.stem == "caus" && !unit.item.text.ends_with("ed") && at > 0 &&
      (any_of_words(units[at - 1].item.text, "leading main common major the a of specific all top other") ||
       (at + 1 < units.size() && units[at + 1].item.text == "of")))
    return nullptr;
  if (unit.phrase == "protective" && !(at > 0 && is_be(units[at - 1])) &&
      (at + 1 == units.size() || !any_of_words(units[at + 1].item.text, "against of for")))
    return nullptr;
  if (unit.item.text == "change" &&
      (at == 0 || !any_of_words(units[at - 1].item.text, "not n't didn't no significant any")))
    return nullptr;
  if (unit.stem == "rol" && (at + 1 == units.size() || !any_of_words(units[at + 1].item.text, "in for of")))
    return nullptr;
  // "side effects", "adverse effect": things.
  if (at > 0 && any_of_words(unit.stem, "effect") &&
      any_of_words(units[at - 1].item.text, "adverse side fixed random"))
    return nullptr;
  if (unit.stem == "benefit" && at > 0 && any_of_words(units[at - 1].item.text, "health")) return nullptr;
  return &found->second;
}

std::vector<CueGroup> cue_groups(const std::vector<Piece>& units, std::size_t from, std::size_t to) {
  std::vector<CueGroup> groups;
  for (std::size_t at = from; at < to; ++at) {
    const Cue* const first = cue_at(units, at);
    if (!first || only_names_a_group(units, at)) continue;
    CueGroup group{at, at + 1, *first};
    const auto skip_phrase = [&](std::size_t i) {
      // A phrase of two units counts as one.
      const auto& phrases = cue_words().phrases;
      return i + 1 < to && phrases.count(units[i].phrase) == 0 &&
                     phrases.count(units[i].phrase + " " + units[i + 1].item.text) > 0
                 ? i + 2
                 : i + 1;
    };
    group.end = skip_phrase(at);
    std::size_t no = 0;
    for (std::size_t next = group.end, skipped = 0; next < to && skipped <= 4; ++next) {
      if (const Cue* const inner = cue_at(units, next)) {
        compose(group.cue, *inner);
        if (no > 0 && !group.negated) group.negated = true, group.denial = no;
        group.end = skip_phrase(next);
        next = group.end - 1;
        skipped = 0;
        continue;
      }
      if (!is_light(units[next])) break;
      if (units[next].item.text == "no" || units[next].item.text == "not") no = next;
      ++skipped;
    }
    // "were equally prevalent", "occurred similarly often"
    if (group.cue.kind == CueKind::similar && units[group.end - 1].item.text.ends_with("ly") &&
        group.end < to && units[group.end].item.kind == TokenKind::word &&
        units[group.end].item.entry.role != Role::preposition &&
        units[group.end].item.entry.role != Role::conjunction)
      ++group.end;
    if (const std::size_t end = said_of_both(units, group.end, to);
        end > group.end && group.cue.outcomes != kNone)
      group.cue.outcomes = kNone, group.end = end;
    // "correlated inversely with", "was inversely and independently associated with"
    if (group.cue.outcomes == (kLess | kMore) &&
        (group.cue.kind == CueKind::relation || group.cue.kind == CueKind::relation_of))
      for (std::size_t i = group.begin > from + 3 ? group.begin - 3 : from; i < group.end + 1 && i < to;
           ++i) {
        if (any_of_words(units[i].item.text, "inversely negatively inverse negative"))
          group.cue.outcomes = kLess;
        if (any_of_words(units[i].item.text, "positively directly positive")) group.cue.outcomes = kMore;
      }
    if (!group.negated) deny_before(units, groups.empty() ? from : groups.back().end, group);
    if (!group.negated) deny_after(units, to, group);
    at = group.end - 1;
    groups.push_back(group);
  }
  return groups;
}

}  // namespace medsynth::contradiction
