//! What the door writes into the trail, before the answer leaves.
//!
//! Invariants: a success that the trail does not hold is not answered. A failure is answered all the same: it gives nothing away, and
//! may be all that tells what was spent. Strangers, and who looks at the same thing again and again, cannot fill the disk.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};

use super::about::{About, Recorded, Repeated};
use super::problem::Failure;
use crate::audit::{Act, Draft, Result as Ended, Trail};
use crate::clock::Clock;
use crate::fault::Code;
use crate::terminal::{Caller, Credential};

/// Who looks again within this time has looked once.
const ONE_LOOK: Duration = Duration::from_secs(600);
/// Looks remembered at once.
const LOOKS: usize = 4096;
/// Strangers of one address are told of once within this time.
const STRANGER: Duration = Duration::from_secs(60);
/// Addresses of strangers told of one by one; all others together are one more.
const ADDRESSES: usize = 32;
/// The act of somebody who was not let in where the route itself is none.
const REFUSED: &str = "door.refused";

/// Writes the acts of one endpoint.
pub(super) struct Recorder {
    trail: Trail,
    clock: Clock,
    facility: String,
    looks: Mutex<HashMap<Look, Duration>>,
    strangers: Mutex<HashMap<Stranger, Window>>,
}

#[derive(PartialEq, Eq, Hash)]
struct Look {
    draft: Draft,
    on: Option<String>,
    code: Option<Code>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Stranger {
    At(Option<IpAddr>),
    Elsewhere,
}

struct Window {
    since: Duration,
    /// Those that were not told of yet.
    untold: u64,
}

impl Recorder {
    /// Writes into `trail`, in the name of `facility` where nobody is known.
    pub(super) fn new(trail: Trail, clock: Clock, facility: String) -> Self {
        Self { trail, clock, facility, looks: Mutex::default(), strangers: Mutex::default() }
    }

    /// Records how an act ended; the answer to give.
    pub(super) async fn close(&self, draft: Draft, on: Option<String>, mut response: Response) -> Response {
        let about = response.extensions_mut().remove::<About>().map(|About(on)| on);
        if response.extensions_mut().remove::<Recorded>().is_some() {
            return response;
        }
        let repeated = response.extensions_mut().remove::<Repeated>().is_some();
        let (ended, code) = judged(&response);
        let on = about.or(on);
        // The same refusal again and again would fill the disk, and the trail is never cut.
        let look = Look { draft: draft.clone(), on: on.clone(), code };
        if ended == Ended::Refused && self.seen(&look) {
            return response;
        }
        let act = draft.ended(self.clock.now(), on, ended, code);
        let (response, recorded) = self.write(act, ended == Ended::Done && !repeated, response).await;
        if recorded && ended == Ended::Refused {
            self.remember(look);
        }
        response
    }

    /// The same for who only looks.
    pub(super) async fn look(&self, draft: Draft, on: Option<String>, mut response: Response) -> Response {
        let on = response.extensions_mut().remove::<About>().map(|About(on)| on).or(on);
        let (ended, code) = judged(&response);
        let look = Look { draft: draft.clone(), on: on.clone(), code };
        if self.seen(&look) {
            return response;
        }
        let act = draft.ended(self.clock.now(), on, ended, code);
        let (response, recorded) = self.write(act, ended == Ended::Done, response).await;
        // Only what is on record spares another one.
        if recorded {
            self.remember(look);
        }
        response
    }

    /// The answer to give, and whether the act is on record. `needed`: without the record there is no answer.
    async fn write(&self, act: Act, needed: bool, response: Response) -> (Response, bool) {
        let mut acts = self.overdue();
        acts.push(act);
        match self.trail.record(acts).await {
            Ok(()) => (response, true),
            Err(error) => {
                tracing::error!(code = %error.code, "audit: an act could not be recorded");
                let unavailable = || Failure::from(Code::TrailUnavailable).because(error).into_response();
                (if needed { unavailable() } else { response }, false)
            }
        }
    }

    /// Somebody was not let in.
    pub(super) async fn turned_away(
        &self,
        caller: Option<&Caller>,
        from: Option<IpAddr>,
        act: &'static str,
        code: Code,
    ) {
        let (acts, look) = match caller {
            // A page that asks again and again, or a program with the wrong key, is told of once in ten minutes.
            Some(caller) => {
                let draft = draft(caller, if act.is_empty() { REFUSED } else { act });
                let look = Look { draft: draft.clone(), on: None, code: Some(code) };
                if self.seen(&look) {
                    return;
                }
                (vec![draft.ended(self.clock.now(), None, Ended::Refused, Some(code))], Some(look))
            }
            None if matches!(code.status(), 401 | 403) => (self.stranger(from, code), None),
            None => (Vec::new(), None),
        };
        if acts.is_empty() {
            return;
        }
        match (self.trail.record(acts).await, look) {
            (Ok(()), Some(look)) => self.remember(look),
            (Ok(()), None) => {}
            (Err(error), _) => tracing::error!(code = %error.code, "audit: a refusal could not be recorded"),
        }
    }

    /// Whoever asked went away before the end; what was begun may have been finished.
    pub(super) fn abandoned(
        &self,
        draft: Draft,
        on: Option<String>,
        code: Code,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (trail, act) = (self.trail.clone(), draft.ended(self.clock.now(), on, Ended::Failed, Some(code)));
        async move {
            if let Err(error) = trail.record(vec![act]).await {
                tracing::error!(code = %error.code, "audit: an act could not be recorded");
            }
        }
    }

    fn seen(&self, look: &Look) -> bool {
        let now = self.clock.elapsed();
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(look).is_some_and(|since| now.saturating_sub(*since) < ONE_LOOK)
    }

    fn remember(&self, look: Look) {
        let now = self.clock.elapsed();
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.len() >= LOOKS {
            looks.retain(|_, since| now.saturating_sub(*since) < ONE_LOOK);
        }
        // Forgetting costs a record too many, never one too few.
        if looks.len() >= LOOKS {
            looks.clear();
        }
        looks.insert(look, now);
    }

    /// What is to be told of a stranger at the moment, and of others whose minute is over.
    fn stranger(&self, from: Option<IpAddr>, code: Code) -> Vec<Act> {
        let mut acts = self.overdue();
        let now = self.clock.elapsed();
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Stranger::At(from);
        let at = if strangers.contains_key(&at) || strangers.len() < ADDRESSES { at } else { Stranger::Elsewhere };
        match strangers.get_mut(&at) {
            Some(window) => window.untold += 1,
            None => {
                strangers.insert(at, Window { since: now, untold: 0 });
                acts.push(self.attempts(at, 1, Some(code)));
            }
        }
        acts
    }

    /// What strangers tried within a minute that is over.
    fn overdue(&self) -> Vec<Act> {
        let now = self.clock.elapsed();
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |window: &Window| now.saturating_sub(window.since) >= STRANGER;
        let told: Vec<_> =
            strangers.extract_if(|_, window| over(window)).filter(|(_, window)| window.untold > 0).collect();
        told.into_iter().map(|(at, window)| self.attempts(at, window.untold, None)).collect()
    }

    fn attempts(&self, at: Stranger, count: u64, code: Option<Code>) -> Act {
        let from = match at {
            Stranger::At(from) => from,
            Stranger::Elsewhere => None,
        };
        let by = "stranger".to_owned();
        let draft = Draft { facility: self.facility.clone(), by, person: None, role: None, from, act: REFUSED };
        draft.ended(self.clock.now(), Some(format!("attempts:{count}")), Ended::Refused, code)
    }
}

/// What the trail says of a caller.
pub(super) fn draft(caller: &Caller, act: &'static str) -> Draft {
    Draft {
        facility: caller.facility.clone(),
        by: match caller.credential {
            Credential::Local => caller.credential.name().to_owned(),
            Credential::Key | Credential::Terminal => format!("{}:{}", caller.credential.name(), caller.id),
        },
        person: caller.person.as_ref().map(|person| person.user.clone()),
        role: caller.person.as_ref().map(|person| person.role.to_owned()),
        from: caller.from,
        act,
    }
}

fn judged(response: &Response) -> (Ended, Option<Code>) {
    let failure = response.extensions().get::<Failure>();
    let status = failure.map_or(response.status(), Failure::status);
    let ended = match status.as_u16() {
        ..400 => Ended::Done,
        400..500 => Ended::Refused,
        _ => Ended::Failed,
    };
    (ended, failure.map(Failure::code))
}
