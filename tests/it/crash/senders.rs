//! Software of the facility: several programs that post opinions, each under a key of its own, and post again with the
//! same `Idempotency-Key` when the line breaks, as `docs/api.md` asks of them. Every 202 is a promise that is written down.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::gateway::{Gateway, opinion, submission};
use crate::support::http::{Answer, Ask};

/// A 202 that somebody received.
#[derive(Clone)]
pub(crate) struct Promise {
    pub(crate) id: String,
    pub(crate) sha256: String,
    /// When the answer had come.
    pub(crate) received: Instant,
    request: Ask,
    socket: PathBuf,
}

/// What the senders share.
struct Shared {
    promises: Mutex<Vec<Promise>>,
    /// Opinions that may still be begun.
    permits: Mutex<u32>,
    permitted: Condvar,
    ending: AtomicBool,
    /// Nobody wants the answers any more.
    given_up: AtomicBool,
    /// Requests whose answer did not come.
    lost: AtomicU64,
    /// Opinions that were posted once and never asked about again.
    abandoned: AtomicU64,
    /// Refusals by code, for the reader of a failure.
    refusals: Mutex<Vec<String>>,
}

/// The programs.
pub(crate) struct Senders {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Senders {
    /// Starts `count` programs, for which the running gateway makes keys. They wait for [`Senders::permit`].
    pub(crate) fn start(gateway: &Gateway, count: u64, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            promises: Mutex::default(),
            permits: Mutex::new(0),
            permitted: Condvar::new(),
            ending: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            refusals: Mutex::default(),
        });
        let program = |n: u64| {
            let dice = StdRng::seed_from_u64(seed ^ n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let key = gateway.key(&format!("sender {n}"));
            let program = Program { shared: shared.clone(), socket: gateway.socket(), key, dice, name: n };
            std::thread::spawn(move || program.run())
        };
        let threads = (1..=count).map(program).collect();
        Self { shared, threads }
    }

    /// Lets `more` opinions be begun.
    pub(crate) fn permit(&self, more: u32) {
        *self.shared.permits.lock().unwrap() += more;
        self.shared.permitted.notify_all();
    }

    /// Forgets what was permitted and has not begun.
    pub(crate) fn hush(&self) {
        *self.shared.permits.lock().unwrap() = 0;
    }

    /// The promises so far.
    pub(crate) fn promises(&self) -> Vec<Promise> {
        self.shared.promises.lock().unwrap().clone()
    }

    /// Answers that did not come.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Opinions of which nobody knows whether they were accepted.
    pub(crate) fn abandoned(&self) -> u64 {
        self.shared.abandoned.load(Ordering::Relaxed)
    }

    /// Codes of refusals, in order.
    pub(crate) fn refusals(&self) -> Vec<String> {
        self.shared.refusals.lock().unwrap().clone()
    }

    /// Lets each program bring what it has in hand to a 202 (the gateway has to run for that) and ends them.
    pub(crate) fn finish(mut self) -> Vec<Promise> {
        self.end();
        self.promises()
    }

    fn end(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        self.shared.permitted.notify_all();
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "a sender failed");
        }
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        self.shared.given_up.store(true, Ordering::SeqCst);
        self.end();
    }
}

struct Program {
    shared: Arc<Shared>,
    socket: PathBuf,
    key: String,
    dice: StdRng,
    name: u64,
}

impl Program {
    fn run(mut self) {
        let mut n = 0;
        while self.begin() {
            n += 1;
            let request = self.request(n);
            if self.dice.random_ratio(1, 32) {
                // A client that is switched off: one request, its answer heard by nobody.
                self.shared.abandoned.fetch_add(1, Ordering::Relaxed);
                let _ = request.over_unix(&self.socket);
                continue;
            }
            let Some(promise) = self.insist(&request) else { return };
            if self.dice.random_ratio(1, 16) {
                promise.hold();
            }
            self.shared.promises.lock().unwrap().push(promise);
        }
    }

    fn begin(&self) -> bool {
        let mut permits = self.shared.permits.lock().unwrap();
        loop {
            if self.shared.ending.load(Ordering::SeqCst) {
                return false;
            }
            if *permits > 0 {
                *permits -= 1;
                return true;
            }
            permits = self.shared.permitted.wait(permits).unwrap();
        }
    }

    /// One opinion; one in eight has an attachment that does not fit into a single piece of storage.
    fn request(&mut self, n: u64) -> Ask {
        let opinion = opinion(format!("{} {n}", self.name));
        let key = Uuid::from_u128(self.dice.random()).to_string();
        let request = submission(&opinion, &key).key(&self.key);
        if !self.dice.random_ratio(1, 8) {
            return request;
        }
        let mut pdf = b"%PDF-1.7\n".to_vec();
        pdf.resize(self.dice.random_range(40_000..160_000), b'%');
        let json = json!({ "opinion": opinion }).to_string();
        let mut body = format!(
            "--bb\r\ncontent-disposition: form-data; name=\"opinion\"\r\ncontent-type: application/json\r\n\r\n{json}\r\n\
             --bb\r\ncontent-disposition: form-data; name=\"attachment\"; filename=\"a.pdf\"\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(&pdf);
        body.extend_from_slice(b"\r\n--bb--\r\n");
        let headers = request.headers.into_iter().filter(|(name, _)| name != "content-type").collect();
        Ask { headers, body, ..request }.header("content-type", "multipart/form-data; boundary=bb")
    }

    /// Posts until there is a 202. `None` when the test has failed meanwhile.
    fn insist(&self, request: &Ask) -> Option<Promise> {
        loop {
            match request.over_unix(&self.socket) {
                Ok(answer) if answer.status == 202 => return Some(promise(&answer, request, &self.socket)),
                Ok(answer) => self.refused(&answer),
                Err(_) => {
                    self.shared.lost.fetch_add(1, Ordering::Relaxed);
                }
            }
            if self.shared.given_up.load(Ordering::SeqCst) {
                return None;
            }
            breathe();
        }
    }

    fn refused(&self, answer: &Answer) {
        let code = answer.code();
        let later = matches!(answer.status, 503 | 507 | 500);
        assert!(later, "a sound opinion was refused: {answer:?}");
        let mut refusals = self.shared.refusals.lock().unwrap();
        if refusals.last() != Some(&code) {
            refusals.push(code);
        }
    }
}

#[allow(clippy::disallowed_methods)] // What came before a power cut is told by the machine's clock.
fn promise(answer: &Answer, request: &Ask, socket: &std::path::Path) -> Promise {
    let received = Instant::now();
    let json = answer.json();
    let text = |name: &str| json[name].as_str().unwrap().to_owned();
    Promise { id: text("id"), sha256: text("sha256"), received, request: request.clone(), socket: socket.to_owned() }
}

impl Promise {
    /// The same request again has to get the same answer, if it gets one.
    fn hold(&self) {
        let Ok(again) = self.request.over_unix(&self.socket) else { return };
        if again.status == 202 {
            let json: Value = again.json();
            assert_eq!((&json["id"], &json["sha256"]), (&json!(self.id), &json!(self.sha256)), "{again:?}");
        }
    }
}

/// A client's pause before it tries again.
#[allow(clippy::disallowed_methods)]
fn breathe() {
    std::thread::sleep(Duration::from_millis(3));
}
