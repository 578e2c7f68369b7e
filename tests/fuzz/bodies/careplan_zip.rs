//! A ZIP: whatever it says of itself, no more is taken out of it than may be, and no name leads anywhere.

use std::io::Cursor;
use std::sync::LazyLock;

use engawa::model::careplan::lint::{Rule, Settings, ZipLimits, lint_zip};

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| Settings { max_findings: 50, ..Settings::default() });

pub fn run(bytes: &[u8]) {
    let limits = ZipLimits { entries: 20, total: 2 << 20, ratio: 100 };
    let findings = lint_zip("fuzz.zip", Cursor::new(bytes), &SETTINGS, limits).unwrap();
    assert!(findings.list().len() <= 50 * 10 + 50);
    for finding in findings.list() {
        let harmless = |character: char| !character.is_control() && !matches!(character, '/' | '\\');
        assert!(finding.file.chars().all(harmless) && finding.file.chars().count() <= 255, "{:?}", finding.file);
        assert!(!finding.ja().contains('{') && !finding.en().contains('{'), "{} is not filled in", finding.rule);
    }
    let told = |rule: Rule| findings.list().iter().any(|finding| finding.rule == rule);
    assert!(!told(Rule::ZipUnreadable) || findings.is_refused());
}
