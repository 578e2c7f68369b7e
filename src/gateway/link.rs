//! The hub as the outbox sees it: the real link where it could be set up, and otherwise the reason why not. A missing
//! certificate or a wrong password file keeps nobody from handing documents in; they wait, and say why.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::logins::StaffLogins;
use crate::clock::Clock;
use crate::config;
use crate::credential::{CertificateSource, FacilityCertificate, Secret, SecretSource};
use crate::fault::Code;
use crate::hub::{
    Acknowledgement, ArrivalPage, Asserted, BoxError, Challenge, ChangePage, Delivery, Hub, HubPort, HubStatus,
    LookupOutcome, Memory, Outcome, Policy, RecipientState, Scope, Timeouts, Trouble,
};
use crate::model::hub_user::HubUser;
use crate::model::identity::Evidence;
use crate::people::HubLogin;
use crate::store::{SetFact, Store};

/// What waits for a person's password is looked at again after so long; giving the password cuts it short.
const LOOK_AGAIN: Duration = Duration::from_secs(24 * 3600);

/// The link, or why there is none.
pub(super) struct HubLink {
    state: RwLock<State>,
    store: Store,
    clock: Clock,
    fingerprint_key: [u8; 32],
    staff: OnceLock<StaffLogins>,
}

#[derive(Clone)]
enum State {
    Linked(Arc<Hub>),
    Unlinked(Code),
}

impl HubLink {
    pub(super) fn new(settings: &config::Config, store: Store, clock: Clock, fingerprint_key: [u8; 32]) -> Self {
        let link = Self {
            state: RwLock::new(State::Unlinked(Code::CertificateMissing)),
            store,
            clock,
            fingerprint_key,
            staff: OnceLock::new(),
        };
        link.reload(settings);
        link
    }

    /// Reads certificate and secrets again; what cannot be used leaves the link as it was, or says why there is none.
    pub(super) fn reload(&self, settings: &config::Config) {
        let next = match (self.current(), self.load(settings)) {
            (State::Linked(hub), Ok((certificate, password, _))) => match hub.reload(certificate, password) {
                Ok(()) => return,
                Err(error) => Err((error.code(), Box::new(error) as BoxError)),
            },
            (State::Unlinked(_), Ok((certificate, _, ca))) => self.connect(settings, certificate, ca),
            (_, Err(error)) => Err(error),
        };
        let next = match (next, self.current()) {
            (Ok(hub), _) => State::Linked(Arc::new(hub)),
            (Err((code, error)), was) => {
                tracing::error!(code = %code, error = error.as_ref() as &dyn std::error::Error, "hub: {}", code.en());
                match was {
                    State::Linked(_) => return,
                    State::Unlinked(_) => State::Unlinked(code),
                }
            }
        };
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = next;
    }

    /// Whose passwords there are. Until it is known, what goes out as a person waits.
    pub(super) fn staff(&self, staff: StaffLogins) {
        let _ = self.staff.set(staff);
    }

    /// As whom a document goes: named in it stays the user, where it is a person; the password beside it.
    async fn acting(&self, hub: &Hub, delivery: &mut Delivery) -> Result<Option<Secret>, Trouble> {
        let Some(user) = &delivery.user else { return Ok(None) };
        let staff = self.staff.get().ok_or(Trouble::of(Code::GatewayBusy, Scope::Try))?;
        match staff.password(user).await {
            Ok(HubLogin::Person(password)) => Ok(Some(password)),
            Ok(HubLogin::Facility) => {
                delivery.user = None;
                Ok(None)
            }
            Ok(HubLogin::Missing) => {
                hub.forget_member(user);
                let until = self.clock.now().checked_add(LOOK_AGAIN).ok();
                Err(Trouble { until, ..Trouble::of(Code::HubPasswordNeeded, Scope::Try) })
            }
            Err(error) => {
                tracing::warn!(%error, code = %error.code(), "hub: as whom a document goes cannot be read");
                Err(Trouble::of(error.code(), Scope::Hub))
            }
        }
    }

    fn note(&self, hub: &Hub, user: Option<&HubUser>) {
        if let (Some(user), Some(staff)) = (user, self.staff.get())
            && let Some(status) = hub.member(user)
        {
            staff.note(user, status);
        }
    }

    /// A look at the link; the reason where there is none.
    pub(super) fn status(&self) -> Result<HubStatus, Code> {
        match self.current() {
            State::Linked(hub) => Ok(hub.status()),
            State::Unlinked(code) => Err(code),
        }
    }

    fn current(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn load(&self, settings: &config::Config) -> Result<(FacilityCertificate, Secret, Vec<u8>), (Code, BoxError)> {
        let certificate = load_certificate(settings)?;
        for problem in certificate.check(self.clock.now(), Some(&settings.facility.number)) {
            tracing::warn!(code = %problem.code(), "certificate: {}", problem.en());
        }
        let password = secret(&settings.hub.password_file).map_err(|error| (Code::SecretMissing, error))?;
        let password = password.read().map_err(|error| (error.code(), error.into()))?;
        let ca = std::fs::read(&settings.hub.ca_file).map_err(|error| (Code::HubCaUnreadable, error.into()))?;
        Ok((certificate, password, ca))
    }

    fn connect(
        &self,
        settings: &config::Config,
        certificate: FacilityCertificate,
        ca_pem: Vec<u8>,
    ) -> Result<Hub, (Code, BoxError)> {
        let hub = &settings.hub;
        let defaults = Timeouts::default();
        let config = crate::hub::Config {
            base_url: hub.url.to_string().trim_end_matches('/').to_owned(),
            ca_pem,
            user_id: hub.user_id.clone(),
            password: secret(&hub.password_file).map_err(|error| (Code::SecretMissing, error))?,
            facility: Some(settings.facility.number.clone()),
            fingerprint_key: self.fingerprint_key,
            timeouts: Timeouts {
                connect: hub.connect_timeout,
                answer: hub.request_timeout,
                // 20 MiB on a slow line take minutes; a line that stands still is noticed by the stall.
                whole: defaults.whole.max(hub.request_timeout),
                stall: hub.request_timeout.min(defaults.stall),
            },
            login: Policy { unknown_window: hub.login_window, ..Policy::default() },
        };
        let memory = Facts(self.store.clone());
        Hub::connect(config, certificate, memory, self.clock.clone()).map_err(|error| (error.code(), error.into()))
    }
}

/// Reads the facility's certificate from where the settings say.
///
/// # Errors
/// The catalogue's code and the cause.
pub fn load_certificate(settings: &config::Config) -> Result<FacilityCertificate, (Code, BoxError)> {
    let hub = &settings.hub;
    let named = |place| secret(place).map_err(|error| (Code::SecretMissing, error));
    let loaded = match (&hub.certificate_key_file, &hub.certificate_passphrase_file) {
        (Some(key), _) => {
            let certificates = hub.certificate_file.clone();
            FacilityCertificate::load(&CertificateSource::Pem { certificates, key: named(key)? })
        }
        (None, Some(passphrase)) => {
            let file = hub.certificate_file.clone();
            FacilityCertificate::load(&CertificateSource::Pkcs12 { file, passphrase: named(passphrase)? })
        }
        (None, None) => {
            let archive =
                std::fs::read(&hub.certificate_file).map_err(|error| (Code::CertificateMissing, error.into()))?;
            FacilityCertificate::from_pkcs12(&archive, &Secret::from(""))
        }
    };
    loaded.map_err(|error| (error.code(), error.into()))
}

fn secret(place: &config::SecretRef) -> Result<SecretSource, BoxError> {
    Ok(SecretSource::parse(&place.to_string())?)
}

impl HubPort for HubLink {
    async fn deliver(&self, mut delivery: Delivery) -> Outcome {
        let hub = match self.current() {
            State::Linked(hub) => hub,
            State::Unlinked(code) => return Outcome::NotDelivered(Trouble::of(code, Scope::Operator)),
        };
        let password = match self.acting(&hub, &mut delivery).await {
            Ok(password) => password,
            Err(trouble) => return Outcome::NotDelivered(trouble),
        };
        let user = delivery.user.clone();
        let outcome = hub.deliver_as(delivery, password).await;
        self.note(&hub, user.as_ref());
        outcome
    }

    async fn deliver_care_plan(&self, mut delivery: Delivery) -> Outcome {
        let hub = match self.current() {
            State::Linked(hub) => hub,
            State::Unlinked(code) => return Outcome::NotDelivered(Trouble::of(code, Scope::Operator)),
        };
        let password = match self.acting(&hub, &mut delivery).await {
            Ok(password) => password,
            Err(trouble) => return Outcome::NotDelivered(trouble),
        };
        let user = delivery.user.clone();
        let outcome = hub.deliver_care_plan_as(delivery, password).await;
        self.note(&hub, user.as_ref());
        outcome
    }

    async fn care_plan_changes(&self, cursor: Option<String>) -> Result<ChangePage<RecipientState>, Trouble> {
        match self.current() {
            State::Linked(hub) => hub.care_plan_changes(cursor).await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }

    async fn arrivals(&self, cursor: Option<String>) -> Result<ArrivalPage, Trouble> {
        match self.current() {
            State::Linked(hub) => hub.arrivals(cursor).await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }

    async fn arrived_unit(&self, id: &str) -> Result<Option<Bytes>, Trouble> {
        match self.current() {
            State::Linked(hub) => hub.arrived_unit(id).await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }

    async fn acknowledge(&self, key: Uuid, id: &str, what: Acknowledgement) -> Result<(), Trouble> {
        match self.current() {
            State::Linked(hub) => hub.acknowledge(key, id, what).await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }

    async fn lookup(&self, key: Uuid) -> LookupOutcome {
        match self.current() {
            State::Linked(hub) => hub.lookup(key).await,
            State::Unlinked(code) => LookupOutcome::Trouble(Trouble::of(code, Scope::Operator)),
        }
    }

    async fn changes(&self, cursor: Option<String>) -> Result<ChangePage, Trouble> {
        match self.current() {
            State::Linked(hub) => hub.changes(cursor).await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }

    async fn challenge(&self) -> Result<Challenge, Trouble> {
        match self.current() {
            State::Linked(hub) => hub.challenge().await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }

    async fn assert(&self, challenge: &Challenge, evidence: &Evidence) -> Result<Asserted, Trouble> {
        match self.current() {
            State::Linked(hub) => hub.assert(challenge, evidence).await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }
}

/// The link's memory of logins, kept as facts of the store.
struct Facts(Store);

impl Memory for Facts {
    async fn recall(&self, name: &str) -> Result<Option<String>, BoxError> {
        Ok(self.0.fact(name).await?)
    }

    async fn remember(&self, name: &str, value: &str) -> Result<(), BoxError> {
        Ok(self.0.write(SetFact { name: name.to_owned(), value: value.to_owned() }).await?)
    }
}
