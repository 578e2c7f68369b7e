//! What one opinion of 20 MiB costs in memory.

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::footprint::MIB;
use crate::gateway::{Gateway, House};
use crate::load::{Client, Target};
use crate::opinion;
use crate::report::{Goal, Report, Row};
use crate::sandbox::Sandbox;

pub(crate) fn run(runtime: &Runtime) -> Report {
    let sandbox = Sandbox::start_with(&["--no-fsync"]);
    sandbox.down();
    let house = House::new(&sandbox);
    let gateway = house.start();
    let target = Target { address: gateway.address, bearer: house.bearer() };
    let mut report = Report::default();
    report.note("One multipart opinion, close to 20 MiB in the form sent to the hub, from a freshly started gateway.");
    let before = mark(&gateway);
    let begin = Instant::now();
    let (status, answer) = runtime.block_on(async {
        Client::connect(&target).await.opinion(opinion::large(), "multipart/form-data; boundary=bb").await
    });
    let took = begin.elapsed();
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&answer));
    report.row(Row::new("rise while accepting", rise(&gateway, before), "MiB").goal(Goal::AtMost(8.0)));
    report.row(Row::new("time to 202", took.as_secs_f64() * 1000.0, "ms"));
    let before = mark(&gateway);
    sandbox.up();
    let begin = Instant::now();
    while sandbox.status()["totals"]["effects"] != 1 {
        assert!(begin.elapsed() < Duration::from_secs(60), "nothing happens: {}", house.log());
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
    }
    report.row(Row::new("rise while sending", rise(&gateway, before), "MiB").goal(Goal::AtMost(8.0)));
    report
}

fn mark(gateway: &Gateway) -> u64 {
    gateway.forget_peak();
    gateway.memory()
}

fn rise(gateway: &Gateway, before: u64) -> f64 {
    gateway.peak().saturating_sub(before) as f64 / MIB
}
