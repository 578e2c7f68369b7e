//! A look into the database of a box, whether or not a gateway runs on it.

use std::path::Path;

use super::{StoreError, open};

/// What a check wants to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peek {
    /// The fact of that name.
    pub fact: Option<String>,
    /// Terminals whose certificate was copied and that nobody has revoked yet.
    pub copied_terminals: i64,
}

/// Reads the fact `name` and what else a [`Peek`] holds of `engawa.db` in `directory`.
///
/// # Errors
/// [`StoreError`] when there is none, it cannot be read, or it is of an older engawa.
pub async fn peek(directory: &Path, name: &str) -> Result<Peek, StoreError> {
    let readers = open::readers(&directory.join("engawa.db")).await?;
    let fact = sqlx::query_scalar("SELECT value FROM fact WHERE name = ?").bind(name).fetch_optional(&readers).await?;
    let count = "SELECT count(*) FROM terminal WHERE copied_at IS NOT NULL AND revoked_at IS NULL";
    let copied_terminals = sqlx::query_scalar(count).fetch_one(&readers).await?;
    readers.close().await;
    Ok(Peek { fact, copied_terminals })
}
