//! One record and its fields, as they stand in the file.

use std::borrow::Cow;

/// How a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineEnd {
    /// CR LF: what public programs write.
    CrLf,
    /// LF alone.
    Lf,
    /// CR alone.
    Cr,
    /// The file ends without one.
    None,
}

impl LineEnd {
    /// Its bytes.
    #[must_use]
    pub const fn bytes(self) -> &'static [u8] {
        match self {
            Self::CrLf => b"\r\n",
            Self::Lf => b"\n",
            Self::Cr => b"\r",
            Self::None => b"",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(u8);

impl Marks {
    pub(super) const QUOTED: u8 = 1;
    pub(super) const DOUBLED: u8 = 2;
    pub(super) const STRAY: u8 = 4;
    pub(super) const TRAILING: u8 = 8;
    pub(super) const UNCLOSED: u8 = 16;

    const fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }

    pub(super) const fn set(&mut self, mark: u8) {
        self.0 |= mark;
    }

    pub(super) const fn set_all(&mut self, marks: Self) {
        self.0 |= marks.0;
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) marks: Marks,
}

/// How long a field is, and how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) len: usize,
    word: u128,
}

impl Head {
    /// Of no field.
    pub(super) const NONE: Self = Self { len: usize::MAX, word: 0 };

    /// True when there is more than the head.
    pub(super) const fn is_part(self) -> bool {
        self.len > 16
    }
}

/// The bits of the first bytes of a number, by how many bytes.
const MASKS: [u128; 16] = {
    let mut masks = [0; 16];
    let mut len = 1;
    while len < masks.len() {
        masks[len] = masks[len - 1] << 8 | 0xFF;
        len += 1;
    }
    masks
};

/// One value of a record.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    raw: &'a [u8],
    marks: Marks,
}

impl<'a> Field<'a> {
    /// The bytes in the file, with their quotes.
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The bytes of the value, still in the file's encoding.
    #[must_use]
    pub fn content(&self) -> Cow<'a, [u8]> {
        let inner = self.inner();
        if !self.marks.has(Marks::DOUBLED) {
            return Cow::Borrowed(inner);
        }
        let mut content = Vec::with_capacity(inner.len());
        let mut after_quote = false;
        for &byte in inner {
            after_quote = byte == b'"' && !after_quote;
            if byte != b'"' || after_quote {
                content.push(byte);
            }
        }
        Cow::Owned(content)
    }

    /// The bytes between the quotes as they stand in the file: inner quotes are still doubled.
    #[must_use]
    pub fn inner(&self) -> &'a [u8] {
        if !self.is_quoted() {
            return self.raw;
        }
        let inner = self.raw.get(1..).unwrap_or_default();
        if self.is_unclosed() { inner } else { inner.strip_suffix(b"\"").unwrap_or(inner) }
    }

    /// True when the value stands in quotes.
    #[must_use]
    pub const fn is_quoted(&self) -> bool {
        self.marks.has(Marks::QUOTED)
    }

    /// True when a quote stands inside a value that is not quoted.
    #[must_use]
    pub const fn has_stray_quote(&self) -> bool {
        self.marks.has(Marks::STRAY)
    }

    /// True when a quote inside a quoted value is not doubled.
    #[must_use]
    pub const fn has_single_quote(&self) -> bool {
        self.marks.has(Marks::TRAILING)
    }

    /// True when the closing quote is missing.
    #[must_use]
    pub const fn is_unclosed(&self) -> bool {
        self.marks.has(Marks::UNCLOSED)
    }

    /// True when the quoting keeps to the rules.
    #[must_use]
    pub const fn is_well_formed(&self) -> bool {
        !self.marks.has(Marks::STRAY | Marks::TRAILING | Marks::UNCLOSED)
    }
}

/// One record (レコード) of a file.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub(super) raw: &'a [u8],
    /// From its beginning as far as was read.
    pub(super) beyond: &'a [u8],
    pub(super) spans: &'a [Span],
    pub(super) columns: usize,
    pub(super) marks: Marks,
    /// The columns that may differ from the record before, as bits by number.
    pub(super) changed: u128,
    pub(super) line: u64,
    pub(super) end: LineEnd,
    pub(super) too_long: bool,
}

impl<'a> Record<'a> {
    /// The bytes without the line end.
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The line on which it begins, from 1; line breaks inside values count.
    #[must_use]
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// The line on which the field of a column begins.
    #[must_use]
    pub fn line_of(&self, column: usize) -> u64 {
        let start = column.checked_sub(1).and_then(|at| self.spans.get(at)).map_or(0, |span| span.start);
        self.line + breaks(self.raw.get(..start).unwrap_or_default())
    }

    /// How it ends.
    #[must_use]
    pub const fn end(&self) -> LineEnd {
        self.end
    }

    /// How many fields it has; at least 1.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// The field of a column, from 1. Beyond the 256th none is kept.
    #[must_use]
    pub fn field(&self, column: usize) -> Option<Field<'a>> {
        self.spans.get(column.checked_sub(1)?).map(|span| self.of(span))
    }

    /// The bytes of a column's field between its quotes; empty where there is none.
    pub(super) fn inner(&self, column: usize) -> &'a [u8] {
        let Some(span) = column.checked_sub(1).and_then(|at| self.spans.get(at)) else { return &[] };
        if span.marks.has(Marks::QUOTED) {
            return self.of(span).inner();
        }
        self.raw.get(span.start..span.end).unwrap_or_default()
    }

    /// The fields in order, at most 256.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Field<'a>> + use<'a> {
        let record = *self;
        self.spans.iter().map(move |span| record.of(span))
    }

    /// The columns whose bytes are those of the record before, as bits by number. Not every one that could be named is.
    pub(super) const fn unchanged(&self) -> u128 {
        !self.changed
    }

    /// The head of a field by its place, from 0: far faster to compare than its bytes.
    pub(super) fn head(&self, at: usize) -> Head {
        self.spans.get(at).map_or(Head::NONE, |span| self.head_of(span))
    }

    fn head_of(&self, span: &Span) -> Head {
        let rest = self.beyond.get(span.start..).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(bytes) => u128::from_le_bytes(*bytes),
            None => rest.iter().rev().fold(0, |word, byte| word << 8 | u128::from(*byte)),
        };
        let len = span.end - span.start;
        Head { len, word: word & MASKS.get(len).copied().unwrap_or(u128::MAX) }
    }

    fn of(&self, span: &Span) -> Field<'a> {
        Field { raw: self.raw.get(span.start..span.end).unwrap_or_default(), marks: span.marks }
    }

    /// True when the quoting of every field keeps to the rules.
    #[must_use]
    pub const fn is_well_formed(&self) -> bool {
        !self.marks.has(Marks::STRAY | Marks::TRAILING | Marks::UNCLOSED)
    }

    /// True when nothing stands on the line.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// True when the record was longer than the limit: only its beginning is here, and reading goes on at the next line.
    #[must_use]
    pub const fn is_too_long(&self) -> bool {
        self.too_long
    }
}

/// How many lines end inside a text.
pub(super) fn breaks(bytes: &[u8]) -> u64 {
    let count = |wanted: u8| bytes.iter().map(|byte| u64::from(*byte == wanted)).sum::<u64>();
    count(b'\n').max(count(b'\r'))
}
