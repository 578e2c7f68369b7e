//! The evidence pack of a month: the chain as it is, and what was sent, received and read, by reference.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, offset};
use serde_json::{Value, json};
use uuid::Uuid;

use super::anchor::Anchor;
use super::form::leave_out;
use super::pack::{PAGE as PAGE_FILE, TRAIL, plain};
use super::page::page;
use super::record::{Hash, Record};
use super::verify::{Flaw, Verifier};
use crate::model::hex;
use crate::order;
use crate::store::{ArrivedRow, SentRow, StoreError, TrailReader, TrailRow};

/// Records read at once.
const PAGE: u16 = 1000;

/// A month in Japan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month(Date);

impl FromStr for Month {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let first = format!("{text}-01").parse::<Date>().ok().filter(|date| date.to_string()[..7] == *text);
        first.map(Self).ok_or("年月（例: 2026-11）で書きます / write a month, like 2026-11")
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl Month {
    /// Its beginning and its end as records tell time; none outside of the years that records can be of.
    pub(super) fn as_told(self) -> Option<(String, String)> {
        let told = |at: i64| Timestamp::from_millisecond(at).ok().map(|at| format!("{at:.3}"));
        let (from, to) = self.bounds();
        (1970..=9998).contains(&self.0.year()).then_some(told(from).zip(told(to))).flatten()
    }

    /// Its beginning and its end, milliseconds since 1970.
    fn bounds(self) -> (i64, i64) {
        let at = |date: Date| {
            date.to_zoned(TimeZone::fixed(offset(9))).map_or(i64::MAX, |time| time.timestamp().as_millisecond())
        };
        (at(self.0), self.0.last_of_month().tomorrow().map_or(i64::MAX, at))
    }
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Pack {
    /// The content of `pack.json`.
    pub json: Value,
    /// The first record that does not fit, where one does not.
    pub flaw: Option<Flaw>,
}

/// Why no pack could be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database cannot be read.
    #[error("the database cannot be read")]
    Store(#[from] StoreError),
    /// The folder cannot be written.
    #[error("the pack cannot be written")]
    Write(#[from] std::io::Error),
}

/// Writes `trail.jsonl`, `pack.json` and `pack.html` into `out`. Records of other facilities, and with a user of other people, are
/// left out: in their places stand their hashes, so that the chain can be followed.
///
/// # Errors
/// [`ExportError`]. Files may have been written by then.
pub async fn export(
    reader: &TrailReader,
    (month, user, now): (Month, Option<&str>, Timestamp),
    facility: &str,
    out: &Path,
) -> Result<Pack, ExportError> {
    std::fs::create_dir_all(out)?;
    let (from, to) = month.bounds();
    let whose = Whose { facility, user };
    let chain = copy(reader, (from, to), &whose, &out.join(TRAIL)).await?;
    let mut acts = chain.acts;
    let sent: Vec<Value> = reader
        .sent(from, to)
        .await?
        .iter()
        .filter(|row| row.facility == facility)
        .filter_map(|row| {
            let id = Uuid::from_slice(&row.id).ok()?;
            let batch = row.batch.as_deref().and_then(|batch| Uuid::from_slice(batch).ok());
            let mut own = acts.get(&format!("submission:{id}")).cloned().unwrap_or_default();
            own.extend(acts.get(&format!("identification:{id}")).into_iter().flatten().cloned());
            // Of a batch each of its parts is told.
            own.extend(batch.and_then(|batch| acts.get(&format!("batch:{batch}"))).into_iter().flatten().cloned());
            order::sort_by_key(&mut own, |act| act["seq"].as_u64());
            (user.is_none() || !own.is_empty()).then(|| sent(row, id, batch, &own))
        })
        .collect();
    let received: Vec<Value> = reader
        .arrived(from, to)
        .await?
        .iter()
        .filter(|row| row.facility == facility)
        .filter_map(|row| {
            let id = Uuid::from_slice(&row.id).ok()?;
            let own = acts.get(&format!("received:{id}")).cloned().unwrap_or_default();
            (user.is_none() || !own.is_empty()).then(|| received(row, id, &own))
        })
        .collect();
    for (kind, name, items) in [
        ("submission", "id", &sent),
        ("identification", "id", &sent),
        ("batch", "batch", &sent),
        ("received", "id", &received),
    ] {
        for item in items {
            acts.remove(&format!("{kind}:{}", item[name].as_str().unwrap_or_default()));
        }
    }
    let mut others: Vec<Value> = acts.into_values().flatten().collect();
    order::sort_by_key(&mut others, |act| act["seq"].as_u64());
    let mut json = json!({
        "pack": "engawa audit export",
        "engawa": env!("CARGO_PKG_VERSION"),
        "facility": facility,
        "month": month.to_string(),
        "user": user,
        "made_at": format!("{now:.0}"),
        "trail": {
            "file": TRAIL,
            "records": chain.records,
            "left_out": chain.left_out,
            "first": chain.first,
            "last": chain.head.map(|anchor| anchor.seq),
            "before": chain.before.map(|anchor| anchor.to_string()),
            "head": chain.head.map(|anchor| anchor.to_string()),
            "fits": chain.flaw.is_none(),
        },
        "sent": sent,
        "received": received,
        "others": others,
    });
    let page = page(&json);
    json["page"] = json!({ "file": PAGE_FILE, "sha256": Hash::of(page.as_bytes()).to_string() });
    std::fs::write(out.join(PAGE_FILE), page)?;
    std::fs::write(out.join("pack.json"), format!("{json:#}\n"))?;
    Ok(Pack { json, flaw: chain.flaw })
}

/// Whose acts are listed.
struct Whose<'a> {
    facility: &'a str,
    user: Option<&'a str>,
}

impl Whose<'_> {
    fn is_of(&self, record: &Record) -> bool {
        record.facility == self.facility && (self.user.is_none() || record.person.as_deref() == self.user)
    }
}

/// The chain of a month.
#[derive(Default)]
struct Chain {
    records: u64,
    left_out: u64,
    first: Option<u64>,
    before: Option<Anchor>,
    head: Option<Anchor>,
    /// By what they were about.
    acts: BTreeMap<String, Vec<Value>>,
    flaw: Option<Flaw>,
}

async fn copy(
    reader: &TrailReader,
    (from, to): (i64, i64),
    whose: &Whose<'_>,
    file: &Path,
) -> Result<Chain, ExportError> {
    let mut file = BufWriter::new(std::fs::File::create(file)?);
    let mut chain = Chain::default();
    // A wall clock that went back makes months overlap; the chain is given whole between its ends.
    if let Some(month) = reader.span(from, to).await? {
        // The facility's records next to the month show that it is whole.
        let edges = reader.around(whose.facility, month, from).await?;
        let (first, last) = (edges.0.unwrap_or(1), edges.1.unwrap_or(month.1));
        let before = match first {
            ..=1 => None,
            _ => reader.after(first - 2, 1).await?.pop().filter(|row| row.seq == first - 1),
        };
        let before = before.map(|row| Anchor { seq: row.seq.unsigned_abs(), hash: Hash::of(row.record.as_bytes()) });
        chain.before = before.or((first <= 1).then_some(Anchor { seq: 0, hash: Hash::NOTHING }));
        let mut verifier = Verifier::new(chain.before);
        let mut after = first - 1;
        while after < last && chain.flaw.is_none() {
            let rows = reader.after(after, PAGE).await?;
            let Some(newest) = rows.last() else { break };
            after = newest.seq;
            for row in rows.into_iter().filter(|row| row.seq <= last) {
                if chain.flaw.is_none() {
                    chain.flaw = verifier.read_kept(row.record.as_bytes(), row.at).err();
                }
                chain.take(&row, whose, edges, &mut file)?;
            }
        }
        if chain.flaw.is_none() {
            chain.flaw = verifier.end().err();
        }
    }
    file.flush()?;
    file.get_ref().sync_all()?;
    Ok(chain)
}

impl Chain {
    fn take(
        &mut self,
        row: &TrailRow,
        whose: &Whose<'_>,
        edges: (Option<i64>, Option<i64>),
        file: &mut impl Write,
    ) -> std::io::Result<()> {
        let (line, seq) = (row.record.as_bytes(), row.seq.unsigned_abs());
        let hash = Hash::of(line);
        self.records += 1;
        self.first.get_or_insert(seq);
        self.head = Some(Anchor { seq, hash });
        let record = Record::parse(line).map(|(record, _)| record);
        let edge = [edges.0, edges.1].contains(&Some(row.seq));
        // What is no record is shown as it is: it is what the flaw is about.
        if !edge && record.as_ref().is_some_and(|record| !whose.is_of(record)) {
            self.left_out += 1;
            return writeln!(file, "{}", leave_out(seq, hash));
        }
        file.write_all(line)?;
        file.write_all(b"\n")?;
        if let Some(record) = record.filter(|record| !edge && whose.is_of(record)) {
            let act = plain(&record);
            self.acts.entry(record.on.unwrap_or_default()).or_default().push(act);
        }
        Ok(())
    }
}

fn time(at: Option<i64>) -> Option<String> {
    at.and_then(|at| Timestamp::from_millisecond(at).ok()).map(|at| format!("{at:.3}"))
}

fn sent(row: &SentRow, id: Uuid, batch: Option<Uuid>, acts: &[Value]) -> Value {
    let result: Value =
        row.result.as_deref().and_then(|text| serde_json::from_slice(text.as_bytes()).ok()).unwrap_or_default();
    // Of a refusal only the code: what the hub names may quote the document.
    let receipt = &result["receipt"];
    let receipt =
        receipt["number"].as_str().map(|number| json!({ "number": number, "accepted_at": receipt["accepted_at"] }));
    json!({
        "id": id,
        "batch": batch,
        "kind": row.kind,
        "state": row.state,
        "reason": row.reason,
        "accepted_at": time(Some(row.accepted_at)),
        "first_sent_at": time(row.first_sent_at),
        "changed_at": time(Some(row.changed_at)),
        "sha256": hex(&row.body_hash),
        "receipt": receipt,
        "acts": acts,
    })
}

fn received(row: &ArrivedRow, id: Uuid, acts: &[Value]) -> Value {
    json!({
        "id": id,
        "from_facility": row.from_facility,
        "receipt_number": row.receipt_number,
        "state": row.state,
        "sent_at": time(Some(row.sent_at)),
        "kept_at": time(row.kept_at),
        "opened_at": time(row.opened_at),
        "hub_was_told": row.acknowledged,
        "sha256": row.body_hash.as_deref().map(hex),
        "acts": acts,
    })
}
