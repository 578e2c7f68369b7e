//! The card itself: a command in, an answer out. What it has selected and which PINs are open goes with the power.
//!
//! ```text
//!            SELECT AP              SELECT EF
//! power on ────────────► application ────────► file ──VERIFY──► open (until SELECT AP, reset, power off)
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::apdu::{self, Command};
use super::files::{self, App, Files, Place};
use super::key::Key;
use super::memory::{Memory, Pin};
use crate::cli::Failure;

/// A card that lies in a reader.
pub(super) struct Card {
    pub(super) name: String,
    pub(super) atr: Vec<u8>,
    pub(super) files: Files,
    pub(super) keys: BTreeMap<Place, (Key, Pin)>,
    pub(super) pins: BTreeMap<Place, Pin>,
    pub(super) memory: Memory,
    pub(super) session: Session,
}

/// What is lost with the power.
#[derive(Debug, Default)]
pub(super) struct Session {
    app: Option<App>,
    file: Option<u16>,
    open: BTreeSet<Pin>,
}

/// An answer: data and status word.
type Answer = Result<Vec<u8>, u16>;

impl Card {
    /// Forgets what was selected and opened: power off, power on, reset.
    pub(super) fn reset(&mut self) {
        self.session = Session::default();
    }

    /// Carries a command out.
    pub(super) fn transmit(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (mut answer, status) = match Command::parse(bytes).ok_or(apdu::LENGTH).and_then(|c| self.carry_out(&c)) {
            Ok(data) => (data, apdu::OK),
            Err(status) => (Vec::new(), status),
        };
        answer.extend(status.to_be_bytes());
        answer
    }

    /// Which file a command is about: what it selects, names, or has been selected before.
    pub(super) fn addressed(&self, bytes: &[u8]) -> Option<Place> {
        let command = Command::parse(bytes)?;
        let app = self.session.app?;
        match (command.ins, command.p1, command.data) {
            (0xA4, 2, &[high, low]) => Some((app, u16::from_be_bytes([high, low]))),
            (0xA4, ..) => None,
            (0xB0, p1, _) if p1 & 0x80 != 0 => Some((app, u16::from(p1 & 0x1F))),
            (0x20 | 0x24 | 0x2A, ..) => self.named(command.p2).ok(),
            _ => Some((app, self.session.file?)),
        }
    }

    fn carry_out(&mut self, command: &Command<'_>) -> Answer {
        match (command.cla, command.ins) {
            (0x00, 0xA4) => self.select(command),
            (0x00, 0xB0) => self.read(command),
            (0x00, 0x20) => self.verify(command),
            (0x00, 0x24) => self.change(command),
            (0x80, 0x2A) => self.sign(command),
            (0x00 | 0x80, _) => Err(apdu::INSTRUCTION),
            (cla, _) if cla & 0xE0 != 0 => Err(apdu::CLASS),
            (cla, _) if cla & 0x10 != 0 => Err(apdu::CHAINING),
            (cla, _) if cla & 0x0C != 0 => Err(apdu::SECURE),
            _ => Err(apdu::CHANNEL),
        }
    }

    fn select(&mut self, command: &Command<'_>) -> Answer {
        match (command.p1, command.data) {
            (4, aid) => {
                let app = App::of(aid).filter(|app| self.has(*app)).ok_or(apdu::ABSENT)?;
                self.session = Session { app: Some(app), ..Session::default() };
            }
            (2, &[high, low]) => {
                let place = (self.session.app.ok_or(apdu::NO_FILE)?, u16::from_be_bytes([high, low]));
                self.look_up(place)?;
                self.session.file = Some(place.1);
            }
            (2, _) => return Err(apdu::LENGTH),
            (0, _) => return Err(apdu::ABSENT),
            _ => return Err(apdu::PARAMETERS),
        }
        Ok(Vec::new())
    }

    /// The applications without files of their own are on plastic cards only, as the one for text is.
    fn has(&self, app: App) -> bool {
        let app = if app == App::Jpki { app } else { App::Text };
        self.files.keys().any(|place| place.0 == app)
    }

    fn look_up(&self, place: Place) -> Result<(), u16> {
        let known = self.files.contains_key(&place) || self.keys.contains_key(&place) || self.pins.contains_key(&place);
        if known { Ok(()) } else { Err(apdu::ABSENT) }
    }

    fn read(&mut self, command: &Command<'_>) -> Answer {
        let app = self.session.app.ok_or(apdu::NO_FILE)?;
        let (file, offset) = if command.p1 & 0x80 == 0 {
            let file = self.session.file.ok_or(apdu::NO_FILE)?;
            (file, usize::from(u16::from_be_bytes([command.p1, command.p2])))
        } else {
            (u16::from(command.p1 & 0x1F), usize::from(command.p2))
        };
        let found = self.files.get(&(app, file)).ok_or(apdu::ABSENT)?;
        if found.behind.is_some_and(|pin| !self.session.open.contains(&pin)) {
            return Err(apdu::SECURITY);
        }
        self.session.file = Some(file);
        let rest = found.content.get(offset..).filter(|rest| !rest.is_empty()).ok_or(apdu::OFFSET)?;
        let length = command.le.unwrap_or(256).min(256).min(rest.len());
        Ok(rest.get(..length).unwrap_or_default().to_vec())
    }

    /// The file P2 names: 80 is the selected one, 80 + n the one of short identifier n.
    fn named(&self, p2: u8) -> Result<Place, u16> {
        let app = self.session.app.ok_or(apdu::NO_FILE)?;
        match p2 {
            0x80 => self.session.file.map(|file| (app, file)).ok_or(apdu::NO_FILE),
            0x81..=0x9E => Ok((app, u16::from(p2 & 0x1F))),
            _ => Err(apdu::PARAMETERS),
        }
    }

    fn pin(&mut self, p2: u8) -> Result<(Pin, u8), u16> {
        let place = self.named(p2)?;
        let pin = *self.pins.get(&place).ok_or(apdu::NO_FILE)?;
        self.session.file = Some(place.1);
        Ok((pin, self.memory.tries(pin).ok_or(apdu::NO_FILE)?))
    }

    /// Without a body: how many tries are left. With one, the counter falls before anything is compared.
    fn verify(&mut self, command: &Command<'_>) -> Answer {
        let (pin, tries) = self.pin(command.p2)?;
        if command.data.is_empty() {
            return Err(apdu::TRIES | u16::from(tries));
        }
        self.session.open.remove(&pin);
        let left = tries.checked_sub(1).ok_or(apdu::BLOCKED)?;
        self.memory.put_tries(pin, left).map_err(|_| apdu::MEMORY)?;
        if !self.memory.is(pin, command.data) {
            return Err(apdu::TRIES | u16::from(left));
        }
        self.memory.put_tries(pin, pin.most()).map_err(|_| apdu::MEMORY)?;
        self.session.open.insert(pin);
        Ok(Vec::new())
    }

    fn change(&mut self, command: &Command<'_>) -> Answer {
        let (pin, _) = self.pin(command.p2)?;
        if !self.session.open.contains(&pin) {
            return Err(apdu::SECURITY);
        }
        let text = std::str::from_utf8(command.data).map_err(|_| apdu::CONDITIONS)?;
        let good = match pin {
            Pin::Auth | Pin::Text => text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit()),
            Pin::Sign => {
                (6..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
            }
        };
        if !good {
            return Err(apdu::CONDITIONS);
        }
        self.memory.put_pin(pin, text).map_err(|_| apdu::MEMORY)?;
        Ok(Vec::new())
    }

    /// P1 00 only: the block as the host has made it.
    fn sign(&mut self, command: &Command<'_>) -> Answer {
        if command.p1 != 0 {
            return Err(apdu::PARAMETERS);
        }
        let place = self.named(command.p2)?;
        let (key, pin) = self.keys.get(&place).ok_or(apdu::ABSENT)?;
        if !self.session.open.contains(pin) {
            return Err(apdu::SECURITY);
        }
        self.session.file = Some(place.1);
        key.sign(command.data).map(|signature| signature.to_vec()).ok_or(apdu::CONDITIONS)
    }

    /// All tries back, or as many as are wanted.
    pub(super) fn put_tries(&mut self, only: Option<Pin>, tries: Option<u8>) -> Result<(), Failure> {
        for pin in [Pin::Auth, Pin::Sign, Pin::Text] {
            if only.is_none_or(|only| only == pin) {
                self.memory.put_tries(pin, tries.unwrap_or(pin.most()).min(pin.most()))?;
            }
        }
        Ok(())
    }

    /// Whether a command reads the My Number, in whatever way, and gets it or not.
    pub(super) fn is_after_my_number(&self, bytes: &[u8]) -> bool {
        self.addressed(bytes) == Some(files::MY_NUMBER)
    }
}
