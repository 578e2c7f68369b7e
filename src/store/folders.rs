//! The folders: what was taken from `out` and is still told of, and what is on its way into `in`.

use sqlx::{FromRow, SqliteConnection};

use super::{Store, StoreError, Write};

/// Files taken from `out`.
#[derive(Clone, Debug, FromRow)]
pub struct TakenRow {
    /// The id under which they were taken.
    pub claim: Vec<u8>,
    /// What they became.
    pub batch: Vec<u8>,
    /// Where they lie, below the facility's folder.
    pub folder: String,
    /// Names, which may be a person's: sealed.
    pub files: Vec<u8>,
    /// What was told last: sealed.
    pub told: Vec<u8>,
}

/// Remembers files that were taken, or what was told of them since.
pub struct RecordTaken {
    /// The facility.
    pub facility: String,
    /// The files.
    pub row: TakenRow,
}

impl Write for RecordTaken {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        const PUT: &str = "INSERT INTO taken (claim, facility, batch, folder, files, told) VALUES (?, ?, ?, ?, ?, ?) \
                           ON CONFLICT (claim) DO UPDATE SET told = excluded.told";
        let row = &self.row;
        sqlx::query(PUT)
            .bind(&row.claim)
            .bind(&self.facility)
            .bind(&row.batch)
            .bind(&row.folder)
            .bind(&row.files)
            .bind(&row.told)
            .execute(tx)
            .await?;
        Ok(())
    }
}

/// Forgets files of which all has been told.
pub struct ForgetTaken {
    /// The id under which they were taken.
    pub claim: Vec<u8>,
}

impl Write for ForgetTaken {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM taken WHERE claim = ?").bind(&self.claim).execute(tx).await?;
        Ok(())
    }
}

/// A received unit whose files are on their way into `in`.
#[derive(Clone, Debug, FromRow)]
pub struct PlacementRow {
    /// The received unit.
    pub received: Vec<u8>,
    /// JSON: names, in the order in which they get there.
    pub files: String,
}

/// Notes that all files of a unit lie ready to be renamed.
pub struct BeginPlacement {
    /// The received unit and its files.
    pub row: PlacementRow,
    /// Where they lie.
    pub folder: String,
    /// Milliseconds since 1970.
    pub at: i64,
}

impl Write for BeginPlacement {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO placement (received, folder, files, at) VALUES (?, ?, ?, ?)")
            .bind(&self.row.received)
            .bind(&self.folder)
            .bind(&self.row.files)
            .bind(self.at)
            .execute(tx)
            .await?;
        Ok(())
    }
}

/// Takes the note of a placement back: its files are gone, and none of them is known to have arrived.
pub struct DropPlacement {
    /// The received unit.
    pub received: Vec<u8>,
}

impl Write for DropPlacement {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM placement WHERE received = ?").bind(&self.received).execute(tx).await?;
        Ok(())
    }
}

/// Notes that all files of a unit are in `in`.
pub struct Placed {
    /// The received unit.
    pub received: Vec<u8>,
    /// Milliseconds since 1970.
    pub at: i64,
}

impl Write for Placed {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query("UPDATE received SET placed_at = coalesce(placed_at, ?) WHERE id = ?")
            .bind(self.at)
            .bind(&self.received)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM placement WHERE received = ?").bind(&self.received).execute(tx).await?;
        Ok(())
    }
}

/// A received unit that is not in `in`.
#[derive(Clone, Debug, FromRow)]
pub struct UnplacedRow {
    /// Order of announcement.
    pub seq: i64,
    /// The box's own id for it.
    pub id: Vec<u8>,
    /// Who sent it.
    pub from_facility: String,
    /// `announced` while the hub still has to give it, `kept` when it is here.
    pub state: String,
    /// A catalogue code.
    pub reason: Option<String>,
    /// JSON without person data.
    pub about: Option<String>,
}

impl Store {
    /// Files whose fate is still to be told.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn taken(&self, facility: &str) -> Result<Vec<TakenRow>, StoreError> {
        let rows = sqlx::query_as("SELECT claim, batch, folder, files, told FROM taken WHERE facility = ?");
        Ok(rows.bind(facility).fetch_all(&self.readers).await?)
    }

    /// Units whose files are on their way into `in`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn placements(&self, facility: &str) -> Result<Vec<PlacementRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT placement.received, placement.files FROM placement JOIN received ON received.id = placement.received \
             WHERE received.facility = ? ORDER BY received.seq",
        );
        Ok(rows.bind(facility).fetch_all(&self.readers).await?)
    }

    /// Units that are not in `in`, in the order of announcement.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn unplaced(&self, facility: &str) -> Result<Vec<UnplacedRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT seq, id, from_facility, state, reason, about FROM received \
             WHERE facility = ? AND placed_at IS NULL ORDER BY seq LIMIT 10000",
        );
        Ok(rows.bind(facility).fetch_all(&self.readers).await?)
    }
}
