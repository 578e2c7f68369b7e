//! How fast a backlog leaves once the hub is up.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::gateway::House;
use crate::load::{self, Target, Until};
use crate::opinion::Template;
use crate::report::{Report, Row};
use crate::sandbox::Sandbox;

const BACKLOG: u64 = 3000;

pub(crate) fn run(runtime: &Runtime) -> Report {
    let sandbox = Sandbox::start_with(&["--no-fsync"]);
    sandbox.down();
    let house = House::new(&sandbox);
    let gateway = house.start();
    let target = Target { address: gateway.address, bearer: house.bearer() };
    runtime.block_on(load::post(&target, &Arc::new(Template::all()), 16, Until::Posted(BACKLOG)));
    let before = gateway.processor();
    sandbox.up();
    let effects = || sandbox.status()["totals"]["effects"].as_u64().unwrap();
    // The clock starts with the first document at the hub, so that the pause before the next knock is not counted.
    let first = wait(runtime, || effects() > 0, || house.log());
    let at_first = effects();
    let last = wait(runtime, || effects() >= BACKLOG, || house.log());
    let took = last.duration_since(first).as_secs_f64();
    let cost = (gateway.processor() - before) * 1000.0 / BACKLOG as f64;
    let mut report = Report::default();
    report.note(format!(
        "{BACKLOG} opinions of 10 kB queued, then the hub is switched on: a sandbox with --no-fsync on this machine,"
    ));
    report.note("mutual TLS 1.3, 4 at a time (the default). Each delivery is marked, sent, receipted and recorded on stable storage.");
    report.row(Row::new("deliveries", (BACKLOG - at_first) as f64 / took, "1/s"));
    report.row(Row::new("processor", cost, "ms/doc"));
    report
}

fn wait(runtime: &Runtime, met: impl Fn() -> bool, log: impl Fn() -> String) -> Instant {
    let start = Instant::now();
    while !met() {
        assert!(start.elapsed() < Duration::from_secs(300), "nothing happens: {}", log());
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
    }
    Instant::now()
}
