//! The database as somebody else would look at it: through a connection of the test's own, while no gateway runs.

use std::path::Path;
use std::str::FromStr as _;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

/// Statements without an answer.
pub(crate) fn execute(state: &Path, sql: &str) {
    runtime().block_on(async {
        let mut connection = open(state).connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

/// The first column of the only row, as text.
pub(crate) fn ask(state: &Path, sql: &str) -> String {
    runtime().block_on(async {
        let mut connection = open(state).connect().await.unwrap();
        let query = sqlx::query_scalar::<_, String>(AssertSqlSafe(sql.to_owned()));
        let answer = query.fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        answer
    })
}

/// SQLite's own opinion of the file.
pub(crate) fn sound(state: &Path) {
    assert_eq!(ask(state, "PRAGMA integrity_check"), "ok");
}

fn open(state: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::from_str("sqlite:").unwrap().filename(state.join("engawa.db"))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
