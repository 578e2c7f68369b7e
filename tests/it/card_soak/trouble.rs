//! Everything that goes wrong, by a plan that follows from the seed.

use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::ledger::Lay;
use super::site::Site;
use crate::support::pcscd::Pcscd;
use crate::support::until;

/// Another program that does not come to its end is ended.
const LONGEST_CLIENT: Duration = Duration::from_secs(8);

/// A time during which, or soon after which, no reader served.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) from: Duration,
    pub(super) until: Duration,
}

/// What there was.
#[derive(Default)]
pub(super) struct Record {
    pub(super) lays: Mutex<Vec<Vec<Lay>>>,
    pub(super) outages: Mutex<Vec<Outage>>,
    pub(super) faults: AtomicUsize,
    pub(super) resets: AtomicUsize,
    pub(super) moved: AtomicUsize,
    /// From pcscd's return until every reader served again, the longest.
    pub(super) recovery: Mutex<Duration>,
}

impl Record {
    pub(super) fn new(site: &Site, holders: &[&str]) -> Self {
        let lay = |holder: &&str| vec![Lay { holder: (*holder).to_owned(), from: site.ms(), until: i64::MAX }];
        Self { lays: Mutex::new(holders.iter().map(lay).collect()), ..Self::default() }
    }

    /// A card was put in, begun at `from` and done at `until`. The one before may have lain there until then: what takes a
    /// card away by itself brings it back by itself.
    fn comes(&self, slot: usize, holder: &str, from: i64, until: i64) {
        let lays = &mut self.lays.lock().unwrap()[slot];
        for lay in lays.iter_mut() {
            lay.until = lay.until.min(until);
        }
        lays.push(Lay { holder: holder.to_owned(), from, until: i64::MAX });
    }
}

/// A card that is on its way back.
struct Pending {
    slot: usize,
    /// Taken out then, if it still lies there.
    out: Option<Duration>,
    back: Duration,
    holder: String,
}

pub(super) struct Trouble<'a> {
    site: &'a Site,
    pcscd: &'a mut Pcscd,
    record: &'a Record,
    rng: StdRng,
    /// Whose card lies in each slot, or comes back to it.
    here: Vec<String>,
    drawer: Vec<String>,
    pending: Vec<Pending>,
    clients: Vec<(Duration, Child)>,
}

impl<'a> Trouble<'a> {
    pub(super) fn new(
        site: &'a Site,
        pcscd: &'a mut Pcscd,
        record: &'a Record,
        (holders, drawer): (&[&str], &[&str]),
        seed: u64,
    ) -> Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let (here, drawer) = (owned(holders), owned(drawer));
        Self { site, pcscd, record, rng: StdRng::seed_from_u64(seed), here, drawer, pending: vec![], clients: vec![] }
    }

    fn now(&self) -> Duration {
        self.site.clock.elapsed()
    }

    /// Minute after minute: pcscd hangs, the hub is away, pcscd is killed; and cards have trouble all the time.
    pub(super) fn run(&mut self, length: Duration) {
        let mut begun = self.now();
        let end = begun + length;
        let minute = length.min(Duration::from_secs(60));
        while begun + minute <= end {
            let at = |rng: &mut StdRng, share: f64| begun + minute.mul_f64(share + rng.random_range(-0.03..0.03));
            let (hang, away, death) = (at(&mut self.rng, 0.33), at(&mut self.rng, 0.53), at(&mut self.rng, 0.75));
            self.cards_until(hang);
            self.pcscd_hangs();
            self.cards_until(away);
            self.hub_is_away();
            self.cards_until(death);
            self.pcscd_dies();
            begun += minute;
            self.cards_until(begun.min(end));
        }
        self.cards_until(end);
    }

    fn cards_until(&mut self, moment: Duration) {
        while self.now() < moment {
            let pause = self.rng.random_range(150..450);
            std::thread::park_timeout(Duration::from_millis(pause));
            self.bring_back();
            let slot = self.rng.random_range(0..self.here.len());
            if !self.pending.iter().any(|pending| pending.slot == slot) {
                self.card_trouble(slot);
            }
        }
    }

    fn card_trouble(&mut self, slot: usize) {
        let port = self.site.ports[slot];
        match self.rng.random_range(0..100) {
            0..55 => {
                let fault = self.fault();
                let muted = fault["kind"] == "mute";
                self.record.faults.fetch_add(1, Ordering::Relaxed);
                self.site.cards.try_post(port, "faults", &fault);
                if muted {
                    let (out, holder) = (self.now() + Duration::from_millis(2500), self.here[slot].clone());
                    let back = out + Duration::from_millis(1200);
                    self.pending.push(Pending { slot, out: Some(out), back, holder });
                }
            }
            55..67 => self.take_away(slot, None),
            67..77 => {
                let other = self.rng.random_range(0..self.drawer.len());
                self.take_away(slot, Some(other));
            }
            77..87 => self.swap_unseen(slot),
            87..93 => {
                self.site.cards.try_post(port, "tries", &json!({}));
            }
            _ => self.reset(slot),
        }
    }

    fn fault(&mut self) -> Value {
        let ms = self.rng.random_range(1..1500);
        let after = self.rng.random_range(0..3);
        let bit = self.rng.random_range(0..128);
        let faults = [
            json!({"kind": "remove", "ins": "20", "after": after, "ms": ms}),
            json!({"kind": "remove", "ins": "B0", "after": after, "ms": ms}),
            json!({"kind": "remove", "ins": "2A", "ms": ms}),
            json!({"kind": "remove", "ins": "20", "after": 1, "ms": ms, "effect": false}),
            json!({"kind": "mute", "ins": "20", "after": after}),
            json!({"kind": "slow", "ins": "20", "after": 1, "ms": ms}),
            json!({"kind": "slow", "ins": "2A", "ms": ms}),
            json!({"kind": "truncate", "ins": "20", "after": 1}),
            json!({"kind": "truncate", "ins": "B0", "after": after}),
            json!({"kind": "flip", "ins": "2A", "bit": bit}),
            json!({"kind": "flip", "ins": "B0", "after": after, "bit": bit}),
            json!({"kind": "status", "sw": "6F00", "ins": "20", "after": 1}),
            json!({"kind": "status", "sw": "6985", "ins": "2A"}),
            json!({"kind": "one_byte", "ins": "20", "after": after}),
            json!({"kind": "one_byte", "ins": "2A"}),
            json!({"kind": "forget", "ins": "20", "after": 1}),
            json!({"kind": "forget", "ins": "2A"}),
        ];
        faults.choose(&mut self.rng).unwrap().clone()
    }

    /// A person takes the card; the same one comes back, or another of the drawer.
    fn take_away(&mut self, slot: usize, other: Option<usize>) {
        self.out(slot);
        if let Some(other) = other {
            std::mem::swap(&mut self.here[slot], &mut self.drawer[other]);
        }
        let away = Duration::from_millis(self.rng.random_range(100..1800));
        let (back, holder) = (self.now() + away, self.here[slot].clone());
        self.pending.push(Pending { slot, out: None, back, holder });
    }

    fn out(&mut self, slot: usize) {
        let port = self.site.ports[slot];
        self.record.moved.fetch_add(1, Ordering::Relaxed);
        // A card that comes back by a fault of its own would be in the way.
        self.site.cards.clear_faults(port);
        self.site.cards.try_post(port, "remove", &json!({}));
    }

    fn swap_unseen(&mut self, slot: usize) {
        let (port, other) = (self.site.ports[slot], self.rng.random_range(0..self.drawer.len()));
        let holder = self.drawer[other].clone();
        self.record.moved.fetch_add(1, Ordering::Relaxed);
        let before = self.site.ms();
        // It may be on its way back by a fault, and the swap refused: then either card can be the one that lies there.
        let done = self.site.cards.try_post(port, "swap", &json!({"holder": holder, "ms": 0}));
        if self.site.cards.facts(port)["last"] == *holder {
            self.record.comes(slot, &holder, before, self.site.ms());
            std::mem::swap(&mut self.here[slot], &mut self.drawer[other]);
        } else {
            assert!(!done, "a swap that was carried out put no other card there");
        }
    }

    fn bring_back(&mut self) {
        let now = self.now();
        for mut pending in std::mem::take(&mut self.pending) {
            if pending.out.is_some_and(|out| out <= now) {
                pending.out = None;
                self.out(pending.slot);
            }
            if pending.out.is_none() && pending.back <= now {
                self.put(pending.slot, &pending.holder);
            } else {
                self.pending.push(pending);
            }
        }
        self.clients.retain_mut(|(begun, client)| {
            if now.saturating_sub(*begun) > LONGEST_CLIENT {
                let _ = client.kill();
                let _ = client.wait();
                return false;
            }
            client.try_wait().unwrap().is_none()
        });
    }

    fn put(&self, slot: usize, holder: &str) {
        let port = self.site.ports[slot];
        let begun = self.site.ms();
        until("a card to lie in its reader", Duration::from_secs(5), || {
            let facts = self.site.cards.facts(port);
            if facts["card"] == *holder {
                return Some(());
            }
            // Another one came back by a fault that had begun before.
            if facts["inserted"] == true {
                self.site.cards.try_post(port, "remove", &json!({}));
            }
            self.site.cards.try_post(port, "insert", &json!({"holder": holder}));
            None
        });
        self.record.comes(slot, holder, begun, self.site.ms());
    }

    /// Somebody else's program resets the card.
    fn reset(&mut self, slot: usize) {
        let mut tool = self.pcscd.client("opensc-tool");
        tool.args(["--reset=warm", "--reader", &slot.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        if let Ok(child) = tool.spawn() {
            self.record.resets.fetch_add(1, Ordering::Relaxed);
            self.clients.push((self.now(), child));
        }
    }

    fn hub_is_away(&mut self) {
        self.site.hub.down();
        let until = self.now() + Duration::from_millis(self.rng.random_range(2000..4000));
        self.cards_until(until);
        self.site.hub.up();
    }

    fn pcscd_hangs(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.pcscd.pid()).unwrap());
        let from = self.now();
        kill(pid, Signal::SIGSTOP).unwrap();
        let until = self.now() + Duration::from_millis(self.rng.random_range(1000..4500));
        self.cards_until(until);
        kill(pid, Signal::SIGCONT).unwrap();
        self.recovers(from);
    }

    fn pcscd_dies(&mut self) {
        let from = self.now();
        self.pcscd.down();
        let until = self.now() + Duration::from_millis(self.rng.random_range(100..2500));
        self.cards_until(until);
        self.until_noticed();
        self.pcscd.up();
        self.recovers(from);
    }

    /// The gateway has seen that pcscd is gone: what comes after that is the recovery.
    fn until_noticed(&self) {
        until("the loss of pcscd to be seen", Duration::from_secs(5), || {
            (self.site.readers()["service"] == "degraded").then_some(())
        });
    }

    /// The time until readers serve again belongs to the outage.
    fn recovers(&mut self, from: Duration) {
        let back = self.now();
        until("the readers to come back", Duration::from_secs(10), || {
            let list = self.site.readers();
            // One whose card is mute stays degraded: that is no matter of pcscd.
            let gone = |reader: &Value| reader["state"] == "absent" || reader["reason"]["code"] == "PCSC_DOWN";
            let serves = list["service"] == "ok" && !list["items"].as_array().unwrap().iter().any(gone);
            serves.then_some(())
        });
        let until = self.now();
        self.record.outages.lock().unwrap().push(Outage { from, until });
        let mut longest = self.record.recovery.lock().unwrap();
        *longest = (until - back).max(*longest);
    }

    /// Everything back in its place.
    pub(super) fn end(mut self) {
        for (_, client) in &mut self.clients {
            let _ = client.kill();
            let _ = client.wait();
        }
        for slot in 0..self.here.len() {
            self.site.cards.clear_faults(self.site.ports[slot]);
        }
        self.pending.clear();
        // Also one that was muted: it is taken out and put in again, and pcscd sees both. One that had gone by a fault comes
        // back once more.
        until("every reader to be seen empty", Duration::from_secs(10), || {
            for port in &self.site.ports {
                self.site.cards.try_post(*port, "remove", &json!({}));
            }
            let readers = self.site.reader_list();
            readers.iter().all(|reader| reader["card"] == "absent").then_some(())
        });
        for slot in 0..self.here.len() {
            let holder = self.here[slot].clone();
            self.put(slot, &holder);
            self.site.cards.reset_tries(self.site.ports[slot]);
        }
        self.site.await_cards();
    }
}
