//! Who a person is, by the hub's word: challenge → evidence → person.
//!
//! Invariants: a challenge is asked for before a card or a PIN is touched, so a dead line costs nobody a try; a challenge
//! serves one try; evidence is never shown twice by itself where it holds a signature; nothing of the person is kept here
//! or reaches a log.

mod error;

use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use error::IdentityError;
// Callers of this room do not see the hub; what it tells them they get from here.
pub use crate::hub::{Challenge, Faulty, HubError};

use crate::hub::{Asserted, HubPort, Trouble};
use crate::model::identity::{Evidence, Person};

/// The handle that the local endpoint holds; cheap to clone.
#[derive(Clone)]
pub struct Identity {
    hub: Arc<dyn Port>,
}

/// The part of the hub that this room uses, whatever hub it is.
trait Port: Send + Sync {
    fn challenge(&self) -> BoxFuture<'_, Result<Challenge, Trouble>>;
    fn assert<'a>(
        &'a self,
        challenge: &'a Challenge,
        evidence: &'a Evidence,
    ) -> BoxFuture<'a, Result<Asserted, Trouble>>;
}

impl<H: HubPort> Port for H {
    fn challenge(&self) -> BoxFuture<'_, Result<Challenge, Trouble>> {
        Box::pin(HubPort::challenge(self))
    }

    fn assert<'a>(
        &'a self,
        challenge: &'a Challenge,
        evidence: &'a Evidence,
    ) -> BoxFuture<'a, Result<Asserted, Trouble>> {
        Box::pin(HubPort::assert(self, challenge, evidence))
    }
}

impl Identity {
    /// Identification at this hub.
    #[must_use]
    pub fn new<H: HubPort>(hub: Arc<H>) -> Self {
        Self { hub }
    }

    /// A challenge for the card to sign. Touches neither card nor PIN.
    ///
    /// # Errors
    /// [`IdentityError::Offline`] and the like; see [`IdentityError::code`].
    pub async fn challenge(&self) -> Result<Challenge, IdentityError> {
        self.hub.challenge().await.map_err(IdentityError::from)
    }

    /// Shows the evidence under this challenge. The challenge is spent, whatever comes of it.
    ///
    /// # Errors
    /// As [`IdentityError`] says.
    pub async fn assert(&self, challenge: Challenge, evidence: &Evidence) -> Result<Box<Person>, IdentityError> {
        match self.hub.assert(&challenge, evidence).await? {
            Asserted::Known(person) => Ok(person),
            Asserted::Refused(refusal) => Err(IdentityError::refused(refusal)),
        }
    }
}
