//! Cards and whose they are. `2` is the plastic card of the second person of `world.json`, `2-expired` another card of the
//! same person. A card is made once, under `DIR/cards/NAME/`; `card.json`, which the hub reads too, is written last.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::{Timestamp, ToSpan};
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::applet::{Card, Session};
use super::files::{self, File, Files, Place};
use super::key::Key;
use super::memory::{Entry, Memory, Pin};
use crate::cli::Failure;
use crate::clock::Clock;
use crate::digest::derive;
use crate::folder::{self, private, public};
use crate::pki::Span;
use crate::pki::jpki::{CardAuthority, Purpose, Subject, der};
use crate::world::{Person, World};

/// What a card is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ordinary,
    /// 顔認証マイナンバーカード: no PIN was ever set, and there is no certificate to sign with.
    NoPin,
    Expired,
    /// Its certificates end so many days after the card was made.
    Expiring(i64),
    Revoked,
    /// No try is left for the 利用者証明用 PIN.
    Blocked,
    /// On a telephone the certificate is behind the PIN too.
    Android,
    Iphone,
    /// 住基カード: a key to sign with, none to authenticate with.
    Juki,
}

/// A card by its name.
#[derive(Clone, Debug)]
pub(super) struct Name {
    text: String,
    person: usize,
    kind: Kind,
}

/// The names to choose from, for messages.
pub(super) const NAMES: &str = "N, N-no-pin, N-expired, N-expiring-DAYS, N-revoked, N-blocked, N-android, N-iphone or N-juki, where N counts the \
     people of world.json from 1";

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, kind) = text.split_once('-').unwrap_or((text, ""));
        let kind = match kind {
            "" if !text.ends_with('-') => Kind::Ordinary,
            "no-pin" => Kind::NoPin,
            "expired" => Kind::Expired,
            "revoked" => Kind::Revoked,
            "blocked" => Kind::Blocked,
            "android" => Kind::Android,
            "iphone" => Kind::Iphone,
            "juki" => Kind::Juki,
            other => match other.strip_prefix("expiring-").and_then(|days| days.parse().ok()) {
                Some(days @ 0..=3650) => Kind::Expiring(days),
                _ => return Err(format!("{text:?} is none of {NAMES}")),
            },
        };
        let person = number.parse().ok().filter(|n| *n > 0 && !number.starts_with('0'));
        let person: usize = person.ok_or_else(|| format!("{text:?} is none of {NAMES}"))?;
        Ok(Self { text: text.to_owned(), person, kind })
    }
}

/// `card.json`: everything about a card but its keys and its My Number, which is nowhere on the disk.
#[derive(Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) insurer_number: String,
    pub(super) insured_number: String,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) birth_date: String,
    pub(super) sex: String,
}

impl Name {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The card, made first if there is none, and claimed for one reader.
    pub(super) fn open(&self, dir: &Path, fsync: bool) -> Result<Card, Failure> {
        let world = folder::world(dir)?;
        let at = dir.join("cards").join(&self.text);
        fs::create_dir_all(&at)?;
        {
            let lock = OpenOptions::new().write(true).create(true).truncate(false).open(at.join("making"))?;
            let _alone = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, e)| e)?;
            if !at.join("card.json").exists() {
                self.make(dir, &at, &world)?;
            }
        }
        let memory = Memory::open(&at, fsync)?;
        let facts: Facts = serde_json::from_slice(&fs::read(at.join("card.json"))?)?;
        Ok(Card {
            name: self.text.clone(),
            atr: self.atr(),
            files: self.files(dir, &at, &facts, world.seed)?,
            keys: self.keys(&at)?,
            pins: self.pins(),
            memory,
            session: Session::default(),
        })
    }

    fn make(&self, dir: &Path, at: &Path, world: &World) -> Result<(), Failure> {
        let person = world.people.get(self.person - 1);
        let person = person.ok_or_else(|| format!("world.json has {} people only", world.people.len()))?;
        let facts = facts(person, world, self.person);
        let now = Clock::default().now();
        let (mut serials, span) = (BTreeMap::new(), self.span(now)?);
        for purpose in self.purposes() {
            let label = if *purpose == Purpose::Authentication { "auth" } else { "sign" };
            // Sixteen digits that begin with neither zero nor a sign bit.
            let serial = format!("4{}", derive(world.seed, &format!("serial/{}/{label}", self.text), 0, 15));
            let issued = CardAuthority::open(dir, *purpose, now)?.issue(Subject {
                common_name: format!("{}{}", serial.to_uppercase(), if label == "auth" { "A" } else { "S" }),
                serial: u64::from_str_radix(&serial, 16)?.to_be_bytes().to_vec(),
                names: if label == "sign" { alternative_names(&facts) } else { Vec::new() },
                span,
            })?;
            private(&at.join(format!("{label}.key.der")), &issued.key_pkcs8)?;
            public(&at.join(format!("{label}.pem")), &issued.certificate_pem)?;
            serials.insert(format!("{label}_serial"), serial);
        }
        private(&at.join("state.json"), Memory::first(&self.entries())?)?;
        let mut all = json!({"card": self.text, "revoked": self.kind == Kind::Revoked, "pins": self.values()});
        if let (Some(all), Ok(json)) = (all.as_object_mut(), serde_json::to_value(&facts)) {
            all.extend(json.as_object().cloned().unwrap_or_default());
            all.extend(serials.into_iter().map(|(name, serial)| (name, json!(serial))));
        }
        private(&at.join("card.json"), serde_json::to_vec_pretty(&all)?)
    }

    fn purposes(&self) -> &'static [Purpose] {
        match self.kind {
            Kind::NoPin => &[Purpose::Authentication],
            Kind::Juki => &[Purpose::Signature],
            _ => &[Purpose::Authentication, Purpose::Signature],
        }
    }

    fn span(&self, now: Timestamp) -> Result<Span, Failure> {
        const YEAR: i64 = 365 * 24;
        let (from, to) = match self.kind {
            Kind::Expired | Kind::Juki => (-6 * YEAR, -24),
            // An hour more than the days, so that "in N days" is true for the time of a test.
            Kind::Expiring(days) => (-4 * YEAR, days * 24 + 1),
            _ => (-YEAR, 4 * YEAR),
        };
        Span::new(now, from.hours(), to.hours())
    }

    fn is_phone(&self) -> bool {
        matches!(self.kind, Kind::Android | Kind::Iphone)
    }

    fn atr(&self) -> Vec<u8> {
        if self.is_phone() {
            vec![0x3B, 0x80, 0x80, 0x01, 0x01]
        } else {
            vec![0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14]
        }
    }

    /// The values of the PINs: different ones, so that none passes for another.
    fn values(&self) -> BTreeMap<Pin, &'static str> {
        let all = [(Pin::Auth, "1234"), (Pin::Sign, "ENGAWA2026"), (Pin::Text, "5678")];
        let has = |pin: Pin| self.pins().values().any(|p| *p == pin);
        all.into_iter()
            .filter(|(pin, _)| has(*pin))
            .map(|(pin, value)| (pin, if self.kind == Kind::NoPin { "" } else { value }))
            .collect()
    }

    fn entries(&self) -> BTreeMap<Pin, Entry> {
        let tries = |pin: Pin| match self.kind {
            Kind::NoPin => 0,
            Kind::Blocked if pin == Pin::Auth => 0,
            _ => pin.most(),
        };
        self.values()
            .into_iter()
            .map(|(pin, value)| (pin, Entry { pin: value.to_owned(), tries: tries(pin) }))
            .collect()
    }

    fn pins(&self) -> BTreeMap<Place, Pin> {
        let mut pins = BTreeMap::from([(files::SIGN_PIN, Pin::Sign)]);
        if self.kind != Kind::Juki {
            pins.insert(files::AUTH_PIN, Pin::Auth);
        }
        if self.kind != Kind::Juki && !self.is_phone() {
            pins.insert(files::TEXT_PIN, Pin::Text);
        }
        pins
    }

    fn keys(&self, at: &Path) -> Result<BTreeMap<Place, (Key, Pin)>, Failure> {
        let mut keys = BTreeMap::new();
        for purpose in self.purposes() {
            let (place, file, pin) = match purpose {
                Purpose::Authentication => (files::AUTH_KEY, "auth.key.der", Pin::Auth),
                Purpose::Signature => (files::SIGN_KEY, "sign.key.der", Pin::Sign),
            };
            keys.insert(place, (Key::from_pkcs8(&fs::read(at.join(file))?)?, pin));
        }
        Ok(keys)
    }

    fn files(&self, dir: &Path, at: &Path, facts: &Facts, seed: u64) -> Result<Files, Failure> {
        let read = |file: PathBuf| der(&fs::read_to_string(file)?);
        let mut all = Files::new();
        let mut put = |place, content, behind| all.insert(place, File { content, behind });
        for purpose in self.purposes() {
            match purpose {
                Purpose::Authentication => {
                    let behind = self.is_phone().then_some(Pin::Auth);
                    put(files::AUTH_CERTIFICATE, read(at.join("auth.pem"))?, behind);
                    put(files::AUTH_CA, read(dir.join("pki/jpki-ca.pem"))?, None);
                }
                Purpose::Signature => {
                    put(files::SIGN_CERTIFICATE, read(at.join("sign.pem"))?, Some(Pin::Sign));
                    put(files::SIGN_CA, read(dir.join("pki/jpki-sign-ca.pem"))?, None);
                }
            }
        }
        let (token, available) = match self.kind {
            Kind::Juki => ("JPKIAPICCTOKEN", [0x00, 0x8F, 0x00]),
            Kind::Android => ("JPKIAPGPSETOKEN", [0x8F, 0x8F, 0x00]),
            Kind::Iphone => ("JPKIAPIOSTOKEN", [0x8F, 0x8F, 0x00]),
            Kind::NoPin => ("JPKIAPICCTOKEN2", [0x8F, 0x00, 0x00]),
            _ => ("JPKIAPICCTOKEN2", [0x8F, 0x8F, 0x00]),
        };
        put(files::TOKEN, files::token(token), None);
        put(files::AVAILABLE, available.to_vec(), None);
        if self.pins().contains_key(&files::TEXT_PIN) {
            let birth = facts.birth_date.replace('-', "");
            let sex = if facts.sex == "male" { '1' } else { '2' };
            put(files::MY_NUMBER, files::my_number(&my_number(seed, self.person)), Some(Pin::Text));
            put(files::BASIC_FOUR, files::basic_four(&facts.name, &facts.address, &birth, sex), Some(Pin::Text));
        }
        Ok(all)
    }
}

fn facts(person: &Person, world: &World, number: usize) -> Facts {
    let home = world.municipalities.iter().find(|m| m.insurer_number == person.insurer_number);
    Facts {
        insurer_number: person.insurer_number.clone(),
        insured_number: person.insured_number.clone(),
        name: person.name.clone(),
        address: format!("架空県{}例示町{number}丁目{number}番{number}号", home.map_or("架空市", |m| m.name.as_str())),
        birth_date: person.birth_date.to_string(),
        sex: person.sex.clone(),
    }
}

/// Name, sex, birth with the digit of its era (3 is 昭和, 4 平成), address.
fn alternative_names(facts: &Facts) -> Vec<(Vec<u64>, String)> {
    let era = if facts.birth_date.as_str() < "1989-01-08" { '3' } else { '4' };
    let birth = format!("{era}{}", facts.birth_date.replace('-', ""));
    let sex = if facts.sex == "male" { "1" } else { "2" };
    [(1, facts.name.clone()), (3, sex.to_owned()), (4, birth), (5, facts.address.clone())]
        .into_iter()
        .map(|(last, text)| (vec![1, 2, 392, 200_149, 8, 5, 5, last], text))
        .collect()
}

/// Twelve digits that follow from the seed; the check digit is right, the number nobody's.
fn my_number(seed: u64, person: usize) -> String {
    let digest = derive(seed, "my-number", u64::try_from(person).unwrap_or(0), 11);
    let eleven: String = digest.chars().filter_map(|c| char::from_digit(c.to_digit(16)? % 10, 10)).collect();
    files::with_check_digit(&eleven)
}
