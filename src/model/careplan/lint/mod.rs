//! The linter: what is wrong with a file of the standard, exactly, and where that is said.
//!
//! [`lint_file`] reads one file to its end and holds one record of it, plus a few bytes for every user. [`lint_set`] does
//! so for files that belong together, and then looks across them; [`lint_zip`] takes them out of an archive. Every finding belongs to a [`Rule`] of the table in
//! `rule/table.rs`, from which `docs/careplan-rules.md` is generated; where readings of the standard differ, the rule says so, and
//! both are taken or a setting of [`Settings`] chooses.
//!
//! **Invariants.** No content of a file makes it panic or grow. A finding never holds a value of an item about a person.
//! A property that the layouts mark as doubtful is never the cause of a refusal.

mod align;
mod annex;
mod archive;
mod digest;
mod document;
mod file;
mod finding;
mod item;
mod name;
mod plan;
mod record;
mod repeated;
mod rule;
mod set;
mod supplement;
mod table;
mod text;
mod unit;

use std::io::Read;

pub use super::archive::{ZipLimits, base_name};
pub use archive::lint_zip;
pub use document::markdown;
pub use finding::{DEFAULT_MAX_FINDINGS, Finding, Findings};
pub use rule::{Rule, Scope, Severity};

use super::codes::CodeTables;
use super::reader::DEFAULT_LIMIT;
use plan::Plan;

/// Of a set of files, as many findings are kept as of this many files.
const FILES_OF_FINDINGS: usize = 10;

/// How a length of a unit that the standard leaves open is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LengthReading {
    /// A value that fits either way is taken; one that fits one way only is advice.
    #[default]
    Either,
    /// Bytes of CP932.
    Bytes,
    /// Characters.
    Characters,
}

/// What is thought of half-width katakana.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KanaReading {
    /// They are advice.
    #[default]
    Warn,
    /// They are not mentioned.
    Allow,
}

/// How strictly a file is read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The code tables, the accepted CSVバージョン among them.
    pub codes: CodeTables,
    /// How open lengths are counted.
    pub lengths: LengthReading,
    /// What is thought of half-width katakana.
    pub half_kana: KanaReading,
    /// The longest record, in bytes.
    pub max_record: usize,
    /// How many findings of one file are kept.
    pub max_findings: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            codes: CodeTables::built_in().clone(),
            lengths: LengthReading::default(),
            half_kana: KanaReading::default(),
            max_record: DEFAULT_LIMIT,
            max_findings: DEFAULT_MAX_FINDINGS,
        }
    }
}

/// Looks at one file. `name` is its bare name, without a path: it says what the file is.
///
/// # Errors
/// What the source reports; the content never is an error.
pub fn lint_file(name: &str, source: impl Read, settings: &Settings) -> std::io::Result<Findings> {
    file::lint(name, source, &Plan::new(settings)).map(|(findings, _)| findings)
}

/// Looks at files that may belong together, one after the other, and then across them.
pub struct SetLinter<'a> {
    plan: Plan<'a>,
    findings: Findings,
    facts: Vec<file::Facts>,
    /// False when a file could not be read: then nothing is said across the files.
    whole: bool,
}

impl<'a> SetLinter<'a> {
    /// A linter without files.
    #[must_use]
    pub fn new(settings: &'a Settings) -> Self {
        let findings = Findings::new(settings.max_findings.saturating_mul(FILES_OF_FINDINGS));
        Self { plan: Plan::new(settings), findings, facts: Vec::new(), whole: true }
    }

    /// Reads one more file to its end. `name` is its bare name, without a path.
    ///
    /// # Errors
    /// What the source reports.
    pub fn add(&mut self, name: &str, source: impl Read) -> std::io::Result<()> {
        let (findings, facts) = file::lint(name, source, &self.plan)?;
        self.findings.append(findings);
        self.facts.push(facts);
        Ok(())
    }

    /// Looks across the files and gives everything that was found, in the order of the files and their lines.
    #[must_use]
    pub fn finish(self) -> Findings {
        let Self { plan, mut findings, facts, whole } = self;
        if whole {
            findings.append(set::lint(&facts, &plan));
        }
        findings.sort(|file| facts.iter().position(|facts| &*facts.file == file).unwrap_or(usize::MAX));
        findings
    }
}

/// Looks at files that may belong together, given as bare name and content. One file of a send unit alone is reported as
/// incomplete: for a single file there is [`lint_file`].
///
/// # Errors
/// What a source reports.
pub fn lint_set<'n, R: Read>(
    files: impl IntoIterator<Item = (&'n str, R)>,
    settings: &Settings,
) -> std::io::Result<Findings> {
    let mut linter = SetLinter::new(settings);
    for (name, source) in files {
        linter.add(name, source)?;
    }
    Ok(linter.finish())
}
