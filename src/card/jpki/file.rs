//! Reading a file whose length its own first bytes tell.

use zeroize::Zeroizing;

use crate::card::apdu::{Command, PIECE};
use crate::card::channel::{Channel, exchange};
use crate::card::error::CardError;
use crate::card::tlv;

/// No file that is read here is longer.
const LONGEST: usize = 8 * 1024;
/// Enough for every tag and length that may stand at the start.
const HEAD: usize = 7;

/// Reads the selected file, which is one TLV element: its head, then pieces of at most 256 bytes with an exact last one.
/// `None` when the card wants a PIN first.
///
/// # Errors
/// When an answer is shorter or longer than what was asked, or the length cannot be.
pub(in crate::card) fn read_selected(channel: &mut dyn Channel) -> Result<Option<Zeroizing<Vec<u8>>>, CardError> {
    let Some(mut content) = piece(channel, 0, HEAD)? else { return Ok(None) };
    let whole = tlv::whole_length(&content)?;
    if !(HEAD..=LONGEST).contains(&whole) {
        return Err(CardError::Answer("length"));
    }
    // No reallocation, which would leave a copy behind.
    let mut all = Zeroizing::new(Vec::with_capacity(whole));
    all.append(&mut content);
    while all.len() < whole {
        let next = piece(channel, all.len(), (whole - all.len()).min(PIECE))?;
        let mut next = next.ok_or(CardError::Answer("read"))?;
        all.append(&mut next);
    }
    Ok(Some(all))
}

fn piece(channel: &mut dyn Channel, offset: usize, length: usize) -> Result<Option<Zeroizing<Vec<u8>>>, CardError> {
    let command = Command::read(offset, length).ok_or(CardError::Answer("offset"))?;
    let answer = exchange(channel, &command)?;
    match answer.status {
        0x9000 if answer.data.len() == length => Ok(Some(answer.data)),
        0x9000 => Err(CardError::Answer("read")),
        0x6982 if offset == 0 => Ok(None),
        status => Err(CardError::Status { step: "read", status }),
    }
}
