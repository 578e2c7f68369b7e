//! A certificate that a server showed, for a person to read: who issued it, for whom, and when it holds.

use std::fmt;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

const LONGEST: usize = 120;
const MOST_NAMES: usize = 3;

/// What stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Who says to have issued it.
    pub issuer: String,
    /// The names that it is for.
    pub names: Vec<String>,
    /// From when on it holds.
    pub from: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
}

impl Shown {
    /// Reads it; nothing of it is verified. `None` when it is no certificate.
    #[must_use]
    pub fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, read) = X509Certificate::from_der(certificate).ok()?;
        let time = |seconds| Timestamp::from_second(seconds).ok();
        let named = read.subject_alternative_name().ok().flatten();
        let names = named.iter().flat_map(|extension| &extension.value.general_names).filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(plain(name)),
            GeneralName::IPAddress(octets) => address(octets),
            _ => None,
        });
        Some(Self {
            issuer: plain(&read.issuer().to_string()),
            names: names.take(MOST_NAMES).collect(),
            from: time(read.validity().not_before.timestamp())?,
            until: time(read.validity().not_after.timestamp())?,
        })
    }

    /// A moment at which it holds.
    #[must_use]
    pub fn within(&self) -> Timestamp {
        let middle = self.from.as_second().midpoint(self.until.as_second());
        Timestamp::from_second(middle).unwrap_or(self.until)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.issuer)
    }
}

fn address(octets: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(octets).map(|octets| std::net::Ipv4Addr::from(octets).to_string());
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(|octets| std::net::Ipv6Addr::from(octets).to_string())).ok()
}

/// Whoever stands in between wrote it: short, and nothing that a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}
