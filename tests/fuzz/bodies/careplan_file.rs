//! A care plan file: the linter has a sentence for whatever it holds, finds the same however the bytes arrive, and what it takes
//! is written back byte for byte.

use std::io::Read;
use std::sync::LazyLock;

use engawa::model::careplan::lint::{Findings, Settings, Severity, lint_file};
use engawa::model::careplan::{FileKind, Rows};

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| Settings { max_record: 4096, ..Settings::default() });

/// The first byte chooses the kind, the second how many bytes come at a time.
pub fn run(bytes: &[u8]) {
    let [kind, step, content @ ..] = bytes else { return };
    let kind = FileKind::ALL[usize::from(*kind) % FileKind::ALL.len()];
    let settings = &*SETTINGS;
    let name = name(kind);
    let findings = lint_file(&name, content, settings).unwrap();
    for finding in findings.list() {
        assert!(!finding.ja().contains('{') && !finding.en().contains('{'), "{} is not filled in", finding.rule);
        assert!(finding.line.is_none_or(|line| line > 0));
    }
    let slowly = Slowly { rest: content, step: usize::from(*step).max(1) };
    let again = lint_file(&name, slowly, settings).unwrap();
    assert_eq!(told(&findings), told(&again), "what is found depends on how the bytes arrive");
    if findings.worst().is_none_or(|worst| worst == Severity::Advice) && kind != FileKind::BaseImage {
        let mut out = Vec::new();
        Rows::new(kind, content).for_each(|row| row.unwrap().write(&mut out).unwrap());
        assert_eq!(out, content, "it does not come back byte for byte");
    }
}

fn told(findings: &Findings) -> Vec<String> {
    findings
        .list()
        .iter()
        .map(|found| format!("{} {:?} {:?} {:?}", found.rule, found.line, found.column(), found.shown))
        .collect()
}

fn name(kind: FileKind) -> String {
    let month = if kind.layout().month == engawa::model::careplan::layout::MonthRule::None { "" } else { "_202605" };
    let end = if kind == FileKind::BaseImage { "_0001.jpg" } else { ".CSV" };
    format!("{kind}{month}_9970000015_43_9970000023_11_20260520101010{end}")
}

struct Slowly<'a> {
    rest: &'a [u8],
    step: usize,
}

impl Read for Slowly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.step.min(buffer.len()).min(self.rest.len());
        let (front, rest) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(front);
        self.rest = rest;
        Ok(length)
    }
}
