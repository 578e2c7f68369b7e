//! What the hub remembers. Every change is an [`Event`]: written to the journal first, applied second, and applied again
//! from the journal at the next start, so that a killed hub comes back with the same record.

pub(crate) mod accounts;
mod cursor;
mod event;
mod facts;
mod feed;
mod filings;
pub(crate) mod identity;
mod insurers;
mod journal;
pub(crate) mod plans;
mod refusal;
pub(crate) mod register;
mod seen;
mod sessions;
mod units;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::cli::{Failure, HubArgs};
use crate::world::{Municipality, Request, World};
use accounts::Account;
pub(crate) use event::{Asked, Event};
pub(crate) use feed::MunicipalState;
use filings::Filing;
pub(crate) use filings::{Known, Paper};
use identity::{Assertion, Challenges};
pub(crate) use journal::Journal;
use plans::Plans;
pub(crate) use refusal::{HubError, Refusal};
use seen::Seen;
use sessions::Sessions;
pub(crate) use sessions::Tokens;
pub(crate) use units::Units;

/// A key is the facility's own.
pub(crate) type Key = (String, Uuid);

/// How the hub behaves where the profile leaves it open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    pub(crate) forward_after: Option<SignedDuration>,
    pub(crate) accept_after: Option<SignedDuration>,
    pub(crate) page: usize,
}

impl Manners {
    pub(crate) fn of(args: &HubArgs) -> Self {
        Self {
            forward_after: args.forward_after.0,
            accept_after: args.accept_after.0,
            page: usize::try_from(args.page).unwrap_or(100),
        }
    }
}

/// The hub's memory.
pub(crate) struct Hub {
    pub(crate) manners: Manners,
    pub(crate) seed: u64,
    /// Starts so far: part of tokens and trace ids, so that none is given twice.
    pub(crate) boots: u64,
    journal: Journal,
    units: Units,
    accounts: BTreeMap<String, Account>,
    sessions: Sessions,
    municipalities: Vec<Municipality>,
    requests: Vec<Request>,
    filings: Vec<Filing>,
    by_receipt: HashMap<String, usize>,
    known: HashMap<Key, Known>,
    seen: Seen,
    feed: Vec<feed::Change>,
    due: BTreeSet<(Timestamp, usize)>,
    challenges: Challenges,
    assertions: Vec<Assertion>,
    plans: Plans,
    /// Facilities that an order put on the hub or took off it, by number.
    participation: BTreeMap<String, bool>,
    /// Certificates of cards that an order revoked or took back, by serial number.
    revoked: BTreeMap<String, bool>,
    /// Cursors of an earlier generation have expired.
    cursors: u64,
    minted: u64,
    clock_offset_ms: Option<i64>,
}

impl Hub {
    /// Replays the journal over the world.
    pub(crate) fn open(
        world: &World,
        manners: Manners,
        journal: Journal,
        units: Units,
        events: Vec<Event>,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let mut hub = Self {
            manners,
            seed: world.seed,
            boots: 0,
            journal,
            units,
            accounts: accounts::all(world),
            sessions: Sessions::default(),
            municipalities: world.municipalities.clone(),
            requests: world.requests.clone(),
            filings: Vec::new(),
            by_receipt: HashMap::new(),
            known: HashMap::new(),
            seen: Seen::default(),
            feed: Vec::new(),
            due: BTreeSet::new(),
            challenges: Challenges::default(),
            assertions: Vec::new(),
            plans: Plans::default(),
            participation: BTreeMap::new(),
            revoked: BTreeMap::new(),
            cursors: 0,
            minted: 0,
            clock_offset_ms: None,
        };
        for event in events {
            hub.apply(event);
        }
        hub.commit(Event::Started { at: now })?;
        Ok(hub)
    }

    /// Makes a change durable, then effective.
    pub(crate) fn commit(&mut self, event: Event) -> Result<(), Failure> {
        self.journal.append(&event)?;
        self.apply(event);
        Ok(())
    }

    /// Where the clock was left, in milliseconds ahead of the machine's.
    pub(crate) fn clock_offset_ms(&self) -> Option<i64> {
        self.clock_offset_ms
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Started { .. } => self.boots += 1,
            Event::Clock { offset_ms } => self.clock_offset_ms = Some(offset_ms),
            Event::Seen { facility, key, sha256 } => self.seen.note((facility, key), sha256),
            Event::Filed(filed) => self.apply_filed(*filed),
            Event::Refused(refused) => self.apply_refused(*refused),
            Event::Moved { receipt_number, state, at, reason } => self.apply_moved(&receipt_number, state, at, reason),
            Event::Account { user_id, failures, locked_until, password } => {
                if let Some(account) = self.accounts.get_mut(&user_id) {
                    account.put(failures, locked_until, password);
                }
            }
            Event::Municipality(municipality) => self.put_municipality(municipality),
            Event::Requested(request) => self.requests.push(request),
            Event::Dispatched(dispatched) => self.apply_dispatched(*dispatched),
            Event::Acked(acked) => self.apply_acked(*acked),
            Event::Participation { facility, takes_part } => {
                self.participation.insert(facility, takes_part);
            }
            Event::CursorsExpired => self.cursors += 1,
            Event::Asserted(assertion) => self.assertions.push(*assertion),
            Event::Revoked { serial, revoked } => {
                self.revoked.insert(serial, revoked);
            }
        }
    }

    /// A fresh token: follows from the seed, the start and a counter.
    fn mint(&mut self, label: &str) -> String {
        self.minted += 1;
        crate::digest::derive(self.seed, &format!("{label}/{}", self.boots), self.minted, 40)
    }
}
