//! What is left of facilities that the settings do not name: documents that wait, and are not sent.

use super::{Check, Finding};
use crate::config::Loaded;
use crate::store::TrailReader;

/// A database that is not there yet, or cannot be read, is named elsewhere.
pub(super) fn examine(loaded: &Loaded) -> Vec<Check> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let directory = &loaded.config.state.directory;
    let waiting = runtime.block_on(async {
        let reader = TrailReader::open(directory).await.ok()?;
        let waiting = reader.facilities_waiting().await.ok();
        reader.close().await;
        waiting
    });
    let left = waiting.unwrap_or_default().into_iter().filter(|(number, _)| loaded.facility(number).is_none());
    left.map(|(number, count)| gone(count).of(number)).collect()
}

fn gone(count: i64) -> Check {
    Check::found_as("facilities", Finding::FacilityGone, &format!("{count}件"), &format!("{count} document(s)"))
}
