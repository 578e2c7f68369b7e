//! The same for care plans, both ways: person data stands in the files that the facility puts or gets, in the answers to those who
//! may see it, and nowhere else.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engawa::model::careplan::unit::{File, group};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::needles::{Needle, Person, files, search};
use super::{KEPT, SOON};
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Answer, Ask};
use crate::support::sandbox::Sandbox;
use crate::support::until;

const DX: &str = "9970000023";
const ABSENT: &str = "9970000080";
/// Nothing more comes on a stream that was silent for so long.
const SILENCE: Duration = Duration::from_secs(1);
const LIST: &str = "/v1/careplans/received";

type Named = (String, Vec<u8>);

/// The files of a unit of the samples, about this person, under another stamp and to another office.
fn sample(person: &Person, folder: &str, stamp: &str, to: &str) -> Vec<Named> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/careplan").join(folder);
    let mut all = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let (start, old) = name.rsplit_once('_').unwrap();
        let name = format!("{}_{stamp}{}", start.replace(&format!("{DX}_11"), to), &old[14..]);
        let mut text = encoding_rs::SHIFT_JIS.decode(&std::fs::read(&path).unwrap()).0.into_owned();
        for (old, new) in person.sampled() {
            text = text.replace(old, &new);
        }
        let (bytes, _, lacks) = encoding_rs::SHIFT_JIS.encode(&text);
        assert!(!lacks, "{name}");
        all.push((name, bytes.into_owned()));
    }
    all.sort();
    all
}

fn zipped(files: &[Named], folder: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(format!("{folder}/{name}"), zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn multipart(files: &[Named]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in files {
        let head = format!("--bb\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
    }
    body.extend_from_slice(b"--bb--\r\n");
    body
}

fn units(files: &[Named]) -> Value {
    let files: Vec<File<'_>> = files.iter().map(|(name, bytes)| File { name, bytes }).collect();
    let grouping = group(&files);
    assert!(grouping.refused.is_empty(), "{:?}", grouping.refused);
    let units = grouping.submissions.iter().flat_map(|submission| &submission.units);
    units.map(|unit| serde_json::from_slice::<Value>(&unit.to_json().unwrap()).unwrap()).collect()
}

/// Takes out what the caller called its own files and members.
fn without_names(answer: &mut Value) {
    match answer {
        Value::Array(items) => items.iter_mut().for_each(without_names),
        Value::Object(members) => {
            members.retain(|name, _| !["file", "pointer"].contains(&name.as_str()));
            members.values_mut().for_each(without_names);
        }
        _ => {}
    }
}

/// A gateway with a folder, and what was seen of it.
struct House {
    gateway: Gateway,
    share: TempDir,
    temporary: TempDir,
    base: PathBuf,
    key: String,
    collected: Vec<(String, Vec<u8>)>,
}

impl House {
    fn open(hub: &Sandbox, folder: &str, user_id: &str) -> Self {
        let (share, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut gateway = Setup::of(hub, folder, user_id)
            .set("exchange.directory", &json!(share.path()).to_string())
            .set("exchange.settle_s", "1")
            .set("exchange.look_s", "1")
            .set("exchange.patience_s", "10")
            .set("log.level", "\"trace\"")
            .env("TMPDIR", temporary.path().to_str().unwrap())
            .env("RUST_BACKTRACE", "full")
            .env("RUST_LOG", "trace")
            .idle();
        gateway.start();
        let rights = json!({ "label": "care software", "rights": ["submit", "read", "manage", "receive"] });
        let answer = gateway.ask(&Ask::new("POST", "/v1/keys").json(&rights));
        let key = answer.json()["key"].as_str().unwrap().to_owned();
        let base = share.path().join(&hub.facility(folder).number);
        until("the folders", SOON, || base.join("STATUS.txt").exists().then_some(()));
        Self { gateway, share, temporary, base, key, collected: Vec::new() }
    }

    /// Asks, and keeps the answer for the search.
    fn ask(&mut self, ask: Ask) -> Answer {
        let answer = self.gateway.ask(&ask.key(&self.key));
        self.collected.push(("head of an answer".to_owned(), answer.head.clone().into_bytes()));
        let mut body = serde_json::from_str(&answer.body).unwrap_or_else(|_| json!(answer.body));
        without_names(&mut body);
        self.collected.push((format!("answer {}", answer.status), body.to_string().into_bytes()));
        answer
    }

    fn post(&mut self, path: &str, key: &str, kind: &str, body: Vec<u8>) -> Answer {
        let ask = Ask::new("POST", path).header("content-type", kind).header("idempotency-key", key);
        self.ask(Ask { body, ..ask })
    }

    fn put(&self, files: &[Named]) {
        for (name, bytes) in files {
            std::fs::write(self.base.join("out").join(name), bytes).unwrap();
        }
    }

    /// The box's words beside the files of a folder.
    fn results(&self, part: &str) -> BTreeMap<String, Value> {
        let all = files(&self.base.join(part), &[]).into_iter();
        let results = all.filter(|(path, _)| path.ends_with(".result.json"));
        results.map(|(path, bytes)| (path, serde_json::from_slice(&bytes).unwrap_or_default())).collect()
    }

    fn reaches(&self, id: &str, state: &str) {
        until(&format!("{id} to be {state}"), SOON, || {
            let seen = self.gateway.get(&format!("/v1/submissions/{id}")).json();
            (seen["state"] == state).then_some(())
        });
    }

    /// Files of the gateway's own, and in the folders the box's own words.
    fn collect_files(&mut self, when: &str) {
        for (place, bytes) in files(self.gateway.dir(), &KEPT) {
            self.collected.push((format!("{place} {when}"), bytes));
        }
        for (place, bytes) in files(self.share.path(), &[]) {
            let own = ["csv", "zip", "/noext"].iter().any(|end| place.to_ascii_lowercase().ends_with(end));
            if !own {
                self.collected.push((format!("{place} {when}"), bytes));
            }
        }
    }

    fn looked_at(&mut self) {
        for path in ["/metrics", "/v1/health", "/v1/submissions?limit=200", LIST] {
            self.ask(Ask::new("GET", path));
        }
        let commands: [&[&str]; 5] = [
            &["status"],
            &["status", "--json"],
            &["queue", "list"],
            &["queue", "list", "--json"],
            &["check", "--json"],
        ];
        for command in commands {
            let output = self.gateway.run(command);
            assert!(!output.stdout.is_empty(), "{command:?}");
            self.collected.push((command.join(" "), [output.stdout, output.stderr].concat()));
        }
        let events = self.events();
        self.collected.push(("events".to_owned(), events));
        for name in ["cmdline", "environ", "limits"] {
            let bytes = std::fs::read(format!("/proc/{}/{name}", self.gateway.pid())).unwrap_or_default();
            if name == "limits" {
                let text = String::from_utf8(bytes.clone()).unwrap();
                let core = text.lines().find(|line| line.starts_with("Max core file size")).unwrap();
                assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
            }
            self.collected.push((name.to_owned(), bytes));
        }
    }

    /// An answer as it comes, which need not be text.
    fn raw(&self, path: &str) -> Vec<u8> {
        let mut stream = UnixStream::connect(self.gateway.socket()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let ask = Ask::new("GET", path).key(&self.key).header("connection", "close");
        stream.write_all(&ask.bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }

    fn events(&self) -> Vec<u8> {
        let mut stream = UnixStream::connect(self.gateway.socket()).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        stream.write_all(&Ask::new("GET", "/v1/events?from=beginning").key(&self.key).bytes()).unwrap();
        let (mut text, mut chunk) = (Vec::new(), [0; 4096]);
        while let Ok(n @ 1..) = stream.read(&mut chunk) {
            text.extend_from_slice(&chunk[..n]);
        }
        text
    }
}

#[test]
fn nothing_of_a_person_shows_of_care_plans_on_either_side() {
    let (hub, person) = (Sandbox::start(), Person::new(13));
    let mut office = House::open(&hub, "office", "office-manager");
    put_into_folders(&mut office, &person);
    handed_in_and_refused(&mut office, &person);
    met_by_faults(&mut office, &hub, &person);
    killed(&mut office, &hub, &person);
    office.looked_at();
    let mut dx = House::open(&hub, "dx", "dx-staff");
    received(&mut dx, &hub, &person);
    dx.looked_at();
    for (house, event) in [(&office, "submission.delivered"), (&dx, "careplan.received")] {
        let events = house.collected.iter().find(|(place, _)| place == "events").unwrap();
        assert!(String::from_utf8_lossy(&events.1).contains(event), "{event}");
    }
    reckoning(office, &person);
    reckoning(dx, &person);
}

/// Everything that a folder can meet; the names of files are the facility's own too.
fn put_into_folders(office: &mut House, person: &Person) {
    let name = person.name.replace(' ', "");
    office.put(&sample(person, "slip", "20260425101500", &format!("{DX}_11")));
    office.put(&sample(person, "plan", "20260420093000", &format!("{DX}_11")));
    let absent = sample(person, "slip", "20260425101501", &format!("{ABSENT}_15"));
    office.put(&absent);
    let archive = zipped(&sample(person, "slip", "20260425101502", &format!("{DX}_11")), &name);
    let [mut wrong, lacking] =
        ["20260425101503", "20260425101504"].map(|stamp| sample(person, "slip", stamp, &format!("{DX}_11")));
    for (file, bytes) in &mut wrong {
        let text = encoding_rs::SHIFT_JIS.decode(bytes).0.replace(&person.insured_number, &person.name);
        *bytes = encoding_rs::SHIFT_JIS.encode(&text).0.into_owned();
        assert!(file.ends_with(".CSV"));
    }
    office.put(&wrong);
    office.put(&lacking[1..2]);
    let notes = super::needles::cp932(&person.notes).unwrap();
    office.put(&[
        (format!("{name}.zip"), archive),
        (format!("{name}二.zip"), notes.clone()),
        (format!("{name}.CSV"), notes.clone()),
        ("noext".to_owned(), notes),
    ]);
    until("what is unfit to be refused", SOON, || (office.results("refused").len() >= 5).then_some(()));
    let state = |office: &House, state: &str| {
        let results = office.results("sent");
        let states = results.values().flat_map(|result| result["deliveries"].as_array().cloned().unwrap_or_default());
        states.filter(|delivery| delivery["state"] == state).count()
    };
    until("what is fit to be delivered", SOON, || (state(office, "delivered") >= 8).then_some(()));
    until("the office that is absent", SOON, || (state(office, "held") == 3).then_some(()));
    office.put(&[(format!("{}.paper", absent[0].0), Vec::new())]);
    until("the cover page", SOON, || (state(office, "on_paper") == 3).then_some(()));
    let cover = files(&office.base.join("sent"), &[]).into_iter().any(|(path, _)| path.ends_with(".cover.html"));
    assert!(cover);
}

fn handed_in_and_refused(office: &mut House, person: &Person) {
    const FORM: &str = "multipart/form-data; boundary=bb";
    let name = person.name.replace(' ', "");
    let slip = |stamp: &str| sample(person, "slip", stamp, &format!("{DX}_11"));
    let taken = [
        office.post("/v1/careplans", "form", FORM, multipart(&slip("20260425101510"))),
        office.post("/v1/careplans", "zip", "application/zip", zipped(&slip("20260425101511"), &name)),
        office.post("/v1/careplans", "units", "application/json", {
            json!({ "units": units(&slip("20260425101512")) }).to_string().into_bytes()
        }),
    ];
    for answer in &taken {
        assert_eq!(answer.status, 202, "{answer:?}");
        office.reaches(answer.json()["deliveries"][0]["id"].as_str().unwrap(), "delivered");
    }
    let broken = |from: &str, to: &str| -> Vec<Named> {
        let change = |(name, bytes): Named| {
            let text = encoding_rs::SHIFT_JIS.decode(&bytes).0.replace(from, to);
            (name, encoding_rs::SHIFT_JIS.encode(&text).0.into_owned())
        };
        slip("20260425101513").into_iter().map(change).collect()
    };
    let utf8: Vec<Named> = slip("20260425101513")
        .into_iter()
        .map(|(name, bytes)| (name, encoding_rs::SHIFT_JIS.decode(&bytes).0.into_owned().into_bytes()))
        .collect();
    let bad = [
        broken(&person.insured_number, &person.name),
        broken(&person.insured_number, &format!("{}9", person.insured_number)),
        broken(&person.birth_date.replace('-', ""), &person.phone),
        broken("999995", &person.name),
        broken("\r\n", &person.notes),
        broken(&person.name, &format!("{}髙\"", person.name)),
        slip("20260425101513")[..1].to_vec(),
        vec![(format!("{name}.CSV"), person.notes.clone().into_bytes())],
        utf8,
    ];
    for (n, files) in bad.into_iter().enumerate() {
        let answer = office.post("/v1/careplans", &format!("bad-{n}"), FORM, multipart(&files));
        assert!(matches!(answer.status, 400 | 422), "{n}: {answer:?}");
        office.post("/v1/careplans/lint", "lint", FORM, multipart(&files));
        office.post("/v1/careplans/lint", "lint", "application/zip", zipped(&files, &name));
    }
    let units = json!({ "units": units(&slip("20260425101514")) }).to_string();
    let half = units[..units.len() / 2].to_owned();
    for (n, text) in
        [half, units.replace("\"tables\"", &format!("\"{name}\"")), units.replace("202605", &name)].iter().enumerate()
    {
        let answer = office.post("/v1/careplans", &format!("json-{n}"), "application/json", text.clone().into_bytes());
        assert!(matches!(answer.status, 400 | 422), "{n}: {answer:?}");
    }
    let answer = office.post("/v1/careplans", "form", FORM, multipart(&slip("20260425101515")));
    assert_eq!(answer.code(), "IDEMPOTENCY_CONFLICT");
    let percent: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for path in ["/v1/careplans/", "/v1/careplans/received/", "/v1/careplans/lint?name="] {
        let answer = office.ask(Ask::new("GET", &format!("{path}{percent}")));
        assert!(answer.status >= 400, "{answer:?}");
    }
}

fn submit(office: &mut House, person: &Person, number: usize) -> String {
    let slip = sample(person, "slip", &format!("202604251016{number:02}"), &format!("{DX}_11"));
    let answer = office.post("/v1/careplans", &format!("k-{number}"), "application/zip", zipped(&slip, "x"));
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["deliveries"][0]["id"].as_str().unwrap().to_owned()
}

fn met_by_faults(office: &mut House, hub: &Sandbox, person: &Person) {
    let message = format!("氏名「{}」は住民記録と一致しません。{}", person.name, person.notes);
    for (number, code, field) in [(0, "E2102", "/unit".to_owned()), (1, "E2120", format!("/unit/{}", person.name))] {
        hub.fault(json!({"on": "careplan-sent", "kind": "refuse", "code": code, "field": field, "message": message}));
        let id = submit(office, person, number);
        office.reaches(&id, "returned");
    }
    for (number, kind) in
        ["cut_mid_request", "cut_after_effect", "truncated_json", "wrong_type", "status_503"].iter().enumerate()
    {
        hub.fault(json!({ "on": "careplan-sent", "kind": kind }));
        let id = submit(office, person, 10 + number);
        office.reaches(&id, "delivered");
    }
}

fn killed(office: &mut House, hub: &Sandbox, person: &Person) {
    hub.down();
    let id = submit(office, person, 20);
    office.put(&sample(person, "slip", "20260425101700", &format!("{DX}_11")));
    until("the files to be taken", SOON, || {
        std::fs::read_dir(office.base.join("out"))
            .unwrap()
            .all(|entry| !entry.unwrap().file_name().to_string_lossy().contains("20260425101700"))
            .then_some(())
    });
    office.gateway.kill9();
    office.collect_files("after the kill");
    office.gateway.start();
    hub.up();
    office.reaches(&id, "delivered");
    office.gateway.drained(SOON);
}

fn received(dx: &mut House, hub: &Sandbox, person: &Person) {
    let filed = hub.facts()["careplans"].as_array().unwrap().len();
    for kind in ["truncated_json", "wrong_json", "wrong_type", "cut_mid_answer", "html_502"] {
        hub.fault(json!({ "on": "careplan-unit", "kind": kind, "after": 1 }));
    }
    let list = until("all of it", SOON * 2, || {
        let list = dx.gateway.get(&format!("{LIST}?limit=200")).json()["items"].as_array().unwrap().clone();
        (list.len() == filed && list.iter().all(|one| one["state"] == "kept")).then_some(list)
    });
    let name = super::needles::cp932(&person.name).unwrap();
    until("the files in the folder", SOON * 2, || {
        let there = files(&dx.base.join("in"), &[]);
        let with = there.iter().filter(|(_, bytes)| bytes.windows(name.len()).any(|window| window == name)).count();
        // What came twice in a form that cannot be read has no files.
        (with == list.iter().filter(|one| one["care_plan"].is_object()).count()).then_some(())
    });
    let stranger = dx.gateway.key("without the right");
    for one in &list {
        let path = format!("{LIST}/{}", one["id"].as_str().unwrap());
        // The unit and its files are for who has the right.
        for what in ["unit", "files"] {
            let refused = dx.gateway.ask(&Ask::new("GET", &format!("{path}/{what}")).key(&stranger));
            assert_eq!(refused.status, 403, "{refused:?}");
            dx.collected.push(("refusal".to_owned(), refused.body.into_bytes()));
            let taken = dx.raw(&format!("{path}/{what}"));
            let files = what == "unit" || one["care_plan"].is_object();
            assert_eq!(taken.starts_with(b"HTTP/1.1 200"), files, "{what} of {one}");
            let end = taken.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
            dx.collected.push(("head of what was taken".to_owned(), taken[..end].to_vec()));
        }
        assert_eq!(dx.ask(Ask::new("POST", &format!("{path}/opened"))).status, 200);
    }
    dx.gateway.restart();
}

fn reckoning(mut house: House, person: &Person) {
    house.collect_files("while it runs");
    assert!(house.gateway.stop().success());
    house.collect_files("at the end");
    let mut needles = person.needles_of_plans();
    needles.push(Needle::new("API key", house.key.rsplit('_').next().unwrap()));
    // What the facility itself called a file stands beside it.
    let name = person.name.replace(' ', "");
    house
        .collected
        .retain(|(place, _)| !(place.starts_with(house.share.path().to_str().unwrap()) && place.contains(&name)));
    let places: Vec<(String, Vec<u8>)> =
        house.collected.iter().map(|(place, _)| ("a name".to_owned(), place.clone().into_bytes())).collect();
    needles.push(Needle::new("name", &name));
    let found = [search(&house.collected, &needles), search(&places, &needles)].concat();
    assert!(found.is_empty(), "found {} times:\n{}", found.len(), found.join("\n"));
    assert!(house.collected.iter().any(|(place, bytes)| place.contains("engawa.db") && bytes.len() > 100_000));
    assert!(house.collected.iter().any(|(place, _)| place.contains("STATUS.txt")));
    assert!(house.gateway.log().lines().count() > 15, "there was nothing to search");
    assert!(std::fs::read_dir(house.temporary.path()).unwrap().next().is_none(), "temporary files were left");
}
