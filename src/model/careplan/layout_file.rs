//! Reads `layout.tsv`, once.

use std::sync::LazyLock;

use super::layout::{
    Condition, Direction, Doubt, FileKind, Item, KindLayout, Length, LengthUnit, MonthRule, Need, RowSort, Type,
};
use crate::model::packed;

static LAYOUTS: LazyLock<Vec<KindLayout>> =
    LazyLock::new(|| read(packed::kept(include_bytes!(concat!(env!("OUT_DIR"), "/layout.tsv.gz")))));

/// What an index beyond the table reads as; a test holds table and enum to the same order.
static NO_LAYOUT: KindLayout = KindLayout {
    kind: FileKind::Supplement,
    label: "",
    english: "",
    month: MonthRule::None,
    direction: Direction::Plan,
    key: Vec::new(),
    sort: Vec::new(),
    parent: None,
    removes: Vec::new(),
    items: Vec::new(),
};

pub(super) fn layouts() -> &'static [KindLayout] {
    &LAYOUTS
}

pub(super) fn layout(index: usize) -> &'static KindLayout {
    LAYOUTS.get(index).unwrap_or(&NO_LAYOUT)
}

fn read(file: &'static str) -> Vec<KindLayout> {
    let mut layouts: Vec<KindLayout> = Vec::new();
    for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut columns = line.split('\t').map(|column| if column == "-" { "" } else { column });
        let mut next = || columns.next().unwrap_or_default();
        match next() {
            ">" => layouts.extend(kind_row(&mut next)),
            number => {
                let item = item_row(number.parse().unwrap_or(0), &mut next);
                if let Some(layout) = layouts.last_mut() {
                    layout.items.push(item);
                }
            }
        }
    }
    layouts
}

fn kind_row(next: &mut impl FnMut() -> &'static str) -> Option<KindLayout> {
    let kinds = |list: &'static str| list.split(',').filter_map(FileKind::parse);
    let names = |list: &'static str| list.split(',').filter(|name| !name.is_empty()).collect();
    Some(KindLayout {
        kind: FileKind::parse(next())?,
        label: next(),
        english: next(),
        month: match next() {
            "month" => MonthRule::Month,
            "either" => MonthRule::Either,
            _ => MonthRule::None,
        },
        direction: if next() == "result" { Direction::Result } else { Direction::Plan },
        key: names(next()),
        sort: names(next()),
        parent: kinds(next()).next(),
        removes: kinds(next()).collect(),
        items: Vec::new(),
    })
}

fn item_row(number: usize, next: &mut impl FnMut() -> &'static str) -> Item {
    Item {
        number,
        name: next(),
        label: next(),
        kind: kind(next()),
        length: length(next()),
        need: match next() {
            "required" => Need::Required,
            "conditional" => Need::Conditional,
            _ => Need::Optional,
        },
        codes: next(),
        condition: condition(next()),
        personal: next() != "open",
        doubt: doubt(next()),
        note: next(),
    }
}

fn kind(name: &str) -> Type {
    match name {
        "version" => Type::Version,
        "insurer" => Type::Insurer,
        "insured" => Type::Insured,
        "office" => Type::Office,
        "code" => Type::Code,
        "date" => Type::Date,
        "month" => Type::Month,
        "time" => Type::Time,
        "time_or_none" => Type::TimeOrNone,
        "days" => Type::Days,
        "number" => Type::Number,
        "signed" => Type::Signed,
        "price" => Type::Price,
        "ordinal" => Type::Ordinal,
        "service" => Type::Service,
        "row_code" => Type::RowCode,
        "equipment" => Type::Equipment,
        "branch" => Type::Branch,
        "entry" => Type::Entry,
        "postal" => Type::Postal,
        "phone" => Type::Phone,
        "kana" => Type::Kana,
        "image" => Type::Image,
        "unused" => Type::Unused,
        _ => Type::Text,
    }
}

fn length(cell: &str) -> Option<Length> {
    let (cell, exact) = cell.strip_prefix('=').map_or((cell, false), |cell| (cell, true));
    let (cell, unit) = cell.strip_suffix('*').map_or((cell, LengthUnit::Bytes), |cell| (cell, LengthUnit::Unstated));
    cell.parse().ok().map(|max| Length { max, exact, unit })
}

fn condition(cell: &'static str) -> Condition {
    let (word, rest) = cell.split_once(':').unwrap_or((cell, ""));
    match word {
        "when" => {
            let (item, value) = rest.split_once('=').unwrap_or((rest, ""));
            Condition::When { item, value }
        }
        "frame" => Condition::Frame(rest.parse().unwrap_or(0)),
        "zero_with_slip" => Condition::ZeroWithSlip,
        "zero_with_plan" => Condition::ZeroWithPlan,
        "row" => Condition::Row(match rest {
            "service" => RowSort::Service,
            "activity" => RowSort::Activity,
            _ => RowSort::Outside,
        }),
        "equipment" => Condition::Equipment,
        "equipment_name" => Condition::EquipmentName,
        "daily_rate" => Condition::DailyRate,
        "detail_number" => Condition::DetailNumber,
        "satellite" => Condition::Satellite,
        "as_above" => Condition::AsAbove,
        "first" => Condition::First(rest),
        "detail_only" => Condition::DetailOnly,
        _ => Condition::None,
    }
}

fn doubt(cell: &str) -> Doubt {
    let (word, rest) = cell.split_once(':').unwrap_or((cell, ""));
    match word {
        "need" => Doubt::Need,
        "length" => Doubt::Length { printed: rest.parse().ok() },
        "meaning" => Doubt::Meaning,
        _ => Doubt::None,
    }
}
