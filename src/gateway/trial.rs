//! One log-in at the hub while no gateway runs, for whoever sets a box up or looks for a fault: under the state directory's lock and the
//! record of earlier log-ins, so that trying can never lock the account.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::unistd::{Gid, Uid, getegid, geteuid, setegid, seteuid};

use super::keys::own_directory;
use super::link::{Facts, hub_config};
use super::{StartError, State, open_state};
use crate::clock::Clock;
use crate::config::Config;
use crate::credential::{FacilityCertificate, Secret};
use crate::fault::Code;
use crate::hub::{Trouble, probe};

/// Why there was no log-in.
#[derive(Debug, thiserror::Error)]
pub enum NotTried {
    /// The gateway has never been started, so there is nothing yet in which a refused password could be remembered.
    #[error("engawa has not been started yet")]
    NotBegun,
    /// The state cannot be used: a gateway uses it, it belongs to another user, or its keys are not to be had.
    #[error(transparent)]
    State(#[from] StartError),
}

/// Logs in at the hub once as the facility of `settings`, and out again. `first`: it is the first one of the box. A password that was
/// refused before is not sent, and one that is refused is remembered for the gateway.
///
/// # Errors
/// [`NotTried`] when nothing was sent; what the hub or the way to it says stands in the answer.
pub async fn try_log_in(
    settings: &Config,
    first: bool,
    certificate: FacilityCertificate,
    password: Secret,
) -> Result<Result<(), Trouble>, NotTried> {
    let directory = &settings.state.directory;
    let acting = Acting::as_owner_of(directory)?;
    if !directory.join("engawa.db").exists() {
        return Err(NotTried::NotBegun);
    }
    own_directory(directory)?;
    let ca = std::fs::read(&settings.hub.ca_file).map_err(|_| StartError::from(Code::HubCaUnreadable))?;
    let state = open_state(settings, Clock::system()).await?;
    let tried = log_in(settings, first, &state, (certificate, password, ca)).await;
    let State { lock, store, task, .. } = state;
    drop(store);
    task.finished().await;
    drop((lock, acting));
    Ok(tried?)
}

async fn log_in(
    settings: &Config,
    first: bool,
    state: &State,
    (certificate, password, ca): (FacilityCertificate, Secret, Vec<u8>),
) -> Result<Result<(), Trouble>, StartError> {
    let fingerprint = state.secret.derive("hub login fingerprint")?;
    let config = hub_config(settings, fingerprint, ca);
    let mut config = config.map_err(|(code, error)| StartError { code, source: Some(error) })?;
    // No gateway can start as long as this takes.
    config.timeouts = probe::probe_timeouts(config.timeouts);
    let memory = Facts::new(state.store.clone(), settings.facility.number.clone(), first);
    let tried = probe::log_in(&config, certificate, password, memory, state.clock.clone()).await;
    tried.map_err(|error| StartError { code: error.code(), source: Some(Box::new(error)) })
}

/// Root acts as the owner of the state while it is open, so that no file in it becomes root's; given back when dropped.
struct Acting(Option<(Uid, Gid)>);

impl Acting {
    fn as_owner_of(directory: &Path) -> Result<Self, StartError> {
        let (user, group) = (geteuid(), getegid());
        let Ok(owned) = std::fs::metadata(directory) else { return Ok(Self(None)) };
        if !user.is_root() || owned.uid() == user.as_raw() {
            return Ok(Self(None));
        }
        let refused = |_| StartError::from(Code::StateOwner);
        // The group while it is still root's to choose.
        setegid(Gid::from_raw(owned.gid())).map_err(refused)?;
        let acting = Self(Some((user, group)));
        seteuid(Uid::from_raw(owned.uid())).map_err(refused)?;
        Ok(acting)
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        if let Some((user, group)) = self.0 {
            let _ = seteuid(user);
            let _ = setegid(group);
        }
    }
}
