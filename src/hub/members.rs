//! The members of the staff who are known to the hub by themselves: a log-in of their own each, over the connections of the facility.
//!
//! What keeps one of them from logging in stops that person's documents alone. Nobody is told anywhere who it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::link::Link;
use super::lockout::{Account, AnotherTry, Policy, Tried};
use super::login::Session;
use super::memory::{AnyMemory, BoxError};
use super::port::{Outcome, Scope, Trouble};
use super::status::Board;
use crate::clock::Clock;
use crate::credential::Secret;
use crate::fault::Code;
use crate::model::hub_user::HubUser;

/// Log-ins that are held at the same time. Whoever comes beyond that logs in anew.
const HELD: usize = 64;
/// What only the person can put right is looked at again after so long; giving the password cuts it short.
const LOOK_AGAIN: Duration = Duration::from_secs(24 * 3600);

/// What the hub last said of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberStatus {
    /// The job kind that a log-in named, in the hub's words.
    pub job_kind: Option<String>,
    /// Why the last try failed, and until when nothing helps, where that is known.
    pub trouble: Option<(Code, Option<Timestamp>)>,
}

/// See the module.
pub(super) struct Members {
    memory: Arc<dyn AnyMemory>,
    policy: Policy,
    key: [u8; 32],
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    members: HashMap<HubUser, Member>,
    uses: u64,
}

struct Member {
    account: Account,
    session: Arc<Session>,
    board: Arc<Board>,
    used: u64,
    status: MemberStatus,
}

impl Members {
    pub(super) fn new(memory: Arc<dyn AnyMemory>, policy: Policy, key: [u8; 32]) -> Self {
        // Whoever has an account can give passwords, also somebody else's: not so many that the hub locks that user out.
        let policy = Policy { refused_window: LOOK_AGAIN, ..policy };
        Self { memory, policy, key, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody, who is held from here on: there is one session a user, because it remembers.
    fn member<'h>(&self, held: &'h mut Held, user: &HubUser) -> &'h mut Member {
        held.uses += 1;
        let used = held.uses;
        if !held.members.contains_key(user) {
            held.make_room();
        }
        let member = held.members.entry(user.clone()).or_insert_with(|| {
            let account = Account::new(&self.key, user.reveal(), b"");
            let session = Arc::new(Session::of_member(&account, Arc::clone(&self.memory), self.policy));
            Member { account, session, board: Arc::default(), used, status: MemberStatus::default() }
        });
        member.used = used;
        member
    }

    /// Log-in and identity of somebody, with the password as it is at present.
    pub(super) fn acting(&self, link: &Link, user: &HubUser, password: Secret) -> (Arc<Session>, Arc<Link>) {
        let mut held = self.held();
        let member = self.member(&mut held, user);
        let link = link.for_member(user, password, &self.key, Arc::clone(&member.board));
        if member.account != link.account {
            // The session stays, which remembers what the hub refused; its token is of no use to another password.
            member.account = link.account.clone();
            member.status = MemberStatus::default();
        }
        (Arc::clone(&member.session), Arc::new(link))
    }

    /// The hub let somebody in.
    pub(super) fn logged_in(&self, user: &HubUser, job_kind: Option<&str>) {
        if let Some(member) = self.held().members.get_mut(user) {
            member.status = MemberStatus { job_kind: job_kind.map(str::to_owned), trouble: None };
        }
    }

    /// How a delivery of somebody's ended.
    pub(super) fn settled(&self, user: &HubUser, outcome: &Outcome) {
        let (Outcome::NotDelivered(trouble) | Outcome::Unknown(trouble)) = outcome else { return };
        if is_personal(trouble.code)
            && let Some(member) = self.held().members.get_mut(user)
        {
            member.status.trouble = Some((trouble.code, trouble.until));
        }
    }

    pub(super) fn status(&self, user: &HubUser) -> Option<MemberStatus> {
        self.held().members.get(user).map(|member| member.status.clone())
    }

    /// See [`Session::another_try`]. What was said of the passwords before says nothing of the next one.
    pub(super) async fn another_try(
        &self,
        user: &HubUser,
        password: Option<Secret>,
        clock: &Clock,
    ) -> Result<Tried, BoxError> {
        let password = password.as_ref().map_or(&b""[..], Secret::bytes);
        let account = Account::new(&self.key, user.reveal(), password);
        let session = Arc::clone(&self.member(&mut self.held(), user).session);
        let tried = session.another_try(&account, clock).await?;
        if tried.order == AnotherTry::Given
            && let Some(member) = self.held().members.get_mut(user)
        {
            member.status.trouble = None;
        }
        Ok(tried)
    }

    /// Forgets a log-in, but one that somebody uses at this moment: what it is told of a password has to be known to the next one. Its
    /// token serves no other password.
    pub(super) fn forget(&self, user: &HubUser) {
        let mut held = self.held();
        if held.members.get(user).is_some_and(|member| Arc::strong_count(&member.session) == 1) {
            held.members.remove(user);
        }
    }
}

impl Held {
    /// Forgets the log-in that was used longest ago. What uses one at this moment keeps it: two at once would be two passwords.
    fn make_room(&mut self) {
        if self.members.len() < HELD {
            return;
        }
        let idle = self.members.iter().filter(|(_, member)| Arc::strong_count(&member.session) == 1);
        let oldest = idle.min_by_key(|(_, member)| member.used).map(|(user, _)| user.clone());
        if let Some(user) = oldest {
            self.members.remove(&user);
        }
    }
}

const fn is_personal(code: Code) -> bool {
    matches!(code, Code::HubPasswordNeeded | Code::HubPasswordRefused | Code::HubAccountLocked | Code::HubLoginCautious)
}

/// What concerns the person alone says nothing of the hub, and nothing of the document.
pub(super) fn of_the_member(outcome: Outcome, now: Timestamp) -> Outcome {
    match outcome {
        Outcome::NotDelivered(trouble) => Outcome::NotDelivered(personal(trouble, now)),
        Outcome::Unknown(trouble) => Outcome::Unknown(personal(trouble, now)),
        other => other,
    }
}

fn personal(trouble: Trouble, now: Timestamp) -> Trouble {
    let code = match trouble.code {
        Code::HubLoginRefused => Code::HubPasswordRefused,
        code => code,
    };
    match code {
        Code::HubPasswordNeeded | Code::HubPasswordRefused => {
            let until = now.checked_add(LOOK_AGAIN).ok();
            Trouble { code, scope: Scope::Try, until, ..trouble }
        }
        code if is_personal(code) => Trouble { code, scope: Scope::Try, ..trouble },
        _ => trouble,
    }
}

/// A log-in that the hub answered with something about this user: the next user's may well pass.
pub(super) fn of_a_log_in(trouble: Trouble) -> Trouble {
    match trouble.code {
        Code::HubRefused
        | Code::HubNotPermitted
        | Code::HubNoConsent
        | Code::HubRecipientAbsent
        | Code::HubInsurerNotLive
        | Code::HubNonsense => Trouble { scope: Scope::Try, ..trouble },
        _ => trouble,
    }
}

/// The hub does not take the token that it has just given to this user.
pub(super) fn of_a_token(trouble: Trouble) -> Trouble {
    Trouble { scope: Scope::Try, ..trouble }
}
