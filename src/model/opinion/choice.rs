//! The choices as types. Codes are the wire's; a test holds every enum to its list in choices.tsv.

use std::marker::PhantomData;

/// A list of choices.
pub trait Choice: Copy + Eq + std::fmt::Debug + 'static {
    /// The list's name in choices.tsv.
    const LIST: &'static str;
    /// Every choice in printed order, without one that excludes the others.
    const ALL: &'static [Self];
    /// The code on the wire.
    fn code(self) -> &'static str;
    /// The place in [`Choice::ALL`], below 32.
    fn place(self) -> u32;

    /// The choice of that code.
    #[must_use]
    fn parse(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|choice| choice.code() == code)
    }
}

/// What is ticked in a list of which any number may be; iterates in printed order, whatever order it was sent in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Choices<T>(u32, PhantomData<T>);

impl<T: Choice> Choices<T> {
    /// True when the choice is ticked.
    #[must_use]
    pub fn contains(self, choice: T) -> bool {
        self.0 >> choice.place() & 1 == 1
    }

    /// True when nothing is ticked.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The ticked choices in printed order.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::ALL.iter().copied().filter(move |choice| self.contains(*choice))
    }

    /// Ticks one; false when it was ticked before.
    pub(super) fn insert(&mut self, choice: T) -> bool {
        let before = self.0;
        self.0 |= 1 << choice.place();
        before != self.0
    }
}

impl<T> Default for Choices<T> {
    fn default() -> Self {
        Self(0, PhantomData)
    }
}

impl<T: Choice> std::fmt::Debug for Choices<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

macro_rules! choices {
    ($( $(#[$doc:meta])+ $name:ident $list:literal { $( $choice:ident $code:literal )+ } )+) => {
        $(
            $(#[$doc])+
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
            #[allow(missing_docs, reason = "each variant is documented by its label in choices.tsv")]
            pub enum $name { $( $choice, )+ }

            impl Choice for $name {
                const LIST: &'static str = $list;
                const ALL: &'static [Self] = &[ $( Self::$choice, )+ ];

                fn code(self) -> &'static str {
                    match self { $( Self::$choice => $code, )+ }
                }

                fn place(self) -> u32 {
                    self as u32
                }
            }
        )+

        /// Each list that has a type, with the codes the type knows.
        #[must_use]
        pub fn typed_lists() -> Vec<(&'static str, Vec<&'static str>)> {
            vec![ $( ($list, $name::ALL.iter().map(|choice| choice.code()).collect()), )+ ]
        }
    };
}

choices! {
    /// Which version of the form: it decides which items exist.
    FormVersion "form_version" {
        Until202603 "until_2026_03"
        From202604 "from_2026_04"
    }

    /// 特定疾病, the sixteen diseases that open care insurance to persons of 40 to 64 years.
    SpecifiedDisease "specified_disease" {
        Als "als"
        Opll "opll"
        OsteoporosisWithFracture "osteoporosis_with_fracture"
        MultipleSystemAtrophy "multiple_system_atrophy"
        PresenileDementia "presenile_dementia"
        SpinocerebellarDegeneration "spinocerebellar_degeneration"
        SpinalCanalStenosis "spinal_canal_stenosis"
        Progeria "progeria"
        DiabeticComplications "diabetic_complications"
        CerebrovascularDisease "cerebrovascular_disease"
        ParkinsonRelated "parkinson_related"
        ArteriosclerosisObliterans "arteriosclerosis_obliterans"
        RheumatoidArthritis "rheumatoid_arthritis"
        Copd "copd"
        OsteoarthritisBothKneesOrHips "osteoarthritis_both_knees_or_hips"
        CancerTerminal "cancer_terminal"
        NotSpecified "not_specified"
    }

    /// 種別: whether the person lives at home or in a facility.
    ResidenceKind "residence_kind" {
        Home "home"
        Facility "facility"
    }

    /// The applicant's sex as on the form.
    Sex "sex" {
        Male "male"
        Female "female"
    }

    /// The doctor's consent to use for care planning (form until 2026-03).
    Consent "consent" {
        Agree "agree"
        Disagree "disagree"
    }

    /// 意見書作成回数.
    OpinionCount "opinion_count" {
        First "first"
        SecondOrLater "second_or_later"
    }

    /// 有 or 無 of a visit.
    Visit "visit" {
        Present "present"
        None "none"
    }

    /// 無 or 有 of a symptom.
    Presence "presence" {
        None "none"
        Present "present"
    }

    /// 診療科 of another visit.
    Department "department" {
        InternalMedicine "internal_medicine"
        Psychiatry "psychiatry"
        Surgery "surgery"
        Orthopedics "orthopedics"
        Neurosurgery "neurosurgery"
        Dermatology "dermatology"
        Urology "urology"
        Gynecology "gynecology"
        Ophthalmology "ophthalmology"
        Otolaryngology "otolaryngology"
        Rehabilitation "rehabilitation"
        Dentistry "dentistry"
        Other "other"
    }

    /// 症状としての安定性, without the detail.
    StabilityCode "stability" {
        Stable "stable"
        Unstable "unstable"
        Unknown "unknown"
    }

    /// 特別な医療: procedures.
    SpecialProcedure "special_procedure" {
        DripInfusion "drip_infusion"
        CentralVenousNutrition "central_venous_nutrition"
        Dialysis "dialysis"
        StomaCare "stoma_care"
        OxygenTherapy "oxygen_therapy"
        Respirator "respirator"
        TracheostomyCare "tracheostomy_care"
        PainNursing "pain_nursing"
        TubeFeeding "tube_feeding"
    }

    /// 特別な医療: special responses.
    SpecialResponse "special_response" {
        Monitoring "monitoring"
        PressureUlcerCare "pressure_ulcer_care"
    }

    /// 障害高齢者の日常生活自立度.
    BedriddenDegree "bedridden_degree" {
        Independent "independent"
        J1 "j1"
        J2 "j2"
        A1 "a1"
        A2 "a2"
        B1 "b1"
        B2 "b2"
        C1 "c1"
        C2 "c2"
    }

    /// 認知症高齢者の日常生活自立度.
    DementiaDegree "dementia_degree" {
        Independent "independent"
        I "i"
        Iia "iia"
        Iib "iib"
        Iiia "iiia"
        Iiib "iiib"
        Iv "iv"
        M "m"
    }

    /// 短期記憶.
    ShortTermMemory "short_term_memory" {
        NoProblem "no_problem"
        Problem "problem"
    }

    /// 日常の意思決定を行うための認知能力.
    DecisionCognition "decision_cognition" {
        Independent "independent"
        SomeDifficulty "some_difficulty"
        NeedsWatching "needs_watching"
        CannotDecide "cannot_decide"
    }

    /// 自分の意思の伝達能力.
    CommunicationAbility "communication_ability" {
        CanConvey "can_convey"
        SomeDifficulty "some_difficulty"
        ConcreteRequestsOnly "concrete_requests_only"
        CannotConvey "cannot_convey"
    }

    /// 認知症の行動・心理症状.
    BpsdSymptom "bpsd_symptom" {
        Hallucination "hallucination"
        Delusion "delusion"
        DayNightReversal "day_night_reversal"
        VerbalAbuse "verbal_abuse"
        Violence "violence"
        ResistanceToCare "resistance_to_care"
        Wandering "wandering"
        CarelessFire "careless_fire"
        UncleanActs "unclean_acts"
        Pica "pica"
        SexualBehavior "sexual_behavior"
        Other "other"
    }

    /// 利き腕.
    Hand "hand" {
        Right "right"
        Left "left"
    }

    /// 過去6か月の体重の変化.
    WeightChange "weight_change" {
        Increased "increased"
        Maintained "maintained"
        Decreased "decreased"
    }

    /// 程度.
    Degree "degree" {
        Mild "mild"
        Moderate "moderate"
        Severe "severe"
    }

    /// 右 or 左.
    Side "side" {
        Right "right"
        Left "left"
    }

    /// 屋外歩行.
    OutdoorWalking "outdoor_walking" {
        Independent "independent"
        WithAssistance "with_assistance"
        NotDone "not_done"
    }

    /// 車いすの使用.
    Wheelchair "wheelchair" {
        NotUsed "not_used"
        SelfOperated "self_operated"
        OperatedByOthers "operated_by_others"
    }

    /// 歩行補助具・装具: where an aid is used.
    WalkingAid "walking_aid" {
        Outdoors "outdoors"
        Indoors "indoors"
    }

    /// 食事行為.
    Eating "eating" {
        SelfOrNearly "self_or_nearly"
        FullAssistance "full_assistance"
    }

    /// 現在の栄養状態.
    NutritionStatus "nutrition_status" {
        Good "good"
        Poor "poor"
    }

    /// 現在あるか今後発生の可能性の高い状態.
    RiskCondition "risk_condition" {
        UrinaryIncontinence "urinary_incontinence"
        FallFracture "fall_fracture"
        ReducedMobility "reduced_mobility"
        PressureUlcer "pressure_ulcer"
        ReducedCardiopulmonary "reduced_cardiopulmonary"
        WithdrawalAtHome "withdrawal_at_home"
        ReducedMotivation "reduced_motivation"
        Wandering "wandering"
        Malnutrition "malnutrition"
        Dysphagia "dysphagia"
        Dehydration "dehydration"
        SusceptibleToInfection "susceptible_to_infection"
        CancerPain "cancer_pain"
        Other "other"
    }

    /// 生活機能の維持・改善の見通し.
    FunctionOutlook "function_outlook" {
        Expected "expected"
        NotExpected "not_expected"
        Unknown "unknown"
    }

    /// 医学的管理の必要性: a service.
    MedicalService "medical_management" {
        HomeMedicalVisit "home_medical_visit"
        HomeNursing "home_nursing"
        HomeDentalVisit "home_dental_visit"
        HomePharmacistGuidance "home_pharmacist_guidance"
        HomeRehabilitation "home_rehabilitation"
        ShortStayMedicalCare "short_stay_medical_care"
        HomeDentalHygiene "home_dental_hygiene"
        HomeNutritionGuidance "home_nutrition_guidance"
        DayRehabilitation "day_rehabilitation"
        GeriatricHealthFacility "geriatric_health_facility"
        IntegratedMedicalFacility "integrated_medical_facility"
        Other "other"
    }

    /// サービス提供時における留意事項: what it concerns.
    CautionKind "service_caution" {
        BloodPressure "blood_pressure"
        Ingestion "ingestion"
        Swallowing "swallowing"
        Mobility "mobility"
        Exercise "exercise"
        Other "other"
    }

    /// 感染症の有無, without the detail.
    InfectionCode "infection" {
        None "none"
        Present "present"
        Unknown "unknown"
    }

}
