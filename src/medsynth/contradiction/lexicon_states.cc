// Names of things that are kinds or parts of others, and states that exclude each other: what clinical notes
// and findings of studies assert without a verb of effect. Common clinical usage, written down by us.
#include <array>

#include "medsynth/contradiction/lexicon_tables.h"

namespace medsynth::contradiction {
namespace {

constexpr int kUnsaid = 2;

constexpr std::array kStates{
    // states and their opposites
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
    TermRow{true, 1, -1, "leukocytosis ~leukopenia ~neutropenia"},
    TermRow{true, 1, -1, "thrombocytopenia low_platelets low_platelet_count ~thrombocytosis"},
    TermRow{true, 1, -1, "anemia anemic low_hemoglobin low_hematocrit"},
    TermRow{true, 1, -1,
            "obesity obese overweight adiposity morbidly_obese ~underweight ~cachectic ~malnourished"},
    TermRow{true, 1, -1, "malignancy_state malignant ~benign"},
    TermRow{true, 1, kUnsaid, "acute ~chronic"},
    TermRow{true, 1, kUnsaid,
            "sudden suddenly abrupt abruptly ~gradual ~gradually ~insidious ~slowly_progressive"},
    TermRow{true, 1, kUnsaid, "continuous persistent ~intermittent ~episodic"},
    TermRow{true, 1, kUnsaid, "left left_sided left_side ~right ~right_sided ~right_side"},
    TermRow{true, 1, kUnsaid, "unilateral one_sided ~bilateral ~bilaterally ~both_sides"},
    TermRow{true, 1, kUnsaid, "upper ~lower_part"},
    TermRow{true, 1, kUnsaid, "dominant ~recessive"},
    TermRow{true, 1, kUnsaid, "viral ~bacterial ~fungal"},
    TermRow{true, 1, kUnsaid, "reversible ~irreversible ~permanent"},
    TermRow{true, 1, kUnsaid, "fertile ~infertile ~sterile"},
    TermRow{true, 1, kUnsaid, "hereditary inherited heritable genetic_origin ~acquired"},
    TermRow{true, 1, kUnsaid,
            "susceptible sensitive responsive susceptibility sensitivity_to ~resistant "
            "~unresponsive_to ~insensitive"},
    TermRow{true, 1, kUnsaid,
            "alert awake conscious oriented alert_and_oriented ~unresponsive ~comatose ~unconscious "
            "~obtunded ~lethargic ~confused ~altered_mental_status ~disoriented ~somnolent"},
    TermRow{true, 1, kUnsaid, "compliant compliance adherent adherence ~noncompliant ~nonadherent"},
    TermRow{true, 1, kUnsaid,
            "test_positive positive tested_positive seropositive ~negative ~tested_negative "
            "~seronegative ~no_growth"},
    TermRow{true, 1, kUnsaid,
            "eligible eligibility inclusion_criteria included allowed permitted can_take_part "
            "can_participate acceptable accepted ~ineligible ~exclusion_criteria ~excluded "
            "~exclusion ~not_allowed ~contraindicated ~prohibited"},
    TermRow{true, 1, kUnsaid,
            "by_mouth oral orally ~intravenous ~intravenously ~iv ~infusion ~subcutaneous ~injection"},
    TermRow{true, 1, kUnsaid, "nucleus nuclear ~cytoplasm ~cytoplasmic"},
    TermRow{true, 1, kUnsaid,
            "dispensable nonessential ~required ~essential ~indispensable ~necessary ~needed"},
    TermRow{true, 1, kUnsaid,
            "preterm_birth premature_birth prematurity preterm_delivery premature_delivery premature "
            "preterm ~full_term ~term_infant ~born_at_term"},
    TermRow{true, 1, kUnsaid,
            "intubated intubation mechanical_ventilation mechanically_ventilated ventilator "
            "endotracheal_tube ~extubated ~breathing_spontaneously"},
    TermRow{true, 1, kUnsaid, "married husband wife spouse ~single ~widowed ~divorced ~unmarried"},
    TermRow{true, 1, kUnsaid, "lives_alone ~lives_with ~living_with"},
    TermRow{true, 1, kUnsaid, "before prior_to ~after"},
    TermRow{true, 1, 1, "remission ~relapse ~recurrence"},
    TermRow{true, 1, kUnsaid,
            "sinus_rhythm normal_rhythm ~atrial_fibrillation ~atrial_flutter ~afib ~arrhythmia "
            "~heart_block"},
    TermRow{true, 1, -1,
            "complication complicated adverse_event side_effect adverse_effect adverse_reaction "
            "adverse_drug_reaction ~uncomplicated ~uneventful ~uneventfully"},
    TermRow{true, .8F, -1,
            "abnormal abnormality ~normal ~normally ~unremarkable ~within_normal_limits ~wnl ~intact "
            "~clear_to_auscultation ~in_normal_range"},
    TermRow{false, 1, -1,
            "<abnormal infiltrate effusion opacity consolidation crackle wheeze murmur droop deficit "
            "tenderness distension lesion mass nodule stenosis occlusion rales rhonchi"},
    TermRow{true, 1, -1, "low_apgar low_apgar_score <abnormal"},
    TermRow{true, 1, -1,
            "neurological_deficit focal_deficit facial_droop slurred_speech hemiparesis arm_weakness "
            "aphasia neurologic_deficit right_sided_weakness left_sided_weakness <abnormal"},
    TermRow{true, 1, -1,
            "liver_injury hepatotoxicity liver_damage hepatic_injury liver_failure transaminitis <liver"},
    TermRow{true, 1, kUnsaid, "chest_xray cxr chest_radiograph chest_x_ray chest_film"},
    TermRow{true, 1, kUnsaid, "ecg ekg electrocardiogram"},
    TermRow{true, 1, kUnsaid, "echo echocardiogram echocardiography"},
    TermRow{true, 1, kUnsaid, "cardiac_enzymes troponin cardiac_enzyme ck_mb"},
    TermRow{true, 1, kUnsaid, "ejection_fraction lvef ef lv_function left_ventricular_function"},
    TermRow{true, 1, kUnsaid, "renal_function kidney_function"},
    TermRow{true, 1, -1,
            "kidney_failure renal_failure kidney_injury renal_injury acute_kidney_injury "
            "renal_insufficiency renal_impairment impaired_renal_function =AKI =ARF <renal_function"},
    TermRow{true, 1, -1,
            "asymptomatic_state symptomatic ~asymptomatic ~symptom_free ~without_symptoms "
            "-"},
    TermRow{true, 1, kUnsaid,
            "exercise physical_activity physical_exercise exercise_training physical_training "
            "resistance_training strength_training -physical_inactivity -sedentary_behavior "
            "-sedentary_lifestyle -inactivity"},
    // kinds and parts
    TermRow{true, 1, kUnsaid, "heart cardiac cardiovascular"},
    TermRow{true, 1, kUnsaid, "brain cerebral"},
    TermRow{true, 1, -1,
            "cardiovascular_disease heart_disease cardiac_disease cardiovascular_disorder "
            "cardiovascular_event cardiac_event major_adverse_cardiac_event =CVD =MACE <heart"},
    TermRow{true, 1, -1,
            "myocardial_infarction heart_attack acute_myocardial_infarction cardiac_infarction =MI =AMI "
            "=STEMI =NSTEMI <cardiovascular_disease"},
    TermRow{true, 1, -1,
            "coronary_heart_disease coronary_artery_disease ischemic_heart_disease coronary_disease =CHD "
            "=CAD =IHD <cardiovascular_disease"},
    TermRow{true, 1, -1,
            "heart_failure cardiac_failure congestive_heart_failure cardiac_insufficiency =HF =CHF "
            "<cardiovascular_disease"},
    TermRow{true, 1, -1,
            "type_2_diabetes type_ii_diabetes type_2_diabetes_mellitus type_ii_diabetes_mellitus "
            "adult_onset_diabetes non_insulin_dependent_diabetes =T2D =T2DM =NIDDM <diabetes"},
    TermRow{true, 1, -1,
            "type_1_diabetes type_1_diabetes_mellitus juvenile_diabetes insulin_dependent_diabetes "
            "=T1D =T1DM =IDDM <diabetes"},
    TermRow{true, 1, -1, "brain_cancer brain_tumor glioma glioblastoma meningioma astrocytoma <cancer"},
    TermRow{true, 1, -1, "skin_cancer melanoma <cancer"},
    TermRow{true, 1, -1, "lymphoma hodgkin <cancer"},
    TermRow{true, 1, -1, "leukemia leukaemia <cancer"},
    TermRow{true, 1, -1, "gastric_cancer stomach_cancer gastric_carcinoma <cancer"},
    TermRow{true, 1, -1,
            "colorectal_cancer colon_cancer bowel_cancer colorectal_carcinoma colorectal_tumor colon_tumor "
            "colon_carcinoma =CRC <cancer"},
    TermRow{true, 1, -1, "liver_cancer hepatocellular_carcinoma hepatoma =HCC <cancer"},
    TermRow{true, 1, -1, "anosmia loss_of_smell smell_loss olfactory_dysfunction"},
    TermRow{true, 1, -1, "herpes_zoster shingles zoster"},
    TermRow{true, 1, -1, "varicella chickenpox"},
    TermRow{true, 1, -1, "eczema atopic_dermatitis"},
    TermRow{true, 1, -1, "osteoarthritis =OA knee_osteoarthritis degenerative_joint_disease"},
    TermRow{true, 1, kUnsaid, "mmr_vaccine mmr_vaccination measles_mumps_rubella_vaccine =MMR <vaccine"},
    TermRow{true, 1, kUnsaid, "flu_vaccine influenza_vaccine influenza_vaccination flu_shot <vaccine"},
    TermRow{true, 1, kUnsaid, "bcg_vaccine bcg_vaccination bcg bacille_calmette_guerin <vaccine"},
    TermRow{true, 1, kUnsaid, "hypericum st_john's_wort st_johns_wort hypericum_extract"},
    TermRow{true, 1, kUnsaid, "turmeric curcumin"},
    TermRow{true, 1, kUnsaid, "sucrose sugar"},
    TermRow{true, 1, kUnsaid, "egg eggs"},
    TermRow{true, 1, kUnsaid, "companion_animal pet pets cat dog"},
    TermRow{true, 1, kUnsaid, "furosemide frusemide lasix"},
    TermRow{true, 1, kUnsaid, "warfarin coumadin"},
    TermRow{true, 1, kUnsaid, "womb uterus intrauterine in_utero"},
    TermRow{true, 1, kUnsaid, "amyloid amyloid_beta beta_amyloid a_beta"},
    TermRow{true, 1, kUnsaid, "pd_1 pd1"},
    TermRow{true, 1, kUnsaid, "mtor mtorc1 mtorc2"},
    TermRow{true, 1, kUnsaid, "interferon_gamma ifn_gamma ifng"},
    TermRow{true, 1, kUnsaid, "interferon_beta ifn_beta"},
    TermRow{true, 1, kUnsaid, "tnf_alpha tumor_necrosis_factor tumor_necrosis_factor_alpha tnf"},
    TermRow{true, 1, kUnsaid, "il_10 il10 interleukin_10"},
    TermRow{true, 1, kUnsaid, "il_6 il6 interleukin_6"},
    TermRow{true, 1, kUnsaid, "il_2 il2 interleukin_2"},
    TermRow{true, 1, kUnsaid, "microrna mirna mir"},
    TermRow{true, 1, -1, "viability viable survive_on remain_viable"},
    TermRow{true, 1, kUnsaid, "antidepressant ssri citalopram sertraline fluoxetine"},
    TermRow{true, 1, kUnsaid,
            "statin statins hmg_coa_reductase_inhibitor atorvastatin simvastatin rosuvastatin "
            "pravastatin"},
    TermRow{true, 1, -1, "triglyceride triglycerides triacylglycerol"},
    TermRow{true, 1, -1, "neurogenesis neural_progenitor neurogenic"},
    TermRow{true, 1, kUnsaid, "prognosis outlook"},
    TermRow{true, 1, kUnsaid, "infect infection infected"},
};

}  // namespace

std::span<const TermRow> state_rows() {
  return kStates;
}

}  // namespace medsynth::contradiction
