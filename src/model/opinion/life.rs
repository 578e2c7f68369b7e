//! Sections 4 and 5: daily life, nutrition, risks, services, cautions, infection; special notes.

use super::choice::{
    CautionKind, Choice, Choices, Eating, FunctionOutlook, InfectionCode, MedicalService, NutritionStatus,
    OutdoorWalking, RiskCondition, WalkingAid, Wheelchair,
};
use super::item::Item;
use super::problem::{Fill, ProblemCode, Severity};
use super::reader::{Amiss, Reader};
use super::text::{Line, Lines};
use super::writer::Writer;

/// The code that stands alone in a list: 用いていない, 特記すべき項目なし.
const NONE: &str = "none";

/// A list with a box that says "none of them".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoneOr<T: Choice> {
    /// The box "none".
    None,
    /// At least one of the others.
    Ticked(Choices<T>),
}

/// 現在あるか今後発生の可能性の高い状態.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risks {
    /// An empty list says that there is none; an absent one says nothing.
    pub conditions: Option<Choices<RiskCondition>>,
    /// Belongs to other among the conditions; either without the other is warned about.
    pub other: Option<Line>,
    /// 対処方針.
    pub policy: Option<Line>,
}

/// 医学的管理の必要性.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MedicalManagement {
    /// What is needed.
    pub services: Option<NoneOr<MedicalService>>,
    /// Underlined: ticked services only.
    pub emphasized: Choices<MedicalService>,
    /// Belongs to other among the services; either without the other is warned about.
    pub other: Option<Line>,
}

/// 留意事項: what is ticked, and the text of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cautions {
    /// What is ticked.
    pub ticked: Option<NoneOr<CautionKind>>,
    /// One text a kind in printed order; a tick without text, or text without tick, is warned about.
    pub texts: [Option<Line>; 6],
}

/// 感染症.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Infection {
    /// 無.
    None,
    /// 有.
    Present {
        /// What it is.
        detail: Line,
    },
    /// 不明.
    Unknown,
}

/// Sections 4 and 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// 屋外歩行.
    pub outdoor_walking: Option<OutdoorWalking>,
    /// 車いすの使用.
    pub wheelchair: Option<Wheelchair>,
    /// 歩行補助具・装具の使用.
    pub walking_aids: Option<NoneOr<WalkingAid>>,
    /// 食事行為.
    pub eating: Eating,
    /// 現在の栄養状態.
    pub nutrition_status: Option<NutritionStatus>,
    /// 栄養・食生活上の留意点.
    pub nutrition_note: Option<Line>,
    /// 状態と対処方針.
    pub risks: Risks,
    /// 見通し.
    pub function_outlook: Option<FunctionOutlook>,
    /// 医学的管理.
    pub medical_management: MedicalManagement,
    /// 留意事項.
    pub cautions: Cautions,
    /// 感染症.
    pub infection: Option<Infection>,
    /// Section 5, 特記すべき事項.
    pub special_notes: Option<Lines>,
}

const CAUTION_TEXTS: [Item; 6] = [
    Item::CautionBloodPressureText,
    Item::CautionIngestionText,
    Item::CautionSwallowingText,
    Item::CautionMobilityText,
    Item::CautionExerciseText,
    Item::CautionOtherText,
];

impl Life {
    pub(super) fn read(r: &mut Reader<'_>) -> Option<Self> {
        let outdoor_walking = r.choice(Item::OutdoorWalking);
        let wheelchair = r.choice(Item::Wheelchair);
        let walking_aids = none_or(r, Item::WalkingAids);
        let eating = r.choice(Item::Eating);
        let nutrition_status = r.choice(Item::NutritionStatus);
        let nutrition_note = r.line(Item::NutritionNote);
        let risks = Risks::read(r);
        let function_outlook = r.choice(Item::FunctionOutlook);
        let medical_management = MedicalManagement::read(r);
        let cautions = Cautions::read(r);
        let infection = Infection::read(r);
        let special_notes = r.lines(Item::SpecialNotes);
        Some(Self {
            outdoor_walking,
            wheelchair,
            walking_aids,
            eating: eating?,
            nutrition_status,
            nutrition_note,
            risks,
            function_outlook,
            medical_management,
            cautions,
            infection,
            special_notes,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.choice(Item::OutdoorWalking, self.outdoor_walking);
        w.choice(Item::Wheelchair, self.wheelchair);
        write_none_or(w, Item::WalkingAids, self.walking_aids);
        w.choice(Item::Eating, Some(self.eating));
        w.choice(Item::NutritionStatus, self.nutrition_status);
        w.line(Item::NutritionNote, self.nutrition_note.as_ref());
        w.choices(Item::RiskConditions, self.risks.conditions);
        w.line(Item::RiskOtherText, self.risks.other.as_ref());
        w.line(Item::RiskPolicy, self.risks.policy.as_ref());
        w.choice(Item::FunctionOutlook, self.function_outlook);
        self.medical_management.write(w);
        write_none_or(w, Item::ServiceCautions, self.cautions.ticked);
        for (item, text) in CAUTION_TEXTS.into_iter().zip(&self.cautions.texts) {
            w.line(item, text.as_ref());
        }
        if let Some(infection) = &self.infection {
            infection.write(w);
        }
        w.lines(Item::SpecialNotes, self.special_notes.as_ref());
    }
}

impl Risks {
    fn read(r: &mut Reader<'_>) -> Self {
        let owner = Item::RiskConditions;
        let conditions: Option<Choices<RiskCondition>> = r.choices(owner);
        let other = r.line(Item::RiskOtherText);
        let policy = r.line(Item::RiskPolicy);
        let ticked = conditions.unwrap_or_default();
        let called = r.unless_broken(owner, ticked.contains(RiskCondition::Other));
        r.detail(owner, called, Item::RiskOtherText, Amiss::Kept);
        if !ticked.is_empty() {
            r.detail(owner, Some(true), Item::RiskPolicy, Amiss::Kept);
        }
        Self { conditions, other, policy }
    }
}

impl MedicalManagement {
    fn read(r: &mut Reader<'_>) -> Self {
        let owner = Item::MedicalManagement;
        let services = none_or(r, owner);
        r.drop_empty_list(Item::MedicalManagementEmphasized);
        let emphasized: Choices<MedicalService> = r.choices(Item::MedicalManagementEmphasized).unwrap_or_default();
        let other = r.line(Item::MedicalManagementOtherText);
        let ticked = services.map(NoneOr::ticked).unwrap_or_default();
        let called = r.unless_broken(owner, ticked.contains(MedicalService::Other));
        r.detail(owner, called, Item::MedicalManagementOtherText, Amiss::Kept);
        let stray = emphasized.iter().any(|service| !ticked.contains(service));
        if r.unless_broken(owner, stray) == Some(true) {
            let item = Item::MedicalManagementEmphasized;
            r.report(item, ProblemCode::ChoiceNotTicked, Severity::Error, &Fill::item(item).with(owner));
        }
        Self { services, emphasized, other }
    }

    fn write(&self, w: &mut Writer) {
        write_none_or(w, Item::MedicalManagement, self.services);
        if !self.emphasized.is_empty() {
            w.choices(Item::MedicalManagementEmphasized, Some(self.emphasized));
        }
        w.line(Item::MedicalManagementOtherText, self.other.as_ref());
    }
}

impl Cautions {
    fn read(r: &mut Reader<'_>) -> Self {
        let owner = Item::ServiceCautions;
        let ticked: Option<NoneOr<CautionKind>> = none_or(r, owner);
        let kinds = ticked.map(NoneOr::ticked).unwrap_or_default();
        let mut texts = [const { None }; 6];
        for ((item, kind), text) in CAUTION_TEXTS.into_iter().zip(CautionKind::ALL).zip(&mut texts) {
            *text = r.line(item);
            let called = r.unless_broken(owner, kinds.contains(*kind));
            r.detail(owner, called, item, Amiss::Kept);
        }
        Self { ticked, texts }
    }
}

impl Infection {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let code = r.choice(Item::Infection);
        let detail = r.line(Item::InfectionDetail);
        let called = r.unless_broken(Item::Infection, code == Some(InfectionCode::Present));
        r.detail(Item::Infection, called, Item::InfectionDetail, Amiss::Refused);
        Some(match code? {
            InfectionCode::None => Self::None,
            InfectionCode::Present => Self::Present { detail: detail? },
            InfectionCode::Unknown => Self::Unknown,
        })
    }

    fn write(&self, w: &mut Writer) {
        let (code, detail) = match self {
            Self::None => (InfectionCode::None, None),
            Self::Present { detail } => (InfectionCode::Present, Some(detail)),
            Self::Unknown => (InfectionCode::Unknown, None),
        };
        w.choice(Item::Infection, Some(code));
        w.line(Item::InfectionDetail, detail);
    }
}

impl<T: Choice> NoneOr<T> {
    /// What is ticked besides "none".
    #[must_use]
    pub fn ticked(self) -> Choices<T> {
        match self {
            Self::None => Choices::default(),
            Self::Ticked(choices) => choices,
        }
    }
}

/// Reads such a list; an empty one was dropped before, because it says nothing.
fn none_or<T: Choice>(r: &mut Reader<'_>, item: Item) -> Option<NoneOr<T>> {
    let (ticked, none) = r.choices_or_none(item, Some(NONE))?;
    Some(if none { NoneOr::None } else { NoneOr::Ticked(ticked) })
}

fn write_none_or<T: Choice>(w: &mut Writer, item: Item, list: Option<NoneOr<T>>) {
    match list {
        None => {}
        Some(NoneOr::None) => w.put(item, vec![NONE]),
        Some(NoneOr::Ticked(choices)) => w.choices(item, Some(choices)),
    }
}
