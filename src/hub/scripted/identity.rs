//! The scripted hub's people. It judges as the contract says, but for the signature: a card that it knows is believed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::ScriptedHub;
use crate::fault::Code;
use crate::hub::port::{Asserted, Challenge, HubError, Refusal, Trouble};
use crate::model::identity::{Assurance, Evidence, Method, Person, Witnessed};

const CHALLENGE_LIFE: Duration = Duration::from_secs(5 * 60);
const TOKEN_LIFE: Duration = Duration::from_secs(30 * 60);

/// What happens to one assertion instead of being judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssertStep {
    /// It is refused.
    Refuse(Refusal),
    /// It is judged, and the answer is lost.
    LoseAfter(Trouble),
    /// It is lost before anybody looks at it.
    LoseBefore(Trouble),
    /// The line hangs until the caller gives up.
    Hang,
}

/// One assertion as the hub saw it; one lost on the way there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionRecord {
    /// The challenge it was made under.
    pub challenge_id: String,
    /// How the person was identified.
    pub method: Method,
    /// Why it was refused; `None` when the person is known.
    pub refused: Option<Refusal>,
}

/// A person's 保険者番号 and 被保険者番号.
type Numbers = (String, String);

#[derive(Default)]
pub(super) struct Register {
    /// By the card's certificate, in base64.
    cards: BTreeMap<String, Numbers>,
    people: BTreeSet<Numbers>,
    /// Challenges that serve still.
    open: BTreeMap<String, Timestamp>,
    given: usize,
    down: Option<Trouble>,
    next_challenges: VecDeque<Trouble>,
    next: VecDeque<AssertStep>,
    asserted: Vec<AssertionRecord>,
}

impl ScriptedHub {
    /// Lets the hub know a person by these numbers, and by the card with this certificate (DER) where there is one.
    pub fn know_person(&self, insurer_number: &str, insured_number: &str, certificate: Option<&[u8]>) {
        let numbers: Numbers = (insurer_number.to_owned(), insured_number.to_owned());
        let register = &mut self.state().register;
        if let Some(certificate) = certificate {
            register.cards.insert(STANDARD.encode(certificate), numbers.clone());
        }
        register.people.insert(numbers);
    }

    /// Answers every challenge and assertion with this trouble, until it is told `None`.
    pub fn identity_down(&self, trouble: Option<Trouble>) {
        self.state().register.down = trouble;
    }

    /// Answers the next requests for a challenge with these troubles.
    pub fn then_challenge(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.state().register.next_challenges.extend(troubles);
    }

    /// Sets what happens to the next assertions.
    pub fn then_assert(&self, steps: impl IntoIterator<Item = AssertStep>) {
        self.state().register.next.extend(steps);
    }

    /// How many challenges were given.
    #[must_use]
    pub fn challenges_given(&self) -> usize {
        self.state().register.given
    }

    /// Every assertion that arrived, in order.
    #[must_use]
    pub fn assertions(&self) -> Vec<AssertionRecord> {
        self.state().register.asserted.clone()
    }

    pub(super) fn give_challenge(&self) -> Result<Challenge, Trouble> {
        let now = self.clock.now();
        let register = &mut self.state().register;
        if let Some(trouble) = register.down.clone().or_else(|| register.next_challenges.pop_front()) {
            return Err(trouble);
        }
        register.given += 1;
        let id = format!("C{:08}", register.given);
        let expires_at = now.saturating_add(CHALLENGE_LIFE).unwrap_or(Timestamp::MAX);
        register.open.insert(id.clone(), expires_at);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, id.as_bytes()).as_ref());
        Ok(Challenge { id, bytes, expires_at })
    }

    pub(super) async fn judge(&self, challenge: &Challenge, evidence: &Evidence) -> Result<Asserted, Trouble> {
        let step = {
            let register = &mut self.state().register;
            match register.down.clone() {
                Some(trouble) => Some(AssertStep::LoseBefore(trouble)),
                None => register.next.pop_front(),
            }
        };
        let (ordered, lost) = match step {
            Some(AssertStep::Hang) => std::future::pending().await,
            Some(AssertStep::LoseBefore(trouble)) => return Err(trouble),
            Some(AssertStep::LoseAfter(trouble)) => (None, Some(trouble)),
            Some(AssertStep::Refuse(refusal)) => (Some(refusal), None),
            None => (None, None),
        };
        let now = self.clock.now();
        let register = &mut self.state().register;
        // Whatever comes of it, the challenge is used up.
        let usable = register.take_challenge(&challenge.id, now);
        let judged = ordered.map_or_else(|| usable.and_then(|()| register.person(evidence, now)), Err);
        register.asserted.push(AssertionRecord {
            challenge_id: challenge.id.clone(),
            method: method(evidence),
            refused: judged.as_ref().err().cloned(),
        });
        match lost {
            Some(trouble) => Err(trouble),
            None => Ok(judged.map_or_else(Asserted::Refused, |person| Asserted::Known(Box::new(person)))),
        }
    }
}

impl Register {
    fn take_challenge(&mut self, id: &str, now: Timestamp) -> Result<(), Refusal> {
        let until = self.open.remove(id).ok_or_else(|| refusal("E2301", "/challenge_id"))?;
        if until <= now { Err(refusal("E2302", "/challenge_id")) } else { Ok(()) }
    }

    fn person(&self, evidence: &Evidence, now: Timestamp) -> Result<Person, Refusal> {
        let (numbers, assurance) = match evidence {
            Evidence::Pin { certificate, .. } => (self.card(&STANDARD.encode(certificate))?, Assurance::High),
            Evidence::Witnessed(Witnessed::Visual { certificate, .. }) => {
                (self.card(certificate)?, Assurance::Substantial)
            }
            Evidence::Witnessed(Witnessed::Document { insurer_number, insured_number, .. }) => {
                let numbers = (insurer_number.clone(), insured_number.clone());
                let known = self.people.contains(&numbers);
                (known.then_some(numbers).ok_or_else(|| refusal("E2309", "/insured_number"))?, Assurance::Low)
            }
        };
        Ok(Person {
            token: Zeroizing::new(format!("T{:08}", self.asserted.len() + 1)),
            expires_at: now.saturating_add(TOKEN_LIFE).unwrap_or(Timestamp::MAX),
            insurer_number: numbers.0,
            insured_number: numbers.1,
            assurance,
        })
    }

    fn card(&self, certificate: &str) -> Result<Numbers, Refusal> {
        self.cards.get(certificate).cloned().ok_or_else(|| refusal("E2307", "/certificate"))
    }
}

const fn method(evidence: &Evidence) -> Method {
    match evidence {
        Evidence::Pin { .. } => Method::Pin,
        Evidence::Witnessed(witnessed) => witnessed.method(),
    }
}

fn refusal(code: &str, field: &str) -> Refusal {
    let errors = vec![HubError { code: code.to_owned(), field: Some(field.to_owned()) }];
    Refusal { code: Code::HubRefused, errors, trace_id: None }
}
