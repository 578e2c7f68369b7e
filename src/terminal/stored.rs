//! Keys in the database.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use ipnet::IpNet;
use jiff::Timestamp;

use super::{KeyId, KeyRecord, KeyStore, Right, SecretHash, StoreFailure};
use crate::fault::Code;
use crate::order;
use crate::store::{AddKey, KeyRow, RevokeKey, Store, StoreError, TouchKey};

impl From<StoreError> for StoreFailure {
    fn from(error: StoreError) -> Self {
        Self { code: error.code(), source: Some(Box::new(error)) }
    }
}

/// A key's row that cannot have been written by this program. Such a key opens nothing.
#[derive(Debug, thiserror::Error)]
#[error("the row of key {0} is damaged")]
struct BadKeyRow(String);

impl From<BadKeyRow> for StoreFailure {
    fn from(error: BadKeyRow) -> Self {
        Self { code: Code::StorageBroken, source: Some(Box::new(error)) }
    }
}

impl KeyStore for Store {
    fn add(&self, record: KeyRecord) -> BoxFuture<'_, Result<(), StoreFailure>> {
        Box::pin(async move { Ok(self.write(AddKey(row(&record))).await?) })
    }

    fn find(&self, id: KeyId) -> BoxFuture<'_, Result<Option<KeyRecord>, StoreFailure>> {
        Box::pin(async move { Ok(self.key(id.as_str()).await?.map(record).transpose()?) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<KeyRecord>, StoreFailure>> {
        Box::pin(async move {
            let rows = self.keys().await?;
            // One damaged row must not hide the keys that are to be revoked.
            let readable = rows.into_iter().map(record).filter_map(|row| {
                row.inspect_err(|error| tracing::warn!(%error, code = %Code::StorageBroken, "a key is left out")).ok()
            });
            Ok(readable.collect())
        })
    }

    fn revoke(&self, id: KeyId, at: Timestamp) -> BoxFuture<'_, Result<bool, StoreFailure>> {
        let write = RevokeKey { id: id.to_string(), at: at.as_millisecond() };
        Box::pin(async move { Ok(self.write(write).await?) })
    }

    fn touch(&self, id: KeyId, at: Timestamp) -> BoxFuture<'_, Result<(), StoreFailure>> {
        let write = TouchKey { id: id.to_string(), at: at.as_millisecond() };
        Box::pin(async move { Ok(self.write(write).await?) })
    }
}

pub(super) fn row(record: &KeyRecord) -> KeyRow {
    KeyRow {
        id: record.id.to_string(),
        name: record.label.clone(),
        facility: record.facility.clone(),
        rights: names(&record.rights),
        hash: record.hash.to_stored().to_vec(),
        created_at: record.created_at.as_millisecond(),
        last_used_at: record.last_used_at.map(Timestamp::as_millisecond),
        revoked_at: record.revoked_at.map(Timestamp::as_millisecond),
        networks: listed(&record.networks),
        person: record.person.clone(),
        expires_at: record.expires_at.map(Timestamp::as_millisecond),
    }
}

fn record(row: KeyRow) -> Result<KeyRecord, BadKeyRow> {
    read(&row).ok_or(BadKeyRow(row.id))
}

fn read(row: &KeyRow) -> Option<KeyRecord> {
    Some(KeyRecord {
        id: KeyId::parse(&row.id)?,
        label: row.name.clone(),
        facility: row.facility.clone(),
        rights: rights(&row.rights)?,
        hash: SecretHash::from_stored(row.hash.as_slice().try_into().ok()?),
        created_at: Timestamp::from_millisecond(row.created_at).ok()?,
        revoked_at: time(row.revoked_at)?,
        last_used_at: time(row.last_used_at)?,
        networks: networks(&row.networks)?,
        person: row.person.clone(),
        expires_at: time(row.expires_at)?,
    })
}

pub(super) fn names(rights: &BTreeSet<Right>) -> String {
    let names: Vec<_> = rights.iter().map(|right| right.name()).collect();
    names.join(",")
}

pub(super) fn rights(names: &str) -> Option<BTreeSet<Right>> {
    names.split(',').map(Right::parse).collect::<Option<Vec<_>>>().map(order::set)
}

pub(super) fn listed(networks: &[IpNet]) -> String {
    let texts: Vec<_> = networks.iter().map(ToString::to_string).collect();
    texts.join(",")
}

pub(super) fn networks(listed: &str) -> Option<Vec<IpNet>> {
    listed.split(',').filter(|network| !network.is_empty()).map(|network| network.parse().ok()).collect()
}

pub(super) fn time(at: Option<i64>) -> Option<Option<Timestamp>> {
    at.map(Timestamp::from_millisecond).transpose().ok()
}
