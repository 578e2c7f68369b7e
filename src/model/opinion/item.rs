//! The items by name, one variant a row of items.tsv.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::table::{self, Row};

macro_rules! items {
    ($( $item:ident )+) => {
        /// An item of the form that travels as a value; the order is the form's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "each variant is documented by its row in items.tsv")]
        pub enum Item { $( $item, )+ }

        impl Item {
            /// Every item, in form order.
            pub const ALL: &'static [Self] = &[ $( Self::$item, )+ ];
        }
    };
}

items! {
    FormVersion InsurerNumber InsurerName InsuredNumber InstitutionOfficeNumber MedicalInstitutionCode SpecifiedDisease
    ApplicationDate RequestDate SentDate RequestNumber DoctorNumber ResidenceKind

    EntryDate ApplicantKana ApplicantName ApplicantSex BirthDate Age ApplicantPostalCode ApplicantAddress ApplicantPhone
    ConsentCarePlanUse DoctorName InstitutionName InstitutionPostalCode InstitutionAddress InstitutionPhone
    InstitutionFax LastExamDate OpinionCount OtherDepartmentVisit OtherDepartments OtherDepartmentOtherText

    Diagnosis1Name Diagnosis1Onset Diagnosis2Name Diagnosis2Onset Diagnosis3Name Diagnosis3Onset Stability
    StabilityDetail CourseAndTreatment SpecialProcedures SpecialResponses CatheterCare

    BedriddenDegree DementiaDegree ShortTermMemory DecisionCognition CommunicationAbility BpsdPresence BpsdSymptoms
    BpsdOtherText PsychNeuroPresence PsychNeuroName SpecialistVisit SpecialistDepartment DominantHand HeightCm WeightKg
    WeightChange LimbLoss LimbLossSite Paralysis ParalysisRightArm ParalysisRightArmDegree ParalysisLeftArm
    ParalysisLeftArmDegree ParalysisRightLeg ParalysisRightLegDegree ParalysisLeftLeg ParalysisLeftLegDegree
    ParalysisOther ParalysisOtherSite ParalysisOtherDegree MuscleWeakness MuscleWeaknessSite MuscleWeaknessDegree
    JointContracture JointContractureSite JointContractureDegree JointPain JointPainSite JointPainDegree Ataxia
    AtaxiaArms AtaxiaLegs AtaxiaTrunk PressureUlcer PressureUlcerSite PressureUlcerDegree OtherSkinDisease
    OtherSkinDiseaseSite OtherSkinDiseaseDegree

    OutdoorWalking Wheelchair WalkingAids Eating NutritionStatus NutritionNote RiskConditions RiskOtherText RiskPolicy
    FunctionOutlook MedicalManagement MedicalManagementEmphasized MedicalManagementOtherText ServiceCautions
    CautionBloodPressureText CautionIngestionText CautionSwallowingText CautionMobilityText CautionExerciseText
    CautionOtherText Infection InfectionDetail SpecialNotes
}

static BY_NAME: LazyLock<HashMap<&'static str, Item>> =
    LazyLock::new(|| Item::ALL.iter().map(|item| (item.name(), *item)).collect());

impl Item {
    /// The item of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        BY_NAME.get(name).copied()
    }

    /// The name on the wire, for example `entry_date`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What the form calls it, in Japanese.
    #[must_use]
    pub fn label(self) -> &'static str {
        self.row().label
    }

    /// The item's row in the table.
    #[must_use]
    pub fn row(self) -> &'static Row {
        table::row(self as usize)
    }
}
