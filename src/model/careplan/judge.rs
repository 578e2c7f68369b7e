//! Files as they are handed in: what is wrong with them, and the units they are.

use super::lint::{Findings, Settings, Severity, lint_set};
use super::unit::{File, Grouping, Problem, Refused, Submission, group};
use crate::model::characters::Repertoire;

/// What was made of files.
pub struct Judged {
    /// What the linter found, in the order of the files and their lines.
    pub findings: Findings,
    /// The units, in the order in which they must be sent.
    pub submissions: Vec<Submission>,
    /// Files that are no unit.
    pub refused: Vec<Refused>,
}

impl Judged {
    /// True when all of it can be sent: nothing is refused, and every file is part of a unit. What is merely likely to be refused is
    /// the hub's to decide.
    #[must_use]
    pub fn acceptable(&self) -> bool {
        self.refused.is_empty() && self.findings.worst() != Some(Severity::Refused)
    }

    /// Characters that the hub cannot hold, of the unit at this place; [`Unit::substitute`](super::unit::Unit::substitute) them
    /// before it is sent.
    #[must_use]
    pub fn unsupported(&self, submission: usize, unit: usize) -> Vec<Problem> {
        let unit = self.submissions.get(submission).and_then(|submission| submission.units.get(unit));
        unit.map(|unit| unit.unsupported(Repertoire::JisX0213)).unwrap_or_default()
    }
}

/// Judges files that are handed in together, given as bare name and content.
///
/// # Errors
/// What reading reports; of bytes in memory, nothing.
pub fn judge(files: &[File<'_>], settings: &Settings) -> std::io::Result<Judged> {
    let findings = lint_set(files.iter().map(|file| (file.name, file.bytes)), settings)?;
    let Grouping { submissions, refused } = group(files);
    Ok(Judged { findings, submissions, refused })
}
