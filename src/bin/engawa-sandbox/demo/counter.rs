//! The counter: a pcscd of the demo's own with one virtual reader, and a card for it. The machine's own pcscd and readers are
//! left alone. Where it cannot be set up the story goes on without it and says why.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

use super::process::{dying_with_us, pause, start, stop};
use super::stage::port;
use crate::cli::Failure;
use crate::control::command::call;

const PCSCD: &str = "/usr/sbin/pcscd";
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
/// Here pcscd keeps its process id, wherever its socket is.
const RUN: &str = "/run/pcscd";
/// How long pcscd may take to open its reader.
const PATIENCE: Duration = Duration::from_secs(30);
/// Ports for vpcd: below those that the system gives out by itself.
const FIRST_PORT: u16 = 15_000;
const PORTS: u16 = 4_000;

/// Why there is no counter, in both languages.
pub(super) struct Without {
    pub(super) ja: String,
    pub(super) en: String,
}

/// A reader and who serves it.
pub(super) struct Counter {
    pcscd: Child,
    card: Option<Child>,
    /// Held so that whoever calls while pcscd starts waits rather than fails.
    _listener: UnixListener,
    log: PathBuf,
    /// vpcd's port: the reader's first slot.
    pub(super) port: u16,
    control: u16,
}

/// pcscd's socket in the demo's folder, whether or not anybody listens there.
pub(super) fn socket(dir: &Path) -> PathBuf {
    dir.join("pcscd.comm")
}

impl Counter {
    /// Starts pcscd and waits until its reader is there. What stands in the way of that is no failure of the demo's.
    pub(super) async fn open(dir: &Path) -> Result<Result<Self, Without>, Failure> {
        if let Err(without) = possible() {
            return Ok(Err(without));
        }
        let port = free_port()?;
        let folder = dir.join("reader.conf.d");
        fs::create_dir(&folder)?;
        let reader = format!(
            "FRIENDLYNAME \"Counter\"\nDEVICENAME /dev/null:0x{port:04X}\nLIBPATH {DRIVER}\nCHANNELID 0x{port:04X}\n"
        );
        fs::write(folder.join("vpcd"), reader)?;
        let listener = UnixListener::bind(socket(dir))?;
        let log = dir.join("pcscd.log");
        let pcscd = pcscd(&folder, listener.try_clone()?, &log)?;
        let mut counter = Self { pcscd, card: None, _listener: listener, log, port, control: 0 };
        let ready = tokio::time::timeout(PATIENCE, async {
            while !listens(port) {
                if let Some(who) = counter.ended()? {
                    return Ok(Some(who));
                }
                pause().await;
            }
            Ok::<_, Failure>(None)
        });
        let trouble = ready.await.unwrap_or_else(|_| Ok(Some(format!("no reader after {} s", PATIENCE.as_secs()))))?;
        let Some(trouble) = trouble else { return Ok(Ok(counter)) };
        counter.pcscd.kill().await?;
        let said = counter.said();
        let said = said.lines().last().unwrap_or_default().trim();
        Ok(Err(Without {
            ja: format!("pcscd が動きません（{trouble}: {said}）"),
            en: format!("pcscd does not work here ({trouble}: {said})"),
        }))
    }

    /// Makes a card of that person and holds it ready beside the reader.
    pub(super) async fn bring(&mut self, dir: &Path, holder: &str) -> Result<(), Failure> {
        let log = dir.join("card.log");
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["card", "--until-stdin-ends", "--out", "--holder", holder, "--port", &self.port.to_string()]);
        command.arg("--dir").arg(dir.join("hub")).stdin(Stdio::piped());
        self.card = Some(start(&mut command, &log)?);
        loop {
            let ended = self.ended()?;
            let said = fs::read_to_string(&log)?;
            if let Some(line) = said.split_inclusive('\n').find(|line| line.contains("\"ready\":true")) {
                self.control = port(&serde_json::from_str(line)?, "control_port")?;
                return Ok(());
            }
            if let Some(who) = ended {
                return Err(format!("{who}\n{said}").trim_end().into());
            }
            pause().await;
        }
    }

    /// Whether pcscd turned the gateway away: a system policy may keep readers from people who do not sit at the machine.
    pub(super) fn rejects(&self) -> Option<Without> {
        self.said().contains("Rejected unauthorized").then(|| Without {
            ja: String::from("この利用者に pcscd を使う許しがありません（polkit）。管理者で試してください"),
            en: String::from("this user may not use pcscd (polkit); try it as root"),
        })
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The slot: the card, its tries left and counts.
    pub(super) async fn card(&self) -> Result<Value, Failure> {
        call(self.control, "GET", &format!("/slots/{}", self.port), String::new()).await
    }

    /// Puts the card on the reader.
    pub(super) async fn tap(&self) -> Result<(), Failure> {
        self.order("insert").await
    }

    /// Takes it away.
    pub(super) async fn take(&self) -> Result<(), Failure> {
        self.order("remove").await
    }

    async fn order(&self, what: &str) -> Result<(), Failure> {
        call(self.control, "POST", &format!("/slots/{}/{what}", self.port), String::from("{}")).await.map(drop)
    }

    /// Says so when one of the two has ended.
    pub(super) fn ended(&mut self) -> Result<Option<String>, Failure> {
        for (name, child) in [("pcscd", Some(&mut self.pcscd)), ("the card", self.card.as_mut())] {
            if let Some(status) = child.map(Child::try_wait).transpose()?.flatten() {
                return Ok(Some(format!("{name} ended with {status}")));
            }
        }
        Ok(None)
    }

    /// Stops both, the card first.
    pub(super) async fn close(self) -> Result<(), Failure> {
        let card = stop("the card", self.card).await;
        card.and(stop("pcscd", Some(self.pcscd)).await)
    }
}

/// Whether this machine has what it takes.
fn possible() -> Result<(), Without> {
    for (program, package) in [(PCSCD, "pcscd"), (DRIVER, "vsmartcard-vpcd")] {
        if !Path::new(program).exists() {
            return Err(Without {
                ja: format!("{program} がありません（make deps が {package} を入れます）"),
                en: format!("{program} is missing (make deps installs {package})"),
            });
        }
    }
    match fs::create_dir_all(RUN) {
        Ok(()) => Ok(()),
        Err(error) => Err(Without {
            ja: format!("{RUN} を作れません（{error}）。管理者で一度作ってください"),
            en: format!("{RUN} cannot be made ({error}); make it once as root"),
        }),
    }
}

fn pcscd(readers: &Path, listener: UnixListener, log: &Path) -> Result<Child, Failure> {
    // The socket arrives as standard input and has to be descriptor 3, in the process that is named.
    let script = "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" -f -c \"$1\"";
    let all = [dying_with_us(), &["/bin/sh", "-c", script, PCSCD]].concat();
    let (program, words) = all.split_first().ok_or("no program")?;
    let mut command = Command::new(program);
    command.args(words).arg(readers).stdin(Stdio::from(OwnedFd::from(listener)));
    start(&mut command, log)
}

/// A port that is free together with the next one: vpcd's readers have two slots.
fn free_port() -> Result<u16, Failure> {
    let begin = u16::try_from(std::process::id() % u32::from(PORTS / 2))? * 2;
    let ports = (0..PORTS).step_by(2).map(|step| FIRST_PORT + (begin + step) % PORTS);
    let free = |port: u16| TcpListener::bind(("0.0.0.0", port)).is_ok();
    let mut ports = ports.filter(|port| free(*port) && free(port + 1));
    ports.next().ok_or_else(|| "no free ports for vpcd".into())
}

/// Whether somebody listens at a port, without connecting: vpcd would take the connection for a card.
fn listens(port: u16) -> bool {
    let wanted = format!(":{port:04X}");
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    tables.iter().flat_map(|table| table.lines()).any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().is_some_and(|local| local.ends_with(&wanted));
        local && fields.nth(1) == Some("0A")
    })
}
