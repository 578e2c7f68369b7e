//! docs/careplan.md, written from the tables.

use super::layout::{
    Condition, Direction, Doubt, FileKind, Item, KindLayout, LengthUnit, MonthRule, Need, RowSort, Type, layouts,
};
use super::send_unit::{UnitMonth, send_units};
use super::{CodeTables, file_name::NamePart};

const INTRODUCTION: &str = "\
# Care plans as CSV (ケアプランデータ連携標準仕様 4.1)

Generated from `src/model/careplan/`; a test compares it. For people who write or read such files. What is found wrong with them: \
[careplan-rules.md](careplan-rules.md).

## Files

- Commas, no header row, CRLF. LF and CR are read as well, and a missing last line end.
- CP932 (Shift_JIS in the sense of MS932), without user-defined characters (外字). A character with several codes is kept as the \
code that was read.
- Free text stands in quotes; line breaks and commas inside stay; an inner quote is doubled. Everything else is written without \
quotes and read with or without.
- Dates `YYYYMMDD`, months `YYYYMM`, times `HHMM`, all Gregorian.
- One CSV version a file. Tables 6 and 7, results and their deletes: one service month a file.
- What is read is written back byte for byte. No record of more than 1 MiB is held.

## File names

`PREFIX[_month]_from(10)_kind(2)_to(10)_kind(2)_stamp(14).CSV`, for images `…_stamp_branch(4).jpg`. Letters of either case are read.
";

const READING: &str = "\
need: **required**; optional; *conditional* (see the condition). A question mark says that the printed layout leaves it unsure: \
such a property warns and never refuses. Lengths are bytes of CP932, `=` for exactly, `≤` for at most; `≤15?` says that the unit is not \
stated, so bytes and characters are both taken.
";

/// The page: names, units, every kind's items, and the code lists.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    name_parts(&mut page);
    units(&mut page);
    kinds(&mut page);
    types(&mut page);
    page.push_str("\n## Items\n\n");
    page.push_str(READING);
    for layout in layouts().iter().filter(|layout| !layout.items.is_empty()) {
        items(&mut page, layout);
    }
    codes(&mut page, CodeTables::built_in());
    page
}

fn name_parts(page: &mut String) {
    page.push_str("\n| part | 日本語 |\n|---|---|\n");
    let parts = [
        NamePart::Month,
        NamePart::FromOffice,
        NamePart::FromKind,
        NamePart::ToOffice,
        NamePart::ToKind,
        NamePart::Stamp,
        NamePart::Branch,
        NamePart::Extension,
    ];
    for [ja, en] in parts.map(NamePart::words) {
        page.push_str(&format!("| {en} | {ja} |\n"));
    }
}

fn units(page: &mut String) {
    page.push_str(
        "\n## Send units\n\nFiles of one unit carry the same stamp. Units that hold the same files differ in who sends to whom.\n\n\
         | unit | what | 内容 | direction | files | with them | month part |\n|---|---|---|---|---|---|---|\n",
    );
    for unit in send_units() {
        let month = match unit.month {
            UnitMonth::None => "",
            UnitMonth::Zero => "000000",
            UnitMonth::Month => "YYYYMM",
        };
        page.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {month} |\n",
            unit.id,
            unit.english,
            unit.label,
            direction(unit.direction),
            prefixes(&unit.required),
            prefixes(&unit.optional),
        ));
    }
}

fn prefixes(kinds: &[FileKind]) -> String {
    let names: Vec<String> = kinds.iter().map(|kind| format!("`{kind}`")).collect();
    names.join(" ")
}

const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Plan => "plan",
        Direction::Result => "result",
    }
}

fn kinds(page: &mut String) {
    page.push_str(
        "\n## Kinds\n\n| prefix | 名称 | what | items | month part | direction | key | order of print | hangs on | removes |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for layout in layouts() {
        let month = match layout.month {
            MonthRule::None => "",
            MonthRule::Month => "YYYYMM",
            MonthRule::Either => "YYYYMM or 000000",
        };
        page.push_str(&format!(
            "| `{}` | {} | {} | {} | {month} | {} | {} | {} | {} | {} |\n",
            layout.kind,
            layout.label,
            layout.english,
            layout.items.len(),
            direction(layout.direction),
            names(&layout.key),
            names(&layout.sort),
            layout.parent.map_or(String::new(), |parent| format!("`{parent}`")),
            prefixes(&layout.removes),
        ));
    }
}

fn names(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(" ")
}

fn types(page: &mut String) {
    page.push_str("\n## Types\n\n| type | how it is written |\n|---|---|\n");
    for (name, meaning) in TYPES.map(words) {
        page.push_str(&format!("| {name} | {meaning} |\n"));
    }
}

const TYPES: [Type; 25] = [
    Type::Version,
    Type::Insurer,
    Type::Insured,
    Type::Office,
    Type::Code,
    Type::Date,
    Type::Month,
    Type::Time,
    Type::TimeOrNone,
    Type::Days,
    Type::Number,
    Type::Signed,
    Type::Price,
    Type::Ordinal,
    Type::Service,
    Type::RowCode,
    Type::Equipment,
    Type::Branch,
    Type::Entry,
    Type::Postal,
    Type::Phone,
    Type::Text,
    Type::Kana,
    Type::Image,
    Type::Unused,
];

const fn words(kind: Type) -> (&'static str, &'static str) {
    match kind {
        Type::Version => ("version", "`YYYYMM`, a value of the list of versions"),
        Type::Insurer => ("insurer", "six digits, the last a check digit"),
        Type::Insured => ("insured", "ten digits, or `H` and nine digits for persons on public assistance alone"),
        Type::Office => ("office", "office number, ten digits or capital letters, the last a check digit"),
        Type::Code => ("code", "a code of its list"),
        Type::Date => ("date", "`YYYYMMDD`"),
        Type::Month => ("month", "`YYYYMM`"),
        Type::Time => ("time", "`HHMM`"),
        Type::TimeOrNone => ("time or none", "`HHMM`, or `9999` for a service without a time"),
        Type::Days => ("days", "31 characters `0` or `1`, day 1 first, also in shorter months"),
        Type::Number => ("number", "whole number, not negative"),
        Type::Signed => ("signed", "whole number; a leading minus is taken"),
        Type::Price => ("price", "`99.99`"),
        Type::Ordinal => ("ordinal", "running number, 1 to 99"),
        Type::Service => ("service", "service code: kind (2) and item (4)"),
        Type::RowCode => {
            ("row code", "service code; kind and `AAAA`, `EEEE`, `ZZZZ` on subtotals; `999999` on the grand total")
        }
        Type::Equipment => ("equipment", "`NNNNN-NNNNNN`"),
        Type::Branch => ("branch", "the satellite's own number, or 1, 2, 3"),
        Type::Entry => ("entry", "a code without a form"),
        Type::Postal => ("postal", "`NNN-NNNN`"),
        Type::Phone => ("phone", "digits; hyphens count"),
        Type::Text => ("text", "free text in quotes"),
        Type::Kana => ("kana", "free text in quotes: how a name is read"),
        Type::Image => ("image", "the name of the image file, in quotes"),
        Type::Unused => ("unused", "empty"),
    }
}

fn items(page: &mut String, layout: &KindLayout) {
    page.push_str(&format!(
        "\n### {}: {}\n\n| no. | item | 項目 | type | length | need | codes | condition | note |\n|---|---|---|---|---|---|---|---|---|\n",
        layout.kind, layout.label
    ));
    for item in &layout.items {
        let list = if item.codes.is_empty() { String::new() } else { format!("[{0}](#{0})", item.codes) };
        page.push_str(&format!(
            "| {} | `{}` | {} | {} | {} | {} | {list} | {} | {} |\n",
            item.number,
            item.name,
            item.label,
            words(item.kind).0,
            length(item),
            need(item),
            condition(item.condition),
            item.note,
        ));
    }
}

fn length(item: &Item) -> String {
    let Some(length) = item.length else { return String::new() };
    let open = length.unit == LengthUnit::Unstated || matches!(item.doubt, Doubt::Length { .. });
    format!("{}{}{}", if length.exact { "=" } else { "≤" }, length.max, if open { "?" } else { "" })
}

fn need(item: &Item) -> String {
    let word = match item.need {
        Need::Required => "**required**",
        Need::Optional => "optional",
        Need::Conditional => "*conditional*",
    };
    if item.doubt == Doubt::Need { format!("{word}?") } else { word.to_owned() }
}

fn condition(condition: Condition) -> String {
    match condition {
        Condition::None => String::new(),
        Condition::When { item, value } => format!("When `{item}` is {value} (the natural reading)."),
        Condition::Frame(frame) => {
            format!("Frame {frame} of 9; only where the insurer limits single kinds, from frame 1, without gaps.")
        }
        Condition::ZeroWithSlip => "`00000000` beside tables 6 and 7.".to_owned(),
        Condition::ZeroWithPlan => "`000000` beside tables 1 to 3.".to_owned(),
        Condition::Row(RowSort::Service) => "Only in rows of a weekly service.".to_owned(),
        Condition::Row(RowSort::Activity) => "Only in rows of a daily activity.".to_owned(),
        Condition::Row(RowSort::Outside) => "Only in rows of a service outside the week.".to_owned(),
        Condition::Equipment => "One of the two equipment codes, for service kinds 17 and 67.".to_owned(),
        Condition::EquipmentName => "For service kinds 17 and 67 (the natural reading).".to_owned(),
        Condition::DailyRate => "Only for services billed by the day.".to_owned(),
        Condition::DetailNumber => {
            "Kind 17: 1, 2, 3 … when the same code and units stand in several rows; otherwise empty.".to_owned()
        }
        Condition::Satellite => "Only for a satellite office.".to_owned(),
        Condition::AsAbove => "May be empty when it repeats the row above.".to_owned(),
        Condition::First(number) => format!("On the first row of its `{number}`; empty on the following rows."),
        Condition::DetailOnly => "Empty on subtotals and the grand total.".to_owned(),
    }
}

fn codes(page: &mut String, tables: &CodeTables) {
    page.push_str(&format!(
        "\n## Codes\n\nEdition {} ({}). The tables are data and can be replaced.\n",
        tables.edition(),
        tables.month()
    ));
    for list in tables.lists() {
        page.push_str(&format!("\n### {}\n\n{}\n\n| code | | |\n|---|---|---|\n", list.id, list.label));
        for code in &list.codes {
            page.push_str(&format!(
                "| `{}` | {} | {} |\n",
                code.code,
                code.label,
                attribute(&list.id, &code.attribute)
            ));
        }
    }
}

fn attribute<'a>(list: &str, attribute: &'a str) -> &'a str {
    match (list, attribute) {
        ("csv_version", "write") => "written",
        ("csv_version", "warn") => "taken with a warning",
        ("csv_version", _) => "an earlier edition",
        ("service_kind", "in") => "exchanged",
        ("service_kind", "out") => "not exchanged",
        ("service_kind", _) => "in file names only",
        (_, attribute) => attribute,
    }
}
