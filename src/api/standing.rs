//! Whether somebody who came in may still be here, asked as long as something is done in their name.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::Api;
use super::person;
use super::problem::Failure;
use crate::card::Terminal;
use crate::terminal::{Caller, Credential};

/// Whether `caller`, who came in earlier, would still be let in.
///
/// # Errors
/// The code of a store that cannot be read.
pub(super) async fn stands(api: &Api, caller: &Caller) -> Result<bool, Failure> {
    let lets_in = match caller.credential {
        Credential::Local => true,
        Credential::Key => api.keys.stands(caller).await?,
        Credential::Terminal => api.terminals.stands(caller).await?,
    };
    let lets_in = lets_in && caller.until.is_none_or(|until| api.clock.latest() < until);
    Ok(lets_in && person::stands(api, caller).await?)
}

/// Returns when `caller` may be here no longer, within two seconds of it; the caller's card sessions are ended by then.
///
/// While the store cannot be read nobody is cut off: what they ask next is refused anyway.
pub(super) async fn cut(api: &Api, caller: &Caller) {
    let mut revocations = api.keys.revocations().listen();
    loop {
        revocations.due().await;
        if let Ok(false) = stands(api, caller).await {
            api.cards.revoke_terminal(&Terminal(caller.id.clone()));
            return;
        }
    }
}

/// In whose name a connection is used: it is closed with them, also while it rests.
#[derive(Clone, Default)]
pub(super) struct Ties(Arc<Tied>);

#[derive(Default)]
struct Tied {
    user: Mutex<Option<(Arc<Api>, Caller)>>,
    known: Notify,
}

impl std::fmt::Debug for Ties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ties(…)")
    }
}

impl Ties {
    /// Notes who uses the connection, in place of who used it before.
    pub(super) fn tie(&self, api: &Arc<Api>, caller: &Caller) {
        if caller.credential == Credential::Local {
            return;
        }
        let mut user = self.0.user.lock().unwrap_or_else(PoisonError::into_inner);
        if user.as_ref().is_none_or(|(_, before)| before != caller) {
            *user = Some((Arc::clone(api), caller.clone()));
            self.0.known.notify_one();
        }
    }

    /// Returns when the one who last used the connection may be here no longer; never while nobody has.
    pub(super) async fn broken(&self) {
        loop {
            let user = self.0.user.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let known = self.0.known.notified();
            match user {
                None => known.await,
                Some((api, caller)) => tokio::select! {
                    () = known => {}
                    () = cut(&api, &caller) => return,
                },
            }
        }
    }
}
