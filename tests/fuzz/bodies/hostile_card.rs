//! A card that answers whatever it likes: engawa asks it only what it may, sends a PIN at most once and only where tries are
//! left, says truly what it cost, and comes to an end.

use engawa::card::channel::{Channel, ChannelError, Gate};
use engawa::card::{CardError, Floor, IdentityPin, ProfilePin, Spent, jpki, profile};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::take;

/// What the card is asked to sign.
pub const CHALLENGE: &[u8] = b"the hub's challenge, 32 bytes...";
const JPKI: [u8; 10] = [0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01];
const PROFILE: [u8; 10] = [0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x08];
/// The longest file is 8 KiB, in pieces of 256 bytes; there are two that may be so long, and a few commands beside.
const MOST: usize = 100;

/// Two bytes say what is asked of the card; the rest is what it answers.
pub fn run(mut bytes: &[u8]) {
    let [operation, settings] = take(&mut bytes, 2) else { return };
    let floor = Floor { tries: settings & 0x0F, confirmed: settings & 0x10 != 0 };
    let known = (settings & 0x20 != 0).then_some([0; 32]);
    let now = (settings & 0x40 != 0).then(|| Timestamp::from_second(1_800_000_000).unwrap());
    let mut card = Card { script: bytes, floor, ..Card::new() };
    let attempt = Gate::default().attempt();
    let pin = Zeroizing::new("1234".to_owned());
    let error = match operation % 3 {
        0 => {
            let pin = IdentityPin::parse(pin).unwrap();
            let signed = jpki::identify(&mut card, attempt, pin, floor, CHALLENGE, known, now);
            if let Ok(signed) = &signed {
                assert!(signed.certificate.verifies(CHALLENGE, &signed.signature), "an unchecked signature");
                assert_eq!(card.pin, Pin::Taken, "signed without a PIN");
                assert!(known.is_none_or(|known| known == signed.certificate.identity()), "another person's signature");
                assert!(now.is_none_or(|now| now <= signed.certificate.not_after), "an expired certificate");
            }
            signed.err()
        }
        1 => {
            let read = profile::basic_four(&mut card, attempt, ProfilePin::parse(pin).unwrap(), floor);
            assert!(read.is_err() || card.pin == Pin::Taken, "the four items without a PIN");
            read.err()
        }
        _ => {
            let counters = jpki::counters(&mut card);
            assert_eq!(card.pin, Pin::NotSent, "a PIN where none was given");
            counters.err()
        }
    };
    if let Some(error) = error {
        card.cost(&error);
    }
    if card.pin == Pin::Taken {
        assert!(matches!(card.last.as_slice(), [0x00, 0xA4, 0x04, ..]), "what the PIN opened was left open");
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pin {
    NotSent,
    /// The card's word is no word on it, or none came.
    Unknown,
    Taken,
    Wrong,
}

/// The answers, and what engawa said.
struct Card<'a> {
    script: &'a [u8],
    floor: Floor,
    application: Option<[u8; 10]>,
    file: Option<[u8; 2]>,
    /// Tries left by the answer to the command before.
    counted: Option<u8>,
    pin: Pin,
    last: Vec<u8>,
    commands: usize,
}

impl Card<'_> {
    const fn new() -> Self {
        let floor = Floor { tries: 0, confirmed: false };
        let (application, file, counted, pin) = (None, None, None, Pin::NotSent);
        Self { script: &[], floor, application, file, counted, pin, last: Vec::new(), commands: 0 }
    }

    /// Every command has its place.
    fn hear(&mut self, command: &[u8]) {
        let counted = self.counted.take();
        match command {
            [0x00, 0xA4, 0x04, 0x0C, 0x0A, name @ ..] => {
                let known = [JPKI, PROFILE].into_iter().find(|known| known == name);
                (self.application, self.file) = (Some(known.expect("an application that is none of ours")), None);
            }
            [0x00, 0xA4, 0x02, 0x0C, 0x02, high, low] => {
                let files: &[u8] = match self.application.expect("a file of no application") {
                    JPKI => &[0x06, 0x08, 0x0A, 0x17, 0x18],
                    _ => &[0x02, 0x11],
                };
                assert!(*high == 0 && files.contains(low), "a file that is none of ours");
                self.file = Some([*high, *low]);
            }
            [0x00, 0xB0, 0x00..=0x7F, _, _] => {
                let readable = match self.application {
                    Some(JPKI) => matches!(self.file, Some([0, 0x06 | 0x08 | 0x0A])),
                    _ => self.file == Some([0, 0x02]),
                };
                assert!(readable, "reading what was not selected by its name");
            }
            [0x00, 0x20, 0x00, 0x80] => self.at_the_pin(),
            [0x00, 0x20, 0x00, 0x80, 0x04, b'1', b'2', b'3', b'4'] => {
                self.at_the_pin();
                assert_eq!(self.pin, Pin::NotSent, "the PIN is sent again");
                let left = counted.expect("a PIN is sent without asking for the tries left");
                assert!(left > 0 && (left > self.floor.tries || self.floor.confirmed), "a PIN is sent at {left} tries");
                self.pin = Pin::Unknown;
            }
            [0x80, 0x2A, 0x00, 0x80, 0x33, info @ .., 0x00] if info.len() == 0x33 => {
                assert!(self.application == Some(JPKI) && self.file == Some([0, 0x17]), "not the key");
                assert_eq!(self.pin, Pin::Taken, "a key is used without a PIN");
            }
            _ => panic!("a command that has no place: {command:02X?}"),
        }
    }

    fn at_the_pin(&self) {
        let pin = if self.application == Some(JPKI) { [0, 0x18] } else { [0, 0x11] };
        assert!(self.application.is_some() && self.file == Some(pin), "not at the PIN");
    }

    /// One byte says how the card answers: so many bytes of the script, or as below.
    fn answer(&mut self, command: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let [how] = take(&mut self.script, 1) else { return Err(ChannelError::Lost) };
        let script = &mut self.script;
        Ok(match how {
            0xF0 => vec![0x90, 0x00],
            0xF1 => vec![0x63, 0xC3],
            // As many bytes as were asked for, and 9000.
            0xF2 => {
                let asked = command.last().map_or(0, |asked| usize::from(asked.wrapping_sub(1)) + 1);
                [take(script, asked), &[0x90, 0x00]].concat()
            }
            0xF3 => [take(script, 600), &[0x90, 0x00]].concat(),
            0xF4 => return Err(ChannelError::NoCard),
            0xF5 => return Err(ChannelError::Lost),
            0xF6 => return Err(ChannelError::Reset),
            0xF7 => return Err(ChannelError::Mute),
            0xF8 => return Err(ChannelError::Held),
            0xF9 => return Err(ChannelError::ReaderGone),
            0xFA => return Err(ChannelError::ServiceDown),
            0xFB => return Err(ChannelError::Protocol),
            0xFC => return Err(ChannelError::CalledOff),
            length => take(script, usize::from(*length)).to_vec(),
        })
    }

    /// What the card's word says of the tries left, or of the PIN.
    fn count(&mut self, compared: bool, answer: &Result<Vec<u8>, ChannelError>) {
        let word = answer.as_deref().ok().and_then(<[u8]>::last_chunk);
        if !compared {
            self.counted = match word {
                Some([0x63, low @ 0xC0..=0xCF]) => Some(low & 0x0F),
                _ => None,
            };
            return;
        }
        self.pin = match (word, answer) {
            (Some([0x90, 0x00]), Ok(answer)) if answer.len() == 2 => Pin::Taken,
            (Some([0x63, 0xC0..=0xCF]), _) => Pin::Wrong,
            // It was not blocked before: the last try has gone, if there was but one.
            (Some([0x69, 0x83 | 0x84]), _) if self.counted == Some(1) => Pin::Wrong,
            // It was never sent: the gate was shut.
            (_, Err(ChannelError::CalledOff)) => Pin::NotSent,
            _ => Pin::Unknown,
        };
    }

    /// What the error says of the cost is what the card's own words say of it.
    fn cost(&self, error: &CardError) {
        let cost = match self.pin {
            Pin::NotSent | Pin::Taken => Spent::None,
            Pin::Unknown => Spent::Unknown,
            Pin::Wrong => Spent::One,
        };
        assert_eq!(error.spent(), cost, "{error:?}");
    }
}

impl Channel for Card<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, ChannelError> {
        self.commands += 1;
        assert!(self.commands <= MOST, "it comes to no end");
        self.hear(command);
        self.last = command.to_vec();
        let answer = self.answer(command);
        if let [0x00, 0x20, 0x00, 0x80, digits @ ..] = command {
            self.count(!digits.is_empty(), &answer);
        }
        answer.map(Zeroizing::new)
    }
}
