//! The log: readable lines on a terminal, fields in the journal under systemd, JSON by choice. Everything goes to stderr
//! or the journal; stdout belongs to the command line's answers.

use std::io::IsTerminal;

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

use super::TelemetryError;
use super::span_fields::SpanFields;

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Only what somebody has to act on.
    Error,
    /// What is probably not as meant.
    Warn,
    /// What happens, one line a step.
    Info,
    /// For the vendor.
    Debug,
    /// For the vendor, in full; released programs have no more to say than at `Debug`.
    Trace,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The journal when stderr is connected to it, otherwise text.
    Auto,
    /// Readable lines, coloured on a terminal.
    Text,
    /// One JSON object a line.
    Json,
    /// Fields in the systemd journal; text where there is no journal.
    Journal,
}

type Lines = Box<dyn tracing_subscriber::Layer<Registry> + Send + Sync>;

/// Changes the level of a running log.
pub(super) struct LevelHandle(reload::Handle<Targets, Registry>);

impl LevelHandle {
    pub(super) fn set(&self, level: Level) -> Result<(), TelemetryError> {
        self.0.reload(targets(level)).map_err(TelemetryError::Level)
    }
}

pub(super) fn install(format: Format, level: Level) -> Result<LevelHandle, TelemetryError> {
    let (filter, handle) = reload::Layer::new(targets(level));
    let lines = lines(format).with_filter(filter);
    tracing_subscriber::registry().with(lines).try_init().map_err(TelemetryError::LogInstalled)?;
    Ok(LevelHandle(handle))
}

fn targets(level: Level) -> Targets {
    let own = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    Targets::new().with_target("engawa", own).with_default(own.min(LevelFilter::WARN))
}

fn lines(format: Format) -> Lines {
    match format {
        Format::Json => {
            fmt::layer().json().flatten_event(true).fmt_fields(SpanFields).with_writer(std::io::stderr).boxed()
        }
        Format::Journal => journal().unwrap_or_else(text),
        Format::Auto if stderr_is_journal() => journal().unwrap_or_else(text),
        Format::Auto | Format::Text => text(),
    }
}

fn text() -> Lines {
    let colours = std::io::stderr().is_terminal();
    fmt::layer().with_ansi(colours).with_target(false).with_writer(std::io::stderr).boxed()
}

fn journal() -> Option<Lines> {
    let layer = tracing_journald::layer().ok()?;
    let layer = layer.with_field_prefix(Some("ENGAWA".to_owned())).with_syslog_identifier("engawa".to_owned());
    Some(layer.boxed())
}

/// systemd names the journal's stream as `device:inode`; the variable alone may be inherited by a shell whose stderr goes
/// elsewhere.
fn stderr_is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(stderr) = nix::sys::stat::fstat(std::io::stderr()) else { return false };
    stream == format!("{}:{}", stderr.st_dev, stderr.st_ino)
}

/// Logs a panic's place and thread, and nothing of its message.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        tracing::error!(thread = thread.name().unwrap_or("unnamed"), place, "a panic; its message is withheld");
    }));
}
