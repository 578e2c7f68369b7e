//! The outbox machine against a reference model, and its promise to the hub.

use std::time::Duration;

use engawa::fault::Code;
use engawa::hub::{HubError, LookupOutcome, Outcome, Receipt, Refusal, Scope, Trouble};
use engawa::outbox::backoff::Backoff;
use engawa::outbox::machine::{Denied, Input, Life, Policy, State};
use engawa::outbox::record;
use engawa::outbox::{Kind, StateName};
use jiff::Timestamp;
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

pub(crate) fn policy() -> Policy {
    Policy {
        backoff: Backoff::new(Duration::from_secs(5), Duration::from_secs(900)).unwrap(),
        strikes: 5,
        key_memory: Duration::from_secs(399 * 86_400),
        ask_after: Duration::from_secs(5),
    }
}

pub(crate) fn start() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

pub(crate) fn receipt() -> Receipt {
    Receipt { number: "R-1".into(), accepted_at: start(), trace_id: None }
}

pub(crate) fn refusal() -> Refusal {
    let error = HubError { code: "E2101".into(), field: Some("applicant_name".into()) };
    Refusal { code: Code::HubRefused, errors: vec![error], trace_id: Some("t".into()) }
}

/// E3004.
pub(crate) fn absent() -> Refusal {
    Refusal { code: Code::HubRecipientAbsent, errors: Vec::new(), trace_id: None }
}

fn trouble(scope: Scope, retry_after: Option<u64>, until: Option<i64>) -> Trouble {
    let until = until.map(|seconds| start() + Duration::from_secs(seconds.unsigned_abs()));
    Trouble { retry_after: retry_after.map(Duration::from_secs), until, ..Trouble::of(Code::HubTrouble, scope) }
}

fn any_trouble() -> impl Strategy<Value = Trouble> {
    let scope = prop_oneof![Just(Scope::Item), Just(Scope::Hub), Just(Scope::Operator)];
    (scope, proptest::option::of(0u64..1_000_000), proptest::option::of(0i64..1_000_000))
        .prop_map(|(scope, retry_after, until)| trouble(scope, retry_after, until))
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Accepted(receipt())),
        Just(Outcome::Refused(refusal())),
        Just(Outcome::Refused(absent())),
        Just(Outcome::NotLive { live_from: None, trace_id: None }),
        Just(Outcome::NotLive { live_from: Some(jiff::civil::date(2026, 7, 1)), trace_id: None }),
        any_trouble().prop_map(Outcome::NotDelivered),
        any_trouble().prop_map(Outcome::Unknown),
    ]
}

fn any_answer() -> impl Strategy<Value = LookupOutcome> {
    prop_oneof![
        Just(LookupOutcome::Accepted(receipt())),
        Just(LookupOutcome::Refused(refusal())),
        Just(LookupOutcome::Refused(absent())),
        Just(LookupOutcome::Unseen),
        Just(LookupOutcome::NotOffered),
        any_trouble().prop_map(LookupOutcome::Trouble),
    ]
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        4 => Just(Input::Start),
        4 => (any_outcome(), any::<bool>()).prop_map(|(outcome, passed)| Input::Settled {
            outcome,
            others_passed_at: passed.then(|| start() + Duration::from_secs(600_000)),
        }),
        1 => Just(Input::Interrupted),
        1 => any_trouble().prop_map(Input::NotBegun),
        4 => any_answer().prop_map(Input::Asked),
        1 => Just(Input::Damaged),
        1 => Just(Input::Release),
        1 => Just(Input::Cancel),
        1 => Just(Input::Retry),
        1 => Just(Input::OnPaper),
    ]
}

/// What the model knows of a thing beside its state.
#[derive(Clone, Copy, Default)]
struct Known {
    /// The hub may have it and nobody could say: from "cannot be asked" until the hub speaks of it.
    open: bool,
    /// How often the hub refused for want of an addressee and a person had it sent again.
    joined: u32,
}

impl Known {
    /// What a step adds to it. The hub forgets no key within the time of this test.
    fn after(self, before: &Life, input: &Input, after: &Life) -> Self {
        let absent = before.name() == StateName::Held && before.reason() == Some(Code::HubRecipientAbsent);
        let spoke = matches!(
            input,
            Input::Settled { outcome: Outcome::NotLive { .. } | Outcome::Refused(_) | Outcome::Accepted(_), .. }
                | Input::Asked(LookupOutcome::Unseen | LookupOutcome::Refused(_) | LookupOutcome::Accepted(_))
        );
        let unaskable = after.name() == StateName::Held && after.reason() == Some(Code::OutcomeUnaskable);
        Self {
            open: unaskable || (self.open && !spoke),
            joined: self.joined + u32::from(absent && matches!(input, Input::Retry) && before.kind == Kind::CarePlan),
        }
    }
}

/// The model: which states may follow, written down as a table and nothing else.
fn may_follow(kind: Kind, state: StateName, known: Known, input: &Input) -> Result<&'static [StateName], Denied> {
    use StateName::{Cancelled, Delivered, Held, OnPaper, Queued, Returned, Sending, Unknown};
    let (identification, plan) = (kind == Kind::Identification, kind == Kind::CarePlan);
    let nobody = |refusal: &Refusal| plan && refusal.code == Code::HubRecipientAbsent;
    Ok(match (state, input) {
        (Queued, Input::Start) => &[Sending],
        (Sending, Input::Settled { outcome, .. }) => match outcome {
            Outcome::Accepted(_) => &[Delivered],
            Outcome::Refused(refusal) if nobody(refusal) => &[Held],
            Outcome::Refused(_) => &[Returned],
            Outcome::NotLive { .. } => &[Held],
            Outcome::NotDelivered(_) => &[Queued, Held],
            // It may be seen again: nobody is asked, and the state `unknown` does not exist.
            Outcome::Unknown(_) if identification => &[Queued, Held],
            Outcome::Unknown(_) => &[Unknown],
        },
        (Sending, Input::NotBegun(_)) => &[Queued, Held],
        (Sending, Input::Interrupted) if identification => &[Queued, Held],
        (Sending, Input::Interrupted) => &[Unknown],
        (Unknown, Input::Asked(answer)) => match answer {
            LookupOutcome::Accepted(_) => &[Delivered],
            LookupOutcome::Refused(refusal) if nobody(refusal) => &[Held],
            LookupOutcome::Refused(_) => &[Returned],
            LookupOutcome::Unseen => &[Queued, Held],
            LookupOutcome::NotOffered => &[Held],
            LookupOutcome::Trouble(_) => &[Unknown, Held],
        },
        (Unknown, Input::Retry) => &[Unknown],
        (Queued | Sending, Input::Damaged) => &[Held],
        (Held, Input::Release) => &[Queued],
        (Queued | Held, Input::Cancel) => &[Cancelled],
        (Queued | Held, Input::Retry) => &[Queued],
        (Queued | Held, Input::OnPaper) if plan && !known.open => &[OnPaper],
        (Sending | Unknown, Input::Cancel) | (Sending, Input::Retry) => return Err(Denied::InFlight),
        (Sending | Unknown, Input::OnPaper) if plan => return Err(Denied::InFlight),
        (Queued | Held, Input::OnPaper) if plan => return Err(Denied::MayBeThere),
        _ => return Err(Denied::State),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_step_is_one_the_model_allows(
        kind in proptest::sample::select(&Kind::ALL[..]),
        inputs in proptest::collection::vec((any_input(), 0u64..200_000), 1..60),
        seed: u64,
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let policy = policy();
        let mut life = Life::new(kind);
        let mut known = Known::default();
        let mut now = start();
        for (input, wait) in inputs {
            now += Duration::from_secs(wait);
            let before = life.clone();
            let allowed = may_follow(kind, before.name(), known, &input);
            match (life.clone().step(input.clone(), now, &policy, &mut rng), allowed) {
                (Ok(next), Ok(names)) => {
                    prop_assert!(names.contains(&next.name()), "{:?} --{:?}--> {:?}", before.name(), input, next.name());
                    prop_assert!(!before.is_final());
                    let begun = u32::from(matches!(input, Input::NotBegun(_)));
                    prop_assert!(next.attempts + begun >= before.attempts, "what did not begin is not counted");
                    if let State::Queued(queued) = &next.state {
                        // What waits for a person waits for the circuit alone.
                        let at_once = queued.reason == Code::WaitTurn || waits_for_a_person(&input);
                        prop_assert!(queued.wait_until.is_none_or(|until| until > now || at_once));
                    }
                    known = known.after(&before, &input, &next);
                    prop_assert_eq!(next.generation, known.joined, "nothing else leads to another key");
                    prop_assert!(next.generation == before.generation || next.first_sent_at.is_none());
                    life = next;
                }
                (Err(denied), Err(expected)) => prop_assert_eq!(denied, expected),
                // Release before its day is refused though the state is right.
                (Err(Denied::State), Ok(_)) if matches!(input, Input::Release) => {}
                (real, model) => prop_assert!(false, "{:?} --{input:?}--> {real:?}, model {model:?}", before.name()),
            }
            let columns = record::write(&life, now);
            prop_assert_eq!(record::read(kind.as_str(), &columns).unwrap(), life.clone(), "a row keeps the whole life");
        }
    }

    /// A hub that does not remember keys at all, loses answers and is asked truthfully: never two effects.
    #[test]
    fn a_forgetful_hub_files_once(script in proptest::collection::vec(0u8..8, 1..80), seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut life, mut now, mut effects) = (Life::new(Kind::Opinion), start(), 0);
        for act in script {
            now += Duration::from_secs(2_000);
            let input = match life.state {
                State::Queued(_) => Input::Start,
                State::Sending(_) => match act {
                    0 => { effects += 1; Input::Settled { outcome: Outcome::Accepted(receipt()), others_passed_at: None } }
                    1 => { effects += 1; lost() }
                    2 => { effects += 1; Input::Interrupted }
                    3 => Input::Interrupted,
                    4 => lost(),
                    _ => Input::Settled { outcome: Outcome::NotDelivered(trouble(Scope::Hub, None, None)), others_passed_at: None },
                },
                State::Unknown(_) => match (act % 3, effects) {
                    (0, _) => Input::Asked(LookupOutcome::Trouble(trouble(Scope::Hub, None, None))),
                    (_, 0) => Input::Asked(LookupOutcome::Unseen),
                    (_, _) => Input::Asked(LookupOutcome::Accepted(receipt())),
                },
                State::Held(_) => Input::Retry,
                _ => break,
            };
            life = life.step(input, now, &policy(), &mut rng).unwrap();
            prop_assert!(effects <= 1);
        }
        prop_assert_eq!(matches!(life.state, State::Delivered(_)) && effects == 0, false);
    }

    #[test]
    fn pauses_stay_within_their_bounds(previous in 0u64..10_000, asked in proptest::option::of(0u64..400_000), seed: u64) {
        let backoff = policy().backoff;
        let pause = backoff.next(Duration::from_secs(previous), asked.map(Duration::from_secs), &mut StdRng::seed_from_u64(seed));
        let floor = Duration::from_secs(asked.unwrap_or(0).min(86_400));
        prop_assert!(pause >= floor.max(Duration::from_secs(5)));
        prop_assert!(pause <= backoff.max().max(floor + Duration::from_secs(5)));
    }
}

fn waits_for_a_person(input: &Input) -> bool {
    let (Input::Settled { outcome: Outcome::NotDelivered(trouble) | Outcome::Unknown(trouble), .. }
    | Input::NotBegun(trouble)) = input
    else {
        return false;
    };
    trouble.scope == Scope::Operator
}

fn lost() -> Input {
    Input::Settled { outcome: Outcome::Unknown(trouble(Scope::Hub, None, None)), others_passed_at: None }
}

#[test]
fn a_document_that_fails_while_others_pass_is_set_aside() {
    let mut rng = StdRng::seed_from_u64(1);
    let (mut life, mut now) = (Life::new(Kind::Opinion), start());
    for round in 0..20 {
        now += Duration::from_secs(2_000);
        life = life.step(Input::Start, now, &policy(), &mut rng).unwrap();
        let passed = Some(now - Duration::from_secs(1)).filter(|_| round > 0);
        let outcome = Outcome::NotDelivered(trouble(Scope::Hub, None, None));
        life = life.step(Input::Settled { outcome, others_passed_at: passed }, now, &policy(), &mut rng).unwrap();
        if life.name() == StateName::Held {
            assert_eq!(life.reason(), Some(Code::AttemptsExhausted));
            assert_eq!(round, 5);
            return;
        }
    }
    panic!("never set aside");
}

#[test]
fn a_hub_that_is_down_for_ninety_days_strikes_nobody() {
    let mut rng = StdRng::seed_from_u64(1);
    let (mut life, mut now) = (Life::new(Kind::Opinion), start());
    let passed = Some(now - Duration::from_secs(60));
    for _ in 0..8_640 {
        now += Duration::from_secs(900);
        life = life.step(Input::Start, now, &policy(), &mut rng).unwrap();
        let outcome = Outcome::NotDelivered(trouble(Scope::Hub, None, None));
        life = life.step(Input::Settled { outcome, others_passed_at: passed }, now, &policy(), &mut rng).unwrap();
        assert_eq!(life.name(), StateName::Queued);
    }
}

/// What came of showing it is not known, again and again: it is shown until the hub answers, and never asked about.
#[test]
fn an_identification_goes_again_when_its_answer_is_lost() {
    let mut rng = StdRng::seed_from_u64(1);
    let (mut life, mut now) = (Life::new(Kind::Identification), start());
    for round in 0..100 {
        life = life.step(Input::Start, now, &policy(), &mut rng).unwrap();
        life = life.step(if round % 2 == 0 { lost() } else { Input::Interrupted }, now, &policy(), &mut rng).unwrap();
        assert_eq!(life.name(), StateName::Queued, "round {round}");
        assert!(life.wait_until().unwrap() >= now + Duration::from_secs(5), "round {round}");
        now += Duration::from_secs(2_000);
    }
    assert_eq!((life.attempts, life.strikes), (100, 0));
}

/// What interrupts it each time does not make it go each second.
#[test]
fn interruptions_cost_ever_longer_pauses() {
    let mut rng = StdRng::seed_from_u64(1);
    let (mut life, mut now, mut pauses) = (Life::new(Kind::Identification), start(), Vec::new());
    for _ in 0..40 {
        life = life.step(Input::Start, now, &policy(), &mut rng).unwrap();
        life = life.step(Input::Interrupted, now, &policy(), &mut rng).unwrap();
        assert_eq!((life.name(), life.reason(), life.strikes), (StateName::Queued, Some(Code::WaitTurn), 0));
        let until = life.wait_until().unwrap();
        pauses.push(until.duration_since(now).as_secs_f64());
        now = until;
    }
    let sum = |part: &[f64]| part.iter().sum::<f64>();
    assert!((5.0..=5.001).contains(&pauses[0]), "somebody waits: {pauses:?}");
    assert!(sum(&pauses[20..]) > 10.0 * sum(&pauses[..4]), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= 900.0), "{pauses:?}");
}

fn not_offered() -> Input {
    let outcome = Outcome::NotDelivered(Trouble::of(Code::HubNotOffered, Scope::Try));
    Input::Settled { outcome, others_passed_at: None }
}

#[test]
fn what_the_hub_never_offers_is_set_aside_after_two_weeks() {
    let mut rng = StdRng::seed_from_u64(1);
    let (mut life, day) = (Life::new(Kind::Identification), Duration::from_secs(86_400));
    for (at, state) in [(0, StateName::Queued), (13, StateName::Queued), (14, StateName::Held), (15, StateName::Queued)]
    {
        let now = start() + at * day;
        if life.name() == StateName::Held {
            assert_eq!((life.reason(), life.wait_until()), (Some(Code::HubNotOffered), None), "until a person decides");
            life = life.step(Input::Retry, now, &policy(), &mut rng).unwrap();
        }
        life = life.step(Input::Start, now, &policy(), &mut rng).unwrap();
        life = life.step(not_offered(), now, &policy(), &mut rng).unwrap();
        assert_eq!(life.name(), state, "day {at}");
    }
}

/// A line or a hub that is down for weeks sets nobody aside.
#[test]
fn a_line_that_is_down_for_weeks_sets_no_identification_aside() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut life = Life::new(Kind::Identification);
    for day in 0..90 {
        let now = start() + day * Duration::from_secs(86_400);
        life = life.step(Input::Start, now, &policy(), &mut rng).unwrap();
        let outcome = Outcome::NotDelivered(trouble(Scope::Hub, None, None));
        life = life.step(Input::Settled { outcome, others_passed_at: None }, now, &policy(), &mut rng).unwrap();
        assert_eq!(life.name(), StateName::Queued);
    }
}

#[test]
fn a_row_that_says_what_its_kind_cannot_be_is_not_read() {
    let opinion = Life::new(Kind::Opinion).step(Input::Start, start(), &policy(), &mut StdRng::seed_from_u64(1));
    let unknown = opinion.unwrap().step(Input::Interrupted, start(), &policy(), &mut StdRng::seed_from_u64(1)).unwrap();
    let columns = record::write(&unknown, start());
    assert!(record::read("opinion", &columns).is_ok());
    assert!(record::read("identification", &columns).is_err());
    assert!(record::read("letter", &columns).is_err());
}

/// The feed of changes speaks of opinions; a challenge that happens to be called like a receipt must not be found by it.
#[test]
fn only_an_opinion_is_found_by_its_receipt() {
    for (kind, found) in [(Kind::Opinion, Some("R-1")), (Kind::Identification, None)] {
        let accepted = Input::Settled { outcome: Outcome::Accepted(receipt()), others_passed_at: None };
        let mut life = Life::new(kind);
        for input in [Input::Start, accepted] {
            life = life.step(input, start(), &policy(), &mut StdRng::seed_from_u64(1)).unwrap();
        }
        assert_eq!(record::write(&life, start()).receipt_number.as_deref(), found, "{kind:?}");
        assert_eq!(life.state, State::Delivered(receipt()));
    }
}

#[test]
fn never_seen_proves_nothing_once_the_hub_may_have_forgotten() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut life = Life::new(Kind::Opinion).step(Input::Start, start(), &policy(), &mut rng).unwrap();
    life = life.step(Input::Interrupted, start(), &policy(), &mut rng).unwrap();
    let late = start() + Duration::from_secs(400 * 86_400);
    life = life.step(Input::Asked(LookupOutcome::Unseen), late, &policy(), &mut rng).unwrap();
    assert_eq!((life.name(), life.reason()), (StateName::Held, Some(Code::OutcomeUnaskable)));
}

fn through(inputs: impl IntoIterator<Item = Input>) -> Life {
    let mut rng = StdRng::seed_from_u64(1);
    inputs
        .into_iter()
        .fold(Life::new(Kind::CarePlan), |life, input| life.step(input, start(), &policy(), &mut rng).unwrap())
}

fn refused() -> Input {
    Input::Settled { outcome: Outcome::Refused(absent()), others_passed_at: None }
}

/// A hub that has forgotten the key under which it may have filed, and refuses: still neither paper nor another key.
#[test]
fn a_refusal_after_the_hub_forgot_proves_nothing() {
    let mut rng = StdRng::seed_from_u64(1);
    let late = start() + Duration::from_secs(400 * 86_400);
    for (now, certain) in [(start(), true), (late, false)] {
        let mut life = through([Input::Start, Input::Interrupted, Input::Asked(LookupOutcome::NotOffered)]);
        for input in [Input::Retry, Input::Start, refused()] {
            life = life.step(input, now, &policy(), &mut rng).unwrap();
        }
        assert_eq!((life.name(), life.reason()), (StateName::Held, Some(Code::HubRecipientAbsent)));
        assert_eq!(life.clone().step(Input::OnPaper, now, &policy(), &mut rng).is_ok(), certain);
        let retried = life.step(Input::Retry, now, &policy(), &mut rng).unwrap();
        assert_eq!((retried.generation, retried.first_sent_at.is_none()), (u32::from(certain), certain));
    }
}

/// What another box did under a further key is noted, and the next key is the one after it.
#[test]
fn an_answer_about_a_further_key_notes_it() {
    let (mut rng, now) = (StdRng::seed_from_u64(1), start());
    let mut life = Life::new(Kind::CarePlan);
    let absent = || LookupOutcome::Refused(absent());
    for input in [Input::Start, Input::Interrupted, Input::AskedFurther(3, absent())] {
        life = life.step(input, now, &policy(), &mut rng).unwrap();
    }
    assert_eq!((life.name(), life.generation), (StateName::Held, 3));
    life = life.step(Input::Retry, now, &policy(), &mut rng).unwrap();
    assert_eq!(life.generation, 4);
}

/// The first is as it was accepted; each other is a name of its own, the same every time.
#[test]
fn the_keys_of_a_submission_are_its_own() {
    let ids = [1, 2].map(uuid::Uuid::from_u128);
    let keys: std::collections::BTreeSet<_> =
        ids.iter().flat_map(|id| (0..100).map(|generation| record::hub_key(*id, generation))).collect();
    assert_eq!((keys.len(), record::hub_key(ids[0], 0)), (200, ids[0]));
    assert_eq!(
        record::hub_key(ids[0], 1).to_string(),
        "6f6a819a-5214-8d03-97ed-f3297c98d1ed",
        "for good: the hub remembers it"
    );
    assert!(keys.iter().filter(|key| !ids.contains(key)).all(|key| key.get_version_num() == 8));
}

/// A remedy that comes while somebody is trying must not be lost with that try.
#[test]
fn what_changes_during_a_try_is_tried_at_once_after_it() {
    use engawa::outbox::circuit::{Circuit, Pause};
    let (mut rng, backoff, minute) = (StdRng::seed_from_u64(1), policy().backoff, Duration::from_secs(60));
    let at = Duration::from_secs;
    let mut circuit = Circuit::Closed;
    circuit.failed(Code::HubLoginRefused, at(0), Pause::Slow(minute), &backoff, &mut rng);
    assert_eq!((circuit.admits(at(59), 4), circuit.admits(at(70), 4)), (0, 1));
    circuit.started();
    circuit.reconsider(at(71));
    assert_eq!(circuit.admits(at(71), 4), 0, "one tries at a time");
    circuit.failed(Code::HubLoginRefused, at(72), Pause::Slow(minute), &backoff, &mut rng);
    assert_eq!(circuit.admits(at(72), 4), 1);
    // Once: the next failure waits again.
    circuit.started();
    circuit.failed(Code::HubLoginRefused, at(73), Pause::Slow(minute), &backoff, &mut rng);
    assert_eq!(circuit.admits(at(73), 4), 0);
}
