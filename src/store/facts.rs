//! Small durable facts: a feed's cursor, what is known of a refused password. Some are the box's, some a facility's.

use sqlx::SqliteConnection;

use super::{Store, StoreError, Write};

/// Remembers one fact.
pub struct SetFact {
    /// Its name, for example `hub.login`.
    pub name: String,
    /// Its value; no secret and no person data.
    pub value: String,
}

impl Write for SetFact {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        set(tx, &self.name, &self.value).await
    }
}

/// Forgets one fact.
pub struct DropFact {
    /// Its name.
    pub name: String,
}

impl Write for DropFact {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM fact WHERE name = ?").bind(&self.name).execute(tx).await?;
        Ok(())
    }
}

/// The name of a facility's own fact.
#[must_use]
pub fn fact_name(name: &str, facility: &str) -> String {
    format!("{name}.{facility}")
}

pub(super) async fn set(tx: &mut SqliteConnection, name: &str, value: &str) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
        .bind(name)
        .bind(value)
        .execute(tx)
        .await?;
    Ok(())
}

impl Store {
    /// The value of a fact.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        let value = sqlx::query_scalar("SELECT value FROM fact WHERE name = ?");
        Ok(value.bind(name).fetch_optional(&self.readers).await?)
    }
}
