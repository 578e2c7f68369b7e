//! Care plans as CSV files: ケアプランデータ連携標準仕様 4.1, every file kind, exact.
//!
//! The layouts stand once, as data (`layout.tsv`, `codes.tsv`, `units.tsv`); parser, writer, linter and `docs/careplan.md`
//! all come from them. The numbers of items in this module's documentation are the standard's own.
//!
//! - [`layout`]: file kinds, items, types, lengths, obligations, conditions, doubts; [`send_units`] what travels together.
//! - [`CodeTables`]: code lists with a version, replaceable without a new program; which CSVバージョン is taken is among them.
//! - [`FileName`]: the grammar of file names.
//! - [`Reader`]: bytes to records, one at a time. Holds one record, never the file.
//! - [`Rows`]: records to [`Row`]s of text, and back with [`Row::write`].
//! - [`cp932`]: the encoding, byte by byte.
//! - [`value`]: dates, months, times and numbers as the files write them.
//! - [`mod@unit`]: files grouped into send units, and the neutral JSON form of one that the hub takes.
//! - [`lint`]: what is wrong with a file, or with files that belong together; [`judge()`]: that, and the units they are.
//! - [`archive`]: a ZIP of files, taken apart within bounds; [`cover`]: the page that goes with what is sent on paper.
//!
//! **Invariants.** Nothing here opens a file or asks for the time. Memory is bounded by the reader's limit, whatever the file
//! holds. What was read is written back byte for byte: a [`Cell`] keeps the bytes of everything that its text alone would
//! not give again (quotes, duplicate codes of CP932, damage).

mod alike;
pub mod archive;
pub mod codes;
pub mod cover;
pub mod cp932;
mod document;
pub mod file_name;
mod judge;
pub mod layout;
mod layout_file;
pub mod lint;
pub mod reader;
mod record;
pub mod row;
pub mod send_unit;
pub mod unit;
pub mod value;

pub use codes::{CodeList, CodeTables, TableError};
pub use document::markdown;
pub use file_name::{FileName, MonthPart, NameError, NamePart, Party};
pub use judge::{Judged, judge};
pub use layout::{Direction, FileKind, Item, KindLayout};
pub use reader::Reader;
pub use record::{Field, LineEnd, Record};
pub use row::{Cell, Form, Row, RowError, Rows};
pub use send_unit::{SendUnit, send_units};
