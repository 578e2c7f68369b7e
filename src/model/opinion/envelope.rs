//! What travels with the form without being printed on it: insurer, person's number, request, dates of the request.

use jiff::civil::Date;

use crate::model::numbers::{InsuredNumber, InsurerNumber, InsurerNumberError, OfficeNumberCheck, check_office_number};

use super::choice::{ResidenceKind, SpecifiedDisease};
use super::item::Item;
use super::problem::{Fill, ProblemCode, Severity};
use super::reader::Reader;
use super::text::Line;
use super::writer::Writer;

/// The envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// 保険者番号.
    pub insurer_number: InsurerNumber,
    /// 保険者名.
    pub insurer_name: Option<Line>,
    /// 被保険者番号.
    pub insured_number: InsuredNumber,
    /// 事業所番号 of the institution; a wrong check digit is only warned about.
    pub institution_office_number: Option<Line>,
    /// 医療機関コード.
    pub medical_institution_code: Option<Line>,
    /// 特定疾病.
    pub specified_disease: Option<SpecifiedDisease>,
    /// 認定申請日: the statutory 30 days run from here.
    pub application_date: Option<Date>,
    /// 作成依頼日.
    pub request_date: Option<Date>,
    /// 送付日.
    pub sent_date: Option<Date>,
    /// 依頼番号.
    pub request_number: Line,
    /// 医師番号.
    pub doctor_number: Option<Line>,
    /// 種別.
    pub residence_kind: Option<ResidenceKind>,
}

impl Envelope {
    pub(super) fn read(r: &mut Reader<'_>) -> Option<Self> {
        let insurer_number = insurer_number(r);
        let insurer_name = r.line(Item::InsurerName);
        let insured_number = insured_number(r);
        let institution_office_number = office_number(r);
        let medical_institution_code = institution_code(r);
        let specified_disease = r.choice(Item::SpecifiedDisease);
        let application_date = r.date(Item::ApplicationDate);
        let request_date = r.date(Item::RequestDate);
        let sent_date = r.date(Item::SentDate);
        let request_number = r.line(Item::RequestNumber);
        let doctor_number = r.line(Item::DoctorNumber);
        let residence_kind = r.choice(Item::ResidenceKind);
        Some(Self {
            insurer_number: insurer_number?,
            insurer_name,
            insured_number: insured_number?,
            institution_office_number,
            medical_institution_code,
            specified_disease,
            application_date,
            request_date,
            sent_date,
            request_number: request_number?,
            doctor_number,
            residence_kind,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.put(Item::InsurerNumber, self.insurer_number.as_str());
        w.line(Item::InsurerName, self.insurer_name.as_ref());
        w.put(Item::InsuredNumber, self.insured_number.as_str());
        w.line(Item::InstitutionOfficeNumber, self.institution_office_number.as_ref());
        w.line(Item::MedicalInstitutionCode, self.medical_institution_code.as_ref());
        w.choice(Item::SpecifiedDisease, self.specified_disease);
        w.date(Item::ApplicationDate, self.application_date);
        w.date(Item::RequestDate, self.request_date);
        w.date(Item::SentDate, self.sent_date);
        w.line(Item::RequestNumber, Some(&self.request_number));
        w.line(Item::DoctorNumber, self.doctor_number.as_ref());
        w.choice(Item::ResidenceKind, self.residence_kind);
    }
}

fn insurer_number(r: &mut Reader<'_>) -> Option<InsurerNumber> {
    let item = Item::InsurerNumber;
    let text = r.line(item)?;
    match InsurerNumber::parse(text.as_str()) {
        Ok(number) => return Some(number),
        Err(InsurerNumberError::CheckDigit) => r.error(item, ProblemCode::CheckDigit),
        Err(InsurerNumberError::Shape) => {
            let fill = Fill::item(item).detail("半角数字6桁", "six digits");
            r.report(item, ProblemCode::TextFormat, Severity::Error, &fill);
        }
    }
    None
}

fn insured_number(r: &mut Reader<'_>) -> Option<InsuredNumber> {
    let item = Item::InsuredNumber;
    let text = r.line(item)?;
    let number = InsuredNumber::parse(text.as_str());
    let severity = match &number {
        Some(number) if number.is_usual() => return Some(number.clone()),
        Some(_) => Severity::Warning,
        None => Severity::Error,
    };
    let fill = Fill::item(item).detail("半角数字10桁、または H と数字9桁", "ten digits, or H and nine digits");
    r.report(item, ProblemCode::TextFormat, severity, &fill);
    number
}

fn office_number(r: &mut Reader<'_>) -> Option<Line> {
    let item = Item::InstitutionOfficeNumber;
    let text = r.line(item)?;
    match check_office_number(text.as_str()) {
        OfficeNumberCheck::Right => {}
        OfficeNumberCheck::CheckDigit => r.warn(item, ProblemCode::CheckDigit),
        OfficeNumberCheck::Shape => {
            let fill = Fill::item(item).detail("半角10桁", "ten digits or capital letters");
            r.report(item, ProblemCode::TextFormat, Severity::Warning, &fill);
        }
    }
    Some(text)
}

fn institution_code(r: &mut Reader<'_>) -> Option<Line> {
    let item = Item::MedicalInstitutionCode;
    let text = r.line(item)?;
    if text.as_str().len() != 10 || !text.as_str().bytes().all(|byte| byte.is_ascii_digit()) {
        let fill = Fill::item(item).detail("半角数字10桁", "ten digits");
        r.report(item, ProblemCode::TextFormat, Severity::Warning, &fill);
    }
    Some(text)
}
