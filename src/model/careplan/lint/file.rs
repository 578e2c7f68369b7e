//! One file from its first byte to its last.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use super::digest::Digests;
use super::finding::{Finding, Findings, show};
use super::plan::Plan;
use super::record::{Check, Quiet, bits};
use super::rule::Rule;
use super::table::Table;
use super::{item, name};
use crate::model::careplan::layout::{FileKind, Item, Type};
use crate::model::careplan::record::Head;
use crate::model::careplan::value::Month;
use crate::model::careplan::{Field, FileName, LineEnd, Reader, Record, value};

/// What other files must be compared with. A few bytes for every user; no values.
pub(super) struct Facts {
    pub(super) file: Arc<str>,
    pub(super) name: Option<FileName>,
    pub(super) version: Option<Vec<u8>>,
    /// Digests of (insurer, insured person, date or month), with the first line.
    pub(super) keys: Digests<u64>,
    /// Digests of the insurer and the insured person, with the first line.
    pub(super) users: Digests<u64>,
    /// Digests of (user, office, satellite, service code): how often, and the first line.
    pub(super) services: Digests<(i64, u64)>,
    /// 区分支給限度基準額 by user (supplement), or units within it by user (table 7).
    pub(super) units: Digests<(i64, u64)>,
    /// Satellite branches.
    pub(super) branches: BTreeSet<Vec<u8>>,
    /// The image files named.
    pub(super) images: Vec<(String, u64)>,
}

impl Facts {
    pub(super) fn new(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            name: None,
            version: None,
            keys: Digests::default(),
            users: Digests::default(),
            services: Digests::default(),
            units: Digests::default(),
            branches: BTreeSet::new(),
            images: Vec::new(),
        }
    }
}

/// One item of one record, with everything needed to say something about it.
pub(super) struct Spot<'s, 'p> {
    pub(super) plan: &'s Plan<'p>,
    pub(super) kind: FileKind,
    pub(super) item: &'static Item,
    record: Record<'s>,
    file: &'s Arc<str>,
    findings: &'s mut Findings,
}

impl Spot<'_, '_> {
    fn finding(&self, rule: Rule) -> Finding {
        Finding::new(rule, self.file).at(self.record.line_of(self.item.number)).item(self.item)
    }

    pub(super) fn say(&mut self, rule: Rule) {
        self.findings.push(self.finding(rule));
    }

    pub(super) fn say_detail(&mut self, rule: Rule, detail: &str) {
        self.findings.push(self.finding(rule).detail(detail));
    }

    pub(super) fn say_value(&mut self, rule: Rule, content: &[u8], detail: &str) {
        let finding = self.finding(rule).shown(show(self.item, content)).detail(detail);
        self.findings.push(finding);
    }
}

/// A whole record and what is known of its values, for the rules that look at several.
pub(super) struct View<'v, 'p> {
    pub(super) plan: &'v Plan<'p>,
    pub(super) kind: FileKind,
    pub(super) name: Option<&'v FileName>,
    pub(super) file: &'v Arc<str>,
    pub(super) record: Record<'v>,
    right: u128,
    /// The columns whose values were known to be right before, as bits by number.
    same: u128,
    /// Those, and the ones that are known from this record on.
    known: u128,
}

impl<'v> View<'v, '_> {
    /// The value of a column; empty when it was found wrong, so that nothing is concluded from it.
    pub(super) fn get(&self, column: usize) -> &'v [u8] {
        if self.sure(column) { self.record.inner(column) } else { &[] }
    }

    /// True when the column holds something, right or wrong.
    pub(super) fn filled(&self, column: usize) -> bool {
        self.record.field(column).is_some_and(|field| !field.inner().is_empty())
    }

    /// True when the column is empty or was found right.
    pub(super) fn sure(&self, column: usize) -> bool {
        // A shift of 128 bits by a number that is not known takes several times as long as one of 64.
        #[allow(clippy::cast_possible_truncation)]
        let half = if column < 64 { self.right as u64 } else { (self.right >> 64) as u64 };
        column > 0 && half >> (column & 63) & 1 == 1
    }

    /// True when what was worked out from these columns holds for this record as well; remembers whether it will for the next.
    pub(super) fn holds(&self, columns: u128, known: &mut bool) -> bool {
        let holds = *known && columns & !self.same == 0;
        *known = columns & !self.known == 0;
        holds
    }

    pub(super) fn line(&self) -> u64 {
        self.record.line()
    }

    pub(super) fn finding(&self, rule: Rule) -> Finding {
        Finding::new(rule, self.file).at(self.record.line())
    }

    /// A finding about one column, with its value where it can be shown.
    pub(super) fn about(&self, rule: Rule, column: usize) -> Finding {
        let finding = Finding::new(rule, self.file).at(self.record.line_of(column));
        let Some(item) = column.checked_sub(1).and_then(|at| self.kind.items().get(at)) else { return finding };
        let content = self.record.field(column).map_or(&[][..], |field| field.inner());
        finding.item(item).shown(show(item, content))
    }
}

/// Reads a file to its end. An image is only looked at.
pub(super) fn lint(file: &str, source: impl Read, plan: &Plan<'_>) -> std::io::Result<(Findings, Facts)> {
    let file: Arc<str> = file.into();
    let mut findings = Findings::new(plan.settings.max_findings);
    let mut facts = Facts::new(&file);
    facts.name = name::check(&file, plan, &mut findings);
    match facts.name.as_ref().map_or_else(|| name::likely_kind(&file), |name| Some(name.kind)) {
        Some(FileKind::BaseImage) => image(source, &file, &mut findings)?,
        Some(kind) => {
            let name = facts.name.clone();
            let mut linter = Linter {
                plan,
                kind,
                name: name.as_ref(),
                file: &file,
                findings: &mut findings,
                facts: &mut facts,
                seen: Seen::default(),
                table: Table::new(kind),
                known: Known::new(kind.items().len()),
                last: 0,
                quiet: Quiet::default(),
            };
            linter.run(source)?;
        }
        None => {}
    }
    Ok((findings, facts))
}

fn image(mut source: impl Read, file: &Arc<str>, findings: &mut Findings) -> std::io::Result<()> {
    let mut start = Vec::new();
    source.by_ref().take(3).read_to_end(&mut start)?;
    if start != [0xFF, 0xD8, 0xFF] {
        findings.push(Finding::new(Rule::ImageNotJpeg, file));
    }
    Ok(())
}

/// What was told once and need not be told again.
#[derive(Default)]
struct Seen {
    records: u64,
    end: Option<LineEnd>,
    mixed: bool,
    bare: bool,
    quoted: bool,
    non_ascii: bool,
    early: bool,
    month: Option<Month>,
}

/// All items of a kind, as bits by number.
const fn all(items: usize) -> u128 {
    ((1 << items) - 1) << 1
}

/// The numbers of items that are given as bits.
fn numbers(mut bits: u128) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let number = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(number)
    })
}

/// The values, as they stand in the file, that were found right last, by item. Most are those of the record before.
struct Known {
    heads: Vec<Head>,
    /// The whole of those that are longer than a head.
    long: Vec<Vec<u8>>,
}

impl Known {
    fn new(items: usize) -> Self {
        Self { heads: vec![Head::NONE; items], long: vec![Vec::new(); items] }
    }

    /// The items, as bits by number, whose values are known to be right; `last` are those of the record before.
    fn among(&self, record: &Record<'_>, last: u128) -> u128 {
        let mut same = last & record.unchanged();
        for number in numbers(!same & all(self.heads.len())) {
            let head = record.head(number - 1);
            if self.heads.get(number - 1) == Some(&head) && (!head.is_part() || self.is_long(number - 1, record)) {
                same |= 1 << number;
            }
        }
        same
    }

    fn is_long(&self, at: usize, record: &Record<'_>) -> bool {
        self.long.get(at).is_some_and(|known| record.field(at + 1).is_some_and(|field| field.raw() == known))
    }

    fn learn(&mut self, at: usize, head: Head, raw: &[u8]) {
        if let (Some(known), Some(long)) = (self.heads.get_mut(at), self.long.get_mut(at)) {
            *known = head;
            if head.is_part() {
                long.clear();
                long.extend_from_slice(raw);
            }
        }
    }
}

struct Linter<'l, 'p> {
    plan: &'l Plan<'p>,
    kind: FileKind,
    name: Option<&'l FileName>,
    file: &'l Arc<str>,
    findings: &'l mut Findings,
    facts: &'l mut Facts,
    seen: Seen,
    table: Table,
    known: Known,
    /// The items of the record before whose values are known to be right, as bits by number.
    last: u128,
    quiet: Quiet,
}

impl Linter<'_, '_> {
    fn run(&mut self, source: impl Read) -> std::io::Result<()> {
        let mut reader = Reader::with_limit(source, self.plan.settings.max_record);
        let mut first = true;
        let mut missing_end = None;
        while let Some(record) = reader.next_record()? {
            if let Some(rule) = encoding(&record, first, &mut self.seen) {
                self.findings.push(Finding::new(rule, self.file).at(record.line()));
                return Ok(());
            }
            let last = std::mem::take(&mut self.last);
            if self.line(&record, first) {
                self.record(&record, last);
                missing_end = (record.end() == LineEnd::None).then(|| record.line());
            }
            first = false;
        }
        if let Some(line) = missing_end {
            self.findings.push(Finding::new(Rule::LineEndMissing, self.file).at(line));
        }
        if self.seen.records == 0 {
            let annex = matches!(self.kind, FileKind::BaseDay | FileKind::BaseHistory | FileKind::PreventiveAnnex);
            let rule = if annex { Rule::FileEmptyAnnex } else { Rule::FileEmpty };
            self.findings.push(Finding::new(rule, self.file));
        }
        self.table.finish(self.name, self.plan, self.file, self.facts, self.findings);
        Ok(())
    }

    fn say(&mut self, rule: Rule, line: u64, detail: impl std::fmt::Display) {
        self.findings.push(Finding::new(rule, self.file).at(line).detail(detail));
    }

    /// What is wrong with a line as a whole; false when it is no record.
    fn line(&mut self, record: &Record<'_>, first: bool) -> bool {
        let line = record.line();
        if record.raw() == b"\x1a" {
            self.say(Rule::FileEndMark, line, "");
            return false;
        }
        if record.is_empty() {
            self.say(Rule::LineEmpty, line, "");
            return false;
        }
        if record.is_too_long() {
            self.say(Rule::RecordTooLong, line, self.plan.settings.max_record);
            return false;
        }
        self.line_end(record.end(), line);
        if first && is_header(record) {
            self.say(Rule::FileHeader, line, "");
            return false;
        }
        self.seen.records += 1;
        true
    }

    fn line_end(&mut self, end: LineEnd, line: u64) {
        let name = match end {
            LineEnd::CrLf => "CRLF",
            LineEnd::Lf => "LF",
            LineEnd::Cr => "CR",
            LineEnd::None => return,
        };
        match self.seen.end {
            None => {
                self.seen.end = Some(end);
                if end != LineEnd::CrLf {
                    self.say(Rule::LineEndOther, line, name);
                }
            }
            Some(usual) if usual != end && !self.seen.mixed => {
                self.seen.mixed = true;
                self.say(Rule::LineEndMixed, line, name);
            }
            Some(_) => {}
        }
    }

    /// Looks at a record; `last` are the items of the one before whose values are known to be right.
    fn record(&mut self, record: &Record<'_>, last: u128) {
        if self.quotes(record) || !self.columns(record) {
            return;
        }
        let same = self.known.among(record, last);
        let (mut right, mut known) = (same, same);
        for number in numbers(!same & all(self.kind.items().len())) {
            let (is_right, is_known) = self.value(record, number);
            right |= u128::from(is_right) << number;
            known |= u128::from(is_known) << number;
        }
        self.last = known;
        let view = View {
            plan: self.plan,
            kind: self.kind,
            name: self.name,
            file: self.file,
            record: *record,
            right,
            same,
            known,
        };
        let (column, facts, seen) = (self.table.columns.target_month, &mut *self.facts, &mut self.seen);
        let quiet = &mut self.quiet;
        quiet.unless(Check::Version, bits(&[1]), &view, self.findings, |findings| version(&view, facts, findings));
        quiet.unless(Check::OneMonth, bits(&[1, column]), &view, self.findings, |findings| {
            month(&view, column, seen, findings);
        });
        quiet.check(&view, self.findings);
        self.table.add(&view, facts, self.findings);
    }

    /// Looks at one value: whether it is right, and whether that is known from here on.
    fn value(&mut self, record: &Record<'_>, number: usize) -> (bool, bool) {
        let at = number - 1;
        let (Some(item), Some(codes)) = (self.kind.items().get(at), self.plan.lists(self.kind).get(at)) else {
            return (false, false);
        };
        let Some(field) = record.field(number) else { return (false, false) };
        let before = self.findings.count();
        if let Some(rule) = quoting(item, &field, &mut self.seen) {
            self.findings.push(Finding::new(rule, self.file).at(record.line_of(number)).item(item));
        }
        let (file, findings) = (self.file, &mut *self.findings);
        let mut spot = Spot { plan: self.plan, kind: self.kind, item, record: *record, file, findings };
        let right = item::check(&mut spot, field.inner(), codes);
        let known = right && self.findings.count() == before;
        if known {
            self.known.learn(at, record.head(at), field.raw());
        }
        (right, known)
    }

    /// Reports quotes that do not fit; true when there are any.
    fn quotes(&mut self, record: &Record<'_>) -> bool {
        if record.is_well_formed() {
            return false;
        }
        let mut broken = false;
        for (at, field) in record.fields().enumerate().filter(|(_, field)| !field.is_well_formed()) {
            let rule = if field.is_unclosed() {
                Rule::QuoteUnclosed
            } else if field.has_stray_quote() {
                Rule::QuoteStray
            } else {
                Rule::QuoteSingle
            };
            let mut finding = Finding::new(rule, self.file).at(record.line_of(at + 1));
            if let Some(item) = self.kind.items().get(at) {
                finding = finding.item(item);
            }
            self.findings.push(finding);
            broken = true;
        }
        broken
    }

    fn columns(&mut self, record: &Record<'_>) -> bool {
        let (found, wanted) = (record.columns(), self.kind.items().len());
        if found == wanted {
            return true;
        }
        let edition3 =
            matches!((self.kind, found), (FileKind::Slip | FileKind::Results, 22) | (FileKind::SlipAnnex, 34));
        let rule = if edition3 { Rule::ColumnsEdition3 } else { Rule::ColumnCount };
        let mut finding = Finding::new(rule, self.file).at(record.line()).detail(format!("{found}/{wanted}"));
        if let Some((first, last)) = super::align::likely(self.kind, record).filter(|_| !edition3) {
            finding = finding.item(first).through(last);
        }
        self.findings.push(finding);
        false
    }
}

/// A file has one CSVバージョン.
fn version(view: &View<'_, '_>, facts: &mut Facts, findings: &mut Findings) {
    let version = view.get(1);
    match &facts.version {
        None if !version.is_empty() => facts.version = Some(version.to_vec()),
        Some(first) if !version.is_empty() && first != version => findings.push(view.about(Rule::VersionMixed, 1)),
        _ => {}
    }
}

/// A file has one month, that of its name, and a version that applies to it.
fn month(view: &View<'_, '_>, column: usize, seen: &mut Seen, findings: &mut Findings) {
    let Some(month) = value::month(view.get(column)).filter(|_| view.kind != FileKind::Supplement) else { return };
    if seen.month != Some(month)
        && let Some(first) = view.plan.settings.codes.version_from(view.get(1))
        && month < first
        && !std::mem::replace(&mut seen.early, true)
    {
        findings.push(view.about(Rule::VersionMonth, 1).detail(first));
    }
    if *seen.month.get_or_insert(month) != month {
        findings.push(view.about(Rule::MonthsMixed, column));
    }
    if let Some(wanted) = view.name.and_then(FileName::service_month)
        && month != wanted
    {
        findings.push(view.about(Rule::MonthDiffers, column).detail(wanted));
    }
}

/// Quotes where none belong, or none where some do; told once a file.
fn quoting(item: &Item, field: &Field<'_>, seen: &mut Seen) -> Option<Rule> {
    match (item.kind.is_quoted(), field.is_quoted()) {
        (true, false) if !field.raw().is_empty() && !std::mem::replace(&mut seen.bare, true) => Some(Rule::TextBare),
        (false, true) if !std::mem::replace(&mut seen.quoted, true) => Some(Rule::CodeQuoted),
        _ => None,
    }
}

/// A file in another encoding is not worth a thousand findings: one, and no more is read.
fn encoding(record: &Record<'_>, first: bool, seen: &mut Seen) -> Option<Rule> {
    let raw = record.raw();
    if first && raw.starts_with(b"\xEF\xBB\xBF") {
        return Some(Rule::FileBom);
    }
    if first && (raw.starts_with(b"\xFF\xFE") || raw.starts_with(b"\xFE\xFF")) {
        return Some(Rule::FileUtf16);
    }
    if seen.non_ascii || raw.is_ascii() {
        return None;
    }
    seen.non_ascii = true;
    // Kana in UTF-8 are E3 81 to E3 83: in CP932 these are the rare kanji of garbled text.
    let kana = raw.windows(2).any(|pair| matches!(pair, [0xE3, 0x81..=0x83]));
    (kana && std::str::from_utf8(raw).is_ok()).then_some(Rule::FileUtf8)
}

/// A first line of names: neither the version nor the insurer begins with a digit.
fn is_header(record: &Record<'_>) -> bool {
    let named = |column| {
        let field = record.field(column);
        field.is_some_and(|field| field.inner().first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80))
            && field.is_some_and(|field| !field.inner().iter().any(u8::is_ascii_digit) && field.inner().len() > 2)
    };
    let words = (1..=4).filter(|column| named(*column)).count();
    record.columns() >= 4 && words >= 3
}

/// True when a value of the item could look like this; for guessing which item is missing.
pub(super) fn could_be(item: &Item, content: &[u8]) -> bool {
    if content.is_empty() {
        return item.need != crate::model::careplan::layout::Need::Required;
    }
    let digits = value::is_digits(content);
    let len = item.length.map_or(usize::MAX, |length| length.max);
    match item.kind {
        Type::Text | Type::Kana | Type::Image => true,
        Type::Version | Type::Insurer | Type::Month | Type::Date | Type::Time | Type::TimeOrNone | Type::Days => {
            digits && content.len() == len
        }
        Type::Office | Type::Insured | Type::Equipment | Type::Postal => content.len() == len,
        Type::Code | Type::Service | Type::RowCode => content.len() == len,
        Type::Number | Type::Ordinal => digits && content.len() <= len,
        Type::Unused => false,
        Type::Signed | Type::Price | Type::Branch | Type::Entry | Type::Phone => {
            content.is_ascii() && content.len() <= len
        }
    }
}
