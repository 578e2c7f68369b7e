//! What the gateway costs when there is nothing to do.

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::gateway::House;
use crate::load::{Client, Target};
use crate::report::{Goal, Report, Row, median};
use crate::sandbox::Sandbox;

/// From the start of the process to READY=1, and to the first answer to a request, in milliseconds.
pub(crate) async fn start(house: &House) -> (crate::gateway::Gateway, f64, f64) {
    let begin = Instant::now();
    let gateway = house.start();
    let ready = begin.elapsed().as_secs_f64() * 1000.0;
    let target = Target { address: gateway.address, bearer: house.bearer() };
    let health = Client::connect(&target).await.get("/v1/health").await;
    assert!(health.is_object());
    (gateway, ready, begin.elapsed().as_secs_f64() * 1000.0)
}

pub(crate) fn run(runtime: &Runtime) -> Report {
    let sandbox = Sandbox::start();
    let house = House::new(&sandbox);
    let (mut readies, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let (gateway, ready, answer) = runtime.block_on(start(&house));
        readies.push(ready);
        answers.push(answer);
        gateway.stop();
    }
    let (gateway, _, _) = runtime.block_on(start(&house));
    let rest = Duration::from_secs(30);
    let (processor, switches) = (gateway.processor(), gateway.switches());
    runtime.block_on(async { tokio::time::sleep(rest).await });
    let wakes = (gateway.switches() - switches) as f64 / rest.as_secs_f64();
    let processor = (gateway.processor() - processor) * 1000.0 / rest.as_secs_f64();
    let mut report = Report::default();
    report.note("An empty queue, the hub up. Start: median of 5. Rest: 30 seconds without a request.");
    report.row(Row::new("start to READY=1", median(readies), "ms").goal(Goal::AtMost(1000.0)));
    report.row(Row::new("start to first answer", median(answers), "ms").goal(Goal::AtMost(1000.0)));
    report.row(Row::new("memory at rest", gateway.memory() as f64 / MIB, "MiB").goal(Goal::AtMost(30.0)));
    report.row(Row::new("wake-ups at rest", wakes, "1/s"));
    report.row(Row::new("processor at rest", processor, "ms/s"));
    report
}

pub(crate) const MIB: f64 = 1024.0 * 1024.0;
