//! The command line: arguments, exit codes, and answers a person can read.
//!
//! `serve` runs the gateway in this process. `check` looks at the settings and what they name, without starting anything.
//! `status`, `queue`, `terminal`, `key`, `admin` and `staff` ask the running gateway over its Unix socket, where the kernel says who is
//! asking; the last three also work on the store itself while no gateway runs, so that the first key and the first administrator
//! exist before the first start. `careplan` only reads the files that it is given; `audit` reads
//! those, or the database, and changes nothing in it.
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
mod key;
mod lan;
mod master_key;
mod output;
mod pages;
mod queue;
mod restore;
mod serve;
mod staff;
mod staff_arguments;
mod status;
mod terminal;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;

use crate::config::{Config, ConfigProblem, Loaded};
use arguments::{Arguments, AuditOrder, CareplanOrder, Command, RestoreOrder};
pub use check::{Check, Verdict};
use output::{complain, say};

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
        Command::Check { json } => check::run(&config, json),
        Command::Careplan { order: CareplanOrder::Lint { paths, reading, json } } => {
            careplan::lint(&paths, reading, json)
        }
        Command::Audit { order: AuditOrder::Verify { path: Some(path), anchors, json } } => {
            audit::verify(&path, &anchors, json)
        }
        Command::Audit { order } => with_settings(&config, |loaded| audit::run(&loaded.config, order)),
        Command::Serve => with_settings(&config, serve::run),
        Command::Status { json } => with_settings(&config, |loaded| status::run(&loaded.config, json)),
        Command::Queue { order } => with_settings(&config, |loaded| queue::run(&loaded.config, order)),
        Command::Admin { order } => with_settings(&config, |loaded| staff::admin(&loaded.config, order)),
        Command::Staff { order } => with_settings(&config, |loaded| staff::staff(&loaded.config, order)),
        Command::Terminal { order } => with_settings(&config, |loaded| terminal::run(&loaded.config, order)),
        Command::Backup { order, out } => with_settings(&config, |loaded| backup::run(&loaded.config, order, out)),
        Command::MasterKey { order } => with_settings(&config, |loaded| master_key::run(&loaded.config, &order)),
        Command::Restore { order: Some(RestoreOrder::Confirm { old_box }), .. } => {
            with_settings(&config, |loaded| restore::confirm(&loaded.config, old_box))
        }
        Command::Restore { order: None, file, recovery_key_file, signed_by, state } => {
            restore::run(file, recovery_key_file, signed_by, state)
        }
        Command::Lan { order } => with_settings(&config, |loaded| lan::run(&loaded.config, &order)),
        Command::Key { order } => with_settings(&config, |loaded| key::run(&loaded.config, order)),
    }
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
