//! Tokens. They live in memory only: a hub that was restarted knows none of them, and says so with E1004.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::{Hub, HubError};

/// An access token's life.
pub(crate) const ACCESS: SignedDuration = SignedDuration::from_mins(60);
/// A refresh token's life.
pub(crate) const REFRESH: SignedDuration = SignedDuration::from_hours(8);

/// Tokens by their text.
#[derive(Default)]
pub(crate) struct Sessions {
    access: HashMap<String, Pass>,
    refresh: HashMap<String, Pass>,
}

#[derive(Clone)]
struct Pass {
    user_id: String,
    /// SHA-256 of the certificate it was issued on.
    certificate: String,
    until: Timestamp,
    /// One log-in and all that was refreshed from it.
    session: u64,
}

/// A pair of fresh tokens.
pub(crate) struct Tokens {
    pub(crate) user_id: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Hub {
    /// Begins a session.
    pub(crate) fn log_in(&mut self, user_id: &str, certificate: &str, now: Timestamp) -> Tokens {
        self.minted += 1;
        let session = self.minted;
        self.grant(user_id, certificate, session, now)
    }

    /// Trades a refresh token, which serves once, for a new pair. The old access token lives until its end.
    pub(crate) fn refresh(&mut self, token: &str, certificate: &str, now: Timestamp) -> Result<Tokens, HubError> {
        let good = self.sessions.refresh.get(token).is_some_and(|p| p.certificate == certificate && p.until > now);
        match self.sessions.refresh.remove(token) {
            Some(pass) if good => Ok(self.grant(&pass.user_id, certificate, pass.session, now)),
            Some(pass) if pass.certificate != certificate => {
                self.sessions.refresh.insert(token.to_owned(), pass);
                Err(expired())
            }
            _ => Err(expired()),
        }
    }

    /// Who an access token speaks for, over this certificate.
    pub(crate) fn user(&self, token: &str, certificate: &str, now: Timestamp) -> Result<String, HubError> {
        let pass = self.sessions.access.get(token).filter(|p| p.certificate == certificate && p.until > now);
        pass.map(|p| p.user_id.clone()).ok_or_else(expired)
    }

    /// Ends the session an access token belongs to.
    pub(crate) fn log_out(&mut self, token: &str) {
        if let Some(pass) = self.sessions.access.remove(token) {
            self.sessions.access.retain(|_, p| p.session != pass.session);
            self.sessions.refresh.retain(|_, p| p.session != pass.session);
        }
    }

    /// Forgets access tokens, and refresh tokens too if `all`.
    pub(crate) fn expire_tokens(&mut self, all: bool) {
        self.sessions.access.clear();
        if all {
            self.sessions.refresh.clear();
        }
    }

    fn grant(&mut self, user_id: &str, certificate: &str, session: u64, now: Timestamp) -> Tokens {
        let (access, refresh) = (self.mint("access"), self.mint("refresh"));
        let pass = |life| Pass {
            user_id: user_id.to_owned(),
            certificate: certificate.to_owned(),
            until: now.saturating_add(life).unwrap_or(Timestamp::MAX),
            session,
        };
        self.sessions.access.retain(|_, p| p.until > now);
        self.sessions.refresh.retain(|_, p| p.until > now);
        self.sessions.access.insert(access.clone(), pass(ACCESS));
        self.sessions.refresh.insert(refresh.clone(), pass(REFRESH));
        Tokens { user_id: user_id.to_owned(), access, refresh }
    }
}

fn expired() -> HubError {
    HubError::new("E1004", "トークンが期限切れか、この証明書のものではありません")
}
