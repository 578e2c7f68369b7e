//! Opening the database: settings that durability rests on, and the schema.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::StoreError;

/// Schemas in order; `PRAGMA user_version` counts how many have been applied.
const SCHEMAS: &[&str] = &[include_str!("schema.sql")];

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
    let known = i64::try_from(SCHEMAS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    let applied = usize::try_from(found).unwrap_or(0);
    for (index, schema) in SCHEMAS.iter().enumerate().skip(applied) {
        migrate(&mut connection, schema, index + 1).await?;
    }
    writable(&mut connection).await?;
    Ok(connection)
}

/// SQLite opens what it cannot write read-only, in silence, and stays so for the life of the process, whatever becomes of the
/// disk. Better not to start: the service manager tries again. A full disk is no such obstacle.
async fn writable(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let version = format!("PRAGMA user_version = {}", SCHEMAS.len());
    match sqlx::raw_sql(sqlx::AssertSqlSafe(version)).execute(connection).await.map_err(StoreError::from) {
        Err(error @ StoreError::ReadOnly(_)) => Err(error),
        _ => Ok(()),
    }
}

/// Opens the writer's connection again after a failure. A database that has vanished is not replaced by an empty one.
pub(super) async fn again(file: &Path) -> Result<SqliteConnection, StoreError> {
    Ok(options(file)?.create_if_missing(false).connect().await?)
}

async fn migrate(connection: &mut SqliteConnection, schema: &'static str, version: usize) -> Result<(), StoreError> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(schema).execute(&mut *tx).await?;
    // A pragma takes no parameters; the version is a number of our own.
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("PRAGMA user_version = {version}"))).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// Opens the readers; they see every committed change and never block the writer.
pub(super) async fn readers(file: &Path) -> Result<SqlitePool, StoreError> {
    let options = options(file)?.read_only(true);
    Ok(SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(READERS)
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(Duration::from_secs(600))
        .connect_with(options)
        .await?)
}
