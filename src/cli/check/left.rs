//! What is left of facilities that the settings do not name: documents that wait, and are not sent.

use super::Check;
use crate::config::Loaded;
use crate::fault::Code;
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
    left.map(|(number, count)| gone(number, count)).collect()
}

fn gone(number: String, count: i64) -> Check {
    let check = Check::warn(
        "facilities.d",
        Code::FacilityGone,
        format!(
            "この事業所は設定になく、終わっていない文書が{count}件あります。送られません。ファイルを facilities.d に戻して再起動すれば続きから送ります。"
        ),
        format!(
            "The settings do not name this facility, and {count} document(s) of it have not come to an end. They are not sent; put its file back into facilities.d and start engawa anew."
        ),
    );
    Check { facility: Some(number), ..check }
}
