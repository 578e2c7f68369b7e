//! Checked settings.
//!
//! Every setting, its default and its meaning stand in `config/engawa.toml`, which is compiled in. `/etc/engawa/engawa.toml`
//! overrides it, then `conf.d/*.toml` in the order of their names. What comes out is a typed [`Config`]; all mistakes are
//! reported at once, each with file, line, key and a sentence in Japanese and English. Every further facility of the box is a file in
//! `facilities.d`, and comes out as a [`Config`] of its own in which the settings of the box are the same.
//!
//! Invariants: a secret is never a value, only the place of one ([`SecretRef`]); no environment variable changes a setting;
//! a sentence about a mistake never quotes what was written, for it may be a secret in the wrong line. Only `main`, `cli` and
//! `gateway` see this room.

mod checks;
mod document;
pub mod draft;
mod facilities;
mod problem;
mod reader;
mod reload;
mod secret;
mod settings;
mod sources;
mod suggest;
mod values;

use std::path::{Path, PathBuf};

pub use facilities::Further;
pub use problem::{ConfigProblem, Place};
pub use reload::{Changes, RELOADABLE};
pub use secret::{SecretPlaceUnknown, SecretRef, credentials_directory};
pub use settings::{
    Cards, Careplans, Config, Endpoint, Exchange, Facility, Hub, Lan, Log, MasterKeyPlace, Outbox, Shutdown, State,
};
pub use sources::Source;
pub use values::{LogFormat, LogLevel};

/// Where the settings are looked for when `--config` does not say.
pub const DEFAULT_PATH: &str = "/etc/engawa/engawa.toml";

/// Facilities of one box, its first one among them.
pub const MOST_FACILITIES: usize = 16;

/// The compiled-in file: defaults, documentation and sample in one.
pub const DEFAULTS: &str = include_str!("../../config/engawa.toml");

/// Settings that were read without a mistake.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings of the box and of its first facility.
    pub config: Config,
    /// Its further facilities, in the order of their files.
    pub further: Vec<Further>,
    /// The path given to [`Config::load`], for reading again.
    pub base: PathBuf,
    /// What is allowed but probably not meant.
    pub warnings: Vec<ConfigProblem>,
    /// The files read, in the order in which they were applied.
    pub files: Vec<PathBuf>,
    /// Every setting of the box and of its first facility as it took effect, with the place that decided it, in the order of the default file.
    pub effective: Vec<Source>,
}

impl Loaded {
    /// The settings of every facility, the first one's first.
    pub fn facilities(&self) -> impl Iterator<Item = &Config> {
        std::iter::once(&self.config).chain(self.further.iter().map(|further| &further.config))
    }

    /// The settings of the facility with that number.
    #[must_use]
    pub fn facility(&self, number: &str) -> Option<&Config> {
        self.facilities().find(|config| config.facility.number == number)
    }
}

impl Config {
    /// Reads the settings from `base`, and from `conf.d` and `facilities.d` beside it.
    ///
    /// # Errors
    /// Every mistake found, in the order of files and lines; never an empty list. A missing `base` is one, except that
    /// [`DEFAULT_PATH`] itself may be absent.
    pub fn load(base: &Path) -> Result<Loaded, Vec<ConfigProblem>> {
        let (files, problems) = sources::read(base);
        assemble(base, &files, problems)
    }
}

fn assemble(base: &Path, files: &[sources::File], problems: Vec<ConfigProblem>) -> Result<Loaded, Vec<ConfigProblem>> {
    let mut reader = reader::Reader::new(base, problems);
    for file in files {
        reader.apply(file);
    }
    let config = settings::read(&mut reader);
    checks::contradictions(&config, &mut reader);
    checks::doubtful(&config, &mut reader);
    let facilities = facilities::read(base, &config, &reader);
    reader.add(facilities.problems);
    let read: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).chain(facilities.files).collect();
    let (effective, warnings) = reader.finish(&read)?;
    Ok(Loaded { config, further: facilities.further, base: base.to_owned(), warnings, files: read, effective })
}

/// Where the default file and the typed reader disagree: settings named on one side only, or marked reloadable on one side
/// only. Empty in a sound build; a test holds it so.
#[must_use]
pub fn disagreements() -> Vec<String> {
    let mut reader = reader::Reader::new(Path::new(DEFAULT_PATH), Vec::new());
    let _ = settings::read(&mut reader);
    let mut found = reader.unread();
    found.extend(reload::disagreements());
    found
}
