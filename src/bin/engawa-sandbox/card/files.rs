//! What is on a card: applications, files and who may read them.

use std::collections::BTreeMap;

use super::memory::Pin;

/// An application of the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum App {
    /// 公的個人認証.
    Jpki,
    /// 券面事項入力補助.
    Text,
    /// 券面事項確認.
    Visual,
    /// Card information.
    Common,
}

impl App {
    /// The application of an identifier, which has to be whole.
    pub(super) fn of(aid: &[u8]) -> Option<Self> {
        Some(match aid {
            [0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0, 0, 0, 1] => Self::Jpki,
            [0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, last] => match last {
                0x08 => Self::Text,
                0x02 => Self::Visual,
                _ => return None,
            },
            [0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x01, 0x00] => Self::Common,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Jpki => "jpki",
            Self::Text => "text",
            Self::Visual => "visual",
            Self::Common => "common",
        }
    }
}

/// A file with content.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) content: Vec<u8>,
    /// The PIN that opens it.
    pub(super) behind: Option<Pin>,
}

/// An elementary file: its application and identifier.
pub(super) type Place = (App, u16);

/// The certificate of the 署名用 key, and its CA's.
pub(super) const SIGN_CERTIFICATE: Place = (App::Jpki, 0x0001);
pub(super) const SIGN_CA: Place = (App::Jpki, 0x0002);
/// The certificate of the 利用者証明用 key, and its CA's.
pub(super) const AUTH_CERTIFICATE: Place = (App::Jpki, 0x000A);
pub(super) const AUTH_CA: Place = (App::Jpki, 0x000B);
/// What kind of token this is.
pub(super) const TOKEN: Place = (App::Jpki, 0x0006);
/// Which certificates there are.
pub(super) const AVAILABLE: Place = (App::Jpki, 0x0008);
pub(super) const AUTH_KEY: Place = (App::Jpki, 0x0017);
pub(super) const AUTH_PIN: Place = (App::Jpki, 0x0018);
pub(super) const SIGN_KEY: Place = (App::Jpki, 0x001A);
pub(super) const SIGN_PIN: Place = (App::Jpki, 0x001B);
/// The My Number, which nobody may ever read.
pub(super) const MY_NUMBER: Place = (App::Text, 0x0001);
/// Name, address, birth, sex.
pub(super) const BASIC_FOUR: Place = (App::Text, 0x0002);
pub(super) const TEXT_PIN: Place = (App::Text, 0x0011);

/// How a place is written in counts and in the journal: `jpki/0018`.
pub(super) fn written(place: Place) -> String {
    format!("{}/{:04X}", place.0.name(), place.1)
}

/// Token information: the name, then nothing.
pub(super) fn token(name: &str) -> Vec<u8> {
    let mut content = name.as_bytes().to_vec();
    content.resize(32, b' ');
    content.resize(160, 0);
    content
}

/// The four items, in DER-like tags of two bytes; the first holds where the others begin.
pub(super) fn basic_four(name: &str, address: &str, birth: &str, sex: char) -> Vec<u8> {
    let mut items = Vec::new();
    let mut places = Vec::new();
    for (tag, text) in [(0x22, name), (0x23, address), (0x24, birth), (0x25, sex.encode_utf8(&mut [0; 4]))] {
        places.extend(u16::try_from(items.len() + 14).unwrap_or(0).to_be_bytes());
        items.extend(tlv([0xDF, tag], text.as_bytes()));
    }
    let mut content = tlv([0xDF, 0x21], &places);
    content.extend(items);
    tlv([0xFF, 0x20], &content)
}

/// Twelve digits under a tag, 17 bytes in all.
pub(super) fn my_number(digits: &str) -> Vec<u8> {
    let mut content = tlv([0xFF, 0x10], digits.as_bytes());
    content.resize(17, 0xFF);
    content
}

fn tlv(tag: [u8; 2], value: &[u8]) -> Vec<u8> {
    let mut out = tag.to_vec();
    match u8::try_from(value.len()) {
        Ok(length) if length < 0x80 => out.push(length),
        Ok(length) => out.extend([0x81, length]),
        Err(_) => {
            out.push(0x82);
            out.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(value);
    out
}

/// The twelfth digit: weights 6,5,4,3,2,7,6,5,4,3,2, modulus 11.
pub(super) fn with_check_digit(eleven: &str) -> String {
    let weights = [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
    let sum: u32 = eleven.chars().zip(weights).filter_map(|(c, w)| Some(c.to_digit(10)? * w)).sum();
    let check = match sum % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    format!("{eleven}{check}")
}

/// All files of a card.
pub(super) type Files = BTreeMap<Place, File>;
