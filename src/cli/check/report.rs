//! All checks together: for people, for programs, and as six digits for the telephone.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Check, Digits, Finding, Verdict, examine, settings};
use crate::cli::Exit;
use crate::clock::Clock;
use crate::config::{ConfigProblem, Loaded};

/// What a check of the box came to.
pub(crate) struct Report {
    /// In order: the first that is not ok is the cause.
    pub(crate) checks: Vec<Check>,
    files: Vec<PathBuf>,
    warnings: Vec<ConfigProblem>,
    problems: Vec<ConfigProblem>,
}

impl Report {
    /// Looks at everything, or, when `offline`, at what can be seen without the network.
    pub(crate) fn of(loaded: &Loaded, offline: bool) -> Self {
        Self::looked(loaded, offline, true)
    }

    /// The same; with `log_in` unset it does not log in at the hub where no service does.
    pub(super) fn looked(loaded: &Loaded, offline: bool, log_in: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        // Without one nothing can be asked of anybody; that happens to a machine that is out of memory or descriptors.
        let checks = runtime.map_or_else(
            |error| vec![Check::found("service", Finding::ServiceDeaf, &error.to_string())],
            |runtime| examine(loaded, (offline, log_in), &Clock::system(), &runtime),
        );
        let (files, warnings) = (loaded.files.clone(), loaded.warnings.clone());
        Self { checks, files, warnings, problems: Vec::new() }
    }

    /// With wrong settings nothing else can be looked at.
    pub(crate) fn of_wrong_settings(problems: Vec<ConfigProblem>) -> Self {
        Self { checks: settings::wrong(&problems), files: Vec::new(), warnings: Vec::new(), problems }
    }

    /// The gravest verdict.
    pub(crate) fn verdict(&self) -> Verdict {
        self.checks.iter().map(|check| check.verdict).max().unwrap_or_default()
    }

    /// What can be read out over the telephone.
    pub(crate) fn digits(&self) -> Digits {
        Digits::of(&self.checks)
    }

    /// How `engawa check` ends.
    pub(crate) fn exit(&self) -> Exit {
        match self.verdict() {
            _ if !self.problems.is_empty() => Exit::Config,
            Verdict::Fail => Exit::Failed,
            Verdict::Ok | Verdict::Warn => Exit::Ok,
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let verdict = self.verdict();
        let mut whole = json!({
            "ok": verdict != Verdict::Fail, "verdict": verdict, "code": self.digits().to_string(), "files": self.files,
            "warnings": self.warnings, "checks": self.checks,
        });
        if let (false, Some(members)) = (self.problems.is_empty(), whole.as_object_mut()) {
            members.insert("problems".to_owned(), json!(self.problems));
        }
        whole
    }

    /// For people: a line for what is well, a paragraph for what is not, and what to say on the telephone.
    pub(crate) fn readable(&self) -> String {
        let colours = std::io::stdout().is_terminal();
        let mut text = String::new();
        for check in &self.checks {
            text.push_str(&paragraph(check, colours));
        }
        text.push('\n');
        text.push_str(&self.conclusion());
        text
    }

    fn conclusion(&self) -> String {
        let digits = self.digits();
        let Some(first) = digits.first else {
            return format!("動いています。番号 {0} / All is well. Number {0}\n", digits.spoken());
        };
        let (ja, en) = match self.verdict() {
            Verdict::Fail => ("直すところがあります。", "Something has to be put right."),
            _ => ("動きますが、見てほしいところがあります。", "engawa works, and somebody should look at something."),
        };
        let who = first.who();
        format!(
            "{ja} / {en}\n電話では: 「engawaの番号は {0} です。{1}にお願いすることです。」\nOn the telephone: \"The number of engawa is {0}. It is for the {2}.\"\n",
            digits.spoken(),
            who.ja(),
            who.en()
        )
    }
}

/// The word for a verdict, as wide as the others.
pub(super) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok  ",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
    }
}

fn paragraph(check: &Check, colours: bool) -> String {
    let Check { name, object, facility, verdict, code, who, ja, en, next, next_en, .. } = check;
    let word = match (verdict, colours) {
        (Verdict::Warn, true) => "\u{1b}[33mwarn\u{1b}[0m",
        (Verdict::Fail, true) => "\u{1b}[31;1mFAIL\u{1b}[0m",
        _ => word(*verdict),
    };
    let of: Vec<&str> = [facility.as_deref(), object.as_deref()].into_iter().flatten().collect();
    let of = if of.is_empty() { String::new() } else { format!("  {}", of.join("  ")) };
    // Writing to a String cannot fail.
    let mut text = String::new();
    if check.is_ok() {
        let _ = writeln!(text, "{word}  {name}{of}  {ja} / {en}");
        return text;
    }
    let code = code.map(|code| format!("  {code}")).unwrap_or_default();
    let _ = writeln!(text, "{word}  {name}{of}{code}\n      {ja}\n      {en}");
    if let (Some(who), Some(next), Some(next_en)) = (who, next, next_en) {
        let _ = writeln!(text, "    → {} / {}\n      {next}\n      {next_en}", who.ja(), who.en());
    }
    text
}
