//! Sections 1 and 2: diagnoses, stability, course; special medical care of the last 14 days.

use super::choice::{Choices, SpecialProcedure, SpecialResponse, StabilityCode};
use super::dates::PartialDate;
use super::item::Item;
use super::problem::ProblemCode;
use super::reader::{Amiss, Reader};
use super::text::{Line, Lines};
use super::writer::Writer;

/// One row of 診断名.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// 診断名.
    pub name: Line,
    /// 発症年月日.
    pub onset: Option<PartialDate>,
}

/// 症状としての安定性.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stability {
    /// 安定.
    Stable,
    /// 不安定.
    Unstable {
        /// 具体的な状況; missing is warned about.
        detail: Option<Line>,
    },
    /// 不明.
    Unknown,
}

/// Section 1, 傷病に関する意見.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disease {
    /// The main cause of the loss of function.
    pub first: Diagnosis,
    /// The second row.
    pub second: Option<Diagnosis>,
    /// The third row.
    pub third: Option<Diagnosis>,
    /// 症状としての安定性.
    pub stability: Option<Stability>,
    /// 経過及び投薬内容を含む治療内容.
    pub course_and_treatment: Option<Lines>,
}

/// Section 2, 特別な医療. An empty list says that there was none; an absent one says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialCare {
    /// 処置内容.
    pub procedures: Option<Choices<SpecialProcedure>>,
    /// 特別な対応.
    pub responses: Option<Choices<SpecialResponse>>,
    /// カテーテル.
    pub catheter: Option<bool>,
}

const ROWS: [(Item, Item); 3] = [
    (Item::Diagnosis1Name, Item::Diagnosis1Onset),
    (Item::Diagnosis2Name, Item::Diagnosis2Onset),
    (Item::Diagnosis3Name, Item::Diagnosis3Onset),
];

impl Disease {
    pub(super) fn read(r: &mut Reader<'_>) -> Option<Self> {
        let [first, second, third] = ROWS.map(|(name, onset)| Diagnosis::read(r, name, onset));
        if r.stated(Item::Diagnosis3Name) && !r.stated(Item::Diagnosis2Name) {
            r.warn_with(Item::Diagnosis3Name, ProblemCode::DiagnosisGap, Item::Diagnosis2Name);
        }
        let stability = Stability::read(r);
        let course_and_treatment = r.lines(Item::CourseAndTreatment);
        Some(Self { first: first?, second, third, stability, course_and_treatment })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let rows = [Some(&self.first), self.second.as_ref(), self.third.as_ref()];
        for ((name, onset), diagnosis) in ROWS.into_iter().zip(rows) {
            w.line(name, diagnosis.map(|diagnosis| &diagnosis.name));
            w.rough_date(onset, diagnosis.and_then(|diagnosis| diagnosis.onset));
        }
        let (code, detail) = match &self.stability {
            None => (None, None),
            Some(Stability::Stable) => (Some(StabilityCode::Stable), None),
            Some(Stability::Unstable { detail }) => (Some(StabilityCode::Unstable), detail.as_ref()),
            Some(Stability::Unknown) => (Some(StabilityCode::Unknown), None),
        };
        w.choice(Item::Stability, code);
        w.line(Item::StabilityDetail, detail);
        w.lines(Item::CourseAndTreatment, self.course_and_treatment.as_ref());
    }
}

impl Diagnosis {
    fn read(r: &mut Reader<'_>, name_item: Item, onset_item: Item) -> Option<Self> {
        let name = r.line(name_item);
        let onset = r.rough_date(onset_item);
        let called = r.unless_broken(name_item, name.is_some());
        r.detail(name_item, called, onset_item, Amiss::Dropped);
        Some(Self { name: name?, onset })
    }
}

impl Stability {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let code = r.choice(Item::Stability);
        let detail = r.line(Item::StabilityDetail);
        let called = r.unless_broken(Item::Stability, code == Some(StabilityCode::Unstable));
        r.detail(Item::Stability, called, Item::StabilityDetail, Amiss::Dropped);
        Some(match code? {
            StabilityCode::Stable => Self::Stable,
            StabilityCode::Unstable => Self::Unstable { detail },
            StabilityCode::Unknown => Self::Unknown,
        })
    }
}

impl SpecialCare {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            procedures: r.choices(Item::SpecialProcedures),
            responses: r.choices(Item::SpecialResponses),
            catheter: r.flag(Item::CatheterCare),
        }
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.choices(Item::SpecialProcedures, self.procedures);
        w.choices(Item::SpecialResponses, self.responses);
        w.flag(Item::CatheterCare, self.catheter);
    }
}
