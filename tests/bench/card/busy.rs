//! Many terminals at few readers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use engawa::card::machine::Event;
use engawa::card::{Opened, Purpose, Session, SessionId, Stage, Terminal, Wish};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::direct::{Hand, Manner, OPEN};
use super::room::{CHALLENGE, Found, Room, sign};
use crate::report::median;

/// What a terminal comes for.
pub(super) struct Errand {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    what: What,
    /// Milliseconds that the card takes for each command; without, as fast as the virtual card can.
    card: Option<u64>,
}

impl Errand {
    /// Whether it is held against the goal: at a card's pace.
    pub(super) const fn counts(&self) -> bool {
        self.card.is_some()
    }
}

#[derive(Clone, Copy)]
enum What {
    Command,
    Certificate,
    Identification,
}

pub(super) const ERRANDS: [Errand; 5] = [
    Errand { name: "command", title: "one command", what: What::Command, card: None },
    Errand { name: "certificate", title: "kind and certificate", what: What::Certificate, card: None },
    Errand { name: "identification", title: "identification", what: What::Identification, card: None },
    Errand { name: "slow command", title: "one command of 20 ms", what: What::Command, card: Some(20) },
    Errand {
        name: "slow identification",
        title: "identification, 5 ms a command",
        what: What::Identification,
        card: Some(5),
    },
];

const TERMINALS: usize = 64;
const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_secs(2);

pub(super) async fn throughput(room: &Arc<Room>, found: &mut Found) {
    let turns = Arc::new(Turns::default());
    let announcer = tokio::spawn(announce(room.clone(), turns.clone()));
    for errand in ERRANDS {
        for port in &room.ports {
            room.vcard.clear_faults(*port);
            if let Some(ms) = errand.card {
                room.vcard.fault(*port, json!({"kind": "slow", "ms": ms, "times": 0}));
            }
        }
        let (mut broker, mut hand) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            broker.push(with_broker(room, &turns, errand.what).await);
            hand.push(by_hand(room, errand.what).await);
        }
        found.insert(format!("busy {} broker", errand.name), median(broker));
        found.insert(format!("busy {} hand", errand.name), median(hand));
    }
    announcer.abort();
}

/// Errands a second of threads that have a reader each.
async fn by_hand(room: &Arc<Room>, what: What) -> f64 {
    let (gate, over) = (Arc::new(Barrier::new(room.readers.len() + 1)), Arc::new(AtomicBool::new(false)));
    let mut threads = Vec::new();
    for reader in room.readers.clone() {
        let (gate, over) = (gate.clone(), over.clone());
        threads.push(std::thread::spawn(move || {
            let hand = Hand::new(&reader);
            let run = || {
                hand.job(|wire| match what {
                    What::Command => drop(wire.ask(&OPEN)),
                    What::Certificate => drop(wire.certificate(Manner::Same)),
                    What::Identification => assert!(!wire.identify(CHALLENGE, Manner::Same).is_zero()),
                });
            };
            run();
            gate.wait();
            let mut done: u64 = 0;
            while !over.load(Ordering::Relaxed) {
                run();
                done += u64::from(!over.load(Ordering::Relaxed));
            }
            done
        }));
    }
    tokio::task::spawn_blocking(move || gate.wait()).await.unwrap();
    tokio::time::sleep(TIME).await;
    over.store(true, Ordering::Relaxed);
    let done = tokio::task::spawn_blocking(|| threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>());
    done.await.unwrap() as f64 / TIME.as_secs_f64()
}

/// Errands a second of the terminals.
async fn with_broker(room: &Arc<Room>, turns: &Arc<Turns>, what: What) -> f64 {
    let over = Instant::now() + TIME;
    let mut terminals = Vec::new();
    for number in 0..TERMINALS {
        let (room, turns) = (room.clone(), turns.clone());
        terminals.push(tokio::spawn(async move {
            let terminal = Terminal(format!("terminal-{number}"));
            let mut done: u64 = 0;
            while Instant::now() < over {
                let session = its_turn(&room, &turns, &terminal).await;
                run(&session, what).await;
                session.close().unwrap();
                done += u64::from(Instant::now() < over);
            }
            done
        }));
    }
    let mut done = 0;
    for terminal in terminals {
        done += terminal.await.unwrap();
    }
    done as f64 / TIME.as_secs_f64()
}

async fn run(session: &Session, what: What) {
    match what {
        What::Command => assert_eq!(session.apdu(vec![OPEN.to_vec()]).await.unwrap(), [[0x90, 0x00]]),
        What::Certificate => assert!(session.certificate().await.unwrap().1.is_some()),
        What::Identification => assert_eq!(sign(session).await.tries_left, 3),
    }
}

/// Asks for any reader and waits, as a terminal does, until the events tell of its turn.
async fn its_turn(room: &Room, turns: &Turns, terminal: &Terminal) -> Session {
    let opened = room.cards.open(terminal, &Wish::Any, Purpose::Application, Duration::from_secs(60)).unwrap();
    let (Opened::Granted(view) | Opened::Waiting(view)) = &opened;
    let session = room.cards.session(terminal, view.id).unwrap();
    if matches!(opened, Opened::Waiting(_)) {
        let turn = turns.of(view.id);
        // It may have come before anybody listened.
        if session.view().unwrap().stage == Stage::Waiting {
            turn.await.unwrap();
        }
    }
    session
}

/// Those who wait for their turn.
#[derive(Default)]
struct Turns(Mutex<HashMap<SessionId, oneshot::Sender<()>>>);

impl Turns {
    fn of(&self, id: SessionId) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().unwrap().insert(id, sender);
        receiver
    }
}

/// Tells each terminal of its turn: one reader of the events for all, as the local endpoint is to its listeners.
async fn announce(room: Arc<Room>, turns: Arc<Turns>) {
    let events = room.cards.events();
    let (mut news, mut cursor) = (events.watch(), events.newest());
    while news.changed().await.is_ok() {
        for event in events.after(cursor, usize::MAX).expect("the history is long enough") {
            cursor = event.cursor;
            if let Event::Session { id, stage: Stage::Granted(_), .. } = event.event
                && let Some(turn) = turns.0.lock().unwrap().remove(&id)
            {
                let _ = turn.send(());
            }
        }
    }
}
