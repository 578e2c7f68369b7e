//! The way in for other machines: the box's authority, the certificate from elsewhere, the addresses to listen on.

use super::Check;
use crate::cli::output::chain;
use crate::clock::Clock;
use crate::config::Config;
use crate::credential::Authority;
use crate::fault::Code;
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
    match Authority::certificate_in(&config.state.directory) {
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
        Err(error) => Check::fail(NAME, error.code(), &chain(&error)),
    }
}

fn certificate(config: &Config, clock: &Clock) -> Check {
    const NAME: &str = "lan.certificate_file";
    match gateway::check_lan_certificate(&config.lan) {
        Err(error) => Check::fail(NAME, Code::LanCertificate, &chain(error.as_ref())),
        Ok(certificate) => {
            let until = certificate.valid_until;
            match certificate.lasts(clock.now()) {
                true => Check::ok(NAME, format!("期限: {until:.0}"), format!("Ends {until:.0}.")),
                false => Check::warn(
                    NAME,
                    Code::LanCertificate,
                    format!("{}（期限: {until:.0}）", Code::LanCertificate.ja()),
                    format!("{} (ends {until:.0})", Code::LanCertificate.en()),
                ),
            }
        }
    }
}

/// Addresses that this machine does not have at the moment: a misprint, or a line that is not there yet.
fn strangers(config: &Config) -> Option<Check> {
    let own = host::addresses();
    let strange = |address: &&std::net::SocketAddr| {
        let ip = address.ip();
        !ip.is_unspecified() && !ip.is_loopback() && !own.contains(&ip)
    };
    let strange: Vec<String> = config.lan.listen.iter().filter(strange).map(ToString::to_string).collect();
    let strange = Some(strange.join(", ")).filter(|strange| !strange.is_empty())?;
    Some(Check::warn(
        "lan.listen",
        Code::ConfigInvalid,
        format!(
            "この機器にいまないアドレスです: {strange}。回線がつながればそのまま使えます。書き間違いでないか確かめてください。"
        ),
        format!(
            "Not an address of this machine at the moment: {strange}. It works once the line is there; make sure that it is no misprint."
        ),
    ))
}
