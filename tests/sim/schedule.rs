//! Engine and machine over virtual weeks: a seeded schedule of outages, lost answers, crashes, refusals, insurers that are not
//! live yet, passwords that only an operator puts right, and a wall clock that jumps.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use engawa::fault::Code;
use engawa::hub::{LookupOutcome, Outcome, Receipt, Scope, Trouble};
use engawa::outbox::engine::Engine;
use engawa::outbox::machine::{Input, Life, State};
use engawa::outbox::order::{Candidate, day_number};
use engawa::outbox::{Kind, StateName};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::machine::{policy, refusal, start};

const WEEKS: u64 = 3;
const PARALLEL: usize = 4;

struct Item {
    kind: Kind,
    life: Life,
    lane: String,
    due: i64,
    seq: i64,
    arrives: Duration,
    ended: Option<Duration>,
    fate: Fate,
}

/// What the hub thinks of a document.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Taken,
    Refused,
    /// Its insurer is live from so many days after the start; whether the hub names the day.
    LiveFrom(i32, bool),
}

enum Way {
    Sent(usize, Outcome),
    Asked(usize, LookupOutcome),
}

/// The world: a hub that truly files, a line that fails, a process that dies.
struct World {
    rng: StdRng,
    engine: Engine,
    now: Duration,
    /// How many seconds the box's wall clock is ahead of the truth.
    skew: i64,
    jumps: u32,
    /// Whether it jumps at all.
    jumping: bool,
    /// Whether the process dies now and then.
    crashing: bool,
    items: Vec<Item>,
    ways: BTreeMap<(Duration, u64), Way>,
    effects: HashMap<usize, u32>,
    outages: Vec<(Duration, Duration)>,
    /// From when to when the hub identifies nobody, and how it says so.
    unidentified: Vec<(Duration, Duration, Trouble)>,
    /// From when to when the password is wrong.
    operator: Vec<(Duration, Duration)>,
    knocks_while_down: u64,
    ticket: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let span = WEEKS * 7 * 86_400;
        let outages = (0..6)
            .map(|_| {
                let from = rng.random_range(0..span);
                let length = [600, 7_200, 86_400, 3 * 86_400][rng.random_range(0..4)];
                (Duration::from_secs(from), Duration::from_secs(from + length))
            })
            .collect();
        let today = day_number(start().to_zoned(jiff::tz::TimeZone::UTC).date());
        let items = (0..320)
            .map(|seq| Item {
                kind: Kind::Opinion,
                life: Life::new(Kind::Opinion),
                lane: format!("sender-{}", [0, 0, 0, 0, 0, 0, 1, 2, 3][rng.random_range(0..9)]),
                due: today + rng.random_range(2..40),
                seq,
                arrives: Duration::from_secs(rng.random_range(0..span)),
                ended: None,
                fate: match rng.random_range(0..20) {
                    0 => Fate::Refused,
                    1 => Fate::LiveFrom(rng.random_range(0..28), true),
                    // Asked every day, and each try may go wrong: within a few days that is not yet held against it.
                    2 => Fate::LiveFrom(rng.random_range(0..4), false),
                    _ => Fate::Taken,
                },
            })
            .map(|item| if item.seq % 4 == 3 { identification(item, today) } else { item })
            .collect();
        let engine = Engine::new(policy(), PARALLEL, seed);
        let (ways, effects) = (BTreeMap::new(), HashMap::new());
        let operator = (0..3)
            .map(|_| {
                let from = Duration::from_secs(rng.random_range(0..span));
                (from, from + Duration::from_secs(rng.random_range(600..40_000)))
            })
            .collect();
        let unidentified = [Trouble::of(Code::HubTrouble, Scope::Hub), not_offered()].map(|trouble| {
            let from = Duration::from_secs(rng.random_range(0..span));
            (from, from + Duration::from_secs(rng.random_range(3_600..200_000)), trouble)
        });
        Self {
            rng,
            engine,
            now: Duration::ZERO,
            skew: 0,
            jumps: 0,
            jumping: true,
            crashing: true,
            items,
            ways,
            effects,
            outages,
            unidentified: unidentified.into(),
            operator,
            knocks_while_down: 0,
            ticket: 0,
        }
    }

    /// What the box's clock shows.
    fn wall(&self) -> Timestamp {
        self.truth() + jiff::SignedDuration::from_secs(self.skew)
    }

    fn truth(&self) -> Timestamp {
        start() + self.now
    }

    /// Set by hand to UTC instead of Japan's time, put right again, or a little off.
    fn jump(&mut self) {
        self.skew = [0, 0, -9 * 3_600, 9 * 3_600, -90, 90][self.rng.random_range(0..6)];
        self.jumps += 1;
    }

    fn locked_out(&self) -> bool {
        self.operator.iter().any(|(from, to)| (*from..*to).contains(&self.now))
    }

    fn is_live(&self, index: usize) -> bool {
        match self.items[index].fate {
            Fate::LiveFrom(days, _) => self.now >= midnight(days),
            _ => true,
        }
    }

    /// The hub's answer when all goes well.
    fn verdict(&mut self, index: usize) -> Outcome {
        match self.items[index].fate {
            Fate::Refused => Outcome::Refused(refusal()),
            Fate::LiveFrom(days, named) if !self.is_live(index) => {
                let day = start().to_zoned(jiff::tz::TimeZone::UTC).date() + jiff::Span::new().days(days);
                Outcome::NotLive { live_from: named.then_some(day), trace_id: None }
            }
            _ => {
                *self.effects.entry(index).or_default() += 1;
                Outcome::Accepted(self.receipt(index))
            }
        }
    }

    /// What the hub says to an identification while it identifies nobody.
    fn unidentified(&self, index: usize) -> Option<Trouble> {
        let (_, _, trouble) = self.unidentified.iter().find(|(from, to, _)| (*from..*to).contains(&self.now))?;
        (self.items[index].kind == Kind::Identification).then(|| trouble.clone())
    }

    fn down(&self) -> bool {
        self.outages.iter().any(|(from, to)| (*from..*to).contains(&self.now))
    }

    fn step(&mut self, index: usize, input: Input) {
        let (wall, now) = (self.wall(), self.now);
        let item = &mut self.items[index];
        assert!(!item.life.is_final(), "a final state was touched");
        item.life = item.life.clone().step(input, wall, &policy(), &mut self.rng).unwrap();
        if item.life.is_final() {
            item.ended = Some(now);
        }
    }

    fn dispatch(&mut self) {
        let wall = self.wall();
        for index in 0..self.items.len() {
            let life = &self.items[index].life;
            let ripe = life.wait_until().is_none_or(|at| at <= wall);
            match life.state {
                // Asked for days on end, it meets so many troubles of its own that it may be set aside; a person sends it again.
                State::Held(ref held)
                    if held.until.is_none() && matches!(self.items[index].fate, Fate::LiveFrom(..)) =>
                {
                    self.step(index, Input::Retry);
                }
                State::Held(_) if ripe && life.wait_until().is_some() => self.step(index, Input::Release),
                State::Unknown(_)
                    if ripe && !self.carried(index) && self.engine.places(self.now).of(self.items[index].kind) > 0 =>
                {
                    self.ask(index);
                }
                _ => {}
            }
        }
        let waiting: Vec<_> = self
            .items
            .iter()
            .enumerate()
            .filter(|(_, item)| item.arrives <= self.now && matches!(item.life.state, State::Queued(_)))
            .filter(|(_, item)| item.life.wait_until().is_none_or(|at| at <= wall))
            .map(|(index, item)| Candidate {
                id: index,
                kind: item.kind,
                lane: item.lane.clone(),
                due: item.due,
                seq: item.seq,
            })
            .collect();
        for next in self.engine.choose(&waiting, wall, self.now) {
            self.send(next.id);
        }
    }

    fn carried(&self, index: usize) -> bool {
        self.ways.values().any(|way| matches!(way, Way::Asked(i, _) | Way::Sent(i, _) if *i == index))
    }

    fn send(&mut self, index: usize) {
        self.step(index, Input::Start);
        self.engine.started(self.items[index].kind);
        let down = self.down();
        self.knocks_while_down += u64::from(down);
        let outcome = if down {
            Outcome::NotDelivered(Trouble::of(Code::HubUnreachable, Scope::Hub))
        } else if self.locked_out() {
            Outcome::NotDelivered(Trouble::of(Code::HubLoginRefused, Scope::Operator))
        } else if let Some(trouble) = self.unidentified(index) {
            Outcome::NotDelivered(trouble)
        } else {
            match self.rng.random_range(0..20) {
                0 => Outcome::Unknown(Trouble::of(Code::HubTimeout, Scope::Hub)),
                1 => {
                    self.verdict(index);
                    Outcome::Unknown(Trouble::of(Code::HubTimeout, Scope::Hub))
                }
                2 => Outcome::NotDelivered(Trouble::of(Code::HubTrouble, Scope::Item)),
                3 => Outcome::NotDelivered(Trouble {
                    retry_after: Some(Duration::from_secs(120)),
                    ..Trouble::of(Code::HubBusy, Scope::Hub)
                }),
                _ => self.verdict(index),
            }
        };
        self.carry(Way::Sent(index, outcome));
    }

    fn ask(&mut self, index: usize) {
        assert_eq!(self.items[index].kind, Kind::Opinion, "the hub knows no key of it");
        self.engine.started(Kind::Opinion);
        let down = self.down();
        self.knocks_while_down += u64::from(down);
        let answer = match self.effects.get(&index) {
            _ if down => LookupOutcome::Trouble(Trouble::of(Code::HubUnreachable, Scope::Hub)),
            _ if self.locked_out() => LookupOutcome::Trouble(Trouble::of(Code::HubLoginRefused, Scope::Operator)),
            Some(_) => LookupOutcome::Accepted(self.receipt(index)),
            None => LookupOutcome::Unseen,
        };
        self.carry(Way::Asked(index, answer));
    }

    fn carry(&mut self, way: Way) {
        let took = Duration::from_millis(self.rng.random_range(20..3_000));
        self.ticket += 1;
        self.ways.insert((self.now + took, self.ticket), way);
    }

    fn receipt(&self, index: usize) -> Receipt {
        Receipt { number: format!("R-{index}"), accepted_at: self.truth(), trace_id: None }
    }

    fn arrive(&mut self) {
        let Some(((at, _), way)) = self.ways.pop_first() else { return };
        self.now = self.now.max(at);
        let wall = self.wall();
        match way {
            Way::Sent(index, outcome) => {
                let kind = self.items[index].kind;
                let passed = self.engine.passed_at(kind);
                self.engine.settled(kind, &outcome, wall, self.now, Duration::from_millis(300));
                self.step(index, Input::Settled { outcome, others_passed_at: passed });
            }
            Way::Asked(index, answer) => {
                self.engine.asked(Kind::Opinion, &answer, wall, self.now, Duration::from_millis(300));
                self.step(index, Input::Asked(answer));
            }
        }
    }

    /// The process dies: what was on its way is forgotten, the hub's effects stand.
    fn crash(&mut self) {
        self.ways.clear();
        for index in 0..self.items.len() {
            if matches!(self.items[index].life.state, State::Sending(_)) {
                self.step(index, Input::Interrupted);
            }
        }
        let seed = self.rng.random();
        self.engine = Engine::new(policy(), PARALLEL, seed);
    }

    fn next_moment(&self) -> Duration {
        let wall = self.wall();
        let ways = self.ways.keys().next().map(|(at, _)| *at);
        let arrivals = self.items.iter().map(|item| item.arrives).filter(|at| *at > self.now).min();
        let waits = self.items.iter().filter_map(|item| item.life.wait_until()).filter(|at| *at > wall).min();
        let waits = waits.map(|at| self.now + at.duration_since(wall).unsigned_abs());
        let circuit = self.engine.outlook().openings().filter(|at| *at > self.now).min();
        [ways, arrivals, waits, circuit].into_iter().flatten().min().unwrap_or(self.now + Duration::from_secs(60))
    }

    fn run(&mut self) {
        let end = Duration::from_secs((WEEKS * 7 + 10) * 86_400);
        while self.now < end && self.items.iter().any(|item| item.ended.is_none()) {
            self.dispatch();
            let next = self.next_moment();
            if self.ways.keys().next().is_some_and(|(at, _)| *at <= next) {
                self.arrive();
            } else {
                self.now = next;
            }
            if self.crashing && self.rng.random_range(0..200) == 0 {
                self.crash();
            }
            if self.jumping && self.rng.random_range(0..1_000) == 0 {
                self.jump();
            }
        }
    }
}

/// Recorded on the day on which somebody stood at the counter.
fn identification(item: Item, today: i64) -> Item {
    let day = i64::try_from(item.arrives.as_secs() / 86_400).unwrap();
    let fate = if item.fate == Fate::Refused { Fate::Refused } else { Fate::Taken };
    let life = Life::new(Kind::Identification);
    Item { kind: Kind::Identification, life, due: today + day, fate, ..item }
}

/// What the outbox makes of it for an identification.
fn not_offered() -> Trouble {
    let hour = Some(Duration::from_secs(3_600));
    Trouble { retry_after: hour, ..Trouble::of(Code::HubNotOffered, Scope::Try) }
}

/// When a day begins in Japan, after the start.
fn midnight(days: i32) -> Duration {
    Duration::from_secs(u64::try_from(days).unwrap() * 86_400).saturating_sub(Duration::from_secs(9 * 3_600))
}

#[test]
fn over_virtual_weeks_everything_arrives_exactly_once() {
    for seed in 0..12 {
        let mut world = World::new(seed);
        world.run();
        for (index, item) in world.items.iter().enumerate() {
            let effects = world.effects.get(&index).copied().unwrap_or(0);
            let refused = item.fate == Fate::Refused;
            let expected = if refused { (StateName::Returned, 0) } else { (StateName::Delivered, 1) };
            // An opinion is filed once; somebody may be identified again.
            let effects = if item.kind.repeatable() { effects.min(1) } else { effects };
            assert_eq!((item.life.name(), effects), expected, "seed {seed}, item {index}: {:?}", item.life);
            if let Fate::LiveFrom(days, _) = item.fate {
                assert!(item.ended.unwrap() >= midnight(days), "seed {seed}, item {index} was filed too early");
            }
        }
        assert!(world.jumps > 3, "seed {seed}: the clock jumped {} times", world.jumps);
        let down: u64 = world.outages.iter().map(|(from, to)| (*to - *from).as_secs()).sum();
        // One open circuit: a knock every few minutes at most, whatever waits behind it.
        assert!(world.knocks_while_down <= down / 100 + 200, "seed {seed}: {} knocks", world.knocks_while_down);
    }
}

#[test]
fn after_an_outage_the_queue_drains_within_the_longest_pause() {
    for seed in 100..108 {
        let mut world = World::new(seed);
        world.outages = vec![(Duration::ZERO, Duration::from_secs(5 * 86_400))];
        world.operator.clear();
        world.unidentified.clear();
        world.jumping = false;
        for item in &mut world.items {
            item.fate = Fate::Taken;
            item.arrives = Duration::from_secs(item.seq.unsigned_abs() * 60);
        }
        world.run();
        let last = world.items.iter().filter_map(|item| item.ended).max().unwrap();
        let late = last.saturating_sub(Duration::from_secs(5 * 86_400));
        // Back-off cap for the first knock, then own pauses of the few that failed.
        assert!(late < Duration::from_secs(3 * 3_600), "seed {seed}: {late:?}");
    }
}

/// A world in which nothing fails but what is told, and everything is there from the start.
fn quiet(seed: u64) -> World {
    let mut world = World::new(seed);
    world.outages.clear();
    world.operator.clear();
    world.unidentified.clear();
    world.jumping = false;
    world.crashing = false;
    for item in &mut world.items {
        item.fate = Fate::Taken;
        item.arrives = Duration::ZERO;
    }
    world
}

fn last(world: &World, kind: Kind) -> Duration {
    world.items.iter().filter(|item| item.kind == kind).map(|item| item.ended.unwrap()).max().unwrap()
}

/// A hub that identifies nobody, however it says so, takes the opinions as fast as ever, and strikes no identification.
#[test]
fn a_hub_that_identifies_nobody_delays_no_opinion() {
    let week = Duration::from_secs(7 * 86_400);
    let slow = Trouble { retry_after: Some(Duration::from_secs(600)), ..Trouble::of(Code::HubBusy, Scope::Hub) };
    let troubles = [
        not_offered(),
        Trouble::of(Code::HubTrouble, Scope::Hub),
        Trouble::of(Code::HubUnreachable, Scope::Hub),
        Trouble::of(Code::HubNotOffered, Scope::Operator),
        slow,
    ];
    for (seed, trouble) in (200..).zip(troubles) {
        let mut undisturbed = quiet(seed);
        undisturbed.run();
        let mut world = quiet(seed);
        world.unidentified = vec![(Duration::ZERO, week, trouble.clone())];
        world.run();
        let (with, without) = (last(&world, Kind::Opinion), last(&undisturbed, Kind::Opinion));
        assert!(with < without + Duration::from_secs(1_800), "{trouble:?}: {with:?}, undisturbed {without:?}");
        let identified = last(&world, Kind::Identification);
        assert!(identified > week && identified < week + Duration::from_secs(3 * 3_600), "{trouble:?}: {identified:?}");
        let struck = world.items.iter().filter(|item| item.kind == Kind::Identification && item.life.strikes >= 5);
        assert_eq!(struck.count(), 0, "{trouble:?}");
    }
}
