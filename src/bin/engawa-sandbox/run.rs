//! `engawa-sandbox hub`: everything together.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

use crate::cli::{Failure, HubArgs};
use crate::clock::Clock;
use crate::digest::derive;
use crate::faults::{Call, Fault, Faults};
use crate::hub::{Event, Hub, Journal, Manners, Units};
use crate::net::{Certificates, Lines, Reserved, listen};
use crate::world::World;
use crate::{control, folder};

/// All a request or an order may need.
pub(crate) struct Sandbox {
    pub(crate) dir: PathBuf,
    pub(crate) world: World,
    pub(crate) clock: Clock,
    pub(crate) lines: Lines,
    pub(crate) power: Power,
    pub(crate) certificates: Certificates,
    pub(crate) always_200: bool,
    boots: u64,
    hub: Mutex<Hub>,
    faults: Mutex<Faults>,
    calls: Mutex<BTreeMap<String, u64>>,
    traces: AtomicU64,
    at_work: AtomicU64,
}

/// A request whose effect is still to come, or in progress.
pub(crate) struct AtWork(Arc<Sandbox>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Sandbox {
    /// The hub's memory; hold it shortly.
    pub(crate) fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults ordered.
    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and takes the fault it meets.
    pub(crate) fn meet(&self, call: Call<'_>) -> Option<Fault> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry(call.operation.to_owned()).or_default() += 1;
        self.faults().take(call)
    }

    /// Calls since the start, by operation.
    pub(crate) fn calls(&self) -> Value {
        json!(*self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a request as being worked on until the guard is dropped.
    pub(crate) fn begin_work(self: &Arc<Self>) -> AtWork {
        self.at_work.fetch_add(1, Ordering::Relaxed);
        AtWork(Arc::clone(self))
    }

    /// Requests that are being worked on, also those whose client has gone.
    pub(crate) fn at_work(&self) -> u64 {
        self.at_work.load(Ordering::Relaxed)
    }

    /// A fresh trace id.
    pub(crate) fn trace_id(&self) -> String {
        let number = self.traces.fetch_add(1, Ordering::Relaxed);
        derive(self.world.seed, &format!("trace/{}", self.boots), number, 16)
    }

    /// Says on standard error what is wrong with the sandbox itself.
    pub(crate) fn complain(&self, about: &str, failure: &Failure) {
        eprintln!("engawa-sandbox: {about}: {failure}");
    }
}

/// The power switch: what is wanted, and what is.
pub(crate) struct Power {
    wanted: watch::Sender<bool>,
    actual: watch::Sender<bool>,
}

impl Power {
    fn new(up: bool) -> Self {
        Self { wanted: watch::channel(up).0, actual: watch::channel(false).0 }
    }

    pub(crate) fn wanted(&self) -> watch::Receiver<bool> {
        self.wanted.subscribe()
    }

    pub(crate) fn is(&self, up: bool) {
        self.actual.send_replace(up);
    }

    pub(crate) fn is_up(&self) -> bool {
        *self.actual.borrow()
    }

    /// Switches, and waits until it is so.
    pub(crate) async fn switch(&self, up: bool) {
        self.wanted.send_replace(up);
        let _ = self.actual.subscribe().wait_for(|actual| *actual == up).await;
    }
}

/// Runs the hub until a signal (or the end of standard input).
pub(crate) fn hub(args: &HubArgs) -> Result<(), Failure> {
    if !args.control.ip().is_loopback() {
        return Err("--control has to be a loopback address: it asks nobody who they are".into());
    }
    let world = folder::open(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let done = runtime.block_on(run(args, world));
    runtime.shutdown_background();
    done
}

async fn run(args: &HubArgs, world: World) -> Result<(), Failure> {
    let sandbox = Arc::new(open(args, world)?);
    let (hub, steering) = {
        let _inside = tokio::runtime::Handle::current();
        let port = |member| folder::last(&args.dir, member);
        (Reserved::new(args.listen, port("hub_port"))?, Reserved::new(args.control, port("control_port"))?)
    };
    let ready = folder::announce(&args.dir, &sandbox.world, hub.port(), steering.port())?;
    let orders = control::listen(steering.open()?, Arc::clone(&sandbox));
    let calls = listen(hub, Arc::clone(&sandbox));
    let announcement = async {
        let _ = sandbox.power.switch(!args.down).await;
        announce(&ready);
        stopped(args.until_stdin_ends).await
    };
    tokio::select! {
        done = orders => done,
        done = calls => done,
        done = announcement => done,
    }
}

fn open(args: &HubArgs, world: World) -> Result<Sandbox, Failure> {
    let clock = Clock::default();
    let path = args.state.clone().unwrap_or_else(|| args.dir.join("journal.jsonl"));
    let (journal, events) = Journal::open(&path, !args.no_fsync)?;
    let units = match &args.state {
        // Two records are two hubs, each with units of its own.
        Some(state) => PathBuf::from(format!("{}.units", state.display())),
        None => args.dir.join("units"),
    };
    let units = Units::open(units, !args.no_fsync)?;
    let mut hub = Hub::open(&world, Manners::of(args), journal, units, events, clock.now())?;
    if let Some(offset_ms) = args.start.map(Clock::offset_for) {
        hub.commit(Event::Clock { offset_ms })?;
    }
    clock.put(hub.clock_offset_ms().unwrap_or(0));
    Ok(Sandbox {
        dir: args.dir.clone(),
        certificates: Certificates::load(&args.dir, &clock)?,
        world,
        clock,
        lines: Lines::default(),
        power: Power::new(!args.down),
        always_200: args.always_200,
        boots: hub.boots,
        hub: Mutex::new(hub),
        faults: Mutex::default(),
        calls: Mutex::default(),
        traces: AtomicU64::new(0),
        at_work: AtomicU64::new(0),
    })
}

/// One line for programs and people: the hub is ready, and where.
fn announce(ready: &Value) {
    let line = json!({"ready": true, "hub": ready["hub"], "control": ready["control"], "ca": ready["ca"], "pid": ready["pid"]});
    println!("{line}");
    let _ = std::io::stdout().flush();
}

/// Waits for a signal, or for the end of standard input.
pub(crate) async fn stopped(until_stdin_ends: bool) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let (ended, end) = oneshot::channel();
    let mut ended = Some(ended);
    if let Some(ended) = ended.take_if(|_| until_stdin_ends) {
        // A thread of its own: reading a terminal cannot be called off.
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            let _ = ended.send(());
        });
    }
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = end => {}
    }
    Ok(())
}
