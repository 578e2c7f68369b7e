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
mod line;
mod outcome;
mod queue;
mod report;
mod rest;
mod secret;
mod service;
mod settings;
mod shake;
mod state;

use std::path::Path;

use tokio::runtime::Runtime;

use super::arguments::CheckOrder;
use super::{Exit, output};
use crate::clock::Clock;
use crate::config::{self, Config, Loaded};
pub use digits::{Digits, Misheard};
pub use finding::{Finding, Verdict, Who, markdown};
pub(super) use line::certificate;
pub use outcome::Check;
pub(super) use report::Report;
use service::Service;
use state::State;

pub(super) fn run(path: &Path, order: &CheckOrder) -> Exit {
    if let Some(digits) = &order.explain {
        return explain::run(digits, order.json);
    }
    let report = match Config::load(path) {
        Ok(loaded) => Report::looked(&loaded, order.offline, !order.no_login),
        Err(problems) => Report::of_wrong_settings(problems),
    };
    output::answer(order.json, &report.json(), || report.readable());
    report.exit()
}

/// Every check, in order.
fn examine(loaded: &Loaded, (offline, log_in): (bool, bool), time: &Clock, runtime: &Runtime) -> Vec<Check> {
    let config = &loaded.config;
    let credentials = config::credentials_directory();
    let credentials = credentials.as_deref();
    let state = runtime.block_on(State::of(&config.state.directory));
    let service = runtime.block_on(Service::ask(loaded));
    let mut checks = settings::examine(loaded);
    let clock = clock::examine(state.been(), time);
    let trusted = clock.is_ok().then(|| time.now());
    checks.push(clock);
    checks.extend(disk::examine(config, &state));
    checks.push(key::master(config, credentials));
    checks.extend(each(loaded, |config| key::of_facility(config, credentials)));
    checks.extend(each(loaded, |config| certificate::examine(config, credentials, trusted)));
    checks.extend((!offline).then(|| line::examine(loaded, &state, &service, time, log_in)).into_iter().flatten());
    checks.extend(cards::examine(config, &service));
    let hub_fails = checks.iter().any(|check| check.name.starts_with("hub.") && check.verdict == Verdict::Fail);
    checks.extend(runtime.block_on(lan::examine(config, &service, time, !offline && !hub_fails)));
    checks.push(service::examine(&service, state.has_served()));
    checks.extend(queue::examine(loaded, &state, &service, time.now()));
    checks.push(careplans::examine(config));
    checks.extend(rest::examine(loaded, &state, &service, time.now()));
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
