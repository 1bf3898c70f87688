// States that exclude each other: what clinical notes and findings of studies assert without a verb of
// effect. See lexicon_tables.h for how rows read.
#include <array>

#include "medsynth/contradiction/lexicon_tables.h"

namespace medsynth::contradiction {
namespace {

constexpr std::array kFindings{
    TermRow{true, 1, -1, "fever febrile pyrexia ~afebrile ~apyrexial high_temperature"},
    TermRow{true, 1, -1,
            "hypertension hypertensive high_blood_pressure ~hypotension ~hypotensive ~low_blood_pressure "
            "elevated_blood_pressure raised_blood_pressure arterial_hypertension =HTN"},
    TermRow{true, 1, -1, "tachycardia tachycardic ~bradycardia ~bradycardic"},
    TermRow{true, 1, -1, "tachypnea tachypneic"},
    TermRow{true, 1, -1,
            "hypoxia hypoxic hypoxemia hypoxemic desaturation desaturated low_oxygen ~well_oxygenated "
            "~good_oxygenation"},
    TermRow{true, 1, -1,
            "hyperglycemia hyperglycemic high_blood_sugar elevated_blood_sugar elevated_glucose "
            "~hypoglycemia ~hypoglycemic ~low_blood_sugar"},
    TermRow{true, 1, -1, "hyperkalemia ~hypokalemia"},
    TermRow{true, 1, -1, "hypernatremia ~hyponatremia"},
    TermRow{true, 1, -1, "leukocytosis ~leukopenia"},
    TermRow{true, 1, -1, "neutropenia neutropenic"},
    TermRow{true, 1, -1, "thrombocytopenia low_platelets low_platelet_count ~thrombocytosis"},
    TermRow{true, 1, -1, "anemia anemic low_hemoglobin low_hematocrit"},
    TermRow{true, 1, -1, "obesity obese adiposity ~underweight"},
    TermRow{true, 1, -1, "morbid_obesity morbidly_obese severe_obesity <obesity"},
    TermRow{false, 1, -1, "overweight malnourished cachectic"},
    TermRow{true, 1, kUnsaid, "arrhythmia dysrhythmia ~sinus_rhythm ~normal_rhythm"},
    TermRow{true, 1, -1, "atrial_fibrillation =AF afib <arrhythmia"},
    TermRow{false, 1, -1,
            "<arrhythmia atrial_flutter heart_block ventricular_tachycardia ventricular_fibrillation"},
    TermRow{true, 1, -1, "complication complicated ~uncomplicated ~uneventful ~uneventfully"},
    TermRow{true, 1, -1, "adverse_event side_effect adverse_effect adverse_reaction adverse_drug_reaction"},
    TermRow{true, 1, -1, "serious_adverse_event severe_adverse_event <adverse_event"},
    TermRow{true, 1, 1, "remission ~relapse ~recurrence ~recur"},
};

constexpr std::array kNotes{
    TermRow{true, 1, kUnsaid, "altered_mental_status ~alert ~alert_and_oriented"},
    TermRow{true, 1, kUnsaid, "unconscious unresponsive ~conscious ~awake <altered_mental_status"},
    TermRow{true, 1, kUnsaid, "comatose coma <unconscious"},
    TermRow{true, 1, kUnsaid, "disoriented confused ~oriented <altered_mental_status"},
    TermRow{false, 1, kUnsaid, "<altered_mental_status obtunded lethargic somnolent"},
    TermRow{true, 1, kUnsaid, "compliant compliance adherent adherence ~noncompliant ~nonadherent"},
    TermRow{true, 1, kUnsaid,
            "test_positive positive tested_positive seropositive ~negative ~tested_negative "
            "~seronegative ~no_growth"},
    TermRow{true, 1, kUnsaid, "eligible eligibility inclusion_criteria ~ineligible ~exclusion_criteria"},
    TermRow{true, 1, kUnsaid, "included take_part participate ~excluded ~exclusion <eligible"},
    TermRow{true, 1, kUnsaid,
            "allowed permitted acceptable accepted ~not_allowed ~prohibited ~contraindicated <eligible"},
    TermRow{true, 1, kUnsaid, "parenteral parenterally ~by_mouth ~oral ~orally"},
    TermRow{true, 1, kUnsaid, "intravenous intravenously iv <parenteral"},
    TermRow{true, 1, kUnsaid, "subcutaneous subcutaneously <parenteral"},
    TermRow{true, 1, kUnsaid, "intramuscular intramuscularly <parenteral"},
    TermRow{false, 1, kUnsaid, "<parenteral infusion injection"},
    TermRow{true, 1, kUnsaid,
            "preterm_birth premature_birth prematurity preterm_delivery premature_delivery premature "
            "preterm ~full_term ~term_infant ~born_at_term"},
    TermRow{true, 1, kUnsaid, "intubated intubation endotracheal_tube ~extubated"},
    TermRow{true, 1, kUnsaid,
            "mechanical_ventilation mechanically_ventilated ventilator ~breathing_spontaneously"},
    TermRow{true, 1, kUnsaid, "unmarried is_single ~married ~husband ~wife ~spouse"},
    TermRow{false, 1, kUnsaid, "<unmarried widowed divorced"},
    TermRow{true, 1, kUnsaid, "lives_alone ~lives_with ~living_with"},
    TermRow{true, 1, -1,
            "asymptomatic_state symptomatic symptom symptoms ~asymptomatic ~symptom_free ~without_symptoms"},
    TermRow{true, .8F, -1,
            "abnormal abnormality ~normal ~normally ~unremarkable ~within_normal_limits ~wnl ~intact "
            "~clear_to_auscultation ~in_normal_range"},
    TermRow{false, 1, -1,
            "<abnormal infiltrate effusion opacity consolidation crackle wheeze murmur droop deficit "
            "tenderness distension lesion mass nodule stenosis occlusion rales rhonchi"},
    TermRow{true, 1, -1, "low_apgar low_apgar_score <abnormal"},
    TermRow{true, 1, -1,
            "neurological_deficit neurologic_deficit focal_deficit focal_neurological_deficit <abnormal"},
    TermRow{false, 1, -1,
            "<neurological_deficit facial_droop slurred_speech hemiparesis arm_weakness aphasia"},
    TermRow{true, 1, -1, "left_sided_weakness ~right_sided_weakness <neurological_deficit"},
    TermRow{true, 1, kUnsaid, "conservative conservatively nonoperative ~surgically ~operatively"},
    TermRow{true, 1, kUnsaid, "nothing_by_mouth npo ~regular_diet ~tolerating_diet ~eating_well"},
    TermRow{true, 1, kUnsaid, "discharged_home went_home sent_home ~expired ~passed_away"},
    TermRow{true, 1, kUnsaid, "tolerated_well well_tolerated_by ~tolerated_poorly ~poorly_tolerated_by"},
};

// Opposites of general English and of biology.
constexpr std::array kOpposites{
    TermRow{true, 1, -1, "malignancy_state malignant ~benign"},
    TermRow{true, 1, kUnsaid, "acute ~chronic"},
    TermRow{true, 1, kUnsaid,
            "sudden suddenly abrupt abruptly ~gradual ~gradually ~insidious ~slowly_progressive"},
    TermRow{true, 1, kUnsaid, "continuous persistent ~intermittent ~episodic"},
    TermRow{true, 1, kUnsaid, "left left_sided left_side ~right ~right_sided ~right_side"},
    TermRow{true, 1, kUnsaid, "unilateral one_sided ~bilateral ~bilaterally ~both_sides"},
    TermRow{true, 1, kUnsaid, "upper ~lower_part"},
    TermRow{true, 1, kUnsaid, "dominant ~recessive"},
    TermRow{true, 1, kUnsaid, "viral ~bacterial"},
    TermRow{true, 1, kUnsaid, "fungal mycotic"},
    TermRow{true, 1, kUnsaid, "reversible ~irreversible ~permanent"},
    TermRow{true, 1, 1, "fertile fertility ~infertile ~infertility ~sterile"},
    TermRow{true, 1, kUnsaid, "hereditary inherited heritable genetic_origin ~acquired"},
    TermRow{true, 1, kUnsaid,
            "susceptible sensitive responsive susceptibility sensitivity_to ~resistant "
            "~unresponsive_to ~insensitive"},
    TermRow{true, 1, kUnsaid, "nucleus nuclear ~cytoplasm ~cytoplasmic"},
    TermRow{true, 1, kUnsaid,
            "dispensable nonessential unnecessary unneeded ~required ~essential ~indispensable ~necessary "
            "~needed"},
    TermRow{true, 1, kUnsaid, "before prior_to ~after"},
    TermRow{true, 1, kUnsaid,
            "treatment_naive drug_naive therapy_naive never_treated ~pretreated ~previously_treated "
            "~treatment_experienced ~drug_experienced"},
};

}  // namespace

std::span<const TermSection> state_sections() {
  static constexpr std::array kSections{
      TermSection{"signs and laboratory findings", Source::medlineplus, kFindings},
      TermSection{"clinical notes", Source::notes, kNotes},
      TermSection{"opposites", Source::english, kOpposites},
  };
  return kSections;
}

}  // namespace medsynth::contradiction
