//! One terminal, one reader: a command, and an identification.

use std::sync::Arc;
use std::time::Duration;

use engawa::card::Session;
use tokio::time::Instant;

use super::direct::{Hand, Manner, OPEN};
use super::room::{CHALLENGE, Found, Room, Times, sign};

const US: f64 = 1e-6;

/// Turns, and commands of each kind in a turn. The first turn warms up and is not counted.
const COMMANDS: (usize, usize) = (100, 20);
/// Turns, each one identification of each kind.
const IDENTIFICATIONS: usize = 200;
/// The broker answers a moment before it lets go of the card, and who comes in that moment waits for pcscd's next look at
/// the lock, 100 ms later. So each side lets the other finish.
const PAUSE: Duration = Duration::from_millis(3);

pub(super) async fn round_trip(room: &Arc<Room>, found: &mut Found) {
    let (mut broker, mut by_hand, mut bare) = (Times::default(), Times::default(), Times::default());
    let session = room.session(0);
    let mut hand = Hand::new(&room.readers[0]);
    for turn in 0..=COMMANDS.0 {
        tokio::time::sleep(PAUSE).await;
        for _ in 0..COMMANDS.1 {
            let begin = Instant::now();
            let answers = session.apdu(vec![OPEN.to_vec()]).await.unwrap();
            note(&mut broker, turn, begin.elapsed());
            assert_eq!(answers, [[0x90, 0x00]]);
        }
        tokio::time::sleep(PAUSE).await;
        let times = tokio::task::spawn_blocking(move || {
            let whole: Vec<_> = (0..COMMANDS.1).map(|_| timed(|| hand.job(|wire| wire.ask(&OPEN)))).collect();
            let bare = hand.job(|wire| (0..COMMANDS.1).map(|_| timed(|| wire.ask(&OPEN))).collect::<Vec<_>>());
            (hand, whole, bare)
        });
        let (back, whole, alone) = times.await.unwrap();
        hand = back;
        whole.into_iter().for_each(|time| note(&mut by_hand, turn, time));
        alone.into_iter().for_each(|time| note(&mut bare, turn, time));
    }
    session.close().unwrap();
    broker.note(found, "apdu broker", US);
    by_hand.note(found, "apdu hand", US);
    bare.note(found, "apdu bare", US);
}

pub(super) async fn identification(room: &Arc<Room>, found: &mut Found) {
    let mut broker = Times::default();
    let (mut by_hand, mut lean, mut signing) = (Times::default(), Times::default(), Times::default());
    let session = room.session(0);
    let mut hand = Hand::new(&room.readers[0]);
    for turn in 0..=IDENTIFICATIONS {
        // Each goes first in every other turn.
        if turn % 2 == 0 {
            note(&mut broker, turn, identified(&session).await);
        }
        tokio::time::sleep(PAUSE).await;
        let times = tokio::task::spawn_blocking(move || {
            let mut signing = Duration::ZERO;
            let same = timed(|| signing = hand.job(|wire| wire.identify(CHALLENGE, Manner::Same)));
            (hand, same, signing)
        });
        let (back, same, signed) = times.await.unwrap();
        if turn % 2 == 1 {
            note(&mut broker, turn, identified(&session).await);
        }
        tokio::time::sleep(PAUSE).await;
        let times = tokio::task::spawn_blocking(move || {
            let lean = timed(|| back.job(|wire| wire.identify(CHALLENGE, Manner::Lean)));
            (back, lean)
        });
        let least;
        (hand, least) = times.await.unwrap();
        note(&mut by_hand, turn, same);
        note(&mut lean, turn, least);
        note(&mut signing, turn, signed);
    }
    session.close().unwrap();
    broker.note(found, "identify broker", US);
    by_hand.note(found, "identify hand", US);
    lean.note(found, "identify lean", US);
    signing.note(found, "identify signing", US);
    let pairs = |one: &Times, other: &Times| {
        let pairs = one.all().iter().zip(other.all());
        crate::report::median(pairs.map(|(one, other)| (one.as_secs_f64() - other.as_secs_f64()) / US).collect())
    };
    found.insert("identify hand net".to_owned(), pairs(&by_hand, &signing));
    found.insert("identify added".to_owned(), pairs(&broker, &by_hand));
}

async fn identified(session: &Session) -> Duration {
    tokio::time::sleep(PAUSE).await;
    let begin = Instant::now();
    let signed = sign(session).await;
    let took = begin.elapsed();
    assert_eq!(signed.tries_left, 3);
    took
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begin = Instant::now();
    let result = work();
    let took = begin.elapsed();
    drop(result);
    took
}

fn note(times: &mut Times, turn: usize, time: Duration) {
    if turn > 0 {
        times.push(time);
    }
}
