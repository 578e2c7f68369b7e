//! The settings as types, and how each is read. A setting has a field here and a paragraph in `config/engawa.toml`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use ipnet::IpNet;

use super::reader::Reader;
use super::secret::SecretRef;
use super::values::{self, LogFormat, LogLevel};
use crate::model::careplan::lint::{KanaReading, LengthReading};
use crate::model::hub_user::StaffLogin;
use crate::model::token_uri::TokenUri;

const MIB: u64 = 1024 * 1024;

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose gateway this is.
    pub facility: Facility,
    /// What is kept on disk.
    pub state: State,
    /// The local endpoint.
    pub endpoint: Endpoint,
    /// The way in for other machines of the office.
    pub lan: Lan,
    /// The way to the hub.
    pub hub: Hub,
    /// Sending and trying again.
    pub outbox: Outbox,
    /// The card readers.
    pub cards: Cards,
    /// The folders for software that knows only files.
    pub exchange: Exchange,
    /// How care plan files are read.
    pub careplans: Careplans,
    /// The log.
    pub log: Log,
    /// Stopping.
    pub shutdown: Shutdown,
}

/// Whose gateway this is.
#[derive(Clone, Debug)]
pub struct Facility {
    /// 事業所番号 or 医療機関コード: 10 ASCII digits and capital letters.
    pub number: String,
    /// The name people know it by; may be empty.
    pub name: String,
}

/// What is kept on disk.
#[derive(Clone, Debug)]
pub struct State {
    /// The state directory, absolute.
    pub directory: PathBuf,
    /// With less free space than this, in bytes, new documents are refused.
    pub min_free: u64,
    /// Days for which finished submissions and their keys are kept: 400 to 4000.
    pub retention_days: u16,
    /// Days for which events are kept: 7 to 90, never more than `retention_days`.
    pub event_days: u16,
    /// Where the operator put the master key; see [`State::master_key`] for the choice when nowhere.
    pub master_key_file: Option<SecretRef>,
    /// The key on a PKCS#11 token that wraps it; `None`: it lies in clear.
    pub master_key_token: Option<TokenUri>,
    /// The token's PIN; there whenever a token is.
    pub master_key_pin_file: Option<SecretRef>,
}

/// The local endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Loopback addresses to listen on; may be empty, port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// Path of the Unix socket.
    pub unix_socket: Option<PathBuf>,
    /// Connections at the same time: 1 to 10000.
    pub max_connections: usize,
    /// From the first byte of a request to its answer.
    pub request_timeout: Duration,
    /// Longest silence within a body.
    pub body_idle_timeout: Duration,
}

/// The way in for other machines of the office.
#[derive(Clone, Debug)]
pub struct Lan {
    /// Addresses to listen on with TLS; empty: the LAN does not reach the box.
    pub listen: Vec<SocketAddr>,
    /// Only addresses of these are answered; never empty.
    pub networks: Vec<IpNet>,
    /// More names of the box than its host name, in lower case.
    pub names: Vec<String>,
    /// The vendor's certificate, PEM chain, in place of one by the box's own authority.
    pub certificate_file: Option<PathBuf>,
    /// Its private key.
    pub certificate_key_file: Option<SecretRef>,
    /// Web sites whose pages may use the endpoint, `scheme://host[:port]`.
    pub origins: Vec<String>,
    /// Connections from the LAN at the same time: 1 to 10000.
    pub max_connections: usize,
    /// Of these, from one address: 1 to 10000.
    pub connections_per_address: usize,
    /// Requests of one address a second, in the mean: 1 to 100000.
    pub requests_per_second: u32,
}

/// The way to the hub.
#[derive(Clone, Debug)]
pub struct Hub {
    /// `https://host[:port]`.
    pub url: Uri,
    /// The operator's certificate authority, PEM.
    pub ca_file: PathBuf,
    /// The facility's certificate: PKCS#12 (`.p12`, `.pfx`) or PEM.
    pub certificate_file: PathBuf,
    /// The private key's file, for PEM only.
    pub certificate_key_file: Option<SecretRef>,
    /// The certificate's passphrase, when it has one.
    pub certificate_passphrase_file: Option<SecretRef>,
    /// The user id at the hub.
    pub user_id: String,
    /// Its password.
    pub password_file: SecretRef,
    /// As whom goes what a person hands in.
    pub staff_login: StaffLogin,
    /// To reach the hub, TLS included.
    pub connect_timeout: Duration,
    /// From the last byte of a request to its whole answer.
    pub request_timeout: Duration,
    /// At most two logins of unknown outcome go out within this time.
    pub login_window: Duration,
    /// Requests at the same time: 1 to 16.
    pub parallel: usize,
    /// Between two questions for changes.
    pub poll_changes: Duration,
}

/// Sending and trying again.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// Shortest pause before another try.
    pub backoff_min: Duration,
    /// Longest pause before another try.
    pub backoff_max: Duration,
    /// Failures of a document's own after which it is set aside: 3 to 1000.
    pub attempts_before_aside: u32,
}

/// The card readers.
#[derive(Clone, Debug)]
pub struct Cards {
    /// Whether they are used at all.
    pub enabled: bool,
    /// How many there ought to be: 0 to 16 (what pcscd can hold), 0 for no expectation.
    pub readers: usize,
    /// PIN tries that are kept: 0 to 2.
    pub pin_floor: u8,
    /// Without a sign of life for so long, a terminal is gone.
    pub heartbeat: Duration,
    /// Longest hold of a reader that is not used; never more than `lifetime`.
    pub idle: Duration,
    /// Longest hold of a reader.
    pub lifetime: Duration,
    /// Longest wait for a reader.
    pub longest_wait: Duration,
    /// Sessions of one API key at the same time: 1 to 64.
    pub per_terminal: usize,
    /// The readers beside each terminal, by the API key's id, the nearest first; none of the lists is empty.
    pub nearest: BTreeMap<String, Vec<String>>,
}

/// The folders for software that knows only files.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The folder that holds one folder for each facility; `None`: not used.
    pub directory: Option<PathBuf>,
    /// A file that did not change for so long is whole.
    pub settle: Duration,
    /// Longest time between two looks.
    pub look: Duration,
    /// The other files of a unit are waited for so long.
    pub patience: Duration,
}

/// How care plan files are read, where the standard may be read in more than one way.
#[derive(Clone, Debug, Default)]
pub struct Careplans {
    /// The CSVバージョン (`YYYYMM`) that are taken, the one to write first; empty: those of the code tables.
    pub csv_versions: Vec<String>,
    /// How lengths of an open unit are counted.
    pub lengths: LengthReading,
    /// What is thought of half-width katakana.
    pub half_kana: KanaReading,
    /// The file with code tables in place of the built-in ones, absolute.
    pub code_tables: Option<PathBuf>,
}

/// The log.
#[derive(Clone, Debug)]
pub struct Log {
    /// How much.
    pub level: LogLevel,
    /// In which form.
    pub format: LogFormat,
}

/// Stopping.
#[derive(Clone, Debug)]
pub struct Shutdown {
    /// From the order to stop until the end.
    pub deadline: Duration,
}

/// Where the master key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterKeyPlace {
    /// The operator keeps it; a missing file is a failure.
    Kept(PathBuf),
    /// engawa keeps it in the state directory, and makes it while nothing is stored yet.
    Own(PathBuf),
}

impl State {
    /// Where the master key is, given [`super::credentials_directory`]: the setting, else the credential
    /// `engawa-master-key` where the service was given one, else `master.key` in the state directory.
    ///
    /// # Errors
    /// When the setting names a credential and there is no directory for them.
    pub fn master_key(&self, credentials: Option<&Path>) -> Result<MasterKeyPlace, super::SecretPlaceUnknown> {
        if let Some(file) = &self.master_key_file {
            return file.locate(credentials).map(MasterKeyPlace::Kept);
        }
        let given = credentials.map(|directory| directory.join("engawa-master-key")).filter(|path| path.exists());
        Ok(given.map_or_else(|| MasterKeyPlace::Own(self.directory.join("master.key")), MasterKeyPlace::Kept))
    }
}

/// Reads every setting; after a mistake the result holds placeholders and must not leave the room.
pub(super) fn read(reader: &mut Reader) -> Config {
    Config {
        facility: facility(reader),
        state: state(reader),
        endpoint: endpoint(reader),
        lan: lan(reader),
        hub: hub(reader),
        outbox: outbox(reader),
        cards: cards(reader),
        exchange: exchange(reader),
        careplans: careplans(reader),
        log: Log {
            level: reader.word("log.level", &values::LEVELS),
            format: reader.word("log.format", &values::FORMATS),
        },
        shutdown: Shutdown { deadline: reader.seconds("shutdown.deadline_s", 1..=80) },
    }
}

pub(super) fn facility(reader: &mut Reader) -> Facility {
    Facility {
        number: reader.required("facility.number", values::facility_number).unwrap_or_default(),
        name: reader.text("facility.name", |text| values::one_line(text, 100)),
    }
}

fn state(reader: &mut Reader) -> State {
    State {
        directory: reader.required("state.directory", values::absolute).unwrap_or_default(),
        min_free: reader.size("state.min_free", 16 * MIB..=MIB * MIB),
        retention_days: reader.number("state.retention_days", 400..=4000),
        event_days: reader.number("state.event_days", 7..=90),
        master_key_file: reader.secret("state.master_key_file"),
        master_key_token: reader.optional("state.master_key_token", values::token_uri),
        master_key_pin_file: reader.secret("state.master_key_pin_file"),
    }
}

fn endpoint(reader: &mut Reader) -> Endpoint {
    Endpoint {
        listen: reader.list("endpoint.listen", values::loopback),
        unix_socket: reader.optional("endpoint.unix_socket", values::socket_path),
        max_connections: reader.number("endpoint.max_connections", 1..=10_000),
        request_timeout: reader.seconds("endpoint.request_timeout_s", 1..=600),
        body_idle_timeout: reader.seconds("endpoint.body_idle_timeout_s", 1..=120),
    }
}

fn lan(reader: &mut Reader) -> Lan {
    Lan {
        listen: reader.list("lan.listen", values::address),
        networks: reader.list("lan.networks", values::network),
        names: reader.list("lan.names", values::dns_name),
        certificate_file: reader.optional("lan.certificate_file", values::absolute),
        certificate_key_file: reader.secret("lan.certificate_key_file"),
        origins: reader.list("lan.origins", values::origin),
        max_connections: reader.number("lan.max_connections", 1..=10_000),
        connections_per_address: reader.number("lan.connections_per_address", 1..=10_000),
        requests_per_second: reader.number("lan.requests_per_second", 1..=100_000),
    }
}

pub(super) fn hub(reader: &mut Reader) -> Hub {
    let nowhere = || SecretRef::File(PathBuf::new());
    Hub {
        url: reader.required("hub.url", values::hub_url).unwrap_or_default(),
        ca_file: reader.required("hub.ca_file", values::absolute).unwrap_or_default(),
        certificate_file: reader.required("hub.certificate_file", values::absolute).unwrap_or_default(),
        certificate_key_file: reader.secret("hub.certificate_key_file"),
        certificate_passphrase_file: reader.secret("hub.certificate_passphrase_file"),
        user_id: reader.required("hub.user_id", |text| values::one_line(text, 100)).unwrap_or_default(),
        password_file: reader.required_secret("hub.password_file").unwrap_or_else(nowhere),
        staff_login: reader.word("hub.staff_login", &values::STAFF_LOGINS),
        connect_timeout: reader.seconds("hub.connect_timeout_s", 1..=120),
        request_timeout: reader.seconds("hub.request_timeout_s", 5..=600),
        login_window: reader.seconds("hub.login_window_s", 1..=86_400),
        parallel: reader.number("hub.parallel", 1..=16),
        poll_changes: reader.seconds("hub.poll_changes_s", 10..=86_400),
    }
}

fn outbox(reader: &mut Reader) -> Outbox {
    Outbox {
        backoff_min: reader.seconds("outbox.backoff_min_s", 1..=3600),
        backoff_max: reader.seconds("outbox.backoff_max_s", 1..=86_400),
        attempts_before_aside: reader.number("outbox.attempts_before_aside", 3..=1000),
    }
}

fn exchange(reader: &mut Reader) -> Exchange {
    Exchange {
        directory: reader.optional("exchange.directory", values::absolute),
        settle: reader.seconds("exchange.settle_s", 1..=300),
        look: reader.seconds("exchange.look_s", 1..=3600),
        patience: reader.seconds("exchange.patience_s", 10..=86_400),
    }
}

fn careplans(reader: &mut Reader) -> Careplans {
    Careplans {
        csv_versions: reader.list("careplans.csv_versions", values::csv_version),
        lengths: reader.word("careplans.lengths", &values::LENGTHS),
        half_kana: reader.word("careplans.half_kana", &values::HALF_KANA),
        code_tables: reader.optional("careplans.code_tables", values::absolute),
    }
}

fn cards(reader: &mut Reader) -> Cards {
    Cards {
        enabled: reader.flag("cards.enabled"),
        readers: reader.number("cards.readers", 0..=16),
        pin_floor: reader.number("cards.pin_floor", 0..=2),
        heartbeat: reader.seconds("cards.heartbeat_s", 5..=300),
        idle: reader.seconds("cards.idle_s", 10..=600),
        lifetime: reader.seconds("cards.lifetime_s", 30..=3600),
        longest_wait: reader.seconds("cards.longest_wait_s", 1..=600),
        per_terminal: reader.number("cards.per_terminal", 1..=64),
        nearest: reader.lists("cards.nearest", values::key_id, values::reader_names),
    }
}
