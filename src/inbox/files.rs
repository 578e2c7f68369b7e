//! What a unit is, and the CSV files it becomes.

use zeroize::Zeroizing;

use super::view::{About, Files, Replaced};
use crate::model::careplan::unit::{Reading, Unit};

/// What a unit is; `None`: it is none of the standard.
pub(super) fn about(json: &[u8]) -> Option<About> {
    let mut unit = Unit::parse(json, Reading::Received).ok()?;
    let replaced = unit.fit_for_csv();
    let files = unit.files().ok()?;
    Some(About {
        unit: unit.kind().id.to_owned(),
        stamp: unit.stamp().to_owned(),
        month: unit.month().map(|month| month.to_string()),
        from_service_kind: unit.from().service_kind.clone(),
        to_service_kind: unit.to().service_kind.clone(),
        delete: unit.is_delete(),
        files: files.into_iter().map(named).collect(),
        replaced: u32::try_from(replaced.len()).unwrap_or(u32::MAX),
    })
}

/// The name; the content is wiped.
fn named((name, content): (String, Vec<u8>)) -> String {
    drop(Zeroizing::new(content));
    name
}

/// The CSV files of a unit; `None`: it is none of the standard.
pub(super) fn files(json: &[u8]) -> Option<Files> {
    let mut unit = Unit::parse(json, Reading::Received).ok()?;
    let replaced = unit.fit_for_csv().into_iter().map(|made| Replaced {
        pointer: made.pointer,
        character: made.original,
        replacement: made.replacement,
    });
    let replaced = replaced.collect();
    let files = unit.files().ok()?.into_iter().map(|(name, content)| (name, Zeroizing::new(content))).collect();
    Some(Files { files, replaced })
}
