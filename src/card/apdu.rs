//! Every command that this room can send by itself. There is no other way to make a [`Command`], and none of these can
//! name the file that holds the My Number: the applications and files are closed sets, and a file is read only after it has
//! been selected by its name (never by a short identifier), so what is read is one of these files.

use zeroize::Zeroizing;

use super::channel::Under;
use super::pin::Digits;

/// The card applications engawa opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Application {
    /// 公的個人認証 (JPKI).
    Jpki,
    /// 券面事項入力補助: the four items.
    Profile,
}

impl Application {
    /// The application's id.
    #[must_use]
    pub(super) const fn aid(self) -> [u8; 10] {
        match self {
            Self::Jpki => [0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01],
            Self::Profile => [0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x08],
        }
    }
}

/// Files of the JPKI application that engawa touches. Those of the signature key (署名用) are not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JpkiFile {
    /// Token information: the kind of card.
    Token,
    /// Which certificates there are.
    Availability,
    /// 利用者証明用電子証明書.
    Certificate,
    /// Its key.
    Key,
    /// The key's PIN.
    Pin,
}

impl JpkiFile {
    const fn id(self) -> [u8; 2] {
        match self {
            Self::Token => [0x00, 0x06],
            Self::Availability => [0x00, 0x08],
            Self::Certificate => [0x00, 0x0A],
            Self::Key => [0x00, 0x17],
            Self::Pin => [0x00, 0x18],
        }
    }
}

/// Files of 券面事項入力補助 that engawa touches. 0001, the My Number, is not among them and must never be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProfileFile {
    /// 基本4情報.
    BasicFour,
    /// The application's PIN.
    Pin,
}

impl ProfileFile {
    const fn id(self) -> [u8; 2] {
        match self {
            Self::BasicFour => [0x00, 0x02],
            Self::Pin => [0x00, 0x11],
        }
    }
}

/// The longest piece read at a time.
pub(super) const PIECE: usize = 256;

/// SHA-256 in PKCS #1 v1.5: what precedes the digest.
const DIGEST_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// A command that may be sent.
pub(super) struct Command(Zeroizing<Vec<u8>>);

impl Command {
    fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn open(application: Application) -> Self {
        let aid = application.aid();
        Self::new([&[0x00, 0xA4, 0x04, 0x0C, 0x0A], aid.as_slice()].concat())
    }

    fn select(id: [u8; 2]) -> Self {
        Self::new(vec![0x00, 0xA4, 0x02, 0x0C, 0x02, id[0], id[1]])
    }

    pub(super) fn select_jpki(file: JpkiFile) -> Self {
        Self::select(file.id())
    }

    pub(super) fn select_profile(file: ProfileFile) -> Self {
        Self::select(file.id())
    }

    /// Reads `length` bytes (1 to [`PIECE`]) at `offset` (below 2^15) of the selected file; `None` outside these bounds.
    pub(super) fn read(offset: usize, length: usize) -> Option<Self> {
        let offset = u16::try_from(offset).ok().filter(|offset| *offset < 0x8000)?;
        let [high, low] = offset.to_be_bytes();
        match length {
            // Le 00 asks for 256.
            1..=PIECE => Some(Self::new(vec![0x00, 0xB0, high, low, u8::try_from(length).unwrap_or(0)])),
            _ => None,
        }
    }

    /// Asks for the tries left of the selected PIN. It has no body, so it compares nothing and costs nothing.
    pub(super) fn counter() -> Self {
        Self::new(vec![0x00, 0x20, 0x00, 0x80])
    }

    /// Compares the selected PIN: the one command that can cost a try. It needs the word that the attempt is under way,
    /// which only [`super::verify`] can have, once.
    pub(super) fn verify(_: &Under, digits: Digits) -> Self {
        let mut bytes = Zeroizing::new(Vec::with_capacity(5 + Digits::LENGTH));
        bytes.extend_from_slice(&[0x00, 0x20, 0x00, 0x80, 0x04]);
        bytes.extend_from_slice(digits.ascii());
        drop(digits);
        Self(bytes)
    }

    /// Signs a SHA-256 digest with the selected key.
    pub(super) fn sign(digest: [u8; 32]) -> Self {
        Self::new([&[0x80, 0x2A, 0x00, 0x80, 0x33], DIGEST_INFO.as_slice(), digest.as_slice(), &[0x00]].concat())
    }
}
