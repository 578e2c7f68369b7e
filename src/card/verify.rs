//! The one place where a PIN goes to a card.

use super::apdu::Command;
use super::channel::{Attempt, Channel, ChannelError, exchange};
use super::error::CardError;
use super::pin::Digits;

/// When a PIN is sent at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// Tries that are kept: with so many left, or fewer, a PIN is refused.
    pub tries: u8,
    /// The caller knows and goes on. It does not help where none is left.
    pub confirmed: bool,
}

/// Tries left of the selected PIN, by the card's own word. It costs none.
pub(super) fn tries_left(channel: &mut dyn Channel) -> Result<u8, CardError> {
    let answer = exchange(channel, &Command::counter())?;
    match answer.status.to_be_bytes() {
        [0x63, low] if low & 0xF0 == 0xC0 => Ok(low & 0x0F),
        [0x69, 0x83 | 0x84] => Ok(0),
        _ => Err(CardError::Status { step: "counter", status: answer.status }),
    }
}

/// Compares the selected PIN, at most once, and only if enough tries are left.
///
/// Takes PIN and attempt by value: after this there is neither to go round with again.
pub(super) fn verify(
    channel: &mut dyn Channel,
    attempt: Attempt,
    digits: Digits,
    floor: Floor,
) -> Result<(), CardError> {
    let left = tries_left(channel)?;
    match left {
        0 => return Err(CardError::PinBlocked { spent: false }),
        _ if left <= floor.tries && !floor.confirmed => return Err(CardError::PinFloor { tries_left: left }),
        1.. => {}
    }
    let under = attempt.begin()?;
    let command = Command::verify(&under, digits);
    let answer = match exchange(channel, &command) {
        Ok(answer) => answer,
        // It was never sent.
        Err(ChannelError::CalledOff) => return Err(ChannelError::CalledOff.into()),
        Err(_) => return Err(CardError::OutcomeUnknown),
    };
    drop(command);
    match answer.status.to_be_bytes() {
        [0x90, 0x00] if answer.data.is_empty() => {
            under.accepted();
            Ok(())
        }
        [0x63, 0xC0] => Err(CardError::PinBlocked { spent: true }),
        [0x63, low] if low & 0xF0 == 0xC0 => Err(CardError::PinWrong { tries_left: low & 0x0F }),
        // Blocked, and it was not before: the last try went with this PIN.
        [0x69, 0x83 | 0x84] if left == 1 => Err(CardError::PinBlocked { spent: true }),
        // A word that says nothing of the PIN, or one that does not fit the tries that were left: the card may have counted.
        _ => Err(CardError::OutcomeUnknown),
    }
}
