//! The layouts: file kinds and items, and what is known of each. The data stand in `layout.tsv`.

use std::fmt;

use super::layout_file;

macro_rules! kinds {
    ($( $(#[$doc:meta])* $kind:ident $prefix:literal; )+) => {
        /// A kind of file (ファイル種別), named by the prefix of its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FileKind { $( $(#[$doc])* $kind, )+ }

        impl FileKind {
            /// Every kind, in the order of the layouts.
            pub const ALL: &'static [Self] = &[ $( Self::$kind, )+ ];

            /// The first part of the file name, for example `UPPLAN`.
            #[must_use]
            pub const fn prefix(self) -> &'static str { match self { $( Self::$kind => $prefix, )+ } }
        }
    };
}

kinds! {
    /// 利用者補足情報.
    Supplement "UPHOSOKU";
    /// 居宅サービス計画1表.
    Plan1 "UP1KYO";
    /// 居宅サービス計画2表.
    Plan2 "UP2KYO";
    /// 居宅サービス計画3表 (from edition 4.0).
    Plan3 "UP3KYO";
    /// Delete of a plan: tables 1, 2 and 3.
    PlanDelete "DLT1KYO";
    /// 第6表 サービス利用票, planned.
    Slip "UPPLAN";
    /// 第6表 実績情報.
    Results "UPJSK";
    /// 第7表 サービス利用票別表.
    SlipAnnex "UPSIKYU";
    /// Delete of a month's tables 6 and 7.
    SlipDelete "DLTPLAN";
    /// Delete of one provider's results of one kind.
    ResultsDelete "DLTJSK";
    /// 利用者基本情報 (preventive care, from edition 4.0).
    Base "UPKIHON";
    /// 利用者基本情報 別表1: the day's schedule.
    BaseDay "UPKIHON_SUB1";
    /// 利用者基本情報 別表2: medical history.
    BaseHistory "UPKIHON_SUB2";
    /// 家族構成 image, a JPEG and no CSV.
    BaseImage "UPKIHON_IMAGE";
    /// Delete of a base record with its annexes and image.
    BaseDelete "DLTKIHON";
    /// 介護予防サービス・支援計画書.
    Preventive "UPYOBO";
    /// 介護予防サービス・支援計画書 別表.
    PreventiveAnnex "UPYOBO_SUB";
    /// Delete of a preventive plan with its annex.
    PreventiveDelete "DLTYOBO";
}

impl FileKind {
    /// The kind of that prefix, whatever the case of its letters.
    #[must_use]
    pub fn parse(prefix: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.prefix().eq_ignore_ascii_case(prefix))
    }

    /// The kind's layout.
    #[must_use]
    pub fn layout(self) -> &'static KindLayout {
        layout_file::layout(self as usize)
    }

    /// The kind's items, in order; none for an image.
    #[must_use]
    pub fn items(self) -> &'static [Item] {
        &self.layout().items
    }

    /// The item of that name.
    #[must_use]
    pub fn item(self, name: &str) -> Option<&'static Item> {
        self.items().iter().find(|item| item.name == name)
    }

    /// True for the kinds that only name what is to be removed.
    #[must_use]
    pub fn is_delete(self) -> bool {
        !self.layout().removes.is_empty()
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.prefix())
    }
}

/// Every layout, in the order of [`FileKind::ALL`].
#[must_use]
pub fn layouts() -> &'static [KindLayout] {
    layout_file::layouts()
}

/// Which way a kind travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the planner (care management, support centre) to the service office, or between planners.
    Plan,
    /// From the service office to the planner.
    Result,
}

/// What the name of a kind says about the service month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MonthRule {
    /// There is no month part.
    None,
    /// `YYYYMM`.
    Month,
    /// `YYYYMM` beside tables 6 and 7, `000000` beside tables 1 to 3.
    Either,
}

/// One file kind.
#[derive(Clone, Debug)]
pub struct KindLayout {
    /// The kind.
    pub kind: FileKind,
    /// What the standard calls it.
    pub label: &'static str,
    /// What it is, in English.
    pub english: &'static str,
    /// The month part of its name.
    pub month: MonthRule,
    /// Which way it travels.
    pub direction: Direction,
    /// The items that together name what a record is about (2.3, 3.3).
    pub key: Vec<&'static str>,
    /// The items that give the order of print; empty where none is stated.
    pub sort: Vec<&'static str>,
    /// The kind whose records this one's hang on.
    pub parent: Option<FileKind>,
    /// What a delete removes; empty for all others.
    pub removes: Vec<FileKind>,
    /// The items, in order.
    pub items: Vec<Item>,
}

/// How an item is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// CSVバージョン: `YYYYMM` of the code tables.
    Version,
    /// 保険者番号: six digits with a check digit.
    Insurer,
    /// 被保険者番号: ten digits, or `H` and nine (public assistance only).
    Insured,
    /// Office number: ten digits or capital letters, with a check digit.
    Office,
    /// A code of the item's list.
    Code,
    /// `YYYYMMDD`.
    Date,
    /// `YYYYMM`.
    Month,
    /// `HHMM`.
    Time,
    /// `HHMM`, or 9999 for a service that is shown without a time.
    TimeOrNone,
    /// Thirty-one characters `0` or `1`, the first day of the month first.
    Days,
    /// A whole number, not negative.
    Number,
    /// A whole number; whether it may be negative is not stated.
    Signed,
    /// `99.99`.
    Price,
    /// A running number from 1 to 99.
    Ordinal,
    /// Service code: kind (2) and item (4).
    Service,
    /// Service code of table 7: a service code, or a mark of a subtotal or of the grand total.
    RowCode,
    /// TAIS or notification code of equipment: `NNNNN-NNNNNN`.
    Equipment,
    /// Branch number of a satellite office.
    Branch,
    /// Somebody's code, without a form.
    Entry,
    /// `NNN-NNNN`.
    Postal,
    /// A telephone number; its form is not stated.
    Phone,
    /// Free text, quoted.
    Text,
    /// Free text that says how a name is read, quoted.
    Kana,
    /// The name of an image file, quoted.
    Image,
    /// An item not in use.
    Unused,
}

impl Type {
    /// True when the standard wants the value in quotes: free text.
    #[must_use]
    pub const fn is_quoted(self) -> bool {
        matches!(self, Self::Text | Self::Kana | Self::Image)
    }
}

/// In what a length is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LengthUnit {
    /// Bytes of CP932. For every item of digits and codes this is the same as characters.
    Bytes,
    /// Not stated: bytes and characters are both taken.
    Unstated,
}

/// How long a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Length {
    /// The greatest length.
    pub max: usize,
    /// True when no shorter value is right.
    pub exact: bool,
    /// In what it is counted.
    pub unit: LengthUnit,
}

/// What the standard demands of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// 必須.
    Required,
    /// May be empty.
    Optional,
    /// Depends on the record, see [`Item::condition`].
    Conditional,
}

/// Which of the three sorts of rows of table 3 an item belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowSort {
    /// A service in the week, items 6 to 9.
    Service,
    /// An activity of daily life, items 10 to 12.
    Activity,
    /// A service outside the week, item 13.
    Outside,
}

/// When an item is to be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Nothing is said.
    None,
    /// When another item has a certain value.
    When {
        /// The other item's name.
        item: &'static str,
        /// Its value.
        value: &'static str,
    },
    /// One frame (1 to 9) of the limits by service kind: only where the insurer limits single kinds; from frame 1, no gaps.
    Frame(usize),
    /// `00000000` when the file goes with tables 6 and 7.
    ZeroWithSlip,
    /// `000000` when the file goes with tables 1 to 3.
    ZeroWithPlan,
    /// Only in rows of this sort.
    Row(RowSort),
    /// One of the two equipment codes when the service kind is 17 or 67.
    Equipment,
    /// Only for service kinds 17 and 67 (a natural reading, not stated).
    EquipmentName,
    /// Only for services billed by the day.
    DailyRate,
    /// Kind 17 only: a running number when the same code and units stand in several rows.
    DetailNumber,
    /// Only for a satellite office.
    Satellite,
    /// May be empty when it repeats the row above.
    AsAbove,
    /// On the first row of that number only.
    First(&'static str),
    /// Empty on subtotals and the grand total.
    DetailOnly,
}

/// What the printed layout leaves unsure. A doubtful property warns and never refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// Nothing.
    None,
    /// Whether the item is mandatory.
    Need,
    /// The length. `printed` is the shorter one that the layout prints, where there is one.
    Length {
        /// The shorter length.
        printed: Option<usize>,
    },
    /// What the item holds.
    Meaning,
}

/// One item (項目) of a file kind.
#[derive(Clone, Debug)]
pub struct Item {
    /// The standard's number, which is the column, from 1.
    pub number: usize,
    /// The English name, as code and findings use it.
    pub name: &'static str,
    /// The standard's name.
    pub label: &'static str,
    /// How it is written.
    pub kind: Type,
    /// How long it may be; `None` for free text, which has no limit.
    pub length: Option<Length>,
    /// What is demanded.
    pub need: Need,
    /// The code list; empty when there is none.
    pub codes: &'static str,
    /// When it is to be filled.
    pub condition: Condition,
    /// True when a finding may not show its value: it says something about a person, or may hold anything.
    pub personal: bool,
    /// What the printed layout leaves unsure.
    pub doubt: Doubt,
    /// A remark for people who write or read such files; empty when there is none.
    pub note: &'static str,
}
