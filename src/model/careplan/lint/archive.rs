//! A ZIP of files that belong together: every entry runs through the linter as it is inflated.

use std::io::{Read, Result, Seek};
use std::sync::Arc;

use super::file::Facts;
use super::finding::Findings;
use super::rule::Severity;
use super::{SetLinter, Settings};
use crate::model::careplan::archive::{Objection, Visitor, ZipLimits, walk};

/// Looks at the files of a ZIP one by one, and then across them. `name` is the archive's bare name.
///
/// # Errors
/// What the source reports; the content never is an error.
pub fn lint_zip(name: &str, source: impl Read + Seek, settings: &Settings, limits: ZipLimits) -> Result<Findings> {
    let mut linter = SetLinter::new(settings);
    let archive: Arc<str> = name.into();
    linter.facts.push(Facts::new(&archive));
    let mut intake = Intake { archive, linter };
    walk(source, limits, &mut intake)?;
    Ok(intake.linter.finish())
}

struct Intake<'a> {
    archive: Arc<str>,
    linter: SetLinter<'a>,
}

impl Visitor for Intake<'_> {
    fn file(&mut self, name: &Arc<str>, content: impl Read) -> Result<()> {
        self.linter.add(name, content)
    }

    fn object(&mut self, objection: Objection) {
        self.linter.whole &= objection.rule.severity() != Severity::Refused;
        self.linter.findings.push(objection.finding(&self.archive));
    }
}
