//! The stage: a folder of its own, the hub, the gateways and the counter as processes in it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};

use super::counter::{Counter, Without};
use super::gateway::{CLINIC, Gateway, HELPERS, OFFICE};
use super::process::{log_line, start, stop};
use crate::cli::Failure;
use crate::control::command::call;
use crate::world::World;

/// Longest folder name with which a gateway's socket fits into a socket address.
const LONGEST: usize = 60;

/// The folder and who plays in it.
pub(super) struct Stage {
    dir: PathBuf,
    hub: Option<Child>,
    counter: Option<Counter>,
    /// The clinic's.
    pub(super) clinic: Gateway,
    /// The office's that makes care plans.
    pub(super) office: Gateway,
    /// A service office's.
    pub(super) helpers: Gateway,
}

impl Stage {
    /// Makes the folder.
    pub(super) fn new(gateway: &Path) -> Result<Self, Failure> {
        let binary = fs::canonicalize(gateway).map_err(|e| format!("--gateway {}: {e}", gateway.display()))?;
        let dir = make_folder()?;
        let [clinic, office, helpers] = [CLINIC, OFFICE, HELPERS].map(|whose| Gateway::new(&dir, &binary, whose));
        Ok(Self { dir, hub: None, counter: None, clinic, office, helpers })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Starts the hub, with its power on or off; what it says of itself.
    pub(super) async fn start_hub(&mut self, up: bool) -> Result<Value, Failure> {
        let (dir, log) = (self.dir.join("hub"), self.dir.join("hub.log"));
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["hub", "--until-stdin-ends", "--dir"]).arg(&dir).args((!up).then_some("--down"));
        let hub = self.hub.insert(start(command.stdin(Stdio::piped()), &log)?);
        log_line("the hub", hub, &log, "\"ready\":true").await?;
        Ok(serde_json::from_slice(&fs::read(dir.join("sandbox.json"))?)?)
    }

    /// Sets up the counter, with a card of this person (counted from 1); the reason where that cannot be.
    pub(super) async fn open_counter(&mut self, holder: &str) -> Result<Option<Without>, Failure> {
        match Counter::open(&self.dir).await? {
            Ok(counter) => self.counter.insert(counter).bring(&self.dir, holder).await.map(|()| None),
            Err(without) => Ok(Some(without)),
        }
    }

    /// Clears the counter away.
    pub(super) async fn close_counter(&mut self) -> Result<(), Failure> {
        match self.counter.take() {
            Some(counter) => counter.close().await,
            None => Ok(()),
        }
    }

    /// The counter, where there is one.
    pub(super) fn counter(&self) -> Option<&Counter> {
        self.counter.as_ref()
    }

    /// The hub's country.
    pub(super) fn world(&self) -> Result<World, Failure> {
        Ok(serde_json::from_slice(&fs::read(self.dir.join("hub").join("world.json"))?)?)
    }

    /// An order to the hub's control API.
    pub(super) async fn control(&self, hub: &Value, method: &str, path: &str, body: String) -> Result<Value, Failure> {
        call(port(hub, "control_port")?, method, path, body).await
    }

    /// Says so when one of them has ended.
    pub(super) fn ended(&mut self) -> Result<Option<String>, Failure> {
        if let Some(status) = self.hub.as_mut().map(Child::try_wait).transpose()?.flatten() {
            return Ok(Some(format!("the hub ended with {status}")));
        }
        for gateway in [&mut self.clinic, &mut self.office, &mut self.helpers] {
            if let Some(who) = gateway.ended()? {
                return Ok(Some(who));
            }
        }
        self.counter.as_mut().map_or(Ok(None), Counter::ended)
    }

    /// The logs that there are.
    pub(super) fn logs(&self) -> Vec<PathBuf> {
        let gateways = [&self.clinic, &self.office, &self.helpers].map(Gateway::log);
        let others = ["hub.log", "card.log", "pcscd.log"].map(|name| self.dir.join(name));
        gateways.into_iter().chain(others).filter(|log| log.exists()).collect()
    }

    /// Stops all, the gateways first; an error unless all stopped by themselves and well.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        let (clinic, office, helpers) = tokio::join!(self.clinic.stop(), self.office.stop(), self.helpers.stop());
        let counter = self.close_counter().await;
        let hub = stop("the hub", self.hub.take()).await;
        clinic.and(office).and(helpers).and(counter).and(hub)
    }

    /// Removes the folder.
    pub(super) fn remove(&self) -> Result<(), Failure> {
        fs::remove_dir_all(&self.dir).map_err(|e| format!("{}: {e}", self.dir.display()).into())
    }
}

/// A port number of the hub's `sandbox.json`.
pub(super) fn port(hub: &Value, member: &str) -> Result<u16, Failure> {
    let port = hub[member].as_u64().ok_or_else(|| format!("sandbox.json names no {member}"))?;
    Ok(u16::try_from(port)?)
}

/// A folder that nobody else has, readable by its owner only.
fn make_folder() -> Result<PathBuf, Failure> {
    let wished = std::env::temp_dir();
    let parent = if wished.as_os_str().len() <= LONGEST { wished } else { PathBuf::from("/tmp") };
    let parent = fs::canonicalize(&parent).map_err(|e| format!("{}: {e}", parent.display()))?;
    for n in 0.. {
        let dir = parent.join(format!("engawa-demo-{}-{n}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&dir) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(format!("{}: {e}", dir.display()).into()),
            Ok(()) => return Ok(dir),
        }
    }
    Err("no folder could be made".into())
}
