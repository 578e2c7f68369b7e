//! The paired terminals: let in by certificate or cookie, listed, opened again and revoked.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::certificate::{ClientCertificate, Named};
use super::inventory::{Kind, State, TerminalId, TerminalRecord};
use super::key::SecretHash;
use super::pairing::Locks;
use super::recent::Recent;
use super::{Caller, Credential, Keys, Person, TerminalError};
use crate::clock::Clock;
use crate::credential::Authority;
use crate::fault::Code;
use crate::store::{RenewTerminal, RenewedAs, ReopenTerminal, RevokeTerminal, Store, TouchTerminal};

/// For how long after its end a certificate may be renewed.
pub(super) const GRACE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A certificate that begins later than this from now was issued while the box's clock was wrong.
const EARLY: SignedDuration = SignedDuration::from_hours(1);

/// Settings of pairing.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where terminals reach the box, for example `https://engawa.local:8471`; empty: the LAN does not.
    pub address: String,
    /// The key under which codes are hashed.
    pub secret: [u8; 32],
}

/// The terminals of the box; cheap to clone.
#[derive(Clone)]
pub struct Terminals(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) keys: Keys,
    pub(super) authority: Option<Arc<Authority>>,
    pub(super) config: Config,
    pub(super) clock: Clock,
    recent: Recent<TerminalId, TerminalRecord>,
    /// Held through each try of a code: two tries at once would count as one.
    pub(super) locks: tokio::sync::Mutex<Locks>,
}

/// What a certificate for a terminal is handed out with.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// In PEM.
    pub pem: String,
    /// The authority's own, in PEM.
    pub authority: String,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// Its serial number.
    pub(super) serial: Vec<u8>,
}

impl Terminals {
    /// Terminals kept in `store`, whose certificates `authority` issues, where the LAN is listened to. Revocations are told where `keys` tells
    /// its own.
    #[must_use]
    pub fn new(store: Store, keys: Keys, authority: Option<Arc<Authority>>, config: Config, clock: Clock) -> Self {
        let (recent, locks) = (Recent::new(clock.clone()), tokio::sync::Mutex::default());
        Self(Arc::new(Inner { store, keys, authority, config, clock, recent, locks }))
    }

    /// Who shows this client certificate. Any one that has not run out lets
    /// in, also one that was renewed: whoever renews one that is older than that is found out ([`Terminals::renew`]).
    ///
    /// # Errors
    /// `Unknown`, `Revoked`, `Dormant`, `Copied`, `Expired` and `Store` of [`TerminalError`].
    pub async fn by_certificate(
        &self,
        shown: &ClientCertificate,
        from: Option<IpAddr>,
    ) -> Result<Caller, TerminalError> {
        let (record, &Named { begins, ends, .. }) = self.certified(shown, from).await?;
        let now = self.0.clock.latest();
        // One from a clock that was ahead would be good for as long as the clock was wrong.
        if ends <= now || begins.duration_since(now) > EARLY {
            return Err(TerminalError::Expired);
        }
        Ok(Caller { until: Some(ends), ..self.let_in(&record, from) })
    }

    /// Who shows this value of the cookie [`super::COOKIE`].
    ///
    /// # Errors
    /// `Unknown`, `Revoked`, `Dormant` and `Store` of [`TerminalError`].
    pub async fn by_cookie(&self, value: &str, from: Option<IpAddr>) -> Result<Caller, TerminalError> {
        let (id, secret) = value.split_once('.').ok_or(TerminalError::Unknown)?;
        let id = TerminalId::parse(id).ok_or(TerminalError::Unknown)?;
        let record = self.record(&id).await?.ok_or(TerminalError::Unknown)?;
        let fits = record.secret.is_some_and(|kept| kept.matches(&SecretHash::of(secret)));
        if !fits || record.kind != Kind::Browser {
            return Err(TerminalError::Unknown);
        }
        self.active(&record, from)?;
        Ok(self.let_in(&record, from))
    }

    /// A new certificate for the terminal that shows this one, valid or run out for seven days at most. It has to be the newest one, or the
    /// one before, when the answer with the newest was lost; who shows another one has a copy, and the terminal is shut.
    ///
    /// # Errors
    /// `Unknown`, `Revoked`, `Dormant`, `Copied`, `Authority` and `Store` of [`TerminalError`].
    pub async fn renew(
        &self,
        shown: &ClientCertificate,
        csr: &str,
        from: Option<IpAddr>,
    ) -> Result<(Caller, Certificate), TerminalError> {
        let (record, &Named { ends, .. }) = self.certified(shown, from).await?;
        let now = self.0.clock.latest();
        if now.duration_since(ends) > GRACE {
            return Err(TerminalError::Unknown);
        }
        let shown = Authority::serial_of(shown.der()).ok_or(TerminalError::Unknown)?;
        let certificate = self.certificate(csr, &record.id)?;
        let (id, issued, at) = (record.id.to_string(), certificate.serial.clone(), now.as_millisecond());
        match self.0.store.write(RenewTerminal { id, shown, issued, at }).await? {
            RenewedAs::Newest => Ok((self.let_in(&record, from), certificate)),
            RenewedAs::Shut => Err(TerminalError::Unknown),
            RenewedAs::Copied => {
                tracing::error!(terminal = %record.id, code = %Code::TerminalCopied, "an older certificate was to be renewed: the terminal is shut");
                self.0.recent.changed(&record.id, async || ()).await;
                self.0.keys.revocations().announce();
                Err(TerminalError::Copied(Box::new(caller(&record, from))))
            }
        }
    }

    /// The facilities with a terminal whose certificate was copied and that nobody has revoked yet.
    ///
    /// # Errors
    /// `Store` of [`TerminalError`].
    pub async fn copied(&self) -> Result<Vec<String>, TerminalError> {
        Ok(self.0.store.facilities_copied().await?)
    }

    /// Whether a terminal that came in earlier would still be let in: whatever runs long asks this from time to time.
    ///
    /// # Errors
    /// `Store` of [`TerminalError`].
    pub async fn stands(&self, caller: &Caller) -> Result<bool, TerminalError> {
        let Some(id) = TerminalId::parse(&caller.id) else { return Ok(false) };
        let record = self.record(&id).await?;
        Ok(record.is_some_and(|record| record.state(self.0.clock.latest()) == State::Active))
    }

    /// All terminals of a facility, oldest first, revoked ones too. Damaged rows are left out and logged.
    ///
    /// # Errors
    /// `Store` of [`TerminalError`].
    pub async fn list(&self, facility: &str) -> Result<Vec<TerminalRecord>, TerminalError> {
        let rows = self.0.store.terminals(facility).await?;
        Ok(super::readable(rows.iter().map(TerminalRecord::of)))
    }

    /// Revokes a terminal of a facility for good, and tells of it.
    ///
    /// # Errors
    /// `Absent` and `Store` of [`TerminalError`].
    pub async fn revoke(&self, facility: &str, id: &TerminalId) -> Result<(), TerminalError> {
        let at = self.0.clock.latest().as_millisecond();
        let write = RevokeTerminal { id: id.to_string(), facility: facility.to_owned(), at };
        let found = self.0.recent.changed(id, async || self.0.store.write(write).await).await?;
        self.0.keys.revocations().announce();
        if found { Ok(()) } else { Err(TerminalError::Absent) }
    }

    /// Opens a terminal of a facility again that was not used for long.
    ///
    /// # Errors
    /// `Absent` and `Store` of [`TerminalError`].
    pub async fn reopen(&self, facility: &str, id: &TerminalId) -> Result<(), TerminalError> {
        let at = self.0.clock.latest().as_millisecond();
        let write = ReopenTerminal { id: id.to_string(), facility: facility.to_owned(), at };
        let found = self.0.recent.changed(id, async || self.0.store.write(write).await).await?;
        if found { Ok(()) } else { Err(TerminalError::Absent) }
    }

    /// The time, as terminals are judged by it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.latest()
    }

    pub(super) fn certificate(&self, csr: &str, id: &TerminalId) -> Result<Certificate, TerminalError> {
        let authority = self.0.authority.as_ref().ok_or(TerminalError::NoLan)?;
        let (now, lasts) = (self.0.clock.latest(), Authority::LONGEST_CLIENT);
        let pem = authority.client_certificate(csr, id.as_str(), now, lasts)?;
        let expires_at = now.saturating_add(lasts).unwrap_or(Timestamp::MAX);
        let serial = Authority::serial_of_pem(&pem).ok_or(TerminalError::NoLan)?;
        Ok(Certificate { pem, authority: authority.pem().to_owned(), expires_at, serial })
    }

    /// The terminal of a certificate, if it may come in, and what the certificate says.
    async fn certified<'c>(
        &self,
        shown: &'c ClientCertificate,
        from: Option<IpAddr>,
    ) -> Result<(Arc<TerminalRecord>, &'c Named), TerminalError> {
        let named = shown.named().ok_or(TerminalError::Unknown)?;
        let record = self.record(&named.terminal).await?.ok_or(TerminalError::Unknown)?;
        if record.kind != Kind::Software {
            return Err(TerminalError::Unknown);
        }
        self.active(&record, from)?;
        Ok((record, named))
    }

    fn active(&self, record: &TerminalRecord, from: Option<IpAddr>) -> Result<(), TerminalError> {
        match record.state(self.0.clock.latest()) {
            State::Active => Ok(()),
            State::Dormant => Err(TerminalError::Dormant),
            State::Copied => Err(TerminalError::Copied(Box::new(caller(record, from)))),
            State::Revoked => Err(TerminalError::Revoked),
        }
    }

    fn let_in(&self, record: &TerminalRecord, from: Option<IpAddr>) -> Caller {
        self.note_use(record, from);
        caller(record, from)
    }

    async fn record(&self, id: &TerminalId) -> Result<Option<Arc<TerminalRecord>>, TerminalError> {
        let fetch = async || {
            let row = self.0.store.terminal(id.as_str()).await?;
            Ok(row.as_ref().map(TerminalRecord::of).transpose()?)
        };
        self.0.recent.of(id, fetch).await
    }

    fn note_use(&self, record: &TerminalRecord, from: Option<IpAddr>) {
        let Some(now) = self.0.recent.used(&record.id, record.last_used_at) else { return };
        let from = from.map(|from| from.to_canonical().to_string()).unwrap_or_default();
        self.0.store.write_later(TouchTerminal { id: record.id.to_string(), at: now.as_millisecond(), from });
    }
}

fn caller(record: &TerminalRecord, from: Option<IpAddr>) -> Caller {
    Caller {
        id: record.id.to_string(),
        credential: Credential::Terminal,
        browser: record.kind == Kind::Browser,
        person: record.person.clone().map(Person::bound),
        from,
        facility: record.facility.clone(),
        rights: record.rights.iter().collect(),
        until: None,
    }
}
