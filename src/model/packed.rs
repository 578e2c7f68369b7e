//! Tables that are compiled in packed.

use std::io::Read as _;

use flate2::read::GzDecoder;

/// The text of a table that build.rs has packed. It stays in memory: to be called once for each, by whoever reads the table at first use.
pub(super) fn text(packed: &[u8]) -> &'static str {
    let mut text = String::new();
    // It is compiled in, and tests read every table.
    let _ = GzDecoder::new(packed).read_to_string(&mut text);
    text.leak()
}
