//! Durable accepts: clients that wait for each 202, beside what SQLite alone commits of the same rows.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::gateway::House;
use crate::limit;
use crate::load::{self, Target, Until};
use crate::opinion::Template;
use crate::report::{Goal, Report, Row, median};
use crate::sandbox::Sandbox;

const CLIENTS: [usize; 3] = [1, 8, 64];
const ROUNDS: usize = 3;
const TIME: Duration = Duration::from_secs(4);

pub(crate) fn run(runtime: &Runtime) -> Report {
    let sandbox = Sandbox::start();
    sandbox.down();
    let templates = Arc::new(Template::all());
    let mut report = Report::default();
    report.note(
        "N clients post distinct opinions of 10 kB (form and signature) over keep-alive connections; the hub is down.",
    );
    report.note(
        "Peer: the same rows in the same file system straight into SQLite, N documents a commit, nothing else running;",
    );
    report.note(
        "the clients themselves share the processors with the gateway. Medians of 3 rounds; of the peer, the best.",
    );
    for clients in CLIENTS {
        let rounds: Vec<Round> = (0..ROUNDS).map(|_| runtime.block_on(round(&sandbox, &templates, clients))).collect();
        let of = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
        // A busy machine only ever lowers a limit, so the best round is the nearest to it: a median would flatter us.
        let limit = rounds.iter().map(|round| round.limit).fold(0.0, f64::max);
        let rate = Row::new(format!("accepts, {clients} clients"), of(|round| round.rate), "1/s")
            .beside(format!("SQLite alone, commits of {clients}"), limit);
        let p50 = Row::new(format!("p50, {clients} clients"), of(|round| round.p50), "ms");
        let p99 = Row::new(format!("p99, {clients} clients"), of(|round| round.p99), "ms");
        let goals = clients == 64;
        report.row(if goals { rate.goal(Goal::ShareAtLeast(0.5)) } else { rate });
        report.row(p50);
        report.row(if goals { p99.goal(Goal::AtMost(50.0)) } else { p99 });
        let cost = of(|round| round.cost);
        report.row(Row::new(format!("processor, {clients} clients"), cost, "ms/doc"));
    }
    report
}

struct Round {
    rate: f64,
    p50: f64,
    p99: f64,
    /// The gateway's processor time for one document, ms.
    cost: f64,
    limit: f64,
}

async fn round(sandbox: &Sandbox, templates: &Arc<Vec<Template>>, clients: usize) -> Round {
    let house = House::new(sandbox);
    let gateway = house.start();
    let target = Target { address: gateway.address, bearer: house.bearer() };
    load::post(&target, templates, clients, Until::Time(TIME / 4)).await;
    let before = gateway.processor();
    let outcome = load::post(&target, templates, clients, Until::Time(TIME)).await;
    let cost = (gateway.processor() - before) * 1000.0 / (outcome.rate * TIME.as_secs_f64());
    gateway.stop();
    let rows = limit::stored(&house.database(), 1000).await;
    let limit = limit::rate(Path::new(env!("CARGO_TARGET_TMPDIR")), &rows, clients, TIME).await;
    Round { rate: outcome.rate, p50: outcome.quantile(0.5), p99: outcome.quantile(0.99), cost, limit }
}
