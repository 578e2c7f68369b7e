//! Packs that somebody bent: both verifiers find it, and say the same.

use std::fmt::Write as _;
use std::path::Path;

use engawa::audit::{Anchor, Draft, Hash, Record, Result as Ended, check_pack};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::python;
use super::verifiers::{by_the_script, command, told};

const FACILITIES: [&str; 2] = ["9970000015", "9970000023"];
const PEOPLE: [Option<&str>; 3] = [None, Some("sato"), Some("suzuki")];
const PAGE: &str = "<!DOCTYPE html>the page";

/// A pack as the box would write it, of November 2026.
#[derive(Clone)]
struct Pack {
    lines: Vec<Vec<u8>>,
    json: Value,
    page: Vec<u8>,
}

fn record(seq: u64, previous: Hash, facility: &str, person: Option<&str>) -> Record {
    let act = Draft { person: person.map(str::to_owned), ..Draft::local(facility, "opinion.submit") };
    // Three a day, from the end of October to the beginning of December.
    let at = jiff::Timestamp::from_second(1_793_404_800 + i64::try_from(seq).unwrap() * 8 * 3600).unwrap();
    let on = format!("submission:00000000-0000-7000-8000-{seq:012}");
    act.ended(at, Some(on), Ended::Done, None).record(seq, &previous.to_string())
}

fn in_month(record: &Record) -> bool {
    ("2026-10-31T15:00:00.000Z".."2026-11-30T15:00:00.000Z").contains(&record.at.as_str())
}

fn act(line: &[u8]) -> Value {
    let mut act: Value = serde_json::from_slice(line).unwrap();
    act.as_object_mut().unwrap().shift_remove("previous");
    act
}

fn stand_in(seq: u64, hash: Hash) -> Vec<u8> {
    format!("{{\"seq\":{seq},\"hash\":\"{hash}\"}}").into_bytes()
}

/// A pack of the first facility, and of one person where one is named.
fn pack(user: Option<&str>, dice: &mut StdRng) -> Pack {
    let mut all: Vec<(Record, Vec<u8>)> = Vec::new();
    let begin = dice.random_range(0..12);
    for seq in 1..=110 {
        let previous = all.last().map_or(Hash::NOTHING, |(_, line)| Hash::of(line));
        let facility = FACILITIES[dice.random_range(0..2)];
        let record = record(seq + begin, previous, facility, PEOPLE[dice.random_range(0..3)]);
        let record = Record { seq, ..record };
        let line = record.line().into_bytes();
        all.push((record, line));
    }
    let month: Vec<usize> = (0..all.len()).filter(|at| in_month(&all[*at].0)).collect();
    let (from, to) = (month[0], *month.last().unwrap());
    let here = |at: &usize| all[*at].0.facility == FACILITIES[0];
    let (lead, tail) = ((0..from).rev().find(here), (to + 1..all.len()).find(here));
    let (first, last) = (lead.unwrap_or(0), tail.unwrap_or(to));
    let (mut lines, mut acts, mut left_out) = (Vec::new(), Vec::new(), 0);
    for (at, (record, line)) in all.iter().enumerate().take(last + 1).skip(first) {
        let own = here(&at) && (user.is_none() || record.person.as_deref() == user);
        if own && (from..=to).contains(&at) {
            acts.push(act(line));
        }
        if own || Some(at) == lead || Some(at) == tail {
            lines.push(line.clone());
        } else {
            left_out += 1;
            lines.push(stand_in(record.seq, Hash::of(line)));
        }
    }
    let before = if first == 0 { Hash::NOTHING } else { Hash::of(&all[first - 1].1) };
    let head = Anchor { seq: last as u64 + 1, hash: Hash::of(&all[last].1) };
    let half = acts.split_off(acts.len() / 2);
    let json = json!({
        "facility": FACILITIES[0], "month": "2026-11", "user": user,
        "trail": {
            "file": "trail.jsonl", "records": lines.len(), "left_out": left_out, "first": first + 1, "last": last + 1,
            "before": format!("{first}:{before}"), "head": head.to_string(),
        },
        // Of a batch each part tells the same.
        "sent": [{ "acts": acts }, { "acts": [acts.first()] }],
        "received": [], "others": half,
        "page": { "file": "pack.html", "sha256": Hash::of(PAGE.as_bytes()).to_string() },
    });
    Pack { lines, json, page: PAGE.into() }
}

impl Pack {
    fn write(&self, directory: &Path) {
        std::fs::create_dir(directory).unwrap();
        let lines: Vec<u8> = self.lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect();
        std::fs::write(directory.join("trail.jsonl"), lines).unwrap();
        std::fs::write(directory.join("pack.json"), self.json.to_string()).unwrap();
        std::fs::write(directory.join("pack.html"), &self.page).unwrap();
    }

    fn own(&self) -> Vec<usize> {
        let listed = |seq: &Value| {
            let items = self.json["sent"].as_array().unwrap().iter().flat_map(|item| item["acts"].as_array().unwrap());
            items.chain(self.json["others"].as_array().unwrap()).any(|act| act["seq"] == *seq)
        };
        let seq = |line: &Vec<u8>| serde_json::from_slice::<Value>(line).unwrap()["seq"].clone();
        (0..self.lines.len()).filter(|at| listed(&seq(&self.lines[*at]))).collect()
    }

    /// Takes an act out of the lists.
    fn unlist(&mut self, seq: &Value) {
        let keep = |acts: &mut Value| acts.as_array_mut().unwrap().retain(|act| act["seq"] != *seq);
        self.json["sent"].as_array_mut().unwrap().iter_mut().for_each(|item| keep(&mut item["acts"]));
        keep(&mut self.json["others"]);
    }
}

/// How it was bent, so that it has to be found; `None`: it is not certain that anything is wrong.
fn bend(pack: &mut Pack, dice: &mut StdRng) -> Option<&'static str> {
    let own = pack.own();
    let at = own[dice.random_range(0..own.len())];
    match dice.random_range(0..11) {
        // An act that nobody is to see: left out of the lists.
        0 => {
            let line: Value = serde_json::from_slice(&pack.lines[at]).unwrap();
            pack.unlist(&line["seq"]);
            Some("not_listed")
        }
        // The front is cut, and the pack made to fit.
        1 => {
            let cut = dice.random_range(1..pack.lines.len() - 2);
            let gone: Vec<_> = pack.lines.drain(..cut).collect();
            let seq = |line: &[u8]| serde_json::from_slice::<Value>(line).unwrap()["seq"].clone();
            gone.iter().for_each(|line| pack.unlist(&seq(line)));
            let full =
                |line: &[u8]| line.starts_with(b"{\"seq\":") && !line.windows(8).any(|part| part == b"\"hash\":\"");
            let hash = match gone.last().unwrap() {
                line if full(line) => Hash::of(line).to_string(),
                line => serde_json::from_slice::<Value>(line).unwrap()["hash"].as_str().unwrap().to_owned(),
            };
            let left_out = pack.lines.iter().filter(|line| !full(line)).count();
            let first = seq(&pack.lines[0]).as_u64().unwrap();
            let trail = &mut pack.json["trail"];
            trail["before"] = format!("{}:{hash}", first - 1).into();
            (trail["first"], trail["records"]) = (first.into(), pack.lines.len().into());
            trail["left_out"] = left_out.into();
            let early = serde_json::from_slice::<Record>(&pack.lines[0]).is_ok_and(|record| {
                record.at.as_str() < "2026-10-31T15:00:00.000Z" && record.facility == FACILITIES[0]
            });
            (!early).then_some("cut_before")
        }
        2 => {
            pack.page[3] ^= 1;
            Some("page_otherwise")
        }
        // Types that compare as equal in some languages.
        3 => {
            let line: Value = serde_json::from_slice(&pack.lines[at]).unwrap();
            let acts = pack.json["others"].as_array_mut().unwrap();
            let act = acts.iter_mut().find(|act| act["seq"] == line["seq"])?;
            act["seq"] = match dice.random_range(0..3) {
                0 => json!(act["seq"].as_u64().unwrap() as f64),
                1 => json!(act["seq"].to_string()),
                _ => json!(true),
            };
            Some("")
        }
        4 => {
            let name = ["records", "left_out", "first", "last"][dice.random_range(0..4)];
            pack.json["trail"][name] =
                [json!(7), json!(7.0), json!("7"), json!(true), Value::Null][dice.random_range(0..5)].clone();
            None
        }
        5 => {
            pack.lines.remove(at);
            Some("")
        }
        6 => {
            let mut bent: Record = serde_json::from_slice(&pack.lines[at]).unwrap();
            bent.act = "key.add".to_owned();
            pack.lines[at] = bent.line().into_bytes();
            Some("")
        }
        7 => {
            let place = dice.random_range(0..pack.lines.len());
            pack.lines.swap(at, place);
            None
        }
        8 => {
            let line = &mut pack.lines[at];
            let octet = dice.random_range(0..line.len());
            line[octet] ^= dice.random_range(1..=255u8);
            Some("")
        }
        9 => {
            let shorter = dice.random_range(0..pack.lines.len());
            pack.lines.truncate(shorter);
            Some("")
        }
        _ => {
            let place = dice.random_range(0..pack.lines.len());
            pack.lines[place] = stand_in(dice.random_range(1..120), Hash::of(b"another"));
            Some("")
        }
    }
}

#[test]
fn both_verifiers_find_what_was_done_to_a_pack() {
    let home = tempfile::tempdir().unwrap();
    let mut dice = StdRng::seed_from_u64(20_261_122);
    let (mut orders, mut wanted) = (String::new(), Vec::new());
    for n in 0..600 {
        let mut pack = pack([None, Some("sato")][n % 2], &mut dice);
        let sound = n % 25 == 0;
        let bent = if sound { None } else { bend(&mut pack, &mut dice) };
        let path = home.path().join(n.to_string());
        pack.write(&path);
        writeln!(orders, "{}", path.display()).unwrap();
        let told = check_pack(&path, &[]).map_or(json!("unreadable"), told);
        match bent {
            None if sound => assert_eq!(told["fits"], true, "{n}: {told}"),
            None => {}
            Some("") => assert_ne!(told["fits"], true, "{n}: {told}"),
            Some(why) => assert_eq!(told["why"], why, "{n}: {told}"),
        }
        wanted.push(told);
    }
    let found = by_the_script(home.path(), &orders);
    for (n, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
        assert_eq!(found, wanted, "{n}");
    }
    assert_eq!(found.len(), wanted.len());
}

#[test]
fn the_octets_of_pack_json_are_read_alike() {
    let home = tempfile::tempdir().unwrap();
    let mut dice = StdRng::seed_from_u64(7);
    let (mut orders, mut wanted) = (String::new(), Vec::new());
    for n in 0..300 {
        let pack = pack(None, &mut dice);
        let path = home.path().join(n.to_string());
        pack.write(&path);
        let mut octets = std::fs::read(path.join("pack.json")).unwrap();
        let at = dice.random_range(0..octets.len());
        octets[at] = *b"0123456789.eE-+ \"{}[],:tfn\\u\xff".get(dice.random_range(0..29)).unwrap();
        std::fs::write(path.join("pack.json"), octets).unwrap();
        writeln!(orders, "{}", path.display()).unwrap();
        wanted.push(check_pack(&path, &[]).map_or(json!("unreadable"), told));
    }
    for (n, (found, wanted)) in by_the_script(home.path(), &orders).iter().zip(&wanted).enumerate() {
        assert_eq!(
            found,
            wanted,
            "{n}: {}",
            std::fs::read_to_string(home.path().join(n.to_string()).join("pack.json")).unwrap_or_default()
        );
    }
}

#[test]
fn a_pack_json_of_any_size_is_not_read() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("pack");
    pack(None, &mut StdRng::seed_from_u64(7)).write(&path);
    // It takes no place on the disk.
    let file = std::fs::OpenOptions::new().write(true).open(path.join("pack.json")).unwrap();
    file.set_len((256 << 20) + 1).unwrap();
    for output in [command(&path, &[]), python(&path, &[])] {
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("pack.json is larger than 256 MiB"), "{said}");
    }
}
