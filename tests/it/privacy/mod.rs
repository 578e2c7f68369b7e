//! A made-up person and made-up secrets go through everything that can happen; then every file, log line, metric, report and
//! command's output is searched for them.

mod core_dump;
mod needles;
mod plans;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup, submission};
use crate::support::http::{Answer, Ask};
use crate::support::sandbox::Sandbox;
use crate::support::until;
use needles::{Needle, Person, files, search};

const SOON: Duration = Duration::from_secs(30);
/// Where secrets are kept on purpose, and what the test's own sandbox is.
const KEPT: [&str; 4] = ["password", "passphrase", "certificate.p12", "master.key"];

#[test]
fn nothing_of_a_person_and_no_secret_shows_in_a_readable_log() {
    story("text", 11);
}

#[test]
fn nothing_of_a_person_and_no_secret_shows_in_a_json_log() {
    story("json", 12);
}

/// This month in Japan, as `engawa audit export` wants it.
fn month() -> String {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    let today = engawa::clock::Clock::system().now().to_zoned(zone).date();
    format!("{:04}-{:02}", today.year(), today.month())
}

/// What was collected on the way.
struct Story {
    hub: Sandbox,
    gateway: Gateway,
    person: Person,
    key: String,
    signature: Vec<u8>,
    recovery_key: String,
    collected: Vec<(String, Vec<u8>)>,
}

fn story(format: &str, seed: u64) {
    let hub = Sandbox::start();
    let temporary = tempfile::tempdir().unwrap();
    let mut gateway = Setup::new(&hub)
        .set("log.level", "\"trace\"")
        .set("log.format", &json!(format).to_string())
        .env("TMPDIR", temporary.path().to_str().unwrap())
        .env("RUST_BACKTRACE", "full")
        .env("RUST_LOG", "trace")
        .idle();
    gateway.start();
    let key = gateway.key("program");
    // The shell of a CMS signedData around bytes that can be found again.
    let shell = b"\x30\x3f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x32\x30\x30".iter().copied();
    let signature = shell.chain((0..48).map(|n: u8| n.wrapping_mul(37) ^ u8::try_from(seed).unwrap())).collect();
    let person = Person::new(seed);
    let mut story = Story { hub, gateway, person, key, signature, recovery_key: String::new(), collected: Vec::new() };
    story.accepted_and_delivered();
    story.refused_at_the_door();
    story.refused_by_the_hub();
    story.killed_and_repeated();
    story.looked_at();
    story.backed_up();
    story.wrong_secrets();
    story.reckoning();
    assert!(std::fs::read_dir(temporary.path()).unwrap().next().is_none(), "temporary files were left");
}

impl Story {
    fn ask(&mut self, place: &str, ask: &Ask) -> Answer {
        let answer = self.gateway.ask(&ask.clone().key(&self.key));
        self.collected.push((format!("head of the answer to {place}"), answer.head.clone().into_bytes()));
        // What an answer quotes of the request stands under `errors`, for its sender; the rest is said to everybody alike.
        if let Ok(Value::Object(mut body)) = serde_json::from_str::<Value>(&answer.body)
            && body.contains_key("code")
        {
            body.remove("errors");
            self.collected.push((format!("answer to {place}"), Value::Object(body).to_string().into_bytes()));
        }
        answer
    }

    fn form(&self) -> Value {
        let signature = STANDARD.encode(&self.signature);
        json!({ "opinion": self.person.opinion(), "signature": signature })
    }

    fn post(&self, idempotency_key: &str, body: &Value) -> Ask {
        Ask { body: body.to_string().into_bytes(), ..submission(&Value::Null, idempotency_key) }
    }

    fn accept(&mut self, idempotency_key: &str) -> String {
        let ask = self.post(idempotency_key, &self.form());
        let answer = self.ask("an acceptance", &ask);
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    fn multipart(&self, idempotency_key: &str, file: &str, content: &[u8]) -> Ask {
        let mut body = format!(
            "--bb\r\ncontent-disposition: form-data; name=\"opinion\"\r\ncontent-type: application/json\r\n\r\n{}\r\n\
             --bb\r\ncontent-disposition: form-data; name=\"attachment\"; filename=\"{file}\"\r\n\r\n",
            self.form()
        )
        .into_bytes();
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n--bb--\r\n");
        let ask = Ask::new("POST", "/v1/opinions").header("idempotency-key", idempotency_key);
        Ask { body, ..ask.header("content-type", "multipart/form-data; boundary=bb") }
    }

    fn accepted_and_delivered(&mut self) {
        let id = self.accept("plain");
        let receipt = self.gateway.reaches(&id, "delivered", SOON)["receipt"]["number"].as_str().unwrap().to_owned();
        let reason =
            format!("{}さん（{}）は当市の被保険者ではありません", self.person.name, self.person.insured_number);
        self.hub.municipal(&receipt, "returned", Some(&reason));
        until("the municipality's answer", SOON, || {
            let seen = self.gateway.submission(&id);
            (seen["municipality"]["reason"] == reason.as_str()).then_some(())
        });
        let mut pdf = b"%PDF-1.7\n".to_vec();
        for _ in 0..3000 {
            pdf.extend_from_slice(self.person.notes.as_bytes());
        }
        let ask = self.multipart("attached", &format!("{}.pdf", self.person.name), &pdf);
        let answer = self.ask("an acceptance with attachment", &ask);
        assert_eq!(answer.status, 202, "{answer:?}");
        self.gateway.reaches(answer.json()["id"].as_str().unwrap(), "delivered", SOON);
        // A substitution keeps both forms on record.
        let mut form = self.form();
        form["opinion"]["applicant_name"] = json!(format!("{}髙", self.person.name));
        form["substitutions"] = json!([{ "pointer": "/applicant_name", "original": "髙", "replacement": "高" }]);
        let ask = self.post("substituted", &form);
        let answer = self.ask("a substitution", &ask);
        assert_eq!(answer.status, 202, "{answer:?}");
        // On its way it would meet a fault that is meant for a later one.
        self.gateway.reaches(answer.json()["id"].as_str().unwrap(), "delivered", SOON);
    }

    fn refused_at_the_door(&mut self) {
        let name = self.person.name.clone();
        let notes = self.person.notes.clone();
        let with = |form: &Value, item: &str, value: Value| {
            let mut form = form.clone();
            form["opinion"][item] = value;
            form
        };
        let form = self.form();
        let bad = [
            with(&form, "applicant_name", json!(format!("{name}𠮷"))),
            with(&form, "applicant_name", json!([name])),
            with(&form, "applicant_sex", json!(name)),
            with(&form, "birth_date", json!(format!("{}x", self.person.birth_date))),
            with(&form, "insured_number", json!(format!("{}00", self.person.insured_number))),
            with(&form, "insurer_number", json!("999990")),
            with(&form, "special_notes", json!(notes.repeat(400))),
            with(&form, "diagnosis_1_name", json!(self.person.diagnosis.repeat(100))),
            with(&form, &name, json!(notes)),
            with(&form, "dementia_degree", json!({ &notes: &name })),
            json!({ "opinion": form["opinion"], "signature": format!("!{}", STANDARD.encode(&self.signature)) }),
            json!({ "opinion": form["opinion"], &name: &notes }),
            json!({ "opinion": name }),
            json!([form["opinion"]]),
        ];
        for (n, body) in bad.iter().enumerate() {
            let ask = self.post(&format!("bad-{n}"), body);
            let answer = self.ask(&format!("bad input {n}"), &ask);
            assert!(matches!(answer.status, 400 | 422), "{n}: {answer:?}");
            let check = Ask { path: "/v1/opinions/check".to_owned(), ..ask };
            self.ask(&format!("check of bad input {n}"), &check);
        }
        let json = form.to_string();
        let repeated = json.replacen("{\"opinion\":{", &format!("{{\"opinion\":{{\"applicant_name\":\"{name}\","), 1);
        for (n, text) in [json[..json.len() / 2].to_owned(), json.replace(&name, &format!("{name}\" {name}")), repeated]
            .into_iter()
            .enumerate()
        {
            let ask = Ask { body: text.into_bytes(), ..self.post(&format!("broken-{n}"), &Value::Null) };
            let answer = self.ask(&format!("broken JSON {n}"), &ask);
            assert!(matches!(answer.status, 400 | 422), "{n}: {answer:?}");
        }
        let latin = [name.as_bytes(), &[0xff, 0xfe]].concat();
        let ask = Ask { body: latin, ..self.post("no-utf8", &Value::Null) };
        self.ask("bytes that are no UTF-8", &ask);
        self.refused_in_other_ways(&form);
    }

    fn refused_in_other_ways(&mut self, form: &Value) {
        let name = self.person.name.replace(' ', "");
        let percent: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in
            [format!("/v1/opinions/{percent}"), format!("/v1/{percent}"), format!("/v1/submissions?{percent}=1")]
        {
            assert!(self.ask("a wrong place", &Ask::new("GET", &path)).status >= 400);
        }
        let mut other = form.clone();
        other["opinion"]["applicant_name"] = json!(format!("{} 二", self.person.name));
        let ask = self.post("plain", &other);
        assert_eq!(self.ask("a conflict", &ask).code(), "IDEMPOTENCY_CONFLICT");
        let asks = [
            ("an idempotency key in Japanese", self.post(&name, form)),
            ("a foreign media type", self.post("media", form).header("content-encoding", "gzip")),
            ("an attachment that is none", self.multipart("none", "a.pdf", self.person.notes.as_bytes())),
            ("an attachment with a bad name", self.multipart("name", &format!("{name}\t/\u{1}.pdf"), b"%PDF-1.7\n")),
        ];
        for (what, ask) in asks {
            let answer = self.ask(what, &ask);
            assert!(answer.status >= 400, "{what}: {answer:?}");
        }
        // A key that is wrong in its last place, and one in the wrong header.
        let wrong = self.key.clone() + "x";
        for ask in [
            self.post("wrong", form).key(&wrong),
            self.post("basic", form).header("authorization", &format!("Basic {}", STANDARD.encode(&self.key))),
        ] {
            assert_eq!(self.gateway.ask(&ask).status, 401);
        }
    }

    fn refused_by_the_hub(&mut self) {
        let (name, notes) = (self.person.name.clone(), self.person.notes.clone());
        let message = format!("氏名「{name}」は住民記録と一致しません。{notes}");
        let faults = [
            json!({ "on": "opinions", "kind": "refuse", "code": "E2101", "field": "/opinion/applicant_name", "message": message }),
            json!({ "on": "opinions", "kind": "refuse", "code": "E2102", "field": format!("/opinion/{name}"), "message": message }),
        ];
        for (n, fault) in faults.into_iter().enumerate() {
            self.hub.fault(fault);
            let id = self.accept(&format!("refused-{n}"));
            let seen = self.gateway.reaches(&id, "returned", SOON);
            assert!(seen["hub_errors"].as_array().is_some_and(|errors| !errors.is_empty()), "{seen}");
        }
        for kind in ["cut_mid_request", "cut_after_effect", "truncated_json", "wrong_type", "html_200", "status_503"] {
            self.hub.fault(json!({ "on": "opinions", "kind": kind }));
            let id = self.accept(kind);
            self.gateway.reaches(&id, "delivered", SOON);
        }
        self.hub.post("tokens", json!({ "expire": "all" }));
        let id = self.accept("after-tokens");
        self.gateway.reaches(&id, "delivered", SOON);
    }

    fn killed_and_repeated(&mut self) {
        self.hub.down();
        let waiting: Vec<String> = (0..3).map(|n| self.accept(&format!("waiting-{n}"))).collect();
        // A client that is cut off in the middle of its body.
        let bytes = self.multipart("cut", "a.pdf", &[b"%PDF-1.7\n".as_slice(), &[b'%'; 200_000]].concat());
        let bytes = bytes.key(&self.key).bytes();
        let mut stream = UnixStream::connect(self.gateway.socket()).unwrap();
        stream.write_all(&bytes[..bytes.len() - 50_000]).unwrap();
        self.collect_files("after the kill", |gateway| {
            gateway.kill9();
        });
        drop(stream);
        self.gateway.start();
        assert_eq!(self.accept("waiting-0"), waiting[0]);
        self.hub.up();
        for id in &waiting {
            self.gateway.reaches(id, "delivered", SOON);
        }
    }

    fn looked_at(&mut self) {
        for path in ["/metrics", "/v1/health"] {
            let body = self.gateway.get(path).body.into_bytes();
            self.collected.push((path.to_owned(), body));
        }
        let pack = self.gateway.dir().join("pack").to_str().unwrap().to_owned();
        let commands: [&[&str]; 9] = [
            &["status"],
            &["status", "--json"],
            &["queue", "list"],
            &["queue", "list", "--json"],
            &["key", "list", "--json"],
            &["check", "--json"],
            &["audit", "list", "--last", "10000"],
            &["audit", "list", "--last", "10000", "--json"],
            // Its files are searched with all others of the folder.
            &["audit", "export", "--month", &month(), "--out", &pack],
        ];
        for command in commands {
            let output = self.gateway.run(command);
            assert!(!output.stdout.is_empty(), "{command:?}");
            self.collected.push((command.join(" "), [output.stdout, output.stderr].concat()));
        }
        let trail = self.gateway.get("/v1/trail?limit=1000").body;
        assert!(trail.lines().count() > 30, "{trail}");
        self.collected.push(("the trail".to_owned(), trail.into_bytes()));
        let events = self.events();
        assert!(events.contains("submission.delivered") && events.contains("submission.returned"));
        self.collected.push(("events".to_owned(), events.into_bytes()));
        for name in ["cmdline", "environ"] {
            let bytes = std::fs::read(format!("/proc/{}/{name}", self.gateway.pid())).unwrap_or_default();
            self.collected.push((name.to_owned(), bytes));
        }
    }

    /// The stream of events from its beginning to the last municipal news.
    fn events(&self) -> String {
        let mut stream = UnixStream::connect(self.gateway.socket()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(&Ask::new("GET", "/v1/events?from=beginning").key(&self.key).bytes()).unwrap();
        let mut text = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let seen = String::from_utf8_lossy(&text);
            if seen.matches("submission.delivered").count() >= 12 {
                return seen.into_owned();
            }
            let n = stream.read(&mut chunk).unwrap();
            assert!(n > 0, "the stream ended: {seen}");
            text.extend_from_slice(&chunk[..n]);
        }
    }

    /// Passphrase and password are replaced by others that do not fit.
    fn wrong_secrets(&mut self) {
        std::fs::write(self.gateway.dir().join("passphrase"), "wrong-passphrase-5f2c").unwrap();
        self.gateway.signal(Signal::SIGHUP);
        until("the wrong passphrase to be noticed", SOON, || {
            self.gateway.log().contains("CERTIFICATE_UNREADABLE").then_some(())
        });
        let passphrase = std::fs::read(self.hub.facility("clinic").p12_passphrase).unwrap();
        std::fs::write(self.gateway.dir().join("passphrase"), passphrase).unwrap();
        std::fs::write(self.gateway.dir().join("password"), "wrong-password-9c41").unwrap();
        self.gateway.restart();
        let id = self.accept("wrong-password");
        until("the wrong password to be noticed", SOON, || {
            let seen = self.gateway.submission(&id);
            (seen["reason"]["code"] == "HUB_LOGIN_REFUSED").then_some(())
        });
    }

    fn collect_files(&mut self, when: &str, then: impl FnOnce(&mut Gateway)) {
        let dir = self.gateway.dir().to_owned();
        then(&mut self.gateway);
        for (place, bytes) in files(&dir, &KEPT) {
            self.collected.push((format!("{place} {when}"), bytes));
        }
    }

    /// A backup, one that is cut short, and a restored box beside this one.
    fn backed_up(&mut self) {
        let init = self.gateway.run(&["backup", "init"]);
        assert!(init.status.success());
        let sheet = String::from_utf8(init.stdout).unwrap();
        self.recovery_key = sheet.lines().last().unwrap().to_owned();
        self.gateway.kill9();
        self.gateway.spawn(&[("ENGAWA_CRASH_POINT", "backup.copied:1")]);
        self.gateway.ready();
        let out = self.gateway.dir().join("backup.age");
        let make = ["backup", "--out", out.to_str().unwrap()];
        let output = self.gateway.run(&make);
        assert!(!output.status.success());
        self.collected.push(("what a broken backup says".to_owned(), [output.stdout, output.stderr].concat()));
        self.gateway.wait();
        self.collect_files("in the middle of a backup", |gateway| {
            assert!(gateway.state().join("backup/engawa.db").exists());
        });
        self.gateway.start();
        let output = self.gateway.run(&make);
        assert!(output.status.success());
        self.collected.push(("what a backup says".to_owned(), [output.stdout, output.stderr].concat()));
        let key = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(key.path(), &sheet).unwrap();
        let state = self.gateway.dir().join("restored");
        let arguments =
            ["restore", out.to_str().unwrap(), "--recovery-key-file", key.path().to_str().unwrap(), "--state"];
        let output = self.gateway.run(&[arguments.as_slice(), &[state.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{output:?}");
        self.collected.push(("what restoring says".to_owned(), [output.stdout, output.stderr].concat()));
    }

    fn reckoning(mut self) {
        self.collect_files("while it runs", |_| {});
        self.collect_files("at the end", |gateway| assert!(gateway.stop().success()));
        let mut needles = self.person.needles();
        let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap().trim().to_owned();
        let secret = self.key.rsplit('_').next().unwrap();
        needles.extend([
            Needle::new("API key", secret),
            Needle::new("hub password", &self.hub.password("clinic-doctor")),
            Needle::new("passphrase", &read(self.hub.facility("clinic").p12_passphrase)),
            Needle::new("recovery key", &self.recovery_key),
            Needle::new("wrong password", "wrong-password-9c41"),
            Needle::new("wrong passphrase", "wrong-passphrase-5f2c"),
            Needle::new("master key", &read(self.gateway.state().join("master.key"))),
            Needle::bytes("signature", &self.signature),
        ]);
        let found = search(&self.collected, &needles);
        assert!(found.is_empty(), "found {} times:\n{}", found.len(), found.join("\n"));
        let log = self.gateway.log();
        assert!(log.lines().count() > 50, "there was nothing to search:\n{log}");
        for place in ["state/backup/engawa.db", "backup.age", "restored/engawa.db"] {
            assert!(self.collected.iter().any(|(name, bytes)| name.contains(place) && bytes.len() > 10_000), "{place}");
        }
        assert!(self.collected.iter().any(|(place, bytes)| place.contains("engawa.db") && bytes.len() > 100_000));
    }
}
