//! Section 3 (1) to (4): degrees of independence, core symptoms, BPSD, other psychiatric symptoms.

use super::choice::{
    BedriddenDegree, BpsdSymptom, Choices, CommunicationAbility, DecisionCognition, DementiaDegree, Presence,
    ShortTermMemory, Visit,
};
use super::item::Item;
use super::reader::{Amiss, Reader};
use super::text::Line;
use super::writer::Writer;

/// 認知症の行動・心理症状.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bpsd {
    /// 無.
    None,
    /// 有.
    Present {
        /// At least one.
        symptoms: Choices<BpsdSymptom>,
        /// There exactly when `symptoms` holds other.
        other: Option<Line>,
    },
}

/// その他の精神・神経症状.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PsychNeuro {
    /// 無.
    None,
    /// 有.
    Present {
        /// 症状名; missing is warned about.
        name: Option<Line>,
        /// 専門医受診; missing is warned about.
        specialist: Option<Specialist>,
    },
}

/// 専門医受診.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Specialist {
    /// 無.
    None,
    /// 有.
    Visited {
        /// 科名; missing is warned about.
        department: Option<Line>,
    },
}

/// Section 3 (1) to (4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mind {
    /// 障害高齢者の日常生活自立度.
    pub bedridden_degree: BedriddenDegree,
    /// 認知症高齢者の日常生活自立度.
    pub dementia_degree: DementiaDegree,
    /// 短期記憶.
    pub short_term_memory: ShortTermMemory,
    /// 日常の意思決定を行うための認知能力.
    pub decision_cognition: DecisionCognition,
    /// 自分の意思の伝達能力.
    pub communication_ability: CommunicationAbility,
    /// 行動・心理症状.
    pub bpsd: Option<Bpsd>,
    /// その他の精神・神経症状.
    pub psych_neuro: Option<PsychNeuro>,
}

impl Mind {
    pub(super) fn read(r: &mut Reader<'_>) -> Option<Self> {
        let bedridden_degree = r.choice(Item::BedriddenDegree);
        let dementia_degree = r.choice(Item::DementiaDegree);
        let short_term_memory = r.choice(Item::ShortTermMemory);
        let decision_cognition = r.choice(Item::DecisionCognition);
        let communication_ability = r.choice(Item::CommunicationAbility);
        let bpsd = Bpsd::read(r);
        let psych_neuro = PsychNeuro::read(r);
        Some(Self {
            bedridden_degree: bedridden_degree?,
            dementia_degree: dementia_degree?,
            short_term_memory: short_term_memory?,
            decision_cognition: decision_cognition?,
            communication_ability: communication_ability?,
            bpsd,
            psych_neuro,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.choice(Item::BedriddenDegree, Some(self.bedridden_degree));
        w.choice(Item::DementiaDegree, Some(self.dementia_degree));
        w.choice(Item::ShortTermMemory, Some(self.short_term_memory));
        w.choice(Item::DecisionCognition, Some(self.decision_cognition));
        w.choice(Item::CommunicationAbility, Some(self.communication_ability));
        if let Some(bpsd) = &self.bpsd {
            bpsd.write(w);
        }
        if let Some(psych_neuro) = &self.psych_neuro {
            psych_neuro.write(w);
        }
    }
}

impl Bpsd {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let presence = r.choice(Item::BpsdPresence);
        r.drop_empty_list(Item::BpsdSymptoms);
        let symptoms: Option<Choices<BpsdSymptom>> = r.choices(Item::BpsdSymptoms);
        let other = r.line(Item::BpsdOtherText);
        let present = r.unless_broken(Item::BpsdPresence, presence == Some(Presence::Present));
        r.detail(Item::BpsdPresence, present, Item::BpsdSymptoms, Amiss::Refused);
        let symptoms = symptoms.unwrap_or_default();
        let called = r.unless_broken(Item::BpsdSymptoms, symptoms.contains(BpsdSymptom::Other));
        r.detail(Item::BpsdSymptoms, called, Item::BpsdOtherText, Amiss::Refused);
        Some(match presence? {
            Presence::None => Self::None,
            Presence::Present => Self::Present { symptoms, other },
        })
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Self::None => w.choice(Item::BpsdPresence, Some(Presence::None)),
            Self::Present { symptoms, other } => {
                w.choice(Item::BpsdPresence, Some(Presence::Present));
                w.choices(Item::BpsdSymptoms, Some(*symptoms));
                w.line(Item::BpsdOtherText, other.as_ref());
            }
        }
    }
}

impl PsychNeuro {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let owner = Item::PsychNeuroPresence;
        let presence = r.choice(owner);
        let name = r.line(Item::PsychNeuroName);
        let called = r.unless_broken(owner, presence == Some(Presence::Present));
        r.detail(owner, called, Item::PsychNeuroName, Amiss::Dropped);
        r.detail(owner, called, Item::SpecialistVisit, Amiss::Dropped);
        let specialist = Specialist::read(r, called);
        Some(match presence? {
            Presence::None => Self::None,
            Presence::Present => Self::Present { name, specialist },
        })
    }

    fn write(&self, w: &mut Writer) {
        let Self::Present { name, specialist } = self else {
            return w.choice(Item::PsychNeuroPresence, Some(Presence::None));
        };
        w.choice(Item::PsychNeuroPresence, Some(Presence::Present));
        w.line(Item::PsychNeuroName, name.as_ref());
        let (visit, department) = match specialist {
            None => (None, None),
            Some(Specialist::None) => (Some(Visit::None), None),
            Some(Specialist::Visited { department }) => (Some(Visit::Present), department.as_ref()),
        };
        w.choice(Item::SpecialistVisit, visit);
        w.line(Item::SpecialistDepartment, department);
    }
}

impl Specialist {
    /// `called`: whether there are symptoms at all, when that is known.
    fn read(r: &mut Reader<'_>, called: Option<bool>) -> Option<Self> {
        let visit = r.choice(Item::SpecialistVisit);
        let department = r.line(Item::SpecialistDepartment);
        let visited = r.unless_broken(Item::SpecialistVisit, visit == Some(Visit::Present));
        let called = called.zip(visited).map(|(called, visited)| called && visited);
        r.detail(Item::SpecialistVisit, called, Item::SpecialistDepartment, Amiss::Dropped);
        Some(match visit? {
            Visit::None => Self::None,
            Visit::Present => Self::Visited { department },
        })
    }
}
