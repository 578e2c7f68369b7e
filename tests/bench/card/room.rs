//! The process that is measured: cards, a room over the real driver, and the same by hand. Its answer is one JSON object.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engawa::card::pcsc::{Limits, PcscDriver};
use engawa::card::{
    CardState, Cards, Config, IdentityPin, Opened, Purpose, ReaderName, ReaderState, Session, Signed, Terminal, Wish,
};
use engawa::clock::Clock;
use engawa::telemetry::{self, Format, Level};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{busy, event, single};
use crate::report::median;
use crate::vcard::{PIN, Vcard};

/// The environment variable that makes this binary a room: vpcd's ports.
pub(super) const PORTS: &str = "ENGAWA_BENCH_CARD";

pub(super) const CHALLENGE: &[u8] = b"0123456789abcdef0123456789abcdef";

const PATIENCE: Duration = Duration::from_secs(30);

/// Figures by name.
pub(super) type Found = BTreeMap<String, f64>;

/// A room, its cards and its readers in the order of the slots.
pub(super) struct Room {
    pub(super) cards: Cards,
    pub(super) vcard: Vcard,
    pub(super) ports: Vec<u16>,
    pub(super) readers: Vec<ReaderName>,
}

/// Is the room, if the environment says so.
pub(crate) fn ordered() -> bool {
    let Ok(ports) = std::env::var(PORTS) else { return false };
    let ports = ports.split(',').map(|port| port.parse().unwrap()).collect();
    // Log and metrics as in the gateway, for their price; but a panic here may say what it met.
    let hook = std::panic::take_hook();
    telemetry::init(Format::Text, Level::Warn).unwrap();
    std::panic::set_hook(hook);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("{}", serde_json::to_string(&measure(&runtime, ports)).unwrap());
    true
}

fn measure(runtime: &Runtime, ports: Vec<u16>) -> Found {
    // A disk's time would count as the card's, and make the broker's look small.
    let memory = Some(Path::new("/dev/shm")).filter(|memory| memory.is_dir());
    let memory = memory.map_or_else(std::env::temp_dir, Path::to_owned);
    let directory = tempfile::Builder::new().prefix("cards").tempdir_in(memory).unwrap();
    let holders: Vec<String> = (1..=ports.len()).map(|number| number.to_string()).collect();
    let slots: Vec<_> = holders.iter().map(String::as_str).zip(ports.iter().copied()).collect();
    let vcard = Vcard::start_with(directory.path(), &slots, &["--no-fsync"]);
    let (stop, stopped) = watch::channel(false);
    let clock = Clock::system();
    let driver = Arc::new(PcscDriver::new(clock.clone(), Limits::default()));
    let (cards, tasks) = runtime.block_on(async { Cards::start(Config::default(), driver, clock, stopped) });
    let readers = runtime.block_on(all_there(&cards, ports.len()));
    let room = Arc::new(Room { cards, vcard, ports, readers });
    // Among the runtime's own threads, where the local endpoint's requests are answered.
    let measured = runtime.spawn(async move {
        let mut found = Found::new();
        single::round_trip(&room, &mut found).await;
        single::identification(&room, &mut found).await;
        event::latency(&room, &mut found).await;
        busy::throughput(&room, &mut found).await;
        assert!(room.cards.at_rest(), "a lease has leaked");
        stop.send_replace(true);
        tasks.finished().await;
        found
    });
    runtime.block_on(measured).unwrap()
}

async fn all_there(cards: &Cards, wanted: usize) -> Vec<ReaderName> {
    let start = Instant::now();
    loop {
        let all = cards.readers();
        let there = all.iter().filter(|reader| reader.state == ReaderState::Ok && reader.card == CardState::Present);
        if there.count() == wanted {
            return all.into_iter().map(|reader| reader.name).collect();
        }
        assert!(start.elapsed() < PATIENCE, "the cards are not seen: {all:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Room {
    /// A session on a reader that is free.
    pub(super) fn session(&self, slot: usize) -> Session {
        let terminal = Terminal(format!("desk-{slot}"));
        let wish = Wish::Named(self.readers[slot].clone());
        match self.cards.open(&terminal, &wish, Purpose::Identify, Duration::ZERO).unwrap() {
            Opened::Granted(view) => self.cards.session(&terminal, view.id).unwrap(),
            Opened::Waiting(view) => panic!("not free: {view:?}"),
        }
    }
}

/// An identification as a terminal asks for it.
pub(super) async fn sign(session: &Session) -> Signed {
    let pin = IdentityPin::parse(Zeroizing::new(PIN.to_owned())).unwrap();
    session.sign(pin, CHALLENGE.to_vec(), false).await.unwrap()
}

/// Times of one kind.
#[derive(Default)]
pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The median of each so many, in seconds.
    pub(super) fn medians(&self, of: usize) -> Vec<f64> {
        self.0.chunks(of).map(|times| median(times.iter().map(Duration::as_secs_f64).collect())).collect()
    }

    /// Notes p50, p99 and the longest, in units of so many seconds.
    pub(super) fn note(&self, found: &mut Found, name: &str, unit: f64) {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        for (at, share) in [("p50", 0.5), ("p99", 0.99), ("longest", 1.0)] {
            let last = sorted.len() - 1;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let time = sorted[(last as f64 * share).ceil() as usize];
            found.insert(format!("{name} {at}"), time.as_secs_f64() / unit);
        }
    }
}
