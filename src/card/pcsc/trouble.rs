//! What PC/SC's errors mean here.

use pcsc::Error;

use crate::card::channel::ChannelError;

/// An error before the transaction: no command has been sent.
pub(super) fn before(error: Error) -> ChannelError {
    match error {
        Error::NoSmartcard | Error::RemovedCard => ChannelError::NoCard,
        other => during(other),
    }
}

/// An error during the transaction: the last command may have reached the card.
pub(super) fn during(error: Error) -> ChannelError {
    match error {
        // Before pcscd's next look at the reader, a card that was taken away is a command that was not transacted.
        Error::NoSmartcard | Error::RemovedCard | Error::NotTransacted | Error::CommDataLost => ChannelError::Lost,
        Error::ResetCard => ChannelError::Reset,
        Error::UnresponsiveCard | Error::UnpoweredCard | Error::Timeout => ChannelError::Mute,
        Error::SharingViolation => ChannelError::Held,
        Error::UnknownReader | Error::ReaderUnavailable | Error::NoReadersAvailable => ChannelError::ReaderGone,
        error if service(error) => ChannelError::ServiceDown,
        _ => ChannelError::Protocol,
    }
}

/// Whether the context is of no more use.
pub(super) const fn service(error: Error) -> bool {
    matches!(
        error,
        Error::NoService
            | Error::ServiceStopped
            | Error::CommError
            | Error::Shutdown
            | Error::InvalidHandle
            | Error::SystemCancelled
            | Error::InternalError
    )
}
