//! The whole room over a scripted driver: what a terminal sees.

use std::sync::Arc;
use std::time::Duration;

use engawa::card::driver::Driver;
use engawa::card::scripted::Scripted;
use engawa::card::{
    CardError, CardState, Cards, Config, EndReason, IdentityPin, Opened, Policy, Purpose, ReaderName, ReaderState,
    Session, Signed, Spent, Stage, Tasks, Terminal, Trouble, Wish,
};
use engawa::clock::Clock;
use engawa::fault::Code;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::card::{CHALLENGE, Fault, PIN, SoftCard};

struct Room {
    cards: Cards,
    driver: Scripted,
    clock: Clock,
    stop: watch::Sender<bool>,
    tasks: Tasks,
}

impl Room {
    async fn open(readers: &[&str]) -> Self {
        Self::with_limit(readers, Duration::from_secs(20)).await
    }

    /// Operations that do not come back are given up after `limit`: short where one is to be, else long enough for a busy
    /// machine.
    async fn with_limit(readers: &[&str], limit: Duration) -> Self {
        let (driver, clock) = (Scripted::default(), Clock::system());
        let (stop, stopped) = watch::channel(false);
        driver.readers(readers);
        let config = Config {
            connect_limit: limit,
            operation_limit: limit.saturating_mul(4),
            policy: Policy { heartbeat: Duration::from_secs(20), ..Policy::default() },
            ..Config::default()
        };
        let handle: Arc<dyn Driver> = Arc::new(driver.clone());
        let (cards, tasks) = Cards::start(config, handle, clock.clone(), stopped);
        let room = Self { cards, driver, clock, stop, tasks };
        room.until(|cards| cards.readers().len() == readers.len()).await;
        room
    }

    /// Waits for a condition, with a bound.
    async fn until(&self, condition: impl Fn(&Cards) -> bool) {
        let end = self.clock.elapsed() + Duration::from_secs(10);
        while !condition(&self.cards) {
            assert!(self.clock.elapsed() < end, "it does not come true: {:?}", self.cards.readers());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn session(&self, terminal: &str) -> Session {
        match self.cards.open(&of(terminal), &Wish::Any, Purpose::Identify, Duration::ZERO).unwrap() {
            Opened::Granted(view) => self.cards.session(&of(terminal), view.id).unwrap(),
            Opened::Waiting(view) => panic!("waiting: {view:?}"),
        }
    }

    async fn finish(self) {
        self.stop.send(true).unwrap();
        self.tasks.finished().await;
        assert!(self.cards.at_rest(), "a lease has leaked: {:?}", self.cards.readers());
    }
}

/// When it is wanted that an operation is given up.
const STUCK: Duration = Duration::from_millis(300);

fn of(terminal: &str) -> Terminal {
    Terminal(terminal.to_owned())
}

async fn sign(session: &Session, digits: &str) -> Result<Signed, CardError> {
    let pin = IdentityPin::parse(Zeroizing::new(digits.to_owned())).unwrap();
    session.sign(pin, CHALLENGE.to_vec(), false).await
}

fn ended(session: &Session) -> Option<EndReason> {
    match session.view().unwrap().stage {
        Stage::Ended(reason) => Some(reason),
        _ => None,
    }
}

#[tokio::test]
async fn a_terminal_identifies_a_person() {
    let room = Room::open(&["a"]).await;
    let card = SoftCard::new().shared();
    let session = room.session("desk");
    assert_eq!(session.counters().await.unwrap_err().code(), Code::CardAbsent);
    room.driver.insert("a", card.clone());
    room.until(|_| session.view().unwrap().card).await;
    let (_, certificate) = session.certificate().await.unwrap();
    let signed = sign(&session, PIN).await.unwrap();
    assert_eq!(certificate.unwrap(), signed.certificate);
    assert_eq!(sign(&session, "0000").await.unwrap_err().tries_left(), Some(2));
    assert_eq!(card.lock().unwrap().verifies, 2, "one for each request");
    assert!(room.cards.session(&of("stranger"), session.view().unwrap().id).is_err(), "another's session is not there");
    session.close().unwrap();
    assert_eq!(sign(&session, PIN).await.unwrap_err().code(), Code::SessionEnded);
    room.finish().await;
}

#[tokio::test]
async fn a_removed_card_ends_the_session_and_costs_what_it_says() {
    let room = Room::open(&["a"]).await;
    let mut probe = SoftCard::new();
    // A session without a look at the certificate: the commands before VERIFY are those of one identification.
    probe.fault = Some((usize::MAX, Fault::Lost));
    let card = probe.shared();
    room.driver.insert("a", card.clone());
    let session = room.session("desk");
    room.until(|_| session.view().unwrap().card).await;
    sign(&session, PIN).await.unwrap();
    let (commands, verify) = {
        let card = card.lock().unwrap();
        (card.seen.len(), card.seen.iter().position(|seen| seen.len() == 9 && seen[1] == 0x20).unwrap())
    };
    card.lock().unwrap().fault = Some((commands + verify, Fault::Lost));
    let error = sign(&session, PIN).await.unwrap_err();
    assert_eq!((error.code(), error.spent()), (Code::CardOutcomeUnknown, Spent::Unknown));
    assert_eq!(card.lock().unwrap().verifies, 2);
    assert_eq!(ended(&session), Some(EndReason::CardRemoved));
    assert_eq!(sign(&session, PIN).await.unwrap_err().code(), Code::CardRemoved, "never \"try again\" by itself");
    assert_eq!(card.lock().unwrap().verifies, 2);
    room.finish().await;
}

#[tokio::test]
async fn a_card_exchanged_unseen_gets_no_pin() {
    let room = Room::open(&["a"]).await;
    let card = SoftCard::new().shared();
    room.driver.insert("a", card.clone());
    let session = room.session("desk");
    session.certificate().await.unwrap();
    // The same reader, another certificate, and no report of it.
    let other = super::card::certificate(true);
    card.lock().unwrap().files.iter_mut().filter(|((_, file), _)| *file == 0x0A).for_each(|(_, content)| {
        content.clone_from(&other);
    });
    assert_eq!(sign(&session, PIN).await.unwrap_err(), CardError::Exchanged);
    assert_eq!((card.lock().unwrap().verifies, ended(&session)), (0, Some(EndReason::CardRemoved)));
    room.finish().await;
}

#[tokio::test]
async fn a_stuck_reader_is_degraded_and_the_others_go_on() {
    let room = Room::with_limit(&["a", "b"], STUCK).await;
    let (stuck, well) = (SoftCard::new().shared(), SoftCard::new().shared());
    room.driver.insert("a", stuck.clone());
    room.driver.insert("b", well);
    let (first, second) = (room.session("one"), room.session("two"));
    room.driver.hold("a");
    let error = sign(&first, PIN).await.unwrap_err();
    assert_eq!((error.code(), error.spent()), (Code::CardHeldElsewhere, Spent::None));
    let state = |name: &str| {
        let readers = room.cards.readers();
        readers.into_iter().find(|reader| reader.name == ReaderName(name.to_owned())).unwrap().state
    };
    assert_eq!(state("a"), ReaderState::Degraded(Trouble::HeldElsewhere));
    assert_eq!(sign(&first, PIN).await.unwrap_err().code(), Code::CardHeldElsewhere, "not told to wait for it");
    first.close().unwrap();
    assert_eq!(room.cards.health().stuck, 1);
    assert!(!room.cards.at_rest(), "its thread has not come back");
    room.driver.let_go("a");
    room.until(|_| state("a") == ReaderState::Ok).await;
    assert_eq!(stuck.lock().unwrap().verifies, 0, "who came unstuck sent no PIN");
    assert!(stuck.lock().unwrap().seen.is_empty(), "nor anything else");
    sign(&second, PIN).await.unwrap();
    second.close().unwrap();
    room.until(Cards::at_rest).await;
    room.finish().await;
}

#[tokio::test]
#[allow(clippy::await_holding_lock, reason = "the lock is how the card is kept busy")]
async fn the_work_on_a_card_finishes_though_its_client_has_gone() {
    let room = Room::open(&["a"]).await;
    let card = SoftCard::new().shared();
    room.driver.insert("a", card.clone());
    let session = room.session("desk");
    let hold = card.lock().unwrap();
    {
        let asking = std::pin::pin!(sign(&session, PIN));
        let gone = tokio::time::timeout(Duration::from_millis(20), asking).await;
        assert!(gone.is_err(), "the card is busy");
    }
    drop(hold);
    let logged_out = |seen: &[Vec<u8>]| seen.iter().filter(|command| command[1..3] == [0xA4, 0x04]).count() == 2;
    room.until(|_| logged_out(&card.lock().unwrap().seen)).await;
    session.close().unwrap();
    room.until(Cards::at_rest).await;
    room.finish().await;
}

#[tokio::test]
async fn who_waits_learns_of_his_turn_and_can_resume_the_events() {
    let room = Room::open(&["a"]).await;
    let events = room.cards.events();
    let begin = events.newest();
    let first = room.session("one");
    let busy = room.cards.open(&of("two"), &Wish::Any, Purpose::Identify, Duration::ZERO);
    assert_eq!(busy.unwrap_err().code(), Code::CardBusy);
    let waiting = room.cards.open(&of("two"), &Wish::Any, Purpose::Identify, Duration::from_secs(30)).unwrap();
    let Opened::Waiting(view) = waiting else { panic!("{waiting:?}") };
    assert_eq!(view.position, Some(1));
    let second = room.cards.session(&of("two"), view.id).unwrap();
    assert_eq!(sign(&second, PIN).await.unwrap_err().code(), Code::SessionWaiting);
    first.close().unwrap();
    assert!(matches!(second.view().unwrap().stage, Stage::Granted(_)));
    let all = events.after(begin, 100).unwrap();
    let rest = events.after(all[1].cursor, 100).unwrap();
    assert_eq!(all[2..], rest[..], "a listener goes on where it was cut off");
    assert_eq!(all.len(), 4, "granted, waiting, ended, granted: {all:?}");
    room.cards.revoke_terminal(&of("two"));
    assert_eq!(ended(&second), Some(EndReason::Revoked));
    room.finish().await;
}

#[tokio::test]
async fn a_service_that_goes_or_hangs_is_seen_and_comes_back() {
    let room = Room::open(&["a"]).await;
    let session = room.session("desk");
    room.driver.down();
    room.until(|cards| cards.health().service == Some(Trouble::ServiceDown)).await;
    assert_eq!(ended(&session), Some(EndReason::ReaderLost));
    let refused = room.cards.open(&of("desk"), &Wish::Any, Purpose::Identify, Duration::ZERO);
    assert_eq!(refused.unwrap_err().code(), Code::PcscDown);
    room.driver.readers(&["a"]);
    room.until(|cards| cards.health().service.is_none()).await;
    let session = room.session("desk");
    room.driver.silent_since(Some(Duration::ZERO));
    room.until(|cards| cards.health().service == Some(Trouble::ServiceHung)).await;
    assert_eq!(sign(&session, PIN).await.unwrap_err().code(), Code::PcscDown);
    room.driver.silent_since(None);
    room.until(|cards| cards.readers()[0].state == ReaderState::Ok).await;
    assert_eq!(ended(&session), None, "it has outlived the pause");
    room.finish().await;
}

#[tokio::test]
async fn a_room_that_is_switched_off_says_so_to_everybody() {
    let (cards, tasks) = Cards::disabled(Clock::system());
    for wait in [Duration::ZERO, Duration::from_secs(60)] {
        for wish in [Wish::Any, Wish::Nearest, Wish::Named(ReaderName("a".to_owned()))] {
            let refused = cards.open(&of("desk"), &wish, Purpose::Identify, wait).unwrap_err();
            assert_eq!(refused.code(), Code::CardsDisabled, "{wish:?}");
        }
    }
    cards.reconfigure(&Config::default());
    let health = cards.health();
    assert!(health.alive && health.service == Some(Trouble::Disabled) && health.proof.is_none(), "{health:?}");
    assert!(cards.readers().is_empty() && cards.at_rest() && !tasks.any_ended());
    tasks.finished().await;
}

#[tokio::test]
async fn health_is_the_last_answer_of_a_service_that_can_be_used() {
    let room = Room::open(&["a"]).await;
    room.until(|cards| cards.health().proof.is_some()).await;
    assert!(!room.tasks.any_ended());
    room.driver.down();
    room.until(|cards| cards.health().service == Some(Trouble::ServiceDown)).await;
    let proof = room.cards.health().proof;
    let then = room.clock.elapsed();
    room.until(|_| room.clock.elapsed() - then > Duration::from_millis(450)).await;
    assert_eq!(room.cards.health().proof, proof, "a service that is gone proves nothing");
    room.driver.readers(&["a"]);
    room.until(|cards| cards.health().proof > proof).await;
    room.finish().await;
}

#[tokio::test]
async fn other_settings_hold_from_here_on() {
    let room = Room::open(&["a", "b"]).await;
    let card = SoftCard::new().left(1).shared();
    room.driver.insert("b", card.clone());
    let beside = |name: &str| [(of("desk"), vec![ReaderName(name.to_owned())])].into();
    let policy = Policy { per_terminal: 1, ..Policy::default() };
    room.cards.reconfigure(&Config { floor: 0, policy, nearest: beside("b"), ..Config::default() });
    let nearest = || room.cards.open(&of("desk"), &Wish::Nearest, Purpose::Identify, Duration::ZERO);
    let Opened::Granted(view) = nearest().unwrap() else { panic!("it is free") };
    assert_eq!(view.stage, Stage::Granted(ReaderName("b".to_owned())));
    assert_eq!(nearest().unwrap_err().code(), Code::SessionTooMany);
    let session = room.cards.session(&of("desk"), view.id).unwrap();
    room.cards.reconfigure(&Config { floor: 1, nearest: beside("a"), ..Config::default() });
    assert_eq!(sign(&session, PIN).await.unwrap_err().code(), Code::CardPinFloor);
    assert_eq!(card.lock().unwrap().verifies, 0);
    room.cards.reconfigure(&Config { floor: 0, ..Config::default() });
    sign(&session, PIN).await.unwrap();
    let policy = Policy { lifetime: Duration::from_millis(1), ..Policy::default() };
    room.cards.reconfigure(&Config { policy, ..Config::default() });
    room.until(|_| ended(&session) == Some(EndReason::Lifetime)).await;
    room.finish().await;
}

/// Whoever waits for an operation is told before the room is closed, however long the card would take.
#[tokio::test]
async fn who_waits_for_a_card_is_told_when_the_room_closes() {
    let (driver, clock) = (Scripted::default(), Clock::system());
    let (stop, stopped) = watch::channel(false);
    driver.readers(&["a"]);
    let limit = Duration::from_secs(600);
    let config = Config {
        connect_limit: limit,
        operation_limit: limit,
        stop_limit: Duration::from_millis(50),
        ..Config::default()
    };
    let (cards, tasks) = Cards::start(config, Arc::new(driver.clone()), clock.clone(), stopped);
    let room = Room { cards, driver, clock, stop, tasks };
    room.until(|cards| cards.readers().len() == 1).await;
    room.driver.insert("a", SoftCard::new().shared());
    let session = room.session("desk");
    room.driver.hold("a");
    let waiting = tokio::spawn(async move { sign(&session, PIN).await });
    room.until(|_| room.driver.stuck() == 1).await;
    room.stop.send(true).unwrap();
    room.tasks.finished().await;
    let error = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap().unwrap_err();
    assert_eq!((error.code(), error.spent()), (Code::GatewayStopping, Spent::None));
}

#[tokio::test]
async fn the_open_channel_refuses_before_anything_is_sent() {
    let room = Room::open(&["a"]).await;
    let card = SoftCard::new().shared();
    room.driver.insert("a", card.clone());
    let session = room.session("desk");
    let jpki = vec![0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01];
    let verify = vec![0x00, 0x20, 0x00, 0x80, 0x04, 0x31, 0x32, 0x33, 0x34];
    let refused = session.apdu(vec![jpki.clone(), verify]).await.unwrap_err();
    assert_eq!(refused.code(), Code::ApduRefused);
    assert!(card.lock().unwrap().seen.is_empty());
    let token = vec![vec![0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x06], vec![0x00, 0xB0, 0x00, 0x00, 0x20]];
    let answers = session.apdu([vec![jpki], token].concat()).await.unwrap();
    assert!(answers[2].starts_with(b"JPKIAPICCTOKEN2"));
    room.finish().await;
}

#[tokio::test]
async fn a_reader_is_taken_before_the_hub_is_asked() {
    let room = Room::open(&["a"]).await;
    let card = SoftCard::new().shared();
    room.driver.insert("a", card.clone());
    let session = room.session("desk");
    room.until(|_| session.view().unwrap().card).await;
    let pin = || IdentityPin::parse(Zeroizing::new(PIN.to_owned())).unwrap();
    let reserved = session.reserve().unwrap();
    assert_eq!(sign(&session, PIN).await.unwrap_err().code(), Code::SessionBusy, "one PIN at a time");
    assert_eq!(session.reserve().err().unwrap().code(), Code::SessionBusy);
    reserved.sign(pin(), CHALLENGE.to_vec(), false).await.unwrap();
    drop(session.reserve().unwrap());
    let reserved = session.reserve().unwrap();
    session.close().unwrap();
    assert!(!room.cards.at_rest(), "the reader is kept for it");
    let seen = card.lock().unwrap().seen.len();
    let refused = reserved.sign(pin(), CHALLENGE.to_vec(), false).await.unwrap_err();
    assert_eq!((refused.code(), refused.spent()), (Code::SessionEnded, Spent::None));
    assert_eq!(card.lock().unwrap().seen.len(), seen, "the card was not touched");
    assert!(room.cards.at_rest(), "the reader is free");
    room.finish().await;
}

#[tokio::test]
async fn a_forgotten_card_is_told_to_the_next_terminal() {
    let room = Room::open(&["a"]).await;
    room.driver.insert("a", SoftCard::new().shared());
    let first = room.session("one");
    room.until(|_| first.view().unwrap().card).await;
    sign(&first, PIN).await.unwrap();
    assert!(!first.view().unwrap().card_left, "it is its own");
    first.close().unwrap();
    let second = room.session("two");
    assert!(second.view().unwrap().card_left);
    drop(second.reserve().unwrap());
    assert!(second.view().unwrap().card_left, "what was not used does not count");
    second.counters().await.unwrap();
    assert!(!second.view().unwrap().card_left);
    second.close().unwrap();
    room.driver.remove("a");
    room.until(|cards| cards.readers()[0].card == CardState::Absent).await;
    room.driver.insert("a", SoftCard::new().shared());
    let third = room.session("one");
    room.until(|_| third.view().unwrap().card).await;
    assert!(!third.view().unwrap().card_left, "it was put in anew");
    room.finish().await;
}

/// Whoever was told that his operation is stuck is not waited for again.
#[tokio::test]
async fn what_was_given_up_does_not_hold_up_the_stop() {
    let room = Room::with_limit(&["a"], STUCK).await;
    room.driver.insert("a", SoftCard::new().shared());
    let session = room.session("desk");
    room.driver.hold("a");
    assert_eq!(sign(&session, PIN).await.unwrap_err().code(), Code::CardHeldElsewhere);
    let begun = room.clock.elapsed();
    room.stop.send(true).unwrap();
    room.tasks.finished().await;
    let limit = Config::default().stop_limit;
    assert!(room.clock.elapsed() - begun < limit / 2, "it was waited for");
}
