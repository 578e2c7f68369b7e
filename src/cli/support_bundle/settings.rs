//! Settings in a bundle: for each one it is decided here what of it is told. One that is not decided is not told.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use toml_edit::Value as Toml;

use super::scan::{Label, Words};
use crate::config::{ConfigProblem, DEFAULTS, Loaded, Source};
use crate::order;

/// What is told of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Its value: a number, a switch, a word of a closed set, an address.
    Value,
    /// Whether it is the default, a credential of systemd, or elsewhere: a path may name an office or a person.
    Kept,
    /// How many entries.
    Count,
    /// Whether it is set.
    Set,
}

const DECIDED: &[(&str, Told)] = &[
    ("facility.number", Told::Value),
    ("facility.name", Told::Set),
    ("state.directory", Told::Kept),
    ("state.min_free", Told::Value),
    ("state.retention_days", Told::Value),
    ("state.event_days", Told::Value),
    ("state.master_key_file", Told::Kept),
    ("state.master_key_token", Told::Set),
    ("state.master_key_pin_file", Told::Kept),
    ("endpoint.listen", Told::Value),
    ("endpoint.unix_socket", Told::Kept),
    ("endpoint.max_connections", Told::Value),
    ("endpoint.request_timeout_s", Told::Value),
    ("endpoint.body_idle_timeout_s", Told::Value),
    ("lan.listen", Told::Value),
    ("lan.networks", Told::Value),
    ("lan.names", Told::Count),
    ("lan.certificate_file", Told::Kept),
    ("lan.certificate_key_file", Told::Kept),
    ("lan.origins", Told::Count),
    ("lan.max_connections", Told::Value),
    ("lan.connections_per_address", Told::Value),
    ("lan.requests_per_second", Told::Value),
    ("hub.url", Told::Value),
    ("hub.ca_file", Told::Kept),
    ("hub.certificate_file", Told::Kept),
    ("hub.certificate_key_file", Told::Kept),
    ("hub.certificate_passphrase_file", Told::Kept),
    ("hub.user_id", Told::Set),
    ("hub.password_file", Told::Kept),
    ("hub.staff_login", Told::Value),
    ("hub.connect_timeout_s", Told::Value),
    ("hub.request_timeout_s", Told::Value),
    ("hub.login_window_s", Told::Value),
    ("hub.parallel", Told::Value),
    ("hub.poll_changes_s", Told::Value),
    ("outbox.backoff_min_s", Told::Value),
    ("outbox.backoff_max_s", Told::Value),
    ("outbox.attempts_before_aside", Told::Value),
    ("cards.enabled", Told::Value),
    ("cards.readers", Told::Value),
    ("cards.pin_floor", Told::Value),
    ("cards.heartbeat_s", Told::Value),
    ("cards.idle_s", Told::Value),
    ("cards.lifetime_s", Told::Value),
    ("cards.longest_wait_s", Told::Value),
    ("cards.per_terminal", Told::Value),
    ("cards.nearest", Told::Count),
    ("exchange.directory", Told::Kept),
    ("exchange.settle_s", Told::Value),
    ("exchange.look_s", Told::Value),
    ("exchange.patience_s", Told::Value),
    ("careplans.csv_versions", Told::Value),
    ("careplans.lengths", Told::Value),
    ("careplans.half_kana", Told::Value),
    ("careplans.code_tables", Told::Kept),
    ("log.level", Told::Value),
    ("log.format", Told::Value),
    ("shutdown.deadline_s", Told::Value),
];

/// Words in paths that say nothing about anybody; the extensions of files among them.
const PLAIN: &[&str] = &[
    "bin",
    "ca",
    "cert",
    "certificate",
    "certs",
    "clinic",
    "code",
    "conf",
    "credentials",
    "crt",
    "d",
    "data",
    "engawa",
    "etc",
    "exchange",
    "facilities",
    "facility",
    "home",
    "hub",
    "in",
    "key",
    "lib",
    "log",
    "master",
    "media",
    "mnt",
    "opt",
    "out",
    "p12",
    "passphrase",
    "password",
    "pem",
    "pfx",
    "pin",
    "private",
    "root",
    "run",
    "secrets",
    "share",
    "shares",
    "sock",
    "socket",
    "srv",
    "ssl",
    "state",
    "tables",
    "tmp",
    "toml",
    "tsv",
    "txt",
    "usb",
    "usr",
    "var",
];

/// What stands where no setting has its place.
const UNKNOWN: &str = "?";

fn decided(key: &str) -> Option<Told> {
    DECIDED.iter().find(|(name, _)| *name == key).map(|(_, told)| *told)
}

/// Settings about which nothing is decided, and decisions about settings that there are not. Empty in a sound build; a test holds it so.
#[must_use]
pub fn undecided_settings() -> Vec<String> {
    let defaults = written(DEFAULTS);
    let missing = defaults.iter().filter(|(key, _)| decided(key).is_none()).map(|(key, _)| key.clone());
    let stray = DECIDED.iter().map(|(key, _)| *key).filter(|key| !defaults.iter().any(|(name, _)| name == key));
    missing.chain(stray.map(str::to_owned)).collect()
}

/// What may be told of sound settings.
pub(super) fn told(loaded: &Loaded) -> Value {
    let facilities: Vec<Value> = loaded.further.iter().map(|further| section(&further.effective)).collect();
    json!({
        "box": section(&loaded.effective),
        "further facilities": facilities,
        "warnings": problems(&loaded.warnings),
        "files": loaded.files.len(),
    })
}

fn section(sources: &[Source]) -> Value {
    let mut told = Map::new();
    for source in sources {
        let value = source.value.parse::<Toml>().ok();
        let said =
            decided(source.key).zip(value).map_or(json!("withheld"), |(how, value)| say(source.key, how, &value));
        let from = if source.place.is_some() { "settings" } else { "default" };
        told.insert(source.key.to_owned(), json!({ "value": said, "from": from }));
    }
    Value::Object(told)
}

fn say(key: &str, told: Told, value: &Toml) -> Value {
    match told {
        Told::Value => plain(value),
        Told::Set => json!(if value.as_str() == Some("") { "not set" } else { "set" }),
        Told::Count => {
            json!(value.as_array().map(|list| list.len()).or(value.as_inline_table().map(|table| table.len())))
        }
        Told::Kept => match value.as_str() {
            Some("") => json!("not set"),
            Some(place) if place.starts_with("credential:") => json!("a credential of systemd"),
            Some(place) if default(key).is_some_and(|default| default == place) => {
                json!(format!("the default, {place}"))
            }
            _ => json!("another place"),
        },
    }
}

fn plain(value: &Toml) -> Value {
    match value {
        Toml::String(text) => json!(text.value()),
        Toml::Integer(number) => json!(number.value()),
        Toml::Boolean(switch) => json!(switch.value()),
        Toml::Array(list) => Value::Array(list.iter().map(plain).collect()),
        _ => json!("withheld"),
    }
}

fn default(key: &str) -> Option<String> {
    written(DEFAULTS).into_iter().find(|(name, _)| name == key).and_then(|(_, value)| value.as_str().map(str::to_owned))
}

/// Mistakes in the settings. Where a file is called by a name of the office, that name stays here; so does an unknown setting, which may be anything.
pub(super) fn problems(problems: &[ConfigProblem]) -> Value {
    let one = |problem: &ConfigProblem| {
        let key = problem.key.as_deref().map(|key| if is_known(key) { key } else { "unknown" });
        json!({ "file": kind_of(&problem.place.file), "line": problem.place.line, "key": key, "detail": problem.ja, "detail_en": problem.en })
    };
    Value::Array(problems.iter().map(one).collect())
}

fn is_known(key: &str) -> bool {
    decided(key).is_some()
        || DECIDED.iter().any(|(name, _)| name.split_once('.').is_some_and(|(section, _)| section == key))
}

fn kind_of(file: &Path) -> &'static str {
    match file.parent().and_then(Path::file_name).and_then(|name| name.to_str()) {
        Some("conf.d") => "a file of conf.d",
        Some("facilities.d") => "a file of facilities.d",
        _ => "engawa.toml",
    }
}

/// Every `section.name` of a settings file with its value. A file that cannot be read as one has none.
fn written(text: &str) -> Vec<(String, Toml)> {
    let Ok(document) = text.parse::<toml_edit::DocumentMut>() else { return quoted(text) };
    let mut all = Vec::new();
    for (section, item) in document.iter() {
        all.extend(item.as_value().map(|value| (UNKNOWN.to_owned(), value.clone())));
        for (name, item) in item.as_table_like().into_iter().flat_map(|table| table.iter()) {
            let value = match item {
                toml_edit::Item::Value(value) => Some(value.clone()),
                toml_edit::Item::Table(table) => Some(Toml::InlineTable(table.clone().into_inline_table())),
                _ => None,
            };
            all.extend(value.map(|value| (format!("{section}.{name}"), value)));
        }
    }
    all
}

/// Whatever stands between quotation marks in a file that is none of settings, as something of which nobody knows what it is.
fn quoted(text: &str) -> Vec<(String, Toml)> {
    let quoted = text.lines().flat_map(|line| line.split(['"', '\'']).skip(1).step_by(2));
    quoted.map(|text| (UNKNOWN.to_owned(), Toml::from(text))).collect()
}

/// The files beside `base`, which bear names that somebody gave them.
pub(super) fn beside(base: &Path) -> Vec<PathBuf> {
    let entries = |folder| std::fs::read_dir(base.with_file_name(folder)).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries("conf.d").chain(entries("facilities.d")).map(|entry| entry.path()).collect();
    order::sort(&mut paths);
    paths
}

/// What the files at `base` say, sound or not, later files last; those of further facilities among them.
pub(super) fn raw(base: &Path) -> Vec<(String, Toml)> {
    let files: Vec<PathBuf> = std::iter::once(base.to_owned()).chain(beside(base)).collect();
    files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).flat_map(|text| written(&text)).collect()
}

/// Words of what the settings say and a bundle does not.
pub(super) fn withheld(raw: &[(String, Toml)], words: &mut Words) {
    for (key, value) in raw {
        match decided(key) {
            Some(Told::Value) => {}
            Some(Told::Kept) => {
                let own = value.as_str().filter(|path| default(key).is_none_or(|default| default != *path));
                own.filter(|path| !path.starts_with("credential:")).into_iter().for_each(|path| place(path, words));
            }
            // Ids of keys and names of readers: neither says anything about anybody, and readers are told elsewhere.
            Some(Told::Count) if key == "cards.nearest" => {}
            _ => texts(value).iter().for_each(|text| words.add(text, Label::Setting)),
        }
    }
}

/// A path that is not to be told, and what in it is no ordinary word. One of ordinary words says nothing about anybody.
pub(super) fn place(path: &str, words: &mut Words) {
    let mut telling = path.split('/').filter(|part| !is_plain(part)).peekable();
    if telling.peek().is_some() {
        words.add(path, Label::Setting);
    }
    telling.for_each(|part| words.add(part, Label::Setting));
}

fn is_plain(part: &str) -> bool {
    let words = part.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty());
    words.into_iter().all(|word| PLAIN.contains(&word) || word.bytes().all(|byte| byte.is_ascii_digit()))
}

fn texts(value: &Toml) -> Vec<String> {
    match value {
        Toml::String(text) => vec![text.value().clone()],
        Toml::Array(list) => list.iter().flat_map(texts).collect(),
        Toml::InlineTable(table) => table.iter().flat_map(|(_, value)| texts(value)).collect(),
        _ => Vec::new(),
    }
}
