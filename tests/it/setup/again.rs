//! A second run: the same answers change nothing, others only what they are about.

use std::fs;

use serde_json::json;

use super::{Answers, Machine, state, told};
use crate::support::sandbox::Sandbox;

#[test]
fn the_same_answers_change_nothing() {
    let hub = Sandbox::start();
    let (machine, answers) = (Machine::new(), Answers::of(&hub));
    told(&machine.set_up(&answers), 0);
    let before = machine.tree();
    let second = told(&machine.set_up(&answers), 0);
    assert_eq!((&second["changed"], state(&second, "files")), (&json!(false), "unchanged"));
    assert!(second["files"].as_array().unwrap().iter().all(|file| file["change"] == "same"), "{second:#}");
    assert_eq!((second.get("administrator"), machine.tree()), (None, before.clone()));
    // Nothing answered: nothing is asked of the box but what it is set to.
    let none = told(&machine.set_up_with("", &[]), 0);
    assert_eq!((&none["changed"], machine.tree()), (&json!(false), before));
}

#[test]
fn another_answer_changes_its_line_alone() {
    let hub = Sandbox::start();
    let (machine, answers) = (Machine::new(), Answers::of(&hub));
    told(&machine.set_up(&answers), 0);
    let noted = machine.office().replace("user_id = \"clinic-doctor\"", "user_id = \"clinic-doctor\" # 院長")
        + "\n[outbox]\nattempts_before_aside = 7 # by hand\n";
    fs::write(machine.at("etc/conf.d/10-office.toml"), &noted).unwrap();
    let password = json!(hub.password_file("clinic-clerk"));
    let text = format!("[hub]\nuser_id = \"clinic-clerk\"\npassword_file = {password}\n[cards]\nenabled = true\n");
    let second = told(&machine.set_up_with(&text, &[]), 0);
    assert_eq!(second["changed"], true);
    let office = machine.office();
    let expected = noted.replace("\"clinic-doctor\" # 院長", "\"clinic-clerk\" # 院長");
    // Above the section stands what is said of the file.
    let expected = expected.replace("[cards]\nenabled = false\n", "[cards]\n");
    assert_eq!(office, expected, "back to the default is out of the file");
    assert_eq!(fs::read_to_string(machine.at("etc/conf.d/10-office.toml.earlier")).unwrap(), noted);
    let secret = fs::read_to_string(machine.at("etc/secrets/hub-password")).unwrap();
    assert_eq!(secret, hub.password("clinic-clerk").trim());
    told(&machine.set_up_with("[cards]\nreaders = 2\n", &[]), 0);
    let earlier = |name: &str| fs::read_to_string(machine.at("etc/conf.d").join(name)).unwrap();
    assert_eq!(earlier("10-office.toml.earlier"), noted, "what was there first is never lost");
    assert_eq!(earlier("10-office.toml.earlier.2"), office);
    assert!(!machine.at("etc/secrets/hub-password.earlier").exists(), "a secret is kept once");
    let certificate = json!(machine.at("etc/certificate.p12"));
    let change = |path: &serde_json::Value| {
        let files = second["files"].as_array().unwrap().iter();
        files.filter(|file| file["path"] == *path).map(|file| file["change"].clone()).next()
    };
    assert_eq!(change(&certificate), None, "nobody answered it");
    assert_eq!(change(&json!(machine.at("etc/secrets/hub-password"))), Some(json!("replaced")));
}

#[test]
fn a_place_that_cannot_be_written_changes_nothing() {
    let hub = Sandbox::start();
    let (machine, answers) = (Machine::new(), Answers::of(&hub));
    fs::write(machine.at("etc/secrets"), "a file where the folder belongs").unwrap();
    let before = machine.tree();
    let told = told(&machine.set_up(&answers), 1);
    assert_eq!((&told["ok"], state(&told, "files")), (&json!(false), "failed"));
    assert_eq!(machine.tree(), before);
}

#[test]
fn what_is_no_sheet_is_not_written_over() {
    let hub = Sandbox::start();
    let (machine, answers) = (Machine::new(), Answers::of(&hub));
    fs::write(machine.at("sheet.html"), "somebody's letter").unwrap();
    let before = machine.tree();
    let told = told(&machine.set_up(&answers), 78);
    assert_eq!(told["problems"][0]["key"], "--sheet");
    assert_eq!(fs::read_to_string(machine.at("sheet.html")).unwrap(), "somebody's letter");
    assert_eq!(machine.tree(), before);
}

#[test]
fn neither_a_pipe_nor_a_link_is_taken_for_a_sheet() {
    let hub = Sandbox::start();
    let (machine, answers) = (Machine::new(), Answers::of(&hub));
    nix::unistd::mkfifo(&machine.at("sheet.html"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(told(&machine.set_up(&answers), 78)["problems"][0]["key"], "--sheet");
    fs::remove_file(machine.at("sheet.html")).unwrap();
    std::os::unix::fs::symlink(machine.settings(), machine.at("sheet.html")).unwrap();
    assert_eq!(told(&machine.set_up(&answers), 78)["problems"][0]["key"], "--sheet");
}

#[test]
fn the_sheet_is_of_whoever_called_sudo() {
    use std::os::unix::fs::MetadataExt as _;
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let hub = Sandbox::start();
    let (machine, answers) = (Machine::new(), Answers::of(&hub));
    told(&machine.set_up_with(&answers.text(), &[("SUDO_UID", "4711"), ("SUDO_GID", "4712")]), 0);
    let looked = fs::metadata(machine.at("sheet.html")).unwrap();
    assert_eq!((looked.uid(), looked.gid(), looked.mode() & 0o777), (4711, 4712, 0o600));
}
