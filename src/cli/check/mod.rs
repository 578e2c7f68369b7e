//! `engawa check`: everything between the office and the hub, in order, so that the first check which is not ok is the cause. Nothing is
//! made or changed. What cannot be tried because something before it failed is left out.

mod cards;
mod careplans;
mod certificate;
mod clock;
mod digits;
mod disk;
mod explain;
mod finding;
mod key;
mod lan;
mod left;
mod outcome;
mod report;
mod secret;
mod settings;
mod terminals;

use std::path::Path;

use super::arguments::CheckOrder;
use super::{Exit, output};
use crate::clock::Clock;
use crate::config::{self, Config, Loaded};
use crate::gateway;
pub use digits::{Digits, Misheard};
pub use finding::{Finding, Verdict, Who, markdown};
pub use outcome::Check;
pub(super) use report::Report;

pub(super) fn run(path: &Path, order: &CheckOrder) -> Exit {
    if let Some(digits) = &order.explain {
        return explain::run(digits, order.json);
    }
    let report = match Config::load(path) {
        Ok(loaded) => Report::of(&loaded, order.offline),
        Err(problems) => Report::of_wrong_settings(problems),
    };
    output::answer(order.json, &report.json(), || report.readable());
    report.exit()
}

/// Every check, in order.
fn examine(loaded: &Loaded, _offline: bool, time: &Clock) -> Vec<Check> {
    let config = &loaded.config;
    let credentials = config::credentials_directory();
    let credentials = credentials.as_deref();
    let (been, copied) = seen_from_outside(config);
    let mut checks = settings::examine(loaded);
    let clock = clock::examine(been, time);
    let trusted = clock.is_ok().then(|| time.now());
    checks.push(clock);
    checks.extend(disk::examine(config));
    checks.push(key::master(config, credentials));
    checks.extend(each(loaded, |config| key::of_facility(config, credentials)));
    checks.extend(each(loaded, |config| certificate::examine(config, credentials, trusted)));
    checks.extend(cards::examine(config));
    checks.extend(lan::examine(config, time));
    checks.push(careplans::examine(config));
    checks.extend(left::examine(loaded));
    checks.push(terminals::examine(copied));
    checks
}

/// What is to be looked at for every facility; what is of further ones bears their numbers.
fn each(loaded: &Loaded, look: impl Fn(&Config) -> Vec<Check>) -> Vec<Check> {
    let mut checks = look(&loaded.config);
    for further in &loaded.further {
        let number = &further.config.facility.number;
        checks.extend(look(&further.config).into_iter().map(|check| check.of(number)));
    }
    checks
}

fn seen_from_outside(config: &Config) -> (Option<jiff::Timestamp>, u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let directory = &config.state.directory;
    runtime.ok().and_then(|runtime| runtime.block_on(gateway::seen_from_outside(directory))).unwrap_or_default()
}
