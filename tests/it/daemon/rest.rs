//! A box that does nothing.

use std::fs;
use std::time::Duration;

use engawa::clock::Clock;

use crate::support::gateway::Setup;
use crate::support::sandbox::Sandbox;
use crate::support::until;

/// Longer than any room's time between two looks.
const STILL: Duration = Duration::from_secs(12);
/// The hub is asked after 1, 2, 4, … seconds, by whoever reads something there; each reads where to go on.
const FEW: u64 = 20;
const LONG: Duration = Duration::from_secs(120);

/// How often the threads of the database went to sleep so far: once for each question.
fn questions(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|task| task.unwrap().path());
    let of_database = |name: &str| name.starts_with("sqlx-");
    let database = tasks.filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|name| of_database(&name)));
    let slept = |text: String| -> Option<u64> {
        let count = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        count.trim().parse().ok()
    };
    database.filter_map(|task| slept(fs::read_to_string(task.join("status")).ok()?)).sum::<u64>()
}

#[test]
fn a_box_that_does_nothing_asks_its_database_next_to_nothing() {
    let hub = Sandbox::start();
    let gateway = Setup::new(&hub).set("cards.enabled", "false").exchange().start();
    let clock = Clock::system();
    let (mut asked, mut since) = (0, clock.elapsed());
    until("twelve seconds almost without a question", LONG, || {
        let now = questions(gateway.pid());
        assert!(now > 0, "the database has no thread of that name");
        if now > asked + FEW {
            (asked, since) = (now, clock.elapsed());
        }
        (clock.elapsed() - since >= STILL).then_some(())
    });
    // It is there all the same.
    assert_eq!(gateway.get("/v1/health").status, 200);
}
