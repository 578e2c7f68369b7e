//! `/v1/master-key`: the keys under which everything on the box lies.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use jiff::Timestamp;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::about::About;
use crate::api::caller::{Connection, OnTheBox, With};
use crate::api::problem::{Document, Failure};
use crate::vault::{KeyStanding, Standing};

/// How it stands with the master keys.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = MasterKeys)]
pub(in crate::api) struct MasterKeysView {
    /// `file`, `credential` or `token`.
    source: &'static str,
    /// Where they are kept.
    path: String,
    /// The keys, the one that seals first.
    keys: Vec<MasterKeyView>,
}

/// How it stands with one master key.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = MasterKey)]
pub(in crate::api) struct MasterKeyView {
    /// Its id, which tells nothing of it.
    id: String,
    /// Whether it seals; the others open only.
    seals: bool,
    /// Documents that lie under it.
    documents: u64,
    /// Other sealed records that lie under it.
    records: u64,
    /// When the retention of the last of them ends; `null` when nothing lies under it, or something has not ended yet.
    #[schema(value_type = Option<String>, format = DateTime)]
    needed_until: Option<Timestamp>,
    /// Whether it can be taken out.
    unneeded: bool,
}

/// A master key that was begun.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct Rotation {
    /// Its id.
    id: String,
}

/// Master keys that were taken out.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct Retirement {
    /// Their ids.
    retired: Vec<String>,
}

impl From<Standing> for MasterKeysView {
    fn from(Standing { path, source, keys }: Standing) -> Self {
        let keys = keys.into_iter().map(|key| {
            let KeyStanding { id, seals, documents, records, needed_until, unneeded } = key;
            MasterKeyView { id, seals, documents, records, needed_until, unneeded }
        });
        Self { source, path, keys: keys.collect() }
    }
}

/// Show the master keys
///
/// For the administrator on the box itself. Looks at every record of the database.
#[utoipa::path(
    get, path = "/v1/master-key", security(("key" = ["admin"])),
    responses((status = 200, description = "Which keys there are, and what lies under each", body = MasterKeysView))
)]
pub(in crate::api) async fn show(
    State(api): State<Arc<Api>>,
    _by: With<OnTheBox>,
) -> Result<Json<MasterKeysView>, Failure> {
    Ok(Json(api.master_keys.standing().await?.into()))
}

/// Begin another master key
///
/// It seals from here on; the former ones open. For the administrator on the box itself.
#[utoipa::path(
    post, path = "/v1/master-key/rotation", security(("key" = ["admin"])),
    responses(
        (status = 200, description = "It seals from here on", body = Rotation),
        (status = 409, description = "MASTER_KEY_READ_ONLY", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn rotate(
    State(api): State<Arc<Api>>,
    connection: Connection,
    _by: With<OnTheBox>,
) -> Result<impl IntoResponse, Failure> {
    let id = connection.detach(async move { api.master_keys.rotate().await }).await??;
    Ok((Extension(About(format!("master_key:{id}"))), Json(Rotation { id })))
}

/// Take out master keys that nothing needs
///
/// For the administrator on the box itself. `MASTER_KEY_NEEDED` when everything old is needed, also within an hour after a rotation.
#[utoipa::path(
    post, path = "/v1/master-key/retirement", security(("key" = ["admin"])),
    responses(
        (status = 200, description = "They are out", body = Retirement),
        (status = 409, description = "MASTER_KEY_NEEDED, MASTER_KEY_READ_ONLY", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn retire(
    State(api): State<Arc<Api>>,
    connection: Connection,
    _by: With<OnTheBox>,
) -> Result<impl IntoResponse, Failure> {
    let retired = connection.detach(async move { api.master_keys.retire().await }).await??;
    let about = Extension(About(format!("master_key:{}", retired.join(","))));
    Ok((about, Json(Retirement { retired })))
}
