// Who takes part, organs, outcomes without other names, and words that say little about a topic. See
// lexicon_tables.h for how rows read.
#include <array>

#include "medsynth/contradiction/lexicon_tables.h"

namespace medsynth::contradiction {
namespace {

constexpr std::array kPeople{
    TermRow{true, 1, kUnsaid, "woman women female females"},
    TermRow{true, 1, kUnsaid, "girl girls"},
    TermRow{true, 1, kUnsaid, "man men male males"},
    TermRow{true, 1, kUnsaid, "boy boys"},
    TermRow{true, 1, kUnsaid, "child children pediatric childhood kid schoolchildren"},
    TermRow{true, 1, kUnsaid, "toddler"},
    TermRow{true, 1, kUnsaid, "adolescent teenager youth adolescence teen"},
    TermRow{true, 1, kUnsaid, "infant baby babies"},
    TermRow{true, 1, kUnsaid, "newborn neonate neonatal <infant"},
    TermRow{true, 1, kUnsaid,
            "elderly older older_adult older_people older_adults senior geriatric old_age older_patient "
            "older_person"},
    TermRow{true, .6F, kUnsaid, "adult grown_up adulthood"},
    TermRow{true, .6F, kUnsaid, "healthy"},
    TermRow{true, 1, kUnsaid, "mouse mice murine <rodent"},
    TermRow{true, 1, kUnsaid, "rat rats <rodent"},
    TermRow{true, 1, kUnsaid, "rodent"},
    TermRow{true, 1, kUnsaid, "pregnancy pregnant gestation gestational"},
    TermRow{true, .8F, kUnsaid, "sex"},
    TermRow{true, .8F, kUnsaid, "gender"},
};

constexpr std::array kOrgans{
    TermRow{true, .8F, kUnsaid, "heart cardiac"},
    TermRow{true, .8F, kUnsaid, "cardiovascular"},
    TermRow{true, .8F, kUnsaid, "kidney renal nephric"},
    TermRow{true, .8F, kUnsaid, "liver hepatic"},
    TermRow{true, .8F, kUnsaid, "lung pulmonary"},
    TermRow{true, .8F, kUnsaid, "brain cerebral"},
    TermRow{true, .8F, kUnsaid, "stomach gastric"},
    TermRow{true, .8F, kUnsaid, "skin cutaneous dermal"},
    TermRow{true, .8F, kUnsaid, "eye ocular ophthalmic"},
    TermRow{true, .8F, kUnsaid, "leg lower_limb lower_extremity"},
    TermRow{true, .8F, kUnsaid, "arm_limb upper_limb upper_extremity"},
    TermRow{true, .8F, kUnsaid, "intestine bowel gut intestinal"},
    TermRow{true, 1, kUnsaid, "womb uterus intrauterine in_utero"},
};

// More of the first is bad, more of the second good, whichever word it is.
constexpr std::array kOutcomes{
    TermRow{
        false, 1, -1,
        "infarction disease disorder syndrome injury inflammation toxicity failure disability risk "
        "incidence symptom symptoms severity burden illness morbidity decline damage stress allergy "
        "bronchitis arthritis hepatitis cirrhosis schizophrenia addiction overdose malaria psoriasis acne "
        "ulcer embolism atherosclerosis angina ischemia shock coma progression viral_load constipation "
        "cough rejection resistance readmission ventilation defect falls"},
    TermRow{false, 1, 1,
            "recovery immunity performance healing health wellbeing well_being "
            "satisfaction mobility strength endurance bioavailability oxygenation clearance birthweight "
            "resilience mood happiness concentration alertness independence"},
    TermRow{true, 1, 1, "function -dysfunction -malfunction"},
    TermRow{true, 1, 1, "response respond responder responded"},
    TermRow{true, 1, 1, "vision eyesight sight -blind -blindness"},
    TermRow{true, 1, -1, "viability viable survive_on remain_viable"},
};

constexpr std::array kLight{
    TermRow{true, .3F, -1, "risk chance likelihood odds probability hazard_ratio"},
    TermRow{true, .3F, -1, "incidence rate occurrence frequency number proportion"},
    TermRow{true, .3F, -1, "prevalence"},
    TermRow{true, .25F, kUnsaid, "level concentration amount serum_level serum"},
    TermRow{
        true, .25F, kUnsaid,
        "treatment therapy use supplement supplementation intake consumption administration drug "
        "medication agent medicine intervention eat eating drink drinking consume ingestion exposure pill "
        "tablet usage wearing wear"},
    TermRow{true, .3F, -1, "disease disorder syndrome illness condition"},
    TermRow{true, .25F, kUnsaid,
            "patient participant subject individual person people population human case volunteer group "
            "cohort arm everyone outpatient inpatient"},
    TermRow{true, .3F, -1, "severity sign"},
    TermRow{true, .3F, kUnsaid, "outcome endpoint measure score value parameter"},
    TermRow{
        false, .3F, kUnsaid,
        "long_term short_term acute chronic primary secondary oral type early late baseline standard "
        "routine combined clinical "
        "randomized controlled double_blind blinded placebo_controlled prospective retrospective "
        "observational crossover multicenter open_label cross_sectional nationwide large small "
        "general mild moderate severe major minor average mean onset event time period process "
        "episode form problem age aged median family history medical past exam examination physical notable "
        "presented report lab vital body diet food product natural activity"},
};

}  // namespace

std::span<const TermSection> light_sections() {
  static constexpr std::array kSections{TermSection{"words that say little", Source::abstracts, kLight}};
  return kSections;
}

std::span<const TermSection> other_sections() {
  static constexpr std::array kSections{
      TermSection{"who takes part", Source::english, kPeople},
      TermSection{"organs", Source::mesh, kOrgans},
      TermSection{"outcomes, good and bad", Source::abstracts, kOutcomes},
  };
  return kSections;
}

}  // namespace medsynth::contradiction
