//! Command APDUs by the letter of ISO/IEC 7816-4, with nothing of the product's filter: what a command could be to some card.

/// The class byte, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// The logical channel, 0 to 19.
    pub channel: u8,
    /// More of the same command follows.
    pub chained: bool,
    /// Secure messaging: the data is wrapped, perhaps enciphered.
    pub secure: bool,
    /// Not the interindustry class, or reserved: it may mean anything, also what it means in class 00.
    pub foreign: bool,
}

impl Class {
    pub fn decode(byte: u8) -> Self {
        match byte {
            // First interindustry values: 000c ssll.
            0x00..=0x1F => {
                Self { channel: byte & 0x03, chained: byte & 0x10 != 0, secure: byte & 0x0C != 0, foreign: false }
            }
            // Further interindustry values: 01sc llll, from channel 4.
            0x40..=0x7F => {
                Self { channel: 4 + (byte & 0x0F), chained: byte & 0x10 != 0, secure: byte & 0x20 != 0, foreign: false }
            }
            // Reserved and proprietary; GlobalPlatform and JPKI use 80 with the same bits.
            _ => Self { channel: byte & 0x03, chained: byte & 0x10 != 0, secure: byte & 0x0C != 0, foreign: true },
        }
    }
}

/// What is done, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Select,
    ReadBinary,
    ReadRecord,
    GetData,
    GetResponse,
    GetChallenge,
    /// Anything that compares, changes or unblocks a PIN, uses a key, writes, opens a channel, carries another command, or is
    /// known to nobody.
    Forbidden(&'static str),
}

/// The instruction. Odd ones are the forms with wrapped data; 6x and 9x are no instructions.
pub fn action(instruction: u8) -> Action {
    match instruction {
        0xA4 => Action::Select,
        0xB0 => Action::ReadBinary,
        0xB2 => Action::ReadRecord,
        0xCA => Action::GetData,
        0xC0 => Action::GetResponse,
        0x84 => Action::GetChallenge,
        0x20 | 0x21 => Action::Forbidden("VERIFY"),
        0x24 | 0x25 => Action::Forbidden("CHANGE REFERENCE DATA"),
        0x26 => Action::Forbidden("DISABLE VERIFICATION REQUIREMENT"),
        0x28 => Action::Forbidden("ENABLE VERIFICATION REQUIREMENT"),
        0x2C | 0x2D => Action::Forbidden("RESET RETRY COUNTER"),
        0x22 | 0x23 => Action::Forbidden("MANAGE SECURITY ENVIRONMENT"),
        0x2A | 0x2B => Action::Forbidden("PERFORM SECURITY OPERATION"),
        0x46 | 0x47 => Action::Forbidden("GENERATE ASYMMETRIC KEY PAIR"),
        0x82 | 0x83 => Action::Forbidden("EXTERNAL AUTHENTICATE"),
        0x86 | 0x87 => Action::Forbidden("GENERAL AUTHENTICATE"),
        0x88 | 0x89 => Action::Forbidden("INTERNAL AUTHENTICATE"),
        0x70 => Action::Forbidden("MANAGE CHANNEL"),
        0xC2 | 0xC3 => Action::Forbidden("ENVELOPE"),
        0xA5 => Action::Forbidden("SELECT DATA"),
        0xB1 | 0xB3 | 0xCB => Action::Forbidden("READ with wrapped parameters"),
        0xA0..=0xA2 => Action::Forbidden("SEARCH"),
        0x0E | 0x0F | 0x0C | 0xD0..=0xDF | 0xE2 => Action::Forbidden("WRITE"),
        0xE0 | 0xE4 | 0xE6 | 0xE8 | 0xEE | 0x04 | 0x44 | 0xFE => Action::Forbidden("FILE MANAGEMENT"),
        _ => Action::Forbidden("an instruction nobody can vouch for"),
    }
}

/// Every way in which the bytes after the header can be taken for data: by the seven forms of the standard where their lengths
/// fit, and by cards that do not look whether they fit. The first way is the standard's own, where there is one.
pub fn readings(body: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    match body {
        // Case 1; case 2 short; case 2 extended.
        [] | [_] | [0, _, _] => found.push(&body[..0]),
        [0, high, low, data @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            if length > 0 && (data.len() == length || data.len() == length + 2) {
                found.push(&data[..length]);
            }
        }
        [length, data @ ..] => {
            let length = usize::from(*length);
            if data.len() == length || data.len() == length + 1 {
                found.push(&data[..length]);
            }
        }
    }
    // Careless cards: no length byte, or one that is not looked at, or that promises more than there is.
    let whole = |from: usize| body.get(from..).filter(|data| !data.is_empty());
    found.extend(whole(0));
    found.extend(whole(1));
    if let (Some(data), [promised, ..]) = (whole(1), body) {
        found.extend(data.get(..usize::from(*promised)).filter(|data| !data.is_empty()));
    }
    if let (Some(data), [0, _, promised, ..]) = (whole(3), body) {
        found.push(data);
        found.extend(data.get(..usize::from(*promised)).filter(|data| !data.is_empty()));
    }
    found
}
