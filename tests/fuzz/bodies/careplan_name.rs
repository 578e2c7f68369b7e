//! A file name: what is read is written as the standard does, and reads the same again.

use std::sync::LazyLock;

use engawa::model::careplan::FileName;
use engawa::model::careplan::lint::{Settings, lint_file};

static SETTINGS: LazyLock<Settings> = LazyLock::new(Settings::default);

pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let findings = lint_file(&text, &b""[..], &SETTINGS).unwrap();
    let Ok(name) = FileName::parse(&text) else {
        assert!(findings.is_refused(), "a name that is none is not refused");
        return;
    };
    let written = name.to_string();
    let again = FileName::parse(&written).unwrap();
    assert_eq!(FileName { stray_month: false, ..name }, again);
    assert_eq!(again.to_string(), written);
    assert!(written.is_ascii() && written.len() < 100);
}
