//! The benchmarks: release binaries as processes, driven as their users would, and the card room beside the PC/SC library.
//! `make bench` runs them all, `cargo test --release --test bench -- accept large` only those named.
//!
//! Each prints a table and writes `target/bench/NAME.json`. The exit code is 1 when a goal was missed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a benchmark that meets something unexpected has to stop and say so"
)]

mod accept;
mod audit;
mod backlog;
mod card;
mod careplan;
mod careplan_data;
mod drain;
mod footprint;
mod gateway;
mod lan;
mod large;
mod limit;
mod load;
mod opinion;
#[path = "../it/support/pcscd.rs"]
#[allow(dead_code)]
mod pcscd;
mod queue;
mod report;
#[path = "../it/support/sandbox.rs"]
#[allow(dead_code)]
mod sandbox;
#[path = "../it/support/vcard.rs"]
#[allow(dead_code)]
mod vcard;

use std::process::ExitCode;

use report::Report;

type Bench = fn(&tokio::runtime::Runtime) -> Report;

const ALL: [(&str, Bench); 9] = [
    ("footprint", footprint::run),
    ("accept", accept::run),
    ("drain", drain::run),
    ("large", large::run),
    ("backlog", backlog::run),
    ("card", card::run),
    ("careplan", careplan::run),
    ("audit", audit::run),
    ("lan", lan::run),
];

fn main() -> ExitCode {
    if card::ordered() {
        return ExitCode::SUCCESS;
    }
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if cfg!(debug_assertions) {
        eprintln!("bench: this is a debug build; its figures say nothing. Use `make bench`.");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut good = true;
    for (name, bench) in ALL {
        if named.is_empty() || named.iter().any(|wanted| wanted == name) {
            let report = bench(&runtime);
            report.print(name);
            report.write(name);
            good &= report.good();
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
