//! The connections that are open on the LAN, counted by address and by IPv6 /64: who gets a place, and whose place it is when all are
//! taken. Pure: no sockets.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::terminal::pairing::{NEARBY, network};

/// All connections.
#[derive(Debug)]
pub struct Crowd {
    most: usize,
    per_address: usize,
    all: usize,
    next: u64,
    /// The connections of each address, the oldest first.
    by_address: HashMap<IpAddr, BTreeMap<u64, Seat>>,
    /// How many each IPv6 /64 has.
    by_network: HashMap<IpAddr, usize>,
}

/// One connection's place.
#[derive(Clone, Debug)]
pub struct Seat {
    address: IpAddr,
    /// Counts up: the oldest connection has the lowest.
    number: u64,
    displaced: Arc<Notify>,
    proven: Proven,
}

/// Whether somebody who was let in has used a connection; shared with what serves it.
#[derive(Clone, Debug, Default)]
pub struct Proven(Arc<AtomicBool>);

impl Proven {
    /// Somebody was let in on it.
    pub fn prove(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Seat {
    /// To be told that somebody was let in.
    #[must_use]
    pub fn proven(&self) -> Proven {
        self.proven.clone()
    }

    /// Ready when the connection has to go, to make room for somebody else.
    pub fn displaced(&self) -> impl Future<Output = ()> + Send + use<> {
        let displaced = Arc::clone(&self.displaced);
        async move { displaced.notified().await }
    }
}

impl Crowd {
    /// Nobody yet; `most` connections at once, and `per_address` of one address.
    #[must_use]
    pub fn new(most: usize, per_address: usize) -> Self {
        Self { most, per_address, all: 0, next: 0, by_address: HashMap::new(), by_network: HashMap::new() }
    }

    /// Whether an address, and its IPv6 /64, may have one more. However many addresses a machine takes on, half of the places are left
    /// to those who come otherwise.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let nearby = (self.per_address * NEARBY).min(self.most / 2).max(self.per_address);
        self.of(address) < self.per_address && self.near(address) < nearby
    }

    /// A place for one more connection of `address`, where need be somebody else's; `None` when there is none to be had.
    pub fn take(&mut self, address: IpAddr) -> Option<Seat> {
        if self.all >= self.most {
            let seat = self.dispensable(self.of(address))?;
            seat.displaced.notify_one();
            self.give_back(&seat);
        }
        let seat = Seat { address, number: self.next, displaced: Arc::new(Notify::new()), proven: Proven::default() };
        self.next += 1;
        self.all += 1;
        self.by_address.entry(address).or_default().insert(seat.number, seat.clone());
        if let Some(network) = network(address) {
            *self.by_network.entry(network).or_default() += 1;
        }
        Some(seat)
    }

    /// The connection has ended. One that was displaced has been given back already.
    pub fn give_back(&mut self, seat: &Seat) {
        let Some(connections) = self.by_address.get_mut(&seat.address) else { return };
        let removed = connections.remove(&seat.number).is_some();
        if connections.is_empty() {
            self.by_address.remove(&seat.address);
        }
        if !removed {
            return;
        }
        self.all -= 1;
        let Some(network) = network(seat.address) else { return };
        if let Some(near) = self.by_network.get_mut(&network) {
            *near -= 1;
            if *near == 0 {
                self.by_network.remove(&network);
            }
        }
    }

    /// Whether the place has not been given to somebody else.
    #[must_use]
    pub fn holds(&self, seat: &Seat) -> bool {
        self.by_address.get(&seat.address).is_some_and(|connections| connections.contains_key(&seat.number))
    }

    /// Whose place is given to an address with `own` connections. Those who take many take them from each other: of the address that has
    /// the most, if it has more than the newcomer will have, the oldest goes. Those on which nobody was let in yet go before others: a
    /// machine that takes on many addresses would have each terminal down to one. Who has none gets the oldest of such in any case.
    fn dispensable(&self, own: usize) -> Option<Seat> {
        let strangers = |seats: &BTreeMap<u64, Seat>| seats.values().filter(|seat| !seat.proven.is()).count();
        let of_most = |count: &dyn Fn(&BTreeMap<u64, Seat>) -> usize| {
            let most = self.by_address.values().map(|seats| (count(seats), seats)).max_by_key(|(count, _)| *count);
            most.filter(|(count, _)| *count > own + 1).map(|(_, seats)| seats)
        };
        let oldest_stranger = |seats: &BTreeMap<u64, Seat>| seats.values().find(|seat| !seat.proven.is()).cloned();
        if let Some(seat) = of_most(&strangers).and_then(oldest_stranger) {
            return Some(seat);
        }
        let of_all = || self.by_address.values().filter_map(oldest_stranger).min_by_key(|seat| seat.number);
        if own == 0
            && let Some(seat) = of_all()
        {
            return Some(seat);
        }
        of_most(&BTreeMap::len).and_then(|seats| seats.values().next().cloned())
    }

    fn of(&self, address: IpAddr) -> usize {
        self.by_address.get(&address).map_or(0, BTreeMap::len)
    }

    fn near(&self, address: IpAddr) -> usize {
        network(address).and_then(|network| self.by_network.get(&network)).copied().unwrap_or(0)
    }
}
