//! The command line: arguments, exit codes, and answers a person can read.
//!
//! `serve` runs the gateway in this process. `check` looks at the settings and what they name, without starting anything.
//! `status`, `queue`, `terminal`, `key`, `admin` and `staff` ask the running gateway over its Unix socket, where the kernel says who is
//! asking; the last three also work on the store itself while no gateway runs, so that the first key and the first administrator
//! exist before the first start. `careplan` only reads the files that it is given; `audit` reads
//! those, or the database, and changes nothing in it. `support-bundle` takes whatever can be had of all this, service or not. Where the
//! box serves several facilities, `--facility` says which one is meant.
//!
//! Invariants: answers go to stdout and complaints to stderr; with `--json` stdout holds one JSON document and nothing else;
//! a secret is printed once, by `key add`, `terminal pair`, `admin init`, `staff add` and `staff password`.

mod arguments;
mod audit;
mod backup;
mod careplan;
mod careplan_text;
mod check;
mod client;
mod credstore;
mod key;
mod lan;
mod master_key;
mod output;
mod pages;
mod queue;
mod restore;
mod serve;
mod setup;
mod staff;
mod staff_arguments;
mod status;
mod support_bundle;
mod terminal;
mod unit;

use std::ffi::OsString;
use std::ops::Deref;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;

use crate::config::{Config, ConfigProblem, Loaded};
use crate::fault::Code;
use arguments::{Arguments, AuditOrder, CareplanOrder, Command, RestoreOrder};
pub use check::{Check, Digits, Finding, Misheard, Verdict, Who, markdown as findings_markdown};
use output::{complain, say};
pub use support_bundle::undecided_settings;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Exit {
    Ok = 0,
    Failed = 1,
    Usage = 2,
    /// EX_UNAVAILABLE: no gateway answers.
    Unreachable = 69,
    /// EX_CONFIG: the settings are wrong; systemd does not restart.
    Config = 78,
}

/// Does what the arguments say.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are "errors" of clap that belong on stdout; a broken pipe there is nobody's loss.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage } else { Exit::Ok } as u8);
        }
    };
    ExitCode::from(obey(arguments) as u8)
}

fn obey(Arguments { config, command }: Arguments) -> Exit {
    match command {
        Command::Version => {
            say(&format!("engawa {}", env!("CARGO_PKG_VERSION")));
            Exit::Ok
        }
        Command::Pages { directory } => pages::run(&directory),
        Command::Check { order } => check::run(&config, &order),
        Command::Setup { order } => setup::run(&config, &order),
        Command::SupportBundle { order } => support_bundle::run(&config, &order),
        Command::Careplan { order: CareplanOrder::Lint { paths, reading, json } } => {
            careplan::lint(&paths, reading, json)
        }
        Command::Audit { order: AuditOrder::Verify { path: Some(path), anchors, json } } => {
            audit::verify(&path, &anchors, json)
        }
        Command::Audit { order } => {
            let of = order.facility().map(str::to_owned);
            at(&config, of, |site| audit::run(site, order))
        }
        Command::Serve => with_settings(&config, serve::run),
        Command::Status { of, json } => at(&config, of.facility, |site| status::run(site, json)),
        Command::Queue { of, order } => at(&config, of.facility, |site| queue::run(site, order)),
        Command::Admin { of, order } => at(&config, of.facility, |site| staff::admin(site, order)),
        Command::Staff { of, order } => at(&config, of.facility, |site| staff::staff(site, order)),
        Command::Terminal { of, order } => at(&config, of.facility, |site| terminal::run(site, order)),
        Command::Backup { order, out } => at(&config, None, |site| backup::run(site, order, out)),
        Command::MasterKey { order } => at(&config, None, |site| master_key::run(site, &order)),
        Command::Restore { order: Some(RestoreOrder::Confirm { old_box }), .. } => {
            at(&config, None, |site| restore::confirm(site, old_box))
        }
        Command::Restore { order: None, file, recovery_key_file, signed_by, state } => {
            restore::run(file, recovery_key_file, signed_by, state)
        }
        Command::Lan { order } => with_settings(&config, |loaded| lan::run(&loaded.config, &order)),
        Command::Key { of, order } => at(&config, of.facility, |site| key::run(site, order)),
    }
}

/// The settings by which a command works: those of the box with its first facility, or with the one that was named.
struct Site {
    config: Config,
    named: bool,
}

impl Deref for Site {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.config
    }
}

fn at(path: &Path, facility: Option<String>, then: impl FnOnce(&Site) -> Exit) -> Exit {
    with_settings(path, |loaded| match facility {
        None => then(&Site { config: loaded.config, named: false }),
        Some(number) => match loaded.facility(&number) {
            Some(config) => then(&Site { config: config.clone(), named: true }),
            None => {
                let code = Code::FacilityUnknown;
                complain(&format!("{code}\n{}\n{}", code.ja(), code.en()));
                Exit::Failed
            }
        },
    })
}

fn with_settings(path: &Path, then: impl FnOnce(Loaded) -> Exit) -> Exit {
    match Config::load(path) {
        Ok(loaded) => then(loaded),
        Err(problems) => {
            complain(&problems_text(&problems));
            Exit::Config
        }
    }
}

fn problems_text(problems: &[ConfigProblem]) -> String {
    let count = problems.len();
    let mut text = format!("設定に誤りが{count}件あります。 / The settings have {count} mistake(s).\n");
    for problem in problems {
        text.push_str(&format!("{problem}\n"));
    }
    text
}

/// Runs a command's requests to their end on this thread.
fn on_this_thread(work: impl Future<Output = Exit>) -> Exit {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            complain(&format!("実行の準備に失敗しました。 / Cannot start: {error}\n"));
            Exit::Failed
        }
    }
}
