//! The life of one submission, without I/O: each state is a type that holds what is valid in it, each step consumes the
//! state and returns the next. `now` is a parameter; jitter comes from the caller's generator.

use std::time::Duration;

use jiff::Timestamp;
use rand::Rng;

use super::backoff::Backoff;
use super::kind::Kind;
use crate::fault::Code;
use crate::hub::{LookupOutcome, Outcome, Receipt, Refusal, Scope, Trouble};

/// Waiting for its turn, for the line, or for its own back-off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Why it waits.
    pub reason: Code,
    /// Not before this time.
    pub wait_until: Option<Timestamp>,
}

/// Handed to the hub link; the outcome is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending;

/// The answer was lost. The hub is asked by key; it is not sent again before it has said that it never saw the key. A
/// [repeatable](Kind::repeatable) thing is never here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Why the outcome is unknown.
    pub reason: Code,
    /// Asked not before this time.
    pub ask_at: Timestamp,
}

/// Set aside until a date or until a person acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Why.
    pub reason: Code,
    /// Goes on by itself at this time.
    pub until: Option<Timestamp>,
}

/// Where a submission stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// See [`Queued`].
    Queued(Queued),
    /// See [`Sending`].
    Sending(Sending),
    /// See [`Unknown`].
    Unknown(Unknown),
    /// See [`Held`].
    Held(Held),
    /// Final: the hub gave a receipt.
    Delivered(Receipt),
    /// Final: the hub refused it for good.
    Returned(Refusal),
    /// Final: the sender withdrew it before it left.
    Cancelled,
    /// Final: a person sends it on paper.
    OnPaper,
}

/// A submission's state with what it has been through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// What it is; never changes.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// Deliveries begun.
    pub attempts: u32,
    /// Failures that were its own: of a kind that names the document, or while others passed.
    pub strikes: u32,
    /// Last back-off.
    pub pause: Duration,
    /// First delivery begun.
    pub first_sent_at: Option<Timestamp>,
    /// Last failure.
    pub failed_at: Option<Timestamp>,
    /// Counts the keys under which the hub was asked: one whose refusal is final serves no second time.
    pub generation: u32,
    /// The hub may have it, though its state does not say so: it goes again on a person's word, or its row was repaired.
    pub doubtful: bool,
}

/// What can happen to a submission.
#[derive(Clone, Debug)]
pub enum Input {
    /// Its delivery begins.
    Start,
    /// Its delivery ended.
    Settled {
        /// How.
        outcome: Outcome,
        /// When the hub last took another of its kind: a failure since then is its own.
        others_passed_at: Option<Timestamp>,
    },
    /// The process ended while it was being sent.
    Interrupted,
    /// It did not begin: the hub was to be asked about it first, and gave no answer.
    NotBegun(Trouble),
    /// The hub answered the question about its key.
    Asked(LookupOutcome),
    /// The hub answered about a further key of it, of this generation.
    AskedFurther(u32, LookupOutcome),
    /// Its stored bytes are not what was accepted.
    Damaged,
    /// The date it was held for has come.
    Release,
    /// A person withdraws it.
    Cancel,
    /// A person wants it sent.
    Retry,
    /// A person sends it on paper.
    OnPaper,
}

/// Why an input is refused. A refusal changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The state does not allow it.
    #[error("not possible in this state")]
    State,
    /// Its outcome is still open.
    #[error("its outcome is still open")]
    InFlight,
    /// The hub may have it, so it cannot go on paper.
    #[error("the hub may have it")]
    MayBeThere,
}

impl Denied {
    /// The catalogue's code for it.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::State => Code::SubmissionState,
            Self::InFlight => Code::SubmissionInFlight,
            Self::MayBeThere => Code::PaperTooLate,
        }
    }
}

/// The figures of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Pauses between attempts.
    pub backoff: Backoff,
    /// Own failures after which a document is set aside.
    pub strikes: u32,
    /// How long the hub remembers a key; an older "never seen" proves nothing.
    pub key_memory: Duration,
    /// Before the first question about a lost answer: the hub may still be at work on it, and its "never seen" would be
    /// true only for the moment.
    pub ask_after: Duration,
}

/// After this time a repeatable thing that goes round without a strike (the hub does not offer it) is set aside. The person
/// left the counter long ago; two weeks outlast a hub's update, and a municipality's decision is due within thirty days.
const TRIED_ENOUGH: Duration = Duration::from_secs(14 * 24 * 3600);

impl Life {
    /// A submission just accepted.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            state: State::Queued(Queued { reason: Code::WaitTurn, wait_until: None }),
            attempts: 0,
            strikes: 0,
            pause: Duration::ZERO,
            first_sent_at: None,
            failed_at: None,
            generation: 0,
            doubtful: false,
        }
    }

    /// Whether nothing can change it any more.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self.state, State::Delivered(_) | State::Returned(_) | State::Cancelled | State::OnPaper)
    }

    /// The next state.
    ///
    /// # Errors
    /// [`Denied`] when the input does not fit the state; the submission stays as it is.
    pub fn step(self, input: Input, now: Timestamp, policy: &Policy, rng: &mut impl Rng) -> Result<Self, Denied> {
        let Self { state, .. } = &self;
        match (state, input) {
            (State::Queued(_), Input::Start) => Ok(self.start(now)),
            (State::Sending(_), Input::Settled { outcome, others_passed_at }) => {
                Ok(self.settle(outcome, others_passed_at, now, policy, rng))
            }
            // Whatever the hub did with it, it may see it again: after a pause, as what interrupted it may do so every time.
            (State::Sending(_), Input::Interrupted) if self.kind.repeatable() => Ok(self.interrupted(now, policy, rng)),
            (State::Sending(_), Input::Interrupted) => Ok(self.lost(Code::OutcomeUnknown, now, policy.ask_after)),
            (State::Sending(_), Input::NotBegun(trouble)) => {
                let begun = Self { attempts: self.attempts.saturating_sub(1), ..self };
                Ok(begun.fail(&trouble, None, now, policy, rng))
            }
            (State::Unknown(_), Input::Asked(answer)) => Ok(self.asked(answer, now, policy, rng)),
            (State::Unknown(_), Input::AskedFurther(generation, answer)) => {
                Ok(Self { generation, ..self }.asked(answer, now, policy, rng))
            }
            (State::Unknown(_), Input::Retry) => Ok(self.lost(Code::OutcomeUnknown, now, Duration::ZERO)),
            (State::Queued(_) | State::Sending(_), Input::Damaged) => Ok(self.hold(Code::SubmissionDamaged, None)),
            (State::Held(held), Input::Release) if held.until.is_some_and(|until| until <= now) => {
                Ok(self.queue(Code::WaitTurn, None))
            }
            (State::Queued(_) | State::Held(_), Input::Cancel) => Ok(Self { state: State::Cancelled, ..self }),
            (State::Queued(_) | State::Held(_), Input::Retry) => Ok(self.retry()),
            (State::Queued(_) | State::Held(_), Input::OnPaper) if self.may_go_on_paper() => {
                Ok(Self { state: State::OnPaper, ..self })
            }
            (State::Sending(_) | State::Unknown(_), Input::Cancel) | (State::Sending(_), Input::Retry) => {
                Err(Denied::InFlight)
            }
            (State::Sending(_) | State::Unknown(_), Input::OnPaper) if self.kind.has_paper() => Err(Denied::InFlight),
            (State::Queued(_) | State::Held(_), Input::OnPaper) if self.kind.has_paper() => Err(Denied::MayBeThere),
            _ => Err(Denied::State),
        }
    }

    fn start(self, now: Timestamp) -> Self {
        Self {
            state: State::Sending(Sending),
            attempts: self.attempts.saturating_add(1),
            first_sent_at: self.first_sent_at.or(Some(now)),
            ..self
        }
    }

    fn settle(
        self,
        outcome: Outcome,
        others_passed_at: Option<Timestamp>,
        now: Timestamp,
        policy: &Policy,
        rng: &mut impl Rng,
    ) -> Self {
        match outcome {
            Outcome::Accepted(receipt) => self.deliver(receipt),
            Outcome::Refused(refusal) => self.refuse(refusal, now, policy),
            Outcome::NotLive { live_from, .. } => {
                self.certain(now, policy).hold(Code::HubInsurerNotLive, not_live_until(live_from, now))
            }
            Outcome::NotDelivered(trouble) => self.fail(&trouble, others_passed_at, now, policy, rng),
            Outcome::Unknown(trouble) if self.kind.repeatable() => {
                self.fail(&trouble, others_passed_at, now, policy, rng)
            }
            Outcome::Unknown(trouble) => {
                let struck = self.strike(&trouble, others_passed_at, now);
                struck.lost(trouble.code, now, trouble.retry_after.unwrap_or_default().max(policy.ask_after))
            }
        }
    }

    fn asked(self, answer: LookupOutcome, now: Timestamp, policy: &Policy, rng: &mut impl Rng) -> Self {
        match answer {
            LookupOutcome::Accepted(receipt) => self.deliver(receipt),
            LookupOutcome::Refused(refusal) => self.refuse(refusal, now, policy),
            LookupOutcome::NotOffered => self.hold(Code::OutcomeUnaskable, None),
            LookupOutcome::Unseen if self.key_forgotten(now, policy) => self.hold(Code::OutcomeUnaskable, None),
            LookupOutcome::Unseen if self.strikes >= policy.strikes => self.hold(Code::AttemptsExhausted, None),
            LookupOutcome::Unseen => {
                let pause = policy.backoff.next(self.pause, None, rng);
                let wait_until = if self.strikes == 0 { None } else { now.checked_add(pause).ok() };
                Self { pause, doubtful: false, ..self }.queue(Code::WaitTurn, wait_until)
            }
            LookupOutcome::Trouble(trouble) => {
                let struck = self.strike(&trouble, None, now);
                if struck.strikes >= policy.strikes {
                    return struck.hold(Code::OutcomeUnaskable, None);
                }
                let (pause, ask_at) = struck.wait(&trouble, now, policy, rng);
                let state = State::Unknown(Unknown { reason: trouble.code, ask_at });
                Self { state, pause, ..struck }
            }
        }
    }

    fn deliver(self, receipt: Receipt) -> Self {
        Self { state: State::Delivered(receipt), ..self }
    }

    /// What can go on paper waits for a person when its addressee is not on the hub: that may change, or it goes on paper.
    fn refuse(self, refusal: Refusal, now: Timestamp, policy: &Policy) -> Self {
        if self.kind.has_paper() && refusal.code == Code::HubRecipientAbsent {
            return self.certain(now, policy).hold(refusal.code, None);
        }
        Self { state: State::Returned(refusal), ..self }
    }

    /// The hub's "not at present", in good order: what failed before it is no longer held against the document, and a hub that
    /// had it under its key would have said so, if it still remembers that key.
    fn certain(self, now: Timestamp, policy: &Policy) -> Self {
        let doubtful = self.doubtful && self.key_forgotten(now, policy);
        Self { strikes: 0, doubtful, ..self }
    }

    fn fail(
        self,
        trouble: &Trouble,
        others_passed_at: Option<Timestamp>,
        now: Timestamp,
        policy: &Policy,
        rng: &mut impl Rng,
    ) -> Self {
        let struck = self.strike(trouble, others_passed_at, now);
        if struck.strikes >= policy.strikes {
            return struck.hold(Code::AttemptsExhausted, None);
        }
        if trouble.scope == Scope::Try && struck.outlived(now) {
            return struck.hold(trouble.code, None);
        }
        let (pause, wait_until) = struck.wait(trouble, now, policy, rng);
        Self { pause, ..struck }.queue(trouble.code, Some(wait_until))
    }

    fn interrupted(self, now: Timestamp, policy: &Policy, rng: &mut impl Rng) -> Self {
        if self.outlived(now) {
            return self.hold(Code::GatewayInternal, None);
        }
        self.fail(&Trouble::of(Code::WaitTurn, Scope::Try), None, now, policy, rng)
    }

    /// The next back-off and its end. What a person puts right goes on at that moment: until then the circuit alone keeps
    /// the hub from being knocked at.
    fn wait(&self, trouble: &Trouble, now: Timestamp, policy: &Policy, rng: &mut impl Rng) -> (Duration, Timestamp) {
        if trouble.scope == Scope::Operator {
            return (self.pause, later(now, trouble.retry_after.unwrap_or_default(), trouble.until));
        }
        let pause = policy.backoff.next(self.pause, trouble.retry_after, rng);
        (pause, later(now, pause, trouble.until))
    }

    /// Counts a failure against the document when it names the document, or when others passed since its last failure.
    /// A hub that is down for weeks strikes nobody.
    fn strike(self, trouble: &Trouble, others_passed_at: Option<Timestamp>, now: Timestamp) -> Self {
        // What passed "later than now" passed before the clock was put back, and says nothing of what came after the failure.
        let others_passed = matches!(
            (self.failed_at, others_passed_at),
            (Some(failed), Some(passed)) if passed > failed && passed <= now
        );
        let own = match trouble.scope {
            Scope::Item => true,
            Scope::Try => false,
            Scope::Hub | Scope::Operator => others_passed,
        };
        Self { strikes: self.strikes.saturating_add(u32::from(own)), failed_at: Some(now), ..self }
    }

    fn lost(self, reason: Code, now: Timestamp, ask_after: Duration) -> Self {
        let ask_at = later(now, ask_after, None);
        Self { state: State::Unknown(Unknown { reason, ask_at }), ..self }
    }

    fn hold(self, reason: Code, until: Option<Timestamp>) -> Self {
        Self { state: State::Held(Held { reason, until }), ..self }
    }

    fn queue(self, reason: Code, wait_until: Option<Timestamp>) -> Self {
        Self { state: State::Queued(Queued { reason, wait_until }), ..self }
    }

    /// A person's word clears the record: what was wrong has been put right. The time of the first sending stays where the
    /// hub's memory is counted from it. A hub that refused for want of an addressee answers so for good under the same key, and
    /// certainly does not have it: then, and only then, another key serves.
    fn retry(self) -> Self {
        let absent = self.kind.has_paper() && !self.doubtful && self.held_for(Code::HubRecipientAbsent);
        let generation = self.generation.saturating_add(u32::from(absent));
        let first_sent_at = self.first_sent_at.filter(|_| !self.kind.repeatable() && !absent);
        let doubtful = self.doubtful || self.held_for(Code::OutcomeUnaskable);
        Self { strikes: 0, pause: Duration::ZERO, first_sent_at, generation, doubtful, ..self }
            .queue(Code::RetriedByCaller, None)
    }

    /// One or the other, never both: only what the hub certainly does not have.
    fn may_go_on_paper(&self) -> bool {
        self.kind.has_paper() && !self.may_be_there()
    }

    /// Whether the hub may have what waits here: an answer was lost, and nobody could say what became of it.
    pub(super) fn may_be_there(&self) -> bool {
        self.doubtful || self.held_for(Code::OutcomeUnaskable)
    }

    fn held_for(&self, code: Code) -> bool {
        matches!(&self.state, State::Held(held) if held.reason == code)
    }

    /// Whether it has been tried for so long, at no fault of line or hub, that a person should decide.
    fn outlived(&self, now: Timestamp) -> bool {
        self.kind.repeatable() && self.first_sent_at.is_some_and(|sent| now.duration_since(sent) >= age(TRIED_ENOUGH))
    }

    fn key_forgotten(&self, now: Timestamp, policy: &Policy) -> bool {
        // A clock that was set back makes a negative age, which is not old.
        self.first_sent_at.is_some_and(|sent| now.duration_since(sent) >= age(policy.key_memory))
    }
}

/// An insurer without a published date is tried again daily; one whose date has passed while the hub still refuses, hourly.
fn not_live_until(live_from: Option<jiff::civil::Date>, now: Timestamp) -> Option<Timestamp> {
    const HOUR: Duration = Duration::from_secs(3600);
    let until = live_from.and_then(first_moment).or_else(|| now.checked_add(24 * HOUR).ok())?;
    now.checked_add(HOUR).ok().map(|soonest| until.max(soonest))
}

/// The hub's dates are dates in Japan.
fn first_moment(date: jiff::civil::Date) -> Option<Timestamp> {
    let japan = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    date.to_zoned(japan).ok().map(|zoned| zoned.timestamp())
}

fn age(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}

fn later(now: Timestamp, pause: Duration, until: Option<Timestamp>) -> Timestamp {
    let paused = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
    until.map_or(paused, |until| until.max(paused))
}
