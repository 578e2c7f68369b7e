//! 主治医意見書, the attending doctor's opinion: the whole form as types.
//!
//! [`parse`] turns what a sender wrote into an [`Opinion`] or into every problem at once; nothing else makes an `Opinion`,
//! so whoever holds one holds a form that can be filed. The item and choice tables (`items.tsv`, `choices.tsv`) carry
//! names, labels, lengths and obligations; the structs of the sections carry the meaning. No text is ever changed, except
//! by a [`Substitution`] the sender stated.

mod body;
mod choice;
mod dates;
mod disease;
mod document;
mod envelope;
mod header;
mod item;
mod life;
mod media;
mod mind;
mod problem;
mod reader;
mod rules;
mod signature;
mod substitution;
mod table;
mod text;
mod text_check;
mod writer;

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};
use serde_json::{Map, Value};

pub use body::{Ataxia, Body, Finding, Paralysis, SiteAndDegree};
pub use choice::*;
pub use dates::{PartialDate, age_on};
pub use disease::{Diagnosis, Disease, SpecialCare, Stability};
pub use document::markdown;
pub use envelope::Envelope;
pub use header::{Applicant, Form, Header, Institution, OtherDepartments};
pub use item::Item;
pub use life::{Cautions, Infection, Life, MedicalManagement, NoneOr, Risks};
pub use media::MediaType;
pub use mind::{Bpsd, Mind, PsychNeuro, Specialist};
pub use problem::{Level, Problem, ProblemCode, Severity};
pub use signature::is_signed_data;
pub use substitution::Substitution;
pub use table::{ChoiceRow, Kind, Obligation, Row, choices, items};
pub use text::{Line, Lines, Tenths};

use problem::Fill;
use reader::Reader;
use writer::Writer;

/// 主治医意見書, complete and consistent. Made by [`parse`] only; the parts can be read, not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    form: Form,
    envelope: Envelope,
    header: Header,
    disease: Disease,
    special_care: SpecialCare,
    mind: Mind,
    body: Body,
    life: Life,
}

/// An opinion that was accepted, with what a person should look at and what the sender replaced.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The opinion as it goes to the hub.
    pub opinion: Opinion,
    /// Problems that do not stop it, in form order.
    pub warnings: Vec<Problem>,
    /// The substitutions made, as stated.
    pub substitutions: Vec<Substitution>,
    /// The texts as the sender wrote them, by item name: those that a substitution changed, for the record.
    pub originals: Map<String, Value>,
}

/// Reads an opinion: a JSON object of item names and values, absent or null = not stated. `today` is the date in Japan.
///
/// # Errors
/// Every problem in form order, warnings among them, when at least one is an error.
pub fn parse(values: &Value, substitutions: &[Substitution], today: Date) -> Result<Parsed, Vec<Problem>> {
    let Some(object) = values.as_object() else {
        let fill = Fill::default().detail("項目名と値のオブジェクト", "an object of item names and values");
        return Err(vec![not_an_object(&fill)]);
    };
    let mut reader = Reader::new(object);
    rules::obligations(&mut reader);
    let originals = substitution::apply(&mut reader, substitutions);
    let opinion = Opinion::read(&mut reader);
    rules::across(&mut reader, today);
    let problems = reader.into_problems();
    match opinion {
        Some(opinion) if !problems.iter().any(Problem::is_error) => {
            Ok(Parsed { opinion, warnings: problems, substitutions: substitutions.to_vec(), originals })
        }
        _ => Err(problems),
    }
}

fn not_an_object(fill: &Fill) -> Problem {
    let mut problem = Problem::new(String::new(), ProblemCode::ItemType, Severity::Error, fill);
    problem.ja = problem.ja.replace("{item}", "主治医意見書");
    problem.en = problem.en.replace("{item}", "opinion");
    problem
}

/// The statutory time for an opinion and the decision that waits for it, 介護保険法 第27条: 30 days.
fn statutory() -> Span {
    30.days()
}

impl Opinion {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        // Every section is read before any is missed: that is how all problems are found at once.
        let (form, envelope, header) = (Form::read(r), Envelope::read(r), Header::read(r));
        let (disease, special_care) = (Disease::read(r), SpecialCare::read(r));
        let (mind, body, life) = (Mind::read(r), Body::read(r), Life::read(r));
        Some(Self {
            form: form?,
            envelope: envelope?,
            header: header?,
            disease: disease?,
            special_care,
            mind: mind?,
            body,
            life: life?,
        })
    }

    /// 保険者番号, six digits.
    #[must_use]
    pub fn insurer_number(&self) -> &str {
        self.envelope.insurer_number.as_str()
    }

    /// 被保険者番号.
    #[must_use]
    pub fn insured_number(&self) -> &str {
        self.envelope.insured_number.as_str()
    }

    /// 依頼番号.
    #[must_use]
    pub fn request_number(&self) -> &str {
        self.envelope.request_number.as_str()
    }

    /// The form version's code on the wire: `until_2026_03` or `from_2026_04`.
    #[must_use]
    pub fn form_version(&self) -> &'static str {
        self.form.version().code()
    }

    /// The day by which the opinion is due: 30 days after the application; where that day is not stated, after the
    /// request, else after the entry. `None` only at the end of the calendar.
    #[must_use]
    pub fn due_date(&self) -> Option<Date> {
        let from = self.envelope.application_date.or(self.envelope.request_date).unwrap_or(self.header.entry_date);
        from.checked_add(statutory()).ok()
    }

    /// Every stated item under its name, in form order, with the age computed: what goes to the hub as `opinion`. Equal
    /// opinions give equal values, and [`parse`] reads them back to an equal opinion.
    #[must_use]
    pub fn to_values(&self) -> Map<String, Value> {
        let mut writer = Writer::new();
        self.form.write(&mut writer);
        self.envelope.write(&mut writer);
        self.header.write(&mut writer);
        self.disease.write(&mut writer);
        self.special_care.write(&mut writer);
        self.mind.write(&mut writer);
        self.body.write(&mut writer);
        self.life.write(&mut writer);
        writer.into_values()
    }

    /// The form version, with the consent of the older form.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// What travels with the form.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The head of the form.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Section 1.
    #[must_use]
    pub const fn disease(&self) -> &Disease {
        &self.disease
    }

    /// Section 2.
    #[must_use]
    pub const fn special_care(&self) -> &SpecialCare {
        &self.special_care
    }

    /// Section 3 (1) to (4).
    #[must_use]
    pub const fn mind(&self) -> &Mind {
        &self.mind
    }

    /// Section 3 (5).
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// Sections 4 and 5.
    #[must_use]
    pub const fn life(&self) -> &Life {
        &self.life
    }
}
