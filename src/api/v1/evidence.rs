//! What a request says of a person and of who vouches for them.

use crate::api::members::{Members, Shape, Wiped};
use crate::model::identity::{DocumentKind, Witnessed, Witnesses};
use crate::model::numbers::{InsuredNumber, InsurerNumber};

pub(super) const PIN: Shape =
    Shape { ja: "pin には数字4桁の文字列が要ります。", en: "`pin` has to be a string of four digits." };
pub(super) const CONFIRM: Shape =
    Shape { ja: "confirm_low_tries は true か false です。", en: "`confirm_low_tries` is true or false." };
pub(super) const CONFIRM_LEFT: Shape =
    Shape { ja: "confirm_card_left は true か false です。", en: "`confirm_card_left` is true or false." };
const WITNESSES: Shape = Shape {
    ja: "witnesses には、確認した別々の職員2名の利用者ID（英数字と記号、64字まで）が要ります。",
    en: "`witnesses` has to hold the user ids (printable ASCII, up to 64 characters) of two different members of staff.",
};
const KIND: Shape = Shape {
    ja: "kind には care-insurance-card・health-insurance-certificate・drivers-licence・passport・residence-card・disability-handbook のどれかが要ります。",
    en: "`kind` has to be one of care-insurance-card, health-insurance-certificate, drivers-licence, passport, residence-card, disability-handbook.",
};
const INSURER: Shape = Shape {
    ja: "insurer_number には保険者番号（6桁）が要ります。書類で確かめてください。",
    en: "`insurer_number` has to be 保険者番号, six digits. Check it on the document.",
};
const INSURED: Shape = Shape {
    ja: "insured_number には被保険者番号（英数字1〜10字）が要ります。書類で確かめてください。",
    en: "`insured_number` has to be 被保険者番号, 1 to 10 letters or digits. Check it on the document.",
};

/// Two members of staff.
pub(super) fn witnesses(members: &mut Members) -> Option<Witnesses> {
    members.required("witnesses", &WITNESSES, |value| {
        let ids: Vec<_> = value.list()?.into_iter().map(Wiped::text).collect::<Option<_>>()?;
        match ids.as_slice() {
            [one, other] => Witnesses::parse(one, other),
            _ => None,
        }
    })
}

/// A document that two members of staff have looked at.
pub(super) fn document(members: &mut Members) -> Option<Witnessed> {
    let kind = members.required("kind", &KIND, |value| document_kind(&value.text()?));
    let insurer = members.required("insurer_number", &INSURER, |value| InsurerNumber::parse(&value.text()?).ok());
    let insured = members.required("insured_number", &INSURED, |value| InsuredNumber::parse(&value.text()?));
    let witnesses = witnesses(members);
    Some(Witnessed::document(kind?, &insurer?, &insured?, witnesses?))
}

fn document_kind(name: &str) -> Option<DocumentKind> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}
