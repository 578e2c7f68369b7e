//! The built `engawa` as a process of a test's own: a folder that goes with it, dead when dropped, and restarted on the same
//! state as often as a test likes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{Answer, Ask};
use super::mortal::dying_with_us;
use super::sandbox::Sandbox;
use super::until;

/// A running process has to answer within this time.
const START: Duration = Duration::from_secs(30);

/// How a gateway is to be set up.
pub(crate) struct Setup {
    dir: TempDir,
    settings: BTreeMap<String, String>,
    environment: Vec<(String, String)>,
    launcher: Vec<String>,
    state: PathBuf,
}

impl Setup {
    /// The facility `clinic` and its doctor, with short pauses; only the Unix socket.
    pub(crate) fn new(hub: &Sandbox) -> Self {
        Self::of(hub, "clinic", "clinic-doctor")
    }

    /// Another facility and one of its accounts.
    pub(crate) fn of(hub: &Sandbox, facility: &str, user_id: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("engawa").tempdir().unwrap();
        let state = dir.path().join("state");
        let mut setup = Self {
            dir,
            settings: BTreeMap::new(),
            environment: Vec::new(),
            launcher: Vec::new(),
            state: state.clone(),
        };
        let facility = hub.facility(facility);
        // Secrets are read only from files that nobody else may read.
        setup.secret("password", fs::read(hub.password_file(user_id)).unwrap());
        setup.secret("certificate.p12", fs::read(&facility.p12).unwrap());
        setup.secret("passphrase", fs::read(&facility.p12_passphrase).unwrap());
        let path = |name: &str| json!(setup.path(name)).to_string();
        let settings = [
            ("facility.number", json!(facility.number).to_string()),
            ("state.min_free", json!("16 MiB").to_string()),
            ("endpoint.listen", "[]".to_owned()),
            ("endpoint.unix_socket", path("socket")),
            ("hub.url", json!(hub.url()).to_string()),
            ("hub.ca_file", json!(hub.ca()).to_string()),
            ("hub.certificate_file", path("certificate.p12")),
            ("hub.certificate_passphrase_file", path("passphrase")),
            ("hub.user_id", json!(user_id).to_string()),
            ("hub.password_file", path("password")),
            ("hub.poll_changes_s", "10".to_owned()),
            // A login that was cut off is not waited for half an hour: this hub has not judged a wrong password.
            ("hub.login_window_s", "1".to_owned()),
            ("outbox.backoff_min_s", "1".to_owned()),
            ("outbox.backoff_max_s", "1".to_owned()),
            ("log.format", json!("text").to_string()),
        ];
        setup.settings = settings.map(|(key, value)| (key.to_owned(), value)).into();
        setup.state(&state)
    }

    /// A further facility beside the first one, in a file of its name, with one of its accounts.
    pub(crate) fn beside(self, hub: &Sandbox, facility: &str, user_id: &str) -> Self {
        let (name, facility) = (facility, hub.facility(facility));
        fs::create_dir_all(self.path("facilities.d")).unwrap();
        let path = |file: &str| json!(self.path(&format!("{name}.{file}"))).to_string();
        self.secret(&format!("{name}.password"), fs::read(hub.password_file(user_id)).unwrap());
        self.secret(&format!("{name}.p12"), fs::read(&facility.p12).unwrap());
        self.secret(&format!("{name}.passphrase"), fs::read(&facility.p12_passphrase).unwrap());
        let text = format!(
            "[facility]\nnumber = {:?}\n[hub]\ncertificate_file = {}\ncertificate_passphrase_file = {}\nuser_id = {user_id:?}\n\
             password_file = {}\n",
            facility.number,
            path("p12"),
            path("passphrase"),
            path("password"),
        );
        fs::write(self.path("facilities.d").join(format!("{name}.toml")), text).unwrap();
        self
    }

    /// One setting, its value in TOML: `set("outbox.backoff_min_s", "5")`, `set("log.format", "\"json\"")`.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Also a loopback port, see [`Gateway::address`].
    pub(crate) fn tcp(self) -> Self {
        self.set("endpoint.listen", "[\"127.0.0.1:0\"]")
    }

    /// Also folders for care software, looked at as often as can be, see [`Gateway::exchange`].
    pub(crate) fn exchange(self) -> Self {
        let directory = json!(self.path("exchange")).to_string();
        let settings = [("directory", directory.as_str()), ("settle_s", "1"), ("look_s", "1"), ("patience_s", "10")];
        settings.iter().fold(self, |setup, (name, value)| setup.set(&format!("exchange.{name}"), value))
    }

    /// Where the state is kept.
    pub(crate) fn state(mut self, directory: &Path) -> Self {
        self.state = directory.to_owned();
        self.set("state.directory", &json!(directory).to_string())
    }

    /// An environment variable of every start.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts every process of the program through this command, which has to become it (`exec`).
    pub(crate) fn through(mut self, launcher: &[&str]) -> Self {
        self.launcher = launcher.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// A file in the gateway's folder that only its owner may read.
    pub(crate) fn secret(&self, name: &str, content: impl AsRef<[u8]>) {
        let mut options = File::options();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(self.path(name)).unwrap();
        io::Write::write_all(&mut file, content.as_ref()).unwrap();
    }

    /// A path in the gateway's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the settings; nothing runs.
    pub(crate) fn idle(self) -> Gateway {
        let mut sections: BTreeMap<&str, String> = BTreeMap::new();
        for (key, value) in &self.settings {
            let (section, name) = key.split_once('.').unwrap();
            sections.entry(section).or_default().push_str(&format!("{name} = {value}\n"));
        }
        let text: String = sections.iter().map(|(section, lines)| format!("[{section}]\n{lines}\n")).collect();
        self.secret("engawa.toml", text);
        Gateway { setup: self, child: None, log_from: 0 }
    }

    /// Starts it and waits until it answers.
    pub(crate) fn start(self) -> Gateway {
        let mut gateway = self.idle();
        gateway.start();
        gateway
    }
}

/// A gateway, running or not.
pub(crate) struct Gateway {
    setup: Setup,
    child: Option<Child>,
    /// Where the log of the present process begins.
    log_from: u64,
}

impl Gateway {
    /// Starts `engawa serve` for this hub and waits until it answers.
    pub(crate) fn new(hub: &Sandbox) -> Self {
        Setup::new(hub).start()
    }

    /// The folder with settings, secrets, log and, unless told otherwise, state.
    pub(crate) fn dir(&self) -> &Path {
        self.setup.dir.path()
    }

    /// The folder with a folder for each facility, where [`Setup::exchange`] asked for it.
    pub(crate) fn exchange(&self) -> PathBuf {
        self.setup.path("exchange")
    }

    /// The state directory.
    pub(crate) fn state(&self) -> &Path {
        &self.setup.state
    }

    /// The Unix socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.setup.path("socket")
    }

    /// The settings file.
    pub(crate) fn settings(&self) -> PathBuf {
        self.setup.path("engawa.toml")
    }

    /// The loopback address, where [`Setup::tcp`] asked for one.
    pub(crate) fn address(&self) -> SocketAddr {
        let line = "engawa: listening address=";
        let log = until("a listening address", START, || Some(self.log()).filter(|log| log.contains(line)));
        let rest = log.rsplit(line).next().unwrap();
        rest.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Starts the process without waiting for it.
    pub(crate) fn spawn(&mut self, environment: &[(&str, &str)]) {
        assert!(self.child.is_none(), "it runs already");
        let log = File::options().append(true).create(true).open(self.setup.path("log")).unwrap();
        self.log_from = log.metadata().unwrap().len();
        let mut command = self.command_through(dying_with_us(), &["serve"]);
        command.envs(environment.iter().copied());
        self.child = Some(command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_through(&[], arguments)
    }

    fn command_through(&self, last: &[&str], arguments: &[&str]) -> Command {
        let launcher = self.setup.launcher.iter().map(String::as_str).chain(last.iter().copied());
        let mut words = launcher.chain([env!("CARGO_BIN_EXE_engawa")]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(arguments).arg("--config").arg(self.settings());
        command.env_remove("CREDENTIALS_DIRECTORY").env_remove("NOTIFY_SOCKET").env_remove("ENGAWA_CRASH_POINT");
        command.envs(self.setup.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts the process and waits until it answers.
    pub(crate) fn start(&mut self) {
        self.spawn(&[]);
        self.ready();
    }

    /// Waits until it answers; panics when the process has ended instead.
    pub(crate) fn ready(&mut self) {
        until("the gateway to answer", START, || {
            if let Some(status) = self.ended() {
                panic!("engawa ended with {status}: {}", self.log());
            }
            self.try_ask(&Ask::new("GET", "/v1/health")).ok()
        });
    }

    /// How the process ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().unwrap())
    }

    /// Waits until the process has ended by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let status = until("the gateway to end", START, || self.ended());
        self.child = None;
        status
    }

    /// kill -9; the exit status, which tells whether it had died before.
    pub(crate) fn kill9(&mut self) -> Option<ExitStatus> {
        let mut child = self.child.take()?;
        let _ = child.kill();
        Some(child.wait().unwrap())
    }

    /// SIGTERM and waits for the end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        self.wait()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.pid()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// kill -9 and a new process on the same state, ready.
    pub(crate) fn restart(&mut self) {
        self.kill9();
        self.start();
    }

    /// Runs another command of the program, for example `["queue", "list"]`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Everything logged since the first start.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.setup.path("log")).unwrap_or_default()).into_owned()
    }

    /// What the present process has logged.
    pub(crate) fn present_log(&self) -> String {
        let bytes = fs::read(self.setup.path("log")).unwrap_or_default();
        let from = usize::try_from(self.log_from).unwrap().min(bytes.len());
        String::from_utf8_lossy(&bytes[from..]).into_owned()
    }

    /// The log's lines at level ERROR.
    pub(crate) fn errors(&self) -> Vec<String> {
        let log = self.log();
        log.lines().filter(|line| line.contains(" ERROR ")).map(str::to_owned).collect()
    }

    /// A file in the gateway's folder that only its owner may read.
    pub(crate) fn secret(&self, name: &str, content: impl AsRef<[u8]>) {
        self.setup.secret(name, content);
    }

    /// The same gateway, not running, with other settings.
    pub(crate) fn again(mut self, change: impl FnOnce(Setup) -> Setup) -> Self {
        self.kill9();
        // Not taken apart: what it drops is the process.
        let empty = Setup {
            dir: tempfile::tempdir().unwrap(),
            settings: BTreeMap::new(),
            environment: Vec::new(),
            launcher: Vec::new(),
            state: PathBuf::new(),
        };
        change(std::mem::replace(&mut self.setup, empty)).idle()
    }

    /// What a statement finds in the database, or changes there; the gateway may run.
    pub(crate) fn sql(&self, statement: &str) -> Vec<String> {
        use sqlx::Connection as _;
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.state().join("engawa.db"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut database = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
            let statement = sqlx::AssertSqlSafe(statement.to_owned());
            let found = sqlx::query_scalar(statement).fetch_all(&mut database).await.unwrap();
            database.close().await.unwrap();
            found
        })
    }

    /// Makes an API key with all rights but `admin`.
    pub(crate) fn key(&self, label: &str) -> String {
        let order = json!({ "label": label, "rights": ["submit", "read", "manage"] });
        let answer = self.ask(&Ask::new("POST", "/v1/keys").json(&order));
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["key"].as_str().unwrap().to_owned()
    }

    /// Asks over the socket.
    ///
    /// # Errors
    /// When no whole answer came.
    pub(crate) fn try_ask(&self, ask: &Ask) -> io::Result<Answer> {
        ask.over_unix(&self.socket())
    }

    /// Asks over the socket; panics when no whole answer comes.
    pub(crate) fn ask(&self, ask: &Ask) -> Answer {
        self.try_ask(ask).unwrap_or_else(|error| panic!("{error}: {ask:?}\n{}", self.log()))
    }

    /// `GET`, as the administrator of the machine.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(&Ask::new("GET", path))
    }

    /// `POST` of nothing, as the administrator of the machine: `cancel`, `retry`.
    pub(crate) fn order(&self, path: &str) -> Answer {
        self.ask(&Ask::new("POST", path))
    }

    /// Submits an opinion (the form's items) as the administrator of the machine.
    pub(crate) fn post(&self, opinion: &Value, idempotency_key: &str) -> Answer {
        self.ask(&submission(opinion, idempotency_key))
    }

    /// Submits an opinion that has to be accepted; its id.
    pub(crate) fn accepted(&self, opinion: &Value, idempotency_key: &str) -> String {
        let answer = self.post(opinion, idempotency_key);
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// One submission as the API tells it.
    pub(crate) fn submission(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v1/opinions/{id}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// The key under which the hub knows a submission.
    pub(crate) fn hub_key(&self, id: &str) -> String {
        self.submission(id)["hub_key"].as_str().unwrap().to_owned()
    }

    /// Waits until a submission is in a state; the submission.
    pub(crate) fn reaches(&self, id: &str, state: &str, within: Duration) -> Value {
        until(&format!("{id} to be {state}"), within, || {
            Some(self.submission(id)).filter(|submission| submission["state"] == state)
        })
    }

    /// All submissions in a state.
    pub(crate) fn list(&self, state: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/v1/submissions?state={state}&limit=200{cursor}")).json();
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Waits until nothing is queued, on its way or unknown.
    pub(crate) fn drained(&self, within: Duration) {
        until("everything to have left", within, || {
            let busy = ["queued", "sending", "unknown"].iter().find(|state| {
                let page = self.get(&format!("/v1/submissions?state={state}&limit=1")).json();
                !page["items"].as_array().unwrap().is_empty()
            });
            busy.is_none().then_some(())
        });
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// `POST /v1/opinions` of the form's items.
pub(crate) fn submission(opinion: &Value, idempotency_key: &str) -> Ask {
    Ask::new("POST", "/v1/opinions").header("idempotency-key", idempotency_key).json(&json!({ "opinion": opinion }))
}

/// A sound opinion, different for each `n`.
pub(crate) fn opinion(n: impl std::fmt::Display) -> Value {
    let mut opinion: Value = serde_json::from_str(include_str!("../../fixtures/opinion/fracture.json")).unwrap();
    opinion["special_notes"] = json!(format!("架空の文書 {n}"));
    opinion
}
