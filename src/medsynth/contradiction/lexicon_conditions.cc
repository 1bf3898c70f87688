// Names of conditions and events that have several names, by organ. See lexicon_tables.h for how rows read.
#include <array>

#include "medsynth/contradiction/lexicon_tables.h"

namespace medsynth::contradiction {
namespace {

constexpr std::array kHeart{
    TermRow{true, 1, -1,
            "cardiovascular_disease heart_disease cardiac_disease cardiovascular_disorder "
            "cardiovascular_event cardiac_event major_adverse_cardiac_event heart_problem =CVD =MACE <heart"},
    TermRow{true, 1, -1,
            "myocardial_infarction heart_attack acute_myocardial_infarction cardiac_infarction "
            "myocardial_infarct =MI =AMI =STEMI =NSTEMI <cardiovascular_disease"},
    TermRow{true, 1, -1,
            "coronary_heart_disease coronary_artery_disease ischemic_heart_disease coronary_disease "
            "coronary_event =CHD =CAD =IHD <cardiovascular_disease"},
    TermRow{true, 1, -1,
            "heart_failure cardiac_failure congestive_heart_failure cardiac_insufficiency =HF =CHF "
            "<cardiovascular_disease"},
    TermRow{true, 1, -1, "acute_coronary_syndrome =ACS <cardiovascular_disease"},
    TermRow{true, 1, -1, "cardiac_arrest heart_arrest asystole"},
    TermRow{true, 1, -1,
            "stroke cerebrovascular_accident brain_attack ischemic_stroke apoplexy cerebral_infarction "
            "brain_infarction =CVA"},
    TermRow{true, 1, -1, "transient_ischemic_attack mini_stroke =TIA"},
    TermRow{true, 1, -1,
            "venous_thromboembolism =VTE blood_clot thrombosis thromboembolism thrombus "
            "thrombotic_event thromboembolic_event"},
    TermRow{true, 1, -1, "deep_vein_thrombosis deep_venous_thrombosis =DVT <venous_thromboembolism"},
    TermRow{true, 1, -1, "pulmonary_embolism lung_embolism =PE <venous_thromboembolism"},
    TermRow{true, 1, -1, "peripheral_arterial_disease peripheral_artery_disease claudication =PAD"},
    TermRow{true, 1, -1, "hemorrhage bleeding bleed hemorrhagic bled blood_loss"},
    TermRow{true, 1, -1, "brain_hemorrhage intracranial_hemorrhage cerebral_hemorrhage <hemorrhage"},
    TermRow{true, 1, -1, "dyslipidemia hyperlipidemia high_cholesterol hypercholesterolemia"},
    TermRow{true, 1, -1, "varicose_vein varicosis varices"},
};

constexpr std::array kMetabolism{
    TermRow{true, 1, -1,
            "type_2_diabetes type_ii_diabetes type_2_diabetes_mellitus type_ii_diabetes_mellitus "
            "adult_onset_diabetes non_insulin_dependent_diabetes =T2D =T2DM =NIDDM <diabetes"},
    TermRow{true, 1, -1,
            "type_1_diabetes type_1_diabetes_mellitus juvenile_diabetes insulin_dependent_diabetes "
            "=T1D =T1DM =IDDM <diabetes"},
    TermRow{true, 1, -1, "gestational_diabetes diabetes_in_pregnancy =GDM <diabetes"},
    TermRow{true, 1, -1, "diabetes diabetes_mellitus diabetic =DM"},
    TermRow{true, 1, -1, "diabetic_retinopathy retinopathy"},
    TermRow{true, 1, -1, "hypothyroidism underactive_thyroid ~hyperthyroidism ~overactive_thyroid"},
    TermRow{true, 1, -1, "insulin_resistance insulin_resistant -insulin_sensitivity -insulin_sensitive"},
    TermRow{true, 1, -1, "weight_gain gain_weight gained_weight -weight_loss -lose_weight -lost_weight"},
    TermRow{true, 1, -1, "gout gouty_arthritis"},
    TermRow{true, 1, -1, "fatty_liver hepatic_steatosis steatosis =NAFLD =NASH"},
    TermRow{true, 1, -1, "osteoporosis brittle_bones osteopenia"},
};

constexpr std::array kCancers{
    TermRow{true, .8F, -1, "cancer tumor neoplasm malignancy carcinoma oncologic neoplastic"},
    TermRow{true, 1, -1, "breast_cancer breast_carcinoma breast_tumor mammary_carcinoma <cancer"},
    TermRow{true, 1, -1, "prostate_cancer prostate_carcinoma prostatic_cancer <cancer"},
    TermRow{true, 1, -1, "lung_cancer lung_carcinoma bronchial_carcinoma =NSCLC =SCLC <cancer"},
    TermRow{true, 1, -1, "brain_cancer brain_tumor glioma glioblastoma meningioma astrocytoma <cancer"},
    TermRow{true, 1, -1, "skin_cancer melanoma <cancer"},
    TermRow{true, 1, -1, "lymphoma hodgkin <cancer"},
    TermRow{true, 1, -1, "leukemia leukaemia <cancer"},
    TermRow{true, 1, -1, "gastric_cancer stomach_cancer gastric_carcinoma <cancer"},
    TermRow{true, 1, -1,
            "colorectal_cancer colon_cancer bowel_cancer colorectal_carcinoma colorectal_tumor colon_tumor "
            "colon_carcinoma rectal_cancer =CRC <cancer"},
    TermRow{true, 1, -1, "liver_cancer hepatocellular_carcinoma hepatoma =HCC <cancer"},
    TermRow{true, 1, -1, "kidney_cancer renal_cell_carcinoma renal_cancer =RCC <cancer"},
    TermRow{true, 1, -1, "cervical_cancer cancer_of_the_cervix <cancer"},
    TermRow{true, 1, -1, "ovarian_cancer ovarian_carcinoma <cancer"},
    TermRow{true, 1, -1, "pancreatic_cancer pancreatic_carcinoma pancreatic_adenocarcinoma <cancer"},
    TermRow{true, 1, -1, "bladder_cancer bladder_carcinoma urothelial_carcinoma <cancer"},
    TermRow{true, 1, -1, "thyroid_cancer thyroid_carcinoma <cancer"},
    TermRow{true, 1, -1, "metastasis metastatic metastases metastasize"},
};

constexpr std::array kLungsAndInfections{
    TermRow{true, 1, -1,
            "chronic_obstructive_pulmonary_disease chronic_obstructive_lung_disease emphysema =COPD"},
    TermRow{true, 1, -1, "asthma asthmatic bronchial_asthma wheezing wheeze"},
    TermRow{true, 1, -1, "pneumonia lung_infection pneumonitis <infect"},
    TermRow{true, 1, -1, "acute_respiratory_distress_syndrome =ARDS"},
    TermRow{true, 1, -1,
            "common_cold cold upper_respiratory_infection upper_respiratory_tract_infection rhinitis"},
    TermRow{true, 1, -1, "influenza flu grippe <infect"},
    TermRow{true, 1, -1,
            "covid19 covid coronavirus sars_cov2 sarscov2 coronavirus_disease novel_coronavirus "
            "coronavirus_disease_2019 sars_cov2_infection covid_19 new_coronavirus <infect"},
    TermRow{true, 1, -1, "tuberculosis =TB <infect"},
    TermRow{true, 1, -1, "human_immunodeficiency_virus =HIV hiv_infection <infect"},
    TermRow{true, 1, -1, "human_papillomavirus =HPV hpv_infection"},
    TermRow{true, 1, -1, "herpes_zoster shingles zoster"},
    TermRow{true, 1, -1, "varicella chickenpox"},
    TermRow{true, 1, -1, "pertussis whooping_cough"},
    TermRow{true, 1, -1, "measles rubeola"},
    TermRow{true, 1, -1, "sepsis septicemia septic blood_poisoning septic_shock"},
    TermRow{true, 1, -1, "bacteremia bloodstream_infection <infect"},
    TermRow{true, 1, -1, "otitis_media ear_infection middle_ear_infection <infect"},
    TermRow{true, 1, -1, "pharyngitis sore_throat strep_throat tonsillitis <infect"},
    TermRow{true, 1, -1, "sinusitis sinus_infection rhinosinusitis"},
    TermRow{true, 1, -1, "conjunctivitis pink_eye"},
    TermRow{true, 1, -1, "urinary_tract_infection bladder_infection cystitis =UTI =UTIs <infect"},
    TermRow{true, 1, -1, "surgical_site_infection wound_infection postoperative_infection <infect"},
    TermRow{true, 1, -1, "sexually_transmitted_infection sexually_transmitted_disease =STI =STD"},
    TermRow{true, 1, -1, "transmission transmit transmissible spread contagion contagious infectious"},
    TermRow{true, 1, kUnsaid, "infect infection infected"},
    TermRow{true, 1, -1, "anosmia loss_of_smell smell_loss olfactory_dysfunction"},
};

constexpr std::array kGutAndKidney{
    TermRow{true, 1, -1, "chronic_kidney_disease chronic_renal_disease chronic_renal_failure =CKD"},
    TermRow{true, 1, -1, "hepatic_impairment liver_impairment <liver"},
    TermRow{true, 1, -1, "end_stage_renal_disease end_stage_kidney_disease =ESRD"},
    TermRow{true, 1, -1,
            "kidney_failure renal_failure kidney_injury renal_injury acute_kidney_injury "
            "renal_insufficiency renal_impairment impaired_renal_function =AKI =ARF <renal_function"},
    TermRow{true, 1, -1, "kidney_stone nephrolithiasis renal_calculus urolithiasis"},
    TermRow{true, 1, -1, "gallstone cholelithiasis biliary_stone"},
    TermRow{true, 1, -1, "inflammatory_bowel_disease =IBD"},
    TermRow{true, 1, -1, "crohn crohn's_disease crohns_disease <inflammatory_bowel_disease"},
    TermRow{true, 1, -1, "ulcerative_colitis =UC <inflammatory_bowel_disease"},
    TermRow{true, 1, -1, "irritable_bowel_syndrome =IBS"},
    TermRow{true, 1, -1, "celiac coeliac celiac_disease gluten_enteropathy"},
    TermRow{true, 1, -1,
            "gastroesophageal_reflux_disease acid_reflux gastroesophageal_reflux gastro_esophageal_reflux "
            "heartburn =GERD =GORD"},
    TermRow{true, 1, -1, "peptic_ulcer stomach_ulcer gastric_ulcer duodenal_ulcer"},
    TermRow{true, 1, -1, "diarrhea loose_stools gastroenteritis"},
    TermRow{true, 1, -1, "nausea vomiting emesis throwing_up"},
    TermRow{true, 1, -1, "incontinence urinary_incontinence leaking_urine"},
    TermRow{true, 1, -1,
            "liver_injury hepatotoxicity liver_damage hepatic_injury liver_failure transaminitis <liver"},
};

constexpr std::array kBrainAndMind{
    TermRow{true, 1, -1, "alzheimer alzheimers_disease alzheimer's_disease =AD <dementia"},
    TermRow{true, 1, -1, "parkinson parkinsons_disease parkinson's_disease =PD"},
    TermRow{true, 1, -1, "dementia senility"},
    TermRow{true, 1, -1, "cognitive_decline cognitive_impairment memory_loss"},
    TermRow{true, 1, -1,
            "depression depressive_disorder major_depression major_depressive_disorder depressive depressed "
            "depressive_symptom =MDD"},
    TermRow{true, 1, -1, "anxiety anxious anxiety_disorder"},
    TermRow{true, 1, -1, "post_traumatic_stress_disorder posttraumatic_stress_disorder =PTSD"},
    TermRow{true, 1, -1, "attention_deficit_hyperactivity_disorder hyperactivity hyperactive =ADHD"},
    TermRow{true, 1, -1, "autism autism_spectrum_disorder autistic =ASD"},
    TermRow{true, 1, -1, "psychosis psychotic"},
    TermRow{true, 1, -1, "suicide suicidal suicidality suicidal_ideation"},
    TermRow{true, 1, -1, "epilepsy seizure epileptic convulsion"},
    TermRow{true, 1, -1, "multiple_sclerosis =MS"},
    TermRow{true, 1, -1, "neuropathy nerve_damage neuropathic"},
    TermRow{true, 1, -1, "insomnia sleeplessness sleep_problem"},
    TermRow{true, 1, -1, "migraine"},
    TermRow{true, 1, -1, "headache"},
    TermRow{true, 1, -1, "vertigo dizziness dizzy"},
    TermRow{true, 1, -1, "delirium acute_confusion"},
    TermRow{true, 1, -1, "pain ache painful analgesia_need soreness"},
    TermRow{true, 1, -1, "low_back_pain back_pain lumbago"},
    TermRow{true, 1, -1, "fatigue tiredness exhaustion"},
};

constexpr std::array kOtherConditions{
    TermRow{true, 1, -1, "rheumatoid_arthritis =RA"},
    TermRow{true, 1, -1, "osteoarthritis =OA knee_osteoarthritis degenerative_joint_disease"},
    TermRow{true, 1, -1, "fracture broken_bone bone_fracture"},
    TermRow{true, 1, -1, "bone_loss"},
    TermRow{true, 1, -1, "eczema atopic_dermatitis"},
    TermRow{true, 1, -1, "hives urticaria"},
    TermRow{true, 1, -1, "itch pruritus itching"},
    TermRow{true, 1, -1, "hay_fever allergic_rhinitis pollen_allergy"},
    TermRow{true, 1, -1, "anaphylaxis anaphylactic severe_allergic_reaction"},
    TermRow{true, 1, -1, "swelling edema"},
    TermRow{true, 1, -1, "dyspnea shortness_of_breath breathlessness"},
    TermRow{true, 1, -1, "miscarriage spontaneous_abortion pregnancy_loss"},
    TermRow{true, 1, -1, "stillbirth stillborn fetal_death"},
    TermRow{true, 1, -1, "pre_eclampsia preeclampsia toxemia_of_pregnancy"},
    TermRow{true, 1, -1, "birth_defect congenital_anomaly congenital_malformation birth_defects"},
    TermRow{true, 1, -1, "infertility -fertility"},
    TermRow{true, 1, -1, "erectile_dysfunction impotence"},
    TermRow{true, 1, -1, "dental_caries caries tooth_decay dental_decay cavity"},
    TermRow{true, 1, -1, "periodontitis gum_disease periodontal_disease"},
    TermRow{true, 1, -1, "myopia nearsightedness short_sightedness"},
    TermRow{true, 1, -1, "macular_degeneration =AMD"},
    TermRow{true, 1, -1, "hearing_loss deafness"},
    TermRow{true, 1, -1, "hair_loss alopecia baldness"},
    TermRow{true, 1, -1, "pressure_ulcer bedsore decubitus"},
    TermRow{true, 1, -1, "frailty frail"},
};

// What happens to patients, as trials count it.
constexpr std::array kEvents{
    TermRow{true, .9F, -1,
            "mortality death die dying dies died fatality deaths fatal lethality mortality_rate death_rate "
            "all_cause_mortality risk_of_death -survival -survive -survivor -life_saving -longer_life"},
    TermRow{true, 1, -1,
            "hospitalization hospital_admission hospitalisation hospitalized admission_to_hospital "
            "hospital_visit"},
    TermRow{true, 1, -1,
            "hospital_stay length_of_stay length_of_hospital_stay duration_of_hospitalization "
            "duration_of_stay"},
    TermRow{true, 1, -1,
            "recovery_time time_to_recovery duration_of_recovery healing_time time_to_healing "
            "time_to_resolution"},
    TermRow{true, 1, 1, "lifespan life_expectancy longevity"},
};

}  // namespace

std::span<const TermSection> condition_sections() {
  static constexpr std::array kSections{
      TermSection{"heart and vessels", Source::mesh, kHeart},
      TermSection{"metabolism", Source::mesh, kMetabolism},
      TermSection{"cancers", Source::mesh, kCancers},
      TermSection{"lungs and infections", Source::mesh, kLungsAndInfections},
      TermSection{"gut, liver and kidney", Source::mesh, kGutAndKidney},
      TermSection{"brain and mind", Source::mesh, kBrainAndMind},
      TermSection{"other conditions", Source::medlineplus, kOtherConditions},
      TermSection{"events that trials count", Source::abstracts, kEvents},
  };
  return kSections;
}

}  // namespace medsynth::contradiction
