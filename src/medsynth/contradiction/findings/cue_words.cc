#include "medsynth/contradiction/findings/cue_words.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace medsynth::contradiction {
namespace {

constexpr Outcomes kSome = kLess | kMore;

struct CueRow {
  CueKind kind;
  Outcomes outcomes;
  bool benefit;
  std::string_view
      words;  // any form of a word; a phrase is joined by '_'; it and a word behind '=' stand as they are
};

constexpr std::array kRows{
    CueRow{CueKind::relation, kSome, false, "associated correlated linked correlates associates related_to"},
    CueRow{CueKind::relation, kMore, false,
           "positively_associated positively_correlated directly_associated positively_related "
           "accompanied_by paralleled_by"},
    CueRow{CueKind::relation, kLess, false,
           "negatively_associated inversely_associated negatively_correlated inversely_correlated "
           "inversely_related negatively_related"},
    CueRow{CueKind::relation, kNone, false, "unrelated unassociated uncorrelated independent_of"},
    CueRow{CueKind::relation_of, kSome, false, "association relationship correlation =link =links relation"},
    CueRow{CueKind::relation_of, kMore, false,
           "positive_association positive_correlation positive_relationship direct_association"},
    CueRow{CueKind::relation_of, kLess, false,
           "negative_association inverse_association negative_correlation inverse_correlation "
           "inverse_relationship negative_relationship"},
    CueRow{CueKind::factor, kMore, false, "risk_factor risk_factors"},
    CueRow{CueKind::factor, kLess, false, "protective protective_factor protective_factors"},
    CueRow{CueKind::factor, kSome, false,
           "predictor determinant predict predictive predicts marker_of marker_for markers_of markers_for "
           "prognostic_value predictive_value prognostic_factor prognostic_marker"},
    CueRow{CueKind::difference, kSome, false, "difference differ differed differs disparity =vary =varied"},
    CueRow{CueKind::influence, kSome, false, "effect impact influence role"},
    CueRow{CueKind::influence, kNone, false,
           "neutral_effect neutral_effects neutral_impact neutral_influence null_effect null_effects "
           "zero_effect"},
    CueRow{
        CueKind::influence, kMore, true,
        "positive_effect positive_impact beneficial_effect positive_influence =benefit =benefits =advantage "
        "=advantages"},
    CueRow{CueKind::influence, kLess, true,
           "negative_effect negative_impact adverse_effect_on adverse_impact_on detrimental_effect "
           "negative_influence"},
    CueRow{CueKind::cause, kSome, false,
           "affect affected affects influenced influences alter altered changed change"},
    CueRow{
        CueKind::cause, kMore, false,
        "cause causes caused lead_to led_to leads_to leading_to resulted_in results_in result_in "
        "resulting_in contribute_to contributed_to contributes_to induce induced induces trigger triggered "
        "confer confers conferred predispose predisposed predisposes precipitate precipitated provoke "
        "provoked "
        "produced produces"},
    CueRow{CueKind::change, kMore, false,
           "increase increased increases raise raised elevate enhance enhanced promote promoted accelerate "
           "prolong prolonged rose stimulate upregulate upregulated doubled tripled hasten hastened =exceed "
           "=exceeded"},
    CueRow{CueKind::change, kLess, false,
           "reduce reduced decrease decreased lowers lowered decline declined diminish attenuate attenuated "
           "suppress suppressed inhibit inhibited prevent prevented protect protected protects alleviate "
           "alleviated mitigate shorten shortened dropped fell lessen downregulate "
           "downregulated halve halved relieve relieved curb =slowed =slows retard retarded avert "
           "averted"},
    CueRow{
        CueKind::change, kMore, true,
        "improve improved improves improving benefit benefited benefited ameliorate ameliorated outperform "
        "outperformed outperforms favor favored"},
    CueRow{CueKind::change, kLess, true,
           "worsen worsened deteriorate deteriorated impair impaired impairs harm harmed exacerbate "
           "exacerbated"},
    CueRow{CueKind::change_of, kMore, false, "rise elevation enhancement prolongation =excess"},
    CueRow{CueKind::change_of, kLess, false,
           "reduction decline attenuation suppression inhibition decrement protection_against "
           "protection_from drop_in drops_in fall_in falls_in"},
    CueRow{CueKind::change_of, kMore, true, "improvement gain gains"},
    CueRow{CueKind::change_of, kLess, true, "deterioration worsening impairment"},
    CueRow{CueKind::compare, kMore, false,
           "higher greater larger longer elevated more_frequent more_frequently more_common more_often "
           "more_prevalent more_commonly increasing heavier highest over_represented overrepresented faster "
           "more_rapid more_rapidly twofold threefold fourfold fivefold"},
    CueRow{CueKind::compare, kLess, false,
           "=lower fewer smaller shorter less_frequent less_frequently less_common less_often less_prevalent "
           "less_commonly decreasing lowest under_represented underrepresented"},
    CueRow{CueKind::likely, kMore, false,
           "more_likely likelier twice_as_likely times_as_likely times_more_likely more_prone"},
    CueRow{CueKind::likely, kLess, false, "less_likely half_as_likely less_prone"},
    CueRow{
        CueKind::similar, kNone, false,
        "similar comparable equivalent identical unchanged unaffected unaltered similarly comparably alike "
        "indistinguishable no_different "
        "equally =same =equal =unity as_often as_frequent as_frequently as_common as_commonly as_likely "
        "as_prevalent no_more no_less no_higher no_lower no_greater no_fewer"},
    CueRow{CueKind::verdict, kMore, true,
           "effective beneficial efficacious superior better effectively advantageous favorable superiority "
           "more_effective useful =recommended =justified"},
    CueRow{CueKind::verdict, kLess, true,
           "worse inferior harmful poorer detrimental deleterious less_effective unfavorable"},
    CueRow{CueKind::verdict, kNone, true,
           "ineffective futile unnecessary no_benefit of_no_benefit no_use of_no_use useless no_better_than "
           "no_better as_effective as_effective_as no_more_effective lacked_efficacy lack_of_efficacy "
           "no_efficacy"},
    CueRow{CueKind::verdict, static_cast<Outcomes>(kNone | kMore), true, "no_worse_than no_worse"},
    CueRow{CueKind::verdict, static_cast<Outcomes>(kNone | kMore), true,
           "noninferior noninferiority non_inferior non_inferiority"},
};

template <class Visit>
void each_word(std::string_view words, Visit visit) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (end > 0) visit(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

CueTable build() {
  CueTable table;
  for (const CueRow& row : kRows)
    each_word(row.words, [&](std::string_view word) {
      const Cue cue{row.kind, row.outcomes, row.benefit};
      if (word.front() == '=') return void(table.phrases.try_emplace(std::string(word.substr(1)), cue));
      if (word.find('_') == word.npos) return void(table.stems.try_emplace(inflection_stem(word), cue));
      std::string phrase(word);
      std::replace(phrase.begin(), phrase.end(), '_', ' ');
      table.phrases.try_emplace(std::move(phrase), cue);
    });
  return table;
}

}  // namespace

const CueTable& cue_words() {
  static const CueTable* const built = new CueTable(build());  // never destroyed: threads may outlive main
  return *built;
}

}  // namespace medsynth::contradiction
