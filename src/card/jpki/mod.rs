//! The JPKI application (公的個人認証), over any [`Channel`], within one transaction.
//!
//! Cards are known by the application they have, never by their ATR. What a card is, its token information says.
//!
//! A card without PIN (顔認証マイナンバーカード) has no mark of its own that is published. **Assumed:** its
//! 利用者証明用 PIN has no try left, and its availability file names no signature certificate, since none is issued to
//! it. An ordinary card whose PIN is blocked and which has no signature certificate looks the same; its holder is offered
//! the same way, the visual one.

mod certificate;
mod file;
mod identify;

pub use certificate::{HolderCertificate, parse as parse_certificate};
pub(super) use file::read_selected;
pub use identify::{Signed, identify};

use super::apdu::{Application, Command, JpkiFile};
use super::channel::{Answer, Channel, exchange};
use super::error::CardError;
use super::verify::tries_left;

/// What kind of card lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardKind {
    /// A plastic My Number card.
    MyNumberCard,
    /// 住基カード, the card before it.
    JukiCard,
    /// An Android telephone.
    AndroidToken,
    /// An iPhone.
    IphoneToken,
    /// A JPKI card of a kind that is not known here.
    Other,
}

/// What a card tells without a PIN.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// What it is.
    pub kind: CardKind,
    /// Tries left of the 利用者証明用 PIN.
    pub identity: u8,
    /// Tries left of the PIN of 券面事項入力補助; `None` where the card has no such application.
    pub profile: Option<u8>,
    /// The card has no PIN: identify its holder visually.
    pub without_pin: bool,
}

/// Selects the application and asks what it is.
///
/// # Errors
/// [`CardError::Unsupported`] when the card has no JPKI application.
pub(super) fn open(channel: &mut dyn Channel) -> Result<CardKind, CardError> {
    match exchange(channel, &Command::open(Application::Jpki))?.status {
        0x9000 => {}
        0x6A82 | 0x6A86 | 0x6A81 | 0x6D00 | 0x6E00 | 0x6999 => return Err(CardError::Unsupported),
        status => return Err(CardError::Status { step: "open", status }),
    }
    if !select_if_there(channel, JpkiFile::Token)? {
        return Ok(CardKind::Other);
    }
    let command = Command::read(0, 32).ok_or(CardError::Answer("token"))?;
    let token = exchange(channel, &command)?;
    Ok(if token.status == 0x9000 { kind(&token.data) } else { CardKind::Other })
}

fn kind(token: &[u8]) -> CardKind {
    match token.trim_ascii_end() {
        b"JPKIAPICCTOKEN2" => CardKind::MyNumberCard,
        b"JPKIAPICCTOKEN" => CardKind::JukiCard,
        b"JPKIAPGPSETOKEN" => CardKind::AndroidToken,
        b"JPKIAPIOSTOKEN" => CardKind::IphoneToken,
        _ => CardKind::Other,
    }
}

pub(super) fn select(channel: &mut dyn Channel, file: JpkiFile) -> Result<(), CardError> {
    if select_if_there(channel, file)? { Ok(()) } else { Err(CardError::Unsupported) }
}

/// Whether the card has the file; if so it is selected.
fn select_if_there(channel: &mut dyn Channel, file: JpkiFile) -> Result<bool, CardError> {
    match exchange(channel, &Command::select_jpki(file))?.status {
        0x9000 => Ok(true),
        0x6A82 => Ok(false),
        status => Err(CardError::Status { step: "select", status }),
    }
}

/// The certificate, where it can be read without a PIN: `None` on telephones.
pub(super) fn free_certificate(channel: &mut dyn Channel) -> Result<Option<HolderCertificate>, CardError> {
    select(channel, JpkiFile::Certificate)?;
    match read_selected(channel)? {
        Some(der) => parse_certificate(&der).map(Some),
        None => Ok(None),
    }
}

/// Whether the availability file names a signature certificate; a card without that file is taken to have one.
fn may_sign_documents(channel: &mut dyn Channel) -> Result<bool, CardError> {
    if !select_if_there(channel, JpkiFile::Availability)? {
        return Ok(true);
    }
    let command = Command::read(0, 3).ok_or(CardError::Answer("availability"))?;
    let Answer { data, status } = exchange(channel, &command)?;
    Ok(!matches!((status, data.as_slice()), (0x9000, [0x80..=0xFF, 0x00, ..])))
}

/// The counters of both PINs. Costs no try.
///
/// # Errors
/// As [`CardError`] says.
pub fn counters(channel: &mut dyn Channel) -> Result<Counters, CardError> {
    let profile = super::profile::tries(channel)?;
    let kind = open(channel)?;
    select(channel, JpkiFile::Pin)?;
    let identity = tries_left(channel)?;
    let without_pin = identity == 0 && !may_sign_documents(channel)?;
    Ok(Counters { kind, identity, profile, without_pin })
}

/// Ends what a PIN opened: selecting the application anew is the card's log-out. What it answers does not matter.
pub(super) fn log_out(channel: &mut dyn Channel) {
    let _ = exchange(channel, &Command::open(Application::Jpki));
}
