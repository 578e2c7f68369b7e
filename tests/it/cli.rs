//! The command line, by running it: exit codes, both languages, JSON, and the requests it makes over the Unix socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use crate::support::skip;

struct House {
    directory: tempfile::TempDir,
}

impl House {
    /// A directory with sound settings, secrets and certificates of no content worth the name.
    fn new() -> Self {
        let house = Self { directory: tempfile::tempdir().unwrap() };
        let settings = format!(
            "[facility]\nnumber = \"1310000018\"\n[state]\ndirectory = \"{0}/state\"\n[endpoint]\nlisten = []\n\
             unix_socket = \"{0}/s\"\n[hub]\nurl = \"https://hub.example\"\nuser_id = \"u\"\nca_file = \"{0}/ca.pem\"\n\
             certificate_file = \"{0}/c.p12\"\ncertificate_passphrase_file = \"\"\npassword_file = \"{0}/password\"\n",
            house.directory.path().display()
        );
        house.write("engawa.toml", &settings);
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        house.write("ca.pem", &authority.pem());
        house.write("c.p12", "certificate");
        house.write("password", "hunter2");
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(self.path(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Secrets as in the shipped settings: named, and not in any file of the settings.
    fn lend_to_systemd(&self) {
        let settings = std::fs::read_to_string(self.path("engawa.toml")).unwrap();
        let password = format!("password_file = \"{}\"", self.path("password").display());
        let settings = settings.replace(&password, "password_file = \"credential:hub-password\"");
        let lent = "certificate_passphrase_file = \"credential:certificate-passphrase\"";
        self.write("engawa.toml", &settings.replace("certificate_passphrase_file = \"\"", lent));
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = engawa(arguments);
        command.arg("--config").arg(self.path("engawa.toml")).output().unwrap()
    }

    /// A gateway that answers each request in turn, and tells what was asked.
    fn gateway(&self, answers: Vec<(u16, Value)>) -> JoinHandle<Vec<(String, Value)>> {
        let listener = UnixListener::bind(self.path("s")).unwrap();
        std::thread::spawn(move || {
            let mut asked = Vec::new();
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                asked.push(request(&mut BufReader::new(&stream)));
                let body = if body.is_null() { String::new() } else { body.to_string() };
                write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
            }
            asked
        })
    }
}

fn engawa(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engawa"));
    command.args(arguments).env_remove("CREDENTIALS_DIRECTORY").env_remove("NOTIFY_SOCKET");
    command
}

/// The request line without its version, and the body.
fn request(reader: &mut impl BufRead) -> (String, Value) {
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    (first.trim_end().trim_end_matches(" HTTP/1.1").to_owned(), body)
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn version_help_and_misuse() {
    let version = engawa(&["version"]).output().unwrap();
    assert_eq!((code(&version), stdout(&version)), (0, format!("engawa {}\n", env!("CARGO_PKG_VERSION"))));
    assert_eq!(code(&engawa(&["--help"]).output().unwrap()), 0);
    assert_eq!(code(&engawa(&["serve", "--no-such-thing"]).output().unwrap()), 2);
    assert_eq!(code(&engawa(&["queue", "show", "not-a-uuid"]).output().unwrap()), 2);
    assert_eq!(code(&engawa(&[]).output().unwrap()), 2);
}

#[test]
fn wrong_settings_stop_every_command_with_78() {
    let house = House::new();
    house.write("engawa.toml", "[hub]\nurl = \"http://x\"\npassword = \"hunter2\"\n");
    for command in [&["serve"][..], &["check"], &["status"], &["key", "list"]] {
        let output = house.run(command);
        assert_eq!(code(&output), 78, "{command:?}");
        let shown = stdout(&output) + &stderr(&output);
        assert!(shown.contains("engawa.toml:2: hub.url") && shown.contains("https:// で始めて"), "{shown}");
        assert!(shown.contains("engawa.toml:3: hub.password") && !shown.contains("hunter2"), "{shown}");
    }
    let json: Value = serde_json::from_str(&stdout(&house.run(&["check", "--json"]))).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["problems"][2]["key"], "hub.url");
    assert_eq!(json["problems"][2]["line"], 2);
}

#[test]
fn environment_variables_change_no_setting() {
    let house = House::new();
    let output = engawa(&["status", "--config"])
        .arg(house.path("engawa.toml"))
        .env("ENGAWA_ENDPOINT_UNIX_SOCKET", "/elsewhere")
        .output()
        .unwrap();
    assert!(stderr(&output).contains(house.path("s").to_str().unwrap()));
}

#[test]
fn check_looks_at_what_the_settings_name() {
    let house = House::new();
    let report = checked(&house);
    for object in ["hub.ca_file", "hub.password_file", "state.directory", "state.min_free"] {
        assert_eq!(check(&report, object)["verdict"], "ok", "{object}: {report:#}");
    }
    std::fs::remove_file(house.path("password")).unwrap();
    std::fs::create_dir(house.path("state")).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(house.path("state"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = house.run(&["check", "--offline", "--json"]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((code(&output), &report["ok"]), (1, &json!(false)));
    assert_eq!(check(&report, "hub.password_file")["finding"], 43);
    assert_eq!(check(&report, "state.directory")["finding"], 33);
    let readable = stdout(&house.run(&["check", "--offline"]));
    assert!(readable.contains("SECRET_MISSING") && readable.contains("→ LAN・機器の業者 / LAN vendor"), "{readable}");
}

/// A check of a report, by its object or name.
fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut checks = report["checks"].as_array().unwrap().iter();
    let of = |check: &&Value| check["object"] == name || check["name"] == name;
    checks.find(of).unwrap_or_else(|| panic!("{name}: {report:#}"))
}

fn checked(house: &House) -> Value {
    serde_json::from_str(&stdout(&house.run(&["check", "--offline", "--json"]))).unwrap()
}

#[test]
fn check_fails_where_serve_would_refuse_a_secret() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    for mode in [0o644, 0o620] {
        std::fs::set_permissions(house.path("password"), std::fs::Permissions::from_mode(mode)).unwrap();
        let check = check(&checked(&house), "hub.password_file").clone();
        assert_eq!(check["verdict"], "fail", "{mode:o}: {check}");
        assert!(check["detail_en"].as_str().unwrap().contains("chmod 0600"), "{check}");
    }
    std::fs::remove_file(house.path("password")).unwrap();
    house.write("password", "\n");
    let check = check(&checked(&house), "hub.password_file").clone();
    assert!(check["verdict"] == "fail" && check["detail_en"].as_str().unwrap().contains("is empty"), "{check}");
}

#[test]
fn check_opens_the_file_of_the_authority() {
    let house = House::new();
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for content in ["", "not a certificate", garbage] {
        house.write("ca.pem", content);
        let check = check(&checked(&house), "hub.ca_file").clone();
        assert_eq!((&check["verdict"], &check["code"]), (&json!("fail"), &json!("HUB_CA_UNREADABLE")), "{content}");
    }
    std::fs::remove_file(house.path("ca.pem")).unwrap();
    let why = check(&checked(&house), "hub.ca_file")["detail_en"].as_str().unwrap().to_owned();
    assert!(why.contains("No such file"), "what the operating system said: {why}");
}

#[test]
fn broken_code_tables_are_named_with_their_line() {
    let house = House::new();
    let own = std::fs::read_to_string(house.path("engawa.toml")).unwrap();
    let tables = concat!(env!("CARGO_MANIFEST_DIR"), "/src/model/careplan/codes.tsv");
    let tables = std::fs::read_to_string(tables).unwrap();
    assert_eq!(check(&checked(&house), "careplans.code_tables")["verdict"], "ok");
    let path = house.path("codes.tsv");
    house.write("engawa.toml", &format!("{own}[careplans]\ncode_tables = \"{}\"\n", path.display()));
    house.write("codes.tsv", &tables.replace("version:\t4.1", "version:\t4.2"));
    let sound = check(&checked(&house), "careplans.code_tables").clone();
    assert!(sound["verdict"] == "ok" && sound["detail_en"].as_str().unwrap().contains("4.2"), "{sound}");
    let line = tables.lines().position(|line| line.starts_with("1\t男性")).unwrap() + 1;
    house.write("codes.tsv", &tables.replacen("1\t男性\t-", "1 男性", 1));
    let broken = check(&checked(&house), "careplans.code_tables").clone();
    assert_eq!((&broken["verdict"], &broken["code"]), (&json!("fail"), &json!("CODE_TABLES_INVALID")));
    assert!(broken["detail"].as_str().unwrap().contains(&format!("codes.tsv:{line}: ")), "{broken}");
    assert_eq!(code(&house.run(&["serve"])), 78, "systemd would start it over and over");
    std::fs::remove_file(path).unwrap();
    assert_eq!(check(&checked(&house), "careplans.code_tables")["verdict"], "fail");
}

#[test]
fn what_systemd_hands_over_is_doubtful_and_no_failure() {
    let house = House::new();
    house.lend_to_systemd();
    let report = checked(&house);
    for name in ["certificate", "hub.certificate_passphrase_file", "hub.password_file"] {
        assert_eq!(check(&report, name)["verdict"], "warn", "{name}: {report:#}");
    }
    assert_eq!(report["ok"], true, "{report:#}");
    assert!(stdout(&house.run(&["check", "--offline"])).contains("What systemd hands over"));
    std::fs::remove_file(house.path("c.p12")).unwrap();
    assert_eq!(check(&checked(&house), "certificate")["code"], "CERTIFICATE_MISSING");
}

/// The store's place is fixed, so the command gets a view of the file system in which a folder of the test stands there.
#[test]
fn what_systemd_would_hand_over_is_read_from_its_store() {
    let hub = Sandbox::start();
    let clinic = hub.facility("clinic");
    let house = House::new();
    house.lend_to_systemd();
    let settings = std::fs::read_to_string(house.path("engawa.toml")).unwrap();
    house.write("engawa.toml", &settings.replace("1310000018", &clinic.number));
    std::fs::write(house.path("c.p12"), std::fs::read(clinic.p12).unwrap()).unwrap();
    std::fs::create_dir_all(house.path("etc/credstore")).unwrap();
    let passphrase = std::fs::read_to_string(clinic.p12_passphrase).unwrap();
    house.write("etc/credstore/engawa.certificate-passphrase", &passphrase);
    house.write("etc/credstore/engawa.hub-password", "hunter2");
    let check_there = || {
        let place = house.path("etc");
        let script = "mount --bind \"$0\" /etc && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script]).arg(place).arg(env!("CARGO_BIN_EXE_engawa"));
        command.args(["check", "--offline", "--json", "--config"]).arg(house.path("engawa.toml"));
        command.env_remove("CREDENTIALS_DIRECTORY").output().unwrap()
    };
    let output = check_there();
    if output.stdout.is_empty() {
        return skip(&format!("no mount namespaces here: {}", stderr(&output)));
    }
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    for name in ["hub.certificate_passphrase_file", "hub.password_file"] {
        assert_eq!(check(&report, name)["verdict"], "ok", "{name}: {report:#}");
    }
    assert!(check(&report, "certificate")["detail_en"].as_str().unwrap().contains("days left"), "{report:#}");
    house.write("etc/credstore/engawa.certificate-passphrase", "wrong");
    let report: Value = serde_json::from_str(&stdout(&check_there())).unwrap();
    assert_eq!(check(&report, "certificate")["code"], "CERTIFICATE_UNREADABLE", "{report:#}");
}

#[test]
fn without_a_gateway_the_answer_is_69() {
    let house = House::new();
    for command in [&["status"][..], &["queue", "list"]] {
        let output = house.run(command);
        assert_eq!((code(&output), stdout(&output)), (69, String::new()), "{command:?}");
        assert!(stderr(&output).contains("engawaが動いていません"), "{}", stderr(&output));
    }
}

#[test]
fn status_is_readable_or_raw() {
    let house = House::new();
    let health = json!({"status": "degraded", "parts": {
        "storage": {"status": "ok", "reason": null, "last_proof": "2026-11-22T00:00:00Z"},
        "hub": {"status": "degraded", "reason": "HUB_UNREACHABLE", "last_proof": null}}});
    let readers = json!([
        {"name": "ACS 00 00", "state": "ok", "reason": null, "card": "present", "since_s": 5, "in_use": "other"},
        {"name": "SCM 01", "state": "absent", "reason": {"code": "PCSC_DOWN"}, "card": "absent", "since_s": 5, "in_use": "none"}]);
    let gateway = house.gateway(vec![
        (200, health.clone()),
        (200, json!({"items": readers, "service": "ok", "reason": null})),
        (503, health.clone()),
        (404, json!({"code": "REQUEST_NOT_FOUND"})),
        (503, health.clone()),
        (200, json!({"items": readers})),
    ]);
    let readable = house.run(&["status"]);
    let shown = stdout(&readable);
    assert_eq!(code(&readable), 0);
    assert!(shown.contains("一部に支障 / degraded") && shown.contains("The hub cannot be reached."), "{shown}");
    assert!(shown.contains("reader  ACS 00 00  正常 / ok  カードあり / card  使用中 / in use\n"), "{shown}");
    assert!(shown.contains("reader  SCM 01  ない / absent\n  カードリーダーのサービス"), "{shown}");
    let raw = || {
        let raw = house.run(&["status", "--json"]);
        (code(&raw), serde_json::from_str::<Value>(&stdout(&raw)).unwrap())
    };
    assert_eq!(raw(), (1, health.clone()), "a gateway that tells of no readers");
    let mut whole = health;
    whole["readers"] = readers;
    assert_eq!(raw(), (1, whole));
    let asked: Vec<String> = gateway.join().unwrap().into_iter().map(|(line, _)| line).collect();
    assert_eq!(asked, ["GET /v1/health", "GET /v1/readers"].repeat(3));
}

#[test]
fn queue_list_follows_the_pages() {
    let house = House::new();
    let item = |id: &str| {
        json!({"id": id, "state": "queued", "reason": "HUB_UNREACHABLE", "accepted_at": "2026-11-22T00:00:00Z", "eta": null,
        "kind": "care_plan", "care_plan": {"to_facility": "9970000023"}})
    };
    let gateway = house.gateway(vec![
        (200, json!({"items": [item("a")], "next_cursor": "x=/ y"})),
        (200, json!({"items": [item("b")], "next_cursor": null})),
    ]);
    let output = house.run(&["queue", "list", "--state", "queued"]);
    let shown = stdout(&output);
    assert!(shown.contains("送信待ち / queued") && shown.contains("HUB_UNREACHABLE"), "{shown}");
    assert!(shown.contains("ケアプラン / care plan  9970000023"), "{shown}");
    let asked: Vec<String> = gateway.join().unwrap().into_iter().map(|(line, _)| line).collect();
    assert_eq!(
        asked,
        ["GET /v1/submissions?limit=50&state=queued", "GET /v1/submissions?limit=49&state=queued&cursor=x%3D%2F%20y"]
    );
}

#[test]
fn queue_orders_and_refusals() {
    let house = House::new();
    let id = "0198a000-0000-7000-8000-000000000001";
    let problem = json!({"code": "SUBMISSION_IN_FLIGHT", "detail": "送信中", "detail_en": "It is being sent."});
    let done = json!({"id": id, "state": "cancelled", "reason": {"code": "CANCELLED_BY_CALLER"},
        "next_step": {"ja": "取り消されています。", "en": "It is cancelled."}});
    let mut paper = done.clone();
    paper["state"] = "on_paper".into();
    paper["recipient"] = json!({"state": "opened", "at": "2026-11-22T00:00:00Z"});
    paper["care_plan"] = json!({"unit": "H2", "stamp": "20260425101500", "month": null, "to_facility": "9970000023"});
    let gateway =
        house.gateway(vec![(200, done.clone()), (200, done), (409, problem.clone()), (409, problem), (200, paper)]);
    let shown = stdout(&house.run(&["queue", "show", id]));
    assert!(shown.contains("Cancelled at the sender's request.") && shown.contains("It is cancelled."), "{shown}");
    assert_eq!(code(&house.run(&["queue", "cancel", id])), 0);
    let refused = house.run(&["queue", "retry", id]);
    assert_eq!(code(&refused), 1);
    assert!(stderr(&refused).contains("SUBMISSION_IN_FLIGHT") && stderr(&refused).contains("It is being sent."));
    let raw = house.run(&["queue", "retry", id, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&stdout(&raw)).unwrap()["code"], "SUBMISSION_IN_FLIGHT");
    let shown = stdout(&house.run(&["queue", "paper", id]));
    assert!(shown.contains("紙で送付 / on paper") && shown.contains("H2 20260425101500\n"), "{shown}");
    assert!(shown.contains("9970000023") && shown.contains("開封済み / opened"), "{shown}");
    let asked: Vec<String> = gateway.join().unwrap().into_iter().map(|(line, _)| line).collect();
    assert_eq!(asked[0], format!("GET /v1/submissions/{id}"));
    assert_eq!(asked[1], format!("POST /v1/submissions/{id}/cancel"));
    assert_eq!(asked[2], format!("POST /v1/submissions/{id}/retry"));
    assert_eq!(asked[4], format!("POST /v1/submissions/{id}/paper"));
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let house = House::new();
    let gateway = house.gateway(vec![
        (201, json!({"id": "k1", "key": "engawa_k1_secret"})),
        (200, json!({"items": [{"id": "k1", "label": "カルテ", "rights": ["submit"], "revoked_at": null}]})),
        (204, Value::Null),
    ]);
    let made = house.run(&["key", "add", "カルテ", "--rights", "submit,read"]);
    assert!(stdout(&made).starts_with("engawa_k1_secret\n"), "{}", stdout(&made));
    assert!(stdout(&house.run(&["key", "list"])).contains("k1  カルテ  [submit]"));
    assert_eq!(code(&house.run(&["key", "revoke", "k1/../x"])), 0);
    let asked = gateway.join().unwrap();
    assert_eq!(asked[0], ("POST /v1/keys".to_owned(), json!({"label": "カルテ", "rights": ["submit", "read"]})));
    assert_eq!(asked[1].0, "GET /v1/keys");
    assert_eq!(asked[2].0, "DELETE /v1/keys/k1%2F..%2Fx");
}

#[test]
fn an_answer_that_is_no_json_is_no_answer() {
    let house = House::new();
    let listener = UnixListener::bind(house.path("s")).unwrap();
    let gateway = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        request(&mut BufReader::new(&stream));
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>").unwrap();
    });
    assert_eq!(code(&house.run(&["status"])), 69);
    gateway.join().unwrap();
}

/// What the package ships of the arguments.
#[test]
fn pages_and_completions_for_packages() {
    let to = tempfile::tempdir().unwrap();
    assert!(Command::new(env!("CARGO_BIN_EXE_engawa-pages")).arg(to.path()).status().unwrap().success());
    let read = |name: &str| std::fs::read_to_string(to.path().join(name)).unwrap();
    assert!(read("man/engawa.1").contains("介護情報基盤へのゲートウェイ"));
    assert!(read("man/engawa-key-add.1").contains("card\\-apdu"));
    assert!(read("completions/engawa.bash").contains("careplan"));
    assert!(to.path().join("completions/_engawa").exists() && to.path().join("completions/engawa.fish").exists());
    let asked = engawa(&["pages"]).arg(to.path()).output().unwrap();
    assert_eq!(code(&asked), 2, "a program of its own writes them, so that boxes need not hold it");
}
