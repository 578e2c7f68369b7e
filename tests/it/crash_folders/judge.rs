//! The reckoning: what the software wrote and posted, what the folders and the gateways tell, what the hub has, what arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::office::{Office, files};
use super::software::{Book, Dropped, Way};
use super::stock::Unit;
use crate::crash::database;
use crate::support::gateway::Gateway;
use crate::support::sandbox::Sandbox;
use crate::support::until;

/// What was counted and found to be right.
#[derive(Default)]
pub(crate) struct Judged {
    /// Units at the hub.
    pub(crate) units: usize,
    /// Files in `sent` or `refused`.
    pub(crate) files: usize,
    pub(crate) refused: usize,
    pub(crate) archives: usize,
    pub(crate) papers: usize,
    pub(crate) again: usize,
    /// Batches that were posted.
    pub(crate) posted: usize,
    /// Files that came out of `in`.
    pub(crate) received: usize,
    /// Drops about which nothing can be said, as the machine stood still while they were written.
    pub(crate) stalled: usize,
}

impl std::ops::AddAssign for Judged {
    fn add_assign(&mut self, more: Self) {
        self.units += more.units;
        self.files += more.files;
        self.refused += more.refused;
        self.archives += more.archives;
        self.papers += more.papers;
        self.again += more.again;
        self.posted += more.posted;
        self.received += more.received;
        self.stalled += more.stalled;
    }
}

impl std::fmt::Display for Judged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} units at the hub, 0 lost, 0 twice, 0 out of order; {} files handed in ({} refused, {} ZIPs, {} on paper, {} again, {} \
             stalled), {} batches posted; {} files received, each once",
            self.units,
            self.files,
            self.refused,
            self.archives,
            self.papers,
            self.again,
            self.stalled,
            self.posted,
            self.received
        )
    }
}

/// A unit at the hub.
struct Filed {
    from: String,
    to: String,
    stamp: String,
    /// The hub's record of it.
    record: Value,
    unit: Value,
}

impl Filed {
    fn all(hub: &Sandbox) -> Vec<Self> {
        let facts = hub.facts();
        let records = facts["careplans"].as_array().unwrap();
        let filed = records.iter().map(|record| {
            let text = |name: &str| record[name].as_str().unwrap().to_owned();
            let unit = fs::read(hub.dir().join(format!("units/{}.json", text("id")))).unwrap();
            let unit: Value = serde_json::from_slice(&unit).unwrap();
            let stamp = unit["stamp"].as_str().unwrap().to_owned();
            Self { from: text("facility"), to: text("to_facility"), stamp, record: record.clone(), unit }
        });
        filed.collect()
    }

    fn receipt(&self) -> &str {
        self.record["receipt_number"].as_str().unwrap()
    }
}

/// Units that have to be at the hub.
fn expected(book: &Book) -> impl Iterator<Item = &Unit> {
    let dropped = book.dropped.iter().filter(|one| !one.stalled && one.way != Way::Paper);
    dropped.flat_map(|one| &one.units).chain(book.posted.iter().flat_map(|one| &one.units))
}

/// The units of drops about which nothing can be said: they may be at the hub or not.
fn stalled(book: &Book) -> BTreeSet<String> {
    let stalled = book.dropped.iter().filter(|one| one.stalled);
    stalled.flat_map(|one| &one.units).map(|unit| unit.stamp.clone()).collect()
}

/// What still goes on; `None` when all has gone its way.
pub(crate) fn unrest(hub: &Sandbox, offices: &[Office]) -> Option<String> {
    for office in offices {
        for part in ["out", "in", ".work", ".arriving"] {
            if let Some(path) = files(&office.base.join(part)).first() {
                return Some(format!("{} lies there still", path.display()));
            }
        }
        for state in ["queued", "sending", "unknown", "held"] {
            if let Some(one) = office.gateway.list(state).first() {
                return Some(format!("{state}: {one}"));
            }
        }
        for path in results(office) {
            if !read(&path).is_some_and(|result| result["final"] == true) {
                return Some(format!("{} is not final", path.display()));
            }
        }
        let theirs = |book: &Book| -> usize {
            expected(book).filter(|unit| unit.to == office.number).map(|unit| unit.files.len()).sum()
        };
        let sent: usize = offices.iter().map(|other| other.software.look(theirs)).sum();
        let found = office.software.look(|book| book.found.len());
        if found < sent {
            return Some(format!("{} got {found} of {sent} files", office.number));
        }
        let waits = |one: &&Value| one["to_facility"] == office.number.as_str() && one["state"] == "delivered";
        if let Some(one) = hub.facts()["careplans"].as_array().unwrap().iter().find(waits) {
            return Some(format!("not acknowledged: {one}"));
        }
    }
    None
}

fn results(office: &Office) -> impl Iterator<Item = std::path::PathBuf> {
    let all = files(&office.base.join("sent")).into_iter().chain(files(&office.base.join("refused")));
    all.filter(|path| path.to_str().unwrap().ends_with(".result.json"))
}

fn read(path: &std::path::Path) -> Option<Value> {
    Some(serde_json::from_slice(&fs::read(path).ok()?).unwrap())
}

/// Holds everything against everything.
///
/// # Panics
/// When something is lost, twice, changed, out of order, or left behind.
pub(crate) fn judge(hub: &Sandbox, offices: &[Office]) -> Judged {
    let totals = &hub.facts()["totals"];
    assert_eq!(totals["filed_twice"], 0, "keys with two effects: {totals}");
    assert_eq!(totals["documents_under_two_keys"], 0, "one unit under several keys: {totals}");
    let filed = Filed::all(hub);
    let mut judged = Judged { units: filed.len(), ..Judged::default() };
    for office in offices {
        let own: Vec<&Filed> = filed.iter().filter(|one| one.from == office.number).collect();
        office.software.look(|book| {
            once_at_the_hub(book, &own);
            as_recorded(office, book, &own);
            in_one_place(office, book, &own, &mut judged);
        });
        in_order(office, &own);
        for other in offices {
            let theirs: Vec<&Filed> = own.iter().copied().filter(|one| one.to == other.number).collect();
            let files = office.software.look(written);
            judged.received += other.software.look(|book| received_once(book, &theirs, &files));
        }
        nothing_is_left(office);
        acknowledged_once(hub, office, &filed);
    }
    let found: usize = offices.iter().map(|office| office.software.look(|book| book.found.len())).sum();
    assert_eq!(found, judged.received, "files came that nobody sent");
    judged
}

/// Every unit is there once for its recipient, as it was written, and no other.
fn once_at_the_hub(book: &Book, own: &[&Filed]) {
    let mut at_hub: BTreeMap<(&str, &str), &Filed> = BTreeMap::new();
    for one in own {
        let before = at_hub.insert((&one.stamp, &one.to), one);
        assert!(before.is_none(), "twice at the hub: {}", one.record);
    }
    for unit in expected(book) {
        let filed = at_hub.remove(&(unit.stamp.as_str(), unit.to.as_str()));
        let filed = filed.unwrap_or_else(|| panic!("handed in and not at the hub: {} {}", unit.stamp, unit.files[0].0));
        assert!(filed.unit == unit.json(), "the hub has something else: {}", filed.record);
    }
    let stalled = stalled(book);
    at_hub.retain(|(stamp, _), _| !stalled.contains(*stamp));
    assert!(at_hub.is_empty(), "nobody handed it in: {:?}", at_hub.keys());
}

/// The gateway's record tells of the same units, with the same receipts and the hash of what the hub got.
fn as_recorded(office: &Office, book: &Book, own: &[&Filed]) {
    for state in ["returned", "cancelled"] {
        assert_eq!(office.gateway.list(state), Vec::<Value>::new(), "nothing here gives cause for {state}");
    }
    let delivered = office.gateway.list("delivered");
    let recorded: BTreeMap<&str, &Value> =
        delivered.iter().map(|one| (one["receipt"]["number"].as_str().unwrap(), &one["sha256"])).collect();
    for one in own {
        let hash = recorded.get(one.receipt()).unwrap_or_else(|| panic!("no record of {}", one.record));
        assert_eq!(**hash, one.record["body_sha256"], "other bytes than on record: {}", one.record);
    }
    assert_eq!((delivered.len(), recorded.len()), (own.len(), own.len()), "the record tells of others than the hub");
    for one in &book.posted {
        let batch = office.gateway.get(&format!("/v1/careplans/{}", one.batch)).json();
        let deliveries = batch["deliveries"].as_array().unwrap_or_else(|| panic!("a 202 is forgotten: {}", one.batch));
        assert_eq!(deliveries.len(), one.units.len(), "{batch}");
        assert!(deliveries.iter().all(|one| one["state"] == "delivered"), "{batch}");
    }
}

/// Nothing overtakes: what was accepted later goes later, unless its stamp is earlier; and the software's own order of what it
/// wrote one by one is kept.
fn in_order(office: &Office, own: &[&Filed]) {
    let delivered = office.gateway.list("delivered");
    let accepted: BTreeMap<&str, &str> = delivered
        .iter()
        .map(|one| (one["receipt"]["number"].as_str().unwrap(), one["accepted_at"].as_str().unwrap()))
        .collect();
    let at = |one: &Filed| accepted[one.receipt()].parse::<jiff::Timestamp>().unwrap();
    let single: BTreeSet<String> = office.software.look(|book| {
        let single = book.dropped.iter().filter(|one| one.way == Way::Files && !one.stalled);
        single.flat_map(|one| &one.units).map(|unit| unit.stamp.clone()).collect()
    });
    for (later, first) in own.iter().enumerate().flat_map(|(n, one)| own[..n].iter().map(move |first| (one, first))) {
        if later.to == first.to && later.stamp < first.stamp {
            assert!(at(later) > at(first), "{} overtook {}", first.record, later.record);
            let both = single.contains(&later.stamp) && single.contains(&first.stamp);
            assert!(!both, "{} {} was taken before {}", first.record, first.stamp, later.stamp);
        }
    }
}

/// Each file is in `sent` or `refused`, once, with a final result beside it that tells what became of it.
fn in_one_place(office: &Office, book: &Book, own: &[&Filed], judged: &mut Judged) {
    let receipts: BTreeSet<&str> = own.iter().map(|one| one.receipt()).collect();
    let mut places: BTreeMap<(bool, String), Vec<Vec<u8>>> = BTreeMap::new();
    for part in ["sent", "refused"] {
        let all = files(&office.base.join(part));
        for path in all.iter().filter(|path| is_handed_in(path.to_str().unwrap())) {
            let name = path.to_str().unwrap();
            let result = read(format!("{name}.result.json").as_ref()).unwrap_or_else(|| panic!("no word on {name}"));
            assert!(result["final"] == true && result["status"] == part, "{name}: {result}");
            assert!(fs::metadata(format!("{name}.txt")).unwrap().len() > 0, "{name}");
            let deliveries = result["deliveries"].as_array().unwrap();
            assert_eq!(deliveries.is_empty(), part == "refused", "{name}: {result}");
            for one in deliveries {
                let told = match one["state"].as_str().unwrap() {
                    "delivered" => receipts.contains(one["receipt"]["number"].as_str().unwrap()),
                    "on_paper" => path.with_file_name(one["cover_page"].as_str().unwrap()).exists(),
                    _ => false,
                };
                assert!(told, "{name}: {one}");
            }
            let bytes = fs::read(path).unwrap();
            places.entry((part == "sent", original(name))).or_default().push(bytes);
        }
    }
    for Dropped { way, files, stalled, .. } in &book.dropped {
        if *stalled {
            judged.stalled += 1;
            files.iter().for_each(|(name, _)| places.retain(|(_, known), _| known != name));
            continue;
        }
        for (name, bytes) in files {
            let there = places.get_mut(&(*way != Way::Unfit, name.clone())).and_then(Vec::pop);
            assert!(there.as_ref() == Some(bytes), "{way:?} {name}: {:?}", there.map(|bytes| bytes.len()));
        }
        judged.files += files.len();
        judged.refused += if *way == Way::Unfit { files.len() } else { 0 };
        judged.archives += usize::from(*way == Way::Archive);
        judged.papers += usize::from(*way == Way::Paper);
        judged.again += usize::from(*way == Way::Again);
    }
    places.retain(|_, left| !left.is_empty());
    assert!(places.is_empty(), "more than was put into `out`: {:?}", places.keys());
    judged.posted += book.posted.len();
}

/// Whether it is a file of the software's, and no word of the box's.
fn is_handed_in(name: &str) -> bool {
    let beside = [".result.json", ".txt", ".cover.html"];
    !beside.iter().any(|end| name.ends_with(end))
}

/// The name in `out`: another of the same name is called `NAME (2).CSV`.
fn original(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap();
    match (name.find(" ("), name.rfind('.')) {
        (Some(from), Some(to)) => format!("{}{}", &name[..from], &name[to..]),
        _ => name.to_owned(),
    }
}

/// What was written, by name.
fn written(book: &Book) -> BTreeMap<String, (String, Vec<u8>)> {
    let units = book.dropped.iter().flat_map(|one| &one.units).chain(book.posted.iter().flat_map(|one| &one.units));
    let files = units.flat_map(|unit| unit.files.iter().map(|file| (&unit.stamp, file)));
    files.map(|(stamp, (name, bytes))| (name.clone(), (stamp.clone(), bytes.clone()))).collect()
}

/// The other office's software got every file of every unit once, byte for byte, in the order of stamps, the main file last.
fn received_once(book: &Book, theirs: &[&Filed], written: &BTreeMap<String, (String, Vec<u8>)>) -> usize {
    let stamps: BTreeSet<&str> = theirs.iter().map(|one| one.stamp.as_str()).collect();
    let mut looks: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    let mut mains: BTreeMap<&str, u32> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for found in book.found.iter() {
        let Some((stamp, bytes)) = written.get(&found.name) else { continue };
        assert!(names.insert(&found.name), "came twice: {}", found.name);
        assert!(stamps.contains(stamp.as_str()), "came without the hub: {}", found.name);
        assert!(found.bytes == *bytes, "is not what was written: {}", found.name);
        looks.entry(stamp).or_default().push(found.look);
        if ["UP1KYO", "UPPLAN"].iter().any(|kind| found.name.starts_with(kind)) {
            mains.insert(stamp, found.look);
        }
    }
    for (stamp, _) in written.values().filter(|(stamp, _)| stamps.contains(stamp.as_str())) {
        let count = written.values().filter(|(other, _)| other == stamp).count();
        assert_eq!(looks.get(stamp.as_str()).map(Vec::len), Some(count), "not all files of {stamp}");
    }
    for (stamp, main) in mains {
        assert_eq!(looks[stamp].iter().max(), Some(&main), "the main file of {stamp} came before the others");
    }
    for (n, later) in theirs.iter().enumerate() {
        for first in theirs[..n].iter().filter(|first| first.stamp < later.stamp) {
            let (first, later) = (&looks[first.stamp.as_str()], &looks[later.stamp.as_str()]);
            assert!(first.iter().max() <= later.iter().min(), "came in another order");
        }
    }
    names.len()
}

/// What the office got at the hub is acknowledged, once.
fn acknowledged_once(hub: &Sandbox, office: &Office, filed: &[Filed]) {
    let facts = hub.facts();
    let acks = facts["acks"].as_array().unwrap().iter().filter(|ack| ack["facility"] == office.number.as_str());
    let mut ids: Vec<&str> = acks.map(|ack| ack["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let theirs = filed.iter().filter(|one| one.to == office.number);
    let mut wanted: Vec<&str> = theirs.map(|one| one.record["id"].as_str().unwrap()).collect();
    wanted.sort_unstable();
    assert_eq!(ids, wanted, "acknowledged: not what arrived, or not once");
}

/// Nothing temporary stays, and nothing that is the box's own.
fn nothing_is_left(office: &Office) {
    let left = || -> Vec<String> {
        let own = [".work", ".arriving"].into_iter().flat_map(|part| fs::read_dir(office.base.join(part)).unwrap());
        let own = own.map(|entry| entry.unwrap().path());
        let temporary = files(&office.base).into_iter().filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with('.') || name.ends_with(".tmp")
        });
        own.chain(temporary).map(|path| path.display().to_string()).collect()
    };
    // The last of it is swept up after the last word was told.
    let mut looks = 0;
    until("nothing to be left", Duration::from_secs(15), || {
        looks += 1;
        let left = left();
        assert!(left.is_empty() || looks < 200, "left behind: {left:?}");
        left.is_empty().then_some(())
    });
}

/// A unit that was kept and the event that tells of it are one transaction.
pub(crate) fn one_event_for_one_effect(gateway: &Gateway) {
    database::sound(gateway.state());
    let wrong = database::ask(
        gateway.state(),
        "SELECT CAST((SELECT count(*) FROM submission s WHERE s.state = 'delivered' AND 1 <>
           (SELECT count(*) FROM event e WHERE e.submission = s.id AND e.kind = 'submission.delivered')) +
         (SELECT count(*) FROM received r WHERE 1 <>
           (SELECT count(*) FROM event e WHERE e.kind = 'careplan.received' AND
             hex(r.id) = upper(replace(json_extract(e.data, '$.received'), '-', '')))) AS TEXT)",
    );
    assert_eq!(wrong, "0", "effects that were told not exactly once");
}
