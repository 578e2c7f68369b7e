//! The keys: made, checked, listed and revoked, over any [`KeyStore`].

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use ipnet::IpNet;
use jiff::Timestamp;

use super::key::NoRandomness;
use super::recent::Recent;
use super::{ApiKey, Caller, Credential, KeyId, Person, Revocations, Right, SecretHash};
use crate::clock::Clock;
use crate::fault::Code;
use crate::task;

/// What is kept of a key.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// The public part.
    pub id: KeyId,
    /// What the administrator calls it, for example the name of the program; 1 to 64 characters.
    pub label: String,
    /// The facility on whose behalf its holder acts.
    pub facility: String,
    /// What its holder may do.
    pub rights: BTreeSet<Right>,
    /// The hash of its secret.
    pub hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the hour.
    pub last_used_at: Option<Timestamp>,
    /// Where alone it may be used; empty: on the box itself.
    pub networks: Vec<IpNet>,
    /// The account it is bound to: it ends with the person's last day.
    pub person: Option<String>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

impl KeyRecord {
    fn over(&self, now: Timestamp) -> bool {
        self.revoked_at.is_some() || self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether it may be used from there. On the Unix socket one is at the box itself.
    fn may_come_from(&self, from: Option<IpAddr>) -> bool {
        let from = from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_canonical();
        self.networks.is_empty() && from.is_loopback() || self.networks.iter().any(|network| network.contains(&from))
    }
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// See [`KeyRecord::label`].
    pub label: String,
    /// See [`KeyRecord::facility`].
    pub facility: String,
    /// See [`KeyRecord::rights`].
    pub rights: BTreeSet<Right>,
    /// See [`KeyRecord::networks`].
    pub networks: Vec<IpNet>,
    /// See [`KeyRecord::person`].
    pub person: Option<String>,
    /// See [`KeyRecord::expires_at`].
    pub expires_at: Option<Timestamp>,
}

impl NewKey {
    /// A key that is bound to nothing.
    #[must_use]
    pub fn unbound(label: &str, facility: &str, rights: BTreeSet<Right>) -> Self {
        let (label, facility) = (label.to_owned(), facility.to_owned());
        Self { label, facility, rights, networks: Vec::new(), person: None, expires_at: None }
    }

    /// The record of it, with its key.
    ///
    /// # Errors
    /// `NoRandomness` if the system's random source fails.
    pub(super) fn make(self, now: Timestamp) -> Result<(ApiKey, KeyRecord), NoRandomness> {
        let key = ApiKey::generate()?;
        let record = KeyRecord {
            id: key.id().clone(),
            label: self.label,
            facility: self.facility,
            rights: self.rights,
            hash: key.hash(),
            created_at: now,
            revoked_at: None,
            last_used_at: None,
            networks: self.networks,
            person: self.person,
            expires_at: self.expires_at,
        };
        Ok((key, record))
    }
}

/// Where key records are kept.
pub trait KeyStore: Send + Sync + 'static {
    /// Adds a record; when this returns it is on stable storage.
    fn add(&self, record: KeyRecord) -> BoxFuture<'_, Result<(), StoreFailure>>;
    /// The record of that id, revoked or not.
    fn find(&self, id: KeyId) -> BoxFuture<'_, Result<Option<KeyRecord>, StoreFailure>>;
    /// All records, oldest first.
    fn list(&self) -> BoxFuture<'_, Result<Vec<KeyRecord>, StoreFailure>>;
    /// Marks a key revoked; `false` if there is none of that id. A second time keeps the first time's mark.
    fn revoke(&self, id: KeyId, at: Timestamp) -> BoxFuture<'_, Result<bool, StoreFailure>>;
    /// Notes that a key was used.
    fn touch(&self, id: KeyId, at: Timestamp) -> BoxFuture<'_, Result<(), StoreFailure>>;
}

/// The store could not do it; `code` is what the caller is told.
#[derive(Debug, thiserror::Error)]
#[error("the key store failed: {code}")]
pub struct StoreFailure {
    /// A `STORAGE_…` code.
    pub code: Code,
    /// What went wrong below.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Why a key could not be checked or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not of the form, unknown, or its secret is wrong.
    #[error("the key is not a valid one")]
    Invalid,
    /// It was revoked, or its end is over.
    #[error("the key was revoked or has ended")]
    Revoked,
    /// It may not be used from that address.
    #[error("the key is used from elsewhere")]
    Elsewhere,
    /// There is no key of that id.
    #[error("there is no such key")]
    Absent,
    /// The store failed.
    #[error("keys cannot be read or written")]
    Store(#[from] StoreFailure),
    /// No key can be made.
    #[error("no key can be made")]
    Randomness(#[from] NoRandomness),
}

impl KeyError {
    /// The catalogue's code. A wrong key, a revoked one and one from elsewhere are told apart in the trail only.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Invalid | Self::Revoked | Self::Elsewhere => Code::AuthInvalid,
            Self::Absent => Code::RequestNotFound,
            Self::Store(failure) => failure.code,
            Self::Randomness(_) => Code::GatewayInternal,
        }
    }
}

/// The facility's keys; cheap to clone.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    store: Box<dyn KeyStore>,
    clock: Clock,
    recent: Recent<KeyId, KeyRecord>,
    revocations: Revocations,
}

impl Keys {
    /// Keys kept in `store`.
    #[must_use]
    pub fn new(store: impl KeyStore, clock: Clock) -> Self {
        let (recent, revocations) = (Recent::new(clock.clone()), Revocations::default());
        Self(Arc::new(Inner { store: Box::new(store), clock, recent, revocations }))
    }

    /// Where revocations are told, of keys and of whatever else lets people in.
    #[must_use]
    pub fn revocations(&self) -> &Revocations {
        &self.0.revocations
    }

    /// Establishes who holds the key `text` (what stands after `Bearer `), coming from that address.
    ///
    /// # Errors
    /// [`KeyError::Invalid`], [`KeyError::Revoked`], [`KeyError::Elsewhere`] or [`KeyError::Store`].
    pub async fn verify(&self, text: &str, from: Option<IpAddr>) -> Result<Caller, KeyError> {
        let key = ApiKey::parse(text).ok_or(KeyError::Invalid)?;
        let record = self.record(key.id()).await?.ok_or(KeyError::Invalid)?;
        if !record.hash.matches(&key.hash()) {
            return Err(KeyError::Invalid);
        }
        if record.over(self.0.clock.latest()) {
            return Err(KeyError::Revoked);
        }
        if !record.may_come_from(from) {
            return Err(KeyError::Elsewhere);
        }
        self.note_use(&record);
        Ok(Caller {
            id: record.id.to_string(),
            credential: Credential::Key,
            browser: false,
            person: record.person.clone().map(Person::bound),
            from,
            facility: record.facility.clone(),
            rights: record.rights.iter().collect(),
            until: None,
        })
    }

    /// Whether `caller`, who came in earlier, would still be let in: long-lived streams ask this from time to time.
    ///
    /// # Errors
    /// [`KeyError::Store`].
    pub async fn stands(&self, caller: &Caller) -> Result<bool, KeyError> {
        // The administrator on the Unix socket has no key that could be revoked.
        let Some(id) = KeyId::parse(&caller.id) else { return Ok(true) };
        let record = self.record(&id).await?;
        let now = self.0.clock.latest();
        Ok(record.is_some_and(|record| !record.over(now)))
    }

    /// Makes a key. It is in force at once.
    ///
    /// # Errors
    /// [`KeyError::Store`] or [`KeyError::Randomness`].
    pub async fn add(&self, new: NewKey) -> Result<(ApiKey, KeyRecord), KeyError> {
        let (key, record) = new.make(self.0.clock.latest())?;
        self.0.store.add(record.clone()).await?;
        Ok((key, record))
    }

    /// All keys, of every facility, oldest first, revoked ones too.
    ///
    /// # Errors
    /// [`KeyError::Store`].
    pub async fn list(&self) -> Result<Vec<KeyRecord>, KeyError> {
        Ok(self.0.store.list().await?)
    }

    /// Revokes a key for good: of that facility, or, for the administrator of the box, of any. An office that was given
    /// another number has keys of the former one.
    ///
    /// # Errors
    /// [`KeyError::Absent`] or [`KeyError::Store`].
    pub async fn revoke(&self, facility: Option<&str>, id: &KeyId) -> Result<(), KeyError> {
        let found = self.0.store.find(id.clone()).await?;
        if found.is_none_or(|record| facility.is_some_and(|own| record.facility != own)) {
            return Err(KeyError::Absent);
        }
        let revoke = async || self.0.store.revoke(id.clone(), self.0.clock.latest()).await;
        let found = self.0.recent.changed(id, revoke).await?;
        self.0.revocations.announce();
        if found { Ok(()) } else { Err(KeyError::Absent) }
    }

    async fn record(&self, id: &KeyId) -> Result<Option<Arc<KeyRecord>>, StoreFailure> {
        self.0.recent.of(id, async || self.0.store.find(id.clone()).await).await
    }

    fn note_use(&self, record: &KeyRecord) {
        let Some(now) = self.0.recent.used(&record.id, record.last_used_at) else { return };
        let (keys, id) = (self.clone(), record.id.clone());
        task::spawn(async move {
            if let Err(error) = keys.0.store.touch(id.clone(), now).await {
                tracing::debug!(key = %id, code = %error.code, "the time of a key's last use was not noted");
            }
        });
    }
}
