//! Tables that are compiled in packed.

use std::io::Read as _;

use flate2::read::GzDecoder;

/// The text of a table that build.rs has packed: to be asked for once, by whoever reads the table at first use.
pub(super) fn text(packed: &[u8]) -> String {
    let mut text = String::new();
    // It is compiled in, and tests read every table.
    let _ = GzDecoder::new(packed).read_to_string(&mut text);
    text
}

/// The same, to stay in memory: for tables whose rows are parts of it.
pub(super) fn kept(packed: &[u8]) -> &'static str {
    Box::leak(text(packed).into_boxed_str())
}
