//! Asked on a terminal: proposals, mistakes asked again, secrets that are not shown.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Machine;
use crate::support::sandbox::Sandbox;
use crate::support::until;

/// Somebody at a terminal.
pub(super) struct Typist {
    child: Child,
    keys: File,
    seen: Arc<Mutex<Vec<u8>>>,
    reader: std::thread::JoinHandle<()>,
    /// What was read of it already.
    read: usize,
}

impl Typist {
    pub(super) fn sit_down(machine: &Machine) -> Self {
        let pty = nix::pty::openpty(None, None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let mut command = machine.command(&["setup", "--sheet", "sheet.html"]);
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut screen, into) = (File::from(pty.master.try_clone().unwrap()), Arc::clone(&seen));
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // The last slave that is closed ends it with an error.
            while let Ok(count @ 1..) = screen.read(&mut piece) {
                into.lock().unwrap().extend_from_slice(&piece[..count]);
            }
        });
        Self { child, keys: File::from(pty.master), seen, reader, read: 0 }
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    /// Answers each of these with Enter.
    fn keep(&mut self, questions: &[&str]) {
        for question in questions {
            self.answer(question, "");
        }
    }

    /// Waits for a question and answers it.
    pub(super) fn answer(&mut self, question: &str, line: &str) {
        let from = self.read;
        self.read = until(question, Duration::from_secs(30), || {
            let screen = self.screen();
            let at = screen.get(from..)?.find(question)? + from;
            // The question is out when its colon is.
            Some(screen.get(at..)?.find(": ")? + at)
        });
        self.keys.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    pub(super) fn leave(mut self) -> (Option<i32>, String) {
        let status = until("setup to end", Duration::from_secs(30), || self.child.try_wait().unwrap());
        // What it said last may not have been read yet; another test's child may hold the terminal for a while.
        until("the last words", Duration::from_secs(60), || self.reader.is_finished().then_some(()));
        (status.code(), self.screen())
    }
}

#[test]
fn questions_lead_to_a_box_that_is_set_up_and_show_no_secret() {
    let hub = Sandbox::start();
    let machine = Machine::new();
    let clinic = hub.facility("clinic");
    let passphrase = std::fs::read_to_string(&clinic.p12_passphrase).unwrap().trim().to_owned();
    let password = hub.password("clinic-doctor").trim().to_owned();
    let mut typist = Typist::sit_down(&machine);
    typist.answer("The facility's certificate", "/nowhere.p12");
    typist.answer("The facility's certificate", clinic.p12.to_str().unwrap());
    typist.answer("Its passphrase", "not-the-passphrase");
    typist.answer("Its passphrase", &format!("x\u{7f}{passphrase}"));
    typist.answer("Facility number [9910000011]", "");
    typist.answer("Its name", "架空クリニック");
    typist.answer("The hub's address", "http://hub.example");
    typist.answer("The hub's address", hub.url());
    typist.answer("The hub operator's CA file", hub.ca().to_str().unwrap());
    typist.answer("User id at the hub", "clinic-doctor");
    typist.answer("Password at the hub", &password);
    typist.answer("Once more", "something-else");
    typist.answer("Password at the hub", &password);
    typist.answer("Once more", &password);
    typist.answer("Do other machines", "y");
    typist.answer("Listen on [0.0.0.0:8471]", "127.0.0.1:0");
    typist.answer("The office's networks", "127.0.0.0/8");
    typist.answer("Card readers", "many");
    typist.answer("Card readers", "0");
    typist.answer("Exchange folder", "");
    typist.answer("administrator's user [admin]", "");
    typist.answer("administrator's name", "縁側 花子");
    typist.answer("first terminal's name", "");
    typist.answer("Set the box up", "y");
    let (code, screen) = typist.leave();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("The one-time password of admin"), "{screen}");
    for secret in [passphrase.as_str(), &password, "not-the-passphrase", "something-else"] {
        assert!(!screen.contains(secret), "{screen}");
    }
    let kept = std::fs::read_to_string(machine.at("etc/secrets/hub-password")).unwrap();
    assert_eq!(kept, password);
    assert!(machine.office().contains("架空クリニック"), "{}", machine.office());
    enter_keeps_everything(&machine);
}

/// What is asked of a box that is set up, with what it has, up to the exchange folder; and after it.
const OFFICE: [&str; 10] = [
    "Facility number [9910000011]",
    "Its name [架空クリニック]",
    "The hub's address [https://localhost",
    "CA file",
    "User id at the hub [clinic-doctor]",
    "Enter: the present one",
    "Do other machines",
    "Listen on [127.0.0.1:0]",
    "networks [127.0.0.0/8]",
    "Card readers",
];
const PEOPLE: [&str; 4] = ["administrator's user", "administrator's name", "first terminal's name", "Set the box up"];

/// What is set is proposed, and Enter keeps it.
fn enter_keeps_everything(machine: &Machine) {
    let before = machine.tree();
    let mut typist = Typist::sit_down(machine);
    typist.answer("The facility's certificate", "");
    typist.keep(&OFFICE);
    typist.answer("Exchange folder", "");
    typist.keep(&PEOPLE);
    let (code, screen) = typist.leave();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("変わったところはありません"), "{screen}");
    assert_eq!(machine.tree(), before);
}

/// A passphrase that is gone is asked for, and a folder can be given up.
#[test]
fn what_is_kept_and_cannot_be_used_is_asked_for() {
    let hub = Sandbox::start();
    let machine = Machine::new();
    let folder = machine.at("exchange");
    std::fs::create_dir(&folder).unwrap();
    let answers = super::Answers::of(&hub).set("exchange.directory", &serde_json::json!(folder));
    super::told(&machine.set_up(&answers), 0);
    let secret = machine.at("etc/secrets/certificate-passphrase");
    let passphrase = std::fs::read_to_string(&secret).unwrap();
    std::fs::remove_file(&secret).unwrap();
    let mut typist = Typist::sit_down(&machine);
    typist.answer("The facility's certificate", "");
    typist.answer("Its passphrase", "not-the-passphrase");
    typist.answer("Its passphrase", &passphrase);
    typist.keep(&OFFICE);
    typist.answer("Exchange folder (-: none)", "-");
    typist.keep(&PEOPLE);
    let (code, screen) = typist.leave();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), passphrase);
    assert!(!machine.office().contains("directory"), "{}", machine.office());
}

#[test]
fn giving_up_while_a_secret_is_typed_changes_nothing() {
    let hub = Sandbox::start();
    let machine = Machine::new();
    let before = machine.tree();
    let mut typist = Typist::sit_down(&machine);
    typist.answer("The facility's certificate", hub.facility("clinic").p12.to_str().unwrap());
    typist.answer("Its passphrase", "half\u{3}");
    let (code, screen) = typist.leave();
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("Nothing was changed") && !screen.contains("half"), "{screen}");
    assert_eq!(machine.tree(), before);
}
