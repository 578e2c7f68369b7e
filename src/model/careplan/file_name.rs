//! File names (LD, every sheet): `PREFIX[_YYYYMM]_from(10)_kind(2)_to(10)_kind(2)_stamp(14).CSV`, and `_branch(4).jpg` for images.

use std::fmt;

use jiff::civil::DateTime;

use super::layout::{FileKind, MonthRule};
use super::value::{self, Month};

/// An office at one end of the exchange.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Party {
    /// 事業所番号, ten digits or capital letters. The check digit is not looked at here: the standard's own samples fail it.
    pub office: String,
    /// サービス種類コード, two digits or capital letters.
    pub service_kind: String,
}

/// The month part of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MonthPart {
    /// `000000`: the file goes with tables 1 to 3.
    Zero,
    /// The service month.
    Month(Month),
}

/// A file name that keeps to the grammar. [`fmt::Display`] writes it as the standard does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileName {
    /// The kind.
    pub kind: FileKind,
    /// The month; `None` for kinds without a month part.
    pub month: Option<MonthPart>,
    /// 送信元.
    pub from: Party,
    /// 送信先.
    pub to: Party,
    /// ファイル連番: equal in all files of a send unit, and the order of reading. 14 digits, a real date and time.
    pub stamp: String,
    /// 枝番, four digits: images only.
    pub branch: Option<String>,
    /// True when it had a month part `000000` that its kind has not: the main text's sample of UPKIHON shows one.
    pub stray_month: bool,
}

/// A part of a file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NamePart {
    /// `YYYYMM` or `000000`.
    Month,
    /// The sender's office number.
    FromOffice,
    /// The sender's service kind.
    FromKind,
    /// The recipient's office number.
    ToOffice,
    /// The recipient's service kind.
    ToKind,
    /// The 14-digit stamp.
    Stamp,
    /// The image's four-digit branch.
    Branch,
    /// `.CSV`, or `.jpg` for images.
    Extension,
}

impl NamePart {
    /// What it is called, in Japanese and English.
    #[must_use]
    pub const fn words(self) -> [&'static str; 2] {
        match self {
            Self::Month => ["対象年月（YYYYMM）", "the month (YYYYMM)"],
            Self::FromOffice => ["送信元の事業所番号（10桁）", "the sender's office number (10 places)"],
            Self::FromKind => ["送信元のサービス種類コード（2桁）", "the sender's service kind (2 places)"],
            Self::ToOffice => ["送信先の事業所番号（10桁）", "the recipient's office number (10 places)"],
            Self::ToKind => ["送信先のサービス種類コード（2桁）", "the recipient's service kind (2 places)"],
            Self::Stamp => ["作成日時（YYYYMMDDHHMMSS）", "the stamp (YYYYMMDDHHMMSS)"],
            Self::Branch => ["画像の枝番（4桁）", "the image's branch (4 digits)"],
            Self::Extension => ["拡張子（.CSV、画像は .jpg）", "the extension (.CSV, for images .jpg)"],
        }
    }
}

/// Why a text is no file name of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NameError {
    /// It does not begin with a known prefix and an underline.
    #[error("the name does not begin with the prefix of a file kind")]
    Prefix,
    /// A part is missing or has the wrong form.
    #[error("the part {0:?} of the name is wrong")]
    Part(NamePart),
    /// It has more parts than its kind.
    #[error("the name has more parts than its kind")]
    TooMany,
    /// It is a name of edition 3: no service kinds.
    #[error("the name is one of edition 3, without service kinds")]
    Edition3,
}

impl FileName {
    /// Reads the last part of a path (a bare name); letters may be of either case.
    ///
    /// # Errors
    /// [`NameError`] for the first part that is wrong.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let name = name.to_ascii_uppercase();
        let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
        let (kind, rest) = prefix(stem).ok_or(NameError::Prefix)?;
        let mut parts: Vec<&str> = rest.split('_').collect();
        if is_edition_3(kind, &parts) {
            return Err(NameError::Edition3);
        }
        let stray_month = kind.layout().month == MonthRule::None && parts.first() == Some(&"000000");
        if stray_month {
            parts.remove(0);
        }
        let mut parts = parts.into_iter();
        let name = Self {
            kind,
            month: month(kind, &mut parts)?,
            from: party(&mut parts, NamePart::FromOffice, NamePart::FromKind)?,
            to: party(&mut parts, NamePart::ToOffice, NamePart::ToKind)?,
            stamp: stamp(parts.next())?,
            branch: branch(kind, &mut parts)?,
            stray_month,
        };
        let extensions: &[&str] = if kind == FileKind::BaseImage { &["JPG", "JPEG"] } else { &["CSV"] };
        match parts.next() {
            Some(_) => Err(NameError::TooMany),
            None if !extensions.contains(&extension) => Err(NameError::Part(NamePart::Extension)),
            None => Ok(name),
        }
    }

    /// The stamp as a time; the clock of the sender's machine, in no stated zone.
    #[must_use]
    pub fn made_at(&self) -> Option<DateTime> {
        value::stamp(self.stamp.as_bytes())
    }

    /// The service month; `None` where the name has none or says `000000`.
    #[must_use]
    pub const fn service_month(&self) -> Option<Month> {
        match self.month {
            Some(MonthPart::Month(month)) => Some(month),
            _ => None,
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.prefix())?;
        match self.month {
            Some(MonthPart::Zero) => f.write_str("_000000")?,
            Some(MonthPart::Month(month)) => write!(f, "_{month}")?,
            None => {}
        }
        let (from, to) = (&self.from, &self.to);
        write!(f, "_{}_{}_{}_{}_{}", from.office, from.service_kind, to.office, to.service_kind, self.stamp)?;
        match &self.branch {
            Some(branch) => write!(f, "_{branch}.jpg"),
            None => f.write_str(".CSV"),
        }
    }
}

/// The longest prefix wins: `UPKIHON_SUB1` is not `UPKIHON` with a part `SUB1`.
fn prefix(stem: &str) -> Option<(FileKind, &str)> {
    let fits = |kind: &FileKind| {
        let rest = stem.strip_prefix(kind.prefix())?;
        rest.strip_prefix('_').or_else(|| rest.is_empty().then_some("")).map(|rest| (*kind, rest))
    };
    FileKind::ALL.iter().filter_map(fits).max_by_key(|(kind, _)| kind.prefix().len())
}

/// Edition 3: month if any, two office numbers, stamp.
fn is_edition_3(kind: FileKind, parts: &[&str]) -> bool {
    let parts = match (kind.layout().month, parts) {
        (MonthRule::None, parts) => parts,
        (_, [month, parts @ ..]) if month.len() == 6 => parts,
        _ => return false,
    };
    matches!(parts, [from, to, stamp] if is_code(from, 10) && is_code(to, 10) && stamp.len() == 14)
}

fn is_code(part: &str, len: usize) -> bool {
    part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

fn month<'a>(kind: FileKind, parts: &mut impl Iterator<Item = &'a str>) -> Result<Option<MonthPart>, NameError> {
    let rule = kind.layout().month;
    if rule == MonthRule::None {
        return Ok(None);
    }
    let part = parts.next().unwrap_or_default();
    if rule == MonthRule::Either && part == "000000" {
        return Ok(Some(MonthPart::Zero));
    }
    let month = value::month(part.as_bytes()).ok_or(NameError::Part(NamePart::Month))?;
    Ok(Some(MonthPart::Month(month)))
}

fn party<'a>(
    parts: &mut impl Iterator<Item = &'a str>,
    office: NamePart,
    service_kind: NamePart,
) -> Result<Party, NameError> {
    let mut code = |len, what| {
        let part = parts.next().filter(|part| is_code(part, len));
        part.map(str::to_owned).ok_or(NameError::Part(what))
    };
    Ok(Party { office: code(10, office)?, service_kind: code(2, service_kind)? })
}

fn stamp(part: Option<&str>) -> Result<String, NameError> {
    let part = part.filter(|part| value::stamp(part.as_bytes()).is_some());
    part.map(str::to_owned).ok_or(NameError::Part(NamePart::Stamp))
}

fn branch<'a>(kind: FileKind, parts: &mut impl Iterator<Item = &'a str>) -> Result<Option<String>, NameError> {
    if kind != FileKind::BaseImage {
        return Ok(None);
    }
    let part = parts.next().filter(|part| part.len() == 4 && value::is_digits(part.as_bytes()));
    part.map(|part| Some(part.to_owned())).ok_or(NameError::Part(NamePart::Branch))
}
