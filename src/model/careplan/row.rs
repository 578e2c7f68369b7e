//! Records to rows of text, and back, byte for byte.

use std::io::Read;

use super::cp932::{self, EncodeError, Traits};
use super::layout::{FileKind, Item};
use super::reader::Reader;
use super::record::{Field, LineEnd, Record};

/// How a cell stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Without quotes.
    Bare,
    /// In quotes, inner quotes doubled.
    Quoted,
    /// As these bytes: the text alone would give other ones (a character with a second code, see [`cp932`]).
    Exact(Box<[u8]>),
}

impl Form {
    /// What the standard wants for an item: free text in quotes, everything else without.
    #[must_use]
    pub const fn standard(item: &Item) -> Self {
        if item.kind.is_quoted() { Self::Quoted } else { Self::Bare }
    }
}

/// One value with its form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    /// The value.
    pub text: String,
    /// How it is written.
    pub form: Form,
}

impl Cell {
    /// A value in the form the standard wants.
    #[must_use]
    pub fn new(item: &Item, text: String) -> Self {
        Self { text, form: Form::standard(item) }
    }

    /// Reads a field that is well formed and holds nothing but characters.
    fn read(field: &Field<'_>) -> Self {
        let content = field.content();
        let text = cp932::decode(&content);
        let form = match field.is_quoted() {
            _ if !cp932::is_canonical(&content) => Form::Exact(field.raw().into()),
            true => Form::Quoted,
            false => Form::Bare,
        };
        Self { text, form }
    }

    /// Appends the cell's bytes.
    ///
    /// # Errors
    /// [`EncodeError`] for a character that CP932 lacks; nothing is appended then. A bare text that needs quotes gets them.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let needs_quotes = || self.text.contains([',', '"', '\r', '\n']);
        match &self.form {
            Form::Exact(bytes) => out.extend_from_slice(bytes),
            Form::Bare if !needs_quotes() => out.extend(cp932::encode(&self.text)?),
            Form::Bare | Form::Quoted => {
                let encoded = cp932::encode(&self.text)?;
                out.push(b'"');
                for byte in encoded {
                    if byte == b'"' {
                        out.push(b'"');
                    }
                    out.push(byte);
                }
                out.push(b'"');
            }
        }
        Ok(())
    }
}

/// One record as text: one cell an item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    kind: FileKind,
    cells: Vec<Cell>,
    end: LineEnd,
}

/// Why a record is no row. Reading goes on behind it.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The source failed; there is nothing behind it.
    #[error("the file cannot be read")]
    Io(#[from] std::io::Error),
    /// The record is longer than the reader's limit.
    #[error("line {line}: the record is too long")]
    TooLong {
        /// Where it begins.
        line: u64,
    },
    /// The quotes of a value break the rules.
    #[error("line {line}, item {column}: the quotes do not fit")]
    Quotes {
        /// Where the record begins.
        line: u64,
        /// The item, from 1.
        column: usize,
    },
    /// The record has not as many values as its kind has items.
    #[error("line {line}: {found} values where the layout has {expected}")]
    Columns {
        /// Where the record begins.
        line: u64,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// Bytes that are no character of CP932, or a user-defined one (外字).
    #[error("line {line}, item {column}: a character that CP932 has not")]
    Characters {
        /// Where the record begins.
        line: u64,
        /// The item, from 1.
        column: usize,
    },
}

impl Row {
    /// A row in the form the standard wants, with CRLF; `None` when there are not as many texts as the kind has items.
    #[must_use]
    pub fn new(kind: FileKind, texts: Vec<String>) -> Option<Self> {
        let items = kind.items();
        let fits = texts.len() == items.len() && !items.is_empty();
        let cells = || items.iter().zip(texts).map(|(item, text)| Cell::new(item, text)).collect();
        fits.then(|| Self { kind, cells: cells(), end: LineEnd::CrLf })
    }

    fn read(kind: FileKind, record: &Record<'_>) -> Result<Self, RowError> {
        let line = record.line();
        if record.is_too_long() {
            return Err(RowError::TooLong { line });
        }
        if let Some(at) = record.fields().position(|field| !field.is_well_formed()) {
            return Err(RowError::Quotes { line, column: at + 1 });
        }
        let (found, expected) = (record.columns(), kind.items().len());
        if found != expected {
            return Err(RowError::Columns { line, found, expected });
        }
        let foreign = Traits::INVALID.with(Traits::GAIJI);
        if let Some(at) = record.fields().position(|field| cp932::traits(field.raw()).has(foreign)) {
            return Err(RowError::Characters { line, column: at + 1 });
        }
        Ok(Self { kind, cells: record.fields().map(|field| Cell::read(&field)).collect(), end: record.end() })
    }

    /// The kind of its file.
    #[must_use]
    pub const fn kind(&self) -> FileKind {
        self.kind
    }

    /// The cells, in the order of the items.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The cells, to be changed; their number stays.
    pub fn cells_mut(&mut self) -> &mut [Cell] {
        &mut self.cells
    }

    /// How the record ends.
    #[must_use]
    pub const fn end(&self) -> LineEnd {
        self.end
    }

    /// Sets how the record ends.
    pub const fn set_end(&mut self, end: LineEnd) {
        self.end = end;
    }

    /// The text of the item of that name.
    #[must_use]
    pub fn text(&self, item: &str) -> Option<&str> {
        let item = self.kind.item(item)?;
        self.cells.get(item.number - 1).map(|cell| cell.text.as_str())
    }

    /// Appends the record with its line end.
    ///
    /// # Errors
    /// The item's number and the character that CP932 lacks; the output then holds a part of the record.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), (usize, EncodeError)> {
        for (at, cell) in self.cells.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            cell.write(out).map_err(|error| (at + 1, error))?;
        }
        out.extend_from_slice(self.end.bytes());
        Ok(())
    }
}

/// The rows of a file, read as they are asked for.
pub struct Rows<R> {
    kind: FileKind,
    reader: Reader<R>,
    failed: bool,
}

impl<R: Read> Rows<R> {
    /// The rows of a file of that kind.
    pub fn new(kind: FileKind, source: R) -> Self {
        Self::from_reader(kind, Reader::new(source))
    }

    /// The same with a reader whose limit was chosen.
    pub const fn from_reader(kind: FileKind, reader: Reader<R>) -> Self {
        Self { kind, reader, failed: false }
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        match self.reader.next_record() {
            Ok(record) => record.map(|record| Row::read(self.kind, &record)),
            Err(error) => {
                self.failed = true;
                Some(Err(error.into()))
            }
        }
    }
}
