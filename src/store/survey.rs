//! What a vendor may know of a database without knowing anything of anybody: counts and ages. And the words by which the box itself
//! knows people, so that they can be kept out of what leaves it.

use std::path::Path;

use sqlx::FromRow;
use sqlx::sqlite::SqlitePool;

use super::{StoreError, open};

/// Names of files are looked up so far back, the newest first.
const FILES: i64 = 2000;

/// One group of rows.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, serde::Serialize)]
pub struct Tally {
    /// What is counted: `submission`, `received`, `terminal` and so on.
    pub what: String,
    /// The kind, role or feed.
    pub kind: Option<String>,
    /// The state.
    pub state: Option<String>,
    /// A code of the catalogue, or how far its addressee is with it.
    pub reason: Option<String>,
    /// How many.
    pub count: i64,
    /// When the oldest of them began, milliseconds since 1970.
    #[serde(skip)]
    pub oldest: Option<i64>,
}

/// The counts of a database.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Number of its schema.
    pub schema: i64,
    /// The groups.
    pub tallies: Vec<Tally>,
    /// Facts whose value is a time, with that time in milliseconds since 1970: `backup.last`, `clock.been`.
    pub times: Vec<(String, Option<i64>)>,
    /// Facilities that have rows.
    pub facilities: Vec<String>,
}

/// A person's account, as far as it says who it is.
#[derive(Clone, Debug, FromRow)]
pub struct KnownPerson {
    /// Facility number.
    pub facility: String,
    /// What is typed at log-in.
    pub user: String,
    /// The name, sealed.
    pub name: Vec<u8>,
}

/// The words by which a box knows people and what belongs to them.
#[derive(Clone, Debug, Default)]
pub struct KnownWords {
    /// Accounts.
    pub people: Vec<KnownPerson>,
    /// Users of the box and at the hub that rows name, of people who may have left.
    pub users: Vec<String>,
    /// Labels of terminals and windows, names of keys.
    pub labels: Vec<String>,
    /// File names of care plans, the newest.
    pub files: Vec<String>,
    /// Facilities that have rows.
    pub facilities: Vec<String>,
}

const TALLIES: &str = "\
    SELECT 'submission' AS what, kind, state, reason, count(*) AS count, min(accepted_at) AS oldest FROM submission GROUP BY kind, state, reason \
    UNION ALL SELECT 'submission progress', kind, NULL, progress, count(*), min(progress_at) FROM submission \
        WHERE progress IS NOT NULL GROUP BY kind, progress \
    UNION ALL SELECT 'submission tried often', kind, state, NULL, count(*), min(accepted_at) FROM submission \
        WHERE attempts >= 10 AND state IN ('queued', 'sending', 'unknown', 'held') GROUP BY kind, state \
    UNION ALL SELECT 'submission as a person', kind, state, NULL, count(*), min(accepted_at) FROM submission \
        WHERE hub_account IS NOT NULL AND state IN ('queued', 'sending', 'unknown', 'held') GROUP BY kind, state \
    UNION ALL SELECT 'received', acknowledged, state, reason, count(*), min(announced_at) FROM received GROUP BY acknowledged, state, reason \
    UNION ALL SELECT 'received and not opened', NULL, state, NULL, count(*), min(announced_at) FROM received \
        WHERE opened_at IS NULL GROUP BY state \
    UNION ALL SELECT 'stray change', kind, NULL, NULL, count(*), min(at) FROM stray_change GROUP BY kind \
    UNION ALL SELECT 'event', NULL, NULL, NULL, count(*), min(at) FROM event \
    UNION ALL SELECT 'trail', NULL, NULL, NULL, count(*), min(at) FROM trail \
    UNION ALL SELECT 'key', NULL, iif(revoked_at IS NULL, 'valid', 'revoked'), NULL, count(*), min(created_at) FROM api_key GROUP BY 3 \
    UNION ALL SELECT 'terminal', kind, iif(revoked_at IS NOT NULL, 'revoked', iif(copied_at IS NOT NULL, 'copied', 'valid')), NULL, count(*), \
        min(paired_at) FROM terminal GROUP BY kind, 3 \
    UNION ALL SELECT 'pairing window', kind, iif(used_at IS NULL, 'unused', 'used'), NULL, count(*), min(opened_at) FROM pairing GROUP BY kind, 3 \
    UNION ALL SELECT 'account', role, iif(suspended, 'suspended', 'open'), NULL, count(*), min(created_at) FROM staff GROUP BY role, 3 \
    UNION ALL SELECT 'account with a user at the hub', NULL, iif(hub_password IS NULL, 'asked', 'kept'), NULL, count(*), NULL FROM staff \
        WHERE hub_user IS NOT NULL GROUP BY 3 \
    UNION ALL SELECT 'session', NULL, NULL, NULL, count(*), min(begun_at) FROM session \
    UNION ALL SELECT 'piece', NULL, NULL, NULL, count(*), NULL FROM piece \
    UNION ALL SELECT 'file taken', NULL, NULL, NULL, count(*), NULL FROM taken \
    UNION ALL SELECT 'spool', NULL, NULL, NULL, count(*), min(started_at) FROM spool";

const FACILITIES: &str = "SELECT facility FROM submission UNION SELECT facility FROM received UNION SELECT facility FROM staff \
     UNION SELECT facility FROM terminal UNION SELECT facility FROM api_key";

const USERS: &str = "SELECT user FROM staff UNION SELECT hub_user FROM staff UNION SELECT hub_user FROM submission \
     UNION SELECT hub_account FROM submission UNION SELECT person FROM api_key UNION SELECT person FROM terminal \
     UNION SELECT person FROM pairing";

const LABELS: &str = "SELECT label FROM terminal UNION SELECT label FROM pairing UNION SELECT name FROM api_key";

const FILE_NAMES: &str = "SELECT DISTINCT value FROM (SELECT about FROM submission WHERE json_valid(about) ORDER BY seq DESC LIMIT ?1), \
     json_each(about, '$.files') UNION SELECT DISTINCT value FROM \
     (SELECT about FROM received WHERE json_valid(about) ORDER BY seq DESC LIMIT ?1), json_each(about, '$.files')";

/// Counts what is in `engawa.db` in `directory`, whether or not a gateway runs on it.
///
/// # Errors
/// [`StoreError`] when there is none, it cannot be read, or it is of an older engawa.
pub async fn survey(directory: &Path) -> Result<Survey, StoreError> {
    let readers = open::readers(&directory.join("engawa.db")).await?;
    let surveyed = surveyed(&readers).await;
    readers.close().await;
    surveyed
}

async fn surveyed(readers: &SqlitePool) -> Result<Survey, StoreError> {
    let mut times = Vec::new();
    for name in ["backup.last", "clock.been"] {
        let value: Option<String> =
            sqlx::query_scalar("SELECT value FROM fact WHERE name = ?").bind(name).fetch_optional(readers).await?;
        times.push((name.to_owned(), value.and_then(|text| text.parse().ok())));
    }
    Ok(Survey {
        schema: sqlx::query_scalar("PRAGMA user_version").fetch_one(readers).await?,
        tallies: sqlx::query_as(TALLIES).fetch_all(readers).await?,
        times,
        facilities: sqlx::query_scalar(FACILITIES).fetch_all(readers).await?,
    })
}

/// The words by which the box of `engawa.db` in `directory` knows people.
///
/// # Errors
/// [`StoreError`] as for [`survey`].
pub async fn known_words(directory: &Path) -> Result<KnownWords, StoreError> {
    let readers = open::readers(&directory.join("engawa.db")).await?;
    let known = known(&readers).await;
    readers.close().await;
    known
}

async fn known(readers: &SqlitePool) -> Result<KnownWords, StoreError> {
    let users: Vec<Option<String>> = sqlx::query_scalar(USERS).fetch_all(readers).await?;
    let labels: Vec<Option<String>> = sqlx::query_scalar(LABELS).fetch_all(readers).await?;
    let files: Vec<Option<String>> = sqlx::query_scalar(FILE_NAMES).bind(FILES).fetch_all(readers).await?;
    Ok(KnownWords {
        people: sqlx::query_as("SELECT facility, user, name FROM staff").fetch_all(readers).await?,
        users: users.into_iter().flatten().collect(),
        labels: labels.into_iter().flatten().collect(),
        files: files.into_iter().flatten().collect(),
        facilities: sqlx::query_scalar(FACILITIES).fetch_all(readers).await?,
    })
}
