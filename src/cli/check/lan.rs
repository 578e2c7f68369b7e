//! The way in for other machines: the box's authority, the certificate from elsewhere, the addresses to listen on.

use super::{Check, Finding};
use crate::cli::output::chain;
use crate::clock::Clock;
use crate::config::Config;
use crate::credential::Authority;
use crate::{gateway, host};

const NAME: &str = "lan";

pub(super) fn examine(config: &Config, clock: &Clock) -> Vec<Check> {
    let lan = &config.lan;
    if lan.listen.is_empty() {
        return vec![Check::ok(
            NAME,
            "ほかの機器からは受けません（lan.listen が空）。",
            "Other machines are not let in (lan.listen is empty).",
        )];
    }
    let mut checks = vec![authority(config)];
    checks.extend(lan.certificate_file.is_some().then(|| certificate(config, clock)));
    checks.extend(strangers(config));
    checks
}

fn authority(config: &Config) -> Check {
    let check = match Authority::certificate_in(&config.state.directory) {
        Ok(Some((_, fingerprint))) => Check::ok(
            NAME,
            format!("この機器の認証局: SHA-256 {fingerprint}"),
            format!("The box's authority: SHA-256 {fingerprint}"),
        ),
        Ok(None) => Check::ok(
            NAME,
            "この機器の認証局は最初の起動で作ります。",
            "The box's authority is made at the first start.",
        ),
        Err(error) => Check::found(NAME, Finding::LanAuthority, &chain(&error)),
    };
    check.about("authority")
}

fn certificate(config: &Config, clock: &Clock) -> Check {
    let check = match gateway::check_lan_certificate(&config.lan) {
        Err(error) => Check::found(NAME, Finding::LanCertificate, &chain(error.as_ref())),
        Ok(certificate) => {
            let until = certificate.valid_until;
            let (ja, en) = (format!("期限: {until:.0}"), format!("it ends {until:.0}"));
            match certificate.lasts(clock.now()) {
                true => Check::ok(NAME, ja, format!("The certificate for the LAN: {en}.")),
                false => Check::found_as(NAME, Finding::LanCertificate, &ja, &en),
            }
        }
    };
    check.about("lan.certificate_file")
}

/// Addresses that this machine does not have at the moment: a misprint, or a line that is not there yet.
fn strangers(config: &Config) -> Vec<Check> {
    let own = host::addresses();
    let strange = |address: &&std::net::SocketAddr| {
        let ip = address.ip();
        !ip.is_unspecified() && !ip.is_loopback() && !own.contains(&ip)
    };
    let strange = config.lan.listen.iter().filter(strange);
    strange.map(|address| Check::found(NAME, Finding::LanAddress, &address.to_string()).about("lan.listen")).collect()
}
