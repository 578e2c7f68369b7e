//! One terminal, one reader: a command, and an identification.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::direct::{Hand, Manner, OPEN};
use super::room::{CHALLENGE, Found, Room, Times, sign};
use crate::report::median;

const US: f64 = 1e-6;

/// Turns, and commands of each kind in a turn. The first turn warms up and is not counted.
const COMMANDS: (usize, usize) = (100, 20);
/// The same for identifications.
const IDENTIFICATIONS: (usize, usize) = (300, 5);
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
    for turn in 0..=IDENTIFICATIONS.0 {
        tokio::time::sleep(PAUSE).await;
        for _ in 0..IDENTIFICATIONS.1 {
            let begin = Instant::now();
            let signed = sign(&session).await;
            note(&mut broker, turn, begin.elapsed());
            assert_eq!(signed.tries_left, 3);
        }
        tokio::time::sleep(PAUSE).await;
        let times = tokio::task::spawn_blocking(move || {
            let identify = |manner| {
                let mut signing = Duration::ZERO;
                let whole = timed(|| signing = hand.job(|wire| wire.identify(CHALLENGE, manner)));
                (whole, signing)
            };
            let same: Vec<_> = (0..IDENTIFICATIONS.1).map(|_| identify(Manner::Same)).collect();
            let lean: Vec<_> = (0..IDENTIFICATIONS.1).map(|_| identify(Manner::Lean)).collect();
            (hand, same, lean)
        });
        let (back, same, least) = times.await.unwrap();
        hand = back;
        for ((whole, signed), (least, _)) in same.into_iter().zip(least) {
            note(&mut by_hand, turn, whole);
            note(&mut signing, turn, signed);
            note(&mut lean, turn, least);
        }
    }
    session.close().unwrap();
    broker.note(found, "identify broker", US);
    by_hand.note(found, "identify hand", US);
    lean.note(found, "identify lean", US);
    signing.note(found, "identify signing", US);
    let turns = |times: &Times| times.medians(IDENTIFICATIONS.1);
    let (broker, by_hand, signing) = (turns(&broker), turns(&by_hand), turns(&signing));
    let less =
        |one: &[f64], other: &[f64]| median(one.iter().zip(other).map(|(one, other)| (one - other) / US).collect());
    found.insert("identify hand net".to_owned(), less(&by_hand, &signing));
    found.insert("identify added".to_owned(), less(&broker, &by_hand));
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
