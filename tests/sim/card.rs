//! A card and a room of the test's own, for the tests of the card room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use engawa::card::channel::{Channel, ChannelError};
use zeroize::Zeroizing;

pub(crate) const CHALLENGE: &[u8] = b"the hub's challenge, 32 bytes...";
pub(crate) const PIN: &str = "1234";
pub(crate) const PROFILE_PIN: &str = "5678";
const JPKI: [u8; 10] = [0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01];
const PROFILE: [u8; 10] = [0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x08];

/// What happens to one command, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The card carries it out; its answer is lost with the card.
    Lost,
    /// The card goes before it.
    Gone,
    /// Another program resets the card before it.
    Reset,
    /// The reader's buffer is too small for the answer.
    SmallBuffer,
    /// The answer ends early.
    Truncated,
    /// One bit of the answer is turned.
    Flipped,
    /// This status word and no data.
    Status(u16),
    /// One byte.
    OneByte,
    /// Another card lies there, with nothing selected, and no error is raised.
    Swapped,
    /// The card does not answer.
    Mute,
}

pub(crate) const FAULTS: [Fault; 14] = [
    Fault::Lost,
    Fault::Gone,
    Fault::Reset,
    Fault::SmallBuffer,
    Fault::Truncated,
    Fault::Flipped,
    Fault::OneByte,
    Fault::Swapped,
    Fault::Mute,
    Fault::Status(0x6D00),
    Fault::Status(0x6982),
    Fault::Status(0x6F00),
    Fault::Status(0x63C2),
    Fault::Status(0x9000),
];

/// A software card: enough of JPKI and 券面事項入力補助 for what engawa does, and a record of what was done to it.
pub(crate) struct SoftCard {
    pub(crate) files: BTreeMap<([u8; 10], u16), Vec<u8>>,
    pub(crate) tries: BTreeMap<[u8; 10], u8>,
    /// The certificate is behind the PIN, as on a telephone.
    pub(crate) phone: bool,
    /// It answers the last wrong PIN like one that was blocked before: 6984.
    pub(crate) curt: bool,
    pub(crate) fault: Option<(usize, Fault)>,
    /// VERIFY commands with a body that reached the card.
    pub(crate) verifies: usize,
    /// Commands seen.
    pub(crate) seen: Vec<Vec<u8>>,
    /// What it may be asked to sign.
    pub(crate) challenges: Vec<Vec<u8>>,
    sent: usize,
    app: Option<[u8; 10]>,
    file: Option<u16>,
    open: bool,
    absent: bool,
}

impl SoftCard {
    pub(crate) fn new() -> Self {
        Self::with_certificate(certificate(false))
    }

    pub(crate) fn with_certificate(certificate: Vec<u8>) -> Self {
        let mut token = b"JPKIAPICCTOKEN2".to_vec();
        token.resize(32, b' ');
        let files = BTreeMap::from([
            ((JPKI, 0x0006), token),
            ((JPKI, 0x0008), vec![0x8F, 0x8F, 0x00]),
            ((JPKI, 0x000A), certificate),
            ((PROFILE, 0x0001), b"\xFF\x10\x0C123456789018".to_vec()),
            ((PROFILE, 0x0002), basic_four()),
        ]);
        Self {
            files,
            tries: BTreeMap::from([(JPKI, 3), (PROFILE, 3)]),
            phone: false,
            curt: false,
            fault: None,
            verifies: 0,
            seen: Vec::new(),
            challenges: vec![CHALLENGE.to_vec()],
            sent: 0,
            app: None,
            file: None,
            open: false,
            absent: false,
        }
    }

    pub(crate) fn kind(mut self, token: &str, availability: [u8; 3]) -> Self {
        let mut bytes = token.as_bytes().to_vec();
        bytes.resize(32, b' ');
        self.files.insert((JPKI, 0x0006), bytes);
        self.files.insert((JPKI, 0x0008), availability.to_vec());
        self
    }

    pub(crate) fn left(mut self, tries: u8) -> Self {
        self.tries.insert(JPKI, tries);
        self
    }

    pub(crate) fn shared(self) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(self))
    }

    pub(crate) fn jpki_tries(&self) -> u8 {
        self.tries[&JPKI]
    }

    fn act(&mut self, command: &[u8]) -> (Vec<u8>, u16) {
        match command {
            [0x00, 0xA4, 0x04, 0x0C, _, aid @ ..] => {
                let known = [JPKI, PROFILE].into_iter().find(|known| known == aid);
                let known = known.filter(|app| self.files.keys().any(|(of, _)| of == app));
                let Some(app) = known else { return (vec![], 0x6A82) };
                (self.app, self.file, self.open) = (Some(app), None, false);
                (vec![], 0x9000)
            }
            [0x00, 0xA4, 0x02, 0x0C, 0x02, high, low] => {
                let Some(app) = self.app else { return (vec![], 0x6A82) };
                let file = u16::from_be_bytes([*high, *low]);
                let secret = match app == JPKI {
                    true => matches!(file, 0x17 | 0x18),
                    false => file == 0x11,
                };
                if !secret && !self.files.contains_key(&(app, file)) {
                    return (vec![], 0x6A82);
                }
                self.file = Some(file);
                (vec![], 0x9000)
            }
            [0x00, 0xB0, high, low, length] => self.read(u16::from_be_bytes([*high, *low]).into(), *length),
            [0x00, 0x20, 0x00, 0x80] => match self.app {
                Some(app) => (vec![], 0x63C0 | u16::from(self.tries[&app])),
                None => (vec![], 0x6985),
            },
            [0x00, 0x20, 0x00, 0x80, 0x04, pin @ ..] => self.verify(pin),
            [0x80, 0x2A, 0x00, 0x80, 0x33, info @ .., 0x00] => self.sign(info),
            _ => (vec![], 0x6D00),
        }
    }

    fn read(&self, offset: usize, length: u8) -> (Vec<u8>, u16) {
        let (Some(app), Some(file)) = (self.app, self.file) else { return (vec![], 0x6986) };
        let Some(content) = self.files.get(&(app, file)) else { return (vec![], 0x6986) };
        let shut = app == PROFILE || (self.phone && file == 0x000A);
        if shut && !self.open {
            return (vec![], 0x6982);
        }
        let length = if length == 0 { 256 } else { usize::from(length) };
        let from = offset.min(content.len());
        (content[from..(from + length).min(content.len())].to_vec(), 0x9000)
    }

    fn verify(&mut self, pin: &[u8]) -> (Vec<u8>, u16) {
        self.verifies += 1;
        let (Some(app), Some(_)) = (self.app, self.file) else { return (vec![], 0x6985) };
        let tries = self.tries.get_mut(&app).unwrap();
        if *tries == 0 {
            return (vec![], 0x6984);
        }
        *tries -= 1;
        let right = if app == JPKI { PIN } else { PROFILE_PIN };
        if pin != right.as_bytes() {
            if self.curt && *tries == 0 {
                return (vec![], 0x6984);
            }
            return (vec![], 0x63C0 | u16::from(*tries));
        }
        (*tries, self.open) = (3, true);
        (vec![], 0x9000)
    }

    fn sign(&self, info: &[u8]) -> (Vec<u8>, u16) {
        if !(self.open && self.app == Some(JPKI) && self.file == Some(0x17)) {
            return (vec![], 0x6982);
        }
        let digest = |challenge: &[u8]| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, challenge);
        let challenge = self.challenges.iter().find(|challenge| digest(challenge).as_ref() == &info[19..]);
        let challenge = challenge.expect("only the test's challenges are signed");
        let mut signature = vec![0; 256];
        key().sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), challenge, &mut signature).unwrap();
        (signature, 0x9000)
    }
}

impl Channel for SoftCard {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, ChannelError> {
        let fault = self.fault.filter(|(at, _)| *at == self.sent).map(|(_, fault)| fault);
        self.sent += 1;
        if self.absent {
            return Err(ChannelError::Lost);
        }
        match fault {
            Some(Fault::Gone) => {
                self.absent = true;
                return Err(ChannelError::Lost);
            }
            Some(Fault::Reset) => {
                (self.app, self.file, self.open) = (None, None, false);
                return Err(ChannelError::Reset);
            }
            Some(Fault::Swapped) => (self.app, self.file, self.open) = (None, None, false),
            _ => {}
        }
        self.seen.push(command.to_vec());
        let (mut answer, status) = self.act(command);
        answer.extend(status.to_be_bytes());
        match fault {
            Some(Fault::Lost) => {
                self.absent = true;
                Err(ChannelError::Lost)
            }
            Some(Fault::SmallBuffer) => Err(ChannelError::Protocol),
            Some(Fault::Mute) => Err(ChannelError::Mute),
            Some(Fault::Truncated) => {
                answer.truncate(answer.len() / 2);
                Ok(Zeroizing::new(answer))
            }
            Some(Fault::Flipped) => {
                answer[0] ^= 0x04;
                Ok(Zeroizing::new(answer))
            }
            Some(Fault::OneByte) => Ok(Zeroizing::new(vec![0x90])),
            Some(Fault::Status(status)) => Ok(Zeroizing::new(status.to_be_bytes().to_vec())),
            _ => Ok(Zeroizing::new(answer)),
        }
    }
}

/// FF20 around DF21 to DF25.
pub(crate) fn basic_four() -> Vec<u8> {
    let items: [(u8, &[u8]); 5] = [
        (0x21, &[0, 14, 0, 30, 0, 60, 0, 70]),
        (0x22, "縁側 太郎".as_bytes()),
        (0x23, "架空県架空市一丁目".as_bytes()),
        (0x24, b"19400102"),
        (0x25, b"1"),
    ];
    let content: Vec<u8> = items
        .iter()
        .flat_map(|(tag, value)| [&[0xDF, *tag, u8::try_from(value.len()).unwrap()], *value].concat())
        .collect();
    [&[0xFF, 0x20, u8::try_from(content.len()).unwrap()], content.as_slice()].concat()
}

fn key() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).unwrap())
}

/// A self-signed certificate over the card's key.
pub(crate) fn certificate(expired: bool) -> Vec<u8> {
    let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der<'_> = key().as_der().unwrap();
    let der = rcgen::KeyPair::try_from(pkcs8.as_ref()).unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.not_before = rcgen::date_time_ymd(2024, 4, 1);
    params.not_after = rcgen::date_time_ymd(if expired { 2025 } else { 2029 }, 4, 1);
    params.self_signed(&der).unwrap().der().to_vec()
}
