//! What is said of files: in the result beside them, in Japanese and English, without person data.

use serde::{Deserialize, Serialize};

use crate::model::careplan::lint::{Finding, Severity};
use crate::model::careplan::unit::Problem;

/// One thing said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remark {
    pub(super) code: String,
    /// As the linter names it.
    severity: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) item_label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    character: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    candidates: Vec<String>,
    #[serde(rename = "detail")]
    pub(super) ja: String,
    #[serde(rename = "detail_en")]
    pub(super) en: String,
}

impl Remark {
    /// What stands in the way of a file, or of all of them.
    pub(super) fn refusal(code: &str, file: Option<&str>, ja: &str, en: &str) -> Self {
        Self {
            code: code.to_owned(),
            severity: Severity::Refused.name().to_owned(),
            file: file.map(str::to_owned),
            line: None,
            column: None,
            item_label: None,
            pointer: None,
            character: None,
            candidates: Vec::new(),
            ja: ja.to_owned(),
            en: en.to_owned(),
        }
    }

    pub(super) fn is_refusal(&self) -> bool {
        self.severity == Severity::Refused.name()
    }

    /// How much it matters, least first.
    pub(super) fn rank(&self) -> u8 {
        match self.severity.as_str() {
            "refused" => 0,
            "likely_refused" => 1,
            _ => 2,
        }
    }
}

impl From<&Finding> for Remark {
    fn from(finding: &Finding) -> Self {
        Self {
            severity: finding.severity().name().to_owned(),
            line: finding.line,
            column: finding.column(),
            item_label: finding.item.map(|item| item.label.to_owned()),
            ..Self::refusal(finding.rule.name(), Some(&finding.file), &finding.ja(), &finding.en())
        }
    }
}

impl From<&Problem> for Remark {
    fn from(problem: &Problem) -> Self {
        Self {
            pointer: Some(problem.pointer.clone()),
            character: problem.character.clone(),
            candidates: problem.candidates.clone(),
            ..Self::refusal(problem.code.name(), None, &problem.ja(), &problem.en())
        }
    }
}
