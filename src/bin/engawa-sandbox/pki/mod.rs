//! The sandbox's own certificates: one CA for server and facilities, a foreign one for faults, and every client
//! certificate as PEM and as PKCS#12.

mod issue;
pub(crate) mod jpki;
mod p12;

use std::path::Path;

use jiff::{Timestamp, ToSpan};

pub(crate) use issue::{Authority, Issued, Span};

use crate::cli::Failure;
use crate::digest::derive;
use crate::folder::{private, public};
use crate::world::{CLINIC, World};

/// The server certificates a connection can be answered with, by the name of their files.
pub(crate) const SERVERS: [&str; 5] =
    ["server", "server-expired", "server-not-yet-valid", "server-foreign", "server-wrong-name"];

/// Makes everything under `pki/` and `facilities/`. `now` is the machine's time: certificates are judged by clients too.
pub(crate) fn make(dir: &Path, world: &World, names: &[String], now: Timestamp) -> Result<(), Failure> {
    let ours = Authority::new("engawa sandbox CA (fictitious)", now)?;
    let foreign = Authority::new("some other CA (fictitious)", now)?;
    let pki = dir.join("pki");
    public(&pki.join("ca.pem"), &ours.pem)?;
    private(&pki.join("ca.key"), ours.key_pem())?;
    public(&pki.join("foreign-ca.pem"), &foreign.pem)?;
    private(&pki.join("foreign-ca.key"), foreign.key_pem())?;
    servers(&pki, &ours, &foreign, names, now)?;
    clients(dir, world, &ours, &foreign, now)
}

fn servers(pki: &Path, ours: &Authority, foreign: &Authority, names: &[String], now: Timestamp) -> Result<(), Failure> {
    let mut usual = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    usual.extend(names.iter().cloned());
    let wrong = ["not-this-hub.invalid".to_owned()];
    let good = Span::years(now, 3)?;
    let certificates = [
        ours.server(&usual, good)?,
        ours.server(&usual, Span::past(now)?)?,
        ours.server(&usual, Span::future(now)?)?,
        foreign.server(&usual, good)?,
        ours.server(&wrong, good)?,
    ];
    for (name, issued) in SERVERS.iter().zip(&certificates) {
        public(&pki.join(format!("{name}.pem")), &issued.chain_pem)?;
        private(&pki.join(format!("{name}.key")), &issued.key_pem)?;
    }
    Ok(())
}

fn clients(dir: &Path, world: &World, ours: &Authority, foreign: &Authority, now: Timestamp) -> Result<(), Failure> {
    let good = Span::years(now, 3)?;
    let mut all = Vec::new();
    for facility in &world.facilities {
        all.push((facility.folder.as_str(), ours.client(&facility.number, &facility.kind, good)?));
    }
    all.push(("wrong-kind", ours.client(CLINIC, "online-seikyu", good)?));
    all.push(("expired", ours.client(CLINIC, "iryo", Span::past(now)?)?));
    all.push(("not-yet-valid", ours.client(CLINIC, "iryo", Span::future(now)?)?));
    all.push(("unknown", ours.client("9919999999", "iryo", good)?));
    all.push(("foreign", foreign.client(CLINIC, "iryo", good)?));
    for (folder, issued) in &all {
        client(&dir.join("facilities").join(folder), folder, issued, world.seed)?;
    }
    Ok(())
}

fn client(folder: &Path, name: &str, issued: &Issued, seed: u64) -> Result<(), Failure> {
    let pass = format!("p12-{}", derive(seed, name, 0, 10));
    public(&folder.join("client.pem"), &issued.chain_pem)?;
    private(&folder.join("client.key"), &issued.key_pem)?;
    private(&folder.join("client.p12.pass"), &pass)?;
    private(&folder.join("client.p12"), p12::pack(issued, &pass)?)
}

impl Span {
    fn years(now: Timestamp, years: i64) -> Result<Self, Failure> {
        Self::new(now, (-1).hours(), (years * 365 * 24).hours())
    }

    fn past(now: Timestamp) -> Result<Self, Failure> {
        Self::new(now, (-1100 * 24).hours(), (-24).hours())
    }

    fn future(now: Timestamp) -> Result<Self, Failure> {
        Self::new(now, (30 * 24).hours(), (1100 * 24).hours())
    }
}
