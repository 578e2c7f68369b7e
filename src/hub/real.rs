//! The real hub.
//!
//! One part that a hub does not offer stops whoever needs that part, and nothing else: it is never noted as standing in the way
//! of everything.

mod careplans;
mod way;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use jiff::Timestamp;
use uuid::Uuid;

use self::way::{Once, Read, ReadList, Way};
use super::client::Seen;
use super::config::{Config, HubSetupError};
use super::failure::{Reply, assertion, challenge, change_page, delivery, lookup, trouble};
use super::link::{Link, authorized, request};
use super::lockout::Tried;
use super::login::{Session, Token};
use super::members::{MemberStatus, Members, of_a_log_in, of_a_token, of_the_member};
use super::memory::{AnyMemory, BoxError, Memory};
use super::port::{
    Acknowledgement, ArrivalPage, Asserted, Challenge, ChangePage, Delivery, HubPort, LookupOutcome, Outcome,
    RecipientState, Scope, Trouble,
};
use super::status::{HubStatus, LoginState};
use super::wire;
use crate::clock::Clock;
use crate::credential::{FacilityCertificate, Secret};
use crate::fault::Code;
use crate::model::hub_user::HubUser;
use crate::model::identity::Evidence;

/// How long the hub's list of what it offers is believed.
const OFFER_AGE: Duration = Duration::from_secs(3600);
/// How long it is believed that something is not on offer.
const NO_OFFER_AGE: Duration = Duration::from_secs(10);
/// The token, then a refreshed one, then one of a new login.
const TRIES: usize = 3;
/// A document that met a stale token goes out again as soon as its turn comes.
const STALE_TOKEN_PAUSE: Duration = Duration::from_secs(1);

/// A list that is read by cursor, or a place where documents are filed: its path, and what a hub that has it offers.
type List = (&'static str, fn(&wire::Capabilities) -> bool);

/// The way to one hub. Makes its connections when they are needed: setting up touches no network.
pub struct Hub {
    config: Config,
    link: RwLock<Arc<Link>>,
    session: Arc<Session>,
    members: Members,
    clock: Clock,
}

impl Hub {
    /// Sets the link up with the password that `config` names.
    ///
    /// # Errors
    /// Every [`HubSetupError`]; none of them depends on the network.
    pub fn connect(
        config: Config,
        certificate: FacilityCertificate,
        memory: impl Memory,
        clock: Clock,
    ) -> Result<Self, HubSetupError> {
        let password = config.password.read().map_err(HubSetupError::Password)?;
        let link = Link::new(&config, certificate, password, clock.clone())?;
        let memory: Arc<dyn AnyMemory> = Arc::new(memory);
        let session = Arc::new(Session::new(Arc::clone(&memory), config.login));
        let members = Members::new(memory, config.login, config.fingerprint_key);
        Ok(Self { link: RwLock::new(Arc::new(link)), session, members, config, clock })
    }

    /// Goes on with another certificate or password. Exchanges under way end on the old ones; the same certificate keeps
    /// its connections and token.
    ///
    /// # Errors
    /// `Certificate` and `Password` of [`HubSetupError`]; the link then stays as it was.
    pub fn reload(&self, certificate: FacilityCertificate, password: Secret) -> Result<(), HubSetupError> {
        let next = Link::new(&self.config, certificate, password, self.clock.clone())?;
        let mut link = self.link.write().unwrap_or_else(PoisonError::into_inner);
        let next = Arc::new(link.followed_by(next));
        next.board.clear();
        *link = next;
        Ok(())
    }

    /// A look at the link, without the network.
    #[must_use]
    pub fn status(&self) -> HubStatus {
        let link = self.link();
        let notes = link.board.read();
        let now = self.clock.now();
        let login = match notes.token_until {
            Some(until) if until > now => LoginState::LoggedIn { until },
            _ => LoginState::LoggedOut,
        };
        let own = self.certificate_trouble(&link).map(|trouble| (trouble.code, None));
        let blocked = own.or(notes.blocked.filter(|(_, until)| until.is_none_or(|until| until > now)));
        HubStatus {
            last_answer: notes.last_answer,
            login,
            certificate_expires: link.certificate.valid_until(),
            blocked,
        }
    }

    /// As [`HubPort::deliver`], with the password of the member of the staff as whom it goes.
    pub async fn deliver_as(&self, document: Delivery, password: Option<Secret>) -> Outcome {
        self.filed(document, (wire::OPINIONS, wire::Capabilities::has_opinions), password).await
    }

    /// As [`HubPort::deliver_care_plan`], with the password of the member of the staff as whom it goes.
    pub async fn deliver_care_plan_as(&self, document: Delivery, password: Option<Secret>) -> Outcome {
        self.filed(document, (wire::SENT, wire::Capabilities::has_care_plans), password).await
    }

    /// The facility's own user.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.config.user_id
    }

    /// What the hub last said of a member of the staff; `None` until it was asked.
    #[must_use]
    pub fn member(&self, user: &HubUser) -> Option<MemberStatus> {
        self.members.status(user)
    }

    /// Lets one password more be sent for a member of the staff whose day's wrong ones are used up ([`super::Lockout::another_try`]).
    /// `password`: the one that is there.
    ///
    /// # Errors
    /// The memory's.
    pub async fn another_try(&self, user: &HubUser, password: Option<Secret>) -> Result<Tried, BoxError> {
        self.members.another_try(user, password, &self.clock).await
    }

    /// The token of a member of the staff is forgotten: the password is not there any more.
    pub fn forget_member(&self, user: &HubUser) {
        self.members.forget(user);
    }

    fn link(&self) -> Arc<Link> {
        Arc::clone(&self.link.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Found before any connection is made: the hub would only say that it does not like the certificate.
    fn certificate_trouble(&self, link: &Link) -> Option<Trouble> {
        let problems = link.certificate.check(self.clock.now(), self.config.facility.as_deref());
        let worst = problems.into_iter().find(|problem| !problem.is_warning())?;
        // A certificate of the future is a clock of the past; it heals when the box learns the time.
        let scope = if worst.code() == Code::CertificateNotYetValid { Scope::Hub } else { Scope::Operator };
        Some(trouble(worst.code(), scope))
    }

    /// The link with a certificate that serves, at a hub that offers what is asked; `otherwise`: whom it stops when not.
    async fn offering(&self, offers: fn(&wire::Capabilities) -> bool, otherwise: Scope) -> Result<Arc<Link>, Trouble> {
        let link = self.link();
        if let Some(trouble) = self.certificate_trouble(&link) {
            return Err(trouble);
        }
        // What was not on offer may be by now: that is asked again, so that a person who was told so need not wait.
        if offers(&link.offered(OFFER_AGE).await?) || offers(&link.offered(NO_OFFER_AGE).await?) {
            return Ok(link);
        }
        Err(trouble(Code::HubNotOffered, otherwise))
    }

    async fn file(&self, delivery: Delivery, (path, offers): List, member: Option<Secret>) -> Result<Seen, Trouble> {
        let link = self.offering(offers, Scope::Operator).await?;
        let (session, link) = match (&delivery.user, member) {
            (Some(member), Some(password)) => self.members.acting(&link, &member.id, password),
            // Never as somebody else.
            (Some(_), None) => return Err(trouble(Code::HubPasswordNeeded, Scope::Try)),
            (None, _) => (Arc::clone(&self.session), link),
        };
        let own = |of: fn(Trouble) -> Trouble| {
            let is_member = delivery.user.is_some();
            move |trouble: Trouble| if is_member { of(trouble) } else { trouble }
        };
        let (of_log_in, of_token) = (own(of_a_log_in), own(of_a_token));
        let token = session.token(&link).await.map_err(&of_log_in)?;
        if let Some(member) = &delivery.user {
            self.members.logged_in(&member.id, token.job_kind());
        }
        let message = keyed(request(Method::POST, path, delivery.body), delivery.key);
        let message = authorized(message, bearer(&token)?);
        let (seen, reply) = link.stream(message, delivery.length).await;
        if let Reply::TokenStale(stale) = reply {
            // The body is spent, so the document has to come again; the token is renewed at once for the next.
            session.reject(&token, &link).map_err(of_token)?;
            session.token(&link).await.map_err(of_log_in)?;
            return Err(Trouble { scope: Scope::Try, retry_after: Some(STALE_TOKEN_PAUSE), ..stale });
        }
        took(&link, &token, &reply);
        Ok(seen)
    }

    /// Whether a document is at the hub now. `member`: the password of the user that it names.
    async fn filed(&self, document: Delivery, to: List, member: Option<Secret>) -> Outcome {
        let user = document.user.as_ref().map(|member| member.id.clone());
        let outcome = match Box::pin(self.file(document, to, member)).await {
            Ok(seen) => delivery(&seen, self.clock.now()),
            Err(trouble) => Outcome::NotDelivered(trouble),
        };
        let Some(user) = user else { return outcome };
        let outcome = of_the_member(outcome, self.clock.now());
        self.members.settled(&user, &outcome);
        outcome
    }

    /// A small exchange, made again with a renewed token where the hub said E1004 and so looked at nothing.
    async fn call<W: Way>(
        &self,
        link: &Arc<Link>,
        build: impl Fn() -> Request<Bytes> + Send + Sync,
    ) -> Result<W::Answer, Trouble> {
        for _ in 0..TRIES {
            let token = self.session.token(link).await?;
            let header = bearer(&token)?;
            let build = || authorized(build(), header.clone());
            let answer = W::exchange(link, build).await;
            let reply = W::reply(&answer);
            if matches!(reply, Reply::TokenStale(_)) {
                self.session.reject(&token, link)?;
                continue;
            }
            took(link, &token, reply);
            return Ok(answer);
        }
        Err(trouble(Code::HubTrouble, Scope::Hub))
    }

    /// A page of the list at `path` after `cursor`, and whether it is the first because the cursor has expired. `read` gives
    /// `None` when the hub does not know the cursor.
    async fn page<P>(
        &self,
        (path, offers): List,
        cursor: Option<String>,
        read: fn(&Seen, Timestamp) -> Result<Option<P>, Trouble>,
    ) -> Result<(P, bool), Trouble> {
        let link = self.offering(offers, Scope::Operator).await?;
        let now = || self.clock.now();
        let get = async |cursor: Option<&str>| {
            let path = wire::after(path, cursor);
            self.call::<ReadList>(&link, || request(Method::GET, &path, Bytes::new())).await
        };
        if let Some(page) = read(&get(cursor.as_deref()).await?.0, now())? {
            return Ok((page, false));
        }
        // The cursor has expired: from the beginning, where repeats are to be expected.
        let first = read(&get(None).await?.0, now())?;
        first.map(|page| (page, true)).ok_or(trouble(Code::HubNonsense, Scope::Hub))
    }
}

/// An answer in the hub's own form, to whatever effect, proves the token; trouble that stops everything is noted.
fn took<D>(link: &Link, token: &Token, reply: &Reply<D>) {
    match reply {
        Reply::Ok { .. } | Reply::Refused(_) | Reply::NotLive { .. } | Reply::NotKnown(_) => {
            token.prove();
            link.board.clear();
        }
        Reply::Without(trouble) | Reply::Perhaps(trouble) => {
            let _ = link.board.stopped(trouble.clone());
        }
        Reply::TokenStale(_) | Reply::NotOffered(_) => {}
    }
}

/// The request under the key that makes it safe to repeat.
fn keyed<B>(mut request: Request<B>, key: Uuid) -> Request<B> {
    // A UUID is always a valid header.
    if let Ok(key) = HeaderValue::from_str(&key.to_string()) {
        request.headers_mut().insert(wire::IDEMPOTENCY_KEY, key);
    }
    request
}

fn bearer(token: &Token) -> Result<HeaderValue, Trouble> {
    token.bearer().ok_or(trouble(Code::HubNonsense, Scope::Hub))
}

impl HubPort for Hub {
    async fn deliver(&self, document: Delivery) -> Outcome {
        self.deliver_as(document, None).await
    }

    async fn deliver_care_plan(&self, document: Delivery) -> Outcome {
        self.deliver_care_plan_as(document, None).await
    }

    async fn care_plan_changes(&self, cursor: Option<String>) -> Result<ChangePage<RecipientState>, Trouble> {
        self.recipients(cursor).await
    }

    async fn arrivals(&self, cursor: Option<String>) -> Result<ArrivalPage, Trouble> {
        self.arrived(cursor).await
    }

    async fn arrived_unit(&self, id: &str) -> Result<Option<Bytes>, Trouble> {
        self.unit(id).await
    }

    async fn acknowledge(&self, key: Uuid, id: &str, what: Acknowledgement) -> Result<(), Trouble> {
        self.tell(key, id, what).await
    }

    fn ahead(&self) -> Option<i64> {
        self.link().board.read().ahead
    }

    async fn lookup(&self, key: Uuid) -> LookupOutcome {
        let link = match self.offering(wire::Capabilities::has_lookup, Scope::Operator).await {
            Ok(link) => link,
            Err(trouble) if trouble.code == Code::HubNotOffered => return LookupOutcome::NotOffered,
            Err(trouble) => return LookupOutcome::Trouble(trouble),
        };
        match self.call::<Read>(&link, || request(Method::POST, wire::LOOKUP, wire::lookup_body(key))).await {
            Ok((seen, _)) => lookup(&seen, key, self.clock.now()),
            Err(trouble) => LookupOutcome::Trouble(trouble),
        }
    }

    async fn changes(&self, cursor: Option<String>) -> Result<ChangePage, Trouble> {
        let list: List = (wire::CHANGES, wire::Capabilities::has_opinions);
        let (page, restarted) = self.page(list, cursor, change_page).await?;
        Ok(ChangePage { restarted, ..page })
    }

    async fn challenge(&self) -> Result<Challenge, Trouble> {
        let link = self.offering(wire::Capabilities::has_identity, Scope::Item).await?;
        let build = || request(Method::POST, wire::CHALLENGES, wire::challenge_body());
        challenge(self.call::<Read>(&link, build).await?.1)
    }

    async fn assert(&self, challenge: &Challenge, evidence: &Evidence) -> Result<Asserted, Trouble> {
        let link = self.offering(wire::Capabilities::has_identity, Scope::Item).await?;
        let body = wire::assertion_body(&challenge.id, evidence);
        let build = || request(Method::POST, wire::ASSERTIONS, body.clone());
        assertion(self.call::<Once>(&link, build).await?, evidence)
    }
}
