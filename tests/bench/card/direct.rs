//! What a well-behaved program without the broker does.

use std::ffi::CString;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use engawa::card::ReaderName;
use engawa::card::jpki::{HolderCertificate, parse_certificate};
use pcsc::{Context, Disposition, MAX_BUFFER_SIZE, Protocols, Scope, ShareMode, Transaction};
use tokio::time::Instant;

use crate::vcard::PIN;

/// Selects the JPKI application.
pub(super) const OPEN: [u8; 15] =
    [0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01];
const TOKEN: u8 = 0x06;
const CERTIFICATE: u8 = 0x0A;
const KEY: u8 = 0x17;
const PIN_FILE: u8 = 0x18;
const COUNTER: [u8; 4] = [0x00, 0x20, 0x00, 0x80];
/// SHA-256 in PKCS #1 v1.5: what precedes the digest.
const DIGEST_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// How much a program asks of the card.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// All that the broker asks.
    Same,
    /// What is needed for a signature, and not which card it is, how many tries are left, or the log-out.
    Lean,
}

/// A reader by hand.
pub(super) struct Hand {
    context: Context,
    name: CString,
}

impl Hand {
    pub(super) fn new(reader: &ReaderName) -> Self {
        let context = Context::establish(Scope::System).unwrap();
        Self { context, name: CString::new(reader.0.as_str()).unwrap() }
    }

    /// Connects, begins, works, ends, disconnects.
    pub(super) fn job<T>(&self, work: impl FnOnce(&Wire<'_, '_>) -> T) -> T {
        let mut card = self.context.connect(&self.name, ShareMode::Shared, Protocols::ANY).unwrap();
        let transaction = card.transaction().unwrap();
        let result = work(&Wire(&transaction));
        transaction.end(Disposition::LeaveCard).map_err(|(_, error)| error).unwrap();
        card.disconnect(Disposition::LeaveCard).map_err(|(_, error)| error).unwrap();
        result
    }
}

/// A card within a transaction.
pub(super) struct Wire<'a, 'card>(&'a Transaction<'card>);

impl Wire<'_, '_> {
    /// Data without the status word, which has to be good.
    pub(super) fn ask(&self, command: &[u8]) -> Vec<u8> {
        let answer = self.transmit(command);
        let (data, status) = answer.split_at(answer.len() - 2);
        assert_eq!(status, [0x90, 0x00], "instruction {:02X}", command[1]);
        data.to_vec()
    }

    fn transmit(&self, command: &[u8]) -> Vec<u8> {
        let mut buffer = [0; MAX_BUFFER_SIZE];
        let answer = self.0.transmit(command, &mut buffer).unwrap();
        assert!(answer.len() >= 2, "the card was lost");
        answer.to_vec()
    }

    fn select(&self, file: u8) {
        self.ask(&[0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, file]);
    }

    fn read(&self, offset: usize, length: usize) -> Vec<u8> {
        let [high, low] = u16::try_from(offset).unwrap().to_be_bytes();
        let data = self.ask(&[0x00, 0xB0, high, low, u8::try_from(length).unwrap_or(0)]);
        assert_eq!(data.len(), length);
        data
    }

    fn tries(&self) -> u8 {
        match self.transmit(&COUNTER)[..] {
            [0x63, low] => low & 0x0F,
            ref other => panic!("{other:02X?}"),
        }
    }

    /// Which card, and its certificate.
    pub(super) fn certificate(&self, manner: Manner) -> HolderCertificate {
        self.ask(&OPEN);
        if manner == Manner::Same {
            self.select(TOKEN);
            assert!(self.read(0, 32).starts_with(b"JPKIAPICCTOKEN"));
        }
        self.select(CERTIFICATE);
        let mut all = self.read(0, 7);
        let whole = 4 + usize::from(u16::from_be_bytes([all[2], all[3]]));
        while all.len() < whole {
            all.extend(self.read(all.len(), (whole - all.len()).min(256)));
        }
        parse_certificate(&all).unwrap()
    }

    /// A whole identification; how long the signing command took.
    pub(super) fn identify(&self, challenge: &[u8], manner: Manner) -> Duration {
        let certificate = self.certificate(manner);
        self.select(PIN_FILE);
        assert_eq!(self.tries(), 3, "somebody has spent a try");
        self.ask(&[&[0x00, 0x20, 0x00, 0x80, 0x04], PIN.as_bytes()].concat());
        self.select(KEY);
        let hash = digest(&SHA256, challenge);
        let command = [&[0x80, 0x2A, 0x00, 0x80, 0x33], DIGEST_INFO.as_slice(), hash.as_ref(), &[0x00]].concat();
        let begin = Instant::now();
        let signature = self.ask(&command);
        let signing = begin.elapsed();
        assert!(certificate.verifies(challenge, &signature));
        if manner == Manner::Same {
            self.select(PIN_FILE);
            self.tries();
            self.ask(&OPEN);
        }
        signing
    }
}
