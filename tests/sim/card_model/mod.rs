//! The machine of leases beside a second writing of its rules ([`model`]): the same inputs to both, and after every one of
//! them the same answers, the same events in the same order, and the same view of every reader and every session.

mod model;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engawa::card::machine::{
    CardState, EndReason, Event, Finish, Machine, Opened, Policy, Purpose, ReaderName, Refusal, SessionId, Stage,
    Terminal, Ticket, Trouble, Wish,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use model::{Model, Right};

const TERMINALS: usize = 5;
/// Names in use; one more than there may be readers.
const NAMES: usize = 4;

fn reader(number: usize) -> ReaderName {
    ReaderName(format!("reader {number}"))
}

fn terminal(number: usize) -> Terminal {
    Terminal(format!("terminal {number}"))
}

/// Short limits, so that all of them are met, and no two of the same length.
fn policy() -> Policy {
    let seconds = Duration::from_secs;
    Policy {
        heartbeat: seconds(30),
        idle: seconds(50),
        lifetime: seconds(110),
        longest_wait: seconds(70),
        per_terminal: 3,
        in_all: 9,
        readers: NAMES - 1,
        assumed_lease: seconds(20),
        remembered: seconds(90),
    }
}

/// Stricter in most, and laxer in one.
fn other_policy() -> Policy {
    let seconds = Duration::from_secs;
    Policy {
        heartbeat: seconds(40),
        idle: seconds(25),
        lifetime: seconds(60),
        longest_wait: seconds(35),
        per_terminal: 2,
        ..policy()
    }
}

/// The first stands beside one reader, the second prefers the later one, the third beside one that may not be there.
fn nearest() -> BTreeMap<Terminal, Vec<ReaderName>> {
    BTreeMap::from([
        (terminal(0), vec![reader(0)]),
        (terminal(1), vec![reader(2), reader(0)]),
        (terminal(2), vec![reader(3), reader(1)]),
    ])
}

#[derive(Clone, Debug)]
enum Input {
    Open { of: usize, wish: Wish, wait: u64 },
    Close { which: usize, stranger: bool },
    Heartbeat { which: usize, stranger: bool },
    Begin { which: usize, stranger: bool, at_once: bool },
    Touch(usize),
    GiveUp(usize, Trouble),
    Finish { which: usize, sound: Option<Option<u8>> },
    Card { number: usize, card: CardState, replaced: bool },
    Readers(Vec<bool>),
    Degrade(usize, Trouble),
    Recover(usize),
    Lost(Trouble),
    Answers,
    Revoke(usize),
    Settings(bool),
    Pass { ms: u64, looked_at: bool },
}

fn wishes() -> impl Strategy<Value = Wish> {
    let named = (0..NAMES).prop_map(|number| Wish::Named(reader(number)));
    prop_oneof![3 => Just(Wish::Any), 2 => Just(Wish::Nearest), 2 => named]
}

fn cards() -> impl Strategy<Value = CardState> {
    prop_oneof![2 => Just(CardState::Absent), 3 => Just(CardState::Present), 1 => Just(CardState::Mute)]
}

fn inputs() -> impl Strategy<Value = Input> {
    let stranger = || prop::bool::weighted(0.05);
    let which = || 0..12usize;
    prop_oneof![
        9 => (0..TERMINALS, wishes(), prop_oneof![1 => Just(0u64), 3 => 1..90u64])
            .prop_map(|(of, wish, wait)| Input::Open { of, wish, wait }),
        4 => (which(), stranger()).prop_map(|(which, stranger)| Input::Close { which, stranger }),
        4 => (which(), stranger()).prop_map(|(which, stranger)| Input::Heartbeat { which, stranger }),
        6 => (which(), stranger(), prop::bool::weighted(0.7))
            .prop_map(|(which, stranger, at_once)| Input::Begin { which, stranger, at_once }),
        3 => (0..6usize).prop_map(Input::Touch),
        1 => (0..6usize, prop_oneof![Just(Trouble::Mute), Just(Trouble::HeldElsewhere)])
            .prop_map(|(which, trouble)| Input::GiveUp(which, trouble)),
        5 => (0..6usize, prop::option::weighted(0.8, prop::option::of(0..3u8)))
            .prop_map(|(which, sound)| Input::Finish { which, sound }),
        4 => (0..NAMES, cards(), prop::bool::weighted(0.2))
            .prop_map(|(number, card, replaced)| Input::Card { number, card, replaced }),
        1 => prop::collection::vec(prop::bool::weighted(0.8), NAMES).prop_map(Input::Readers),
        1 => (0..NAMES, prop_oneof![Just(Trouble::Mute), Just(Trouble::HeldElsewhere)])
            .prop_map(|(number, trouble)| Input::Degrade(number, trouble)),
        2 => (0..NAMES).prop_map(Input::Recover),
        1 => prop_oneof![4 => Just(Trouble::ServiceDown), 4 => Just(Trouble::ServiceHung), 1 => Just(Trouble::Disabled)]
            .prop_map(Input::Lost),
        2 => Just(Input::Answers),
        1 => (0..TERMINALS).prop_map(Input::Revoke),
        1 => any::<bool>().prop_map(Input::Settings),
        // Moments fall together often enough for ties, and are sometimes seen late.
        6 => (prop_oneof![(0..15u64).prop_map(|s| s * 1000), 0..40_000u64], prop::bool::weighted(0.9))
            .prop_map(|(ms, looked_at)| Input::Pass { ms, looked_at }),
    ]
}

/// How often something happened: a comparison that never saw it would show nothing.
type Seen = BTreeMap<String, usize>;

/// Both, side by side.
struct Pair {
    machine: Machine,
    model: Model,
    now: Duration,
    /// Sessions that were let in, the newest last.
    sessions: Vec<(SessionId, Terminal)>,
    rights: Vec<(Ticket, Right)>,
    next: u64,
    seen: Seen,
}

impl Pair {
    fn new() -> Self {
        Self {
            machine: Machine::new(policy(), nearest()),
            model: Model::new(policy(), nearest()),
            now: Duration::ZERO,
            sessions: vec![],
            rights: vec![],
            next: 0,
            seen: Seen::new(),
        }
    }

    /// One of the newest sessions, by its own terminal or by another.
    fn pick(&self, which: usize, stranger: bool) -> Option<(SessionId, Terminal)> {
        let at = self.sessions.len().checked_sub(1 + which % self.sessions.len().max(1))?;
        let (id, of) = self.sessions.get(at)?.clone();
        Some((id, if stranger { Terminal("stranger".into()) } else { of }))
    }

    fn note<T>(&mut self, what: &str, result: &Result<T, Refusal>) {
        let what = match result {
            Ok(_) => what.to_owned(),
            Err(refusal) => format!("{what} {refusal:?}"),
        };
        *self.seen.entry(what).or_default() += 1;
    }

    fn apply(&mut self, input: Input) {
        let now = self.now;
        match input {
            Input::Open { of, wish, wait } => self.open(&terminal(of), &wish, Duration::from_secs(wait)),
            Input::Close { which, stranger } => {
                let Some((id, of)) = self.pick(which, stranger) else { return };
                assert_eq!(self.machine.close(id, &of, now), self.model.close(id, &of, now));
            }
            Input::Heartbeat { which, stranger } => {
                let Some((id, of)) = self.pick(which, stranger) else { return };
                let result = self.machine.heartbeat(id, &of, now);
                assert_eq!(result, self.model.heartbeat(id, &of, now));
                self.note("heartbeat", &result);
            }
            Input::Begin { which, stranger, at_once } => self.begin(which, stranger, at_once),
            Input::Touch(which) => self.touch(which),
            Input::GiveUp(which, trouble) => {
                if self.rights.is_empty() {
                    return;
                }
                let (ticket, right) = &self.rights[which % self.rights.len()];
                self.machine.give_up(ticket, trouble, now);
                self.model.give_up(right, trouble, now);
            }
            Input::Finish { which, sound } => self.finish(which, sound.map(|known| known.map(|byte| [byte; 32]))),
            Input::Card { number, card, replaced } => {
                self.machine.card(&reader(number), card, replaced, now);
                self.model.card(&reader(number), card, replaced, now);
            }
            Input::Readers(there) => {
                let there = there.iter().enumerate().filter(|(_, there)| **there);
                let names: Vec<_> = there.map(|(number, _)| reader(number)).collect();
                self.machine.readers_are(&names.iter().cloned().collect::<BTreeSet<_>>(), now);
                self.model.readers_are(&names, now);
            }
            Input::Degrade(number, trouble) => {
                self.machine.degrade(&reader(number), trouble, now);
                self.model.degrade(&reader(number), trouble, now);
            }
            Input::Recover(number) => {
                self.machine.recover(&reader(number), now);
                self.model.recover(&reader(number), now);
            }
            Input::Lost(trouble) => {
                self.machine.service_lost(trouble, now);
                self.model.service_lost(trouble, now);
            }
            Input::Answers => {
                self.machine.service_answers(now);
                self.model.service_answers(now);
            }
            Input::Revoke(of) => {
                let ended = self.machine.end_terminal(&terminal(of), EndReason::Revoked, now);
                assert_eq!(ended, self.model.end_terminal(&terminal(of), EndReason::Revoked, now));
            }
            Input::Settings(other) => {
                let (policy, nearest) = if other { (other_policy(), BTreeMap::new()) } else { (policy(), nearest()) };
                self.machine.reconfigure(policy, nearest.clone());
                self.model.reconfigure(policy, nearest);
            }
            Input::Pass { ms, looked_at } => {
                self.now += Duration::from_millis(ms);
                if looked_at {
                    self.machine.tick(self.now);
                    self.model.tick(self.now);
                }
            }
        }
    }

    fn open(&mut self, of: &Terminal, wish: &Wish, wait: Duration) {
        self.next += 1;
        let (id, now) = (SessionId::from_u64_pair(0, self.next), self.now);
        let opened = self.machine.open(id, of, wish, Purpose::Identify, wait, now);
        assert_eq!(opened, self.model.open(id, of, wish, Purpose::Identify, wait, now), "{of:?} {wish:?} {wait:?}");
        if opened.is_ok() {
            self.sessions.push((id, of.clone()));
        }
        self.note(if opened == Ok(Opened::Granted) { "open granted" } else { "open" }, &opened);
    }

    fn begin(&mut self, which: usize, stranger: bool, at_once: bool) {
        let Some((id, of)) = self.pick(which, stranger) else { return };
        let (theirs, ours) = (self.machine.reserve(id, &of, self.now), self.model.reserve(id, &of, self.now));
        self.note("begin", &theirs);
        match (theirs, ours) {
            (Ok(ticket), Ok(right)) => {
                let (session, reader) = (ticket.session, ticket.reader.clone());
                let same = Right { session, reader, epoch: ticket.epoch, identity: ticket.identity };
                assert_eq!(same, right);
                self.rights.push((ticket, right));
                if at_once {
                    self.touch(self.rights.len() - 1);
                }
            }
            (theirs, ours) => assert_eq!(theirs.map(|_| ()), ours.map(|_| ())),
        }
    }

    fn touch(&mut self, which: usize) {
        if self.rights.is_empty() {
            return;
        }
        let (ticket, right) = &self.rights[which % self.rights.len()];
        let touched = self.machine.touch(ticket);
        assert_eq!(touched, self.model.touch(right));
        self.note("touch", &touched);
    }

    fn finish(&mut self, which: usize, sound: Option<Option<[u8; 32]>>) {
        if self.rights.is_empty() {
            return;
        }
        let (ticket, right) = self.rights.remove(which % self.rights.len());
        self.machine.finish(ticket, sound.map_or(Finish::CardLost, Finish::Sound), self.now);
        self.model.finish(&right, sound, self.now);
        self.note("finish", &Ok(()));
    }

    /// Everything that anybody can see.
    fn compare(&mut self) {
        let (machine, model) = (&mut self.machine, &mut self.model);
        let events = machine.take_events();
        assert_eq!(events, std::mem::take(&mut model.events), "events");
        assert_eq!(machine.leases(), model.leases(), "leases");
        assert_eq!(machine.readers(), model.readers(), "readers");
        assert_eq!(machine.service(), model.service(), "service");
        assert_eq!(machine.operating(), model.operating(), "operating");
        assert_eq!(machine.stuck(), model.stuck(), "stuck");
        assert_eq!(machine.at_rest(), model.at_rest(), "at rest");
        assert_eq!(machine.next_deadline(), model.next_deadline(), "next deadline");
        for (id, of) in &self.sessions {
            let view = machine.session(*id, of, self.now);
            assert_eq!(view, model.session(*id, of, self.now), "session {id}");
            if view.is_some_and(|view| view.card_left) {
                *self.seen.entry("card left".to_owned()).or_default() += 1;
            }
        }
        for event in events {
            if let Event::Session { stage: Stage::Ended(reason), .. } = event {
                *self.seen.entry(format!("ended {reason:?}")).or_default() += 1;
            }
        }
    }

    /// Stops both, and lets what is under way come back.
    fn stop(&mut self) {
        self.machine.close_for_good(self.now);
        self.model.close_for_good(self.now);
        self.compare();
        self.open(&terminal(0), &Wish::Any, Duration::from_secs(9));
        while !self.rights.is_empty() {
            self.finish(0, Some(None));
            self.compare();
        }
        assert!(self.machine.at_rest(), "a lease has leaked");
        self.now += policy().remembered;
        self.machine.tick(self.now);
        self.model.tick(self.now);
        self.compare();
        assert_eq!(self.machine.next_deadline(), None, "a session is remembered for ever");
    }
}

fn play(inputs: Vec<Input>) -> Seen {
    let mut pair = Pair::new();
    pair.apply(Input::Readers(vec![true; NAMES - 1]));
    for input in inputs {
        pair.apply(input);
        pair.compare();
    }
    pair.stop();
    pair.seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_machine_does_what_its_rules_say(inputs in prop::collection::vec(inputs(), 1..140)) {
        play(inputs);
    }
}

/// The comparison above meets every answer and every end there is.
#[test]
fn the_comparison_sees_everything() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = Seen::new();
    for _ in 0..60 {
        let inputs = prop::collection::vec(inputs(), 140).new_tree(&mut runner).unwrap().current();
        for (what, often) in play(inputs) {
            *seen.entry(what).or_default() += often;
        }
    }
    let ends = "Closed Idle Lifetime CardRemoved ReaderLost TerminalGone Revoked WaitOver Stopping";
    let opens =
        "Busy ReaderUnknown QueueFull Degraded(Disabled) Degraded(ServiceDown) Degraded(ServiceHung) Degraded(Mute)";
    let begins = "Unknown Waiting Operating Degraded(Mute) Degraded(ServiceHung) Ended(CardRemoved)";
    let all = |word: &'static str, names: &'static str| names.split(' ').map(move |name| format!("{word} {name}"));
    let touches = "Ended(Lifetime) Degraded(Mute)";
    let wanted = all("ended", ends).chain(all("open", opens)).chain(all("begin", begins));
    let wanted = wanted.chain(all("touch", touches)).chain(["card left".to_owned()]);
    let missing: Vec<_> = wanted.filter(|what| !seen.contains_key(what)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?} of {seen:?}");
}

/// A request whose wait is over at the moment at which a lease ends: it is not given the reader first.
#[test]
fn nobody_is_granted_a_reader_on_the_way_out() {
    let (mut machine, now) = (Machine::new(policy(), nearest()), Duration::from_secs(60));
    machine.readers_are(&BTreeSet::from([reader(0)]), Duration::ZERO);
    let mut open = |number, of, wait| {
        let id = SessionId::from_u64_pair(0, number);
        machine.open(id, &terminal(of), &Wish::Any, Purpose::Identify, Duration::from_secs(wait), Duration::ZERO)
    };
    assert_eq!(
        (open(1, 0, 0), open(2, 0, 60), open(3, 1, 60)),
        (Ok(Opened::Granted), Ok(Opened::Waiting), Ok(Opened::Waiting))
    );
    let granted = |machine: &mut Machine| {
        let events = machine.take_events();
        events.iter().filter(|event| matches!(event, Event::Session { stage: Stage::Granted(_), .. })).count()
    };
    assert_eq!(granted(&mut machine), 1);
    let mut revoked = machine.clone();
    assert_eq!(revoked.end_terminal(&terminal(0), EndReason::Revoked, Duration::from_secs(1)), 2);
    assert_eq!(granted(&mut revoked), 1, "the other terminal's, and no other");
    machine.tick(now);
    assert_eq!(granted(&mut machine), 0);
    assert!(machine.at_rest());
}
