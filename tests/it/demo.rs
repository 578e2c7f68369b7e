//! The demo, as `make demo` and `make run` start it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{skip, until};

const GATEWAY: &str = env!("CARGO_BIN_EXE_engawa");
/// Without these there is no card in the demo.
const PCSCD: &str = "/usr/sbin/pcscd";
const DRIVERS: &str = "/usr/lib/pcsc/drivers/serial";
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether the demo has to show its card here.
fn has_cards() -> bool {
    let programs = Path::new(PCSCD).exists() && Path::new(DRIVERS).join("libifdvpcd.so").exists();
    let all = programs && std::fs::create_dir_all("/run/pcscd").is_ok();
    if !all {
        skip("no pcscd or vpcd here, so the demo shows no card");
    }
    all
}

/// The demo with folders of its own in `temporary`.
fn demo(gateway: &str, temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engawa-sandbox"));
    command.args(["demo", "--gateway", gateway]).env("TMPDIR", temporary).stdin(Stdio::null());
    command
}

/// A demo that ends with its test, in good order: it stops what it started.
struct Playground(Child);

impl Playground {
    fn signal(&self, signal: Signal) {
        let _ = kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), signal);
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.signal(Signal::SIGTERM);
            let _ = self.0.wait();
        }
    }
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().unwrap().next().is_none()
}

#[test]
fn the_story_happens_and_nothing_is_left() {
    let temporary = tempfile::tempdir().unwrap();
    let Output { status, stdout, stderr } = demo(GATEWAY, temporary.path()).output().unwrap();
    let (told, complaint) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!((status.code(), complaint.as_str()), (Some(0), ""), "{told}");
    for words in [
        "connections are refused",
        "is answered 202 once it is on disk",
        "HUB_UNREACHABLE 基盤につながりません",
        "| ETA ",
        "the same id, no double",
        "sending, delivered",
        "The hub's receipt: S0000001-",
        "The municipality has it",
        "filed once, never twice",
        "office/exchange/9970000015/",
        "30 people, 5 offices, 15 files",
        "its own record has the same four",
        "| 9970000080 ",
        "a cover page lies in `sent`",
        "3 files in its `in`, byte for byte",
        "The sender's result says downloaded",
        "the sender's result says opened",
        "The hub's record: five care plans, none twice",
        "Accepted once, filed once.",
    ] {
        assert!(told.contains(words), "{words:?} is not in\n{told}");
    }
    if has_cards() {
        for words in [
            "Counter 00 00",
            "201, granted",
            "card present",
            "One wrong PIN costs exactly one try, two are left",
            "CARD_PIN_WRONG 暗証番号が違います",
            "its own record has it once",
            "assurance high, tries_left 3",
            "The reader is given back",
            "One person, identified once.",
        ] {
            assert!(told.contains(words), "{words:?} is not in\n{told}");
        }
    }
    assert!(told.lines().count() <= 85, "{told}");
    assert!(is_empty(temporary.path()));
    assert_eq!(processes_in(temporary.path()), Vec::<String>::new());
}

#[test]
fn without_a_virtual_reader_the_rest_is_told_all_the_same() {
    let temporary = tempfile::tempdir().unwrap();
    let mut alone = Command::new("unshare");
    let script = format!("if [ -d {DRIVERS} ]; then mount -t tmpfs tmpfs {DRIVERS}; fi && exec \"$0\" \"$@\"");
    alone.args(["-rm", "sh", "-c", &script]).env("TMPDIR", temporary.path()).stdin(Stdio::null());
    let possible = Command::new("unshare").args(["-rm", "sh", "-c", &script, "true"]).output();
    if !possible.is_ok_and(|done| done.status.success()) {
        return skip("no mount namespaces here");
    }
    let Output { status, stdout, stderr } =
        alone.args([env!("CARGO_BIN_EXE_engawa-sandbox"), "demo", "--gateway", GATEWAY]).output().unwrap();
    let (told, complaint) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!((status.code(), complaint.as_str()), (Some(0), ""), "{told}");
    for words in
        ["The part with the card is skipped: ", "make deps", "filed once, never twice", "five care plans, none twice"]
    {
        assert!(told.contains(words), "{words:?} is not in\n{told}");
    }
    assert!(told.contains("Accepted once, filed once. (") && !told.contains("One person"), "{told}");
    assert!(is_empty(temporary.path()));
}

#[test]
fn a_gateway_that_cannot_work_fails_the_demo_by_name() {
    let temporary = tempfile::tempdir().unwrap();
    let cases = [
        ("/bin/false", "step 2 (engawa check --offline and engawa key add) failed"),
        ("/no/such/gateway", "/no/such/gateway"),
    ];
    for (gateway, words) in cases {
        let Output { status, stderr, .. } = demo(gateway, temporary.path()).output().unwrap();
        let complaint = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(1), "{complaint}");
        assert!(complaint.contains(words), "{complaint}");
    }
    let kept = temporary.path().read_dir().unwrap().next().unwrap().unwrap().path();
    assert!(kept.join("hub.log").exists(), "the logs stay for whoever has to look");
}

/// The processes that work in a folder, by their command lines.
fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let lines = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = lines.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(folder)).collect()
}

#[test]
fn a_demo_that_is_killed_leaves_nobody_behind() {
    if Command::new("setpriv").args(["--pdeathsig", "KILL", "true"]).status().is_err() {
        return skip("no setpriv --pdeathsig here");
    }
    let temporary = tempfile::tempdir().unwrap();
    let mut demo = demo(GATEWAY, temporary.path()).arg("--keep").stdout(Stdio::null()).spawn().unwrap();
    let runs = |words: &str| processes_in(temporary.path()).iter().any(|line| line.contains(words));
    until("the gateway", PATIENCE, || runs("serve\0--config\0").then_some(()));
    if has_cards() {
        assert!(runs(PCSCD) && runs("--holder"), "the counter is set up before the gateway starts");
    }
    demo.kill().unwrap();
    demo.wait().unwrap();
    until("their end", PATIENCE, || processes_in(temporary.path()).is_empty().then_some(()));
}

#[test]
fn the_playground_keeps_all_running_until_it_is_told_to_stop() {
    let temporary = tempfile::tempdir().unwrap();
    let mut playground =
        Playground(demo(GATEWAY, temporary.path()).arg("--keep").stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(playground.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut invitation: Vec<String> = Vec::new();
    while invitation.last().is_none_or(|line| !line.contains("Ctrl-C")) {
        invitation.push(lines.next().unwrap_or_else(|| panic!("it ended after {invitation:#?}")));
    }
    let env = invitation.iter().find(|line| line.starts_with("  . ")).unwrap();
    let shell = |words: &str| -> Value {
        let done = Command::new("/bin/sh").arg("-c").arg(format!("{env}\n{words}")).output().unwrap();
        let said = String::from_utf8(done.stdout).unwrap();
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{words}: {said}"))
    };
    let posts: Vec<String> = invitation
        .iter()
        .filter(|line| line.trim_start().starts_with("curl -i"))
        .map(|line| line.replace("curl -i", "curl -s").replace("$ID", "$(new_id)"))
        .collect();
    assert_eq!(posts.len(), 2);
    for post in &posts {
        assert!(shell(post)["sha256"].is_string());
    }
    let check = invitation.iter().find(|line| line.contains("/v1/opinions/check")).unwrap();
    let checked = shell(&check.replace("curl", "curl -s"));
    assert_eq!(
        (&checked["acceptable"], checked["errors"].as_array().unwrap().len()),
        (&Value::Bool(false), 2),
        "{checked}"
    );
    assert!(shell("engawa status --json").is_object());
    assert!(shell("hub facts")["totals"].is_object());
    let line = |words: &str| invitation.iter().map(|line| line.trim()).find(|line| line.contains(words)).unwrap();
    if has_cards() {
        assert_eq!(shell("card insert")["inserted"], true);
        let borrow = line("S=$(");
        let session = until("the reader", PATIENCE, || {
            let done = Command::new("/bin/sh").arg("-c").arg(format!("{env}\n{borrow}\nprintf %s \"$S\"")).output();
            uuid::Uuid::try_parse(&String::from_utf8(done.unwrap().stdout).unwrap()).ok()
        });
        let look = format!(r#"curl -s "$URL/v1/card-sessions/{session}" -H "$AUTH""#);
        until("the card", PATIENCE, || (shell(&look)["card"] == true).then_some(()));
        let identify = line("/identify").replace("curl", "curl -s");
        let answer = shell(&format!("S={session}\n{identify}"));
        assert_eq!(answer["person"]["assurance"], "high", "{answer}");
        let gone = Command::new("/bin/sh").arg("-c").arg(format!("{env}\nS={session}\n{}", line("-X DELETE"))).output();
        assert!(gone.unwrap().stdout.is_empty());
        assert_eq!(shell(&look)["ended"], "closed");
    }
    // What stands before the explanation.
    let command = |words: &str| line(words).split("   ").next().unwrap();
    let run = |words: &str| Command::new("/bin/sh").arg("-c").arg(format!("{env}\n{words}")).output().unwrap();
    let count = |words: &str| String::from_utf8(run(words).stdout).unwrap().lines().count();
    assert!(run(command("plans --out \"$OFFICE/out\"")).status.success());
    until("what arrives", PATIENCE, || (count(command("ls \"$HELPERS/in\"")) == 3).then_some(()));
    assert!(count(command("cat \"$OFFICE\"")) > 0);

    playground.signal(Signal::SIGINT);
    assert!(lines.any(|line| line.contains("All are stopped")));
    assert_eq!(playground.0.wait().unwrap().code(), Some(0));
    assert!(is_empty(temporary.path()));
}
