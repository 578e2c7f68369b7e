//! docs/opinion.md, written from the tables.

use std::fmt::Write as _;

use super::choice::FormVersion;
use super::item::Item;
use super::problem::{Level, ProblemCode};
use super::table::{Kind, Obligation, Row, choices};

const INTRODUCTION: &str = "\
# The opinion (主治医意見書)

Generated from `src/model/opinion/`; a test compares it. For people who write sending software.

`opinion` is a JSON object: item name → value. An item that is absent or `null` is not stated. There is no order; engawa \
passes the stated items on in the order below. A blank text is refused: leave the item out.

How values are written:

| type | JSON |
|---|---|
| text | string of one line, no control characters; length counts characters, full or half width alike |
| lines | the same with line breaks (`\\n`; `\\r\\n` becomes `\\n`) |
| choice | string: one code of the list |
| choices | array of codes of the list, none twice; the order does not matter |
| flag | `true` or `false` |
| date | string `YYYY-MM-DD`, Gregorian |
| rough date | object, see below |
| whole | whole number |
| tenths | number with one decimal |

A rough date is `{\"precision\": \"year\", \"year\": 2015, \"approximate\": true}`: `precision` is `year`, `month`, `day` or \
`unknown` (不詳), with exactly the `year`, `month` and `day` it calls for. `approximate` says whether 頃 is printed behind \
it; absent means no.

Obligations: **required** (missing is an error), *expected* (missing is a warning), *dependent* (on another item, see its \
rule), optional, *absent* (not on that form: stating it is an error). Where both form versions agree, one word stands for both.

Lengths: no official limit is known. A text beyond its usual length, which is what clinic software and municipal systems \
hold, is a warning; beyond the longest, in brackets, it is an error. Notes say how the guidance wants an item understood; \
they are not checked.

An electronic signature is not an item: it is sent beside the opinion.

## Characters

The hub takes JIS X 0213. A character outside it, such as 髙 (U+9AD9) or 𠮷 (U+20BB7), half-width katakana or a variation \
selector, is refused with `CHARACTER_UNSUPPORTED`, which names the `character` and `candidates`. The sender chooses and states \
it beside the opinion: `\"substitutions\": [{\"pointer\": \"/applicant_name\", \"original\": \"髙\", \"replacement\": \"高\"}]`. Every \
occurrence in that item is replaced, the text as written stays on record, and nothing is ever replaced otherwise. \
`original` is exactly what `character` named. A substitution that is not needed is an error.
";

/// The page: items, choices and problem codes.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    items(&mut page);
    lists(&mut page);
    codes(&mut page);
    page
}

// Writing to a String cannot fail, so the results below are dropped.

fn items(page: &mut String) {
    page.push_str(
        "\n## Items\n\n| item | 項目 | place | type | choices | usual (longest) | obligation | rule | note |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in Item::ALL.iter().map(|item| item.row()) {
        let list = if row.list.is_empty() { String::new() } else { format!("[{0}](#{0})", row.list) };
        let longest = match row.limit() {
            0 => String::new(),
            limit if row.exact => limit.to_string(),
            limit => format!("{} ({limit})", row.max),
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {list} | {longest} | {} | {} | {} |",
            row.name,
            row.label,
            row.place,
            kind(row.kind),
            obligation(row),
            row.rule,
            row.note
        );
    }
}

fn lists(page: &mut String) {
    page.push_str("\n## Choices\n");
    let mut list = "";
    for choice in choices() {
        if choice.list != list {
            list = choice.list;
            let _ = write!(page, "\n### {list}\n\n| code | 選択肢 |\n|---|---|\n");
        }
        let alone = if choice.excludes_others { " (stands alone)" } else { "" };
        let _ = writeln!(page, "| `{}` | {}{alone} |", choice.code, choice.label);
    }
}

fn codes(page: &mut String) {
    page.push_str(
        "\n## Problem codes\n\nEvery problem is reported at once: `pointer` (from the opinion object), `code`, `severity`, \
         `detail` (Japanese), `detail_en`. Errors stop the opinion; warnings come with the acceptance. Braces are filled in.\n\n\
         | code | severity | 日本語 | English |\n|---|---|---|---|\n",
    );
    for code in ProblemCode::ALL {
        let level = match code.level() {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Either => "error or warning, by item",
        };
        let _ = writeln!(page, "| `{}` | {level} | {} | {} |", code.name(), code.ja(), code.en());
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Lines => "lines",
        Kind::Choice => "choice",
        Kind::Choices => "choices",
        Kind::Flag => "flag",
        Kind::Date => "date",
        Kind::RoughDate => "rough date",
        Kind::Whole => "whole",
        Kind::Tenths => "tenths",
    }
}

fn obligation(row: &Row) -> String {
    let [until, from] = [FormVersion::Until202603, FormVersion::From202604].map(|form| word(row.obligation(form)));
    if until == from { until.to_owned() } else { format!("until 2026-03 {until}; from 2026-04 {from}") }
}

const fn word(obligation: Obligation) -> &'static str {
    match obligation {
        Obligation::Required => "**required**",
        Obligation::Expected => "*expected*",
        Obligation::Dependent => "*dependent*",
        Obligation::Optional => "optional",
        Obligation::Absent => "*absent*",
    }
}
