//! Commands as ISO 7816-4 shapes them, short and extended, and the status words of answers.

/// A command, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command<'a> {
    pub(super) cla: u8,
    pub(super) ins: u8,
    pub(super) p1: u8,
    pub(super) p2: u8,
    /// Empty where there is no body.
    pub(super) data: &'a [u8],
    /// How much is wanted back; 0 has become 256 (or 65536).
    pub(super) le: Option<usize>,
}

impl<'a> Command<'a> {
    /// `None` where the lengths do not agree.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&[cla, ins, p1, p2], body) = bytes.split_first_chunk()?;
        let command = |data, le| Some(Self { cla, ins, p1, p2, data, le });
        match *body {
            [] => command(&[], None),
            [le] => command(&[], Some(short(le))),
            [0, high, low] => command(&[], Some(extended(high, low))),
            [0, high, low, ref rest @ ..] => match rest.split_at_checked(pair(high, low))? {
                (data, []) => command(data, None),
                (data, &[high, low]) => command(data, Some(extended(high, low))),
                _ => None,
            },
            [length, ref rest @ ..] => match rest.split_at_checked(usize::from(length))? {
                (data, []) => command(data, None),
                (data, &[le]) => command(data, Some(short(le))),
                _ => None,
            },
        }
    }
}

fn pair(high: u8, low: u8) -> usize {
    usize::from(u16::from_be_bytes([high, low]))
}

fn short(le: u8) -> usize {
    if le == 0 { 256 } else { usize::from(le) }
}

fn extended(high: u8, low: u8) -> usize {
    match pair(high, low) {
        0 => 65536,
        le => le,
    }
}

/// What an instruction is called in counts.
pub(super) fn name(ins: u8) -> &'static str {
    match ins {
        0xA4 => "select",
        0xB0 => "read",
        0x20 => "verify",
        0x24 => "change",
        0x2A => "sign",
        _ => "other",
    }
}

/// Done.
pub(super) const OK: u16 = 0x9000;
/// So many tries are left: the last digit.
pub(super) const TRIES: u16 = 0x63C0;
/// The card's memory failed.
pub(super) const MEMORY: u16 = 0x6581;
/// Lengths do not agree.
pub(super) const LENGTH: u16 = 0x6700;
/// No logical channels.
pub(super) const CHANNEL: u16 = 0x6881;
/// No secure messaging.
pub(super) const SECURE: u16 = 0x6882;
/// No chaining.
pub(super) const CHAINING: u16 = 0x6884;
/// Not without the PIN.
pub(super) const SECURITY: u16 = 0x6982;
/// The PIN is blocked.
pub(super) const BLOCKED: u16 = 0x6984;
/// Not in this state, or not with this input.
pub(super) const CONDITIONS: u16 = 0x6985;
/// No file is selected.
pub(super) const NO_FILE: u16 = 0x6986;
/// No such file or application.
pub(super) const ABSENT: u16 = 0x6A82;
/// P1 or P2 is not known.
pub(super) const PARAMETERS: u16 = 0x6A86;
/// Beyond the end of the file.
pub(super) const OFFSET: u16 = 0x6B00;
/// No such instruction.
pub(super) const INSTRUCTION: u16 = 0x6D00;
/// No such class.
pub(super) const CLASS: u16 = 0x6E00;
