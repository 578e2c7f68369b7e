//! The hub as the outbox sees it: the real link where it could be set up, and otherwise the reason why not. A missing
//! certificate or a wrong password file keeps nobody from handing documents in; they wait, and say why.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use super::desk;
use super::logins::StaffLogins;
use crate::clock::Clock;
use crate::config;
use crate::credential::{CertificateSource, FacilityCertificate, Secret, SecretSource};
use crate::fault::Code;
use crate::hub::{
    Acknowledgement, ArrivalPage, Asserted, BoxError, Challenge, ChangePage, Delivery, Hub, HubPort, HubStatus,
    LookupOutcome, Memory, Outcome, Policy, RecipientState, Scope, Timeouts, Tried, Trouble,
};
use crate::model::hub_user::{HubMember, HubUser};
use crate::model::identity::Evidence;
use crate::people::{HubDoor, HubLogin};
use crate::store::{SetFact, Store, fact_name};

/// What waits for a person's password is looked at again after so long; giving the password cuts it short.
const LOOK_AGAIN: Duration = Duration::from_secs(24 * 3600);

/// The link, or why there is none.
pub(super) struct HubLink {
    state: RwLock<State>,
    store: Store,
    clock: Clock,
    fingerprint_key: [u8; 32],
    facility: String,
    /// What the store knows of no facility's log-ins is of this one's.
    first: bool,
    staff: OnceLock<StaffLogins>,
}

#[derive(Clone)]
enum State {
    Linked(Arc<Hub>),
    Unlinked(Code),
}

impl HubLink {
    pub(super) fn new(
        settings: &config::Config,
        first: bool,
        store: Store,
        clock: Clock,
        fingerprint_key: [u8; 32],
    ) -> Self {
        let state = RwLock::new(State::Unlinked(Code::CertificateMissing));
        let facility = settings.facility.number.clone();
        let staff = OnceLock::new();
        let link = Self { state, store, clock, fingerprint_key, facility, first, staff };
        link.reload(settings);
        link
    }

    /// Reads certificate and secrets again; what cannot be used leaves the link as it was, or says why there is none.
    pub(super) fn reload(&self, settings: &config::Config) {
        let _told = self.span().entered();
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

    /// The password of the person as whom a document goes; `None`: as the facility's user.
    async fn acting(&self, hub: &Hub, member: Option<HubMember>) -> Result<Option<Secret>, Trouble> {
        let Some(member) = member else { return Ok(None) };
        let staff = self.staff.get().ok_or(Trouble::of(Code::GatewayBusy, Scope::Try))?;
        match staff.password(&member).await {
            Ok(HubLogin::Person(password)) => Ok(Some(password)),
            // It comes again when its record says so too: what was kept of it has to tell the truth.
            Ok(HubLogin::Facility) => Err(Trouble::of(Code::GatewayBusy, Scope::Try)),
            Ok(login @ (HubLogin::Missing | HubLogin::Anothers)) => {
                if matches!(login, HubLogin::Missing) {
                    hub.forget_member(&member.id);
                }
                let until = self.clock.now().checked_add(LOOK_AGAIN).ok();
                Err(Trouble { until, ..Trouble::of(Code::HubPasswordNeeded, Scope::Try) })
            }
            Err(error) => {
                tracing::warn!(%error, code = %error.code(), "hub: as whom a document goes cannot be read");
                Err(Trouble::of(error.code(), Scope::Hub))
            }
        }
    }

    async fn try_again(&self, user: &HubUser, password: Option<Secret>) -> Result<Tried, Code> {
        let hub = match self.current() {
            State::Linked(hub) => hub,
            State::Unlinked(code) => return Err(code),
        };
        hub.another_try(user, password).await.map_err(|error| {
            tracing::error!(
                error = error.as_ref() as &dyn std::error::Error,
                "hub: the record of log-ins is not to be had"
            );
            Code::StorageBroken
        })
    }

    fn unlinked(&self) -> Outcome {
        let code = self.status().err().unwrap_or(Code::GatewayBusy);
        Outcome::NotDelivered(Trouble::of(code, Scope::Operator))
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

    /// The facility's own user: as the link has it, which was set up with the settings of that time; without a link as they have
    /// it now.
    pub(super) fn own_user(&self, settings: &config::Config) -> Option<HubUser> {
        match self.current() {
            State::Linked(hub) => HubUser::parse(hub.user_id()),
            State::Unlinked(_) => HubUser::parse(&settings.hub.user_id),
        }
    }

    /// What is logged of the link says whose it is.
    fn span(&self) -> Span {
        let current = Span::current();
        let said = current.metadata().is_some_and(|metadata| metadata.name() == desk::SPAN);
        if said { current } else { desk::span(&self.facility) }
    }

    fn current(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn load(&self, settings: &config::Config) -> Result<(FacilityCertificate, Secret, Vec<u8>), (Code, BoxError)> {
        let certificate = load_certificate(settings)?;
        for problem in certificate.check(self.clock.now(), Some(&self.facility)) {
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
        let config = hub_config(settings, self.fingerprint_key, ca_pem)?;
        let memory = Facts::new(self.store.clone(), self.facility.clone(), self.first);
        Hub::connect(config, certificate, memory, self.clock.clone()).map_err(|error| (error.code(), error.into()))
    }
}

/// What the link is told, from the settings.
pub(super) fn hub_config(
    settings: &config::Config,
    fingerprint_key: [u8; 32],
    ca_pem: Vec<u8>,
) -> Result<crate::hub::Config, (Code, BoxError)> {
    let hub = &settings.hub;
    let defaults = Timeouts::default();
    Ok(crate::hub::Config {
        base_url: hub.url.to_string().trim_end_matches('/').to_owned(),
        ca_pem,
        user_id: hub.user_id.clone(),
        password: secret(&hub.password_file).map_err(|error| (Code::SecretMissing, error))?,
        facility: Some(settings.facility.number.clone()),
        fingerprint_key,
        timeouts: Timeouts {
            connect: hub.connect_timeout,
            answer: hub.request_timeout,
            // 20 MiB on a slow line take minutes; a line that stands still is noticed by the stall.
            whole: defaults.whole.max(hub.request_timeout),
            stall: hub.request_timeout.min(defaults.stall),
        },
        login: Policy { unknown_window: hub.login_window, ..Policy::default() },
    })
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

impl HubDoor for HubLink {
    fn another_try<'a>(
        &'a self,
        hub_user: &'a HubUser,
        password: Option<Secret>,
    ) -> BoxFuture<'a, Result<Tried, Code>> {
        Box::pin(self.try_again(hub_user, password).instrument(self.span()))
    }
}

impl HubPort for HubLink {
    async fn deliver(&self, delivery: Delivery) -> Outcome {
        let State::Linked(hub) = self.current() else { return self.unlinked() };
        let password = match self.acting(&hub, delivery.user.clone()).await {
            Ok(password) => password,
            Err(trouble) => return Outcome::NotDelivered(trouble),
        };
        let user = delivery.user.as_ref().map(|member| member.id.clone());
        let outcome = hub.deliver_as(delivery, password).instrument(self.span()).await;
        self.note(&hub, user.as_ref());
        outcome
    }

    async fn deliver_care_plan(&self, delivery: Delivery) -> Outcome {
        let State::Linked(hub) = self.current() else { return self.unlinked() };
        let password = match self.acting(&hub, delivery.user.clone()).await {
            Ok(password) => password,
            Err(trouble) => return Outcome::NotDelivered(trouble),
        };
        let user = delivery.user.as_ref().map(|member| member.id.clone());
        let outcome = hub.deliver_care_plan_as(delivery, password).instrument(self.span()).await;
        self.note(&hub, user.as_ref());
        outcome
    }

    async fn care_plan_changes(&self, cursor: Option<String>) -> Result<ChangePage<RecipientState>, Trouble> {
        match self.current() {
            State::Linked(hub) => hub.care_plan_changes(cursor).instrument(self.span()).await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }

    async fn arrivals(&self, cursor: Option<String>) -> Result<ArrivalPage, Trouble> {
        match self.current() {
            State::Linked(hub) => hub.arrivals(cursor).instrument(self.span()).await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }

    async fn arrived_unit(&self, id: &str) -> Result<Option<Bytes>, Trouble> {
        match self.current() {
            State::Linked(hub) => hub.arrived_unit(id).instrument(self.span()).await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }

    async fn acknowledge(&self, key: Uuid, id: &str, what: Acknowledgement) -> Result<(), Trouble> {
        match self.current() {
            State::Linked(hub) => hub.acknowledge(key, id, what).instrument(self.span()).await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }

    fn ahead(&self) -> Option<i64> {
        match self.current() {
            State::Linked(hub) => hub.ahead(),
            State::Unlinked(_) => None,
        }
    }

    async fn lookup(&self, key: Uuid) -> LookupOutcome {
        match self.current() {
            State::Linked(hub) => hub.lookup(key).instrument(self.span()).await,
            State::Unlinked(code) => LookupOutcome::Trouble(Trouble::of(code, Scope::Operator)),
        }
    }

    async fn changes(&self, cursor: Option<String>) -> Result<ChangePage, Trouble> {
        match self.current() {
            State::Linked(hub) => hub.changes(cursor).instrument(self.span()).await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }

    async fn challenge(&self) -> Result<Challenge, Trouble> {
        match self.current() {
            State::Linked(hub) => hub.challenge().instrument(self.span()).await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }

    async fn assert(&self, challenge: &Challenge, evidence: &Evidence) -> Result<Asserted, Trouble> {
        match self.current() {
            State::Linked(hub) => hub.assert(challenge, evidence).instrument(self.span()).await,
            State::Unlinked(code) => Err(Trouble::of(code, Scope::Operator)),
        }
    }
}

/// The link's memory of logins, kept as facts of the store, each under its own name and the facility's.
pub(super) struct Facts {
    store: Store,
    facility: String,
    first: bool,
}

impl Facts {
    /// Of `facility`; `first`: what the store knows of no facility's log-ins is of this one's.
    pub(super) const fn new(store: Store, facility: String, first: bool) -> Self {
        Self { store, facility, first }
    }
}

impl Memory for Facts {
    async fn recall(&self, name: &str) -> Result<Option<String>, BoxError> {
        let own = self.store.fact(&fact_name(name, &self.facility)).await?;
        match own {
            // A box that served one facility only had no need to say which.
            None if self.first => Ok(self.store.fact(name).await?),
            own => Ok(own),
        }
    }

    async fn remember(&self, name: &str, value: &str) -> Result<(), BoxError> {
        let name = fact_name(name, &self.facility);
        Ok(self.store.write(SetFact { name, value: value.to_owned() }).await?)
    }
}
