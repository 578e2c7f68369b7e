//! The way to the hub: name, connection, TLS, clock and log-in, each facility's. A running service is asked for what it knows of its
//! log-in and never logged in beside; its line is looked at from here.

mod login;
mod said;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::secret::{Sight, look};
use super::service::Service;
use super::state::State;
use super::{Check, Finding};
use crate::clock::Clock;
use crate::config::{Config, Loaded, credentials_directory};
use crate::credential::{FacilityCertificate, Secret};
use crate::hub::probe::{self, DialFault, Heard, Shaking, TlsFault};

const DNS: &str = "hub.dns";
const TCP: &str = "hub.tcp";
const TLS: &str = "hub.tls";
/// After so long no further facility's way is begun: whoever waits, the unit of the daily check among them, is told what was found.
const ENOUGH: Duration = Duration::from_secs(90);

/// What was found of a host, and where it takes connections.
type Reached = (Vec<Check>, Option<SocketAddr>);

/// Everything between the box and each facility's log-in.
pub(super) fn examine(loaded: &Loaded, state: &State, service: &Service, clock: &Clock, log_in: bool) -> Vec<Check> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let checks = runtime.block_on(async {
        let (mut hosts, mut checks, begun) = (HashMap::new(), Vec::new(), clock.elapsed());
        for (at, config) in loaded.facilities().enumerate() {
            let first = at == 0;
            let late = clock.elapsed().saturating_sub(begun) > ENOUGH;
            let own = match late {
                true => vec![login::no_time()],
                false => Way { config, first, state, service, clock, log_in }.examine(&mut hosts).await,
            };
            let of = |check: Check| if first { check } else { check.of(&config.facility.number) };
            checks.extend(own.into_iter().map(of));
        }
        checks
    });
    // A name that is still being looked up would be waited for.
    runtime.shutdown_background();
    checks
}

/// One facility's way.
struct Way<'a> {
    config: &'a Config,
    first: bool,
    state: &'a State,
    service: &'a Service,
    clock: &'a Clock,
    /// Whether one may be made from here.
    log_in: bool,
}

impl Way<'_> {
    async fn examine(&self, hosts: &mut HashMap<(String, u16), Reached>) -> Vec<Check> {
        let (host, port) = probe::host_and_port(&self.config.hub.url);
        let at = (host.clone(), port);
        if !hosts.contains_key(&at) {
            hosts.insert(at.clone(), reach(&host, port).await);
        }
        let (mut checks, reached) = hosts.get(&at).cloned().unwrap_or_default();
        if let Some(address) = reached {
            checks.extend(self.beyond(&host, address).await);
        }
        checks
    }

    /// From the first octet of TLS on.
    async fn beyond(&self, host: &str, address: SocketAddr) -> Vec<Check> {
        let credentials = credentials_directory();
        // What cannot be read is named among the keys.
        let Ok(ca) = std::fs::read(&self.config.hub.ca_file) else { return Vec::new() };
        let certificate = certificate(self.config, credentials.as_deref());
        let shaking = Shaking::new(ca, certificate.clone(), self.clock.clone());
        match shaking.shake(address, host).await {
            Err(_) => Vec::new(),
            Ok(Err(fault)) => self.broken(&shaking, &fault).await,
            Ok(Ok(())) if certificate.is_none() => vec![said::shaken(), login::unseen()],
            Ok(Ok(())) => match shaking.ask(&self.base(), self.timeouts(), None).await {
                Err(_) => Vec::new(),
                Ok(heard) => self.heard(&heard, certificate, credentials.as_deref()).await,
            },
        }
    }

    /// No TLS. A certificate out of its time may be the clock's fault: the hub's own clock tells.
    async fn broken(&self, shaking: &Shaking, fault: &TlsFault) -> Vec<Check> {
        let date = match fault {
            TlsFault::Expired(Some(shown)) | TlsFault::NotYetValid(Some(shown)) => {
                let heard = shaking.ask(&self.base(), self.timeouts(), Some(shown.within())).await;
                heard.ok().and_then(|heard| heard.date)
            }
            _ => None,
        };
        match date.and_then(said::clock).filter(|check| check.finding == Some(Finding::ClockApart)) {
            Some(apart) => vec![apart],
            None => vec![said::tls(fault, self.clock.now(), date.is_some())],
        }
    }

    /// The hub's answer, or what came instead.
    async fn heard(
        &self,
        heard: &Heard,
        certificate: Option<FacilityCertificate>,
        credentials: Option<&Path>,
    ) -> Vec<Check> {
        let mut checks: Vec<_> = heard.date.and_then(said::clock).into_iter().collect();
        match heard.fault.and_then(said::line) {
            Some(check) => checks.push(check),
            None => {
                checks.push(said::shaken());
                checks.push(self.log_in(heard, certificate, credentials).await);
            }
        }
        checks
    }

    fn base(&self) -> String {
        self.config.hub.url.to_string().trim_end_matches('/').to_owned()
    }

    fn timeouts(&self) -> crate::hub::Timeouts {
        let hub = &self.config.hub;
        let link = crate::hub::Timeouts {
            connect: hub.connect_timeout,
            answer: hub.request_timeout,
            ..crate::hub::Timeouts::default()
        };
        probe::probe_timeouts(link)
    }
}

/// Name and connection.
async fn reach(host: &str, port: u16) -> Reached {
    let (mut checks, addresses) = match probe::as_address(host) {
        Some(address) => (vec![said::no_name(address)], vec![SocketAddr::new(address, port)]),
        None => match probe::look_up(host, port).await {
            Ok(addresses) => (vec![said::name(host, &addresses)], addresses),
            Err(fault) => return (vec![said::nameless(host, &fault).await], None),
        },
    };
    match probe::dial(&addresses).await {
        Ok(address) => {
            checks.push(said::connected(address));
            (checks, Some(address))
        }
        Err(fault) => {
            let beyond = match fault {
                DialFault::Line => probe::answers_beyond(host, &addresses).await,
                _ => None,
            };
            checks.push(match beyond {
                Some(server) => said::dropped(&addresses, server),
                None => said::unreached(&fault, &addresses),
            });
            (checks, None)
        }
    }
}

/// The facility's certificate, where it can be opened from here; what is wrong with it is told elsewhere.
pub(in crate::cli) fn certificate(config: &Config, credentials: Option<&Path>) -> Option<FacilityCertificate> {
    let hub = &config.hub;
    let content = std::fs::read(&hub.certificate_file).ok()?;
    let seen = |place| match look(place, credentials) {
        Sight::Seen(secret) => Some(secret),
        Sight::Unusable(_) | Sight::Hidden => None,
    };
    let opened = match (&hub.certificate_key_file, &hub.certificate_passphrase_file) {
        (Some(key), _) => FacilityCertificate::from_pem(&content, seen(key)?.bytes()),
        (None, Some(passphrase)) => FacilityCertificate::from_pkcs12(&content, &seen(passphrase)?),
        (None, None) => FacilityCertificate::from_pkcs12(&content, &Secret::from("")),
    };
    opened.ok()
}
