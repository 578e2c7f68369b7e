//! One line is one connection: whose it is, whether it is busy, and the knife.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Who holds the other end, from the client certificate.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// CN: the facility's number.
    pub(crate) facility: String,
    /// OU: the kind of certificate.
    pub(crate) kind: String,
    /// SHA-256 of the certificate; tokens are bound to it.
    pub(crate) fingerprint: String,
}

/// A connection after its handshake.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) identity: Identity,
    /// Cancelling it drops the connection.
    pub(crate) knife: CancellationToken,
    /// The next answer goes out twice.
    pub(crate) twice: AtomicBool,
    busy: AtomicUsize,
}

/// A request in progress.
pub(crate) struct Busy<'a>(&'a Line);

impl Line {
    pub(crate) fn new(identity: Identity, knife: CancellationToken) -> Arc<Self> {
        Arc::new(Self { identity, knife, twice: AtomicBool::new(false), busy: AtomicUsize::new(0) })
    }

    /// Marks a request in progress until the guard is dropped.
    pub(crate) fn busy(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All connections, and counts of them since the start.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    open: Mutex<Vec<Weak<Line>>>,
    /// New connections by the client certificate they showed, by its hash.
    shown: Mutex<BTreeMap<String, (Identity, u64)>>,
    pub(crate) accepted: AtomicU64,
    pub(crate) handshakes: AtomicU64,
    pub(crate) failed_handshakes: AtomicU64,
}

impl Lines {
    pub(crate) fn add(&self, line: &Arc<Line>) {
        self.handshakes.fetch_add(1, Ordering::Relaxed);
        let identity = &line.identity;
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.entry(identity.fingerprint.clone()).or_insert_with(|| (identity.clone(), 0)).1 += 1;
        drop(shown);
        let mut open = self.open();
        open.retain(|line| line.strong_count() > 0);
        open.push(Arc::downgrade(line));
    }

    /// Closes connections without a word: the idle ones, or all. Returns how many.
    pub(crate) fn close(&self, idle_only: bool) -> usize {
        let lines: Vec<_> = self.open().iter().filter_map(Weak::upgrade).collect();
        let mut closed = 0;
        for line in lines {
            if !idle_only || line.busy.load(Ordering::Relaxed) == 0 {
                line.knife.cancel();
                closed += 1;
            }
        }
        closed
    }

    /// Counts for the control API.
    pub(crate) fn facts(&self) -> Value {
        let mut open: BTreeMap<String, u64> = BTreeMap::new();
        for line in self.open().iter().filter_map(Weak::upgrade).filter(|line| !line.knife.is_cancelled()) {
            *open.entry(line.identity.facility.clone()).or_default() += 1;
        }
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let certificate = |(sha256, (identity, count)): (&String, &(Identity, u64))| json!({"facility": identity.facility, "kind": identity.kind, "sha256": sha256, "handshakes": count});
        let certificates: Vec<_> = shown.iter().map(certificate).collect();
        json!({
            "accepted": self.accepted.load(Ordering::Relaxed), "handshakes": self.handshakes.load(Ordering::Relaxed),
            "failed_handshakes": self.failed_handshakes.load(Ordering::Relaxed), "open": open, "certificates": certificates,
        })
    }

    fn open(&self) -> MutexGuard<'_, Vec<Weak<Line>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
