//! 券面事項入力補助: name, address, birth date and sex as they stand on the card, with the application's own PIN.
//!
//! The application also holds the My Number. There is no name for that file here; see `apdu`.

use jiff::civil::Date;

use super::apdu::{Application, Command, ProfileFile};
use super::channel::{Attempt, Channel, exchange};
use super::error::CardError;
use super::jpki::read_selected;
use super::pin::ProfilePin;
use super::tlv::{self, TlvError};
use super::verify::{Floor, tries_left, verify};

const FILE: u16 = 0xFF20;
const NAME: u16 = 0xDF22;
const ADDRESS: u16 = 0xDF23;
const BIRTH: u16 = 0xDF24;
const SEX: u16 = 0xDF25;

/// 基本4情報. Person data: it has no text form, and whoever holds it must not log it.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicFour {
    /// Name.
    pub name: String,
    /// Address.
    pub address: String,
    /// Birth date; `None` where the card does not know the day.
    pub birth: Option<Date>,
    /// Sex.
    pub sex: Sex,
}

impl std::fmt::Debug for BasicFour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BasicFour").finish_non_exhaustive()
    }
}

/// Sex as the card states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// 1.
    Male,
    /// 2.
    Female,
    /// 9, and 3 where the card does not apply it.
    NotStated,
}

/// Tries left of the application's PIN; `None` where the card has no such application.
pub(super) fn tries(channel: &mut dyn Channel) -> Result<Option<u8>, CardError> {
    match open(channel) {
        Ok(()) => {
            select(channel, ProfileFile::Pin)?;
            tries_left(channel).map(Some)
        }
        Err(CardError::Unsupported) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads the four items: tries left, PIN, file, log-out.
///
/// # Errors
/// As [`CardError`] says; [`CardError::spent`] tells what it cost.
pub fn basic_four(
    channel: &mut dyn Channel,
    attempt: Attempt,
    pin: ProfilePin,
    floor: Floor,
) -> Result<BasicFour, CardError> {
    open(channel)?;
    select(channel, ProfileFile::Pin)?;
    if let Err(error) = verify(channel, attempt, pin.0, floor) {
        if error.pin_sent() {
            log_out(channel);
        }
        return Err(error);
    }
    let read = select(channel, ProfileFile::BasicFour).and_then(|()| read_selected(channel));
    log_out(channel);
    parse(&read?.ok_or(CardError::Answer("basic four"))?)
}

/// Reads the file's content.
///
/// # Errors
/// When it is not the sound form of that file.
pub fn parse(file: &[u8]) -> Result<BasicFour, CardError> {
    let (outer, rest) = tlv::first(file)?;
    if outer.tag != FILE {
        return Err(TlvError::Elements.into());
    }
    if !rest.is_empty() {
        return Err(TlvError::Trailing.into());
    }
    let elements = tlv::all(outer.value)?;
    let text = |tag| {
        let value = tlv::only(&elements, tag)?;
        String::from_utf8(value.to_vec()).map_err(|_| CardError::Answer("text"))
    };
    let sex = match tlv::only(&elements, SEX)? {
        b"1" => Sex::Male,
        b"2" => Sex::Female,
        b"3" | b"9" => Sex::NotStated,
        _ => return Err(CardError::Answer("sex")),
    };
    Ok(BasicFour { name: text(NAME)?, address: text(ADDRESS)?, birth: birth(tlv::only(&elements, BIRTH)?)?, sex })
}

/// Eight digits; a year that is not known is 0000 or 9999, a month or day 00 or 99. Any other year in which no living person
/// was born is a file that was damaged on its way.
fn birth(digits: &[u8]) -> Result<Option<Date>, CardError> {
    let unsound = || CardError::Answer("birth");
    let text = std::str::from_utf8(digits).map_err(|_| unsound())?;
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(unsound());
    }
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse().ok()).unwrap_or(0);
    let part = |range| i8::try_from(number(range)).unwrap_or(0);
    match number(0..4) {
        0 | 9999 => Ok(None),
        year @ 1800..=2199 => Ok(Date::new(year, part(4..6), part(6..8)).ok()),
        _ => Err(unsound()),
    }
}

/// Ends what a PIN opened. Whether a PIN was taken whose answer was lost, nobody knows.
fn log_out(channel: &mut dyn Channel) {
    let _ = exchange(channel, &Command::open(Application::Profile));
}

fn open(channel: &mut dyn Channel) -> Result<(), CardError> {
    match exchange(channel, &Command::open(Application::Profile))?.status {
        0x9000 => Ok(()),
        0x6A82 | 0x6A86 | 0x6A81 | 0x6D00 | 0x6E00 | 0x6999 => Err(CardError::Unsupported),
        status => Err(CardError::Status { step: "open", status }),
    }
}

fn select(channel: &mut dyn Channel, file: ProfileFile) -> Result<(), CardError> {
    match exchange(channel, &Command::select_profile(file))?.status {
        0x9000 => Ok(()),
        status => Err(CardError::Status { step: "select", status }),
    }
}
