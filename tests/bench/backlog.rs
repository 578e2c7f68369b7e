//! What 100,000 waiting documents cost.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::footprint::{self, MIB};
use crate::gateway::{Gateway, House};
use crate::load::{self, Outcome, Target, Until};
use crate::opinion::Template;
use crate::queue;
use crate::report::{Goal, Report, Row};
use crate::sandbox::Sandbox;

const QUEUED: u32 = 100_000;
const CLIENTS: [usize; 2] = [1, 64];
const TIME: Duration = Duration::from_secs(6);

pub(crate) fn run(runtime: &Runtime) -> Report {
    let sandbox = Sandbox::start();
    sandbox.down();
    runtime.block_on(compare(&sandbox))
}

async fn compare(sandbox: &Sandbox) -> Report {
    let templates = Arc::new(Template::all());
    let empty = House::new(sandbox);
    let (gateway, _, _) = footprint::start(&empty).await;
    let on_empty = accept(&gateway, &empty, &templates).await;
    gateway.stop();

    let full = House::new(sandbox);
    let gateway = full.start();
    let target = Target { address: gateway.address, bearer: full.bearer() };
    load::post(&target, &templates, 8, Until::Posted(200)).await;
    gateway.stop();
    queue::multiply(&full.database(), QUEUED).await;
    let (gateway, ready, answer) = footprint::start(&full).await;
    let at_start = gateway.memory();
    let on_full = accept(&gateway, &full, &templates).await;

    let mut report = Report::default();
    report.note(
        "100,000 opinions of 10 kB queued while the hub is down, beside an empty queue in the same run. The rows are",
    );
    report.note("200 posted ones, copied within the database under new ids.");
    report.row(Row::new("start to READY=1", ready, "ms").goal(Goal::AtMost(2000.0)));
    report.row(Row::new("start to first answer", answer, "ms").goal(Goal::AtMost(2000.0)));
    report.row(Row::new("memory after the start", at_start as f64 / MIB, "MiB").goal(Goal::AtMost(64.0)));
    report.row(Row::new("peak memory under load", gateway.peak() as f64 / MIB, "MiB").goal(Goal::AtMost(64.0)));
    for ((clients, full), empty) in CLIENTS.iter().zip(on_full).zip(on_empty) {
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            let row = Row::new(format!("{name}, {clients} clients"), full.quantile(share), "ms");
            report.row(row.beside("an empty queue", empty.quantile(share)).goal(Goal::TimesAtMost(2.0)));
        }
    }
    report
}

async fn accept(gateway: &Gateway, house: &House, templates: &Arc<Vec<Template>>) -> Vec<Outcome> {
    let target = Target { address: gateway.address, bearer: house.bearer() };
    load::post(&target, templates, 8, Until::Posted(500)).await;
    let mut outcomes = Vec::new();
    for clients in CLIENTS {
        outcomes.push(load::post(&target, templates, clients, Until::Time(TIME)).await);
    }
    outcomes
}
