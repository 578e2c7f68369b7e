//! Section 3 (5): the body. A box that is not ticked carries no site and no degree.

use super::choice::{Choices, Degree, Hand, Side, WeightChange};
use super::item::Item;
use super::problem::{Fill, ProblemCode, Severity};
use super::reader::{Amiss, Reader};
use super::text::{Line, Tenths};
use super::writer::Writer;

/// A box with details of its own when it is ticked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding<D> {
    /// Nothing said.
    NotStated,
    /// Not ticked.
    No,
    /// Ticked.
    Yes(D),
}

/// Where and how much; either missing is warned about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteAndDegree {
    /// 部位.
    pub site: Option<Line>,
    /// 程度.
    pub degree: Option<Degree>,
}

/// 麻痺. The heading is ticked exactly when a limb is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paralysis {
    /// The heading box as stated.
    pub heading: Option<bool>,
    /// 右上肢, with its degree.
    pub right_arm: Finding<Option<Degree>>,
    /// 左上肢.
    pub left_arm: Finding<Option<Degree>>,
    /// 右下肢.
    pub right_leg: Finding<Option<Degree>>,
    /// 左下肢.
    pub left_leg: Finding<Option<Degree>>,
    /// その他.
    pub other: Finding<SiteAndDegree>,
}

/// 失調・不随意運動. The heading is ticked exactly when a side is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ataxia {
    /// The heading box as stated.
    pub heading: Option<bool>,
    /// 上肢.
    pub arms: Option<Choices<Side>>,
    /// 下肢.
    pub legs: Option<Choices<Side>>,
    /// 体幹.
    pub trunk: Option<Choices<Side>>,
}

/// Section 3 (5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// 利き腕.
    pub dominant_hand: Option<Hand>,
    /// 身長, cm.
    pub height_cm: Option<Tenths>,
    /// 体重, kg.
    pub weight_kg: Option<Tenths>,
    /// 過去6か月の体重の変化.
    pub weight_change: Option<WeightChange>,
    /// 四肢欠損, with its site.
    pub limb_loss: Finding<Option<Line>>,
    /// 麻痺.
    pub paralysis: Paralysis,
    /// 筋力の低下.
    pub muscle_weakness: Finding<SiteAndDegree>,
    /// 関節の拘縮.
    pub joint_contracture: Finding<SiteAndDegree>,
    /// 関節の痛み.
    pub joint_pain: Finding<SiteAndDegree>,
    /// 失調・不随意運動.
    pub ataxia: Ataxia,
    /// 褥瘡.
    pub pressure_ulcer: Finding<SiteAndDegree>,
    /// その他の皮膚疾患.
    pub other_skin_disease: Finding<SiteAndDegree>,
}

/// The items of a box, its site and its degree.
type Triple = (Item, Item, Item);
const PARALYSIS_OTHER: Triple = (Item::ParalysisOther, Item::ParalysisOtherSite, Item::ParalysisOtherDegree);
const WEAKNESS: Triple = (Item::MuscleWeakness, Item::MuscleWeaknessSite, Item::MuscleWeaknessDegree);
const CONTRACTURE: Triple = (Item::JointContracture, Item::JointContractureSite, Item::JointContractureDegree);
const PAIN: Triple = (Item::JointPain, Item::JointPainSite, Item::JointPainDegree);
const ULCER: Triple = (Item::PressureUlcer, Item::PressureUlcerSite, Item::PressureUlcerDegree);
const SKIN: Triple = (Item::OtherSkinDisease, Item::OtherSkinDiseaseSite, Item::OtherSkinDiseaseDegree);

impl Body {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            dominant_hand: r.choice(Item::DominantHand),
            height_cm: measure(r, Item::HeightCm, 80, 220),
            weight_kg: measure(r, Item::WeightKg, 15, 200),
            weight_change: r.choice(Item::WeightChange),
            limb_loss: limb_loss(r),
            paralysis: Paralysis::read(r),
            muscle_weakness: site_and_degree(r, WEAKNESS),
            joint_contracture: site_and_degree(r, CONTRACTURE),
            joint_pain: site_and_degree(r, PAIN),
            ataxia: Ataxia::read(r),
            pressure_ulcer: site_and_degree(r, ULCER),
            other_skin_disease: site_and_degree(r, SKIN),
        }
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.choice(Item::DominantHand, self.dominant_hand);
        w.tenths(Item::HeightCm, self.height_cm);
        w.tenths(Item::WeightKg, self.weight_kg);
        w.choice(Item::WeightChange, self.weight_change);
        self.limb_loss.write(w, Item::LimbLoss, |w, site| w.line(Item::LimbLossSite, site.as_ref()));
        self.paralysis.write(w);
        write_site_and_degree(w, WEAKNESS, &self.muscle_weakness);
        write_site_and_degree(w, CONTRACTURE, &self.joint_contracture);
        write_site_and_degree(w, PAIN, &self.joint_pain);
        self.ataxia.write(w);
        write_site_and_degree(w, ULCER, &self.pressure_ulcer);
        write_site_and_degree(w, SKIN, &self.other_skin_disease);
    }
}

impl<D> Finding<D> {
    fn new(ticked: Option<bool>, details: D) -> Self {
        match ticked {
            None => Self::NotStated,
            Some(false) => Self::No,
            Some(true) => Self::Yes(details),
        }
    }

    /// True when the box is ticked.
    #[must_use]
    pub const fn is_ticked(&self) -> bool {
        matches!(self, Self::Yes(_))
    }

    fn write(&self, w: &mut Writer, flag: Item, details: impl FnOnce(&mut Writer, &D)) {
        match self {
            Self::NotStated => {}
            Self::No => w.flag(flag, Some(false)),
            Self::Yes(found) => {
                w.flag(flag, Some(true));
                details(w, found);
            }
        }
    }
}

impl Paralysis {
    fn read(r: &mut Reader<'_>) -> Self {
        let paralysis = Self {
            heading: r.flag(Item::Paralysis),
            right_arm: limb(r, Item::ParalysisRightArm, Item::ParalysisRightArmDegree),
            left_arm: limb(r, Item::ParalysisLeftArm, Item::ParalysisLeftArmDegree),
            right_leg: limb(r, Item::ParalysisRightLeg, Item::ParalysisRightLegDegree),
            left_leg: limb(r, Item::ParalysisLeftLeg, Item::ParalysisLeftLegDegree),
            other: site_and_degree(r, PARALYSIS_OTHER),
        };
        let limbs = [&paralysis.right_arm, &paralysis.left_arm, &paralysis.right_leg, &paralysis.left_leg];
        let any = limbs.into_iter().any(Finding::is_ticked) || paralysis.other.is_ticked();
        let boxes = [
            Item::ParalysisRightArm,
            Item::ParalysisLeftArm,
            Item::ParalysisRightLeg,
            Item::ParalysisLeftLeg,
            Item::ParalysisOther,
        ];
        heading(r, Item::Paralysis, paralysis.heading, any, &boxes);
        paralysis
    }

    fn write(&self, w: &mut Writer) {
        w.flag(Item::Paralysis, self.heading);
        let limbs = [
            (&self.right_arm, Item::ParalysisRightArm, Item::ParalysisRightArmDegree),
            (&self.left_arm, Item::ParalysisLeftArm, Item::ParalysisLeftArmDegree),
            (&self.right_leg, Item::ParalysisRightLeg, Item::ParalysisRightLegDegree),
            (&self.left_leg, Item::ParalysisLeftLeg, Item::ParalysisLeftLegDegree),
        ];
        for (limb, flag, degree) in limbs {
            limb.write(w, flag, |w, found| w.choice(degree, *found));
        }
        write_site_and_degree(w, PARALYSIS_OTHER, &self.other);
    }
}

impl Ataxia {
    fn read(r: &mut Reader<'_>) -> Self {
        let ataxia = Self {
            heading: r.flag(Item::Ataxia),
            arms: r.choices(Item::AtaxiaArms),
            legs: r.choices(Item::AtaxiaLegs),
            trunk: r.choices(Item::AtaxiaTrunk),
        };
        let any = [ataxia.arms, ataxia.legs, ataxia.trunk].into_iter().flatten().any(|sides| !sides.is_empty());
        heading(r, Item::Ataxia, ataxia.heading, any, &[Item::AtaxiaArms, Item::AtaxiaLegs, Item::AtaxiaTrunk]);
        ataxia
    }

    fn write(&self, w: &mut Writer) {
        w.flag(Item::Ataxia, self.heading);
        w.choices(Item::AtaxiaArms, self.arms);
        w.choices(Item::AtaxiaLegs, self.legs);
        w.choices(Item::AtaxiaTrunk, self.trunk);
    }
}

/// The heading box says exactly what the boxes under it say together.
fn heading(r: &mut Reader<'_>, item: Item, stated: Option<bool>, any: bool, under: &[Item]) {
    let certain = std::iter::once(&item).chain(under).all(|part| r.unless_broken(*part, true).is_some());
    if certain && stated.unwrap_or(false) != any {
        r.error(item, ProblemCode::HeadingMismatch);
    }
}

fn limb(r: &mut Reader<'_>, flag: Item, degree_item: Item) -> Finding<Option<Degree>> {
    let ticked = r.flag(flag);
    let degree = r.choice(degree_item);
    let called = r.unless_broken(flag, ticked == Some(true));
    r.detail(flag, called, degree_item, Amiss::Dropped);
    Finding::new(ticked, degree)
}

fn limb_loss(r: &mut Reader<'_>) -> Finding<Option<Line>> {
    let ticked = r.flag(Item::LimbLoss);
    let site = r.line(Item::LimbLossSite);
    let called = r.unless_broken(Item::LimbLoss, ticked == Some(true));
    r.detail(Item::LimbLoss, called, Item::LimbLossSite, Amiss::Dropped);
    Finding::new(ticked, site)
}

fn site_and_degree(r: &mut Reader<'_>, (flag, site_item, degree_item): Triple) -> Finding<SiteAndDegree> {
    let ticked = r.flag(flag);
    let site = r.line(site_item);
    let degree = r.choice(degree_item);
    let called = r.unless_broken(flag, ticked == Some(true));
    r.detail(flag, called, site_item, Amiss::Dropped);
    r.detail(flag, called, degree_item, Amiss::Dropped);
    Finding::new(ticked, SiteAndDegree { site, degree })
}

fn write_site_and_degree(w: &mut Writer, (flag, site, degree): Triple, finding: &Finding<SiteAndDegree>) {
    finding.write(w, flag, |w, found| {
        w.line(site, found.site.as_ref());
        w.choice(degree, found.degree);
    });
}

/// Reads a measure and warns when no living person is likely to have it.
fn measure(r: &mut Reader<'_>, item: Item, least: u16, most: u16) -> Option<Tenths> {
    let measure = r.tenths(item)?;
    if !(least * 10..=most * 10).contains(&measure.tenths()) {
        let range = [format!("{least}〜{most}"), format!("{least} to {most}")];
        let [ja, en] = &range;
        r.report(item, ProblemCode::NumberImplausible, Severity::Warning, &Fill::item(item).detail(ja, en));
    }
    Some(measure)
}
