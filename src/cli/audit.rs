//! `engawa audit`: the database is only read, whether or not a gateway runs on it; a file needs neither settings nor a gateway.

use std::path::Path;

use serde_json::{Value, json};

use super::arguments::AuditOrder;
use super::output::{self, chain, complain, say};
use super::{Exit, Site, on_this_thread};
use crate::audit::{
    Anchor, CheckError, Flaw, Hash, Month, Record, Sound, check_database, check_file, check_pack, export,
};
use crate::clock::Clock;
use crate::store::{StoreError, TrailReader};

pub(super) fn run(site: &Site, order: AuditOrder) -> Exit {
    let directory = site.state.directory.as_path();
    on_this_thread(async {
        match order {
            AuditOrder::Verify { anchors, json, .. } => judged(check_database(directory, &anchors).await, json),
            AuditOrder::Anchor { json } => read(anchor(directory, json).await),
            AuditOrder::List { last, json, .. } => read(list(site, last, json).await),
            AuditOrder::Export { month, user, out, json, .. } => pack(site, (month, user.as_deref()), &out, json).await,
        }
    })
}

/// A file, or a folder with a pack.
pub(super) fn verify(path: &Path, anchors: &[Anchor], json: bool) -> Exit {
    let checked = if path.is_dir() { check_pack(path, anchors) } else { check_file(path, anchors) };
    judged(checked, json)
}

fn judged(checked: Result<Result<Sound, Flaw>, CheckError>, json: bool) -> Exit {
    match checked {
        Ok(Ok(sound)) => {
            let Sound { first, last } = sound;
            let value = json!({ "fits": true, "first": first, "last": last.seq, "head": last.to_string() });
            output::answer(json, &value, || sound_text(sound));
            Exit::Ok
        }
        Ok(Err(flaw)) => {
            let Flaw { seq, line, why } = flaw;
            let value = json!({ "fits": false, "seq": seq, "line": line, "why": why.name() });
            output::answer(json, &value, || flaw_text(flaw));
            Exit::Failed
        }
        Err(error) => {
            complain(&format!("読めません。 / Cannot be read: {}", chain(&error)));
            Exit::Usage
        }
    }
}

fn sound_text(Sound { first, last }: Sound) -> String {
    let part = match first {
        ..2 => "",
        _ => "\nこれより前の記録は含まれていません。 / What is before is not in it.",
    };
    format!("記録 {first}〜{} はつながっています。 / Records {first} to {} fit.\n{last}{part}", last.seq, last.seq)
}

fn flaw_text(Flaw { seq, line, why }: Flaw) -> String {
    let [ja, en] = why.sentences();
    format!("記録 {seq}（{line}行目）: {ja}\nRecord {seq} (line {line}): {en}")
}

fn read(result: Result<Exit, StoreError>) -> Exit {
    result.unwrap_or_else(|error| {
        let code = error.code();
        complain(&format!("{code}\n{}\n{}\n  ({})", code.ja(), code.en(), chain(&error)));
        Exit::Failed
    })
}

async fn anchor(directory: &Path, json: bool) -> Result<Exit, StoreError> {
    let reader = TrailReader::open(directory).await?;
    let newest = reader.newest().await?;
    reader.close().await;
    let anchor = newest.map_or(Anchor { seq: 0, hash: Hash::NOTHING }, |row| Anchor {
        seq: row.seq.unsigned_abs(),
        hash: Hash::of(row.record.as_bytes()),
    });
    let value = json!({ "seq": anchor.seq, "hash": anchor.hash.to_string(), "anchor": anchor.to_string() });
    output::answer(json, &value, || anchor.to_string());
    Ok(Exit::Ok)
}

async fn list(site: &Site, last: u16, json: bool) -> Result<Exit, StoreError> {
    let reader = TrailReader::open(&site.state.directory).await?;
    let newest = reader.newest().await?.map_or(0, |row| row.seq);
    let rows = reader.after(newest - i64::from(last), last).await?;
    reader.close().await;
    for row in rows {
        match Record::parse(row.record.as_bytes()) {
            Some((record, _)) if site.named && record.facility != site.facility.number => {}
            Some((record, _)) if !json => say(&readable(&record)),
            _ => say(&row.record),
        }
    }
    Ok(Exit::Ok)
}

fn readable(record: &Record) -> String {
    let who = record.person.as_ref().map_or_else(|| record.by.clone(), |person| format!("{person} ({})", record.by));
    let from = record.from.as_deref().unwrap_or("-");
    let result = json!(record.result);
    let rest: Vec<&str> =
        [record.on.as_deref(), result.as_str(), record.code.as_deref()].into_iter().flatten().collect();
    format!("{:>8}  {}  {who}  {from}  {}  {}", record.seq, record.at, record.act, rest.join("  "))
}

async fn pack(site: &Site, (month, user): (Month, Option<&str>), out: &Path, json: bool) -> Exit {
    let reader = match TrailReader::open(&site.state.directory).await {
        Ok(reader) => reader,
        Err(error) => return read(Err(error)),
    };
    let now = Clock::system().now();
    let made = export(&reader, (month, user, now), &site.facility.number, out).await;
    reader.close().await;
    match made {
        Ok(pack) => {
            let count = |name: &str| pack.json[name].as_array().map_or(0, Vec::len);
            let (sent, received) = (count("sent"), count("received"));
            let value = json!({
                "out": out.display().to_string(), "trail": pack.json["trail"], "sent": sent, "received": received,
            });
            output::answer(json, &value, || written(out, &pack.json["trail"], sent, received));
            match pack.flaw {
                None => Exit::Ok,
                Some(flaw) => {
                    complain(&flaw_text(flaw));
                    Exit::Failed
                }
            }
        }
        Err(error) => {
            complain(&format!("書き出せません。 / It cannot be written: {}", chain(&error)));
            Exit::Failed
        }
    }
}

fn written(out: &Path, trail: &Value, sent: usize, received: usize) -> String {
    let records = &trail["records"];
    format!(
        "{} に trail.jsonl、pack.json、pack.html を書きました。送信 {sent}件、受信 {received}件、記録 {records}件。\n\
         Written: {sent} sent, {received} received, {records} records.\n{}",
        out.display(),
        output::text_of(trail, "head"),
    )
}
