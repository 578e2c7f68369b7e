//! A certificate that was copied is found out at a renewal, and whoever only lost an answer is not.

use std::time::Duration;

use engawa::fault::Code;
use engawa::terminal::{ClientCertificate, Right, State, TerminalError};

use super::house::Software;
use super::room::{DAY, FACILITY, HERE, Room, code, der};

const HOUR: Duration = Duration::from_secs(3_600);

impl Room {
    async fn renewed(&self, certificate: &[u8]) -> Result<Vec<u8>, Code> {
        let renewed =
            self.terminals.renew(&ClientCertificate::new(certificate), &Software::new().csr(), Some(HERE)).await;
        renewed.map(|(_, renewed)| der(&renewed.pem)).map_err(|error| error.code())
    }

    async fn enters(&self, certificate: &[u8]) -> Option<Code> {
        // What is remembered of a terminal is older than what a renewal has just found out.
        code(self.terminals.by_certificate(&ClientCertificate::new(certificate), Some(HERE)).await)
    }
}

#[tokio::test]
async fn of_two_who_hold_one_certificate_the_second_renewal_of_either_shuts_the_terminal() {
    let room = Room::open().await;
    for thief_first in [true, false] {
        let (id, shared) = room.software().await;
        let one = room.renewed(&shared).await.unwrap();
        // As if the first answer had been lost: nobody can tell yet.
        let other = room.renewed(&shared).await.unwrap();
        let (thief, owner) = if thief_first { (&one, &other) } else { (&other, &one) };
        let mut listener = room.keys.revocations().listen();
        let caller = room.terminals.by_certificate(&ClientCertificate::new(owner), Some(HERE)).await.unwrap();
        // Whoever goes first is taken for the one, and the other one is found out.
        let newest = room.renewed(thief).await.unwrap();
        assert_eq!(room.renewed(owner).await, Err(Code::TerminalCopied));
        listener.due().await;
        assert!(!room.terminals.stands(&caller).await.unwrap());
        for certificate in [&shared, &one, &other, &newest] {
            assert_eq!(room.enters(certificate).await, Some(Code::TerminalCopied));
            assert_eq!(room.renewed(certificate).await, Err(Code::TerminalCopied));
        }
        assert_eq!(room.state(&id).await, State::Copied);
        assert_eq!(room.terminals.copied().await.unwrap(), [FACILITY]);
        assert_eq!(code(room.terminals.reopen(FACILITY, &id).await), Some(Code::RequestNotFound));
        room.terminals.revoke(FACILITY, &id).await.unwrap();
        assert_eq!(room.terminals.copied().await.unwrap(), Vec::<String>::new());
        assert_eq!(room.state(&id).await, State::Revoked);
    }
}

#[tokio::test]
async fn an_old_certificate_lets_in_until_its_end_and_renews_no_more() {
    let room = Room::open().await;
    let (id, first) = room.software().await;
    room.clock.advance(HOUR);
    let second = room.renewed(&first).await.unwrap();
    room.clock.advance(HOUR);
    let third = room.renewed(&second).await.unwrap();
    for certificate in [&first, &second, &third] {
        assert_eq!(room.enters(certificate).await, None);
    }
    let copied = room.terminals.renew(&ClientCertificate::new(&first), &Software::new().csr(), Some(HERE)).await;
    let Err(TerminalError::Copied(caller)) = copied else { panic!("an old copy was renewed") };
    assert_eq!(caller.id, id.to_string(), "the trail names it");
    assert!(caller.may(Right::Submit));
    assert_eq!(room.enters(&third).await, Some(Code::TerminalCopied));
}

#[tokio::test]
async fn a_lost_answer_and_a_repeated_request_shut_nobody_out() {
    let room = Room::open().await;
    let (id, mut present) = room.software().await;
    for round in 0..6_u32 {
        // The answer was lost, twice; then two answers come, and the terminal keeps either.
        let lost = room.renewed(&present).await.unwrap();
        assert_ne!(lost, present);
        let one = room.renewed(&present).await.unwrap();
        let other = room.renewed(&present).await.unwrap();
        present = if round % 2 == 0 { one } else { other };
        room.clock.advance(HOUR);
        assert_eq!(room.enters(&present).await, None, "{round}");
    }
    assert_eq!(room.state(&id).await, State::Active);
}

#[tokio::test]
async fn renewals_at_once_are_one_after_the_other() {
    let room = Room::open().await;
    let (id, first) = room.software().await;
    let both = futures_util::future::join(room.renewed(&first), room.renewed(&first)).await;
    let (one, other) = (both.0.unwrap(), both.1.unwrap());
    // Either may be kept, and goes on for good.
    let kept = room.renewed(&one).await.unwrap();
    let kept = room.renewed(&kept).await.unwrap();
    assert_eq!(room.state(&id).await, State::Active);
    assert_eq!(room.renewed(&other).await, Err(Code::TerminalCopied));
    assert_eq!(room.renewed(&kept).await, Err(Code::TerminalCopied));
}

#[tokio::test]
async fn a_clock_that_is_set_back_revives_nothing() {
    let room = Room::open().await;
    let (_, certificate) = room.software().await;
    let pairing = room.window(engawa::terminal::Kind::Key).await;
    let signs = pairing.signs().to_string();
    let start = room.clock.now();
    let ends_at = Some(start + HOUR);
    let rights = std::collections::BTreeSet::from([Right::Read]);
    let brief =
        engawa::terminal::NewKey { expires_at: ends_at, ..engawa::terminal::NewKey::unbound("x", FACILITY, rights) };
    let (key, _) = room.keys.add(brief).await.unwrap();
    room.clock.hear(start);
    room.clock.advance(DAY * 2);
    assert_eq!(room.enters(&certificate).await, Some(Code::TerminalCertificateExpired));
    room.clock.set(start);
    assert!(room.clock.is_wrong());
    assert_eq!(room.enters(&certificate).await, Some(Code::TerminalCertificateExpired));
    assert!(room.keys.verify(&key.reveal(), None).await.is_err());
    let late = engawa::terminal::PairingCode::parse(&signs).unwrap();
    assert_eq!(code(room.offer(late, None).await), Some(Code::PairingRefused));
    // It may be renewed, and works by the time that has been.
    let renewed = room.renewed(&certificate).await.unwrap();
    assert_eq!(room.enters(&renewed).await, None);
    // Without a word of the hub there is nothing to go by.
    let other = Room::open().await;
    let (_, certificate) = other.software().await;
    other.clock.advance(DAY * 2);
    other.clock.set(start);
    assert_eq!(other.enters(&certificate).await, None);
}

#[tokio::test]
async fn a_clock_that_was_far_ahead_locks_nobody_out_and_leaves_no_eternal_certificate() {
    let room = Room::open().await;
    let start = room.clock.now();
    room.clock.hear(start);
    let (_, before) = room.software().await;
    room.clock.set("2099-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(room.enters(&before).await, Some(Code::TerminalDormant));
    let (id, ahead) = room.software().await;
    assert_eq!(room.enters(&ahead).await, None);
    room.clock.hear(start);
    assert!(room.clock.is_wrong(), "the hub tells another time");
    room.clock.set(start);
    room.clock.hear(start);
    assert!(!room.clock.is_wrong());
    assert_eq!(room.enters(&before).await, None);
    // It runs until 2099, and is good for its renewal alone.
    assert_eq!(room.enters(&ahead).await, Some(Code::TerminalCertificateExpired));
    let renewed = room.renewed(&ahead).await.unwrap();
    assert_eq!(room.enters(&renewed).await, None);
    room.clock.advance(DAY);
    assert_eq!(room.enters(&renewed).await, Some(Code::TerminalCertificateExpired));
    assert_eq!(room.state(&id).await, State::Active);
}
