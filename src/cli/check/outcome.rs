//! What one check says.

use serde::{Serialize, Serializer};

use super::finding::{Finding, Verdict, Who};
use crate::fault::Code;

/// One named check of one thing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Check {
    /// Its name, for example `certificate`.
    pub name: &'static str,
    /// What exactly was looked at, where the name has several: a setting, a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The facility that it is of, if it is not the first one or the box.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facility: Option<String>,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found, when not ok; its number, as `docs/check.md` lists it.
    #[serde(serialize_with = "number")]
    pub finding: Option<Finding>,
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
    /// What to do next, in Japanese.
    pub next: Option<&'static str>,
    /// The same in English.
    pub next_en: Option<&'static str>,
}

impl Check {
    /// A check that came out well.
    #[must_use]
    pub fn ok(name: &'static str, ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { name, ja: ja.into(), en: en.into(), ..Self::default() }
    }

    /// What was found, with what exactly was met on this box (an address, a time, a path: no secret, no person data), or nothing.
    #[must_use]
    pub fn found(name: &'static str, finding: Finding, met: &str) -> Self {
        Self::found_as(name, finding, met, met)
    }

    /// The same where what was met is said in words.
    #[must_use]
    pub fn found_as(name: &'static str, finding: Finding, met_ja: &str, met_en: &str) -> Self {
        let ja = if met_ja.is_empty() { String::new() } else { format!("（{met_ja}）") };
        let en = if met_en.is_empty() { String::new() } else { format!(" ({met_en})") };
        Self {
            name,
            verdict: finding.verdict(),
            code: Some(finding.code()),
            who: Some(finding.who()),
            ja: format!("{}{ja}", finding.ja()),
            en: format!("{}{en}", finding.en()),
            finding: Some(finding),
            next: Some(finding.next_ja()),
            next_en: Some(finding.next_en()),
            ..Self::default()
        }
    }

    /// The same, of this object.
    #[must_use]
    pub fn about(self, object: impl Into<String>) -> Self {
        Self { object: Some(object.into()), ..self }
    }

    /// The same, of this facility.
    #[must_use]
    pub fn of(self, facility: impl Into<String>) -> Self {
        Self { facility: Some(facility.into()), ..self }
    }

    /// Whether nobody has to act.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.verdict == Verdict::Ok
    }
}

fn number<S: Serializer>(finding: &Option<Finding>, serializer: S) -> Result<S::Ok, S::Error> {
    finding.map(Finding::number).serialize(serializer)
}
