//! The way in for other machines of the office: the box's authority, a certificate that is true, and whom the door lets speak.
//!
//! Names and addresses of a box change while it runs: a cable is moved, the router hands out another address, somebody names the
//! machine. What the certificate says is therefore compared with what the machine is, every few seconds; the same look renews it before
//! it ends. What is wrong here keeps nobody from handing documents in on the box itself: it is logged and stands in the health report.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls::ServerConfig;
use tokio::sync::{Notify, watch};

use super::StartError;
use crate::api::{LanConfig, LanPort, Listener, Perimeter, Reach};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::credential::{
    Authority, AuthorityError, CertificateSource, FacilityCertificate, SecretSource, ServerCertificate, Shown,
    dns_names,
};
use crate::fault::Code;
use crate::host;
use crate::hub::BoxError;
use crate::outbox::{Health, HealthStatus};

/// Between two looks at the machine's names and addresses.
const LOOK: Duration = Duration::from_secs(10);
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The LAN's side of the box.
pub(super) struct Lan {
    perimeter: Arc<Perimeter>,
    inside: Option<Inside>,
    settings: Mutex<config::Lan>,
    changed: Notify,
    clock: Clock,
    health: watch::Sender<Option<Health>>,
    /// Addresses of the settings that could not be bound yet.
    shut: Mutex<BTreeSet<SocketAddr>>,
}

/// What is there only when the LAN is listened to.
struct Inside {
    authority: Arc<Authority>,
    shown: Arc<Shown>,
    tls: Arc<ServerConfig>,
    present: Mutex<Present>,
}

/// The certificate that is shown.
struct Present {
    identity: Identity,
    certificate: ServerCertificate,
    /// It came from elsewhere; the box cannot renew it.
    foreign: bool,
    /// One from elsewhere was wanted and could not be used.
    refused: bool,
}

/// What a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    names: Vec<String>,
    addresses: BTreeSet<IpAddr>,
}

impl Identity {
    /// Of this machine, as it is at the moment.
    fn of_machine(settings: &config::Lan) -> Self {
        let host = host::host_name().unwrap_or_else(|| "engawa".to_owned());
        let mut names = vec![format!("{host}.local"), host, "localhost".to_owned()];
        for name in &settings.names {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Self { names, addresses: host::addresses() }
    }

    fn certified(&self, authority: &Authority, now: Timestamp) -> Result<ServerCertificate, AuthorityError> {
        let addresses: Vec<_> = self.addresses.iter().copied().collect();
        authority.server_certificate(&self.names, &addresses, now)
    }

    fn reach(&self, settings: &config::Lan) -> Reach {
        Reach {
            networks: settings.networks.clone(),
            names: self.names.iter().cloned().collect(),
            addresses: self.addresses.clone(),
            origins: settings.origins.iter().cloned().collect(),
            https_only: false,
        }
    }
}

impl Lan {
    /// Opens the box's authority, or makes it, when the settings want the LAN.
    pub(super) fn new(settings: &Config, clock: &Clock) -> Arc<Self> {
        let identity = Identity::of_machine(&settings.lan);
        let perimeter = Perimeter::new(identity.reach(&settings.lan), settings.lan.requests_per_second);
        let inside = (!settings.lan.listen.is_empty()).then(|| Inside::open(settings, identity, clock.now()));
        let (inside, health) = match inside {
            None => (None, None),
            Some(Ok(inside)) => (Some(inside), Some(health(None))),
            Some(Err(error)) => {
                let code = error.code();
                tracing::error!(code = %code, error = &error as &dyn std::error::Error, "lan: {}", code.en());
                (None, Some(health(Some(code))))
            }
        };
        let lan = Arc::new(Self {
            perimeter: Arc::new(perimeter),
            inside,
            settings: Mutex::new(settings.lan.clone()),
            changed: Notify::new(),
            clock: clock.clone(),
            health: watch::Sender::new(health),
            shut: Mutex::default(),
        });
        if settings.lan.certificate_file.is_some() {
            lan.take_foreign(&settings.lan);
        }
        lan
    }

    /// The box's authority; `None` when the LAN is not listened to.
    pub(super) fn authority(&self) -> Option<Arc<Authority>> {
        self.inside.as_ref().map(|inside| Arc::clone(&inside.authority))
    }

    /// Where terminals reach the box, as the announcement on the network names it; empty when the LAN is not listened to.
    pub(super) fn address(&self) -> String {
        let Some(inside) = &self.inside else { return String::new() };
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let port = settings.listen.first().map_or(443, SocketAddr::port);
        let name = inside.present().identity.names.first().cloned().unwrap_or_default();
        format!("https://{name}:{port}")
    }

    /// Who may come over the network.
    pub(super) fn perimeter(&self) -> Arc<Perimeter> {
        Arc::clone(&self.perimeter)
    }

    /// The part of the health report; `None` when the LAN is not listened to.
    pub(super) fn health(&self) -> Option<Health> {
        let shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if shut { self.health.borrow().clone() } else { Some(health(Some(Code::LanPort))) }
    }

    /// The addresses of the settings, bound where they can be. One that cannot, because another program has its port, is tried again as
    /// long as the endpoint runs.
    pub(super) fn listeners(self: &Arc<Self>, settings: &config::Lan) -> Vec<Listener> {
        let Some(inside) = &self.inside else { return Vec::new() };
        let mut listeners = Vec::new();
        for address in settings.listen.iter().copied() {
            // At once: nothing else shall get the port before the endpoint is served.
            let first = Mutex::new(self.bind(address));
            let lan = Arc::clone(self);
            let port: LanPort = Arc::new(move || {
                let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
                first.or_else(|| lan.bind(address))
            });
            let config = LanConfig {
                tls: Arc::clone(&inside.tls),
                perimeter: Arc::clone(&self.perimeter),
                max_connections: settings.max_connections,
                per_address: settings.connections_per_address,
                handshake: HANDSHAKE,
            };
            listeners.push(Listener::Lan(port, config));
        }
        listeners
    }

    fn bind(&self, wanted: SocketAddr) -> Option<tokio::net::TcpListener> {
        let mut shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        match host::bind_lan(wanted) {
            Ok(listener) => {
                shut.remove(&wanted);
                let address = listener.local_addr().unwrap_or(wanted);
                let authority = self.inside.as_ref().map(|inside| inside.authority.fingerprint());
                tracing::info!(%address, authority, "engawa: listening to the LAN");
                Some(listener)
            }
            Err(error) => {
                // Told once, however often it is tried.
                if shut.insert(wanted) {
                    let code = Code::LanPort;
                    tracing::error!(code = %code, address = %wanted, error = &error as &dyn std::error::Error, "lan: {}", code.en());
                }
                None
            }
        }
    }

    /// Takes up what can change at once.
    pub(super) fn reconfigure(&self, settings: &config::Lan) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings.clone();
        match (&self.inside, &settings.certificate_file) {
            (Some(_), Some(_)) => self.take_foreign(settings),
            (Some(inside), None) => {
                // Names nothing that is true of this box, so the next look makes another.
                let mut present = inside.present();
                (present.foreign, present.refused) = (false, false);
                present.identity.names.clear();
            }
            (None, _) => {}
        }
        self.changed.notify_one();
    }

    /// Keeps certificate and perimeter true until the process ends.
    pub(super) async fn keep(self: Arc<Self>) {
        loop {
            self.look();
            tokio::select! {
                () = tokio::time::sleep(self.clock.until_beat(LOOK)) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    fn look(&self) {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let identity = Identity::of_machine(&settings);
        let mut reach = identity.reach(&settings);
        if let Some(inside) = &self.inside {
            match inside.look(&identity, self.clock.now()) {
                Ok(reason) => drop(self.health.send_replace(Some(health(reason)))),
                Err(error) => {
                    let code = error.code();
                    tracing::error!(code = %code, error = &error as &dyn std::error::Error, "lan: {}", code.en());
                    self.health.send_replace(Some(health(Some(code))));
                }
            }
            let present = inside.present();
            reach.names.extend(present.identity.names.iter().cloned());
            reach.https_only = present.foreign;
        }
        self.perimeter.replace(reach);
    }

    /// Shows the certificate of the settings. One that cannot be used leaves the one that is shown.
    fn take_foreign(&self, settings: &config::Lan) {
        let Some(inside) = &self.inside else { return };
        let loaded = foreign(settings);
        let mut present = inside.present();
        present.refused = loaded.is_err();
        match loaded {
            Ok(certificate) => {
                let names = dns_names(certificate.key.cert.first().map_or(&[], |leaf| leaf.as_ref()));
                inside.shown.replace(Arc::clone(&certificate.key));
                present.identity = Identity { names, addresses: BTreeSet::new() };
                present.certificate = certificate;
                present.foreign = true;
            }
            Err(error) => {
                let code = Code::LanCertificate;
                tracing::error!(code = %code, error = error.as_ref() as &dyn std::error::Error, "lan: {}", code.en());
            }
        }
    }
}

impl Inside {
    fn open(settings: &Config, identity: Identity, now: Timestamp) -> Result<Self, AuthorityError> {
        let authority = Authority::open_or_make(&settings.state.directory, now)?;
        let certificate = identity.certified(&authority, now)?;
        let shown = Shown::new(Arc::clone(&certificate.key));
        let tls = Arc::new(authority.server_config(Arc::clone(&shown))?);
        let present = Mutex::new(Present { identity, certificate, foreign: false, refused: false });
        Ok(Self { authority: Arc::new(authority), shown, tls, present })
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the certificate anew when it is not true or not for long; what is wrong with it otherwise.
    fn look(&self, identity: &Identity, now: Timestamp) -> Result<Option<Code>, AuthorityError> {
        let mut present = self.present();
        let lasts = present.certificate.lasts(now);
        if present.foreign {
            return Ok((present.refused || !lasts).then_some(Code::LanCertificate));
        }
        if !lasts || present.identity != *identity {
            present.certificate = identity.certified(&self.authority, now)?;
            present.identity = identity.clone();
            self.shown.replace(Arc::clone(&present.certificate.key));
            let (names, addresses) = (identity.names.join(" "), identity.addresses.len());
            tracing::info!(names, addresses, until = %present.certificate.valid_until, "lan: a new certificate of the box");
        }
        Ok(present.refused.then_some(Code::LanCertificate))
    }
}

/// The certificate from elsewhere that the settings name.
fn foreign(settings: &config::Lan) -> Result<ServerCertificate, BoxError> {
    let (Some(file), Some(key)) = (&settings.certificate_file, &settings.certificate_key_file) else {
        return Err(Box::new(StartError::from(Code::ConfigInvalid)));
    };
    let key = SecretSource::parse(&key.to_string())?;
    // What is asked of it is what is asked of the facility's: a chain that can be read, and the key that fits it.
    let source = CertificateSource::Pem { certificates: file.clone(), key };
    Ok(FacilityCertificate::load(&source)?.for_server()?)
}

fn health(reason: Option<Code>) -> Health {
    let status = if reason.is_some() { HealthStatus::Degraded } else { HealthStatus::Ok };
    Health { status, reason, last_proof: None }
}

/// What `engawa check` says of the certificate from elsewhere.
///
/// # Errors
/// Why it cannot be used.
pub fn check_lan_certificate(settings: &config::Lan) -> Result<ServerCertificate, BoxError> {
    foreign(settings)
}
