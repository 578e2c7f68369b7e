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
    let names = |machine: &Machine| -> Vec<(std::path::PathBuf, u32, usize)> {
        let tree = machine.tree().into_iter();
        tree.map(|(path, (mode, content))| {
            let path = path.strip_prefix(machine.dir.path()).unwrap().to_owned();
            // The two folders have names of one length, so settings that name them have, too.
            (path, mode, content.len())
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
    assert!(machine.office().contains("9910000011"));
    assert!(!machine.at("etc/.setup-pending").exists());
}
