#include "medsynth/contradiction/findings/findings.h"

#include <algorithm>

#include "medsynth/contradiction/findings/cues.h"
#include "medsynth/contradiction/findings/notes.h"
#include "medsynth/contradiction/findings/roles.h"
#include "medsynth/contradiction/findings/terms.h"

namespace medsynth::contradiction {
namespace {

// A clause with one of these finds nothing: aims, hypotheses, recommendations, what is not known.
constexpr std::string_view kNothingFound =
    "should must need needs needed will warranted hypothesis hypotheses hypothesize hypothesized "
    "hypothesised aimed aim "
    "aims objective objectives future whether unclear unknown uncertain inconclusive unproven if investigate "
    "explore evaluate assess determine examine purpose designed investigated examined explored understand";

// The same in an abstract, where it says what was done, or what the findings are good for. A claim that was
// given may say so.
constexpr std::string_view kOfNoAbstract =
    "allow allows allowing plausible summarizes summarises discusses describes";

class Reader {
 public:
  Reader(std::string_view text, const Sentence& sentence, const Terms& topic, std::vector<Piece> units,
         std::vector<Note> notes, std::vector<Finding>& out)
      : text_(text),
        sentence_(sentence),
        topic_(topic),
        units_(std::move(units)),
        roles_(units_, text),
        notes_(std::move(notes)),
        out_(out) {}

  void read() {
    std::size_t from = 0;
    for (std::size_t at = 0; at <= units_.size(); ++at) {
      const bool but_not = word(at) == "but" && any_of_words(word(at + 1), "not also");
      const bool ends = at == units_.size() || (units_[at].item.entry.role == Role::boundary && !but_not) ||
                        any_of_words(units_[at].item.text, "; however") ||
                        (word(at) == "nor" && at > 0 && word(at - 1) == ",");
      if (!ends) continue;
      if (at > from) clause(from, at);
      // "A shortened B but had no effect on C": the subject of the first.
      if (!any_of_words(word(at), "but yet")) subject_.clear();
      from = at + 1;
    }
  }

 private:
  const std::string& word(std::size_t at) const { return roles_.word(at); }
  Role role(std::size_t at) const { return roles_.role(at); }
  float worth(const Parts& parts) const { return roles_.worth(parts); }

  void clause(std::size_t from, std::size_t to) {
    bool hedged = false, supported = false;
    for (std::size_t i = from; i < to; ++i) {
      supported |= any_of_words(units_[i].stem, "support confirm");
      // "more likely to need", "whether or not they smoked"
      const bool other = (word(i) == "need" && i > from && word(i - 1) == "to") ||
                         (word(i) == "whether" && word(i + 1) == "or") ||
                         (supported && word(i).starts_with("hypothes"));
      if (any_of_words(word(i), kNothingFound) && !other) return;
      if (sentence_.section != Section::claim && tells_no_result(i)) return;
      if (word(i) == "used" && word(i + 1) == "to") return;
      if (any_of_words(word(i), "necessary essential critical crucial") &&
          (any_of_words(word(i + 1), "to for in") || units_[i].phrase.find(' ') != std::string::npos))
        return;
      if (units_[i].stem == "recommend" && i > from && (role(i - 1) == Role::be || word(i - 1) == "we") &&
          !(i > from + 1 && any_of_words(word(i - 2), "cannot not")))
        return;
      hedged |= any_of_words(word(i),
                             "may might could suggest suggests suggested suggesting possibly perhaps seem "
                             "seems appear appears trend tended");
    }
    const bool trend = tells_a_trend(from, to);
    const std::size_t doubted = after_doubt(from, to);
    const std::size_t begin = doubted > from ? doubted : after_report(from, to);
    std::vector<CueGroup> groups = cue_groups(units_, begin, to);
    // "There is no evidence that ...", "the data do not support the hypothesis that ..."
    for (std::size_t i = from; i < begin; ++i)
      if (any_of_words(word(i), "no not cannot never little failed insufficient"))
        for (CueGroup& group : groups)
          if (!group.negated) group.negated = true, group.denial = i;
    if (doubted > from)
      for (CueGroup& group : groups)
        if (!group.negated) group.negated = true, group.denial = doubted - 1;
    merge_purposes(groups);
    drop_modifiers(groups, begin);
    std::size_t start = begin, end = to;
    for (std::size_t i = 0; i < groups.size() && out_.size() < kMaxFindingsPerSentence; ++i) {
      end = i + 1 < groups.size() ? break_before(groups[i].end, groups[i + 1].begin) : to;
      const std::size_t adjectives = adjectives_of(groups[i]);
      Parts before = roles_.parts(start, adjectives), after = roles_.parts(groups[i].end, end);
      // "No survival gain was seen with A": a gain in what.
      if (groups[i].cue.kind == CueKind::change_of && adjectives + 1 < groups[i].begin)
        after.insert(after.begin(), {"in", adjectives + 1, groups[i].begin});
      // "A reduced B and increased C": the subject of the first.
      if (worth(before) < kTellingWorth && !subject_.empty() &&
          (i > 0 || speaks_of_it(start, groups[i].begin)))
        before = subject_;
      const bool over_time =
          (trend || changes_by_itself(groups[i])) &&
          (groups[i].cue.kind == CueKind::change || groups[i].cue.kind == CueKind::change_of ||
           groups[i].cue.kind == CueKind::compare);
      Frame frame = roles_.assign(groups[i], before, after);
      // "no hypotensive effect in ...": what effect it would have been.
      if (groups[i].cue.kind == CueKind::influence && adjectives + 1 < groups[i].begin)
        frame.outcome.push_back({"", adjectives + 1, groups[i].begin});
      subject_ = before;
      if (over_time) {
        start = end;
        continue;
      }
      emit(groups[i], frame, start, end, hedged);
      start = end;
    }
  }

  // "has been reported", "have long been linked", "have the potential to", "may help", "was assessed": not what
  // this study found.
  bool tells_no_result(std::size_t at) const {
    if (any_of_words(word(at), kOfNoAbstract)) return true;
    if (word(at) == "potential") return word(at + 1) == "to";
    if (at > 0 && word(at) == "help") return any_of_words(word(at - 1), "may can could would might will");
    if (at > 0 && any_of_words(word(at), "assessed determined analyzed analysed"))
      return word(at - 1) == "we" || role(at - 1) == Role::be;
    if (!any_of_words(word(at), "has have")) return false;
    for (std::size_t i = at + 1; i < at + 3; ++i)
      if (word(i) == "been")
        for (std::size_t k = i + 1; k < i + 3 && k < units_.size(); ++k)
          if (any_of_words(units_[k].stem,
                           "report describ suggest associat link implicat show propos demonstrat"))
            return true;
    return false;
  }

  // "These data argue against a causal link between ...", "cast doubt on", "provide no support for": behind
  // it stands what is denied; `from` where nothing is.
  std::size_t after_doubt(std::size_t from, std::size_t to) const {
    for (std::size_t i = from; i + 1 < to; ++i) {
      if (any_of_words(word(i), "argue argues argued argued speak speaks evidence") &&
          word(i + 1) == "against")
        return i + 2;
      if (any_of_words(word(i), "cast casts casting raise raises") &&
          any_of_words(word(i + 1), "doubt doubts"))
        return i + 2;
      if (any_of_words(word(i), "refute refutes refuted challenge challenges contradict contradicts"))
        return i + 1;
      if (word(i) == "no" && any_of_words(word(i + 1), "support confirmation")) return i + 2;
    }
    return from;
  }

  // Where the "no" of "no independent prognostic value" stands; else where the cue begins.
  std::size_t adjectives_of(const CueGroup& group) const {
    const bool noun = group.cue.kind == CueKind::influence || group.cue.kind == CueKind::relation_of ||
                      group.cue.kind == CueKind::difference || group.cue.kind == CueKind::change_of;
    const bool near = group.negated && group.denial < group.begin && group.begin - group.denial <= 6;
    if (!noun || !near) return group.begin;
    std::size_t start = group.denial;
    // "did not provide cognitive benefits"
    if (any_of_words(word(start), "not cannot never") || word(start).ends_with("n't")) {
      if (!any_of_words(word(start + 1),
                        "provide confer show produce offer have yield exert demonstrate give"))
        return group.begin;
      ++start;
    } else if (!any_of_words(word(start), "no little negligible minimal lack")) {
      return group.begin;
    }
    for (std::size_t i = start + 1; i < group.begin; ++i)
      if (any_of_words(word(i), "that of in with for to") || cue_at(units_, i)) return group.begin;
    return start;
  }

  // Nothing before the cue but verbs and "it".
  bool speaks_of_it(std::size_t from, std::size_t to) const {
    for (std::size_t i = from; i < to; ++i)
      if (any_of_words(word(i), "there we neither")) return false;
    return true;
  }

  // "declined by a fifth for men": a change, and nobody's effect.
  bool changes_by_itself(const CueGroup& group) const {
    if (group.cue.kind != CueKind::change || group.negated) return false;
    for (std::size_t i = 0; i < group.begin; ++i)
      if (any_of_words(word(i), "every each per")) return false;
    const std::string& verb = word(group.end - 1);
    if (!verb.ends_with("ed") && !any_of_words(verb, "rose fell")) return false;
    for (std::size_t i = group.begin, steps = 0; i-- > 0 && steps < 3; ++steps)
      if (role(i) == Role::be || role(i) == Role::content) {
        if (role(i) == Role::be) return false;
        break;
      }
    return any_of_words(word(group.end), "by from for") && !any_of_words(word(group.end), "with after");
  }

  // "decreased from 2005 to 2014", "over time": what changes is the year.
  bool tells_a_trend(std::size_t from, std::size_t to) const {
    for (std::size_t i = from; i < to; ++i) {
      const std::string& text = word(i);
      const bool year = units_[i].item.kind == TokenKind::number && text.size() == 4 &&
                        (text.starts_with("19") || text.starts_with("20"));
      if (year && i > from && any_of_words(word(i - 1), "from to between since in and by until -"))
        return true;
      if (text == "time" && i > from && word(i - 1) == "over") return true;
      if (any_of_words(text, "annually decade decades")) return true;
    }
    return false;
  }

  // "We found that ...", "In conclusion, ...", "After adjustment for age, ..."
  std::size_t after_report(std::size_t from, std::size_t to) {
    std::size_t begin = from;
    for (std::size_t i = from; i < to; ++i) {
      if (word(i) != "that") continue;
      for (std::size_t back = i; back > from && i - back < 3;) {
        const std::string& stem = units_[--back].stem;
        if (any_of_words(
                stem,
                "show suggest indicat demonstrat reveal observ conclud evidenc report found find confirm "
                "hypothesiz hypothes hypothesis support idea notion view prov"))
          begin = i + 1;
      }
    }
    return begin;
  }

  // "protects", "may reduce", "A lowered B": a verb with a subject, not "lowered intake".
  bool acts(const CueGroup& group) const {
    if (group.cue.kind != CueKind::change && group.cue.kind != CueKind::cause) return false;
    const std::size_t before = group.begin - 1;
    return role(before) == Role::hedge || any_of_words(word(before), "to can did does significantly also") ||
           (role(before) == Role::content && units_[before].item.kind == TokenKind::word &&
            !units_[before].item.joined && !is_population_word(word(before)));
  }

  // "no better than placebo for preventing C", "superior to B in reducing C": one statement.
  void merge_purposes(std::vector<CueGroup>& groups) const {
    for (std::size_t i = 0; i + 1 < groups.size();) {
      CueGroup &first = groups[i], &next = groups[i + 1];
      const bool useful =
          first.cue.kind == CueKind::verdict || first.cue.kind == CueKind::similar ||
          (first.cue.benefit && (first.cue.kind == CueKind::influence ||
                                 first.cue.kind == CueKind::cause));  // "conferred no advantage"
      const bool purpose = useful && word(next.begin).ends_with("ing") && next.begin > first.end &&
                           any_of_words(word(next.begin - 1), "for in at of");
      bool parted = false;
      for (std::size_t k = first.end; k < next.begin; ++k) parted |= any_of_words(word(k), "and ,");
      if (!purpose || parted) {
        ++i;
        continue;
      }
      next.cue.kind = CueKind::verdict;
      if (first.cue.outcomes == kNone)
        next.cue.outcomes = kNone;
      else if (first.negated)
        next.negated = true, next.denial = first.denial;
      next.begin = first.begin;
      groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  // "Lower intake was associated with ...": says how much of the exposure.
  void drop_modifiers(std::vector<CueGroup>& groups, std::size_t from) {
    less_.clear();
    std::vector<CueGroup> kept;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const CueGroup& group = groups[i];
      const bool plain = group.cue.kind != CueKind::relation && group.cue.kind != CueKind::cause &&
                         group.cue.kind != CueKind::likely;
      const bool verb = group.begin > from &&
                        (role(group.begin - 1) == Role::be || word(group.begin - 1) == "no" || acts(group));
      const auto strong = std::find_if(
          groups.begin() + static_cast<std::ptrdiff_t>(i) + 1, groups.end(), [](const CueGroup& next) {
            return next.cue.kind == CueKind::relation || next.cue.kind == CueKind::cause ||
                   next.cue.kind == CueKind::factor || next.cue.kind == CueKind::likely ||
                   next.cue.kind == CueKind::change || next.cue.kind == CueKind::verdict ||
                   next.cue.kind == CueKind::influence;
          });
      // "reduced A and was associated with B": two statements.
      bool conjoined = strong == groups.end();
      for (std::size_t k = conjoined ? 0 : strong->begin; k-- > group.end;) {
        conjoined = role(k) == Role::conjunction || word(k) == ",";
        if (conjoined || (role(k) != Role::be && role(k) != Role::stop && role(k) != Role::negation &&
                          role(k) != Role::significant))
          break;
      }
      // "male sex, higher stature and a larger family were associated with ...": one of those listed.
      const bool listed = group.cue.kind == CueKind::compare && strong != groups.end() &&
                          (group.begin == from || word(group.begin - 1) == "," ||
                           role(group.begin - 1) == Role::conjunction) &&
                          role(group.end) == Role::content;
      if (listed && !group.negated) {
        less_.push_back({group.begin, group.cue.outcomes == kLess});
        continue;
      }
      const bool has_subject = !kept.empty();
      if (plain && !verb && !conjoined && !group.negated && !has_subject)
        less_.push_back({group.begin, (group.cue.outcomes & kMore) == 0 && group.cue.outcomes != kNone});
      else
        kept.push_back(group);
    }
    groups = std::move(kept);
  }

  // Where the second of two cues begins its own statement.
  std::size_t break_before(std::size_t from, std::size_t next) const {
    for (std::size_t i = next; i-- > from;)
      if (word(i) == "," || role(i) == Role::conjunction || any_of_words(word(i), "which that who"))
        return i + 1;
    return next;
  }

  // An enumeration taken apart; what is no enumeration stays one.
  std::vector<Parts> elements(const Parts& parts) const {
    std::vector<Parts> found;
    if (parts.empty()) return found;
    bool enumerates = false;
    for (const Part& part : parts)
      for (std::size_t i = part.begin; i < part.end; ++i)
        enumerates |= word(i) == "," || note_between(i, i + 1) != nullptr;
    if (!enumerates) return {parts};
    found.emplace_back();
    for (const Part& part : parts) {
      std::size_t begin = part.begin;
      for (std::size_t i = part.begin; i < part.end; ++i) {
        const bool conjunction = role(i) == Role::conjunction && !(part.preposition == "between");
        // "systolic and diastolic pressure" stays one, but for "A (2.1) and B (0.3)", "A, B and C".
        const bool lacking = conjunction && i + 1 < part.end && any_of_words(word(i + 1), "no not");
        if (word(i) != "," && !lacking &&
            !(conjunction && (found.size() > 1 || note_between(begin, i) || comma_after(parts, i))))
          continue;
        if (i > begin) found.back().push_back({part.preposition, begin, i});
        if (!found.back().empty()) found.emplace_back();
        begin = i + 1;
      }
      if (part.end > begin) found.back().push_back({part.preposition, begin, part.end});
    }
    // "A, but not B, ..." says nothing of B here.
    std::erase_if(found,
                  [&](const Parts& each) { return worth(each) < .1F || word(each.front().begin) == "but"; });
    return found;
  }
  bool comma_after(const Parts& parts, std::size_t at) const {
    for (std::size_t i = at; i < parts.back().end; ++i)
      if (word(i) == ",") return true;
    return false;
  }

  // People say little where it is said which; what is on both sides is the outcome.
  void settle(Terms& exposure, const Terms& outcome) const {
    std::erase_if(exposure, [&](const Term& term) {
      return std::any_of(outcome.begin(), outcome.end(),
                         [&](const Term& other) { return other.concept_id == term.concept_id; });
    });
    const auto is_people = [&](const Term& term) {
      return term.span.end <= text_.size() &&
             std::any_of(units_.begin(), units_.end(), [&](const Piece& unit) {
               return unit.item.span == term.span && is_population_word(unit.item.text);
             });
    };
    const bool named = std::any_of(exposure.begin(), exposure.end(), [&](const Term& term) {
      return term.worth >= kTellingWorth && !is_people(term);
    });
    if (!named) return;
    for (Term& term : exposure)
      if (is_people(term)) term.worth *= .3F;
  }

  // The note behind a unit of [begin, end) and before the next unit.
  const Note* note_between(std::size_t begin, std::size_t end) const {
    if (begin >= end || begin >= units_.size()) return nullptr;
    const std::size_t from = units_[begin].item.span.end;
    const std::size_t to = end < units_.size() ? units_[end].item.span.begin : sentence_.span.end;
    for (const Note& note : notes_)
      if (note.at >= from && note.at <= to && note.estimate) return &note;
    return nullptr;
  }
  const Note* note_within(std::size_t begin, std::size_t end, bool estimate) const {
    const std::size_t from = begin < units_.size() ? units_[begin].item.span.begin : sentence_.span.end;
    const std::size_t to = end < units_.size() ? units_[end].item.span.begin : sentence_.span.end;
    for (const Note& note : notes_)
      if (note.at >= from && note.at <= to && (estimate ? note.estimate.has_value() : note.p.has_value()))
        return &note;
    return nullptr;
  }

  void emit(const CueGroup& group, const Frame& frame, std::size_t start, std::size_t end, bool hedged) {
    Finding base;
    base.sentence = sentence_.span;
    base.section = sentence_.section;
    base.hedged = hedged;
    base.cue = {units_[group.begin].item.span.begin, units_[group.end - 1].item.span.end};
    base.statistical = group.statistical;
    if (group.negated) base.negation = units_[group.denial].item.span;
    base.benefit = group.cue.benefit;
    base.symmetric = group.cue.kind == CueKind::relation || group.cue.kind == CueKind::relation_of ||
                     compares_the_ill(frame.exposure);
    base.allowed = group.cue.outcomes;
    const bool whether = base.allowed == (kLess | kMore);
    if (group.negated) base.allowed = whether ? kNone : static_cast<Outcomes>(kAny & ~base.allowed);
    for (const Part& part : frame.comparator) append(base.comparator, part);
    for (const Part& part : frame.population) append(base.population, part);
    std::vector<Parts> exposures = elements(frame.exposure);
    const std::vector<Parts> outcomes = elements(frame.outcome);
    // "There was no difference between groups in B": the groups of the title.
    const bool implied = exposures.empty() && !topic_.empty() && speaks_of_the_study(start, end);
    if (implied) exposures.emplace_back();
    const bool one_each = exposures.size() > 1 && outcomes.size() > 1;
    for (const Parts& exposure : exposures)
      for (const Parts& outcome : outcomes) {
        if (out_.size() >= kMaxFindingsPerSentence) return;
        Finding finding = base;
        if (implied) finding.exposure = topic_, finding.implied = true;
        for (const Part& part : exposure) append(finding.exposure, part);
        for (const Part& part : outcome) append(finding.outcome, part);
        for (const auto& [at, less] : less_)
          finding.exposure_less ^=
              less && !implied && at >= exposure.front().begin && at < exposure.back().end;
        if (!implied) finding.exposure_less ^= lacks(exposure, group.negated) ^ restricts(exposure);
        finding.outcome_less = lacks(outcome, group.negated) ^ delays(outcome);
        if (sentence_.section != Section::claim && (misread(exposure, group) || misread(outcome, group)))
          continue;
        settle(finding.exposure, finding.outcome);
        if (most_worth(finding.exposure) < .1F || most_worth(finding.outcome) < .1F) continue;
        const Note* estimate = exposures.size() > 1 && !implied
                                   ? note_between(exposure.back().begin, exposure.back().end)
                                   : nullptr;
        if (!estimate && outcomes.size() > 1 && !one_each)
          estimate = note_between(outcome.back().begin, outcome.back().end);
        const bool listed_notes = exposures.size() > 1 || outcomes.size() > 1;
        if (!estimate && !listed_notes) estimate = note_within(start, end, true);
        if (estimate) finding.estimate = estimate->estimate, finding.p = estimate->p;
        if (!finding.p && !listed_notes)
          if (const Note* p = note_within(start, end, false)) finding.p = p->p;
        conclude(finding, group, whether && !group.negated);
        out_.push_back(std::move(finding));
      }
  }

  // "more frequent in adults with gout than in others": either may come first.
  bool compares_the_ill(const Parts& exposure) const {
    return std::any_of(exposure.begin(), exposure.end(), [&](const Part& part) {
      return part.preposition == "with" && part.begin >= 2 && is_population_word(word(part.begin - 2));
    });
  }

  // A slot with a verb of its own, between two things, is no thing: "costs were 2 EUR". "those who had been
  // exposed" names people, and "was a strong genetic" belongs to the risk factor behind it.
  bool misread(const Parts& slot, const CueGroup& group) const {
    const bool noun = group.cue.kind == CueKind::factor || group.cue.kind == CueKind::influence ||
                      group.cue.kind == CueKind::relation_of || group.cue.kind == CueKind::verdict;
    for (const Part& part : slot) {
      if (noun && part.end == group.begin) continue;
      const auto names = [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
          if (!word(i).ends_with("ly") && roles_.worth(Part{"", i, i + 1}) >= kTellingWorth) return true;
        return false;
      };
      bool relative = any_of_words(part.preposition, "who whose whom");
      for (std::size_t i = part.begin; i < part.end && !relative; ++i) {
        relative = any_of_words(word(i), "who whose whom that which where");
        if (any_of_words(word(i), "is are was were may might can could has did does") &&
            names(part.begin, i) && names(i + 1, part.end))
          return true;
      }
    }
    return false;
  }

  // "those who do not smoke", "iron deficiency", "low income": less of what is named.
  // `denied`: the clause is, so its "not" is no one's.
  bool lacks(const Parts& parts, bool denied) const {
    bool less = false;
    for (const Part& part : parts) {
      less ^= part.preposition == "without";
      for (std::size_t i = part.begin; i < part.end; ++i) {
        const bool modifier =
            std::any_of(less_.begin(), less_.end(), [&](const Modifier& each) { return each.at == i; });
        if (modifier) continue;
        // "low-dose", "low back pain", "lower limbs": which, not how much.
        const Span& span = units_[i].item.span;
        if (text_.substr(span.begin, span.end - span.begin).ends_with("dose")) continue;
        if (any_of_words(word(i), "low lower poor") &&
            any_of_words(word(i + 1),
                         "dose doses dosage molecular density back risk grade birth birthweight limb limbs "
                         "extremity extremities respiratory urinary leg abdominal level power energy"))
          continue;
        less ^= !denied && any_of_words(word(i), "no not never");
        less ^= any_of_words(
            word(i),
            "lower fewer lack lacked lacking absence low lowest poor inadequate insufficient deficiency "
            "deficient reduced decreased irregular nonuse unprotected inaccurate shortage "
            "dissatisfied dissatisfaction inadequately insufficiently poorer cessation avoidance withdrawal "
            "discontinuation insufficiency");
      }
    }
    return less;
  }

  // "the time to first relapse": more of it is less of what comes late.
  bool delays(const Parts& outcome) const {
    for (std::size_t i = outcome.front().begin > 2 ? outcome.front().begin - 2 : 0; i < outcome.back().end;
         ++i)
      if (any_of_words(word(i), "time times") && word(i + 1) == "to") return true;
    return false;
  }

  // "salt restriction", "abstinence from coffee": less of it is what is done.
  bool restricts(const Parts& exposure) const {
    for (const Part& part : exposure)
      for (std::size_t i = part.begin; i < part.end; ++i) {
        const bool modifier =
            std::any_of(less_.begin(), less_.end(), [&](const Modifier& each) { return each.at == i; });
        if (!modifier && any_of_words(word(i),
                                      "restriction restricted restricting abstinence abstaining "
                                      "deprivation reduction limiting omission"))
          return true;
      }
    return false;
  }

  bool speaks_of_the_study(std::size_t from, std::size_t to) const {
    for (std::size_t i = from; i < to; ++i)
      if (any_of_words(
              word(i),
              "groups group arms arm intervention interventions treatment treatments control controls "
              "treated program programme it they these"))
        return true;
    return false;
  }

  void append(Terms& to, const Part& part) const {
    const Terms more = terms_of(units_, text_, part.begin, part.end);
    to.insert(to.end(), more.begin(), more.end());
    arrange(to);
  }

  // The direction in words; an association without one has that of its estimate.
  static void conclude(Finding& finding, const CueGroup& group, bool undirected) {
    if (undirected && finding.estimate && finding.estimate->ratio) {
      const Estimate& estimate = *finding.estimate;
      constexpr double kClear = 1.15;
      const auto significant = estimate.significant();
      if (significant == false)
        finding.allowed = kNone, finding.statistical = true;
      else if (significant == true || estimate.value > kClear || estimate.value < 1 / kClear)
        finding.allowed = estimate.value > 1 ? kMore : kLess;
    }
    const bool relates = group.cue.kind == CueKind::relation || group.cue.kind == CueKind::relation_of ||
                         group.cue.kind == CueKind::factor;
    if ((finding.allowed & kNone) != 0)
      finding.direction = relates ? Direction::not_associated : Direction::no_difference;
    else if (finding.allowed == (kLess | kMore))
      finding.direction = Direction::associated;
    else if (finding.benefit)
      finding.direction = finding.allowed == kMore ? Direction::better : Direction::worse;
    else
      finding.direction = finding.allowed == kMore ? Direction::more : Direction::less;
  }

  std::string_view text_;
  const Sentence& sentence_;
  const Terms& topic_;
  std::vector<Piece> units_;
  Roles roles_;  // of units_
  std::vector<Note> notes_;
  std::vector<Finding>& out_;
  Parts subject_;  // of the statement before
  struct Modifier {
    std::size_t at;
    bool less;
  };
  std::vector<Modifier> less_;
};

}  // namespace

Terms read_terms(std::string_view text, Span part, const Abbreviations& abbreviations) {
  const std::vector<Piece> units = units_of(text, abbreviations.written_out(tokens(text, part)));
  return terms_of(units, text, 0, units.size());
}

std::vector<Finding> read_findings(std::string_view text, const Sentence& sentence,
                                   const Abbreviations& abbreviations, const Terms& topic) {
  std::vector<Finding> found;
  if (!reports_findings(sentence.section)) return found;
  const std::string_view own = text.substr(sentence.span.begin, sentence.span.end - sentence.span.begin);
  if (own.ends_with('?')) return found;
  constexpr std::size_t kLongest = 4000;  // bytes; longer ones are tables that lost their lines
  if (own.size() > kLongest) return found;
  std::vector<Note> notes;
  const std::vector<Token> flow = take_notes(tokens(text, sentence.span), notes);
  Reader(text, sentence, topic, units_of(text, abbreviations.written_out(flow)), std::move(notes), found)
      .read();
  return found;
}

}  // namespace medsynth::contradiction
