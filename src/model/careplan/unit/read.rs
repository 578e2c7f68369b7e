//! JSON to a unit, or to everything that is wrong with it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::problem::{MAX_PROBLEMS, Problem, ProblemCode, escaped};
use super::tree::Json;
use super::weight::{self, MAX_WEIGHT};
use super::write::TooLarge;
use super::{Image, LIMIT, Place, Table, Unit, fits, form, item_names, standard_form, unit_of};
use crate::model::careplan::file_name::{NamePart, Party};
use crate::model::careplan::layout::FileKind;
use crate::model::careplan::row::Row;
use crate::model::careplan::send_unit::{SendUnit, UnitMonth, send_units};
use crate::model::careplan::value::{self, Month};
use crate::order;

/// What becomes of members that CSV cannot carry, and of a `form` that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// They are problems. For units that are to be sent: nothing goes out that nobody understood.
    Strict,
    /// They are kept, named by [`Unit::unknown`] and written again by [`Unit::to_json`]. For units that others sent: a member that is
    /// new or odd does not keep a plan from its reader.
    Received,
}

type Members = Vec<(String, Json)>;

impl Unit {
    /// Reads a unit. Members may come in any order; an item that is absent or `null` is empty; items are taken under the
    /// standard's names ([`item_names`]) and under the layouts' English ones. Of kinds with the same tables (H2 and P4) either is
    /// taken, and the parties decide.
    ///
    /// # Errors
    /// Everything that is wrong, up to 100 problems.
    pub fn parse(json: &[u8], reading: Reading) -> Result<Self, Vec<Problem>> {
        Self::parse_within(json, reading, &mut { MAX_WEIGHT })
    }

    /// The same for units that lie in memory together. `room` is what they may weigh, at first [`MAX_WEIGHT`]; this one's weight is
    /// taken from it.
    ///
    /// # Errors
    /// As [`Unit::parse`]; `UNIT_TOO_MANY` when it is beyond the room, none of which is taken then.
    pub fn parse_within(json: &[u8], reading: Reading, room: &mut usize) -> Result<Self, Vec<Problem>> {
        if json.len() > LIMIT {
            return Err(vec![TooLarge.into()]);
        }
        let weight = weight::weigh(&mut serde_json::Deserializer::from_slice(json), *room).map_err(unweighed)?;
        *room -= weight;
        let tree: Json = serde_json::from_slice(json).map_err(|error| vec![malformed(&error)])?;
        Reader::new(reading, room).read(tree)
    }

    /// The same from JSON that was read already. Members that stand there twice were lost then.
    ///
    /// # Errors
    /// As [`Unit::parse`].
    pub fn from_value(value: &Value, reading: Reading) -> Result<Self, Vec<Problem>> {
        let weight = weight::weigh(value, MAX_WEIGHT).map_err(unweighed)?;
        let tree = Json::deserialize(value).map_err(|error| vec![malformed(&error)])?;
        let unit = Reader::new(reading, &mut (MAX_WEIGHT - weight)).read(tree)?;
        unit.to_json().map_err(|too_large| vec![too_large.into()])?;
        Ok(unit)
    }
}

/// The place only: the library's own words may repeat what was sent.
fn malformed(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    Problem::new(
        "",
        ProblemCode::UnitMalformed,
        &format!("{line}行{column}字目"),
        &format!("line {line}, column {column}"),
    )
}

/// Why a unit could not be weighed: nothing, when it is too heavy.
fn unweighed(error: Option<serde_json::Error>) -> Vec<Problem> {
    vec![error.map_or_else(weight::too_many, |error| malformed(&error))]
}

struct Reader<'a> {
    reading: Reading,
    /// What may be kept of unknown members beyond their own weight.
    room: &'a mut usize,
    problems: Vec<Problem>,
    unknown: BTreeMap<Place, Map<String, Value>>,
}

/// What was read of the tables.
#[derive(Default)]
struct Read {
    tables: Vec<Table>,
    images: Option<Vec<Image>>,
    kinds: Vec<FileKind>,
    unknown: bool,
}

impl<'a> Reader<'a> {
    const fn new(reading: Reading, room: &'a mut usize) -> Self {
        Self { reading, room, problems: Vec::new(), unknown: BTreeMap::new() }
    }

    fn say(&mut self, pointer: impl Into<String>, code: ProblemCode, ja: &str, en: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem::new(pointer, code, ja, en));
        }
    }

    fn wrong_type(&mut self, pointer: impl Into<String>, ja: &str, en: &str) {
        self.say(pointer, ProblemCode::MemberType, ja, en);
    }

    fn read(mut self, tree: Json) -> Result<Unit, Vec<Problem>> {
        let Some(mut members) = self.object(tree, "") else { return Err(self.problems) };
        let stated = self.text(&mut members, "kind");
        let stamp = self.valid(&mut members, "stamp", NamePart::Stamp, |text| value::stamp(text.as_bytes()).is_some());
        let month = take(&mut members, "month").filter(|month| !month.is_null());
        let from = self.party(&mut members, ["from_facility", "from_service_kind"]);
        let to = self.party(&mut members, ["to_facility", "to_service_kind"]);
        let form = take(&mut members, "form").filter(|form| !form.is_null());
        let read = self.tables(take(&mut members, "tables"));
        self.keep(Place::Unit, "", members);
        let (Some(from), Some(to), Some(stamp), Some(stated), false) = (from, to, stamp, stated, read.unknown) else {
            return Err(self.problems);
        };
        let kind = self.kind(&stated, &read.kinds, &from, &to);
        let month = kind.and_then(|kind| self.month(kind, month));
        let Some(kind) = kind.filter(|_| self.problems.is_empty()) else { return Err(self.problems) };
        let unknown = std::mem::take(&mut self.unknown);
        let mut unit =
            Unit { kind, stamp, month, from, to, tables: read.tables, images: read.images, unknown: BTreeMap::new() };
        unit.arrange();
        unit.unknown = unknown;
        self.form(&mut unit, form);
        if self.problems.is_empty() { Ok(unit) } else { Err(self.problems) }
    }

    /// The members of an object; each may stand there once.
    fn object(&mut self, json: Json, pointer: &str) -> Option<Members> {
        let Json::Object(members) = json else {
            self.wrong_type(pointer, "オブジェクト", "an object");
            return None;
        };
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        order::sort(&mut names);
        let mut twice: Vec<&str> = names
            .windows(2)
            .filter(|pair| pair.first() == pair.last())
            .filter_map(|pair| pair.first().copied())
            .collect();
        twice.dedup();
        for name in &twice {
            self.say(format!("{pointer}/{}", escaped(name)), ProblemCode::MemberRepeated, "", "");
        }
        twice.is_empty().then_some(members)
    }

    fn list(&mut self, json: Option<Json>, pointer: &str) -> Option<Vec<Json>> {
        match json {
            Some(Json::List(all)) => return Some(all),
            Some(_) => self.wrong_type(pointer, "配列", "a list"),
            None => {
                let name = pointer.rsplit('/').next().unwrap_or_default();
                self.say(pointer, ProblemCode::MemberMissing, name, name);
            }
        }
        None
    }

    fn text(&mut self, members: &mut Members, name: &str) -> Option<String> {
        match take(members, name) {
            Some(Json::Text(text)) => return Some(text),
            Some(_) => self.wrong_type(format!("/{name}"), "文字列", "a string"),
            None => self.say(format!("/{name}"), ProblemCode::MemberMissing, name, name),
        }
        None
    }

    fn valid(
        &mut self,
        members: &mut Members,
        name: &str,
        part: NamePart,
        is_valid: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let text = self.text(members, name)?;
        if is_valid(&text) {
            return Some(text);
        }
        let [ja, en] = part.words();
        self.wrong_type(format!("/{name}"), ja, en);
        None
    }

    fn party(&mut self, members: &mut Members, [office, service_kind]: [&str; 2]) -> Option<Party> {
        let code = |len: usize| {
            move |text: &str| {
                text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
            }
        };
        let [office_part, kind_part] = match office {
            "from_facility" => [NamePart::FromOffice, NamePart::FromKind],
            _ => [NamePart::ToOffice, NamePart::ToKind],
        };
        let office = self.valid(members, office, office_part, code(10));
        let service_kind = self.valid(members, service_kind, kind_part, code(2));
        Some(Party { office: office?, service_kind: service_kind? })
    }

    fn tables(&mut self, json: Option<Json>) -> Read {
        let mut read = Read::default();
        let Some(all) = self.list(json, "/tables") else {
            read.unknown = true;
            return read;
        };
        for (at, table) in all.into_iter().enumerate() {
            let pointer = format!("/tables/{at}");
            if self.problems.len() >= MAX_PROBLEMS || self.table(table, &pointer, &mut read).is_none() {
                read.unknown = true;
            }
        }
        read
    }

    fn table(&mut self, json: Json, pointer: &str, read: &mut Read) -> Option<()> {
        let mut members = self.object(json, pointer)?;
        let kind = match take(&mut members, "name") {
            Some(Json::Text(name)) => FileKind::ALL.iter().copied().find(|kind| kind.prefix() == name),
            Some(_) => {
                self.wrong_type(format!("{pointer}/name"), "文字列", "a string");
                return None;
            }
            None => {
                self.say(format!("{pointer}/name"), ProblemCode::MemberMissing, "name", "name");
                return None;
            }
        };
        let Some(kind) = kind else {
            self.say(format!("{pointer}/name"), ProblemCode::TableUnknown, "", "");
            return None;
        };
        if read.kinds.contains(&kind) {
            self.say(format!("{pointer}/name"), ProblemCode::TableRepeated, kind.prefix(), kind.prefix());
            return None;
        }
        read.kinds.push(kind);
        let rows = self.list(take(&mut members, "rows"), &format!("{pointer}/rows"))?;
        self.keep(Place::Table(kind), pointer, members);
        if kind == FileKind::BaseImage {
            read.images = self.images(rows, pointer);
            return Some(());
        }
        let mut table = Table { kind, file: None, rows: Vec::new() };
        for (at, row) in rows.into_iter().enumerate() {
            if self.problems.len() >= MAX_PROBLEMS {
                break;
            }
            table.rows.extend(self.row(row, kind, at, &format!("{pointer}/rows/{at}")));
        }
        read.tables.push(table);
        Some(())
    }

    fn row(&mut self, json: Json, kind: FileKind, at: usize, pointer: &str) -> Option<Row> {
        let members = self.object(json, pointer)?;
        let (names, items) = (item_names(kind), kind.items());
        let mut texts: Vec<Option<String>> = vec![None; items.len()];
        let mut strange = Vec::new();
        for (place, (name, value)) in members.into_iter().enumerate() {
            // Most senders keep the order of the standard.
            let guess = names.get(place).is_some_and(|known| *known == name).then_some(place);
            let found = guess.or_else(|| names.iter().position(|known| *known == name));
            let Some(item) = found.or_else(|| items.iter().position(|item| item.name == name || item.label == name))
            else {
                strange.push((name, value));
                continue;
            };
            let text = match value {
                Json::Text(text) => text,
                value if value.is_null() => String::new(),
                _ => {
                    self.wrong_type(format!("{pointer}/{}", escaped(&name)), "文字列", "a string");
                    continue;
                }
            };
            if let Some(place) = texts.get_mut(item)
                && place.replace(text).is_some()
            {
                self.say(format!("{pointer}/{}", escaped(&name)), ProblemCode::MemberRepeated, "", "");
            }
        }
        self.keep(Place::Row(kind, at), pointer, strange);
        let mut row = Row::new(kind, texts.into_iter().map(Option::unwrap_or_default).collect())?;
        for (item, cell) in items.iter().zip(row.cells_mut()) {
            cell.form = standard_form(item, &cell.text);
        }
        Some(row)
    }

    fn images(&mut self, rows: Vec<Json>, pointer: &str) -> Option<Vec<Image>> {
        let mut images: Vec<(Image, Members)> = Vec::new();
        for (at, row) in rows.into_iter().enumerate() {
            // Each is compared with all before it: without an end, a flood of repeated ones would take hours.
            if self.problems.len() >= MAX_PROBLEMS {
                break;
            }
            let pointer = format!("{pointer}/rows/{at}");
            let mut members = self.object(row, &pointer)?;
            let is_branch = |text: &str| text.len() == 4 && value::is_digits(text.as_bytes());
            let branch = match take(&mut members, "branch") {
                Some(Json::Text(branch)) if is_branch(&branch) => branch,
                _ => {
                    let [ja, en] = NamePart::Branch.words();
                    self.wrong_type(format!("{pointer}/branch"), ja, en);
                    continue;
                }
            };
            let content = match take(&mut members, "content") {
                Some(Json::Text(content)) => STANDARD.decode(content).ok(),
                _ => None,
            };
            let Some(bytes) = content else {
                self.wrong_type(format!("{pointer}/content"), "画像のbase64", "the image in base64");
                continue;
            };
            if images.iter().any(|(image, _)| image.branch == branch) {
                self.say(format!("{pointer}/branch"), ProblemCode::MemberRepeated, "", "");
            }
            let members = if self.reading == Reading::Strict {
                self.keep(Place::Unit, &pointer, members);
                Vec::new()
            } else {
                members
            };
            images.push((Image { branch, file: None, bytes }, members));
        }
        order::sort_by(&mut images, |(one, _), (other, _)| one.branch.cmp(&other.branch));
        let kept = |(at, (image, members))| {
            self.keep(Place::Row(FileKind::BaseImage, at), "", members);
            image
        };
        Some(images.into_iter().enumerate().map(kept).collect())
    }

    /// What to do with members that nobody asked for.
    fn keep(&mut self, place: Place, pointer: &str, members: Members) {
        if self.reading == Reading::Received && !members.is_empty() {
            let Some(left) = self.room.checked_sub(weight::MAP) else {
                if self.problems.iter().all(|problem| problem.code != ProblemCode::UnitTooMany) {
                    self.say("", ProblemCode::UnitTooMany, "", "");
                }
                return;
            };
            *self.room = left;
        }
        for (name, value) in members {
            if self.reading == Reading::Received {
                self.unknown.entry(place).or_default().insert(name, value.into_value());
            } else {
                self.say(format!("{pointer}/{}", escaped(&name)), ProblemCode::MemberUnknown, "", "");
            }
        }
    }

    /// The unit that the tables are, which must be the stated one or one with the same tables.
    fn kind(&mut self, stated: &str, kinds: &[FileKind], from: &Party, to: &Party) -> Option<&'static SendUnit> {
        let Some(named) = send_units().iter().find(|unit| unit.id == stated) else {
            let all: Vec<&str> = send_units().iter().map(|unit| unit.id).collect();
            let all = all.join(" ");
            self.wrong_type("/kind", &all, &all);
            return None;
        };
        let zero = named.month == UnitMonth::Zero;
        if named.is(kinds) && fits(named, kinds, zero) {
            return unit_of(kinds, zero, from, to);
        }
        let missing: Vec<&str> =
            named.required.iter().filter(|kind| !kinds.contains(kind)).map(|kind| kind.prefix()).collect();
        let other = [true, false].into_iter().find_map(|zero| unit_of(kinds, zero, from, to));
        match other {
            Some(other) => self.say("/kind", ProblemCode::UnitKind, other.id, other.id),
            None if named.holds(kinds) => {
                let missing = missing.join(", ");
                self.say("/tables", ProblemCode::TableMissing, &missing, &missing);
            }
            None => {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.prefix()).collect();
                let kinds = kinds.join(", ");
                self.say("/tables", ProblemCode::TableSet, &kinds, &kinds);
            }
        }
        None
    }

    fn month(&mut self, kind: &SendUnit, json: Option<Json>) -> Option<Month> {
        let [ja, en] = NamePart::Month.words();
        match (kind.month, json) {
            (UnitMonth::Month, Some(Json::Text(text))) => {
                let month = value::month(text.as_bytes());
                if month.is_none() {
                    self.wrong_type("/month", ja, en);
                }
                month
            }
            (UnitMonth::Month, Some(_)) => {
                self.wrong_type("/month", ja, en);
                None
            }
            (UnitMonth::Month, None) => {
                self.say("/month", ProblemCode::MemberMissing, "month", "month");
                None
            }
            (_, Some(_)) => {
                self.say("/month", ProblemCode::MemberUnknown, "", "");
                None
            }
            (_, None) => None,
        }
    }

    fn form(&mut self, unit: &mut Unit, json: Option<Json>) {
        let Some(json) = json else { return };
        let forms = match &json {
            Json::Text(text) => serde_json::from_slice::<form::Forms>(text.as_bytes()).ok(),
            _ => None,
        };
        if forms.and_then(|forms| form::apply(&forms, unit)).is_some() {
            return;
        }
        if self.reading == Reading::Strict {
            self.say("/form", ProblemCode::FormUnfit, "", "");
            return;
        }
        unit.standardize();
        unit.unknown.entry(Place::Unit).or_default().insert("form".to_owned(), json.into_value());
    }
}

fn take(members: &mut Members, name: &str) -> Option<Json> {
    let at = members.iter().position(|(known, _)| known == name)?;
    Some(members.remove(at).1)
}
