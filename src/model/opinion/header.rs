//! The head of the form: applicant, doctor, institution, last examination, other departments.

use jiff::civil::Date;

use super::choice::{Choice as _, Choices, Consent, Department, FormVersion, OpinionCount, Sex, Visit};
use super::dates::age_on;
use super::item::Item;
use super::problem::{Fill, ProblemCode, Severity};
use super::reader::{Amiss, Reader};
use super::text::Line;
use super::writer::Writer;

/// The form's version, with the consent that only the older one asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In use until 2026-03.
    Until202603 {
        /// The doctor's consent to use for care planning.
        consent: Consent,
    },
    /// In use from 2026-04: the consent box is abolished.
    From202604,
}

impl Form {
    /// The version alone.
    #[must_use]
    pub const fn version(self) -> FormVersion {
        match self {
            Self::Until202603 { .. } => FormVersion::Until202603,
            Self::From202604 => FormVersion::From202604,
        }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Option<Self> {
        let version = r.choice(Item::FormVersion);
        let consent = r.choice(Item::ConsentCarePlanUse);
        match version? {
            FormVersion::Until202603 => Some(Self::Until202603 { consent: consent? }),
            FormVersion::From202604 => Some(Self::From202604),
        }
    }

    pub(super) fn write(self, w: &mut Writer) {
        w.put(Item::FormVersion, self.version().code());
        if let Self::Until202603 { consent } = self {
            w.choice(Item::ConsentCarePlanUse, Some(consent));
        }
    }
}

/// 他科受診.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherDepartments {
    /// Nothing ticked.
    NotStated,
    /// 無.
    None,
    /// 有.
    Present {
        /// At least one.
        departments: Choices<Department>,
        /// There exactly when `departments` holds other.
        other: Option<Line>,
    },
}

/// The head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// 記入日.
    pub entry_date: Date,
    /// The applicant.
    pub applicant: Applicant,
    /// 医師氏名.
    pub doctor_name: Line,
    /// The institution.
    pub institution: Institution,
    /// 最終診察日.
    pub last_exam_date: Date,
    /// 意見書作成回数.
    pub opinion_count: Option<OpinionCount>,
    /// 他科受診.
    pub other_departments: OtherDepartments,
}

/// 申請者.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applicant {
    /// ふりがな.
    pub kana: Option<Line>,
    /// 氏名.
    pub name: Line,
    /// 性別.
    pub sex: Sex,
    /// 生年月日, before the entry date.
    pub birth_date: Date,
    /// 郵便番号.
    pub postal_code: Option<Line>,
    /// 住所.
    pub address: Option<Line>,
    /// 連絡先.
    pub phone: Option<Line>,
}

/// 医療機関.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Institution {
    /// 名.
    pub name: Line,
    /// 郵便番号.
    pub postal_code: Option<Line>,
    /// 所在地.
    pub address: Option<Line>,
    /// 電話.
    pub phone: Option<Line>,
    /// ＦＡＸ.
    pub fax: Option<Line>,
}

impl Header {
    pub(super) fn read(r: &mut Reader<'_>) -> Option<Self> {
        let entry_date = r.date(Item::EntryDate);
        let applicant = Applicant::read(r);
        age(r, entry_date);
        let doctor_name = r.line(Item::DoctorName);
        let institution = Institution::read(r);
        let last_exam_date = r.date(Item::LastExamDate);
        let opinion_count = r.choice(Item::OpinionCount);
        let other_departments = OtherDepartments::read(r);
        Some(Self {
            entry_date: entry_date?,
            applicant: applicant?,
            doctor_name: doctor_name?,
            institution: institution?,
            last_exam_date: last_exam_date?,
            opinion_count,
            other_departments,
        })
    }

    /// Full years of age at the entry date.
    #[must_use]
    pub fn age(&self) -> u16 {
        age_on(self.applicant.birth_date, self.entry_date)
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.date(Item::EntryDate, Some(self.entry_date));
        self.applicant.write(w);
        w.put(Item::Age, self.age());
        w.line(Item::DoctorName, Some(&self.doctor_name));
        self.institution.write(w);
        w.date(Item::LastExamDate, Some(self.last_exam_date));
        w.choice(Item::OpinionCount, self.opinion_count);
        self.other_departments.write(w);
    }
}

impl Applicant {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let kana = shaped(r, Item::ApplicantKana, is_kana, "ひらがな", "hiragana");
        let name = r.line(Item::ApplicantName);
        let sex = r.choice(Item::ApplicantSex);
        let birth_date = r.date(Item::BirthDate);
        let postal_code = postal_code(r, Item::ApplicantPostalCode);
        let address = r.line(Item::ApplicantAddress);
        let phone = phone(r, Item::ApplicantPhone);
        Some(Self { kana, name: name?, sex: sex?, birth_date: birth_date?, postal_code, address, phone })
    }

    fn write(&self, w: &mut Writer) {
        w.line(Item::ApplicantKana, self.kana.as_ref());
        w.line(Item::ApplicantName, Some(&self.name));
        w.choice(Item::ApplicantSex, Some(self.sex));
        w.date(Item::BirthDate, Some(self.birth_date));
        w.line(Item::ApplicantPostalCode, self.postal_code.as_ref());
        w.line(Item::ApplicantAddress, self.address.as_ref());
        w.line(Item::ApplicantPhone, self.phone.as_ref());
    }
}

impl Institution {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let name = r.line(Item::InstitutionName);
        let postal_code = postal_code(r, Item::InstitutionPostalCode);
        let address = r.line(Item::InstitutionAddress);
        let number = phone(r, Item::InstitutionPhone);
        let fax = phone(r, Item::InstitutionFax);
        Some(Self { name: name?, postal_code, address, phone: number, fax })
    }

    fn write(&self, w: &mut Writer) {
        w.line(Item::InstitutionName, Some(&self.name));
        w.line(Item::InstitutionPostalCode, self.postal_code.as_ref());
        w.line(Item::InstitutionAddress, self.address.as_ref());
        w.line(Item::InstitutionPhone, self.phone.as_ref());
        w.line(Item::InstitutionFax, self.fax.as_ref());
    }
}

impl OtherDepartments {
    fn read(r: &mut Reader<'_>) -> Self {
        let visit = r.choice(Item::OtherDepartmentVisit);
        r.drop_empty_list(Item::OtherDepartments);
        let departments: Option<Choices<Department>> = r.choices(Item::OtherDepartments);
        let other = r.line(Item::OtherDepartmentOtherText);
        let present = r.unless_broken(Item::OtherDepartmentVisit, visit == Some(Visit::Present));
        r.detail(Item::OtherDepartmentVisit, present, Item::OtherDepartments, Amiss::Refused);
        let departments = departments.unwrap_or_default();
        let called = r.unless_broken(Item::OtherDepartments, departments.contains(Department::Other));
        r.detail(Item::OtherDepartments, called, Item::OtherDepartmentOtherText, Amiss::Refused);
        match visit {
            None => Self::NotStated,
            Some(Visit::None) => Self::None,
            Some(Visit::Present) => Self::Present { departments, other },
        }
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Self::NotStated => {}
            Self::None => w.choice(Item::OtherDepartmentVisit, Some(Visit::None)),
            Self::Present { departments, other } => {
                w.choice(Item::OtherDepartmentVisit, Some(Visit::Present));
                w.choices(Item::OtherDepartments, Some(*departments));
                w.line(Item::OtherDepartmentOtherText, other.as_ref());
            }
        }
    }
}

/// The age is computed, so a stated one is only compared.
fn age(r: &mut Reader<'_>, entry: Option<Date>) {
    let (Some(birth), Some(entry)) = (r.peek_date(Item::BirthDate), entry) else { return };
    if r.value(Item::Age).is_some_and(|stated| stated.as_u64() != Some(u64::from(age_on(birth, entry)))) {
        r.warn(Item::Age, ProblemCode::AgeDiffers);
    }
}

fn postal_code(r: &mut Reader<'_>, item: Item) -> Option<Line> {
    let fits = |text: &str| {
        let shape = |(at, byte): (usize, u8)| if at == 3 { byte == b'-' } else { byte.is_ascii_digit() };
        text.len() == 8 && text.bytes().enumerate().all(shape)
    };
    shaped(r, item, fits, "半角の NNN-NNNN", "NNN-NNNN")
}

fn phone(r: &mut Reader<'_>, item: Item) -> Option<Line> {
    let fits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    shaped(r, item, fits, "半角数字とハイフン", "digits and hyphens")
}

/// Reads a text and warns when it does not have its usual shape.
fn shaped(r: &mut Reader<'_>, item: Item, fits: impl Fn(&str) -> bool, ja: &str, en: &str) -> Option<Line> {
    let text = r.line(item)?;
    if !fits(text.as_str()) {
        r.report(item, ProblemCode::TextFormat, Severity::Warning, &Fill::item(item).detail(ja, en));
    }
    Some(text)
}

fn is_kana(text: &str) -> bool {
    text.chars().all(|c| matches!(c, 'ぁ'..='ゟ' | 'ー' | '・' | ' ' | '\u{3000}'))
}
