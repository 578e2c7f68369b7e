//! The open channel for vendors' card applications: what may pass it.
//!
//! The filter allows what it knows and refuses the rest, so a new encoding of a forbidden thing is refused without being
//! foreseen. A batch of commands runs in one transaction and begins by selecting, by its whole name, an application that is
//! not kept shut; so neither what another program has selected nor what engawa itself left open can be reached. Within it
//! pass selecting one of its files by id, reading, and asking for random or the rest of an answer; only with class 00, in the
//! short form, and in the exact shape the standard gives.
//!
//! Kept shut: every application of the My Number card that holds or shows the My Number or the resident record (all whose
//! name begins with [`SHUT`]: 券面事項入力補助, 券面事項確認, 住基 and their kin), also by parts of their names. PINs
//! are never compared, changed or unblocked, and nothing is signed: those commands have no place here in any class.

use super::channel::{Channel, ChannelError};

/// The beginning of the names of the applications kept shut.
pub const SHUT: [u8; 9] = [0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04];

/// Commands of one batch.
pub const LONGEST_BATCH: usize = 64;

/// Why a command does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Objection {
    /// Not a command in the standard's short form, or longer than it says.
    #[error("not in the short form")]
    Form,
    /// Logical channels, secure messaging, chaining, and classes of somebody's own.
    #[error("a class that does not pass")]
    Class,
    /// An instruction that does not pass.
    #[error("an instruction that does not pass")]
    Instruction,
    /// A way of selecting or reading that does not pass.
    #[error("parameters that do not pass")]
    Parameters,
    /// An application that is kept shut, or not its whole name.
    #[error("an application that is kept shut")]
    Shut,
    /// The batch does not begin by selecting an application.
    #[error("the batch does not begin by selecting an application")]
    NoApplication,
    /// Nothing, or too much, in one batch.
    #[error("too few or too many commands")]
    Length,
}

/// A batch that may be sent.
#[derive(Debug)]
pub struct Batch(Vec<Vec<u8>>);

impl Batch {
    /// Looks at every command.
    ///
    /// # Errors
    /// The first objection; nothing of the batch is sent then.
    pub fn check(commands: Vec<Vec<u8>>) -> Result<Self, Objection> {
        if commands.is_empty() || commands.len() > LONGEST_BATCH {
            return Err(Objection::Length);
        }
        for (index, command) in commands.iter().enumerate() {
            let opens = check(command)?;
            if index == 0 && !opens {
                return Err(Objection::NoApplication);
            }
        }
        Ok(Self(commands))
    }

    /// Sends the commands in order; stops after the first if it did not select its application.
    ///
    /// # Errors
    /// As the channel says.
    pub(super) fn send(self, channel: &mut dyn Channel) -> Result<Vec<Vec<u8>>, ChannelError> {
        let mut answers: Vec<Vec<u8>> = Vec::with_capacity(self.0.len());
        for command in &self.0 {
            let answer = channel.transmit(command)?;
            let [.., high, _] = answer.as_slice() else { return Err(ChannelError::Lost) };
            let selected = matches!(high, 0x90 | 0x61);
            answers.push(answer.to_vec());
            if answers.len() == 1 && !selected {
                break;
            }
        }
        Ok(answers)
    }
}

/// Whether one command passes; true when it selects an application.
///
/// # Errors
/// The objection.
pub fn check(command: &[u8]) -> Result<bool, Objection> {
    let [class, instruction, p1, p2, body @ ..] = command else { return Err(Objection::Form) };
    if *class != 0x00 {
        return Err(Objection::Class);
    }
    let data = short_body(body)?;
    match (*instruction, *p1, *p2) {
        (0xA4, 0x04, 0x00 | 0x0C) => application(data).map(|()| true),
        (0xA4, 0x02, 0x00 | 0x04 | 0x0C) if file(data) => Ok(false),
        // By offset in the selected file, or by short id within the selected application; not by what is reserved.
        (0xB0, 0x00..=0x9E, _) if data.is_empty() => Ok(false),
        (0xB2, 0x01..=0xFE, p2) if p2 & 0x07 != 0x07 && p2 >> 3 != 0x1F && data.is_empty() => Ok(false),
        (0xC0 | 0x84, 0x00, 0x00) | (0xCA, ..) if data.is_empty() => Ok(false),
        (0xA4 | 0xB0 | 0xB2 | 0xC0 | 0x84 | 0xCA, ..) => Err(Objection::Parameters),
        _ => Err(Objection::Instruction),
    }
}

/// The data of a short command: nothing, Le, Lc and data, or Lc, data and Le.
fn short_body(body: &[u8]) -> Result<&[u8], Objection> {
    match body {
        [] | [_] => Ok(&[]),
        [0x00, ..] => Err(Objection::Form),
        [length, rest @ ..] => match rest.len().checked_sub(usize::from(*length)) {
            Some(0 | 1) => Ok(rest.get(..usize::from(*length)).unwrap_or_default()),
            _ => Err(Objection::Form),
        },
    }
}

/// Whether it is the id of a file of the selected application. Those reserved for the master file, the current file and the
/// application itself are not: a card that takes them would leave the application.
const fn file(id: &[u8]) -> bool {
    matches!(id, [_, _]) && !matches!(id, [0x00, 0x00] | [0x3F, 0x00] | [0x3F, 0xFF] | [0xFF, 0xFF])
}

/// A name passes when it is whole and neither begins with what is kept shut nor is a beginning of it: cards may take the
/// beginning of a name for the first application that fits.
fn application(name: &[u8]) -> Result<(), Objection> {
    if !(5..=16).contains(&name.len()) {
        return Err(Objection::Parameters);
    }
    if name.starts_with(&SHUT) || SHUT.starts_with(name) {
        return Err(Objection::Shut);
    }
    Ok(())
}
