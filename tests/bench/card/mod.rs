//! The card broker beside the `pcsc` crate used by hand: the same pcscd, the same virtual cards, the same run, and the two
//! in turns, so that whatever else the machine does hits both alike.
//!
//! The PC/SC client library reads the daemon's socket from the environment, once a process; so what is measured runs in a
//! process of its own ([`room`]), this binary again.

mod busy;
mod direct;
mod event;
mod room;
mod single;

use std::process::Stdio;

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::pcscd::Pcscd;
use crate::report::{Goal, Report, Row};

pub(crate) use room::ordered;

/// Readers of two slots each.
const BLOCKS: usize = 2;

pub(crate) fn run(_: &Runtime) -> Report {
    let pcscd = Pcscd::start(BLOCKS);
    let ports: Vec<_> = pcscd.ports().iter().map(u16::to_string).collect();
    let binary = std::env::current_exe().unwrap();
    let mut command = pcscd.client(binary.to_str().unwrap());
    command.env(room::PORTS, ports.join(",")).stderr(Stdio::inherit());
    let output = command.output().unwrap();
    assert!(output.status.success(), "the room failed; pcscd says: {}", pcscd.log());
    report(&Figures(serde_json::from_slice(&output.stdout).unwrap()))
}

/// What the room's process has found, by name.
struct Figures(Value);

impl Figures {
    fn of(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap_or_else(|| panic!("no figure {name}: {}", self.0))
    }
}

fn report(figures: &Figures) -> Report {
    let mut report = Report::default();
    report.note("A private pcscd, vpcd, 4 cards of engawa-sandbox; broker and pcsc by hand in turns, in one process.");
    report.note("By hand: connect, begin, commands, end, disconnect, with a context that is kept.");
    round_trip(&mut report, figures);
    identification(&mut report, figures);
    throughput(&mut report, figures);
    events(&mut report, figures);
    report
}

fn round_trip(report: &mut Report, figures: &Figures) {
    for at in ["p50", "p99"] {
        let of = |who: &str| figures.of(&format!("apdu {who} {at}"));
        report.row(Row::new(format!("one command, {at}"), of("broker"), "us").beside("by hand", of("hand")));
        report.row(Row::new(format!("  transmit alone, {at}"), of("bare"), "us"));
    }
}

fn identification(report: &mut Report, figures: &Figures) {
    report.note(
        "Identification: what session.sign sends, by hand in the same order, the signature checked; the time of the",
    );
    report.note("signing command itself, by hand, is taken off both. What is added: the median over neighbouring turns of five;");
    report.note("it is two wake-ups of a thread, which cost more the more others want the processors.");
    let hand = figures.of("identify hand net");
    let row = Row::new("identification less signing", hand + figures.of("identify added"), "us");
    report.row(row.beside("by hand", hand).goal(Goal::TimesAtMost(1.1)));
    for at in ["p50", "p99"] {
        let of = |who: &str| figures.of(&format!("identify {who} {at}"));
        report.row(Row::new(format!("  whole, {at}"), of("broker"), "us").beside("by hand", of("hand")));
    }
    let lean = figures.of("identify lean p50");
    report.row(
        Row::new("  whole, p50, beside the leanest", figures.of("identify broker p50"), "us")
            .beside("by hand, without kind, tries after it and log-out", lean),
    );
    report.row(Row::new("  the signing command, p50", figures.of("identify signing p50"), "us"));
}

fn throughput(report: &mut Report, figures: &Figures) {
    report.note(
        "Throughput: 64 terminals ask for any of 4 readers, wait for their turn, do one thing, close; beside 4 threads",
    );
    report.note(
        "that do the same by hand, each with a reader of its own and nobody to wait for. Medians of rounds in turns.",
    );
    report.note("The goal is for cards that take their time, as real ones do (20 ms a command and more). At the virtual card's own");
    report.note("25 us the processors are the limit, which terminals, readers, pcscd and cards share here; those rows show the price.");
    for errand in busy::ERRANDS {
        let of = |who: &str| figures.of(&format!("busy {} {who}", errand.name));
        let row = Row::new(errand.title, of("broker"), "1/s").beside("by hand", of("hand"));
        report.row(if errand.counts() { row.goal(Goal::ShareAtLeast(0.9)) } else { row });
    }
}

fn events(report: &mut Report, figures: &Figures) {
    report
        .note("Events: from pcscd's answer to a watcher by hand until a listener of the broker has the card's event.");
    for (what, title) in [("quiet", "event"), ("busy", "event, two readers at work")] {
        for at in ["p50", "p99", "longest"] {
            let row = Row::new(format!("{title}, {at}"), figures.of(&format!("event {what} {at}")), "ms");
            report.row(if at == "p99" { row.goal(Goal::AtMost(20.0)) } else { row });
        }
    }
}
