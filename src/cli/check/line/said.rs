//! What was found on the way, as checks.

use std::net::{IpAddr, SocketAddr};

use jiff::{SignedDuration, Timestamp};

use super::{DNS, TCP, TLS};
use crate::cli::check::{Check, Finding};
use crate::hub::LineFault;
use crate::hub::probe::{DialFault, NameFault, Router, Shown, TlsFault, way};

const CLOCK: &str = "clock";
/// From here on certificates and due dates are judged wrongly.
const APART: SignedDuration = SignedDuration::from_hours(1);
/// A clock that is set by the network never gets so far.
const DRIFT: SignedDuration = SignedDuration::from_mins(1);

pub(super) fn no_name(address: IpAddr) -> Check {
    Check::ok(DNS, format!("アドレス {address} を直接使います。"), format!("The address {address} is used as it is."))
}

pub(super) fn name(host: &str, addresses: &[SocketAddr]) -> Check {
    let found = ips(addresses);
    Check::ok(DNS, format!("{host} のアドレスは {found} です。"), format!("{host} is at {found}."))
}

/// No address. Without a cable or router no name server can answer, and that is the cause then.
pub(super) async fn nameless(host: &str, fault: &NameFault) -> Check {
    let (NameFault::Silent(servers) | NameFault::Failing(servers) | NameFault::Unknown(servers)) = fault;
    let asked = listed(servers);
    let met = (format!("{host}、DNS: {asked}"), format!("{host}, name server: {asked}"));
    let found = |finding| Check::found_as(DNS, finding, &met.0, &met.1);
    match fault {
        NameFault::Unknown(_) => found(Finding::DnsUnknown),
        NameFault::Failing(_) => match way(None).await {
            Err(fault) => unreached(&fault, &[]),
            Ok(_) => found(Finding::DnsBeyond),
        },
        NameFault::Silent(servers) => {
            let server = servers.iter().copied().find(|server| !server.is_loopback());
            match way(server).await {
                Err(fault) => unreached(&fault, &[]),
                // It stands behind the router, and the router is well.
                Ok(Router::Answers) if server.is_some() => found(Finding::DnsBeyond),
                Ok(_) => found(Finding::DnsSilent),
            }
        }
    }
}

pub(super) fn connected(address: SocketAddr) -> Check {
    Check::ok(TCP, format!("{address} につながります。"), format!("{address} takes connections."))
}

/// The line carries, as a name server beyond the router shows, and the hub's port is silent.
pub(super) fn dropped(addresses: &[SocketAddr], server: IpAddr) -> Check {
    let tried = tried(addresses);
    let (ja, en) = (format!("{tried}、答えたDNS: {server}"), format!("{tried}; name server that answers: {server}"));
    Check::found_as(TCP, Finding::PortSilent, &ja, &en)
}

fn tried(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn unreached(fault: &DialFault, addresses: &[SocketAddr]) -> Check {
    let tried = tried(addresses);
    match fault {
        DialFault::NoNetwork => Check::found(TCP, Finding::NoNetwork, ""),
        DialFault::NoRoute => Check::found(TCP, Finding::NoRoute, ""),
        DialFault::RouterSilent(Some(router)) => Check::found(TCP, Finding::RouterSilent, &router.to_string()),
        DialFault::RouterSilent(None) => Check::found(TCP, Finding::NeighbourSilent, &tried),
        DialFault::Line => Check::found(TCP, Finding::LineDown, &tried),
        DialFault::Refused => Check::found(TCP, Finding::PortClosed, &tried),
    }
}

pub(super) fn shaken() -> Check {
    Check::ok(TLS, "基盤とTLS 1.3で話せます。", "It is the hub, and it speaks TLS 1.3.")
}

/// `agreed`: the hub's clock was heard, and says the same as the box's.
pub(super) fn tls(fault: &TlsFault, now: Timestamp, agreed: bool) -> Check {
    let found = |finding| Check::found(TLS, finding, "");
    let shown = |finding, shown: &Option<Shown>, met: fn(&Shown, Timestamp) -> (String, String)| match shown {
        None => found(finding),
        Some(shown) => {
            let (ja, en) = met(shown, now);
            Check::found_as(TLS, finding, &ja, &en)
        }
    };
    match fault {
        TlsFault::Foreign(certificate) => shown(Finding::TlsIntercepted, certificate, |shown, _| {
            (format!("発行者: {}", shown.issuer), format!("issuer: {}", shown.issuer))
        }),
        TlsFault::Expired(certificate) => shown(Finding::TlsHubExpired, certificate, |shown, now| {
            let (until, now) = (shown.until, now.as_second());
            let now = Timestamp::from_second(now).unwrap_or(until);
            (format!("期限 {until}、この機器の時計 {now}"), format!("it ended {until}, the box's clock says {now}"))
        }),
        TlsFault::NotYetValid(certificate) => shown(not_yet(agreed), certificate, |shown, now| {
            let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
            let from = shown.from;
            (format!("開始 {from}、この機器の時計 {now}"), format!("it begins {from}, the box's clock says {now}"))
        }),
        TlsFault::OtherName(certificate) => shown(Finding::TlsOtherName, certificate, |shown, _| {
            let names = shown.names.join(", ");
            (names.clone(), names)
        }),
        TlsFault::Old => found(Finding::TlsOld),
        TlsFault::Silent => found(Finding::TlsSilent),
        TlsFault::NotSpoken => found(Finding::TlsNotSpoken),
        TlsFault::Cut => found(Finding::LineCut),
        TlsFault::OwnRefused => found(Finding::CertificateRefused),
        TlsFault::OwnExpired => found(Finding::CertificateExpired),
    }
}

/// Where the box's clock is right, it is the hub's that is early.
const fn not_yet(agreed: bool) -> Finding {
    if agreed { Finding::TlsHubEarly } else { Finding::TlsNotYetValid }
}

/// What stands in the way of TLS though the hub's part of it went well; `None` for what came, or did not come, over it.
pub(super) fn line(fault: LineFault) -> Option<Check> {
    let found = |finding| Some(Check::found(TLS, finding, ""));
    match fault {
        LineFault::TimedOut | LineFault::TooLarge | LineFault::Unreachable | LineFault::Cut => None,
        LineFault::Untrusted => found(Finding::TlsIntercepted),
        LineFault::NotYetTrusted => found(Finding::TlsNotYetValid),
        LineFault::OwnCertificateRefused => found(Finding::CertificateRefused),
        LineFault::OwnCertificateExpired => found(Finding::CertificateExpired),
    }
}

/// The hub's clock beside the box's; `None` when they agree.
pub(super) fn clock((hub, own): (Timestamp, Timestamp)) -> Option<Check> {
    // The hub tells whole seconds.
    let own = Timestamp::from_second(own.as_second()).unwrap_or(own);
    let apart = own.duration_since(hub).abs();
    let finding = match apart {
        apart if apart >= APART => Finding::ClockApart,
        apart if apart >= DRIFT => Finding::ClockDrifts,
        _ => return None,
    };
    let (ja, en) = (format!("基盤 {hub}、この機器 {own}"), format!("hub {hub}, box {own}"));
    Some(Check::found_as(CLOCK, finding, &ja, &en))
}

fn ips(addresses: &[SocketAddr]) -> String {
    let mut ips: Vec<_> = addresses.iter().map(SocketAddr::ip).collect();
    ips.dedup();
    listed(&ips)
}

fn listed(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
