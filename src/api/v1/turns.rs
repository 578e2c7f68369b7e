//! Turns of those who pair, or renew a certificate. Whether they are let in is known only when the whole request is read, so no seat is held
//! for it meanwhile: a few machines that send slowly would have them all. Each address has one turn instead, and nobody waits for somebody else's.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::api::problem::Failure;
use crate::fault::Code;

/// How long the whole request of a turn may take; it is a packet or two.
pub(super) const WHOLE: Duration = Duration::from_secs(10);

/// The addresses that have a turn.
#[derive(Clone, Debug, Default)]
pub(in crate::api) struct Turns(Arc<Mutex<BTreeSet<IpAddr>>>);

impl Turns {
    /// The turn of an address; it ends when dropped. Of an address, not of its IPv6 /64: the whole office may stand in one.
    ///
    /// # Errors
    /// `GATEWAY_BUSY` while it has another one.
    pub(super) fn take(&self, address: IpAddr) -> Result<Turn, Failure> {
        let fresh = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(address);
        if fresh { Ok(Turn { turns: self.clone(), address }) } else { Err(Code::GatewayBusy.into()) }
    }
}

/// One address's turn.
pub(super) struct Turn {
    turns: Turns,
    address: IpAddr,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.address);
    }
}
