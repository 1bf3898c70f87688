#include "medsynth/contradiction/findings/findings.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/findings/question.h"
#include "medsynth/contradiction/findings/statements.h"

namespace medsynth::contradiction {
namespace {

// "exposure > outcome: direction", with "less of" before what is lacking and the value of the estimate
// behind.
std::string show(std::string_view text, const Finding& finding) {
  std::string out = (finding.exposure_less ? "less of " : "") + words_of(finding.exposure, text) + " > " +
                    (finding.outcome_less ? "less of " : "") + words_of(finding.outcome, text) + ": " +
                    std::string(described::enum_name(finding.direction));
  if (finding.estimate) {
    std::string value = std::to_string(std::round(finding.estimate->value * 100) / 100);
    out += " " + value.substr(0, 4);
  }
  return out;
}

std::vector<std::string> read(std::string_view text, Section section = Section::results) {
  std::vector<std::string> out;
  for (const Finding& finding : read_findings(text, {{0, text.size()}, section}, {}, {}))
    out.push_back(show(text, finding));
  return out;
}

struct Row {
  const char* text;
  std::vector<std::string> findings;
};
void expect(const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(read(row.text), row.findings) << row.text;
}

// Who does what to what, whichever stands first.
TEST(Findings, ExposureAndOutcome) {
  expect({
      {"Melatonin reduced delirium.", {"Melatonin > delirium: less"}},
      {"Delirium was reduced by melatonin.", {"melatonin > Delirium: less"}},
      {"Delirium was less frequent with melatonin.", {"melatonin > Delirium: less"}},
      {"Patients given melatonin had a lower incidence of delirium than those given placebo.",
       {"given melatonin > delirium: less"}},
      {"There was a reduction in delirium with melatonin.", {"melatonin > delirium: less"}},
      {"Melatonin was associated with delirium.", {"Melatonin > delirium: associated"}},
      {"The association between melatonin and delirium was strong.", {"melatonin > delirium: associated"}},
      {"Delirium differed between melatonin and placebo.", {"melatonin > Delirium: associated"}},
      {"Smoking is a risk factor for psoriasis.", {"Smoking > psoriasis: more"}},
      {"Smokers were more likely to develop psoriasis.", {"Smokers > psoriasis: more"}},
      {"Melatonin improved sleep quality.", {"Melatonin > sleep quality: better"}},
      {"Compared with placebo, melatonin reduced delirium.", {"melatonin > delirium: less"}},
      {"Melatonin and delirium were associated.", {"Melatonin > delirium: associated"}},
      {"Melatonin, but not zinc, was associated with delirium.", {"Melatonin > delirium: associated"}},
      {"Yoga was superior to stretching for back pain.", {"Yoga > back pain: better"}},
  });
}

// No difference has many wordings and a direction of its own.
TEST(Findings, NoDifference) {
  for (const char* text :
       {"Melatonin did not reduce delirium.", "Melatonin failed to reduce delirium.",
        "Melatonin had no effect on delirium.", "Melatonin had no significant effect on delirium.",
        "There was no reduction in delirium with melatonin.",
        "No reduction in delirium was seen with melatonin.",
        "Delirium was similar with melatonin and placebo.",
        "Delirium did not differ between melatonin and placebo.",
        "No significant difference in delirium was found between melatonin and placebo.",
        "There is no evidence that melatonin reduces delirium.",
        "These data do not support the use of melatonin to prevent delirium.",
        "The data do not support the hypothesis that melatonin reduces delirium.",
        "Melatonin did not significantly reduce delirium.", "Melatonin never reduced delirium.",
        "A reduction in delirium with melatonin was not observed."}) {
    const std::string_view view = text;
    const auto found = read_findings(view, {{0, view.size()}, Section::results}, {}, {});
    ASSERT_EQ(found.size(), 1U) << text;
    EXPECT_EQ(found[0].direction, Direction::no_difference) << text;
    EXPECT_NE(words_of(found[0].outcome, view).find("elirium"), std::string::npos) << text;
    EXPECT_NE(words_of(found[0].exposure, view).find("elatonin"), std::string::npos) << text;
  }
  for (const char* text : {"Melatonin was not associated with delirium.",
                           "There was no association between melatonin and delirium.",
                           "No association was found between melatonin and delirium.",
                           "Melatonin was not significantly associated with delirium.",
                           "Melatonin cannot be considered a risk factor for delirium.",
                           "We failed to find an association between melatonin and delirium.",
                           "Neither melatonin nor lemon balm was associated with delirium."})
    EXPECT_EQ(
        read_findings(text, {{0, std::string_view(text).size()}, Section::results}, {}, {}).at(0).direction,
        Direction::not_associated)
        << text;
}

// A "not" that only says who they are is no denial.
TEST(Findings, GroupsThatLack) {
  expect({
      {"Those who did not smoke had a lower incidence of psoriasis.", {"less of smoke > psoriasis: less"}},
      {"Patients without diabetes had fewer infections.", {"less of diabetes > infections: less"}},
      {"Lower income was associated with psoriasis.", {"less of income > psoriasis: associated"}},
      {"Zinc deficiency increased the incidence of diarrhoea.",
       {"less of Zinc deficiency > diarrhoea: more"}},
  });
}

// "no" and "not a" deny the noun that they lead to, over its adjectives; the adjective of an effect says on
// what.
TEST(Findings, DeniedNouns) {
  expect({
      {"Leptin had no independent prognostic value for sepsis.", {"Leptin > sepsis: not_associated"}},
      {"The variant is not a major genetic risk factor for gout.",
       {"variant genetic > gout: not_associated"}},
      {"Garlic had no hypotensive effect.", {"Garlic > hypotensive: no_difference"}},
      {"There was no consistent relationship between noise and tinnitus.",
       {"noise > tinnitus: not_associated"}},
      {"Garlic had a negligible effect on cholesterol.", {"Garlic > cholesterol: no_difference"}},
      {"Garlic was no better than placebo for preventing scurvy.", {"Garlic > scurvy: no_difference"}},
      {"Garlic lacked efficacy in preventing scurvy.", {"Garlic > scurvy: no_difference"}},
      {"Garlic offers no advantage for wound healing.", {"Garlic offers > wound healing: no_difference"}},
      {"Garlic is unlikely to reduce scurvy.", {"Garlic > scurvy: no_difference"}},
  });
}

// An advantage that is denied, what it would have been in, and effects that are none.
TEST(Findings, DeniedAdvantages) {
  expect({
      {"Garlic conferred no advantage over placebo in preventing scurvy.",
       {"Garlic > scurvy: no_difference"}},
      {"No stature gain was seen with garlic.", {"garlic > stature: no_difference"}},
      {"Garlic did not provide cognitive benefits.", {"Garlic > cognitive: no_difference"}},
      {"Garlic had a neutral effect on cholesterol.", {"Garlic > cholesterol: no_difference"}},
      {"Garlic was no more effective than placebo in the treatment of scurvy.",
       {"Garlic > scurvy: no_difference"}},
      {"Garlic was associated with a moderately increased risk of gout.", {"Garlic > gout: more"}},
  });
}

// What is said of both groups alike is no difference, whatever it is that both did.
TEST(Findings, ToTheSameExtent) {
  expect({
      {"Gout improved to the same extent with garlic and with placebo.", {"garlic > Gout: no_difference"}},
      {"Gout declined at a similar rate with garlic.", {"garlic > Gout: no_difference"}},
      {"Gout was equally prevalent in smokers and abstainers.", {"smokers abstainers > Gout: no_difference"}},
      {"Gout did not change significantly during treatment with garlic.", {"garlic > Gout: no_difference"}},
      {"Survival was better with garlic than with placebo.", {"garlic > Survival: better"}},
  });
}

// Who was vaccinated against what is no comparison.
TEST(Findings, AgainstADisease) {
  const std::string_view text =
      "Gout was more common among women vaccinated against mumps than among smokers.";
  const auto found = read_findings(text, {{0, text.size()}, Section::results}, {}, {});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(words_of(found[0].comparator, text), "smokers");
}

// "higher" in a list says how much of one of its members; the list's own verb says what was found.
TEST(Findings, ComparativesInLists) {
  expect({
      {"Male sex, higher stature and larger families were associated with gout.",
       {"Male sex > gout: associated", "stature > gout: associated", "larger families > gout: associated"}},
  });
}

// What others found, what it may be good for, and slots with a verb of their own.
TEST(Findings, NothingOfAnAbstract) {
  for (const char* text :
       {"An association between melatonin and delirium has been reported.",
        "Melatonin has long been linked to delirium.", "Melatonin has the potential to reduce delirium.",
        "These findings may help to reduce delirium by melatonin.",
        "Costs were 2.4 billion EUR higher with melatonin."})
    EXPECT_TRUE(read(text).empty()) << text;
  EXPECT_FALSE(read("Melatonin helps to reduce delirium.", Section::claim).empty());
  EXPECT_FALSE(read("Delirium was moderately more common with melatonin.").empty());
  EXPECT_FALSE(read("Patients who had been given melatonin had less delirium; delirium was less frequent in "
                    "women who were given melatonin.")
                   .empty());
}

// What is doubted, argued against or not supported is denied.
TEST(Findings, DoubtedStatements) {
  expect({
      {"These data argue against a causal link between noise and tinnitus.",
       {"noise > tinnitus: not_associated"}},
      {"Our results cast doubt on the claim that noise causes tinnitus.",
       {"noise > tinnitus: no_difference"}},
      {"The analyses provided no support for an effect of noise on tinnitus.",
       {"noise > tinnitus: no_difference"}},
  });
}

// What is protected from is the outcome, who is protected is not.
TEST(Findings, Protection) {
  expect({
      {"Zinc protects toddlers against diarrhoea.", {"Zinc > diarrhoea: less"}},
      {"Zinc may protect against diarrhoea, possibly by improving immunity.",
       {"Zinc > diarrhoea: less", "Zinc > immunity: better"}},
      {"Zinc had no protective effect against diarrhoea.", {"Zinc > diarrhoea: no_difference"}},
  });
}

// How often, how much faster, how many times: adverbs and folds.
TEST(Findings, AdverbsAndFolds) {
  expect({
      {"Smokers developed gout more often than abstainers.", {"Smokers > gout: more"}},
      {"Smokers had a 1.8-fold risk of gout.", {"Smokers > gout: more"}},
      {"Smokers had a twofold risk of gout.", {"Smokers > gout: more"}},
      {"Urate correlated inversely with dementia.", {"Urate > dementia: less"}},
      {"Gout was less likely with allopurinol.", {"allopurinol > Gout: less"}},
      {"Gout was as common with allopurinol as with colchicine.", {"allopurinol > Gout: no_difference"}},
      {"Cough was accompanied by a drop in oxygenation.", {"Cough > oxygenation: less"}},
      {"There were falls in cholesterol with garlic.", {"garlic > cholesterol: less"}},
      {"Garlic did not prevent falls in healthy older adults.", {"Garlic > falls: no_difference"}},
  });
}

// Less of the exposure is what is done; a low dose is not less of the drug. What comes late is less.
TEST(Findings, RestrictionsDosesAndDelays) {
  expect({
      {"Salt restriction reduced oedema.", {"less of Salt restriction > oedema: less"}},
      {"Abstinence from coffee reduced tremor.", {"less of Abstinence coffee > tremor: less"}},
      {"Low-dose dopamine reduced oliguria.", {"dopamine > oliguria: less"}},
      {"Zinc did not prolong the time to relapse.", {"Zinc > less of relapse: no_difference"}},
      {"Exposure to lead was associated with gout.", {"Exposure lead > gout: associated"}},
  });
}

// Each estimate stays with its factor, whatever the enumeration looks like.
TEST(Findings, Enumerations) {
  expect({
      {"Smoking (AOR 2.1, 95% CI 1.4-3.2), obesity (AOR 0.5, 95% CI 0.3-0.8) and gout (AOR 1.1, 95% CI "
       "0.8-1.5) were "
       "associated with psoriasis.",
       {"Smoking > psoriasis: more 2.10", "obesity > psoriasis: less 0.50",
        "gout > psoriasis: not_associated 1.10"}},
      {"Psoriasis was associated with smoking [AOR = 2.1; 95% CI (1.4, 3.2)] and obesity [AOR = 0.5; 95% CI "
       "(0.3, 0.8)].",
       {"Psoriasis > smoking: more 2.10", "Psoriasis > obesity: less 0.50"}},
      {"Factors associated with psoriasis were smoking (AOR 2.1, 95% CI 1.4-3.2) and obesity (AOR 0.5, 95% "
       "CI 0.3-0.8).",
       {"smoking > psoriasis: more 2.10", "obesity > psoriasis: less 0.50"}},
      {"Being short (AOR: 0. 08, 95% CI 0. 02-0. 3) was associated with psoriasis.",
       {"short > psoriasis: less 0.08"}},
  });
}

// Two things said of one subject; a subject of its own for the second.
TEST(Findings, SeveralCues) {
  expect({
      {"Melatonin reduced delirium and improved sleep.",
       {"Melatonin > delirium: less", "Melatonin > sleep: better"}},
      {"Melatonin reduced delirium but did not change mortality.",
       {"Melatonin > delirium: less", "Melatonin > mortality: no_difference"}},
      {"Melatonin shortened delirium but had no effect on mortality.",
       {"Melatonin > delirium: less", "Melatonin > mortality: no_difference"}},
  });
}

// Aims, hypotheses, methods, recommendations, questions and trends over time find nothing.
TEST(Findings, NothingFound) {
  for (const char* text :
       {"We aimed to determine whether melatonin reduces delirium.",
        "Melatonin should be given to reduce delirium.",
        "Further studies are needed on the effect of melatonin on delirium.",
        "Does melatonin reduce delirium?", "It is unclear if melatonin reduces delirium.",
        "Delirium decreased from 2005 to 2014 in women.", "We hypothesized that melatonin reduces delirium."})
    EXPECT_TRUE(read(text).empty()) << text;
  for (Section section : {Section::background, Section::methods, Section::other})
    EXPECT_TRUE(read("Melatonin reduced delirium.", section).empty());
}

// What the sentence leaves to the title is the title's, and marked.
TEST(Findings, TheTitleNamesTheIntervention) {
  const std::string_view title = "Melatonin for delirium: a trial",
                         text = "There was no difference in mortality between groups.";
  const Terms topic = read_terms(title, {0, title.size()}, {});
  const auto found = read_findings(text, {{0, text.size()}, Section::results}, {}, topic);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].implied);
  EXPECT_EQ(found[0].exposure.size(), topic.size());
}

// A claim that was given always gives something to compare.
TEST(Statements, AreNeverEmpty) {
  EXPECT_EQ(read_statement("Kittens purr.", {}).size(), 1U);
  EXPECT_TRUE(read_statement("Kittens purr.", {})[0].unclear);
  EXPECT_FALSE(read_statement("Zinc shortens colds.", {}).at(0).unclear);
  EXPECT_TRUE(read_statement("...", {}).empty());
}

Opposition between(std::string_view a, std::string_view b) {
  const Finding x = read_statement(a, {}).at(0), y = read_statement(b, {}).at(0);
  const Meeting one = meet(x, y, {}, {}), other = meet(y, x, {}, {});
  EXPECT_EQ(one.exposure, other.exposure);
  EXPECT_EQ(one.outcome, other.outcome);
  EXPECT_EQ(oppose(x, y, one.turned), oppose(y, x, other.turned));
  EXPECT_EQ(probability_of(one, oppose(x, y, one.turned), x, y).contradiction,
            probability_of(other, oppose(y, x, other.turned), y, x).contradiction);
  return oppose(x, y, one.turned);
}

// Opposite directions, an effect and none, and what only looks so.
TEST(Questions, Opposition) {
  struct Case {
    const char *a, *b;
    Opposition opposition;
  };
  for (const Case& each : std::vector<Case>{
           {"Melatonin reduced delirium.", "Melatonin increased delirium.", Opposition::opposite},
           {"Melatonin reduced delirium.", "Melatonin did not reduce delirium.", Opposition::null},
           {"Melatonin was associated with delirium.", "Melatonin was not associated with delirium.",
            Opposition::null},
           {"Melatonin reduced delirium.", "Melatonin reduced delirium in women.", Opposition::agrees},
           {"Melatonin did not reduce delirium.", "Delirium was similar with melatonin and placebo.",
            Opposition::agrees},
           {"Men had more psoriasis.", "Women had a higher prevalence of psoriasis.", Opposition::opposite},
           {"Zinc deficiency increased the incidence of diarrhoea.",
            "Zinc reduced the incidence of diarrhoea.", Opposition::agrees},
           {"Living in rural areas was associated with a higher risk of rabies.",
            "Living in urban areas was associated with a lower risk of rabies.", Opposition::agrees},
       })
    EXPECT_EQ(between(each.a, each.b), each.opposition) << each.a << " / " << each.b;
}

// The same said from the other arm, and of what is good instead of what is bad.
TEST(Questions, OtherArmsAndOtherWords) {
  EXPECT_EQ(
      between("Children who had been formula fed were more often obese than those who had been breastfed.",
              "Breastfed children were less often obese."),
      Opposition::agrees);
  EXPECT_EQ(between("Gout worsened the prognosis.", "Gout increased mortality."), Opposition::agrees);
  EXPECT_EQ(between("Gout predicted mortality.", "Gout reduced mortality."), Opposition::opposite);
}

// What a thing is said to be is a property of it: only claims about the same one meet.
TEST(Statements, SayWhatAThingIs) {
  struct Case {
    std::string_view claim, exposure, population;
    Outcomes allowed;
  };
  constexpr Outcomes kNotMore = static_cast<Outcomes>(kLess | kNone);
  for (const Case& each : std::vector<Case>{
           {"Garlic is safe.", "Garlic", "", kMore},
           {"Garlic was not safe in pregnancy.", "Garlic", "pregnancy", kNotMore},
           {"Garlic is unsafe.", "Garlic", "", kLess},
           {"Garlic was well tolerated.", "Garlic", "", kMore},
           {"Garlic was poorly tolerated.", "Garlic", "", kLess},
           {"Garlic was not well tolerated.", "Garlic", "", kNotMore},
           {"Garlic has been shown to be effective.", "Garlic", "", kMore},
           {"Garlic is ineffective.", "Garlic", "", kNone},
           {"Garlic isn't cost-effective.", "Garlic", "", kNotMore},
           {"Garlic proved feasible for rickets.", "Garlic", "rickets", kMore},
           {"Garlic was unacceptable to parents.", "Garlic", "parents", kLess},
       }) {
    const Finding read = read_statement(each.claim, {}).at(0);
    EXPECT_TRUE(read.property) << each.claim;
    EXPECT_EQ(words_of(read.exposure, each.claim), each.exposure) << each.claim;
    EXPECT_EQ(words_of(read.population, each.claim), each.population) << each.claim;
    EXPECT_EQ(read.allowed, each.allowed) << each.claim;
  }
  EXPECT_EQ(read_statement("Garlic is safe and effective in children.", {}).size(), 2U);
  for (const std::string_view other :
       {"Safe water is rare.", "Garlic is a safe alternative to zinc.", "Garlic reduced effective doses."})
    for (const Finding& each : read_statement(other, {})) EXPECT_FALSE(each.property) << other;
  EXPECT_EQ(between("Garlic is safe.", "Garlic is not safe in pregnancy."), Opposition::null);
  EXPECT_EQ(between("Garlic was well tolerated.", "Garlic was poorly tolerated."), Opposition::opposite);
}

// Another drug with the same outcome is another question, however alike two short claims are.
TEST(Questions, ShortClaimsOfOtherThings) {
  const auto same = [](std::string_view a, std::string_view b) {
    const Finding x = read_statement(a, {}).at(0), y = read_statement(b, {}).at(0);
    return probability_of(meet(x, y, {}, {}), Opposition::null, x, y).same_question;
  };
  EXPECT_LT(same("Zinc reduces malaria mortality.", "Vancomycin does not reduce malaria mortality."), .3);
  EXPECT_LT(same("Zinc reduces malaria.", "Zinc does not reduce psoriasis."), .3);
  EXPECT_GT(same("Zinc reduces malaria mortality.", "Zinc does not reduce malaria mortality."), .9);
}

// Claims that were given: a word that denies counts beside the reading.
TEST(Questions, DenialsOfGivenClaims) {
  const auto score = [](std::string_view a, std::string_view b) {
    const Finding x = read_statement(a, {}).at(0), y = read_statement(b, {}).at(0);
    const Meeting meeting = meet(x, y, {}, {});
    return probability_of(meeting, oppose(x, y, meeting.turned), x, y).contradiction;
  };
  const std::string_view yes = "Noise near schools goes hand in hand with tinnitus in pupils.",
                         no = "Noise near schools does not go hand in hand with tinnitus in pupils.";
  EXPECT_GT(score(yes, no), .5);
  EXPECT_LT(score(yes, yes), .2);
  EXPECT_LT(score(no, no), .2);
}

// Which words and figures of a claim deny, and which only name a group.
TEST(Statements, Denials) {
  const auto denies = [](std::string_view claim) { return read_statement(claim, {}).at(0).denies; };
  for (const char* claim :
       {"Rickets was as frequent with garlic as with placebo.", "Garlic and placebo did alike for rickets.",
        "Garlic had a neutral effect on rickets.", "Garlic was without benefit in rickets.",
        "Garlic (HR 0.96, 95% CI 0.84 to 1.10) and rickets were studied.",
        "Rickets occurred in 24% with garlic and in 26% with placebo (P = 0.71).",
        "The trial argues against garlic for rickets.", "Garlic gave no benefit in rickets.",
        "There were fewer cases of rickets with garlic, but this was not significant."})
    EXPECT_TRUE(denies(claim)) << claim;
  for (const char* claim :
       {"Garlic protects against rickets.", "Garlic reduced rickets compared with no treatment.",
        "Garlic reduced rickets in children with no history of it.",
        "Garlic reduced rickets in children with and without anaemia.", "Garlic reduced rickets (P = 0.01).",
        "Those who did not eat garlic had more rickets.", "Garlic reduced rickets not only in spring.",
        "Garlic reduced rickets and scurvy at the same time."})
    EXPECT_FALSE(denies(claim)) << claim;
}

// A denial belongs to the findings of its clause.
TEST(Statements, DenialsOfOneClause) {
  const auto found = read_statement("Although garlic did not prevent rickets, it reduced scurvy.", {});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_TRUE(found[0].denies);
  EXPECT_FALSE(found[1].denies);
  const auto other = read_statement("Garlic reduced rickets, but had no effect on scurvy.", {});
  ASSERT_EQ(other.size(), 2U);
  EXPECT_FALSE(other[0].denies);
  EXPECT_TRUE(other[1].denies);
}

// "more frequent in adults with gout" of a study of cases, "raises the risk of gout" of a cohort.
TEST(Questions, CasesAndCohorts) {
  const Finding cases = read_statement("Snoring was more frequent in adults with gout than in controls.", {})
                            .at(0),
                cohort = read_statement("Snoring increased the incidence of gout.", {}).at(0);
  const Meeting met = meet(cases, cohort, {}, {});
  EXPECT_TRUE(met.turned);
  EXPECT_EQ(oppose(cases, cohort, met.turned), Opposition::agrees);
}

// Numbers of other factors make no pair, and neither do words that everybody uses.
TEST(Questions, OtherThingsAreOtherQuestions) {
  const auto same = [](std::string_view a, std::string_view b) {
    double most = 0;
    for (const Finding& x : read_findings(a, {{0, a.size()}, Section::results}, {}, {}))
      for (const Finding& y : read_findings(b, {{0, b.size()}, Section::results}, {}, {}))
        most = std::max(most, probability_of(meet(x, y, {}, {}), Opposition::opposite, x, y).same_question);
    return most;
  };
  EXPECT_LT(same("Being male (AOR 1.8, 95% CI 1.2-2.7) and rural residence (AOR 1.7, 95% CI 1.1-2.6) were "
                 "associated "
                 "with rabies.",
                 "Consumption of four food groups (aOR 0.71, 95% CI 0.5-0.9) was associated with anaemia."),
            .1);
  EXPECT_LT(same("Regression showed that treatment was associated with a risk of rabies.",
                 "Regression showed that treatment was associated with a risk of gout."),
            .3);
  EXPECT_GT(same("Melatonin was associated with a lower risk of delirium.",
                 "Delirium was not reduced by melatonin."),
            .5);
}

}  // namespace
}  // namespace medsynth::contradiction
