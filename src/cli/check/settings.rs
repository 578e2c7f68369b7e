//! The settings themselves.

use super::{Check, Finding};
use crate::config::{ConfigProblem, Loaded};

const NAME: &str = "settings";

/// What may be meant otherwise; wrong settings come to [`wrong`].
pub(super) fn examine(loaded: &Loaded) -> Vec<Check> {
    if loaded.warnings.is_empty() {
        return vec![Check::ok(NAME, "設定に誤りはありません。", "The settings have no mistake.")];
    }
    loaded.warnings.iter().map(|problem| check(Finding::SettingsDoubtful, problem)).collect()
}

/// A check for each mistake.
pub(super) fn wrong(problems: &[ConfigProblem]) -> Vec<Check> {
    problems.iter().map(|problem| check(Finding::SettingsWrong, problem)).collect()
}

fn check(finding: Finding, problem: &ConfigProblem) -> Check {
    let ConfigProblem { place, key, ja, en } = problem;
    let key_shown = key.as_deref().map(|key| format!(" {key}")).unwrap_or_default();
    let (ja, en) = (format!("{place}:{key_shown}: {ja}"), format!("{place}:{key_shown}: {en}"));
    let check = Check::found_as(NAME, finding, &ja, &en);
    match key {
        Some(key) => check.about(key.clone()),
        None => check,
    }
}
