//! Bytes to records, one at a time.
//!
//! The standard says: commas, free text in quotes, line breaks and commas inside stay, an inner quote is doubled (LD, foot
//! of every sheet). It is silent on line ends and on quoting everything else, so CRLF, LF and CR are read, and quoted and bare
//! values alike. No separator can be the second half of a two-byte character, so the structure is found before any decoding.
//!
//! Nothing is refused here. What breaks the rules is marked on its field, and reading goes on at the most likely place: a quote
//! that was never closed ends with its line.

use std::io::{ErrorKind, Read, Result};

use super::alike::{self, hits};
use super::record::{LineEnd, Marks, Record, Span, breaks};

/// The longest record that is held by default: 1 MiB. The standard sets no limit; this keeps memory bounded.
pub const DEFAULT_LIMIT: usize = 1 << 20;

/// How many fields of a record are kept; the widest layout has 71.
const MAX_FIELDS: usize = 256;
/// Bytes beyond the longest record that are looked at: its line end.
const BEYOND: usize = 2;
/// The least that is read at a time.
const CHUNK: usize = 64 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Bare,
    Quoted,
    QuoteSeen,
    CrSeen,
}

/// Where the first of some bytes stands.
fn find<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> Option<usize> {
    let (eights, rest) = bytes.as_chunks::<8>();
    for (at, eight) in eights.iter().enumerate() {
        let eight = u64::from_le_bytes(*eight);
        let hits = wanted.iter().fold(0, |all, byte| all | hits(eight, *byte));
        if hits != 0 {
            return Some(at * 8 + hits.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| wanted.contains(byte))?;
    Some(bytes.len() - rest.len() + at)
}

/// Where the field ends that begins with a quote: at its comma. `None` where it is not a plain one, or begins otherwise.
fn quoted(bytes: &[u8], field: usize) -> Option<usize> {
    let inside = bytes.get(field..)?.strip_prefix(b"\"")?;
    let end = find(inside, *b"\"\r\n")?;
    (inside.get(end..end + 2) == Some(b"\",")).then_some(field + end + 2)
}

/// Reads records from any source of bytes.
pub struct Reader<R> {
    source: R,
    limit: usize,
    buffer: Vec<u8>,
    /// Where the record begins in the buffer, and where the bytes end.
    start: usize,
    filled: usize,
    ended: bool,
    /// What the record that was given out last takes, line end and all.
    given: usize,
    /// Bytes are dropped up to the next line end.
    skipping: bool,
    line: u64,
    /// True when a line ends inside a value of the record.
    broken: bool,
    // The scan of the current record; places count from its beginning.
    state: State,
    at: usize,
    field: usize,
    marks: Marks,
    spans: Vec<Span>,
    columns: usize,
    /// The marks of all fields together.
    all_marks: Marks,
    /// How the record that was given out last ends, where one like it can be told by comparing.
    last: Option<LineEnd>,
}

/// A record that was found: how long it is and how it ends.
struct Found {
    len: usize,
    end: LineEnd,
    too_long: bool,
}

impl<R: Read> Reader<R> {
    /// A reader with the default limit.
    pub fn new(source: R) -> Self {
        Self::with_limit(source, DEFAULT_LIMIT)
    }

    /// A reader that holds records of at most `limit` bytes (at least one).
    pub fn with_limit(source: R, limit: usize) -> Self {
        Self {
            source,
            limit: limit.max(1),
            buffer: Vec::new(),
            start: 0,
            filled: 0,
            ended: false,
            given: 0,
            skipping: false,
            line: 1,
            broken: false,
            state: State::FieldStart,
            at: 0,
            field: 0,
            marks: Marks::default(),
            spans: Vec::new(),
            columns: 0,
            all_marks: Marks::default(),
            last: None,
        }
    }

    /// The longest record that is held, in bytes.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// How many bytes are held at the moment: at most some multiple of the limit, whatever the file's size.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// What the source reports. The bytes are never the cause of an error.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>> {
        let before = std::mem::take(&mut self.given);
        self.start += before;
        let changed = match self.like_last(before) {
            Some((changed, end)) => {
                self.given = before;
                self.line += 1;
                return Ok(Some(self.record(before - end.bytes().len(), end, (self.line - 1, changed, false))));
            }
            None => u128::MAX,
        };
        self.begin();
        if self.skipping && !self.skip_line()? {
            return Ok(None);
        }
        let Some(found) = self.find_end()? else { return Ok(None) };
        self.given = found.len + found.end.bytes().len();
        let line = self.line;
        let raw = self.buffer.get(self.start..self.start + found.len).unwrap_or_default();
        let inside = if self.broken { breaks(raw) } else { 0 };
        self.line += inside + u64::from(found.end != LineEnd::None);
        let whole = matches!(found.end, LineEnd::CrLf | LineEnd::Lf) && !self.broken && !found.too_long;
        self.last = (whole && self.columns <= alike::MAX_COLUMNS).then_some(found.end);
        Ok(Some(self.record(found.len, found.end, (line, changed, found.too_long))))
    }

    fn record(&self, len: usize, end: LineEnd, (line, changed, too_long): (u64, u128, bool)) -> Record<'_> {
        let beyond = self.buffer.get(self.start..self.filled).unwrap_or_default();
        Record {
            raw: beyond.get(..len).unwrap_or_default(),
            beyond,
            spans: &self.spans,
            columns: self.columns,
            marks: self.all_marks,
            changed,
            line,
            end,
            too_long,
        }
    }

    /// Whether the next record has the structure of the one before, which took `len` bytes: the columns that changed.
    fn like_last(&self, len: usize) -> Option<(u128, LineEnd)> {
        let end = self.last?;
        let last = self.buffer.get(self.start.checked_sub(len)?..self.start)?;
        let next = self.buffer.get(self.start..self.filled)?.get(..len)?;
        Some((alike::changes(last, next, &self.spans)?, end))
    }

    fn begin(&mut self) {
        self.state = State::FieldStart;
        (self.at, self.field, self.columns, self.broken) = (0, 0, 0, false);
        self.marks = Marks::default();
        self.all_marks = Marks::default();
        self.last = None;
        self.spans.clear();
    }

    /// Looks for the end of the record that begins; `None` at the end of the file.
    fn find_end(&mut self) -> Result<Option<Found>> {
        loop {
            if let Some(found) = self.scan() {
                return Ok(Some(found));
            }
            if self.filled - self.start >= self.limit + BEYOND {
                return Ok(Some(self.give_up()));
            }
            if !self.fill()? {
                let nothing = self.start == self.filled && self.columns == 0;
                return Ok((!nothing).then(|| self.finish_at_end()));
            }
        }
    }

    /// Reads more; false at the end of the source.
    fn fill(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.buffer.len() - self.filled < CHUNK / 4 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
            if self.buffer.len() - self.filled < CHUNK / 4 {
                self.buffer.resize(self.buffer.len().max(CHUNK / 2) * 2, 0);
            }
        }
        loop {
            let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
            match self.source.read(free) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(read) => {
                    self.filled += read;
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Drops what is left of a record that was too long; false when the file ends first.
    fn skip_line(&mut self) -> Result<bool> {
        loop {
            let bytes = self.buffer.get(self.start..self.filled).unwrap_or_default();
            if let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
                self.start += at + 1;
                self.line += 1;
                self.skipping = false;
                return Ok(true);
            }
            self.start = self.filled;
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// Where the bytes of the record end that may be looked at: those that were read, and no more than there may be. What is
    /// found must not depend on how many came at a time.
    fn seen(&self) -> usize {
        self.filled.min(self.start + self.limit + BEYOND)
    }

    /// Goes on with the record; `None` when its end is not in the buffer.
    fn scan(&mut self) -> Option<Found> {
        loop {
            if self.state == State::FieldStart {
                self.plain_fields();
            }
            let rest = self.buffer.get(self.start + self.at..self.seen()).unwrap_or_default();
            match self.state {
                State::FieldStart => {
                    self.state = State::Bare;
                    match rest.first() {
                        None => {
                            self.state = State::FieldStart;
                            return None;
                        }
                        Some(b'"') => {
                            self.marks.set(Marks::QUOTED);
                            self.at += 1;
                            self.state = State::Quoted;
                        }
                        Some(_) => {}
                    }
                }
                State::Bare => {
                    let Some(offset) = find(rest, *b",\"\r\n") else {
                        self.at += rest.len();
                        return None;
                    };
                    let byte = rest.get(offset).copied();
                    self.at += offset;
                    match byte {
                        Some(b'"') => {
                            self.marks.set(Marks::STRAY);
                            self.at += 1;
                        }
                        byte => {
                            if let Some(found) = self.separator(byte) {
                                return Some(found);
                            }
                        }
                    }
                }
                State::Quoted => {
                    let Some(first) = find(rest, *b"\"\r\n") else {
                        self.at += rest.len();
                        return None;
                    };
                    if rest.get(first) == Some(&b'"') {
                        self.at += first + 1;
                        self.state = State::QuoteSeen;
                        continue;
                    }
                    let len = find(rest, *b"\"");
                    // A CR at the end of what is there may be half of a CRLF: it waits for the next bytes.
                    let end = len.unwrap_or(rest.len() - usize::from(rest.last() == Some(&b'\r')));
                    let inside = rest.get(..end).unwrap_or_default();
                    self.broken = true;
                    self.at += inside.len();
                    len?;
                    self.at += 1;
                    self.state = State::QuoteSeen;
                }
                State::QuoteSeen => match rest.first() {
                    None => return None,
                    Some(b'"') => {
                        self.marks.set(Marks::DOUBLED);
                        self.at += 1;
                        self.state = State::Quoted;
                    }
                    Some(byte @ (b',' | b'\r' | b'\n')) => {
                        if let Some(found) = self.separator(Some(*byte)) {
                            return Some(found);
                        }
                    }
                    Some(_) => {
                        let mark = if self.opens_another_field() { Marks::UNCLOSED } else { Marks::TRAILING };
                        if mark == Marks::UNCLOSED
                            && let Some(found) = self.cut()
                        {
                            return Some(found);
                        }
                        self.marks.set(mark);
                        self.state = State::Quoted;
                    }
                },
                State::CrSeen => {
                    let end = match rest.first() {
                        None => return None,
                        Some(b'\n') => LineEnd::CrLf,
                        Some(_) => LineEnd::Cr,
                    };
                    return Some(Found { len: self.at - 1, end, too_long: false });
                }
            }
        }
    }

    /// Takes the fields that end with a comma and need no second look: bare ones, and those in quotes on one line with none
    /// inside. What it leaves begins a field.
    fn plain_fields(&mut self) {
        let rest = self.buffer.get(self.start..self.seen()).unwrap_or_default();
        let (mut at, mut field, mut columns) = (self.at, self.field, self.columns);
        let spans = &mut self.spans;
        while let Some(eight) = rest.get(at..).and_then(<[u8]>::first_chunk) {
            let eight = u64::from_le_bytes(*eight);
            let stops = hits(eight, b'"') | hits(eight, b'\r') | hits(eight, b'\n');
            // The bits below the first stop; all of them where there is none.
            let mut commas = hits(eight, b',') & (stops & stops.wrapping_neg()).wrapping_sub(1);
            while commas != 0 {
                let end = at + commas.trailing_zeros() as usize / 8;
                if spans.len() < MAX_FIELDS {
                    spans.push(Span { start: field, end, marks: Marks::default() });
                }
                columns += 1;
                field = end + 1;
                commas &= commas - 1;
            }
            if stops == 0 {
                at += 8;
                continue;
            }
            if at + stops.trailing_zeros() as usize / 8 != field {
                break;
            }
            let Some(end) = quoted(rest, field) else { break };
            let mut marks = Marks::default();
            marks.set(Marks::QUOTED);
            self.all_marks.set_all(marks);
            if spans.len() < MAX_FIELDS {
                spans.push(Span { start: field, end, marks });
            }
            columns += 1;
            field = end + 1;
            at = field;
        }
        self.columns = columns;
        (self.at, self.field) = (field, field);
    }

    /// The field ends before a comma or a line end.
    fn separator(&mut self, byte: Option<u8>) -> Option<Found> {
        let len = self.at;
        self.close_field(len);
        self.at += 1;
        self.state = State::FieldStart;
        match byte {
            Some(b'\n') => return Some(Found { len, end: LineEnd::Lf, too_long: false }),
            Some(b'\r') => self.state = State::CrSeen,
            _ => {}
        }
        None
    }

    fn close_field(&mut self, end: usize) {
        self.columns += 1;
        self.all_marks.set_all(self.marks);
        if self.spans.len() < MAX_FIELDS {
            self.spans.push(Span { start: self.field, end, marks: self.marks });
        }
        self.field = end + 1;
        self.marks = Marks::default();
    }

    /// A quote followed by text, itself behind a comma or at the start of a later line, opens another field: the one it would
    /// close was never closed.
    fn opens_another_field(&self) -> bool {
        let before = self.at.checked_sub(2).and_then(|at| self.buffer.get(self.start + at));
        self.field + 1 < self.at && matches!(before, Some(b',' | b'\n' | b'\r'))
    }

    /// Ends the record at the first line end inside the open quoted field.
    fn cut(&mut self) -> Option<Found> {
        let rest = self.buffer.get(self.start + self.field..self.start + self.at).unwrap_or_default();
        let at = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
        let end = match (rest.get(at), rest.get(at + 1)) {
            (Some(b'\r'), Some(b'\n')) => LineEnd::CrLf,
            (Some(b'\r'), _) => LineEnd::Cr,
            _ => LineEnd::Lf,
        };
        let len = self.field + at;
        self.marks.set(Marks::UNCLOSED);
        self.close_field(len);
        Some(Found { len, end, too_long: false })
    }

    fn finish_at_end(&mut self) -> Found {
        self.at = self.filled - self.start;
        let len = self.at;
        match self.state {
            State::Quoted => {
                if let Some(found) = self.cut() {
                    return found;
                }
                self.marks.set(Marks::UNCLOSED);
                self.close_field(len);
            }
            State::CrSeen => return Found { len: len - 1, end: LineEnd::Cr, too_long: false },
            _ => self.close_field(len),
        }
        Found { len, end: LineEnd::None, too_long: false }
    }

    fn give_up(&mut self) -> Found {
        if matches!(self.state, State::Quoted | State::QuoteSeen)
            && let Some(found) = self.cut()
        {
            return found;
        }
        let len = self.at;
        self.close_field(len);
        self.skipping = true;
        Found { len, end: LineEnd::None, too_long: true }
    }
}
