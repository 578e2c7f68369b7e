//! Care software of an office: one program that knows only folders and drops units into `out`, one that posts them, and one
//! that takes away what appears in `in`. What they did stands in a book.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use uuid::Uuid;

use super::stock::{Named, Stock, Unit, zipped};
use super::writer::Writer;
use crate::crash::pause;
use crate::support::http::Ask;

/// How files were put into `out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// One by one.
    Files,
    /// In a ZIP.
    Archive,
    /// To an office that does not take part, and then on paper.
    Paper,
    /// Something is wrong with them.
    Unfit,
    /// What lies in `sent` already.
    Again,
}

/// What was put into `out` together.
#[derive(Clone)]
pub(crate) struct Dropped {
    pub(crate) way: Way,
    /// What the hub has to get of it.
    pub(crate) units: Vec<Unit>,
    pub(crate) files: Vec<Named>,
    /// The machine stood still while they were written, so that a part may have passed for the whole.
    pub(crate) stalled: bool,
}

/// What was posted and answered with 202.
pub(crate) struct Posted {
    pub(crate) units: Vec<Unit>,
    pub(crate) batch: String,
}

/// A file taken from `in`.
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// In which look at the folder.
    pub(crate) look: u32,
}

/// What the programs did.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) dropped: Vec<Dropped>,
    pub(crate) posted: Vec<Posted>,
    pub(crate) found: Vec<Found>,
}

/// What the programs share.
pub(super) struct Shared {
    pub(super) book: Mutex<Book>,
    pub(super) stock: Stock,
    /// `exchange/<facility>`.
    pub(super) base: PathBuf,
    socket: PathBuf,
    stamps: AtomicU32,
    /// Drops and posts that may still be begun.
    permits: [Mutex<u32>; 2],
    permitted: [Condvar; 2],
    ending: AtomicBool,
    closed: AtomicBool,
    /// Nobody wants to know any more.
    given_up: AtomicBool,
    lost: AtomicU64,
    repeated: AtomicU64,
}

/// The programs.
pub(crate) struct Software {
    shared: Arc<Shared>,
    writers: Vec<JoinHandle<()>>,
    reader: Option<JoinHandle<()>>,
}

impl Software {
    pub(crate) fn start(stock: Stock, base: PathBuf, socket: PathBuf, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            book: Mutex::default(),
            stock,
            base,
            socket,
            stamps: AtomicU32::new(0),
            permits: Default::default(),
            permitted: Default::default(),
            ending: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
        });
        let dice = |n: u64| StdRng::seed_from_u64(seed ^ n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let writer = Writer::new(shared.clone(), dice(1));
        let poster = Poster { shared: shared.clone(), dice: dice(2) };
        let writers = vec![std::thread::spawn(move || writer.run()), std::thread::spawn(move || poster.run())];
        let (reading, mut dice) = (shared.clone(), dice(3));
        let reader = Some(std::thread::spawn(move || reading.read(&mut dice)));
        Self { shared, writers, reader }
    }

    /// Lets more be dropped and posted.
    pub(crate) fn permit(&self, drops: u32, posts: u32) {
        for (at, more) in [drops, posts].into_iter().enumerate() {
            *self.shared.permits[at].lock().unwrap() += more;
            self.shared.permitted[at].notify_all();
        }
    }

    /// Forgets what was permitted and has not begun.
    pub(crate) fn hush(&self) {
        self.shared.permits.iter().for_each(|permits| *permits.lock().unwrap() = 0);
    }

    /// What was done so far.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Book) -> T) -> T {
        look(&self.shared.book.lock().unwrap())
    }

    /// Answers to posts that did not come, and posts that were repeated after their 202.
    pub(crate) fn lost_and_repeated(&self) -> (u64, u64) {
        (self.shared.lost.load(Ordering::Relaxed), self.shared.repeated.load(Ordering::Relaxed))
    }

    /// Lets the programs bring to an end what they have in hand, for which the gateway has to run; `in` is still emptied.
    pub(crate) fn finish_writing(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        self.shared.permitted.iter().for_each(Condvar::notify_all);
        for thread in self.writers.drain(..) {
            assert!(thread.join().is_ok() || std::thread::panicking(), "care software failed");
        }
    }

    /// Ends the last program.
    pub(crate) fn close(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        if let Some(reader) = self.reader.take() {
            assert!(reader.join().is_ok() || std::thread::panicking(), "the reader failed");
        }
    }
}

impl Drop for Software {
    fn drop(&mut self) {
        self.shared.given_up.store(true, Ordering::SeqCst);
        self.finish_writing();
        self.close();
    }
}

impl Shared {
    /// Waits a little until another drop (0) or post (1) may be begun; false when none may yet.
    pub(super) fn begin(&self, which: usize) -> bool {
        let permits = self.permits[which].lock().unwrap();
        let none = |permits: &mut u32| *permits == 0 && !self.is_ending();
        let waited = self.permitted[which].wait_timeout_while(permits, Duration::from_millis(50), none);
        let mut permits = waited.unwrap().0;
        let granted = *permits > 0 && !self.is_ending();
        *permits -= u32::from(granted);
        granted
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    pub(super) fn has_given_up(&self) -> bool {
        self.given_up.load(Ordering::SeqCst)
    }

    /// A stamp that nobody has used, later than all others.
    pub(super) fn stamp(&self) -> String {
        let n = self.stamps.fetch_add(1, Ordering::SeqCst);
        format!("202606{:02}{:02}{:02}{:02}", 1 + n / 86_400, n / 3600 % 24, n / 60 % 60, n % 60)
    }

    /// Takes away what is in `in`, some time after it got there.
    fn read(&self, dice: &mut StdRng) {
        let folder = self.base.join("in");
        for look in 0.. {
            if self.closed.load(Ordering::SeqCst) {
                return;
            }
            pause(Duration::from_millis(dice.random_range(1..60)));
            let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
            let found: Vec<Found> = entries
                .map(|path| {
                    let (name, bytes) = (path.file_name().unwrap().to_str().unwrap(), std::fs::read(&path).unwrap());
                    std::fs::remove_file(&path).unwrap();
                    Found { name: name.to_owned(), bytes, look }
                })
                .collect();
            self.book.lock().unwrap().found.extend(found);
        }
    }
}

/// Posts units, again and again until there is a 202.
struct Poster {
    shared: Arc<Shared>,
    dice: StdRng,
}

impl Poster {
    fn run(mut self) {
        while !self.shared.is_ending() {
            if !self.shared.begin(1) {
                continue;
            }
            let count = self.dice.random_range(1..=2);
            let units: Vec<Unit> =
                (0..count).map(|_| self.shared.stock.unit(&self.shared.stamp(), &mut self.dice)).collect();
            let ask = self.request(&units);
            let Some(batch) = self.insist(&ask) else { return };
            if self.dice.random_ratio(1, 3) {
                self.shared.repeated.fetch_add(1, Ordering::Relaxed);
                if let Some(again) = self.post(&ask) {
                    assert_eq!(again, batch, "the same request again is the same batch");
                }
            }
            self.shared.book.lock().unwrap().posted.push(Posted { units, batch });
        }
    }

    fn request(&mut self, units: &[Unit]) -> Ask {
        let files = || units.iter().flat_map(|unit| &unit.files);
        let (kind, body) = match self.dice.random_range(0..3) {
            0 => {
                let units: Vec<_> = units.iter().map(Unit::json).collect();
                ("application/json", json!({ "units": units }).to_string().into_bytes())
            }
            1 => ("application/zip", zipped(files())),
            _ => {
                let mut body = Vec::new();
                for (name, bytes) in files() {
                    let about = format!("content-disposition: form-data; name=\"file\"; filename=\"{name}\"");
                    body.extend_from_slice(format!("--bb\r\n{about}\r\n\r\n").as_bytes());
                    body.extend_from_slice(bytes);
                    body.extend_from_slice(b"\r\n");
                }
                body.extend_from_slice(b"--bb--\r\n");
                ("multipart/form-data; boundary=bb", body)
            }
        };
        let key = Uuid::from_u128(self.dice.random()).to_string();
        let ask = Ask::new("POST", "/v1/careplans").header("idempotency-key", &key).header("content-type", kind);
        Ask { body, ..ask }
    }

    fn insist(&self, ask: &Ask) -> Option<String> {
        while !self.shared.has_given_up() {
            if let Some(batch) = self.post(ask) {
                return Some(batch);
            }
            pause(Duration::from_millis(15));
        }
        None
    }

    fn post(&self, ask: &Ask) -> Option<String> {
        match ask.over_unix(&self.shared.socket) {
            Ok(answer) if answer.status == 202 => Some(answer.json()["id"].as_str().unwrap().to_owned()),
            Ok(answer) => {
                assert_eq!(answer.code(), "GATEWAY_BUSY", "{answer:?}");
                None
            }
            Err(_) => {
                self.shared.lost.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }
}
