//! Care plans over virtual weeks: queues, offices that join late, insurers that are not live yet, people who choose paper,
//! lost answers and a process that dies. The rule of a queue stands here a second time, by looking at everything.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use engawa::fault::Code;
use engawa::hub::{LookupOutcome, Outcome, Receipt, Refusal, Scope, Trouble};
use engawa::outbox::engine::Engine;
use engawa::outbox::machine::{Denied, Input, Life, State};
use engawa::outbox::order::{Candidate, day_number};
use engawa::outbox::record::hub_key;
use engawa::outbox::{Kind, StateName};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use uuid::Uuid;

use crate::machine::{absent, policy, refusal, start};

const DAY: u64 = 86_400;
const WEEKS: u64 = 3;
const PARALLEL: usize = 4;
const OFFICES: usize = 8;
/// Of these nothing is ever asked that fails of its own: nothing they do may wait for another office.
const QUICK: usize = 0;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Office {
    /// On the hub from the start.
    There,
    /// Joins after so long.
    Joins(Duration),
    /// Never does: paper.
    Never,
}

struct Item {
    id: Uuid,
    office: usize,
    /// Stamp and whether it is a delete.
    place: String,
    arrives: Duration,
    /// Its insurer is live from then.
    live: Duration,
    refused: bool,
    life: Life,
    ended: Option<Duration>,
    /// When a person looks at it again.
    look: Duration,
}

enum Way {
    Sent(usize, Outcome),
    Asked(usize, LookupOutcome),
}

/// What the hub remembers under a key.
type Answer = Result<Receipt, Refusal>;

struct World {
    rng: StdRng,
    engine: Engine,
    now: Duration,
    offices: Vec<Office>,
    items: Vec<Item>,
    ways: BTreeMap<(Duration, u64), Way>,
    ticket: u64,
    /// The hub's memory, by key.
    kept: HashMap<Uuid, Answer>,
    /// What was filed, in order, with the time at which its sending began.
    filed: Vec<(usize, Duration)>,
    outages: Vec<(Duration, Duration)>,
    crashes: u32,
    second_keys: u32,
    /// How often paper was asked for and refused.
    denied: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let span = WEEKS * 7 * DAY;
        let offices = (0..OFFICES)
            .map(|n| match n {
                QUICK | 1 | 2 => Office::There,
                3..6 => Office::Joins(Duration::from_secs(rng.random_range(0..span))),
                _ => Office::Never,
            })
            .collect();
        let items = (0..240)
            .map(|n| {
                let office = rng.random_range(0..OFFICES);
                let quick = office == QUICK;
                let late = rng.random_range(0..12) == 0 && !quick;
                Item {
                    id: Uuid::from_u128(u128::from(seed) << 64 | n),
                    office,
                    // Stamps come again, and out of order.
                    place: format!("{:06}{}", rng.random_range(0..span / 3_600), u8::from(rng.random_range(0..4) == 0)),
                    arrives: Duration::from_secs(rng.random_range(0..span)),
                    live: Duration::from_secs(if late { rng.random_range(0..span) } else { 0 }),
                    refused: rng.random_range(0..20) == 0 && !quick,
                    life: Life::new(Kind::CarePlan),
                    ended: None,
                    look: Duration::ZERO,
                }
            })
            .collect();
        let outages = (0..4)
            .map(|_| {
                let from = rng.random_range(0..span);
                (Duration::from_secs(from), Duration::from_secs(from + [600, 7_200, DAY][rng.random_range(0..3)]))
            })
            .collect();
        Self {
            engine: Engine::new(policy(), PARALLEL, seed),
            rng,
            now: Duration::ZERO,
            offices,
            items,
            ways: BTreeMap::new(),
            ticket: 0,
            kept: HashMap::new(),
            filed: Vec::new(),
            outages,
            crashes: 0,
            second_keys: 0,
            denied: 0,
        }
    }

    fn wall(&self) -> Timestamp {
        start() + self.now
    }

    fn step(&mut self, index: usize, input: Input) -> Result<(), Denied> {
        let (wall, now) = (self.wall(), self.now);
        let item = &mut self.items[index];
        assert!(!item.life.is_final() || matches!(input, Input::OnPaper), "a final state was touched");
        item.life = item.life.clone().step(input, wall, &policy(), &mut self.rng)?;
        if item.life.is_final() {
            item.ended = Some(now);
        }
        Ok(())
    }

    fn key(&self, index: usize) -> Uuid {
        hub_key(self.items[index].id, self.items[index].life.generation)
    }

    fn there(&self, office: usize) -> bool {
        match self.offices[office] {
            Office::There => true,
            Office::Joins(at) => self.now >= at,
            Office::Never => false,
        }
    }

    /// The hub with a whole request before it: E3003 is not remembered, everything else is.
    fn hub(&mut self, index: usize, key: Uuid) -> Outcome {
        let item = &self.items[index];
        let fresh = match self.kept.get(&key) {
            Some(answer) => answer.clone(),
            None if !self.there(item.office) => Err(absent()),
            None if item.refused => Err(refusal()),
            None if self.now < item.live => {
                return Outcome::NotLive { live_from: None, trace_id: None };
            }
            None => {
                self.filed.push((index, self.now));
                Ok(Receipt { number: format!("R-{index}"), accepted_at: self.wall(), trace_id: None })
            }
        };
        self.kept.insert(key, fresh.clone());
        fresh.map_or_else(Outcome::Refused, Outcome::Accepted)
    }

    /// The rule, by looking at everything: nothing unfinished before it, and nothing of its office on its way.
    fn may_go(&self, index: usize) -> bool {
        let own = &self.items[index];
        self.items.iter().enumerate().all(|(other, one)| {
            let counts = other != index && one.office == own.office && one.arrives <= self.now && !one.life.is_final();
            let on_way = matches!(one.life.state, State::Sending(_) | State::Unknown(_));
            !counts || (!on_way && (&own.place, own.arrives, index) < (&one.place, one.arrives, other))
        })
    }

    /// A person comes by once a day, and does what the screen says: asks the office, or prints the cover page.
    fn people(&mut self) {
        for index in 0..self.items.len() {
            let item = &self.items[index];
            if item.look > self.now || item.arrives > self.now || item.life.is_final() {
                continue;
            }
            let (state, reason) = (item.life.name(), item.life.reason());
            let office = self.offices[item.office];
            self.items[index].look = self.now + Duration::from_secs(DAY);
            if matches!(state, StateName::Queued | StateName::Held) && self.rng.random_range(0..40) == 0 {
                match self.step(index, Input::OnPaper) {
                    Ok(()) => continue,
                    Err(denied) => self.denied += u32::from(denied == Denied::MayBeThere),
                }
            }
            match (state, reason) {
                (StateName::Held, Some(Code::HubRecipientAbsent)) if office == Office::Never => {
                    self.step(index, Input::OnPaper).unwrap();
                }
                // Half of them ask before the office has joined.
                (StateName::Held, Some(Code::HubRecipientAbsent))
                    if self.there(self.items[index].office) || self.rng.random_range(0..2) == 0 =>
                {
                    self.step(index, Input::Retry).unwrap();
                    self.second_keys += 1;
                }
                (StateName::Held, Some(Code::HubRecipientAbsent)) => {}
                (StateName::Held, reason) if reason != Some(Code::HubInsurerNotLive) => {
                    self.step(index, Input::Retry).unwrap();
                }
                // Impatient: whatever it is, onto paper with it. What the hub may have is refused.
                (StateName::Sending | StateName::Unknown, _) if self.rng.random_range(0..40) == 0 => {
                    assert_eq!(self.step(index, Input::OnPaper), Err(Denied::InFlight));
                }
                _ => {}
            }
        }
    }

    fn dispatch(&mut self) {
        self.people();
        let wall = self.wall();
        for index in 0..self.items.len() {
            let life = &self.items[index].life;
            let ripe = life.wait_until().is_some_and(|at| at <= wall);
            match life.state {
                State::Held(_) if ripe => self.step(index, Input::Release).unwrap(),
                State::Unknown(_)
                    if ripe && !self.carried(index) && self.engine.places(self.now).of(Kind::CarePlan) > 0 =>
                {
                    self.ask(index);
                }
                _ => {}
            }
        }
        let today = day_number(start().to_zoned(jiff::tz::TimeZone::UTC).date());
        let waiting: Vec<_> = (0..self.items.len())
            .filter(|index| {
                let item = &self.items[*index];
                item.arrives <= self.now
                    && matches!(item.life.state, State::Queued(_))
                    && item.life.wait_until().is_none_or(|at| at <= wall)
                    && self.may_go(*index)
            })
            .map(|index| Candidate {
                id: index,
                kind: Kind::CarePlan,
                lane: "the office's software".to_owned(),
                due: today + 20,
                seq: i64::try_from(index).unwrap(),
            })
            .collect();
        for next in self.engine.choose(&waiting, wall, self.now) {
            self.send(next.id);
        }
    }

    fn carried(&self, index: usize) -> bool {
        self.ways.values().any(|way| matches!(way, Way::Asked(i, _) | Way::Sent(i, _) if *i == index))
    }

    fn down(&self) -> bool {
        self.outages.iter().any(|(from, to)| (*from..*to).contains(&self.now))
    }

    fn send(&mut self, index: usize) {
        self.step(index, Input::Start).unwrap();
        self.engine.started(Kind::CarePlan);
        let key = self.key(index);
        let trouble = |code| Trouble::of(code, Scope::Hub);
        let quick = self.items[index].office == QUICK;
        let outcome = match self.rng.random_range(0..20) {
            _ if self.down() => Outcome::NotDelivered(trouble(Code::HubUnreachable)),
            0 if !quick => Outcome::Unknown(trouble(Code::HubTimeout)),
            1 | 2 if !quick => {
                self.hub(index, key);
                Outcome::Unknown(trouble(Code::HubTimeout))
            }
            3 if !quick => Outcome::NotDelivered(Trouble::of(Code::HubTrouble, Scope::Item)),
            _ => self.hub(index, key),
        };
        self.carry(Way::Sent(index, outcome));
    }

    fn ask(&mut self, index: usize) {
        self.engine.started(Kind::CarePlan);
        let answer = match self.kept.get(&self.key(index)) {
            _ if self.down() => LookupOutcome::Trouble(Trouble::of(Code::HubUnreachable, Scope::Hub)),
            // A hub that does not offer the question: a person has to decide, and decides badly.
            _ if self.rng.random_range(0..4) == 0 => LookupOutcome::NotOffered,
            Some(Ok(receipt)) => LookupOutcome::Accepted(receipt.clone()),
            Some(Err(refusal)) => LookupOutcome::Refused(refusal.clone()),
            None => LookupOutcome::Unseen,
        };
        self.carry(Way::Asked(index, answer));
    }

    fn carry(&mut self, way: Way) {
        let took = Duration::from_millis(self.rng.random_range(20..3_000));
        self.ticket += 1;
        self.ways.insert((self.now + took, self.ticket), way);
    }

    fn arrive(&mut self) {
        let Some(((at, _), way)) = self.ways.pop_first() else { return };
        self.now = self.now.max(at);
        let (wall, took) = (self.wall(), Duration::from_millis(300));
        match way {
            Way::Sent(index, outcome) => {
                let others_passed_at = self.engine.passed_at(Kind::CarePlan);
                self.engine.settled(Kind::CarePlan, &outcome, wall, self.now, took);
                self.step(index, Input::Settled { outcome, others_passed_at }).unwrap();
            }
            Way::Asked(index, answer) => {
                self.engine.asked(Kind::CarePlan, &answer, wall, self.now, took);
                self.step(index, Input::Asked(answer)).unwrap();
            }
        }
    }

    /// The process dies: what was on its way is forgotten, what the hub did stands.
    fn crash(&mut self) {
        self.ways.clear();
        for index in 0..self.items.len() {
            if matches!(self.items[index].life.state, State::Sending(_)) {
                self.step(index, Input::Interrupted).unwrap();
            }
        }
        self.engine = Engine::new(policy(), PARALLEL, self.rng.random());
        self.crashes += 1;
    }

    fn next_moment(&self) -> Duration {
        let wall = self.wall();
        let ways = self.ways.keys().next().map(|(at, _)| *at);
        let open = self.items.iter().filter(|item| !item.life.is_final());
        let arrivals = open.clone().map(|item| item.arrives.max(item.look)).filter(|at| *at > self.now).min();
        let waits = open.filter_map(|item| item.life.wait_until()).filter(|at| *at > wall).min();
        let waits = waits.map(|at| self.now + at.duration_since(wall).unsigned_abs());
        let circuit = self.engine.outlook().openings().filter(|at| *at > self.now).min();
        [ways, arrivals, waits, circuit].into_iter().flatten().min().unwrap_or(self.now + Duration::from_secs(60))
    }

    fn run(&mut self) {
        let end = Duration::from_secs((WEEKS * 7 + 30) * DAY);
        while self.now < end && self.items.iter().any(|item| item.ended.is_none()) {
            self.dispatch();
            let on_way: Vec<_> = (0..OFFICES).map(|office| self.on_way(office)).collect();
            assert!(on_way.iter().all(|count| *count <= 1), "one at a time to an office: {on_way:?}");
            let next = self.next_moment();
            if self.ways.keys().next().is_some_and(|(at, _)| *at <= next) {
                self.arrive();
            } else {
                self.now = next;
            }
            if self.rng.random_range(0..150) == 0 {
                self.crash();
            }
        }
    }

    fn on_way(&self, office: usize) -> usize {
        let on_way = |item: &&Item| matches!(item.life.state, State::Sending(_) | State::Unknown(_));
        self.items.iter().filter(|item| item.office == office).filter(on_way).count()
    }
}

#[test]
fn over_virtual_weeks_each_unit_is_filed_once_in_order_or_goes_on_paper() {
    let (mut second_keys, mut papers, mut crashes, mut denied) = (0, 0, 0, 0);
    for seed in 0..16 {
        let mut world = World::new(seed);
        world.run();
        for (index, item) in world.items.iter().enumerate() {
            let filed = world.filed.iter().filter(|(filed, _)| *filed == index).count();
            let name = item.life.name();
            let expected = usize::from(name == StateName::Delivered);
            assert_eq!(filed, expected, "seed {seed}, item {index}: {:?}", item.life);
            let office = world.offices[item.office];
            match name {
                StateName::Delivered => assert!(office != Office::Never && !item.refused),
                StateName::Returned => assert!(office != Office::Never && item.refused),
                StateName::OnPaper => papers += 1,
                other => panic!("seed {seed}, item {index} ended as {other:?}: {:?}", item.life),
            }
        }
        // In the order of places, among those that were there when the sending began.
        for (nth, (index, at)) in world.filed.iter().enumerate() {
            for (later, _) in &world.filed[nth + 1..] {
                let (one, other) = (&world.items[*index], &world.items[*later]);
                let overtook = one.office == other.office && other.place < one.place && other.arrives <= *at;
                assert!(!overtook, "seed {seed}: {} at {at:?} before {}", one.place, other.place);
            }
        }
        second_keys += world.second_keys;
        crashes += world.crashes;
        denied += world.denied;
    }
    let enough = second_keys > 100 && papers > 400 && crashes > 50 && denied > 0;
    assert!(enough, "{second_keys} {papers} {crashes} {denied}");
}

/// Whatever the other offices do, one that is on the hub gets its units at once while the line is there.
#[test]
fn no_office_waits_for_another() {
    for seed in 100..108 {
        let mut world = World::new(seed);
        world.outages.clear();
        world.run();
        let quick: Vec<_> = world.items.iter().filter(|item| item.office == QUICK).collect();
        assert!(quick.len() > 10);
        for item in quick.iter().filter(|item| item.life.name() != StateName::OnPaper) {
            let late = item.ended.unwrap().saturating_sub(item.arrives);
            assert!(late < Duration::from_secs(1_800), "seed {seed}: {late:?} {:?}", item.life);
        }
    }
}
