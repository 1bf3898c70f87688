// Words that steer the reading. General English and the usual phrases of abstracts, collected by us; the idea
// of triggers with scopes is that of NegEx and ConText (Chapman et al. 2001, Harkema et al. 2009).
#include <array>

#include "medsynth/contradiction/lexicon_tables.h"

namespace medsynth::contradiction {
namespace {

constexpr Outcomes kSome = kLess | kMore;

constexpr std::array kEffects{
    // quantity
    EffectRow{
        kLess, Axis::quantity, EffectRow::plain,
        "reduce reduction lower lowered lowering decrease decrement decline diminish diminution attenuate "
        "attenuation suppress suppression inhibit "
        "inhibition block blocked blocking prevent prevention preventive preventative mitigate mitigation "
        "alleviate alleviation relieve relief soothe silenced silences half_as_likely half_as_common "
        "half_as_many half_as_high half_as_often "
        "ease lessen minimize minimise cut halve halved drop dropped fell fallen downregulate down_regulate "
        "down_regulated impair impairment hinder "
        "hamper abolish abrogate repress repression restrain dampen blunt arrest dilute destroy degrade "
        "degradation constrict constriction eliminate elimination eradicate curb slow slowed delay shorten "
        "deplete diminished "
        "limit limited restrict protect protective protection avert avoid halt stop cure shrink deter less "
        "fewer smaller lesser "
        "low least lowest inverse inversely negatively_associated negatively_correlated inversely_associated "
        "inversely_correlated inversely_related inverse_association inverse_correlation inverse_relationship "
        "negative_association negative_correlation less_likely less_often less_common less_frequent rare "
        "rarely uncommon "
        "scarce kill combat fight reverse reversal antagonize shorter sooner rarer seldom infrequent "
        "infrequently regress regression diminishing "
        "suppressive inhibitory lighter thinner weaker shortened underexpression fade wane "
        "neutralize counteract guard_against shield stave_off ward_off cut_down lose lost"},
    EffectRow{kMore, Axis::quantity, EffectRow::plain,
              "increase increment elevate elevation raise raised rise risen rose grow grown boost enhance "
              "enhancement amplify "
              "augment augmentation accelerate acceleration promote promotion stimulate stimulation activate "
              "activation "
              "facilitate potentiate upregulate up_regulate up_regulated prolong prolongation "
              "extend double doubled "
              "triple tripled quadruple expand expansion enlarge enlargement dilate dilation accumulate "
              "accumulation enrich enriched drive drives driven soar worsened_risk favor build builds "
              "times_as_common twice_as_common times_as_likely twice_as_likely times_as_often twice_as_often "
              "times_as_high twice_as_high times_as_frequent twice_as_frequent commoner likelier lengthen "
              "lengthened heavier taller thicker overexpression overexpress "
              "overexpressed overproduction hyperactive escalate heighten intensify higher high greater more "
              "larger longer excess "
              "highest greatest more_likely "
              "more_often more_common more_frequent common frequent often elevated surge multiply gained "
              "faster stronger "
              "positively_associated positively_correlated positive_association positive_correlation "
              "positive_relationship "
              "risk_factor predispose trigger provoke elicit aggravated_risk "
              "speed speed_up speeds sped hasten encourage foster abundant widespread"},
    EffectRow{
        kMore, Axis::quantity, EffectRow::carrier,
        "cause causes causing causal causative causally lead_to led_to leading_to result_in "
        "resulted_in resulting_in produce induce "
        "induction contribute contribution contributor bring_about give_rise_to account_for "
        "responsible_for due_to attributable_to generate create yield confer "
        "required_for required_to necessary_for needed_for needed_to essential_for essential_to crucial_for "
        "critical_for indispensable_for important_for"},
    EffectRow{kNone, Axis::quantity, EffectRow::plain,
              "dispensable_for unnecessary_for not_needed_for nothing_to_do_with no_bearing_on no_role_in "
              "independent_of unchanged unaffected unaltered stable constant neutral ineffectual unrelated "
              "unassociated uncorrelated"},
    EffectRow{kNone, Axis::quantity, EffectRow::comparing,
              "similar similarly comparable comparably equivalent equivalence equal equally identical same "
              "as_effective_as as_good_as as_safe_as "
              "no_better_than no_worse_than indistinguishable no_different as_likely equally_likely "
              "as_common equally_common"},
    EffectRow{kSome, Axis::relation, EffectRow::plain,
              "affect effect influence impact alter alteration change modify modulate modulation differ "
              "distinguish discriminate "
              "difference different dissimilar "
              "distinct vary"},
    EffectRow{kMore, Axis::relation, EffectRow::soft_carrier,
              "associate association associated link linked correlate correlation correlated relate relation "
              "relationship related predict predictor "
              "predictive connection connected tie_to tied_to"},
    // benefit
    EffectRow{kMore, Axis::benefit, EffectRow::carrier,
              "help"},  // "helps prevent" gives way, "helps with" does not
    EffectRow{
        kMore, Axis::benefit, EffectRow::plain,
        "improve improvement strengthen save_lives live_longer benefit beneficial beneficially effective "
        "effectively effectiveness efficacy "
        "efficacious useful "
        "usefulness helpful advantageous advantage favourable favourably successful successfully success "
        "work works worked "
        "working promising valuable worthwhile ameliorate amelioration treat treats heal optimize restore "
        "adequate sufficient accurate accurately reliable reliably recommended "
        "recommend sensitive good cardioprotective neuroprotective renoprotective gastroprotective "
        "positive_effect positive_impact positive_influence"},
    EffectRow{
        kLess, Axis::benefit, EffectRow::plain,
        "worsen worsening weaken ruin harm harmful harmfully detrimental deleterious damaging damage damages "
        "damaged exacerbate "
        "exacerbation aggravate "
        "aggravation deteriorate deterioration counterproductive unfavourable adverse_effect_on "
        "adverse_impact_on "
        "injurious disadvantage negative_effect negative_impact negative_influence poor poorer bad poorly"},
    EffectRow{kNone, Axis::benefit, EffectRow::plain,
              "ineffective ineffectively ineffectiveness inefficacious useless futile unhelpful futility "
              "inefficacy unsuccessful worthless no_use of_no_use no_benefit of_no_benefit does_nothing "
              "do_nothing did_nothing adds_nothing "
              "inadequate insufficiently inaccurate unreliable inactive refractory"},
    EffectRow{kMore, Axis::benefit, EffectRow::comparing,
              "superior superiority better outperform best preferable surpass exceed healthier"},
    EffectRow{kLess, Axis::benefit, EffectRow::comparing,
              "inferior inferiority worse not_as_effective_as not_as_good_as worst underperform sicker"},
    EffectRow{static_cast<Outcomes>(kNone | kMore), Axis::benefit, EffectRow::comparing,
              "noninferior noninferiority"},
    // safety
    EffectRow{static_cast<Outcomes>(kNone | kMore), Axis::safety, EffectRow::plain,
              "safe safely safety well_tolerated tolerable harmless nontoxic"},
    EffectRow{kMore, Axis::safety, EffectRow::comparing, "safer safest"},
    EffectRow{kLess, Axis::safety, EffectRow::comparing, "riskier"},
    EffectRow{kLess, Axis::safety, EffectRow::plain,
              "unsafe dangerous risky hazardous toxic poorly_tolerated intolerable perilous hazard danger"},
};

// A word in two rows has the role of the first.
constexpr std::array kRoles{
    RoleRow{Role::negation,
            "not no never without neither nor none nobody nothing cannot non fail fail_to failed_to "
            "failure_to failing_to unable unable_to "
            "inability lack lacks lacked lacking absence absent devoid hardly scarcely barely unlikely "
            "unlikely_to impossible refute refuted disprove "
            "disproved contradict deny denies denied denying rule_out ruled_out exclude false falsely myth "
            "untrue "
            "misconception debunk debunked "
            "nonsignificant insignificant free_of free_from incorrect wrong isn't aren't wasn't weren't "
            "don't doesn't didn't "
            "won't wouldn't can't couldn't shouldn't hasn't haven't hadn't little no_longer instead_of "
            "rather_than evidence_against not_true "
            "untruth hoax incapable incapable_of nor_did"},
    RoleRow{Role::observed,
            "observed seen detected demonstrated shown found confirmed apparent evident noted reported "
            "supported identified reached established "
            "present maintained replicated reach attain attained achieve achieved exist exists occurred "
            "warranted"},
    RoleRow{Role::significant,
            "significant significantly statistically_significant statistical_significance meaningful "
            "important substantial notable"},
    RoleRow{
        Role::stop,
        "at_least at_most or_more or_less or_older or_younger or_worse affected_individuals affected_people "
        "not_only not_just not_merely no_matter undoubtedly undoubted undeniable undeniably "
        "indisputable indisputably undisputed undisputedly unquestionable unquestionably unquestioned "
        "doubtless incontrovertible "
        "incontrovertibly irrefutable irrefutably incontestable uncontested unchallenged indubitably "
        "the_case "
        "a an the this_study these those its "
        "their his her our your my as also only such both all any some each every either there here have "
        "has had having do does did done doing "
        "will would shall should must further furthermore moreover additionally thus therefore hence "
        "then so very too quite rather "
        "about approximately nearly almost overall respectively total markedly greatly strongly "
        "substantially modestly slightly "
        "considerably dramatically clearly clear clinically statistically independently directly "
        "generally usually consistently consistent "
        "study studies trial trials result results finding findings evidence data analysis analyses "
        "review reviews meta_analysis metaanalysis "
        "systematic_review research author authors report reports reported investigation experiment "
        "survey article paper literature "
        "conclusion conclusions significance p n ci confidence_interval year years month months week "
        "weeks day days hour hours mg kg g ml "
        "first second third one two three four five six seven eight nine ten many several most much lot "
        "lots ever even just still "
        "according_to example etc compared_to_those find found shows show showed shown demonstrate "
        "demonstrated reveal revealed indicate "
        "indicated conclude concluded confirm confirmed prove proved proven provide provided note noted "
        "state stated claim claimed "
        "observe remain remained become became seem exert play role possess exhibit experience undergo "
        "underwent occur occurrence develop "
        "developed development newly new novel currently current recent recently people_who who whom "
        "whose what when where why how if "
        "certain particular various different_from_zero get gets able able_to capable capable_of ability "
        "make makes made use used using truly "
        "actually really true fact factor factors people_with high_quality low_quality moderate_quality "
        "high_certainty moderate_certainty "
        "high_income low_income middle_income regular regularly daily thing well itself themselves own s "
        "t re please"},
    RoleRow{
        Role::hedge,
        "may might could can possibly possible probable probably perhaps likely appear appears apparently "
        "suggest suggests suggested "
        "suggesting suggestive potential potentially presumably tend trend preliminary tentatively "
        "low_certainty limited_evidence "
        "some_evidence weak_evidence believe believed thought think assume speculate likely_to"},
    RoleRow{
        Role::unknown,
        "unclear unknown uncertain uncertainty inconclusive inconclusively insufficient whether undetermined "
        "not_known not_clear unproven "
        "not_been_established not_yet_known remains_to_be controversial debated conflicting mixed_results "
        "insufficient_evidence not_enough_evidence aim aimed objective purpose "
        "investigated investigate to_determine to_assess to_evaluate to_examine to_compare hypothesis "
        "hypothesised hypothesized "
        "hypothesize contentious "
        "disputed to_investigate further_research more_research further_studies more_studies not_studied"},
    RoleRow{Role::be, "is are was were be been being am 's"},
    RoleRow{Role::preposition,
            "with_and_without with_or_without in among amongst amid on at for of to from by with after "
            "following under during over through "
            "via into onto toward towards "
            "against between before until within across per upon regarding concerning based_on because_of "
            "owing_to throughout despite "
            "in_terms_of with_regard_to with_respect_to"},
    RoleRow{Role::conjunction, "and or plus as_well_as together_with along_with but_also"},
    RoleRow{Role::boundary,
            "but however although though whereas while yet nevertheless nonetheless because since unless "
            "except even_though even_if in_contrast "
            "conversely on_the_other_hand"},
    RoleRow{Role::versus,
            "than versus vs v compared_with compared_to comparison_with comparison_to in_comparison_with "
            "in_comparison_to relative_to "
            "compared comparing as_compared_with as_compared_to against_placebo"},
    RoleRow{Role::receiving,
            "receive received receiving taking take takes took taken given treated treated_with "
            "randomized_to assigned_to allocated_to exposed "
            "exposed_to consuming users"},
    RoleRow{Role::flip,
            "deficiency deficient insufficiency cessation withdrawal discontinuation restriction abstinence "
            "avoidance deprivation lack_of absence_of "
            "quitting stopping quit depletion inhibitor inhibitors antagonist antagonists blocker blockers "
            "antibody_against antibodies_against neutralization inactivation haploinsufficiency null "
            "knockout knock_out knockdown silencing deletion ablation "
            "blockade knocked_out shortage scarcity low_in loss correcting correction corrected"},
    RoleRow{Role::pronoun, "it they this he she we i them you"},
    RoleRow{Role::that, "that which"},
    RoleRow{Role::dose,
            "low_dose high_dose higher_dose lower_dose higher_doses lower_doses high_doses low_doses dose "
            "dosage doses"},
};

}  // namespace

std::span<const EffectRow> effect_rows() {
  return kEffects;
}
std::span<const RoleRow> role_rows() {
  return kRoles;
}

}  // namespace medsynth::contradiction
