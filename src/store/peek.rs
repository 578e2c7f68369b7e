//! A look into the database of a box, whether or not a gateway runs on it. Makes no file and changes none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};

use super::{StoreError, open};

/// What a check wants to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peek {
    /// Those of the facts that are there, by name.
    pub facts: BTreeMap<String, String>,
    /// Terminals whose certificate was copied and that nobody has revoked yet.
    pub copied_terminals: i64,
    /// What has not ended: by facility, state and reason.
    pub waiting: Vec<Waiting>,
    /// Whether all of it was looked through for damage; `false` when the time was over.
    pub whole: bool,
}

/// Documents that wait in one state for one reason.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Waiting {
    /// The facility's number.
    pub facility: String,
    /// `queued`, `sending`, `unknown` or `held`.
    pub state: String,
    /// The name of a code, where there is one.
    pub reason: Option<String>,
    /// How many.
    pub count: i64,
    /// When the oldest was accepted, in milliseconds since 1970.
    pub oldest: i64,
}

/// Why nothing can be seen.
#[derive(Debug, thiserror::Error)]
pub enum Unseen {
    /// There is no database.
    #[error("there is no database")]
    Absent,
    /// This user may not look at it.
    #[error("no permission")]
    Denied,
    /// It could be read only by changing files beside it, or it is of an older engawa: a gateway has to start first.
    #[error("a gateway has to open it first")]
    Later,
    /// It is damaged.
    #[error("the database cannot be read")]
    Broken(#[source] StoreError),
}

/// Looks into `engawa.db` in `directory` for the `facts` of these names, and through it for damage for at most `limit`.
///
/// # Errors
/// [`Unseen`].
pub async fn peek(directory: &Path, facts: &[&str], limit: Duration) -> Result<Peek, Unseen> {
    let file = directory.join("engawa.db");
    match std::fs::File::open(&file) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Unseen::Absent),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return Err(Unseen::Denied),
        Err(error) => return Err(Unseen::Broken(sqlx::Error::Io(error).into())),
    }
    let still = is_still(&file);
    match look(&file, still, (facts, limit)).await {
        // A gateway has opened it meanwhile.
        Err(Unseen::Broken(_)) if still && !is_still(&file) => look(&file, false, (facts, limit)).await,
        other => other,
    }
}

/// Whether nobody has it open and nothing is left to be taken over from the log.
fn is_still(file: &Path) -> bool {
    !beside(file, "-wal").exists()
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

async fn look(file: &Path, still: bool, (facts, limit): (&[&str], Duration)) -> Result<Peek, Unseen> {
    // Without its index beside it the log can only be read by making one.
    if !still && !beside(file, "-shm").exists() {
        return Err(Unseen::Later);
    }
    let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(still);
    let options = options.busy_timeout(Duration::from_secs(2)).log_statements(tracing::log::LevelFilter::Off);
    let broken = |error: sqlx::Error| match StoreError::from(error) {
        StoreError::Busy => Unseen::Later,
        error => Unseen::Broken(error),
    };
    let mut connection = options.connect().await.map_err(broken)?;
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await.map_err(broken)?;
    if version < open::VERSION {
        return Err(Unseen::Later);
    }
    if version > open::VERSION {
        return Err(Unseen::Broken(StoreError::TooNew { found: version, known: open::VERSION }));
    }
    let mut peek = read(&mut connection, facts).await.map_err(broken)?;
    let check = sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)").fetch_one(&mut connection);
    peek.whole = match tokio::time::timeout(limit, check).await {
        Err(_) => false,
        Ok(Ok(said)) if said == "ok" => true,
        Ok(Ok(said)) => return Err(Unseen::Broken(StoreError::Broken(sqlx::Error::Protocol(said)))),
        Ok(Err(error)) => return Err(broken(error)),
    };
    Ok(peek)
}

async fn read(connection: &mut SqliteConnection, names: &[&str]) -> Result<Peek, sqlx::Error> {
    let mut facts = BTreeMap::new();
    for name in names {
        let value = sqlx::query_scalar("SELECT value FROM fact WHERE name = ?").bind(*name);
        facts.extend(value.fetch_optional(&mut *connection).await?.map(|value| ((*name).to_owned(), value)));
    }
    let count = "SELECT count(*) FROM terminal WHERE copied_at IS NOT NULL AND revoked_at IS NULL";
    let copied_terminals = sqlx::query_scalar(count).fetch_one(&mut *connection).await?;
    let waiting = sqlx::query_as(
        "SELECT facility, state, reason, count(*) AS count, min(accepted_at) AS oldest FROM submission \
         WHERE state IN ('queued', 'sending', 'unknown', 'held') GROUP BY facility, state, reason ORDER BY oldest",
    );
    let waiting = waiting.fetch_all(connection).await?;
    Ok(Peek { facts, copied_terminals, waiting, whole: false })
}
