// Names of treatments, exposures and measures that have several names. See lexicon_tables.h for how rows
// read.
#include <array>

#include "medsynth/contradiction/lexicon_tables.h"

namespace medsynth::contradiction {
namespace {

// One substance, two names: international and United States, generic and chemical.
constexpr std::array kDrugNames{
    TermRow{true, 1, kUnsaid, "aspirin acetylsalicylic_acid =ASA"},
    TermRow{true, 1, kUnsaid, "paracetamol acetaminophen tylenol"},
    TermRow{true, 1, kUnsaid, "adrenaline epinephrine"},
    TermRow{true, 1, kUnsaid, "noradrenaline norepinephrine"},
    TermRow{true, 1, kUnsaid, "salbutamol albuterol"},
    TermRow{true, 1, kUnsaid, "furosemide frusemide lasix"},
    TermRow{true, 1, kUnsaid, "warfarin coumadin"},
    TermRow{true, 1, kUnsaid, "hydroxychloroquine =HCQ"},
    TermRow{true, 1, kUnsaid, "pethidine meperidine"},
    TermRow{true, 1, kUnsaid, "glibenclamide glyburide"},
    TermRow{true, 1, kUnsaid, "rifampicin rifampin"},
    TermRow{true, 1, kUnsaid, "ciclosporin cyclosporine cyclosporin"},
    TermRow{true, 1, kUnsaid, "suxamethonium succinylcholine"},
    TermRow{true, 1, kUnsaid, "levothyroxine thyroxine"},
    TermRow{true, 1, kUnsaid, "glyceryl_trinitrate nitroglycerin nitroglycerine"},
    TermRow{true, 1, kUnsaid, "sildenafil viagra"},
    TermRow{true, 1, kUnsaid, "vitamin_d vitamin_d3 cholecalciferol vitamind 25_hydroxyvitamin_d"},
    TermRow{true, 1, kUnsaid, "vitamin_c ascorbic_acid ascorbate"},
    TermRow{true, 1, kUnsaid, "vitamin_e tocopherol"},
    TermRow{true, 1, kUnsaid, "vitamin_a retinol"},
    TermRow{true, 1, kUnsaid, "vitamin_b12 cobalamin"},
    TermRow{true, 1, kUnsaid, "folic_acid folate vitamin_b9"},
    TermRow{true, 1, kUnsaid,
            "omega3 fish_oil omega3_fatty_acid omega_3_fatty_acid n_3_fatty_acid n3_fatty_acid n3_pufa "
            "polyunsaturated_fatty_acid omega3_supplement"},
    TermRow{true, 1, kUnsaid, "hypericum st_john's_wort st_johns_wort hypericum_extract"},
    TermRow{true, 1, kUnsaid, "turmeric curcumin"},
    TermRow{true, 1, kUnsaid, "sucrose sugar"},
    TermRow{true, 1, kUnsaid, "caffeine caffeinated"},
};

// Classes, and their members as kinds of them.
constexpr std::array kDrugClasses{
    TermRow{true, 1, kUnsaid, "statin statins hmg_coa_reductase_inhibitor"},
    TermRow{false, 1, kUnsaid, "<statin atorvastatin simvastatin rosuvastatin pravastatin lovastatin"},
    TermRow{true, 1, kUnsaid, "antidepressant antidepressant_drug"},
    TermRow{true, 1, kUnsaid, "selective_serotonin_reuptake_inhibitor =SSRI =SSRIs ssri <antidepressant"},
    TermRow{false, 1, kUnsaid,
            "<antidepressant citalopram sertraline fluoxetine paroxetine escitalopram venlafaxine duloxetine "
            "amitriptyline mirtazapine bupropion"},
    TermRow{true, 1, kUnsaid, "ace_inhibitor angiotensin_converting_enzyme_inhibitor acei <antihypertensive"},
    TermRow{false, 1, kUnsaid, "<ace_inhibitor ramipril enalapril lisinopril captopril perindopril"},
    TermRow{true, 1, kUnsaid, "angiotensin_receptor_blocker =ARB =ARBs <antihypertensive"},
    TermRow{false, 1, kUnsaid, "<angiotensin_receptor_blocker losartan valsartan candesartan telmisartan"},
    TermRow{true, 1, kUnsaid,
            "beta_blocker beta_adrenergic_blocker betablocker beta_blockade <antihypertensive"},
    TermRow{false, 1, kUnsaid, "<beta_blocker metoprolol bisoprolol carvedilol atenolol propranolol"},
    TermRow{true, 1, kUnsaid, "calcium_channel_blocker calcium_antagonist <antihypertensive"},
    TermRow{false, 1, kUnsaid, "<calcium_channel_blocker amlodipine nifedipine diltiazem verapamil"},
    TermRow{true, 1, kUnsaid, "antihypertensive blood_pressure_drug antihypertensive_drug"},
    TermRow{true, 1, kUnsaid, "proton_pump_inhibitor acid_suppression =PPI =PPIs"},
    TermRow{false, 1, kUnsaid, "<proton_pump_inhibitor omeprazole esomeprazole lansoprazole pantoprazole"},
    TermRow{true, 1, kUnsaid,
            "nsaid nonsteroidal_anti_inflammatory_drug non_steroidal_anti_inflammatory_drug "
            "nonsteroidal_antiinflammatory_drug non_steroidal_antiinflammatory_drug "
            "nonsteroidal_anti_inflammatory =NSAID =NSAIDs"},
    TermRow{false, 1, kUnsaid, "<nsaid ibuprofen naproxen diclofenac celecoxib indomethacin"},
    TermRow{true, 1, kUnsaid, "corticosteroid steroid glucocorticoid"},
    TermRow{false, 1, kUnsaid,
            "<corticosteroid prednisone prednisolone dexamethasone hydrocortisone methylprednisolone "
            "budesonide betamethasone"},
    TermRow{true, 1, kUnsaid, "opioid opiate opioid_analgesic"},
    TermRow{false, 1, kUnsaid,
            "<opioid morphine oxycodone fentanyl codeine tramadol methadone buprenorphine"},
    TermRow{true, 1, kUnsaid, "benzodiazepine"},
    TermRow{false, 1, kUnsaid, "<benzodiazepine diazepam lorazepam midazolam alprazolam clonazepam"},
    TermRow{true, 1, kUnsaid, "antipsychotic neuroleptic"},
    TermRow{false, 1, kUnsaid,
            "<antipsychotic olanzapine risperidone haloperidol quetiapine clozapine aripiprazole"},
    TermRow{true, 1, kUnsaid, "anticoagulant anticoagulation blood_thinner"},
    TermRow{false, 1, kUnsaid, "<anticoagulant heparin enoxaparin apixaban rivaroxaban dabigatran edoxaban"},
    TermRow{true, 1, kUnsaid, "antiplatelet platelet_inhibitor"},
    TermRow{false, 1, kUnsaid, "<antiplatelet clopidogrel ticagrelor prasugrel dipyridamole"},
    TermRow{true, 1, kUnsaid, "antibiotic antibacterial antimicrobial"},
    TermRow{false, 1, kUnsaid,
            "<antibiotic amoxicillin azithromycin penicillin doxycycline ciprofloxacin vancomycin "
            "clarithromycin ceftriaxone erythromycin"},
    TermRow{true, 1, kUnsaid, "bisphosphonate"},
    TermRow{false, 1, kUnsaid, "<bisphosphonate alendronate risedronate zoledronate zoledronic ibandronate"},
    TermRow{true, 1, kUnsaid, "antiepileptic anticonvulsant antiepileptic_drug"},
    TermRow{false, 1, kUnsaid,
            "<antiepileptic valproate carbamazepine lamotrigine levetiracetam phenytoin topiramate"},
    TermRow{true, 1, kUnsaid, "sglt2_inhibitor gliflozin"},
    TermRow{false, 1, kUnsaid, "<sglt2_inhibitor empagliflozin dapagliflozin canagliflozin"},
    TermRow{true, 1, kUnsaid, "glp_1_agonist glp1_receptor_agonist glp_1_receptor_agonist"},
    TermRow{false, 1, kUnsaid, "<glp_1_agonist semaglutide liraglutide exenatide dulaglutide"},
    TermRow{true, 1, kUnsaid, "tnf_inhibitor tnf_blocker anti_tnf tnf_alpha_inhibitor"},
    TermRow{false, 1, kUnsaid, "<tnf_inhibitor infliximab etanercept adalimumab"},
    TermRow{true, 1, kUnsaid,
            "hormone_replacement_therapy menopausal_hormone_therapy hormone_therapy "
            "estrogen_plus_progestin =HRT =MHT"},
    TermRow{true, 1, kUnsaid, "oral_contraceptive birth_control_pill contraceptive_pill =OCP"},
    TermRow{true, 1, kUnsaid, "chemotherapy chemo cytotoxic_therapy"},
    TermRow{true, 1, kUnsaid, "radiotherapy radiation_therapy irradiation"},
};

constexpr std::array kProcedures{
    TermRow{true, 1, kUnsaid, "cognitive_behavioral_therapy cognitive_behaviour_therapy =CBT"},
    TermRow{true, 1, kUnsaid, "physiotherapy physical_therapy"},
    TermRow{true, 1, kUnsaid, "percutaneous_coronary_intervention coronary_angioplasty =PCI"},
    TermRow{true, 1, kUnsaid, "coronary_artery_bypass_grafting coronary_bypass bypass_surgery =CABG"},
    TermRow{true, 1, kUnsaid, "thrombolysis thrombolytic alteplase =tPA clot_buster"},
    TermRow{true, 1, kUnsaid, "cesarean cesarean_section c_section cesarean_delivery cesarean_birth"},
    TermRow{true, 1, kUnsaid, "in_vitro_fertilization =IVF assisted_reproduction"},
    TermRow{true, 1, kUnsaid, "bariatric_surgery gastric_bypass sleeve_gastrectomy weight_loss_surgery"},
    TermRow{true, 1, kUnsaid, "keyhole_surgery laparoscopic laparoscopy minimally_invasive_surgery"},
    TermRow{true, 1, kUnsaid, "dialysis hemodialysis renal_replacement"},
    TermRow{true, 1, kUnsaid, "transfusion blood_transfusion transfused"},
    TermRow{true, .8F, kUnsaid, "surgery surgical operation operative"},
    TermRow{true, .8F, kUnsaid, "placebo sham control_group dummy_pill sham_procedure"},
    TermRow{true, 1, kUnsaid,
            "vaccine vaccination vaccinated immunization immunised vaccinate shot jab inoculation"},
    TermRow{true, 1, kUnsaid, "booster_dose booster third_dose additional_dose <vaccine"},
    TermRow{true, 1, kUnsaid, "mmr_vaccine mmr_vaccination measles_mumps_rubella_vaccine =MMR <vaccine"},
    TermRow{true, 1, kUnsaid, "flu_vaccine influenza_vaccine influenza_vaccination flu_shot <vaccine"},
    TermRow{true, 1, kUnsaid, "bcg_vaccine bcg_vaccination bcg bacille_calmette_guerin <vaccine"},
    TermRow{true, 1, kUnsaid, "chest_xray cxr chest_radiograph chest_x_ray chest_film"},
    TermRow{true, 1, kUnsaid, "ecg ekg electrocardiogram"},
    TermRow{true, 1, kUnsaid, "echo echocardiogram echocardiography"},
    TermRow{true, 1, kUnsaid, "magnetic_resonance_imaging =MRI"},
    TermRow{true, 1, kUnsaid, "computed_tomography =CT ct_scan"},
    TermRow{true, 1, kUnsaid, "ultrasound ultrasonography sonography"},
    TermRow{true, 1, kUnsaid, "mammography mammogram"},
};

constexpr std::array kExposures{
    TermRow{true, 1, kUnsaid, "face_mask mask facemask masks face_covering"},
    TermRow{true, 1, kUnsaid, "lockdown stay_at_home_order confinement"},
    TermRow{true, 1, kUnsaid, "social_distancing physical_distancing"},
    TermRow{true, 1, kUnsaid, "natural_immunity prior_infection previous_infection"},
    TermRow{true, 1, kUnsaid, "hand_washing hand_hygiene handwashing washing_hands"},
    TermRow{true, 1, kUnsaid,
            "exercise physical_activity physical_exercise exercise_training physical_training "
            "resistance_training strength_training working_out -physical_inactivity -sedentary_behavior "
            "-sedentary_lifestyle -inactivity -sedentary -sitting"},
    TermRow{true, 1, kUnsaid,
            "smoking smoke tobacco cigarette tobacco_smoking cigarette_smoking tobacco_use smoker"},
    TermRow{true, 1, kUnsaid, "e_cigarette electronic_cigarette vaping vape"},
    TermRow{true, 1, kUnsaid, "alcohol alcoholic_beverage ethanol drinking_alcohol alcoholic_drink"},
    TermRow{true, 1, kUnsaid, "coffee"},
    TermRow{true, 1, kUnsaid, "mobile_phone cell_phone cellphone cellular_phone"},
    TermRow{true, 1, kUnsaid, "breastfeeding breast_feeding breastfed lactation breast_fed breast_milk"},
    TermRow{true, 1, kUnsaid, "cannabis marijuana"},
    TermRow{true, 1, kUnsaid, "salt sodium"},
    TermRow{true, 1, kUnsaid, "air_pollution particulate_matter fine_particles"},
    TermRow{true, 1, kUnsaid, "sunlight sun_exposure ultraviolet ultraviolet_light"},
    TermRow{true, 1, kUnsaid, "egg eggs"},
    TermRow{true, 1, kUnsaid, "companion_animal pet pets cat dog"},
};

constexpr std::array kMeasures{
    TermRow{true, 1, -1, "blood_pressure arterial_pressure =BP"},
    TermRow{true, 1, -1, "systolic_blood_pressure systolic_pressure =SBP <blood_pressure"},
    TermRow{true, 1, -1, "diastolic_blood_pressure diastolic_pressure =DBP <blood_pressure"},
    TermRow{true, 1, -1,
            "blood_glucose blood_sugar plasma_glucose glucose_level sugar_level glucose_levels "
            "fasting_glucose"},
    TermRow{true, 1, -1,
            "hba1c glycated_hemoglobin glycosylated_hemoglobin hemoglobin_a1c a1c -glycemic_control "
            "-glucose_control -diabetes_control -sugar_control"},
    TermRow{true, 1, -1,
            "ldl_cholesterol low_density_lipoprotein ldl_c low_density_lipoprotein_cholesterol =LDL "
            "<cholesterol"},
    TermRow{true, 1, 1,
            "hdl_cholesterol high_density_lipoprotein hdl_c high_density_lipoprotein_cholesterol =HDL"},
    TermRow{true, 1, -1, "cholesterol cholesterol_level serum_cholesterol"},
    TermRow{true, 1, -1, "triglyceride triglycerides triacylglycerol"},
    TermRow{true, 1, -1, "c_reactive_protein =CRP"},
    TermRow{true, 1, -1, "body_weight weight weigh"},
    TermRow{true, 1, 1, "muscle_mass lean_mass lean_body_mass"},
    TermRow{true, 1, -1, "fat_mass body_fat"},
    TermRow{true, 1, -1, "body_mass_index =BMI"},
    TermRow{true, 1, 1, "bone_mineral_density bone_density =BMD"},
    TermRow{true, 1, 1, "quality_of_life qol hrqol"},
    TermRow{true, 1, 1, "cognition cognitive cognitive_function cognitive_performance"},
    TermRow{true, 1, 1, "memory"},
    TermRow{true, 1, 1, "intelligence iq"},
    TermRow{true, 1, 1, "lung_function pulmonary_function fev1"},
    TermRow{true, 1, kUnsaid, "ejection_fraction lvef ef lv_function left_ventricular_function"},
    TermRow{true, 1, 1, "renal_function kidney_function =GFR =eGFR glomerular_filtration_rate"},
    TermRow{true, 1, kUnsaid, "cardiac_enzymes troponin cardiac_enzyme ck_mb"},
    TermRow{true, 1, 1, "liver_function liver_function_test hepatic_function =LFTs"},
    TermRow{true, 1, kUnsaid, "white_blood_cell wbc white_count white_cell_count leukocyte_count"},
    TermRow{true, 1, kUnsaid, "hemoglobin hgb"},
    TermRow{true, 1, 1, "prognosis outlook"},
};

// Symbols and names of genes and proteins.
constexpr std::array kGenes{
    TermRow{true, 1, kUnsaid, "amyloid amyloid_beta beta_amyloid a_beta"},
    TermRow{true, 1, kUnsaid, "pd_1 pd1"},
    TermRow{true, 1, kUnsaid, "mtor mtorc1 mtorc2"},
    TermRow{true, 1, kUnsaid, "interferon_gamma ifn_gamma ifng"},
    TermRow{true, 1, kUnsaid, "interferon_beta ifn_beta"},
    TermRow{true, 1, kUnsaid, "tnf_alpha tumor_necrosis_factor tumor_necrosis_factor_alpha tnf"},
    TermRow{true, 1, kUnsaid, "il_10 il10 interleukin_10"},
    TermRow{true, 1, kUnsaid, "il_6 il6 interleukin_6"},
    TermRow{true, 1, kUnsaid, "il_2 il2 interleukin_2"},
    TermRow{true, 1, kUnsaid, "il_17 il17 interleukin_17"},
    TermRow{true, 1, kUnsaid, "il_1 il1 interleukin_1"},
    TermRow{true, 1, kUnsaid, "vegf vascular_endothelial_growth_factor"},
    TermRow{true, 1, kUnsaid, "egfr epidermal_growth_factor_receptor"},
    TermRow{true, 1, kUnsaid, "nf_kappa nf_kb nfkb nf_kappab"},
    TermRow{true, 1, kUnsaid, "apoe4 apoe_e4 apoe_epsilon4 apoe_4"},
    TermRow{true, 1, kUnsaid, "microrna mirna mir"},
    TermRow{true, 1, -1, "neurogenesis neural_progenitor neurogenic"},
    TermRow{true, 1, kUnsaid, "regulatory_t_cell treg tregs"},
    TermRow{true, 1, kUnsaid, "apoptosis programmed_cell_death apoptotic"},
    TermRow{true, 1, kUnsaid, "messenger_rna mrna"},
};

}  // namespace

std::span<const TermSection> treatment_sections() {
  static constexpr std::array kSections{
      TermSection{"names of drugs and vitamins", Source::inn, kDrugNames},
      TermSection{"classes of drugs", Source::atc, kDrugClasses},
      TermSection{"procedures and tests", Source::mesh, kProcedures},
      TermSection{"exposures", Source::medlineplus, kExposures},
      TermSection{"measures", Source::mesh, kMeasures},
      TermSection{"genes and proteins", Source::hgnc, kGenes},
  };
  return kSections;
}

}  // namespace medsynth::contradiction
