//! Tokens: one login or refresh at a time for everybody, and never a password that `lockout` does not permit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderValue, Method};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::failure::{Reply, of_a_read, trouble};
use super::link::{Link, request};
use super::lockout::{Account, AnotherTry, Lockout, Permit, Policy, Tried, Verdict};
use super::memory::{AnyMemory, BoxError};
use super::port::{Scope, Trouble};
use super::wire::{self, TokenGrant};
use crate::clock::Clock;
use crate::fault::Code;
use crate::task;

/// Under this name the facts of `lockout` are remembered, of the facility's user.
const MEMORY_NAME: &str = "hub.login";
/// A token this close to its end is renewed before it is used.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// A token refused this soon after its login is not cured by another login.
const FRESH_LOGIN: Duration = Duration::from_secs(60);
/// The hub has to have answered this recently before a password is risked.
const PROBE_AGE: Duration = Duration::from_secs(10);

/// The one session that all exchanges of one user share.
pub(super) struct Session {
    memory: Arc<dyn AnyMemory>,
    /// Under this name the facts of `lockout` are remembered.
    name: String,
    policy: Policy,
    holding: Mutex<Holding>,
    /// Counts renewals, so that whoever waited for one takes its result instead of starting another.
    rounds: AtomicU64,
}

#[derive(Default)]
struct Holding {
    token: Option<Arc<Token>>,
    lockout: Option<Lockout>,
    /// Over which connections, with which account and password, and why.
    last_failure: Option<(u64, Account, Trouble)>,
}

/// An access token and the refresh token that came with it.
pub(super) struct Token {
    epoch: u64,
    /// See [`Link::member`].
    member: Option<Account>,
    access: SecretString,
    since: Duration,
    expires: Duration,
    refresh: Option<SecretString>,
    refresh_expires: Duration,
    refresh_used: AtomicBool,
    from_login: bool,
    /// The user's job kind, in the hub's words.
    job_kind: Option<String>,
    /// The hub took it once.
    proven: AtomicBool,
    /// The hub said E1004.
    rejected: AtomicBool,
    /// A log-in in good time came to nothing: a second lost answer would keep everybody out, so the next one is made when this token ends.
    to_its_end: AtomicBool,
}

/// How a refresh ended.
enum Refreshed {
    Token(Arc<Token>),
    /// The refresh token was not used up; the line or the hub has to recover first.
    Kept(Trouble),
    /// There is no refresh token any more.
    Spent,
}

impl Token {
    fn from_grant(grant: TokenGrant, link: &Link, from_login: bool) -> Arc<Self> {
        let since = link.clock.elapsed();
        Arc::new(Self {
            epoch: link.epoch,
            member: link.member.clone(),
            since,
            expires: since.saturating_add(grant.life()),
            refresh_expires: since.saturating_add(grant.refresh_life()),
            access: grant.access_token,
            job_kind: grant.job_kind,
            refresh: grant.refresh_token,
            refresh_used: AtomicBool::new(false),
            from_login,
            proven: AtomicBool::new(false),
            rejected: AtomicBool::new(false),
            to_its_end: AtomicBool::new(false),
        })
    }

    /// The header; `None` when the token is nothing that a header can carry.
    pub(super) fn bearer(&self) -> Option<HeaderValue> {
        let text = Zeroizing::new(format!("Bearer {}", self.access.expose_secret()));
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// The user's job kind, in the hub's words, where it named one.
    pub(super) fn job_kind(&self) -> Option<&str> {
        self.job_kind.as_deref()
    }

    /// The hub took it.
    pub(super) fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    /// Whether it was got over these connections, and, where it is a person's, with this very password. The facility's own
    /// outlives a change of its password.
    fn is_of(&self, link: &Link) -> bool {
        self.epoch == link.epoch && self.member == link.member
    }

    fn usable(&self, link: &Link, margin: Duration) -> bool {
        let life = self.expires.saturating_sub(self.since);
        // A hub with very short tokens must not make every call a renewal.
        let margin = if self.to_its_end.load(Ordering::Relaxed) { Duration::ZERO } else { margin.min(life / 10) };
        self.is_of(link)
            && !self.rejected.load(Ordering::Relaxed)
            && link.clock.elapsed().saturating_add(margin) < self.expires
    }

    /// The refresh token, where one attempt with it makes sense.
    fn refreshable(&self, link: &Link) -> Option<&SecretString> {
        let refused_at_once = self.rejected.load(Ordering::Relaxed) && !self.proven.load(Ordering::Relaxed);
        let alive = self.is_of(link) && link.clock.elapsed() < self.refresh_expires;
        self.refresh.as_ref().filter(|_| alive && !refused_at_once && !self.refresh_used.load(Ordering::Relaxed))
    }
}

impl Session {
    /// Of the facility's own user.
    pub(super) fn new(memory: Arc<dyn AnyMemory>, policy: Policy) -> Self {
        Self::named(MEMORY_NAME.to_owned(), memory, policy)
    }

    /// Of a member of the staff, whom the hub may lock out as well as anybody.
    pub(super) fn of_member(account: &Account, memory: Arc<dyn AnyMemory>, policy: Policy) -> Self {
        Self::named(format!("{MEMORY_NAME}.{}", account.user()), memory, policy)
    }

    fn named(name: String, memory: Arc<dyn AnyMemory>, policy: Policy) -> Self {
        Self { memory, name, policy, holding: Mutex::default(), rounds: AtomicU64::new(0) }
    }

    /// A token to go on with; renews it where needed.
    pub(super) async fn token(self: &Arc<Self>, link: &Arc<Link>) -> Result<Arc<Token>, Trouble> {
        let seen = self.rounds.load(Ordering::Acquire);
        if let Some(token) = self.holding.lock().await.token.clone().filter(|token| token.usable(link, MARGIN)) {
            return Ok(token);
        }
        // In a task of its own: a login that has begun is finished and written down, also when its caller has gone.
        let (session, link) = (Arc::clone(self), Arc::clone(link));
        let renewal = task::spawn(async move { session.renew(&link, seen).await });
        renewal.await.unwrap_or_else(|_| Err(trouble(Code::GatewayInternal, Scope::Hub)))
    }

    /// The hub said E1004 to `token`. An error when another token would fare no better.
    pub(super) fn reject(&self, token: &Token, link: &Link) -> Result<(), Trouble> {
        token.rejected.store(true, Ordering::Relaxed);
        let fresh = link.clock.elapsed().saturating_sub(token.since) < FRESH_LOGIN;
        if token.from_login && fresh && !token.proven.load(Ordering::Relaxed) {
            tracing::warn!("the hub refuses the token that it has just issued");
            return Err(trouble(Code::HubTrouble, Scope::Hub));
        }
        Ok(())
    }

    async fn renew(&self, link: &Link, seen: u64) -> Result<Arc<Token>, Trouble> {
        let mut holding = self.holding.lock().await;
        if let Some(token) = holding.token.clone().filter(|token| token.usable(link, MARGIN)) {
            return Ok(token);
        }
        if self.rounds.load(Ordering::Acquire) != seen
            && let Some((epoch, account, failure)) = &holding.last_failure
            && (*epoch, account) == (link.epoch, &link.account)
        {
            return Err(failure.clone());
        }
        let result = self.round(&mut holding, link).await;
        // Counted at its end: whoever came while it was on its way has waited for it, too.
        self.rounds.fetch_add(1, Ordering::AcqRel);
        holding.last_failure = result.as_ref().err().map(|failure| (link.epoch, link.account.clone(), failure.clone()));
        result.map_err(|trouble| link.board.stopped(trouble))
    }

    async fn round(&self, holding: &mut Holding, link: &Link) -> Result<Arc<Token>, Trouble> {
        let old = holding.token.clone();
        let renewed = match refresh(old.as_deref(), link).await {
            Refreshed::Token(token) => Ok(token),
            Refreshed::Kept(trouble) => Err(trouble),
            Refreshed::Spent => {
                let logged_in = self.login(holding, link).await;
                if let (Err(_), Some(old)) = (&logged_in, &old) {
                    old.to_its_end.store(true, Ordering::Relaxed);
                }
                logged_in
            }
        };
        match (renewed, old) {
            (Ok(token), _) => {
                let life = token.expires.saturating_sub(token.since);
                link.board.token(link.clock.now().saturating_add(life).ok());
                holding.token = Some(Arc::clone(&token));
                Ok(token)
            }
            // Renewed early on purpose: until its end the old one serves.
            (Err(_), Some(old)) if old.usable(link, Duration::ZERO) => Ok(old),
            (Err(trouble), old) => {
                link.board.token(None);
                if old.is_some_and(|old| !old.is_of(link)) {
                    holding.token = None;
                }
                Err(trouble)
            }
        }
    }

    async fn login(&self, holding: &mut Holding, link: &Link) -> Result<Arc<Token>, Trouble> {
        let lockout = self.lockout(holding, &link.account, link.clock.now()).await;
        let lockout = lockout.map_err(|error| forgetful(&*error))?;
        permitted(lockout.permit(&link.account, &self.policy, link.clock.now()))?;
        link.offered(PROBE_AGE).await?;
        let password = link.password.text().map_err(|_| trouble(Code::SecretMissing, Scope::Operator))?;

        lockout.begin(&link.account, link.clock.now());
        if let Err(error) = self.memory.remember(&self.name, &lockout.record()).await {
            lockout.finish(&link.account, Verdict::NotJudged, link.clock.now());
            return Err(forgetful(&*error));
        }
        let login = request(Method::POST, wire::LOGIN, wire::login_body(&link.user_id, password));
        let reply = link.exchange(login).await.1;
        let (verdict, result) = judge(reply, link);

        lockout.finish(&link.account, verdict, link.clock.now());
        if let Err(error) = self.memory.remember(&self.name, &lockout.record()).await {
            // The attempt stays counted on disk, and the verdict holds in memory as long as the process lives.
            tracing::error!(error = &*error, "the outcome of the login could not be remembered");
        }
        report(verdict, result.as_ref().err());
        result
    }

    /// See [`Lockout::another_try`]. `account`: with the password that is there, if any.
    pub(super) async fn another_try(&self, account: &Account, clock: &Clock) -> Result<Tried, BoxError> {
        let mut holding = self.holding.lock().await;
        let now = clock.now();
        let lockout = self.lockout(&mut holding, account, now).await?;
        let mut next = lockout.clone();
        let order = next.another_try(account, &self.policy, now);
        let refused = next.has_refused(account);
        let waits_until = match next.permit_another(account, &self.policy, now) {
            Permit::Locked { until } | Permit::Cautious { until } => Some(until),
            Permit::Allowed | Permit::Refused => None,
        };
        if order == AnotherTry::Given {
            self.memory.remember(&self.name, &next.record()).await?;
            *lockout = next;
        }
        Ok(Tried { order, refused, waits_until })
    }

    async fn lockout<'a>(
        &self,
        holding: &'a mut Holding,
        account: &Account,
        now: Timestamp,
    ) -> Result<&'a mut Lockout, BoxError> {
        let lockout = match holding.lockout.take() {
            Some(lockout) => lockout,
            None => {
                let remembered = self.memory.recall(&self.name).await?;
                Lockout::restore(remembered.as_deref(), account, &self.policy, now)
            }
        };
        Ok(holding.lockout.insert(lockout))
    }
}

/// Without its memory the gateway cannot know whether a password was refused before: it does not try.
fn forgetful(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Trouble {
    tracing::error!(
        error = error as &(dyn std::error::Error + 'static),
        "no login: what was remembered of earlier ones cannot be read or written"
    );
    trouble(Code::StorageBroken, Scope::Hub)
}

fn permitted(permit: Permit) -> Result<(), Trouble> {
    let (code, scope, until) = match permit {
        Permit::Allowed => return Ok(()),
        Permit::Refused => (Code::HubLoginRefused, Scope::Operator, None),
        Permit::Locked { until } => (Code::HubAccountLocked, Scope::Hub, Some(until)),
        Permit::Cautious { until } => (Code::HubLoginCautious, Scope::Hub, Some(until)),
    };
    Err(Trouble { until, ..trouble(code, scope) })
}

/// What an answer to a login means for the account and for the caller.
fn judge(reply: Reply, link: &Link) -> (Verdict, Result<Arc<Token>, Trouble>) {
    match reply {
        Reply::Ok { data, trace_id } => match TokenGrant::parse(data).map(|grant| Token::from_grant(grant, link, true))
        {
            Some(token) if token.bearer().is_some() => (Verdict::Accepted, Ok(token)),
            _ => (Verdict::Unknown, Err(Trouble { trace_id, ..trouble(Code::HubNonsense, Scope::Hub) })),
        },
        Reply::Without(trouble) => {
            let verdict = match (trouble.code, trouble.until) {
                (Code::HubLoginRefused, _) => Verdict::Refused,
                (Code::HubAccountLocked, Some(until)) => Verdict::Locked { until },
                _ => Verdict::NotJudged,
            };
            (verdict, Err(trouble))
        }
        Reply::NotOffered(trouble) => (Verdict::NotJudged, Err(trouble)),
        // Nothing a login should be answered with: it may have been counted as a failure.
        other => (Verdict::Unknown, Err(of_a_read(other))),
    }
}

/// A refresh token serves once, so one whose answer is lost counts as used.
async fn refresh(old: Option<&Token>, link: &Link) -> Refreshed {
    let Some((old, refresh)) = old.and_then(|old| Some((old, old.refreshable(link)?))) else { return Refreshed::Spent };
    old.refresh_used.store(true, Ordering::Relaxed);
    let body = wire::refresh_body(refresh.expose_secret());
    match link.exchange(request(Method::POST, wire::REFRESH, body)).await.1 {
        Reply::Ok { data, .. } => match TokenGrant::parse(data).map(|grant| Token::from_grant(grant, link, false)) {
            Some(token) if token.bearer().is_some() => Refreshed::Token(token),
            _ => Refreshed::Spent,
        },
        Reply::Without(trouble) if !matches!(trouble.code, Code::HubLoginRefused | Code::HubAccountLocked) => {
            old.refresh_used.store(false, Ordering::Relaxed);
            Refreshed::Kept(trouble)
        }
        _ => Refreshed::Spent,
    }
}

fn report(verdict: Verdict, failure: Option<&Trouble>) {
    let trace_id = failure.and_then(|trouble| trouble.trace_id.as_deref());
    match (verdict, failure) {
        (Verdict::Accepted, _) => tracing::info!("logged in at the hub"),
        (_, Some(trouble)) => tracing::warn!(code = %trouble.code, trace_id, ?verdict, "login at the hub failed"),
        (_, None) => {}
    }
}
