//! Opening the database: settings that durability rests on, and the schema.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::StoreError;

/// The newest schema, for a database that is made.
const SCHEMA: &str = concat!(include_str!("schema.sql"), include_str!("received.sql"), include_str!("access.sql"));
/// Its number, kept as `PRAGMA user_version`.
pub(super) const VERSION: i64 = 5;

const READERS: u32 = 3;

fn options(file: &Path) -> Result<SqliteConnectOptions, StoreError> {
    let options = SqliteConnectOptions::from_str("sqlite:")?
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(false)
        .statement_cache_capacity(64)
        .pragma("cache_size", "-1024")
        .pragma("wal_autocheckpoint", "2000")
        .pragma("journal_size_limit", "33554432")
        .pragma("temp_store", "memory")
        .pragma("secure_delete", "on")
        .log_statements(tracing::log::LevelFilter::Off)
        .log_slow_statements(tracing::log::LevelFilter::Off, Duration::ZERO);
    Ok(options)
}

/// Opens the writer's connection and brings the schema up to date; makes the file where there is none.
pub(super) async fn writer(file: &Path) -> Result<SqliteConnection, StoreError> {
    let mut connection = options(file)?.create_if_missing(true).connect().await?;
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await?;
    match found {
        1 => {
            let lacking = lacking(&mut connection).await?;
            migrate(&mut connection, &format!("{lacking}{TO_2}{TO_3}{TO_4}{TO_5}")).await?;
        }
        2 => migrate(&mut connection, &format!("{TO_3}{TO_4}{TO_5}")).await?,
        3 => migrate(&mut connection, &format!("{TO_4}{TO_5}")).await?,
        4 => migrate(&mut connection, &format!("{ACCESS_5}{TO_5}")).await?,
        ..=0 => migrate(&mut connection, SCHEMA).await?,
        VERSION => {}
        _ => return Err(StoreError::TooNew { found, known: VERSION }),
    }
    writable(&mut connection).await?;
    Ok(connection)
}

/// SQLite opens what it cannot write read-only, in silence, and stays so for the life of the process, whatever becomes of the
/// disk. Better not to start: the service manager tries again. A full disk is no such obstacle.
async fn writable(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let version = format!("PRAGMA user_version = {VERSION}");
    match sqlx::raw_sql(sqlx::AssertSqlSafe(version)).execute(connection).await.map_err(StoreError::from) {
        Err(error @ StoreError::ReadOnly(_)) => Err(error),
        _ => Ok(()),
    }
}

/// Opens the writer's connection again after a failure. A database that has vanished is not replaced by an empty one.
pub(super) async fn again(file: &Path) -> Result<SqliteConnection, StoreError> {
    Ok(options(file)?.create_if_missing(false).connect().await?)
}

/// From schema 1: several kinds of submissions, and tokens that are taken out when they expire.
const TO_2: &str = "\
    DROP INDEX IF EXISTS submission_lane; \
    CREATE INDEX submission_lane ON submission (kind, lane, due, seq) WHERE state = 'queued'; \
    DROP INDEX IF EXISTS submission_odd; \
    CREATE INDEX submission_odd ON submission (seq) WHERE kind NOT IN ('opinion', 'identification') OR state NOT IN \
        ('queued', 'sending', 'unknown', 'held', 'delivered', 'returned', 'cancelled'); \
    UPDATE submission SET wait_until = changed_at \
        WHERE kind = 'identification' AND state = 'delivered' AND outcome IS NOT NULL;";

/// From schema 2: care plans, both ways.
const TO_3: &str = concat!(
    "ALTER TABLE submission RENAME COLUMN municipal TO progress; \
     ALTER TABLE submission RENAME COLUMN municipal_at TO progress_at; \
     ALTER TABLE submission RENAME COLUMN municipal_reason TO progress_reason; \
     ALTER TABLE submission ADD COLUMN batch BLOB; \
     ALTER TABLE submission ADD COLUMN queue TEXT; \
     ALTER TABLE submission ADD COLUMN place TEXT; \
     ALTER TABLE submission ADD COLUMN about TEXT; \
     ALTER TABLE submission ADD COLUMN generation INTEGER NOT NULL DEFAULT 0; \
     ALTER TABLE submission ADD COLUMN head INTEGER NOT NULL DEFAULT 1; \
     ALTER TABLE submission ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0; \
     DROP INDEX IF EXISTS submission_lane; \
     CREATE INDEX submission_lane ON submission (kind, lane, due, seq) WHERE state = 'queued' AND head = 1; \
     CREATE INDEX submission_kind ON submission (facility, kind, seq); \
     DROP INDEX IF EXISTS submission_odd; \
     CREATE INDEX submission_odd ON submission (seq) WHERE kind NOT IN ('opinion', 'identification', 'care_plan') \
         OR state NOT IN ('queued', 'sending', 'unknown', 'held', 'delivered', 'returned', 'cancelled', 'on_paper'); \
     DROP INDEX IF EXISTS submission_old; \
     CREATE INDEX submission_old ON submission (changed_at) \
         WHERE state IN ('delivered', 'returned', 'cancelled', 'on_paper'); \
     CREATE INDEX submission_batch ON submission (batch, seq) WHERE batch IS NOT NULL; \
     CREATE INDEX submission_queue ON submission (queue, place, seq) \
         WHERE queue IS NOT NULL AND state IN ('queued', 'sending', 'unknown', 'held'); \
     CREATE INDEX submission_place ON submission (queue, place) WHERE queue IS NOT NULL; \
     CREATE INDEX submission_head ON submission (queue) WHERE queue IS NOT NULL AND head = 1; \
     ALTER TABLE stray_change RENAME TO stray_change_2; \
     CREATE TABLE stray_change ( \
         kind TEXT NOT NULL, receipt_number TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, reason BLOB, \
         PRIMARY KEY (kind, receipt_number)) WITHOUT ROWID; \
     INSERT INTO stray_change SELECT 'opinion', receipt_number, state, at, reason FROM stray_change_2; \
     DROP TABLE stray_change_2;\n",
    include_str!("received.sql")
);

/// From schema 3: keys that are bound, terminals, people, the trail.
const TO_4: &str = concat!(
    "ALTER TABLE api_key ADD COLUMN networks TEXT NOT NULL DEFAULT ''; \
     ALTER TABLE api_key ADD COLUMN person TEXT; \
     ALTER TABLE api_key ADD COLUMN expires_at INTEGER;\n",
    include_str!("access.sql")
);

/// From schema 4, of the tables that `TO_4` makes: terminals remember their certificates, accounts their user at the hub.
const ACCESS_5: &str = "\
    ALTER TABLE terminal ADD COLUMN serial BLOB; \
    ALTER TABLE terminal ADD COLUMN serial_before BLOB; \
    ALTER TABLE terminal ADD COLUMN serial_passed BLOB; \
    ALTER TABLE terminal ADD COLUMN copied_at INTEGER; \
    ALTER TABLE staff ADD COLUMN hub_user TEXT; \
    ALTER TABLE staff ADD COLUMN hub_password BLOB;";

/// From schema 4: several facilities, keys and users at the hub. What was the box's then is its one facility's: that of its
/// newest document, as an office may have got another number. Where it holds nothing of any, there is nothing that these facts and strays would be needed for.
const TO_5: &str = "\
    ALTER TABLE submission ADD COLUMN hub_key BLOB; \
    ALTER TABLE submission ADD COLUMN hub_user TEXT; \
    ALTER TABLE submission ADD COLUMN hub_account TEXT; \
    DROP INDEX IF EXISTS submission_wake; \
    CREATE INDEX submission_wake ON submission (facility, state, wait_until) WHERE wait_until IS NOT NULL; \
    DROP INDEX IF EXISTS submission_sending; \
    CREATE INDEX submission_sending ON submission (facility, seq) WHERE state = 'sending'; \
    DROP INDEX IF EXISTS submission_odd; \
    CREATE INDEX submission_odd ON submission (facility, seq) WHERE kind NOT IN ('opinion', 'identification', 'care_plan') \
        OR state NOT IN ('queued', 'sending', 'unknown', 'held', 'delivered', 'returned', 'cancelled', 'on_paper'); \
    DROP INDEX IF EXISTS submission_old; \
    CREATE INDEX submission_old ON submission (facility, changed_at) \
        WHERE state IN ('delivered', 'returned', 'cancelled', 'on_paper'); \
    DROP INDEX IF EXISTS submission_receipt; \
    CREATE INDEX submission_receipt ON submission (facility, receipt_number) WHERE receipt_number IS NOT NULL; \
    DROP INDEX IF EXISTS received_old; \
    CREATE INDEX received_old ON received (facility, opened_at) WHERE opened_at IS NOT NULL; \
    CREATE TEMP TABLE only AS SELECT facility FROM (SELECT facility, accepted_at AS at FROM submission \
        UNION ALL SELECT facility, announced_at FROM received) ORDER BY at DESC LIMIT 1; \
    UPDATE OR REPLACE fact SET name = name || '.' || (SELECT facility FROM only) WHERE EXISTS (SELECT 1 FROM only) \
        AND name IN ('feed.opinions.cursor', 'feed.careplans.cursor', 'outbox.heard', 'retention.clock'); \
    ALTER TABLE stray_change RENAME TO stray_change_4; \
    CREATE TABLE stray_change ( \
        facility TEXT NOT NULL, kind TEXT NOT NULL, receipt_number TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, \
        reason BLOB, PRIMARY KEY (facility, kind, receipt_number)) WITHOUT ROWID; \
    INSERT INTO stray_change SELECT facility, kind, receipt_number, state, at, reason FROM stray_change_4, only; \
    DROP TABLE stray_change_4; \
    DROP TABLE only; \
    ALTER TABLE spool RENAME TO spool_4; \
    CREATE TABLE spool (body BLOB PRIMARY KEY, facility TEXT NOT NULL, started_at INTEGER NOT NULL) WITHOUT ROWID; \
    INSERT INTO spool SELECT body, '', started_at FROM spool_4; \
    DROP TABLE spool_4;";

/// Schema 1 was in use with and without these columns.
async fn lacking(connection: &mut SqliteConnection) -> Result<String, StoreError> {
    let there: Vec<String> =
        sqlx::query_scalar("SELECT name FROM pragma_table_info('submission')").fetch_all(connection).await?;
    let columns = [("kind", "kind TEXT NOT NULL DEFAULT 'opinion'"), ("outcome", "outcome BLOB")];
    let lacking = columns.into_iter().filter(|(name, _)| !there.iter().any(|column| column == name));
    Ok(lacking.map(|(_, column)| format!("ALTER TABLE submission ADD COLUMN {column}; ")).collect())
}

/// Changes the schema and its number together.
async fn migrate(connection: &mut SqliteConnection, sql: &str) -> Result<(), StoreError> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    // Text of our own; nothing that came from outside is in it.
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await?;
    // A pragma takes no parameters; the version is a number of our own.
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("PRAGMA user_version = {VERSION}"))).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// Opens the readers; they see every committed change and never block the writer.
pub(super) async fn readers(file: &Path) -> Result<SqlitePool, StoreError> {
    let options = options(file)?.read_only(true);
    Ok(SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(READERS)
        // The connection is asked whether it is alive when it is given back.
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(Duration::from_secs(600))
        .connect_with(options)
        .await?)
}
