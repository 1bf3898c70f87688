// Names of things: those that have several (one concept a row), how much they say about a topic, and whether
// more of them is good or bad. Common clinical usage, written down by us; no terminology of others is copied.
#include <array>

#include "medsynth/contradiction/lexicon_tables.h"

namespace medsynth::contradiction {
namespace {

constexpr int kUnsaid = 2;

constexpr std::array kTerms{
    // conditions
    TermRow{true, 1, -1,
            "myocardial_infarction heart_attack acute_myocardial_infarction cardiac_infarction =MI =AMI"},
    TermRow{true, 1, -1,
            "hypertension high_blood_pressure elevated_blood_pressure raised_blood_pressure hypertensive "
            "arterial_hypertension =HTN"},
    TermRow{true, 1, -1, "stroke cerebrovascular_accident brain_attack ischemic_stroke apoplexy =CVA"},
    TermRow{true, 1, -1,
            "heart_failure cardiac_failure congestive_heart_failure cardiac_insufficiency =HF =CHF"},
    TermRow{true, 1, -1,
            "cardiovascular_disease heart_disease cardiac_disease cardiovascular_disorder "
            "cardiovascular_event cardiac_event =CVD"},
    TermRow{true, 1, -1,
            "coronary_heart_disease coronary_artery_disease ischemic_heart_disease coronary_disease =CHD "
            "=CAD =IHD"},
    TermRow{true, 1, -1, "atrial_fibrillation =AF afib"},
    TermRow{true, 1, -1, "venous_thromboembolism =VTE blood_clot thrombosis thromboembolism"},
    TermRow{true, 1, -1, "deep_vein_thrombosis deep_venous_thrombosis =DVT"},
    TermRow{true, 1, -1, "pulmonary_embolism =PE"},
    TermRow{true, 1, -1,
            "type_2_diabetes type_ii_diabetes type_2_diabetes_mellitus type_ii_diabetes_mellitus "
            "adult_onset_diabetes =T2D =T2DM"},
    TermRow{true, 1, -1, "type_1_diabetes type_1_diabetes_mellitus juvenile_diabetes =T1D =T1DM"},
    TermRow{true, 1, -1, "diabetes diabetes_mellitus diabetic =DM"},
    TermRow{true, .8F, -1, "cancer tumor neoplasm malignancy carcinoma malignant oncologic"},
    TermRow{true, 1, -1,
            "colorectal_cancer colon_cancer bowel_cancer colorectal_carcinoma colorectal_tumor colon_tumor "
            "colon_carcinoma =CRC"},
    TermRow{true, 1, -1, "skin_cancer melanoma"},
    TermRow{true, 1, -1, "leukemia leukaemia"},
    TermRow{true, 1, -1, "chronic_obstructive_pulmonary_disease =COPD"},
    TermRow{true, 1, -1, "chronic_kidney_disease chronic_renal_disease chronic_renal_failure =CKD"},
    TermRow{true, 1, -1, "kidney_failure renal_failure kidney_injury renal_injury acute_kidney_injury =AKI"},
    TermRow{true, 1, -1, "urinary_tract_infection =UTI =UTIs"},
    TermRow{true, 1, -1, "rheumatoid_arthritis =RA"},
    TermRow{true, 1, -1, "osteoarthritis =OA"},
    TermRow{true, 1, -1, "multiple_sclerosis =MS"},
    TermRow{true, 1, -1, "inflammatory_bowel_disease =IBD"},
    TermRow{true, 1, -1, "irritable_bowel_syndrome =IBS"},
    TermRow{true, 1, -1,
            "gastroesophageal_reflux_disease acid_reflux gastroesophageal_reflux gastro_esophageal_reflux "
            "=GERD =GORD"},
    TermRow{true, 1, -1, "alzheimer alzheimers_disease alzheimer's_disease =AD"},
    TermRow{true, 1, -1, "parkinson parkinsons_disease parkinson's_disease =PD"},
    TermRow{true, 1, -1, "dementia"},
    TermRow{true, 1, -1,
            "depression depressive_disorder major_depression major_depressive_disorder depressive depressed "
            "depressive_symptom =MDD"},
    TermRow{true, 1, -1, "anxiety anxious anxiety_disorder"},
    TermRow{true, 1, -1, "post_traumatic_stress_disorder posttraumatic_stress_disorder =PTSD"},
    TermRow{true, 1, -1, "attention_deficit_hyperactivity_disorder =ADHD"},
    TermRow{true, 1, -1, "autism autism_spectrum_disorder autistic =ASD"},
    TermRow{true, 1, -1, "human_immunodeficiency_virus =HIV hiv_infection"},
    TermRow{true, 1, -1, "human_papillomavirus =HPV hpv_infection"},
    TermRow{true, 1, -1, "tuberculosis =TB"},
    TermRow{true, 1, -1,
            "covid19 covid coronavirus sars_cov2 sarscov2 coronavirus_disease novel_coronavirus "
            "coronavirus_disease_2019 sars_cov2_infection covid_19"},
    TermRow{true, 1, -1, "influenza flu"},
    TermRow{true, 1, -1, "common_cold cold upper_respiratory_infection upper_respiratory_tract_infection"},
    TermRow{true, 1, -1, "pneumonia lung_infection"},
    TermRow{true, 1, -1, "sepsis septicemia septic blood_poisoning"},
    TermRow{true, 1, -1, "hemorrhage bleeding bleed hemorrhagic blood_loss"},
    TermRow{true, 1, -1, "fracture broken_bone bone_fracture"},
    TermRow{true, 1, -1, "obesity obese adiposity"},
    TermRow{true, 1, -1, "anemia low_hemoglobin"},
    TermRow{true, 1, -1, "insomnia sleeplessness"},
    TermRow{true, 1, -1, "migraine"},
    TermRow{true, 1, -1, "eczema atopic_dermatitis"},
    TermRow{true, 1, -1, "miscarriage spontaneous_abortion pregnancy_loss"},
    TermRow{true, 1, -1, "preterm_birth premature_birth prematurity preterm_delivery premature_delivery"},
    TermRow{true, 1, -1, "pre_eclampsia preeclampsia"},
    TermRow{true, 1, -1, "birth_defect congenital_anomaly congenital_malformation birth_defects"},
    TermRow{true, 1, -1, "nausea vomiting emesis"},
    TermRow{true, 1, -1, "pain ache painful analgesia_need"},
    TermRow{true, 1, -1, "headache"},
    TermRow{true, 1, -1, "low_back_pain back_pain lumbago"},
    TermRow{true, 1, -1, "fever pyrexia febrile"},
    TermRow{true, 1, -1, "swelling edema"},
    TermRow{true, 1, -1, "dyspnea shortness_of_breath breathlessness"},
    TermRow{true, 1, -1, "fatigue tiredness"},
    TermRow{true, 1, -1,
            "adverse_event adverse_effect side_effect adverse_reaction adverse_drug_reaction complication"},
    TermRow{true, .9F, -1,
            "mortality death die dying dies died fatality deaths fatal lethality mortality_rate death_rate "
            "all_cause_mortality risk_of_death -survival -survive -survivor -life_saving"},
    TermRow{true, 1, -1,
            "hospitalization hospital_admission hospitalisation hospitalized admission_to_hospital"},
    TermRow{
        true, 1, -1,
        "hospital_stay length_of_stay length_of_hospital_stay duration_of_hospitalization duration_of_stay"},
    TermRow{true, 1, -1, "recovery_time time_to_recovery duration_of_recovery healing_time time_to_healing"},
    TermRow{true, 1, -1, "recurrence relapse recur"},
    TermRow{true, 1, -1, "cognitive_decline cognitive_impairment"},
    TermRow{true, 1, -1, "transmission transmit transmissible spread contagion"},
    TermRow{true, 1, -1, "dental_caries caries tooth_decay dental_decay cavity"},
    TermRow{true, 1, -1, "bone_loss"},
    TermRow{true, 1, -1, "hearing_loss deafness"},
    TermRow{true, 1, -1, "hair_loss alopecia"},
    // measures
    TermRow{true, 1, -1, "blood_pressure arterial_pressure =BP"},
    TermRow{true, 1, -1, "systolic_blood_pressure systolic_pressure =SBP"},
    TermRow{true, 1, -1, "blood_glucose blood_sugar plasma_glucose glucose_level sugar_level glucose_levels"},
    TermRow{true, 1, -1, "hba1c glycated_hemoglobin glycosylated_hemoglobin hemoglobin_a1c a1c"},
    TermRow{true, 1, 1, "glycemic_control glucose_control diabetes_control sugar_control"},
    TermRow{true, 1, -1,
            "ldl_cholesterol low_density_lipoprotein ldl_c low_density_lipoprotein_cholesterol =LDL"},
    TermRow{true, 1, 1,
            "hdl_cholesterol high_density_lipoprotein hdl_c high_density_lipoprotein_cholesterol =HDL"},
    TermRow{true, 1, -1, "cholesterol cholesterol_level serum_cholesterol"},
    TermRow{true, 1, -1, "body_weight weight"},
    TermRow{true, 1, -1, "body_mass_index =BMI"},
    TermRow{true, 1, 1, "bone_mineral_density bone_density =BMD"},
    TermRow{true, 1, 1, "quality_of_life qol hrqol"},
    TermRow{true, 1, 1, "lifespan life_expectancy longevity"},
    TermRow{true, 1, 1, "cognition cognitive cognitive_function cognitive_performance"},
    TermRow{true, 1, 1, "memory"},
    // treatments and exposures
    TermRow{true, 1, kUnsaid, "aspirin acetylsalicylic_acid =ASA"},
    TermRow{true, 1, kUnsaid, "paracetamol acetaminophen"},
    TermRow{true, 1, kUnsaid, "adrenaline epinephrine"},
    TermRow{true, 1, kUnsaid, "salbutamol albuterol"},
    TermRow{true, 1, kUnsaid, "hydroxychloroquine =HCQ"},
    TermRow{true, 1, kUnsaid, "vitamin_d vitamin_d3 cholecalciferol vitamind"},
    TermRow{true, 1, kUnsaid, "vitamin_c ascorbic_acid"},
    TermRow{true, 1, kUnsaid, "vitamin_e tocopherol"},
    TermRow{true, 1, kUnsaid, "vitamin_a retinol"},
    TermRow{true, 1, kUnsaid, "vitamin_b12 cobalamin"},
    TermRow{true, 1, kUnsaid, "folic_acid folate vitamin_b9"},
    TermRow{true, 1, kUnsaid,
            "omega3 fish_oil omega3_fatty_acid omega_3_fatty_acid n_3_fatty_acid n3_fatty_acid n3_pufa "
            "polyunsaturated_fatty_acid omega3_supplement"},
    TermRow{true, 1, kUnsaid, "statin statins hmg_coa_reductase_inhibitor"},
    TermRow{true, 1, kUnsaid, "ace_inhibitor angiotensin_converting_enzyme_inhibitor acei"},
    TermRow{true, 1, kUnsaid, "angiotensin_receptor_blocker =ARB =ARBs"},
    TermRow{true, 1, kUnsaid, "beta_blocker beta_adrenergic_blocker betablocker"},
    TermRow{true, 1, kUnsaid, "proton_pump_inhibitor =PPI =PPIs"},
    TermRow{true, 1, kUnsaid, "selective_serotonin_reuptake_inhibitor =SSRI =SSRIs"},
    TermRow{true, 1, kUnsaid,
            "nsaid nonsteroidal_anti_inflammatory_drug non_steroidal_anti_inflammatory_drug "
            "nonsteroidal_antiinflammatory_drug non_steroidal_antiinflammatory_drug "
            "nonsteroidal_anti_inflammatory =NSAID =NSAIDs"},
    TermRow{true, 1, kUnsaid,
            "hormone_replacement_therapy menopausal_hormone_therapy hormone_therapy =HRT =MHT"},
    TermRow{true, 1, kUnsaid, "oral_contraceptive birth_control_pill contraceptive_pill =OCP"},
    TermRow{true, 1, kUnsaid, "corticosteroid steroid glucocorticoid"},
    TermRow{true, 1, kUnsaid, "cognitive_behavioral_therapy cognitive_behaviour_therapy =CBT"},
    TermRow{true, 1, kUnsaid, "percutaneous_coronary_intervention coronary_angioplasty =PCI"},
    TermRow{true, 1, kUnsaid, "coronary_artery_bypass_grafting coronary_bypass bypass_surgery =CABG"},
    TermRow{true, 1, kUnsaid,
            "vaccine vaccination vaccinated immunization immunised vaccinate shot jab inoculation"},
    TermRow{true, 1, kUnsaid, "mmr_vaccine mmr_vaccination measles_mumps_rubella_vaccine =MMR"},
    TermRow{true, 1, kUnsaid, "face_mask mask facemask masks"},
    TermRow{true, 1, kUnsaid,
            "exercise physical_activity physical_exercise exercise_training physical_training "
            "-physical_inactivity -sedentary_behavior -sedentary_lifestyle -inactivity"},
    TermRow{true, 1, kUnsaid,
            "smoking smoke tobacco cigarette tobacco_smoking cigarette_smoking tobacco_use smoker"},
    TermRow{true, 1, kUnsaid, "alcohol alcoholic_beverage ethanol drinking_alcohol alcoholic_drink"},
    TermRow{true, 1, kUnsaid, "coffee"},
    TermRow{true, 1, kUnsaid, "mobile_phone cell_phone cellphone cellular_phone"},
    TermRow{true, 1, kUnsaid, "breastfeeding breast_feeding breastfed lactation breast_fed"},
    TermRow{true, 1, kUnsaid, "cesarean cesarean_section c_section cesarean_delivery"},
    TermRow{true, 1, kUnsaid, "cannabis marijuana"},
    TermRow{true, 1, kUnsaid, "salt sodium"},
    TermRow{true, .8F, kUnsaid, "surgery surgical operation operative"},
    TermRow{true, .8F, kUnsaid, "placebo sham control_group dummy_pill"},
    TermRow{true, .8F, kUnsaid, "heart cardiac"},
    TermRow{true, .8F, kUnsaid, "kidney renal nephric"},
    TermRow{true, .8F, kUnsaid, "liver hepatic"},
    TermRow{true, .8F, kUnsaid, "lung pulmonary"},
    TermRow{true, .8F, kUnsaid, "brain cerebral"},
    TermRow{true, .8F, kUnsaid, "sex gender"},
    // who
    TermRow{true, 1, kUnsaid, "woman women female females girl"},
    TermRow{true, 1, kUnsaid, "man men male males boy"},
    TermRow{true, 1, kUnsaid, "child children pediatric kid toddler schoolchildren"},
    TermRow{true, 1, kUnsaid, "adolescent teenager youth adolescence teen"},
    TermRow{true, 1, kUnsaid, "infant baby newborn neonate neonatal babies"},
    TermRow{true, 1, kUnsaid,
            "elderly older older_adult older_people older_adults senior geriatric old_age older_patient "
            "older_person older_women older_men"},
    TermRow{true, .6F, kUnsaid, "adult grown_up"},
    TermRow{true, 1, kUnsaid, "mouse mice murine"},
    TermRow{true, 1, kUnsaid, "rat rats rodent"},
    TermRow{true, 1, kUnsaid, "pregnancy pregnant gestation gestational"},
    // good and bad outcomes without other names
    TermRow{
        false, 1, -1,
        "infarction infection disease disorder syndrome injury inflammation toxicity failure disability risk "
        "incidence symptom symptoms severity burden "
        "illness morbidity decline damage stress asthma allergy bronchitis arthritis hepatitis cirrhosis "
        "osteoporosis epilepsy seizure schizophrenia "
        "suicide addiction overdose malaria measles psoriasis acne ulcer embolism arrhythmia atherosclerosis "
        "angina ischemia shock coma delirium "
        "metastasis progression triglyceride viral_load hypoglycemia hyperglycemia hypotension constipation "
        "diarrhea "
        "cough dizziness rejection resistance readmission intubation ventilation defect falls"},
    TermRow{false, 1, 1,
            "recovery remission function fertility immunity adherence performance healing response health "
            "wellbeing well_being "
            "satisfaction mobility strength endurance bioavailability oxygenation clearance birthweight "
            "resilience "
            "mood happiness concentration alertness vision growth height independence"},
    // words that say little about a topic
    TermRow{true, .3F, -1, "risk chance likelihood odds probability hazard_ratio"},
    TermRow{true, .3F, -1, "incidence rate occurrence prevalence frequency number proportion"},
    TermRow{true, .25F, kUnsaid, "level concentration amount serum_level serum"},
    TermRow{
        true, .25F, kUnsaid,
        "treatment therapy use supplement supplementation intake consumption administration drug medication "
        "agent medicine "
        "intervention eat eating drink drinking consume ingestion exposure pill tablet usage wearing wear"},
    TermRow{true, .3F, -1, "disease disorder syndrome illness condition"},
    TermRow{true, .25F, kUnsaid,
            "patient participant subject individual person people population human case volunteer group "
            "cohort arm everyone outpatient inpatient"},
    TermRow{true, .3F, -1, "symptom severity sign"},
    TermRow{true, .3F, kUnsaid, "outcome endpoint measure score value parameter"},
    TermRow{false, .3F, kUnsaid,
            "long_term short_term acute chronic primary secondary oral type early late baseline standard "
            "routine combined clinical "
            "randomized controlled double_blind blinded placebo_controlled prospective retrospective "
            "observational crossover multicenter "
            "open_label cross_sectional nationwide large small "
            "general healthy mild moderate severe major minor average mean onset event time period process "
            "episode form problem "
            "aged median family history medical past onset exam examination physical notable presented "
            "report lab vital "
            "body diet food product natural activity"},
};

}  // namespace

std::span<const TermRow> term_rows() {
  return kTerms;
}

}  // namespace medsynth::contradiction
