//! The answers: each read by its own form, wherever it comes from. What a setting may be is judged later, by the settings themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml_edit::Value;
use zeroize::Zeroizing;

use super::Said;
use super::given::{self, file_of, secret_of, text_of};
use crate::config::draft::Line;
use crate::config::{ConfigProblem, Place};
use crate::credential::Secret;
use crate::people::{Name, User};
use crate::terminal::{Kind, Right};

/// Names that are answered and are no settings.
const OWN: [&str; 8] = [
    "facility.kind",
    "hub.certificate_passphrase",
    "hub.password",
    "administrator.user",
    "administrator.name",
    "terminal.name",
    "terminal.kind",
    "terminal.rights",
];
/// Below this likeness a suggestion would mislead.
const LIKENESS: f64 = 0.7;

/// The first administrator.
pub(super) struct Administrator {
    pub(super) user: String,
    pub(super) name: String,
}

/// The first terminal.
pub(super) struct Terminal {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) rights: BTreeSet<Right>,
}

/// Everything that was answered.
pub(super) struct Answers {
    /// Where it was answered, as people are told.
    pub(super) file: PathBuf,
    /// From where files are named.
    folder: PathBuf,
    known: BTreeSet<String>,
    lines: BTreeMap<String, usize>,
    /// Settings, in the order in which they were answered.
    pub(super) settings: Vec<(String, Value)>,
    pub(super) kind: Option<String>,
    pub(super) authority: Option<Zeroizing<Vec<u8>>>,
    pub(super) certificate: Option<Zeroizing<Vec<u8>>>,
    /// Empty: the certificate has none.
    pub(super) passphrase: Option<Secret>,
    pub(super) password: Option<Secret>,
    pub(super) administrator: Option<Administrator>,
    pub(super) terminal: Terminal,
    /// What was taken and should be looked at.
    pub(super) notes: Vec<Said>,
}

impl Answers {
    /// None yet. `known` are the names of the settings.
    pub(super) fn new(file: PathBuf, folder: PathBuf, known: BTreeSet<String>) -> Self {
        let rights = [Right::Submit, Right::Read, Right::Manage].into();
        Self {
            file,
            folder,
            known,
            lines: BTreeMap::new(),
            settings: Vec::new(),
            kind: None,
            authority: None,
            certificate: None,
            passphrase: None,
            password: None,
            administrator: None,
            terminal: Terminal { name: "受付1".to_owned(), kind: Kind::Browser, rights },
            notes: Vec::new(),
        }
    }

    /// Takes one answer.
    pub(super) fn take(&mut self, Line { key, line, value }: Line) -> Result<(), ConfigProblem> {
        let twin = match key.as_str() {
            "hub.password" => "hub.password_file",
            "hub.password_file" => "hub.password",
            "hub.certificate_passphrase" => "hub.certificate_passphrase_file",
            "hub.certificate_passphrase_file" => "hub.certificate_passphrase",
            _ => "",
        };
        let answered_twice = self.lines.contains_key(twin);
        self.lines.insert(key.clone(), line);
        let taken = match value {
            _ if answered_twice => Err(Said::new(
                format!("{twin} と両方は書けません。一方を消してください。"),
                format!("Both this and {twin} are answered. Remove one."),
            )),
            Some(value) => self.take_value(&key, value),
            None => self.take_section(&key),
        };
        taken.map_err(|said| self.problem(&key, said))
    }

    fn take_section(&mut self, name: &str) -> Result<(), Said> {
        let within = format!("{name}.");
        match name {
            "administrator" => drop(self.named_administrator()),
            _ if self.names().any(|key| key.starts_with(&within)) => {}
            _ => return Err(self.unknown(name)),
        }
        Ok(())
    }

    fn take_value(&mut self, key: &str, value: Value) -> Result<(), Said> {
        let folder = &self.folder;
        match key {
            "facility.kind" => self.kind = Some(given::kind(text_of(&value)?)?),
            "hub.ca_file" => self.authority = Some(given::authority(&folder.join(file_of(&value)?))?),
            "hub.certificate_file" => self.certificate = Some(given::certificate(&folder.join(file_of(&value)?))?),
            "hub.certificate_key_file" => return Err(given::pem()),
            "hub.certificate_passphrase" => self.passphrase = Some(given::typed(text_of(&value)?)),
            "hub.certificate_passphrase_file" if text_of(&value)?.is_empty() => {
                self.passphrase = Some(Secret::from(""));
            }
            "hub.certificate_passphrase_file" => {
                self.passphrase = Some(secret_of(&folder.join(file_of(&value)?), &mut self.notes)?);
            }
            "hub.password" => self.password = Some(given::password(text_of(&value)?)?),
            "hub.password_file" => {
                self.password = Some(secret_of(&folder.join(file_of(&value)?), &mut self.notes)?);
            }
            "administrator.user" => {
                let user = User::parse(text_of(&value)?).ok_or_else(given::user)?.to_string();
                self.named_administrator().user = user;
            }
            "administrator.name" => {
                let name = Name::parse(text_of(&value)?).ok_or_else(given::name)?;
                self.named_administrator().name = name.reveal().to_owned();
            }
            "terminal.name" => {
                self.terminal.name = Name::parse(text_of(&value)?).ok_or_else(given::name)?.reveal().to_owned();
            }
            "terminal.kind" => self.terminal.kind = Kind::parse(text_of(&value)?).ok_or_else(given::terminal_kind)?,
            "terminal.rights" => self.terminal.rights = given::rights(&value)?,
            _ if self.known.contains(key) => {
                self.settings.retain(|(other, _)| other != key);
                self.settings.push((key.to_owned(), value));
            }
            _ => return Err(self.unknown(key)),
        }
        Ok(())
    }

    fn named_administrator(&mut self) -> &mut Administrator {
        self.administrator
            .get_or_insert_with(|| Administrator { user: "admin".to_owned(), name: "管理者".to_owned() })
    }

    /// Whether this was answered, well or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.lines.contains_key(key)
    }

    /// Forgets an answer, so that it can be asked for again.
    pub(super) fn forget(&mut self, key: &str) {
        self.lines.remove(key);
        self.settings.retain(|(other, _)| other != key);
    }

    /// Where an answer stands; of a certificate or secret by either of its names.
    pub(super) fn place(&self, key: &str) -> Place {
        let other = key.strip_suffix("_file").unwrap_or_default();
        let line = self.lines.get(key).or_else(|| self.lines.get(other)).copied().filter(|line| *line > 0);
        Place { file: self.file.clone(), line }
    }

    /// A mistake in an answer.
    pub(super) fn problem(&self, key: &str, Said { ja, en }: Said) -> ConfigProblem {
        ConfigProblem { place: self.place(key), key: Some(key.to_owned()), ja, en }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(String::as_str).chain(OWN)
    }

    fn unknown(&self, key: &str) -> Said {
        let last = key.rsplit('.').next().unwrap_or(key);
        let elsewhere = self.names().find(|known| known.rsplit('.').next() == Some(last));
        let likeness = |known: &&str| strsim::normalized_damerau_levenshtein(key, known);
        let near = self.names().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
        match elsewhere.or(near.filter(|known| likeness(known) >= LIKENESS)) {
            Some(known) => Said::new(
                format!("この項目はありません。{known} のことですか。"),
                format!("There is no such answer. Did you mean {known}?"),
            ),
            None => Said::new(
                "この項目はありません。答えの項目は setup.md に、設定の全項目は engawa.toml にあります。",
                "There is no such answer. setup.md lists them, and engawa.toml every setting.",
            ),
        }
    }
}

/// The folder from which files are named that stand in the file at `path`.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}
