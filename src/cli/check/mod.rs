//! `engawa check`: every mistake in the settings, then what the settings name: certificate, secrets, state directory, clock,
//! card readers. Nothing is started, made or sent.

mod cards;
mod careplans;
mod certificate;
mod files;
mod finding;
mod lan;
mod left;
mod machine;
mod secret;

use std::path::Path;

use serde_json::json;

use super::arguments::CheckOrder;
use super::output::answer;
use super::{Exit, problems_text};
use crate::clock::Clock;
use crate::config::{self, Config, ConfigProblem, Loaded};
use crate::fault::Code;
pub use finding::{Finding, Verdict, Who};

/// One named check.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Check {
    /// Its name, for example `certificate`.
    pub name: &'static str,
    /// The facility that it is of, if it is not the first one or the box.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facility: Option<String>,
    /// How it came out.
    pub verdict: Verdict,
    /// The catalogue's code, when not ok.
    pub code: Option<Code>,
    /// Who has to act, when not ok.
    pub who: Option<Who>,
    /// What was found, in Japanese. No secret, no person data.
    #[serde(rename = "detail")]
    pub ja: String,
    /// The same in English.
    #[serde(rename = "detail_en")]
    pub en: String,
    /// The number of what was found, as `docs/check.md` lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<u16>,
    /// What to do next, in Japanese.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<&'static str>,
    /// The same in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_en: Option<&'static str>,
}

impl Check {
    /// A check that came out well.
    #[must_use]
    pub fn ok(name: &'static str, ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { name, ja: ja.into(), en: en.into(), ..Self::default() }
    }

    /// Something to look at, with what exactly was found.
    #[must_use]
    pub fn warn(name: &'static str, code: Code, ja: impl Into<String>, en: impl Into<String>) -> Self {
        let (code, who) = (Some(code), Some(Who::LanVendor));
        Self { name, verdict: Verdict::Warn, code, who, ja: ja.into(), en: en.into(), ..Self::default() }
    }

    /// A failure: the catalogue's sentence, with its object.
    #[must_use]
    pub fn fail(name: &'static str, code: Code, object: &str) -> Self {
        let (ja, en) = (format!("{}（{object}）", code.ja()), format!("{} ({object})", code.en()));
        Self { name, verdict: Verdict::Fail, code: Some(code), who: Some(Who::LanVendor), ja, en, ..Self::default() }
    }

    /// What was found, with what exactly was met on this box (an address, a time, a path: no secret, no person data).
    #[must_use]
    pub fn found(name: &'static str, finding: Finding, object: &str) -> Self {
        let (ja, en) = (format!("{}（{object}）", finding.ja()), format!("{} ({object})", finding.en()));
        Self {
            name,
            verdict: finding.verdict(),
            code: Some(finding.code()),
            who: Some(finding.who()),
            ja,
            en,
            finding: Some(finding.number()),
            next: Some(finding.next_ja()),
            next_en: Some(finding.next_en()),
            ..Self::default()
        }
    }
}

pub(super) fn run(path: &Path, &CheckOrder { json, .. }: &CheckOrder) -> Exit {
    match Config::load(path) {
        Ok(loaded) => report(&loaded, &examine(&loaded, &Clock::system()), json),
        Err(problems) => {
            answer(json, &json!({ "ok": false, "problems": problems }), || problems_text(&problems));
            Exit::Config
        }
    }
}

/// Every check that can be made without starting anything.
fn examine(loaded: &Loaded, clock: &Clock) -> Vec<Check> {
    let config = &loaded.config;
    let credentials = config::credentials_directory();
    let mut checks = certificate::examine(config, credentials.as_deref(), clock.now());
    checks.extend(files::examine(config, credentials.as_deref()));
    for config in loaded.further.iter().map(|further| &further.config) {
        let mut own = certificate::examine(config, credentials.as_deref(), clock.now());
        own.extend(files::of_facility(config, credentials.as_deref()));
        own.iter_mut().for_each(|check| check.facility = Some(config.facility.number.clone()));
        checks.extend(own);
    }
    checks.extend(left::examine(loaded));
    checks.extend(machine::examine(config, clock));
    checks.extend(lan::examine(config, clock));
    checks.push(careplans::examine(config));
    checks.extend(cards::examine(config));
    checks
}

/// What `check --json` says of sound settings, for a support bundle.
pub(super) fn whole(loaded: &Loaded, clock: &Clock) -> serde_json::Value {
    document(loaded, &examine(loaded, clock))
}

fn document(loaded: &Loaded, checks: &[Check]) -> serde_json::Value {
    let failed = checks.iter().any(|check| check.verdict == Verdict::Fail);
    json!({ "ok": !failed, "files": loaded.files, "warnings": loaded.warnings, "checks": checks })
}

fn report(loaded: &Loaded, checks: &[Check], json: bool) -> Exit {
    let failed = checks.iter().any(|check| check.verdict == Verdict::Fail);
    answer(json, &document(loaded, checks), || readable(&loaded.warnings, checks, failed));
    if failed { Exit::Failed } else { Exit::Ok }
}

fn readable(warnings: &[ConfigProblem], checks: &[Check], failed: bool) -> String {
    let mut text = String::from("ok    settings\n    設定に誤りはありません。\n    The settings have no mistake.\n");
    for warning in warnings {
        text.push_str(&format!("warn  settings  {warning}\n"));
    }
    for check in checks {
        let verdict = match check.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        let code = check.code.map(|code| format!("  {code}")).unwrap_or_default();
        let who = check.who.map(|who| format!("  → {} / {}", who.ja(), who.en())).unwrap_or_default();
        let of = check.facility.as_ref().map(|number| format!("{number}  ")).unwrap_or_default();
        text.push_str(&format!("{verdict}  {of}{}{code}{who}\n    {}\n    {}\n", check.name, check.ja, check.en));
    }
    text.push_str(match failed {
        true => "直すところがあります。 / Something has to be put right.\n",
        false => "動かせます。 / engawa can run.\n",
    });
    text
}
