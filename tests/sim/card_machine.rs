//! The machine of leases: what must hold after every input, and that nobody starves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engawa::card::machine::{
    CardState, EndReason, Event, Finish, Machine, Opened, Policy, Purpose, ReaderName, ReaderState, Refusal, SessionId,
    Stage, Terminal, Ticket, Trouble, Wish,
};
use proptest::prelude::*;

const READERS: usize = 3;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn reader(number: usize) -> ReaderName {
    ReaderName(format!("reader {number}"))
}

fn terminal(number: usize) -> Terminal {
    Terminal(format!("terminal {number}"))
}

fn names(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<ReaderName> {
    numbers.into_iter().map(reader).collect()
}

fn machine(readers: usize) -> Machine {
    let nearest = BTreeMap::from([(terminal(0), vec![reader(0)]), (terminal(1), vec![reader(1), reader(0)])]);
    let mut machine = Machine::new(Policy::default(), nearest);
    machine.readers_are(&names(0..readers), Duration::ZERO);
    machine
}

fn id(number: u64) -> SessionId {
    SessionId::from_u64_pair(0, number)
}

fn stage(machine: &Machine, number: u64, of: usize, now: Duration) -> Stage {
    machine.session(id(number), &terminal(of), now).unwrap().stage
}

fn open(machine: &mut Machine, number: u64, of: usize, wish: &Wish, now: u64) -> Result<Opened, Refusal> {
    machine.open(id(number), &terminal(of), wish, Purpose::Identify, seconds(500), seconds(now))
}

#[derive(Clone, Debug)]
enum Input {
    Open { of: usize, wish: Wish, wait: u64 },
    Close(usize),
    Heartbeat(usize),
    Begin(usize),
    Finish(usize, bool),
    Card(usize, bool, bool),
    Readers(Vec<bool>),
    Degrade(usize),
    Recover(usize),
    Down,
    Hung,
    Answers,
    Revoke(usize),
    Pass(u64),
}

fn wishes() -> impl Strategy<Value = Wish> {
    prop_oneof![Just(Wish::Any), Just(Wish::Nearest), (0..=READERS).prop_map(|number| Wish::Named(reader(number)))]
}

fn inputs() -> impl Strategy<Value = Input> {
    prop_oneof![
        6 => (0..4usize, wishes(), prop_oneof![Just(0u64), 1..900u64])
            .prop_map(|(of, wish, wait)| Input::Open { of, wish, wait }),
        3 => (0..20usize).prop_map(Input::Close),
        3 => (0..20usize).prop_map(Input::Heartbeat),
        4 => (0..20usize).prop_map(Input::Begin),
        4 => (0..6usize, any::<bool>()).prop_map(|(which, sound)| Input::Finish(which, sound)),
        3 => (0..READERS, any::<bool>(), any::<bool>()).prop_map(|(r, there, again)| Input::Card(r, there, again)),
        1 => proptest::collection::vec(any::<bool>(), READERS).prop_map(Input::Readers),
        1 => (0..READERS).prop_map(Input::Degrade),
        2 => (0..READERS).prop_map(Input::Recover),
        1 => Just(Input::Down),
        1 => Just(Input::Hung),
        2 => Just(Input::Answers),
        1 => (0..4usize).prop_map(Input::Revoke),
        4 => (0..40u64).prop_map(Input::Pass),
    ]
}

/// What the test remembers beside the machine.
struct World {
    machine: Machine,
    now: Duration,
    opened: Vec<(SessionId, Terminal)>,
    wanted: BTreeMap<SessionId, BTreeSet<ReaderName>>,
    tickets: Vec<Ticket>,
    next: u64,
}

impl World {
    fn pick(&self, which: usize) -> Option<(SessionId, Terminal)> {
        (!self.opened.is_empty()).then(|| self.opened[which % self.opened.len()].clone())
    }

    fn apply(&mut self, input: &Input) {
        let now = self.now;
        let before = format!("{:?}", self.machine);
        let refused = match input {
            Input::Open { of, wish, wait } => {
                self.next += 1;
                let (id, of) = (id(self.next), terminal(*of));
                let opened = self.machine.open(id, &of, wish, Purpose::Identify, seconds(*wait), now);
                if opened.is_ok() {
                    self.wanted.insert(id, wanted(&of, wish));
                    self.opened.push((id, of));
                }
                opened.is_err()
            }
            Input::Close(which) => {
                let Some((id, of)) = self.pick(*which) else { return };
                self.machine.close(id, &of, now).is_err()
            }
            Input::Heartbeat(which) => {
                let Some((id, of)) = self.pick(*which) else { return };
                assert_eq!(self.machine.heartbeat(id, &Terminal("nobody".into()), now), Err(Refusal::Unknown));
                self.machine.heartbeat(id, &of, now).is_err()
            }
            Input::Begin(which) => {
                let Some((id, of)) = self.pick(*which) else { return };
                match self.machine.begin(id, &of, now) {
                    Ok(ticket) => {
                        self.tickets.push(ticket);
                        false
                    }
                    Err(_) => true,
                }
            }
            Input::Finish(which, sound) => {
                if self.tickets.is_empty() {
                    return;
                }
                let ticket = self.tickets.swap_remove(which % self.tickets.len());
                self.machine.finish(ticket, if *sound { Finish::Sound(None) } else { Finish::CardLost }, now);
                false
            }
            Input::Card(number, there, replaced) => {
                let card = if *there { CardState::Present } else { CardState::Absent };
                self.machine.card(&reader(*number), card, *there && *replaced, now);
                false
            }
            Input::Readers(there) => {
                let there = there.iter().enumerate().filter(|(_, there)| **there).map(|(number, _)| number);
                self.machine.readers_are(&names(there), now);
                false
            }
            Input::Degrade(number) => {
                self.machine.degrade(&reader(*number), Trouble::Mute, now);
                false
            }
            Input::Recover(number) => {
                self.machine.recover(&reader(*number), now);
                false
            }
            Input::Down => {
                self.machine.service_lost(Trouble::ServiceDown, now);
                false
            }
            Input::Hung => {
                self.machine.service_lost(Trouble::ServiceHung, now);
                false
            }
            Input::Answers => {
                self.machine.service_answers(now);
                false
            }
            Input::Revoke(of) => {
                self.machine.end_terminal(&terminal(*of), EndReason::Revoked, now);
                false
            }
            Input::Pass(time) => {
                self.now += seconds(*time);
                self.machine.tick(self.now);
                assert!(self.machine.next_deadline().is_none_or(|due| due > self.now), "something due was left");
                false
            }
        };
        if refused {
            assert_eq!(before, format!("{:?}", self.machine), "{input:?} was refused and changed something");
        }
    }

    fn check(&self) {
        let leases = self.machine.leases();
        let sessions: BTreeSet<_> = leases.iter().map(|(_, session)| *session).collect();
        assert_eq!(sessions.len(), leases.len(), "a session has two readers");
        let leased: BTreeMap<_, _> = leases.into_iter().collect();
        let readers = self.machine.readers();
        for (id, of) in &self.opened {
            let Some(view) = self.machine.session(*id, of, self.now) else { continue };
            match view.stage {
                Stage::Granted(name) => assert_eq!(leased.get(&name), Some(id), "granted without its reader"),
                Stage::Waiting => assert!(view.position.is_some_and(|position| position > 0)),
                Stage::Ended(_) => {
                    let operating = self.tickets.iter().any(|ticket| ticket.session == *id);
                    assert!(operating || !sessions.contains(id), "an ended session keeps a reader");
                }
            }
        }
        // Nobody waits for a reader that is free.
        let free = |name: &ReaderName| {
            readers.iter().any(|r| r.name == *name && r.state == ReaderState::Ok && r.leased_by.is_none())
        };
        for (id, of) in &self.opened {
            let Some(view) = self.machine.session(*id, of, self.now) else { continue };
            let idle = self.wanted[id].iter().any(free);
            assert!(view.stage != Stage::Waiting || !idle, "one waits while its reader is free");
        }
    }
}

/// The readers a wish can be served from.
fn wanted(of: &Terminal, wish: &Wish) -> BTreeSet<ReaderName> {
    match wish {
        Wish::Named(name) => BTreeSet::from([name.clone()]),
        Wish::Nearest if *of == terminal(0) => names([0]),
        Wish::Nearest if *of == terminal(1) => names([0, 1]),
        Wish::Nearest | Wish::Any => names(0..READERS),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_schedule_gives_a_reader_twice_or_leaks_a_lease(inputs in proptest::collection::vec(inputs(), 1..120)) {
        let mut world =
            World { machine: machine(READERS), now: Duration::ZERO, opened: vec![], wanted: BTreeMap::new(), tickets: vec![], next: 0 };
        for input in &inputs {
            world.apply(input);
            world.check();
        }
        world.machine.close_for_good(world.now);
        let late = world.machine.open(id(u64::MAX), &terminal(0), &Wish::Any, Purpose::Identify, seconds(9), world.now);
        prop_assert_eq!(late, Err(Refusal::Ended(EndReason::Stopping)));
        for ticket in std::mem::take(&mut world.tickets) {
            world.machine.finish(ticket, Finish::Sound(None), world.now);
        }
        prop_assert!(world.machine.at_rest());
        prop_assert!(!world.machine.operating());
    }

    /// Terminals that always want more, with wishes of every kind and several requests each: between a request's arrival and
    /// its turn nobody passes more often than its tag allows.
    #[test]
    fn everyone_is_served_within_his_bound(
        wishes in proptest::collection::vec((0..8usize, wishes()), 20..200),
        leases in proptest::collection::vec(1..20u64, 40),
    ) {
        let mut machine = machine(READERS);
        let (mut now, mut number) = (Duration::ZERO, 0u64);
        let mut wanting: BTreeMap<SessionId, (Terminal, BTreeSet<ReaderName>, usize)> = BTreeMap::new();
        let mut having: Vec<(Duration, SessionId, Terminal)> = Vec::new();
        let mut grants = 0usize;
        // Of grants on readers that it could have had: how long others keep the rest is nothing to it.
        let bound = 8 * (Policy::default().per_terminal + 1);
        let mut wishes = wishes.into_iter();
        loop {
            while let Some((of, wish)) = wishes.as_slice().first().cloned() {
                number += 1;
                if machine.open(id(number), &terminal(of), &wish, Purpose::Identify, seconds(600), now).is_err() {
                    // Its terminal has enough in hand, or there is no such reader.
                    if matches!(&wish, Wish::Named(name) if *name == reader(READERS)) {
                        wishes.next();
                        continue;
                    }
                    break;
                }
                wanting.insert(id(number), (terminal(of), wanted(&terminal(of), &wish), 0));
                wishes.next();
            }
            for event in machine.take_events() {
                if let Event::Session { id, terminal, stage: Stage::Granted(name) } = event {
                    grants += 1;
                    let (_, _, passed) = wanting.remove(&id).unwrap();
                    prop_assert!(passed <= bound, "passed {passed} times");
                    for (_, _, passed) in wanting.values_mut().filter(|(_, wanted, _)| wanted.contains(&name)) {
                        *passed += 1;
                    }
                    let lease = leases[grants % leases.len()];
                    having.push((now + seconds(lease), id, terminal));
                }
            }
            let beats: Vec<_> = wanting.iter().map(|(id, (of, ..))| (*id, of.clone())).collect();
            for (id, of) in beats.into_iter().chain(having.iter().map(|(_, id, of)| (*id, of.clone()))) {
                machine.heartbeat(id, &of, now).unwrap();
            }
            let Some(next) = having.iter().map(|(until, ..)| *until).min() else { break };
            now = next;
            having.retain(|(until, id, of)| {
                if *until <= now {
                    machine.close(*id, of, now).unwrap();
                }
                *until > now
            });
        }
        prop_assert!(wanting.is_empty(), "{} were never served", wanting.len());
        prop_assert!(machine.at_rest());
    }
}

#[test]
fn a_greedy_terminal_stands_behind_itself() {
    let mut machine = machine(1);
    for number in 1..=4 {
        open(&mut machine, number, 0, &Wish::Any, 0).unwrap();
    }
    assert_eq!(open(&mut machine, 5, 0, &Wish::Any, 0), Err(Refusal::TooMany));
    assert_eq!(open(&mut machine, 6, 1, &Wish::Any, 1), Ok(Opened::Waiting));
    machine.close(id(1), &terminal(0), seconds(2)).unwrap();
    assert_eq!(stage(&machine, 6, 1, seconds(2)), Stage::Granted(reader(0)), "one request does not wait behind three");
    assert_eq!(machine.session(id(2), &terminal(0), seconds(2)).unwrap().position, Some(1));
}

/// Giving up costs nothing: a terminal that asks with short waits again and again stands where a newcomer would.
#[test]
fn requests_that_were_given_up_do_not_count_against_their_terminal() {
    let mut machine = machine(1);
    open(&mut machine, 1, 1, &Wish::Any, 0).unwrap();
    for number in 100..140 {
        open(&mut machine, number, 0, &Wish::Any, 0).unwrap();
        machine.close(id(number), &terminal(0), Duration::ZERO).unwrap();
    }
    open(&mut machine, 2, 0, &Wish::Any, 1).unwrap();
    // Two others come back for more as soon as they are served.
    open(&mut machine, 3, 2, &Wish::Any, 1).unwrap();
    let (mut number, mut having, mut served) = (3, (1, 1), Vec::new());
    while stage(&machine, 2, 0, seconds(1)) == Stage::Waiting && served.len() < 20 {
        number += 1;
        open(&mut machine, number, having.1, &Wish::Any, 1).unwrap();
        machine.close(id(having.0), &terminal(having.1), seconds(1)).unwrap();
        let granted =
            |(number, of): &(u64, usize)| matches!(stage(&machine, *number, *of, seconds(1)), Stage::Granted(_));
        let waiting: Vec<_> = (3..=number).flat_map(|number| [(number, 1), (number, 2)]).collect();
        let known = |(number, of): &(u64, usize)| machine.session(id(*number), &terminal(*of), seconds(1)).is_some();
        having = waiting.into_iter().filter(known).find(granted).unwrap_or((2, 0));
        served.push(having.1);
    }
    assert_eq!(served, [0], "the first to be served after the one who had the reader");
}

#[test]
fn position_and_estimate_follow_the_measured_leases() {
    let mut machine = machine(1);
    open(&mut machine, 1, 0, &Wish::Any, 0).unwrap();
    open(&mut machine, 2, 1, &Wish::Any, 0).unwrap();
    open(&mut machine, 3, 2, &Wish::Named(reader(0)), 0).unwrap();
    let view = |machine: &Machine, number: u64, of, now| {
        let view = machine.session(id(number), &terminal(of), seconds(now)).unwrap();
        (view.position, view.eta)
    };
    assert_eq!(view(&machine, 2, 1, 5), (Some(1), Some(seconds(15))));
    assert_eq!(view(&machine, 3, 2, 5), (Some(2), Some(seconds(35))));
    machine.close(id(1), &terminal(0), seconds(8)).unwrap();
    assert_eq!(view(&machine, 3, 2, 8), (Some(1), Some(seconds(17))), "(3 × 20 + 8) / 4");
}

#[test]
fn sessions_end_by_themselves_and_say_why() {
    let ended = |machine: &Machine, number, of, now| match stage(machine, number, of, seconds(now)) {
        Stage::Ended(reason) => Some(reason),
        _ => None,
    };
    let mut machine = machine(2);
    open(&mut machine, 1, 0, &Wish::Any, 0).unwrap();
    machine.tick(seconds(30));
    assert_eq!(ended(&machine, 1, 0, 30), Some(EndReason::TerminalGone));

    open(&mut machine, 2, 0, &Wish::Any, 30).unwrap();
    for now in (50..=90).step_by(20) {
        machine.heartbeat(id(2), &terminal(0), seconds(now)).unwrap();
        machine.tick(seconds(now));
    }
    assert_eq!(ended(&machine, 2, 0, 90), Some(EndReason::Idle), "signs of life are no use of the card");

    open(&mut machine, 3, 0, &Wish::Any, 100).unwrap();
    let mut now = 100;
    while ended(&machine, 3, 0, now).is_none() {
        now += 20;
        machine.tick(seconds(now));
        if let Ok(ticket) = machine.begin(id(3), &terminal(0), seconds(now)) {
            machine.finish(ticket, Finish::Sound(None), seconds(now));
        }
    }
    assert_eq!((ended(&machine, 3, 0, now), now), (Some(EndReason::Lifetime), 400));

    open(&mut machine, 4, 0, &Wish::Any, 400).unwrap();
    open(&mut machine, 5, 1, &Wish::Any, 400).unwrap();
    open(&mut machine, 6, 2, &Wish::Any, 400).unwrap();
    machine.end_terminal(&terminal(0), EndReason::Revoked, seconds(401));
    assert_eq!(ended(&machine, 4, 0, 401), Some(EndReason::Revoked));
    assert!(matches!(stage(&machine, 6, 2, seconds(401)), Stage::Granted(_)), "who waits takes over");
    machine.readers_are(&names([]), seconds(402));
    assert_eq!(ended(&machine, 6, 2, 402), Some(EndReason::ReaderLost));
    machine.tick(seconds(2000));
    assert!(machine.session(id(6), &terminal(2), seconds(2000)).is_none(), "forgotten in the end");
}

#[test]
fn a_card_put_in_again_is_a_new_session() {
    let mut machine = machine(1);
    open(&mut machine, 1, 0, &Wish::Any, 0).unwrap();
    machine.card(&reader(0), CardState::Present, false, seconds(1));
    assert!(matches!(stage(&machine, 1, 0, seconds(1)), Stage::Granted(_)), "the card it waited for");
    machine.card(&reader(0), CardState::Present, true, seconds(2));
    assert_eq!(
        stage(&machine, 1, 0, seconds(2)),
        Stage::Ended(EndReason::CardRemoved),
        "an exchange between two looks"
    );

    open(&mut machine, 2, 0, &Wish::Any, 3).unwrap();
    let ticket = machine.begin(id(2), &terminal(0), seconds(4)).unwrap();
    open(&mut machine, 3, 1, &Wish::Any, 4).unwrap();
    machine.card(&reader(0), CardState::Absent, false, seconds(5));
    assert_eq!(stage(&machine, 2, 0, seconds(5)), Stage::Ended(EndReason::CardRemoved));
    assert_eq!(stage(&machine, 3, 1, seconds(5)), Stage::Waiting, "its last command has not come back");
    machine.finish(ticket, Finish::CardLost, seconds(6));
    assert_eq!(stage(&machine, 3, 1, seconds(6)), Stage::Granted(reader(0)));
}

#[test]
fn readers_come_and_go_without_losing_anyone_who_waits() {
    let mut machine = machine(1);
    open(&mut machine, 1, 0, &Wish::Any, 0).unwrap();
    open(&mut machine, 2, 1, &Wish::Named(reader(0)), 0).unwrap();
    machine.service_lost(Trouble::ServiceDown, seconds(1));
    assert_eq!(stage(&machine, 1, 0, seconds(1)), Stage::Ended(EndReason::ReaderLost));
    let refused = machine.open(id(3), &terminal(2), &Wish::Any, Purpose::Identify, Duration::ZERO, seconds(2));
    assert_eq!(refused, Err(Refusal::Degraded(Trouble::ServiceDown)));
    machine.readers_are(&names([0]), seconds(3));
    assert_eq!(stage(&machine, 2, 1, seconds(3)), Stage::Granted(reader(0)));

    machine.service_lost(Trouble::ServiceHung, seconds(4));
    assert!(matches!(stage(&machine, 2, 1, seconds(4)), Stage::Granted(_)), "a pcscd that hangs may come back");
    let refused = machine.begin(id(2), &terminal(1), seconds(5));
    assert_eq!(refused, Err(Refusal::Degraded(Trouble::ServiceHung)));
    machine.service_answers(seconds(6));
    assert!(machine.begin(id(2), &terminal(1), seconds(6)).is_ok());
}

#[test]
fn nearest_is_what_the_settings_say() {
    let mut machine = machine(3);
    open(&mut machine, 1, 1, &Wish::Nearest, 0).unwrap();
    open(&mut machine, 2, 1, &Wish::Nearest, 0).unwrap();
    open(&mut machine, 3, 1, &Wish::Nearest, 0).unwrap();
    assert_eq!(stage(&machine, 1, 1, Duration::ZERO), Stage::Granted(reader(1)));
    assert_eq!(stage(&machine, 2, 1, Duration::ZERO), Stage::Granted(reader(0)));
    assert_eq!(stage(&machine, 3, 1, Duration::ZERO), Stage::Waiting, "reader 2 is free, and not near");
    assert_eq!(open(&mut machine, 4, 2, &Wish::Named(reader(9)), 0), Err(Refusal::ReaderUnknown));
}

#[test]
fn what_is_over_is_remembered_for_a_while_and_not_without_bound() {
    let mut machine = machine(1);
    for number in 1..=6000 {
        assert_eq!(open(&mut machine, number, 0, &Wish::Any, 10), Ok(Opened::Granted));
        machine.close(id(number), &terminal(0), seconds(10)).unwrap();
    }
    assert_eq!(stage(&machine, 6000, 0, seconds(11)), Stage::Ended(EndReason::Closed));
    assert_eq!(machine.session(id(1), &terminal(0), seconds(11)), None, "the oldest made room");
    assert_eq!(machine.session(id(6000), &terminal(1), seconds(11)), None, "another's");
    assert_eq!(machine.close(id(6000), &terminal(0), seconds(11)), Ok(()), "it stays closed");
    assert_eq!(machine.close(id(6000), &terminal(1), seconds(11)), Err(Refusal::Unknown));
    let (again, begun) =
        (machine.heartbeat(id(6000), &terminal(0), seconds(11)), machine.begin(id(6000), &terminal(0), seconds(11)));
    assert_eq!(again, Err(Refusal::Ended(EndReason::Closed)));
    assert_eq!(begun.map(|ticket| ticket.session), Err(Refusal::Ended(EndReason::Closed)));
    assert_eq!(open(&mut machine, 6000, 0, &Wish::Any, 11), Err(Refusal::QueueFull), "no id twice");
    assert_eq!(machine.next_deadline(), Some(seconds(310)));
    machine.tick(seconds(310));
    assert_eq!((machine.session(id(6000), &terminal(0), seconds(310)), machine.next_deadline()), (None, None));
}

#[test]
fn other_limits_cut_short_what_exceeds_them_and_nothing_else() {
    let mut machine = machine(1);
    open(&mut machine, 1, 0, &Wish::Any, 0).unwrap();
    open(&mut machine, 2, 1, &Wish::Any, 0).unwrap();
    let patient = Policy { heartbeat: seconds(1000), ..Policy::default() };
    machine.reconfigure(patient, BTreeMap::new());
    machine.tick(seconds(59));
    assert_eq!(stage(&machine, 1, 0, seconds(59)), Stage::Granted(reader(0)));
    let strict = Policy { idle: seconds(300), lifetime: seconds(70), longest_wait: seconds(65), ..patient };
    machine.reconfigure(strict, BTreeMap::new());
    machine.tick(seconds(64));
    assert_eq!(stage(&machine, 1, 0, seconds(64)), Stage::Granted(reader(0)));
    assert_eq!(stage(&machine, 2, 1, seconds(64)), Stage::Waiting);
    machine.tick(seconds(65));
    assert_eq!(stage(&machine, 2, 1, seconds(65)), Stage::Ended(EndReason::WaitOver));
    machine.tick(seconds(70));
    assert_eq!(stage(&machine, 1, 0, seconds(70)), Stage::Ended(EndReason::Lifetime));
    assert!(machine.at_rest());
    // A longer limit does not lengthen what a terminal asked for.
    open(&mut machine, 3, 0, &Wish::Any, 100).unwrap();
    open(&mut machine, 4, 1, &Wish::Any, 100).unwrap();
    machine.reconfigure(Policy { lifetime: seconds(5000), idle: seconds(5000), ..patient }, BTreeMap::new());
    machine.tick(seconds(165));
    assert_eq!(stage(&machine, 4, 1, seconds(165)), Stage::Ended(EndReason::WaitOver));
}
