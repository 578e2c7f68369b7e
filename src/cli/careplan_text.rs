//! What was found in care plan files, for people and for programs.

use std::fmt::Write as _;

use super::careplan::Looked;
use crate::model::careplan::lint::{Finding, Severity};

/// One JSON array of all findings.
pub(super) fn json(looked: &[Looked]) -> String {
    let findings: Vec<&Finding> = looked.iter().flat_map(|looked| looked.findings.list()).collect();
    // A finding is made of strings and numbers: it always has a JSON form.
    serde_json::to_string_pretty(&findings).unwrap_or_default()
}

/// Every finding with its place, its name and its sentences, and a line that sums up.
pub(super) fn readable(looked: &[Looked]) -> String {
    let mut text = String::new();
    for finding in looked.iter().flat_map(|looked| looked.findings.list()) {
        one(finding, &mut text);
    }
    let dropped: u64 = looked.iter().map(|looked| looked.findings.dropped()).sum();
    if dropped > 0 {
        let _ = writeln!(text, "ほかに{dropped}件（多すぎるため省略） / {dropped} more, left out\n");
    }
    text + &summary(looked)
}

fn one(finding: &Finding, text: &mut String) {
    let mut place = printable(&finding.file);
    for number in [finding.line, finding.column().map(|column| column as u64)].into_iter().flatten() {
        let _ = write!(place, ":{number}");
    }
    if let (Some(_), Some(last)) = (finding.column(), finding.through) {
        let _ = write!(place, "-{}", last.number);
    }
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{place}");
    let _ = write!(text, "  [{}]  {}", word(finding.severity()), finding.rule);
    if let Some(item) = finding.item {
        let _ = write!(text, "  {}. {} ({})", item.number, item.label, item.name);
    }
    if let Some(value) = &finding.shown {
        let _ = write!(text, "  値 / value: {}", printable(value));
    }
    let _ = writeln!(text, "\n  {}\n  {}\n", printable(&finding.ja()), printable(&finding.en()));
}

fn summary(looked: &[Looked]) -> String {
    let count = |wanted: Severity| {
        let all = looked.iter().flat_map(|looked| looked.findings.list());
        all.filter(|finding| finding.severity() == wanted).count()
    };
    let [refused, likely, advice] = [Severity::Refused, Severity::LikelyRefused, Severity::Advice].map(count);
    let files: usize = looked.iter().map(|looked| looked.files).sum();
    let passed_over: usize = looked.iter().map(|looked| looked.passed_over).sum();
    let mut text = format!(
        "調べたファイル {files}: 受け付けられない誤り {refused}、おそらく受け付けられない誤り {likely}、助言 {advice}。\n\
         Files {files}: refused {refused}, likely refused {likely}, advice {advice}.\n"
    );
    if passed_over > 0 {
        let _ = writeln!(
            text,
            "ほかのファイル{passed_over}個は調べていません。 / {passed_over} other files were not looked at."
        );
    }
    text.push_str(match (refused + likely, advice) {
        (0, 0) => "誤りは見つかりませんでした。 / No mistake was found.",
        (0, _) => "助言だけです。人が確かめてください。 / There is only advice. A person should look at it.",
        _ => "直してから送ってください。 / Correct them before sending.",
    });
    if looked.iter().any(|looked| looked.alone) {
        text.push_str(
            "\n1つのファイルだけを調べました。一緒に送るファイルがそろっているかは、フォルダーかZIPを指定すると調べます。\n\
             One file was looked at alone. To see whether what goes with it is complete, name the folder or the ZIP.",
        );
    }
    text
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Refused => "受け付けられません / refused",
        Severity::LikelyRefused => "おそらく受け付けられません / likely refused",
        Severity::Advice => "助言 / advice",
    }
}

/// Names come from files: none of their characters may steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{FFFD}' } else { character }).collect()
}
