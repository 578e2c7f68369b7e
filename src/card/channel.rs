//! The way to a card: one transaction's exchange of commands and answers, whoever carries them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use zeroize::Zeroizing;

use super::apdu::Command;

/// Exchanges commands with the card of one reader, within one transaction: nobody else's commands come between.
pub trait Channel {
    /// Sends a command once and returns the card's answer, status word included. An implementation never repeats a
    /// command by itself, whatever happens.
    ///
    /// # Errors
    /// [`ChannelError`]; then it is not known whether the card saw the command.
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, ChannelError>;
}

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ChannelError {
    /// No card on the reader when the transaction was to begin.
    #[error("no card on the reader")]
    NoCard,
    /// The card went away, or answered with fewer than two bytes.
    #[error("the card was lost")]
    Lost,
    /// Another program reset the card.
    #[error("the card was reset by another program")]
    Reset,
    /// The card answers nothing.
    #[error("the card is mute")]
    Mute,
    /// Another program holds the reader.
    #[error("another program holds the reader")]
    Held,
    /// The reader is gone.
    #[error("the reader is gone")]
    ReaderGone,
    /// pcscd is gone or does not answer.
    #[error("pcscd is not available")]
    ServiceDown,
    /// An answer longer than any answer may be, or another breach of the protocol. Counts as lost.
    #[error("the reader broke the protocol")]
    Protocol,
    /// The caller has been told that the operation is over; nothing more may be sent.
    #[error("the operation was called off")]
    CalledOff,
}

const OPEN: u8 = 0;
const VERIFYING: u8 = 1;
const VERIFIED: u8 = 2;
const OFF: u8 = 3;
const OFF_VERIFYING: u8 = 4;
const OFF_VERIFIED: u8 = 5;

/// Decides, once and for all, between "the PIN goes to the card" and "the caller was told that it did not": whoever gives
/// up on a stuck operation calls it off here, and a thread that comes unstuck later finds it so before it sends anything.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<AtomicU8>);

/// What calling off found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalledOff {
    /// No PIN has gone to the card, and none will.
    BeforePin,
    /// A PIN is on its way: the outcome is not known.
    DuringPin,
    /// The PIN was good; what followed it did not come.
    AfterPin,
}

impl Gate {
    /// The one attempt of this operation. A second call gives an attempt that will be refused.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        Attempt(self.clone())
    }

    /// Gives up; nothing is sent from here on.
    #[must_use]
    pub fn call_off(&self) -> CalledOff {
        let swap = |from, to| self.0.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
        loop {
            match self.0.load(Ordering::SeqCst) {
                OPEN if swap(OPEN, OFF).is_ok() => return CalledOff::BeforePin,
                VERIFYING if swap(VERIFYING, OFF_VERIFYING).is_ok() => return CalledOff::DuringPin,
                VERIFIED if swap(VERIFIED, OFF_VERIFIED).is_ok() => return CalledOff::AfterPin,
                OFF => return CalledOff::BeforePin,
                OFF_VERIFYING => return CalledOff::DuringPin,
                OFF_VERIFIED => return CalledOff::AfterPin,
                _ => {}
            }
        }
    }

    /// Whether commands may still be sent. After a PIN was taken they may, whatever the caller was told: the card has to be
    /// logged out.
    #[must_use]
    pub fn open(&self) -> bool {
        !matches!(self.0.load(Ordering::SeqCst), OFF | OFF_VERIFYING)
    }

    fn accepted(&self) {
        let swap = |from, to| self.0.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
        if swap(VERIFYING, VERIFIED).is_err() {
            let _ = swap(OFF_VERIFYING, OFF_VERIFIED);
        }
    }
}

/// The permission to send one PIN once. It cannot be copied, and is consumed by being used.
#[derive(Debug)]
pub struct Attempt(Gate);

impl Attempt {
    /// Uses the permission.
    ///
    /// # Errors
    /// [`ChannelError::CalledOff`] when the operation was called off, or its attempt is spent.
    pub(super) fn begin(self) -> Result<Under, ChannelError> {
        let opened = self.0.0.compare_exchange(OPEN, VERIFYING, Ordering::SeqCst, Ordering::SeqCst);
        opened.map(|_| Under(self.0)).map_err(|_| ChannelError::CalledOff)
    }
}

/// A PIN is on its way.
#[derive(Debug)]
pub(super) struct Under(Gate);

impl Under {
    /// The card has taken the PIN, so that the try is given back. With any other answer the gate stays as it is: who calls
    /// off before that answer has reached him must not say that nothing was spent.
    pub(super) fn accepted(self) {
        self.0.accepted();
    }
}

/// An answer, its status word apart.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) data: Zeroizing<Vec<u8>>,
    pub(super) status: u16,
}

/// Sends one command of the allowed set.
pub(super) fn exchange(channel: &mut dyn Channel, command: &Command) -> Result<Answer, ChannelError> {
    let mut data = channel.transmit(command.bytes())?;
    // Fewer than two bytes is what a card that was taken away looks like.
    let (Some(low), Some(high)) = (data.pop(), data.pop()) else { return Err(ChannelError::Lost) };
    Ok(Answer { data, status: u16::from_be_bytes([high, low]) })
}
