//! kill -9 while identifications and opinions are recorded and shown: whatever was acknowledged is at the hub in the end.
//!
//! `ENGAWA_CRASH_ROUNDS` says how often (32).

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use engawa::clock::Clock;
use engawa::credential::{CertificateSource, FacilityCertificate, SecretSource};
use engawa::hub::{Config, Hub, InMemory, Policy, Timeouts};
use engawa::model::identity::{DocumentKind, Witnessed, Witnesses};
use engawa::model::numbers::{InsuredNumber, InsurerNumber};
use engawa::outbox::{Filter, StateName};
use rand::RngExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::room::{FACILITY, Home, Room};
use crate::crash::database::ask;
use crate::crash::{number, pause};
use crate::support::mortal::mortal;
use crate::support::sandbox::Sandbox;
use crate::support::{at_most, until};

/// The environment variable that makes this binary a box.
const BOX: &str = "ENGAWA_TEST_BOX";
const SOON: Duration = Duration::from_secs(20);
/// A point that is not reached in this time has another chance in the next round.
const PATIENCE: Duration = Duration::from_secs(2);
/// What a thing passes that is not split into pieces and not asked about.
const POINTS: [&str; 8] = [
    "intake.before_accept",
    "store.before_commit",
    "store.committed",
    "intake.accepted",
    "outbox.marked_sending",
    "outbox.answered",
    "outbox.before_settle",
    "outbox.settled",
];

/// Not a test: the process that dies. Without the variable it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process of a box, started by the tests"]
async fn be_the_box() {
    let Some(order) = std::env::var_os(BOX) else { return };
    let order: Value = serde_json::from_str(order.to_str().unwrap()).unwrap();
    let text = |name: &str| order[name].as_str().unwrap();
    let home = Path::new(text("home"));
    let hub = Arc::new(hub(&order));
    let room = Room::over(Home::Lasting(home.join("state")), hub, Clock::system()).await;
    if order["drain"] == true {
        drain(&room, home).await;
        return;
    }
    let mut promises = fs::File::options().append(true).create(true).open(home.join("promises")).unwrap();
    for n in 0.. {
        let id = if n % 3 == 0 {
            room.opinion(&Uuid::new_v4().to_string()).await
        } else {
            room.later(&Uuid::new_v4().to_string(), &evidence(&order)).await.id
        };
        // A promise is one that somebody heard.
        promises
            .write_all(format!("{} {id}\n", if n % 3 == 0 { "opinion" } else { "identification" }).as_bytes())
            .unwrap();
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// Waits until all has left, and writes down what became of it.
async fn drain(room: &Room<Hub>, home: &Path) {
    let mut lines = String::new();
    for promise in fs::read_to_string(home.join("promises")).unwrap().lines() {
        let (kind, id) = promise.split_once(' ').unwrap();
        let id = id.parse().unwrap();
        let delivered = room.reaches(id, StateName::Delivered).await;
        assert_eq!(delivered.kind, kind);
        if kind == "identification" {
            let person = room.look(id).await.1.unwrap();
            assert!(!person.token.is_empty());
            let line = json!({ "challenge": delivered.receipt.unwrap().number, "insured": person.insured_number });
            lines.push_str(&format!("{line}\n"));
        }
    }
    // Also what was kept and never acknowledged.
    let one = |state| Filter { state: Some(state), limit: 1, ..Filter::default() };
    for state in [StateName::Unknown, StateName::Sending, StateName::Queued] {
        while let Some(left) = room.outbox.submissions(FACILITY, &one(state)).await.unwrap().items.first() {
            room.reaches(left.id, StateName::Delivered).await;
        }
    }
    for state in [StateName::Held, StateName::Returned, StateName::Cancelled] {
        assert!(room.outbox.submissions(FACILITY, &one(state)).await.unwrap().items.is_empty(), "{state:?}");
    }
    fs::write(home.join("people"), lines).unwrap();
}

fn hub(order: &Value) -> Hub {
    let path = |name: &str| order[name].as_str().unwrap().into();
    let source =
        CertificateSource::Pkcs12 { file: path("p12"), passphrase: SecretSource::File(path("p12_passphrase")) };
    let config = Config {
        base_url: order["url"].as_str().unwrap().to_owned(),
        ca_pem: fs::read(order["ca"].as_str().unwrap()).unwrap(),
        user_id: "clinic-doctor".to_owned(),
        password: SecretSource::File(path("password")),
        facility: None,
        fingerprint_key: [7; 32],
        timeouts: Timeouts {
            connect: Duration::from_secs(2),
            stall: Duration::from_secs(5),
            answer: Duration::from_secs(3),
            whole: Duration::from_secs(30),
        },
        login: Policy::default(),
    };
    Hub::connect(config, FacilityCertificate::load(&source).unwrap(), InMemory::default(), Clock::system()).unwrap()
}

fn evidence(order: &Value) -> Witnessed {
    let insurer = InsurerNumber::parse(order["insurer"].as_str().unwrap()).unwrap();
    let insured = InsuredNumber::parse(order["insured"].as_str().unwrap()).unwrap();
    let witnesses = Witnesses::parse("clinic-doctor", "clinic-clerk").unwrap();
    Witnessed::document(DocumentKind::CareInsuranceCard, &insurer, &insured, witnesses)
}

/// The other side: starts boxes and ends them.
struct House {
    sandbox: Sandbox,
    home: tempfile::TempDir,
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl House {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("state")).unwrap();
        Self { sandbox: Sandbox::start_with(&["--no-fsync"]), home }
    }

    fn start(&self, drain: bool, point: Option<&str>) -> Process {
        let (facility, person) = (self.sandbox.facility("clinic"), self.sandbox.example());
        let order = json!({
            "home": self.home.path(), "drain": drain, "url": self.sandbox.url(), "ca": self.sandbox.ca(),
            "p12": facility.p12, "p12_passphrase": facility.p12_passphrase,
            "password": self.sandbox.password_file("clinic-doctor"),
            "insurer": person["insurer_number"], "insured": person["insured_number"],
        });
        let mut command = mortal(std::env::current_exe().unwrap());
        command
            .args(["identification::crash::be_the_box", "--exact", "--ignored", "--nocapture"])
            .env(BOX, order.to_string());
        if let Some(point) = point {
            command.env("ENGAWA_CRASH_POINT", point);
        }
        Process(command.stdout(std::process::Stdio::null()).spawn().unwrap())
    }

    fn promises(&self) -> Vec<String> {
        let text = fs::read_to_string(self.home.path().join("promises")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn trouble(&self, rate: f64) {
        let kinds = ["cut_before_effect", "cut_after_effect", "cut_mid_answer", "status_503", "truncated_json"];
        let on = ["opinions", "challenges", "assertions"];
        let seed: u32 = rand::random();
        self.sandbox.post("random", json!({ "seed": seed, "rate": rate, "kinds": kinds, "on": on }));
    }
}

#[test]
#[allow(clippy::disallowed_methods)] // How long a process is waited for is in the machine's time.
fn kill_9_loses_no_identification() {
    let (house, mut dice) = (House::new(), rand::rng());
    let rounds = number("ENGAWA_CRASH_ROUNDS").map_or(32, |n| usize::try_from(n).unwrap());
    let mut died = BTreeSet::new();
    for round in 0..rounds {
        house.trouble([0.0, 0.2, 0.5][round % 3]);
        let before = house.promises().len();
        if round % 2 == 0 {
            let _process = house.start(false, None);
            until("promises", SOON, || (house.promises().len() > before + 3).then_some(()));
            pause(Duration::from_millis(dice.random_range(0..150)));
        } else {
            let point = POINTS[round / 2 % POINTS.len()];
            let mut process = house.start(false, Some(&format!("{point}:{}", dice.random_range(1..=6))));
            // A slow machine takes its time to start one: counted is from the first promise, or the end.
            until("a promise or the end", SOON, || {
                (house.promises().len() > before || process.0.try_wait().unwrap().is_some()).then_some(())
            });
            let start = std::time::Instant::now();
            while start.elapsed() < at_most(PATIENCE) && process.0.try_wait().unwrap().is_none() {
                pause(Duration::from_millis(2));
            }
            if process.0.try_wait().unwrap().is_some() {
                died.insert(point);
            }
        }
    }
    house.sandbox.clear_faults();
    let mut last = house.start(true, None);
    let ended = until("everything to have left", 3 * SOON, || last.0.try_wait().unwrap());
    assert!(ended.success(), "the last box: {ended}");

    let promised = house.promises();
    let people = fs::read_to_string(house.home.path().join("people")).unwrap();
    let people: Vec<Value> = people.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let identifications = promised.iter().filter(|promise| promise.starts_with("identification")).count();
    println!("crash: {rounds} rounds, {} promises, died at {died:?}", promised.len());
    assert!(identifications > rounds && identifications == people.len(), "{identifications}");
    let facts = house.sandbox.facts();
    let shown = facts["assertions"].as_array().unwrap();
    let challenges: BTreeSet<_> = shown.iter().map(|one| one["challenge_id"].as_str().unwrap()).collect();
    let delivered: BTreeSet<_> = people.iter().map(|person| person["challenge"].as_str().unwrap()).collect();
    assert_eq!(delivered.len(), people.len(), "each has its own");
    assert!(delivered.is_subset(&challenges), "delivered and not at the hub");
    let insured = house.sandbox.example()["insured_number"].clone();
    assert!(people.iter().all(|person| person["insured"] == insured));
    assert_eq!(facts["totals"]["filed_twice"], 0, "{}", facts["totals"]);
    let filed: BTreeSet<_> =
        facts["accepted"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap().replace('-', "")).collect();
    let key = |id: &str| {
        let id = id.replace('-', "");
        ask(&house.home.path().join("state"), &format!("SELECT lower(hex(hub_key)) FROM submission WHERE id = x'{id}'"))
    };
    let mut opinions = promised.iter().filter_map(|promise| promise.strip_prefix("opinion "));
    assert!(opinions.all(|id| filed.contains(&key(id))), "an opinion is lost");
    assert!(rounds < 16 || died.len() > POINTS.len() / 2, "too quiet: {died:?}");
}
