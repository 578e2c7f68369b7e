//! The name of a file.

use std::sync::Arc;

use super::finding::{Finding, Findings};
use super::plan::Plan;
use super::rule::Rule;
use crate::model::careplan::codes::Scope;
use crate::model::careplan::layout::{Direction, FileKind};
use crate::model::careplan::{FileName, NameError, NamePart};
use crate::model::numbers::{OfficeNumberCheck, check_office_number};

/// Looks at a name; `None` when it cannot be told what the file is.
pub(super) fn check(file: &Arc<str>, plan: &Plan<'_>, findings: &mut Findings) -> Option<FileName> {
    let name = match FileName::parse(file) {
        Ok(name) => name,
        Err(error) => {
            findings.push(refused(file, error));
            return None;
        }
    };
    let mut say = |rule, detail: [&str; 2]| findings.push(Finding::new(rule, file).words(detail[0], detail[1]));
    if name.stray_month {
        say(Rule::NameStrayMonth, ["", ""]);
    } else if name.kind != FileKind::BaseImage && name.to_string() != **file {
        say(Rule::NameCase, [&name.to_string(); 2]);
    }
    for (party, office, kind) in
        [(&name.from, NamePart::FromOffice, NamePart::FromKind), (&name.to, NamePart::ToOffice, NamePart::ToKind)]
    {
        if check_office_number(&party.office) != OfficeNumberCheck::Right {
            say(Rule::NameCheckDigit, office.words());
        }
        let scope = plan.settings.codes.scope(party.service_kind.as_bytes());
        match scope {
            None => say(Rule::NameKindUnknown, [&party.service_kind; 2]),
            Some(Scope::Out) => say(Rule::NameKindOutOfScope, [&party.service_kind; 2]),
            Some(Scope::In) if planner_side(&name) == kind => say(Rule::NameSides, kind.words()),
            Some(_) => {}
        }
    }
    if name.from.office == name.to.office {
        say(Rule::NameSameOffice, ["", ""]);
    }
    Some(name)
}

/// The end where care management stands.
fn planner_side(name: &FileName) -> NamePart {
    match name.kind.layout().direction {
        Direction::Plan => NamePart::FromKind,
        Direction::Result => NamePart::ToKind,
    }
}

fn refused(file: &Arc<str>, error: NameError) -> Finding {
    match error {
        NameError::Prefix => Finding::new(Rule::NameUnknown, file),
        NameError::TooMany => Finding::new(Rule::NameTooMany, file),
        NameError::Edition3 => Finding::new(Rule::NameEdition3, file),
        NameError::Part(part) => {
            let [ja, en] = part.words();
            Finding::new(Rule::NamePart, file).words(ja, en)
        }
    }
}

/// The kind of a file whose name is wrong but begins as one of the standard: its content can be looked at all the same.
pub(super) fn likely_kind(file: &str) -> Option<FileKind> {
    let upper = file.to_ascii_uppercase();
    let fits = |kind: &&FileKind| {
        upper.strip_prefix(kind.prefix()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '.']))
    };
    FileKind::ALL.iter().filter(fits).max_by_key(|kind| kind.prefix().len()).copied()
}
