//! docs/careplan-rules.md, written from the rule table.

use super::rule::{Rule, Scope, Severity};

const INTRODUCTION: &str = "\
# What the care plan linter finds

Generated from `src/model/careplan/lint/rule/table.rs`; a test compares it. Names are stable: none is ever renamed or reused.

Severity: **refused** (the text of the standard is broken: the exchange or the receiver refuses the file), *likely refused* (no \
text says so, but known receivers refuse or misread it), advice (it is taken; a person should look at it). What the printed layouts \
leave in doubt is never the cause of a refusal.

A finding has `code`, `severity`, `file`, `line`, `column` (the item's number), `column_to` (where a value is \
missing or too many and it cannot be told which one from `column` to here), `item`, `item_label`, `value`, `detail` (Japanese), \
`detail_en` and `source`. `value` is there only for items that say nothing about a person. Braces are filled in.

Sources: **MT** the main text of ケアプランデータ連携標準仕様 (2024-10) with its section; **LD** the layout document of the same edition \
with its sheet; **V1156** 介護保険最新情報 vol.1156; **FAQ** the help desk's site; **IMPL** what public programs do, no authority; \
**inference** drawn by us, no document says it.
";

/// The page: every rule with its severity, source, sentences and readings.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    let scopes = [
        (Scope::Name, "File names"),
        (Scope::File, "Files: encoding, lines, quotes, columns"),
        (Scope::Text, "Characters"),
        (Scope::Item, "Single values"),
        (Scope::Record, "Values of one record"),
        (Scope::Table, "Records of one file"),
        (Scope::Set, "Files together"),
        (Scope::Archive, "ZIP archives"),
    ];
    for (scope, title) in scopes {
        page.push_str(&format!(
            "\n## {title}\n\n| code | severity | 日本語 | English | source | readings |\n|---|---|---|---|---|---|\n"
        ));
        for rule in Rule::ALL.iter().filter(|rule| rule.scope() == scope) {
            let severity = match rule.severity() {
                Severity::Refused => "**refused**",
                Severity::LikelyRefused => "*likely refused*",
                Severity::Advice => "advice",
            };
            page.push_str(&format!(
                "| `{rule}` | {severity} | {} | {} | {} | {} |\n",
                rule.ja(),
                rule.en(),
                rule.source(),
                rule.reading()
            ));
        }
    }
    page
}
