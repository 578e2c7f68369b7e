//! A long queue made quickly, in the database of a gateway that does not run.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};

/// Opens a database with the settings of the product.
pub(crate) async fn open(database: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(false)
        .pragma("cache_size", "-1024")
        .pragma("wal_autocheckpoint", "2000")
        .pragma("journal_size_limit", "33554432")
        .pragma("temp_store", "memory")
        .pragma("secure_delete", "on")
        .connect()
        .await
        .unwrap()
}

/// Copies the submissions of a database until `wanted` are queued: rows of real size without the cost of posting them.
/// Their bodies do not open under the new ids, which nobody finds out while the hub is down.
pub(crate) async fn multiply(database: &Path, wanted: u32) {
    let mut connection = open(database).await;
    let script = include_str!("multiply.sql").replace("WANTED", &wanted.to_string());
    sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut connection).await.unwrap();
    let counted = sqlx::query_scalar("SELECT count(*) FROM submission WHERE state = 'queued'");
    let queued: i64 = counted.fetch_one(&mut connection).await.unwrap();
    assert_eq!(queued, i64::from(wanted));
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
