//! The way in for other machines: the box's authority, the certificate from elsewhere, the addresses to listen on, names and networks.

use std::net::{IpAddr, SocketAddr, TcpListener};

use super::service::Service;
use super::shake::{self, Shaken};
use super::{Check, Finding};
use crate::cli::output::chain;
use crate::clock::Clock;
use crate::config::{Config, Lan};
use crate::credential::Authority;
use crate::{gateway, host};

const NAME: &str = "lan";

/// What the network has to be asked about is left out when `offline`, and when the line is known to be in trouble (`line_fails`).
pub(super) async fn examine(config: &Config, service: &Service, clock: &Clock, names_resolve: bool) -> Vec<Check> {
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
    for address in &lan.listen {
        checks.extend(port(lan, *address, service).await.map(|check| check.about(address.to_string())));
    }
    checks.extend(networks(lan));
    if names_resolve {
        checks.extend(names(lan).await);
    }
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

/// Whether the listener answers with TLS, or, where engawa does not run, whether it could listen.
async fn port(lan: &Lan, address: SocketAddr, service: &Service) -> Option<Check> {
    let ip = address.ip();
    // A misprint, or a line that is not there yet.
    if !ip.is_unspecified() && !ip.is_loopback() && !host::addresses().contains(&ip) {
        return Some(Check::found(NAME, Finding::LanAddress, &address.to_string()));
    }
    // A port that the system gives out is known to the running engawa alone.
    if address.port() == 0 {
        return None;
    }
    if !service.runs() {
        return match TcpListener::bind(address) {
            Ok(_) => Some(Check::ok(NAME, "ポートは空いています。", "The port is free.")),
            Err(error) => Some(Check::found(NAME, Finding::LanPort, &format!("{address}: {error}"))),
        };
    }
    let to = reachable(lan, ip)?;
    Some(match shake::shake(SocketAddr::new(to, address.port())).await {
        Shaken::Shown(_) if service.reason(None, NAME) == Some("LAN_PORT") => {
            Check::found(NAME, Finding::LanPort, &address.to_string())
        }
        Shaken::Shown(count) if count > 0 => Check::ok(NAME, "TLSで答えます。", "It answers with TLS."),
        Shaken::Shown(_) => Check::found(NAME, Finding::LanSilent, &address.to_string()),
        Shaken::Silent(why) | Shaken::NotTls(why) if service.reason(None, NAME) == Some("LAN_PORT") => {
            Check::found(NAME, Finding::LanPort, &format!("{address}: {why}"))
        }
        Shaken::Silent(why) | Shaken::NotTls(why) => {
            Check::found(NAME, Finding::LanSilent, &format!("{address}: {why}"))
        }
    })
}

/// From where the box may ask itself: an address of its own that `lan.networks` lets in.
fn reachable(lan: &Lan, listening: IpAddr) -> Option<IpAddr> {
    let let_in = |ip: &IpAddr| lan.networks.iter().any(|network| network.contains(ip));
    if !listening.is_unspecified() {
        return Some(listening).filter(let_in);
    }
    let own = host::addresses().into_iter().filter(|ip| ip.is_ipv4() || listening.is_ipv6());
    own.filter(let_in).max_by_key(|ip| !ip.is_loopback())
}

/// Other machines come from the networks in which the box has addresses.
fn networks(lan: &Lan) -> Option<Check> {
    let own: Vec<IpAddr> = host::addresses().into_iter().filter(|ip| !ip.is_loopback()).collect();
    let within = |ip: &IpAddr| lan.networks.iter().any(|network| network.contains(ip));
    if own.is_empty() || own.iter().any(within) {
        return None;
    }
    let own: Vec<String> = own.iter().filter(|ip| ip.is_ipv4()).map(ToString::to_string).collect();
    let allowed: Vec<String> = lan.networks.iter().map(ToString::to_string).collect();
    let (own, allowed) = (own.join(", "), allowed.join(", "));
    let (ja, en) = (format!("この機器: {own}、設定: {allowed}"), format!("this machine: {own}; settings: {allowed}"));
    Some(Check::found_as(NAME, Finding::LanNetworks, &ja, &en).about("lan.networks"))
}

/// The names that the settings add. Those of `.local` are announced by the box itself.
async fn names(lan: &Lan) -> Vec<Check> {
    let own = host::addresses();
    let mut checks = Vec::new();
    for name in lan.names.iter().filter(|name| !name.ends_with(".local") && name.parse::<IpAddr>().is_err()) {
        let looked = tokio::time::timeout(shake::PATIENCE, tokio::net::lookup_host((name.as_str(), 443))).await;
        let check = match looked {
            Err(_) => continue,
            Ok(Err(error)) => Check::found(NAME, Finding::LanName, &format!("{name}: {error}")),
            Ok(Ok(found)) => {
                let found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
                match found.iter().all(|ip| ip.is_loopback() || own.contains(ip)) {
                    true => Check::ok(NAME, format!("{name} はこの機器です。"), format!("{name} is this machine.")),
                    false => {
                        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
                        Check::found(NAME, Finding::LanName, &format!("{name}: {}", found.join(", ")))
                    }
                }
            }
        };
        checks.push(check.about("lan.names"));
    }
    checks
}
