//! Killed at every place, and run again.

use std::os::unix::process::ExitStatusExt as _;

use engawa::fault::crash::SETTING_UP;

use super::{Answers, Machine, told};
use crate::support::sandbox::Sandbox;

#[test]
fn a_run_that_was_killed_anywhere_ends_well_the_next_time() {
    let hub = Sandbox::start();
    let answers = Answers::of(&hub);
    let whole = Machine::new();
    told(&whole.set_up(&answers), 0);
    let names = |machine: &Machine| -> Vec<(std::path::PathBuf, u32, String)> {
        let tree = machine.tree().into_iter();
        tree.map(|(path, (mode, content))| {
            let path = path.strip_prefix(machine.dir.path()).unwrap().to_owned();
            // Settings name the folder that the test has made.
            let content = String::from_utf8_lossy(&content).replace(machine.dir.path().to_str().unwrap(), "DIR");
            (path, mode, content)
        })
        .collect()
    };
    let wanted = names(&whole);
    let placed = (1..=5).map(|visit| format!("setup.one_placed:{visit}"));
    let others = SETTING_UP.iter().filter(|point| **point != "setup.one_placed").map(|point| format!("{point}:1"));
    for point in others.chain(placed) {
        let machine = Machine::new();
        let killed = machine.set_up_with(&answers.text(), &[("ENGAWA_CRASH_POINT", &point)]);
        assert_eq!(killed.status.signal(), Some(9), "{point}: {killed:?}");
        let told = told(&machine.set_up(&answers), 0);
        assert_eq!(names(&machine), wanted, "{point}: {told:#}");
        let again = super::told(&machine.set_up(&answers), 0);
        assert_eq!(again["changed"], false, "{point}");
    }
}

#[test]
fn what_was_decided_is_finished_although_the_answers_are_other_ones() {
    let hub = Sandbox::start();
    let (machine, answers) = (Machine::new(), Answers::of(&hub));
    let killed = machine.set_up_with(&answers.text(), &[("ENGAWA_CRASH_POINT", "setup.one_placed:2")]);
    assert_eq!(killed.status.signal(), Some(9));
    assert!(!machine.at("etc/conf.d/10-office.toml").exists());
    let told = told(&machine.set_up_with("[cards]\nreaders = 99\n", &[]), 78);
    assert_eq!(told["problems"][0]["key"], "cards.readers");
    assert_eq!(told["changed"], true, "what was decided is in place now: {told:#}");
    assert!(machine.office().contains("9910000011"));
    // Nobody has been told of it yet.
    super::told(&machine.set_up_with("", &[]), 0);
    assert!(!machine.at("etc/.setup-pending").exists());
}

#[test]
fn what_was_decided_and_cannot_be_placed_is_not_called_unchanged() {
    let hub = Sandbox::start();
    let (machine, answers) = (Machine::new(), Answers::of(&hub));
    let killed = machine.set_up_with(&answers.text(), &[("ENGAWA_CRASH_POINT", "setup.noted:1")]);
    assert_eq!(killed.status.signal(), Some(9));
    let in_the_way = machine.at("etc/conf.d/10-office.toml");
    std::fs::create_dir(&in_the_way).unwrap();
    let told = told(&machine.set_up(&answers), 1);
    assert_eq!((&told["ok"], &told["changed"]), (&serde_json::json!(false), &serde_json::json!(true)), "{told:#}");
    assert!(told["steps"][0]["detail_en"].as_str().unwrap().contains("continued by the next"), "{told:#}");
    assert!(machine.at("etc/hub-ca.pem").exists());
    std::fs::remove_dir(in_the_way).unwrap();
    super::told(&machine.set_up(&answers), 0);
    assert!(machine.office().contains("9910000011"));
}
