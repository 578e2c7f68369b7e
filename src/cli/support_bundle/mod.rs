//! `engawa support-bundle`: what a vendor needs to help from afar, shown before it is written, with nothing personal in it.
//!
//! Invariants: what goes in is chosen, never what stays out; every text, the list of contents among them, passes [`scan`]; a part that cannot be
//! had, or takes too long, is named with the reason and holds up no other; nothing is written that was not shown.

mod box_state;
mod journal;
mod known;
mod machine;
mod pack;
mod parts;
mod programs;
mod scan;
mod settings;
mod show;

use std::path::{Path, PathBuf};

use super::Exit;
use super::arguments::SupportBundleOrder;
use super::output::{complain, say};
use crate::clock::Clock;
use crate::config::{Config, ConfigProblem, Loaded};
pub use settings::undecided_settings;

/// Where the state is when the settings cannot say.
const USUAL_STATE: &str = "/var/lib/engawa";

/// What the parts are made of.
struct Ground {
    path: PathBuf,
    loaded: Result<Loaded, Vec<ConfigProblem>>,
    /// What the files say, sound or not.
    raw: Vec<(String, toml_edit::Value)>,
    state: PathBuf,
    clock: Clock,
}

impl Ground {
    fn new(path: &Path, clock: Clock) -> Self {
        let loaded = Config::load(path);
        let raw = settings::raw(path);
        let written = raw.iter().rev().find(|(key, _)| key == "state.directory").and_then(|(_, value)| value.as_str());
        let state = match &loaded {
            Ok(loaded) => loaded.config.state.directory.clone(),
            Err(_) => PathBuf::from(written.unwrap_or(USUAL_STATE)),
        };
        Self { path: path.to_owned(), loaded, raw, state, clock }
    }

    fn settings(&self) -> Result<&Loaded, String> {
        self.loaded
            .as_ref()
            .map_err(|problems| format!("the settings have {} mistakes, see settings.json", problems.len()))
    }

    /// What the file is called after.
    fn whose(&self) -> &str {
        self.loaded.as_ref().map_or("box", |loaded| &loaded.config.facility.number)
    }
}

pub(super) fn run(path: &Path, order: &SupportBundleOrder) -> Exit {
    complain("集めています（1分ほどかかることがあります）。 / Gathering; this may take a minute.");
    let clock = Clock::system();
    let ground = Ground::new(path, clock.clone());
    let name = format!("engawa-support-{}-{}.zip", ground.whose(), clock.now().strftime("%Y%m%dT%H%M%SZ"));
    let texts = parts::gather(ground);
    show::all(&texts);
    if order.show {
        return Exit::Ok;
    }
    if !order.yes && !show::agreed() {
        return Exit::Usage;
    }
    let out = order.out.as_deref().unwrap_or(Path::new("."));
    match pack::write(&texts, out, &name, clock.now()) {
        Ok((file, hash)) => {
            say(&format!("{}\nSHA-256 {hash}", file.display()));
            complain(
                "送り方は docs/support.md にあります。送ったら消してください。 / docs/support.md says how to send it. Delete it afterwards.",
            );
            Exit::Ok
        }
        Err(error) => {
            let out = out.display();
            complain(&format!(
                "{out} に書けません。何も保存していません。 / {out} cannot be written; nothing was saved. ({error})"
            ));
            Exit::Failed
        }
    }
}
