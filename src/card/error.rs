//! What can go wrong with a card, and under which code people see it.

use super::channel::{CalledOff, ChannelError};
use super::machine::{EndReason, Refusal, Trouble};
use super::tlv::TlvError;
use crate::fault::Code;

/// Why a card operation failed. No variant holds anything the card said of its holder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The session or its reader did not allow it.
    #[error("the session refused: {0:?}")]
    Refused(Refusal),
    /// The card could not be talked to.
    #[error("the card could not be reached")]
    Channel(#[from] ChannelError),
    /// It took too long and was called off before any PIN was sent.
    #[error("the operation took too long: {0:?}")]
    Stuck(Trouble),
    /// A PIN was sent and its outcome is not known: no try or one try was spent.
    #[error("the PIN's outcome is not known")]
    OutcomeUnknown,
    /// The PIN is not four digits; nothing was sent.
    #[error("the PIN is not four digits")]
    PinFormat,
    /// The PIN is wrong: one try was spent.
    #[error("the PIN is wrong, {tries_left} tries are left")]
    PinWrong {
        /// Tries left.
        tries_left: u8,
    },
    /// Too few tries are left; nothing was sent.
    #[error("only {tries_left} tries are left")]
    PinFloor {
        /// Tries left.
        tries_left: u8,
    },
    /// The PIN is blocked.
    #[error("the PIN is blocked")]
    PinBlocked {
        /// Whether this request spent the last try.
        spent: bool,
    },
    /// A card without PIN.
    #[error("the card has no PIN")]
    WithoutPin,
    /// No JPKI card.
    #[error("the card has no application that can be used here")]
    Unsupported,
    /// The card refused a step.
    #[error("the card answered {status:04X} at `{step}`")]
    Status {
        /// Which step.
        step: &'static str,
        /// The status word.
        status: u16,
    },
    /// An answer is not what it should be.
    #[error("the card's answer at `{0}` is not sound")]
    Answer(&'static str),
    /// A file is not sound TLV.
    #[error("the card's file is not sound")]
    Tlv(#[from] TlvError),
    /// The certificate cannot be read as X.509, or its key is not RSA.
    #[error("the card's certificate cannot be read")]
    Certificate,
    /// The certificate has expired.
    #[error("the card's certificate has expired")]
    Expired,
    /// The signature is not by the certificate's key.
    #[error("the signature does not fit the certificate")]
    SignatureInvalid,
    /// Another card than the one the session began with.
    #[error("the card was exchanged")]
    Exchanged,
    /// A command of the open channel is not permitted.
    #[error("the command is not permitted: {0}")]
    Apdu(#[from] super::filter::Objection),
    /// The broker has gone.
    #[error("the card room has closed")]
    Closed,
}

/// What a request may have cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spent {
    /// No try.
    None,
    /// One try.
    One,
    /// None or one: look at the tries left.
    Unknown,
}

impl CardError {
    /// The code under which people see it.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal_code(*refusal),
            Self::Channel(error) => channel_code(*error),
            Self::Stuck(trouble) => trouble_code(*trouble),
            Self::OutcomeUnknown => Code::CardOutcomeUnknown,
            Self::PinFormat => Code::CardPinFormat,
            Self::PinWrong { .. } => Code::CardPinWrong,
            Self::PinFloor { .. } => Code::CardPinFloor,
            Self::PinBlocked { .. } => Code::CardPinBlocked,
            Self::WithoutPin => Code::CardWithoutPin,
            Self::Unsupported => Code::CardUnsupported,
            Self::Status { .. } | Self::Answer(_) | Self::Tlv(_) | Self::Certificate => Code::CardAnswerInvalid,
            Self::Expired => Code::CardCertificateExpired,
            Self::SignatureInvalid => Code::CardSignatureInvalid,
            Self::Exchanged => Code::CardRemoved,
            Self::Apdu(_) => Code::ApduRefused,
            Self::Closed => Code::GatewayStopping,
        }
    }

    /// Tries left by the card's own word, where the failure tells it.
    #[must_use]
    pub const fn tries_left(&self) -> Option<u8> {
        match self {
            Self::PinWrong { tries_left } | Self::PinFloor { tries_left } => Some(*tries_left),
            Self::PinBlocked { .. } => Some(0),
            _ => None,
        }
    }

    /// Whether a PIN may have reached the card before this.
    pub(super) const fn pin_sent(&self) -> bool {
        matches!(self, Self::OutcomeUnknown | Self::PinWrong { .. } | Self::PinBlocked { spent: true })
    }

    /// What the request has cost.
    #[must_use]
    pub const fn spent(&self) -> Spent {
        match self {
            Self::OutcomeUnknown => Spent::Unknown,
            Self::PinWrong { .. } | Self::PinBlocked { spent: true } => Spent::One,
            // A good PIN gives its try back, so whatever fails after it has cost none.
            _ => Spent::None,
        }
    }

    /// Whether the card has to be taken for another one from here on.
    pub(super) const fn card_lost(&self) -> bool {
        match self {
            Self::Channel(error) => matches!(
                error,
                ChannelError::Lost | ChannelError::ReaderGone | ChannelError::ServiceDown | ChannelError::Protocol
            ),
            Self::OutcomeUnknown | Self::Exchanged => true,
            _ => false,
        }
    }

    /// What a caller is told when his operation was called off.
    pub(super) const fn called_off(found: CalledOff, trouble: Trouble) -> Self {
        match found {
            CalledOff::DuringPin => Self::OutcomeUnknown,
            CalledOff::BeforePin | CalledOff::AfterPin => Self::Stuck(trouble),
        }
    }
}

const fn refusal_code(refusal: Refusal) -> Code {
    match refusal {
        Refusal::Unknown => Code::SessionUnknown,
        Refusal::Ended(EndReason::CardRemoved) => Code::CardRemoved,
        Refusal::Ended(EndReason::Stopping) => Code::GatewayStopping,
        Refusal::Ended(_) => Code::SessionEnded,
        Refusal::Waiting => Code::SessionWaiting,
        Refusal::Operating => Code::SessionBusy,
        Refusal::Busy => Code::CardBusy,
        Refusal::ReaderUnknown => Code::ReaderAbsent,
        Refusal::Degraded(Trouble::Mute) => Code::ReaderDegraded,
        Refusal::Degraded(trouble) => trouble_code(trouble),
        Refusal::QueueFull => Code::SessionQueueFull,
        Refusal::TooMany => Code::SessionTooMany,
    }
}

/// The code of a reader's trouble.
#[must_use]
pub const fn trouble_code(trouble: Trouble) -> Code {
    match trouble {
        Trouble::Disabled => Code::CardsDisabled,
        Trouble::ServiceDown | Trouble::ServiceHung => Code::PcscDown,
        Trouble::Mute => Code::CardMute,
        Trouble::HeldElsewhere => Code::CardHeldElsewhere,
    }
}

const fn channel_code(error: ChannelError) -> Code {
    match error {
        ChannelError::NoCard => Code::CardAbsent,
        ChannelError::Lost => Code::CardRemoved,
        ChannelError::Reset => Code::CardReset,
        ChannelError::Mute => Code::CardMute,
        ChannelError::Held => Code::CardHeldElsewhere,
        ChannelError::ReaderGone => Code::ReaderAbsent,
        ChannelError::ServiceDown => Code::PcscDown,
        ChannelError::Protocol => Code::CardAnswerInvalid,
        ChannelError::CalledOff => Code::ReaderDegraded,
    }
}
