//! What kinds of things leave the house, and what differs between them.

/// What a submission is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 主治医意見書: filed once under its key, then followed to the municipality.
    Opinion,
    /// 本人確認 by two witnesses: shown to the hub, which answers who it is.
    Identification,
    /// ケアプラン: one send unit for one office, filed once under its key, then followed to the person who opens it there.
    CarePlan,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Opinion, Self::Identification, Self::CarePlan];

    /// As it stands in rows, events and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opinion => "opinion",
            Self::Identification => "identification",
            Self::CarePlan => "care_plan",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether the hub may see it twice without harm. Such a thing goes again when its answer was lost; of any other the hub
    /// is asked by its key.
    #[must_use]
    pub const fn repeatable(self) -> bool {
        match self {
            Self::Opinion | Self::CarePlan => false,
            Self::Identification => true,
        }
    }

    /// Whether a person may send it on paper instead.
    #[must_use]
    pub const fn has_paper(self) -> bool {
        match self {
            Self::CarePlan => true,
            Self::Opinion | Self::Identification => false,
        }
    }

    /// Whether the hub's feed of changes tells what became of it. Receipt numbers of other kinds are names of their own.
    #[must_use]
    pub const fn followed(self) -> bool {
        match self {
            Self::Opinion | Self::CarePlan => true,
            Self::Identification => false,
        }
    }
}

/// One of something for each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EachKind<T> {
    opinion: T,
    identification: T,
    care_plan: T,
}

impl<T> EachKind<T> {
    /// Makes one for each.
    pub fn from_fn(mut make: impl FnMut(Kind) -> T) -> Self {
        Self {
            opinion: make(Kind::Opinion),
            identification: make(Kind::Identification),
            care_plan: make(Kind::CarePlan),
        }
    }

    /// That of a kind.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> &T {
        match kind {
            Kind::Opinion => &self.opinion,
            Kind::Identification => &self.identification,
            Kind::CarePlan => &self.care_plan,
        }
    }

    /// That of a kind, to be changed.
    pub const fn of_mut(&mut self, kind: Kind) -> &mut T {
        match kind {
            Kind::Opinion => &mut self.opinion,
            Kind::Identification => &mut self.identification,
            Kind::CarePlan => &mut self.care_plan,
        }
    }

    /// All of them, in the order of [`Kind::ALL`].
    pub fn all(&self) -> impl Iterator<Item = &T> {
        [&self.opinion, &self.identification, &self.care_plan].into_iter()
    }
}
