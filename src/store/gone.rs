//! Facilities of which something is kept, be they in the settings or not, and the shutting of one that is not.

use sqlx::SqliteConnection;

use super::{Store, StoreError, TrailLine, Write, trail};

/// Ends what people of a facility left open: their sessions, their kept passwords for the hub, and windows for pairing. Terminals,
/// keys and accounts stay as they are.
pub struct ShutFacility {
    /// Facility number.
    pub facility: String,
    /// Milliseconds since 1970.
    pub at: i64,
    /// What the trail says, if anything was ended.
    pub told: TrailLine,
}

impl Write for ShutFacility {
    /// How many of these there were.
    type Output = u64;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<u64, StoreError> {
        let mut ended = 0;
        for statement in [
            "DELETE FROM session WHERE facility = ?1",
            "UPDATE staff SET hub_password = NULL WHERE facility = ?1 AND hub_password IS NOT NULL",
            "UPDATE pairing SET ends_at = ?2 WHERE facility = ?1 AND used_at IS NULL AND ends_at > ?2",
        ] {
            let end = sqlx::query(statement).bind(&self.facility).bind(self.at);
            ended += end.execute(&mut *tx).await?.rows_affected();
        }
        if ended > 0 {
            trail::append(tx, std::slice::from_ref(&self.told)).await?;
        }
        Ok(ended)
    }
}

/// Forgets the notes of files taken from a facility's folder whose deliveries are all forgotten.
pub struct ForgetTold {
    /// Facility number.
    pub facility: String,
}

impl Write for ForgetTold {
    type Output = u64;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<u64, StoreError> {
        let forget = sqlx::query(
            "DELETE FROM taken WHERE facility = ? \
             AND NOT EXISTS (SELECT 1 FROM submission INDEXED BY submission_batch WHERE submission.batch = taken.batch)",
        );
        Ok(forget.bind(&self.facility).execute(tx).await?.rows_affected())
    }
}

impl Store {
    /// Facilities with something that is forgotten in time or when they are taken out of the settings.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn facilities_kept(&self) -> Result<Vec<String>, StoreError> {
        let facilities = sqlx::query_scalar(
            "SELECT facility FROM (SELECT facility FROM submission UNION SELECT facility FROM received \
             UNION SELECT facility FROM event UNION SELECT facility FROM spool UNION SELECT facility FROM stray_change \
             UNION SELECT facility FROM taken UNION SELECT facility FROM session UNION SELECT facility FROM pairing \
             UNION SELECT facility FROM staff) WHERE facility <> ''",
        );
        Ok(facilities.fetch_all(&self.readers).await?)
    }
}
