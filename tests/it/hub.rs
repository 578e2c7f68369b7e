//! The hub link over real mutual TLS: what the outbox is told for each thing that can happen on the way.

mod careplans;
mod pki;
mod stub;

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use engawa::clock::Clock;
use engawa::credential::{Secret, SecretSource};
use engawa::fault::Code;
use engawa::hub::{
    Config, Delivery, Hub, HubPort as _, HubSetupError, InMemory, LoginState, LookupOutcome, Memory as _, Outcome,
    Policy, Scope, Timeouts, Trouble,
};
use futures_util::{StreamExt as _, stream};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use uuid::Uuid;

use self::pki::{Ca, FACILITY, Server};
use self::stub::{Act, CAPABILITIES, CHANGES, LOGIN, LOOKUP, OPINIONS, REFRESH, Stub, error};
use crate::support::{at_most, until};

const HTML: &str = "<!DOCTYPE html><html><body>メンテナンス中</body></html>";

/// A hub and the way to it.
struct World {
    ca: Ca,
    stub: Stub,
    clock: Clock,
    memory: InMemory,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        Self::with(Server::Good).await
    }

    async fn with(server: Server) -> Self {
        let ca = Ca::new();
        let stub = Stub::start(ca.server(server, &ca)).await;
        Self::around(ca, stub)
    }

    fn around(ca: Ca, stub: Stub) -> Self {
        let clock = Clock::manual("2026-11-22T00:00:00Z".parse().unwrap());
        Self { ca, stub, clock, memory: InMemory::default(), folder: tempfile::tempdir().unwrap() }
    }

    fn config(&self) -> Config {
        let file = self.folder.path().join("password");
        if !file.exists() {
            std::fs::write(&file, "correct horse\n").unwrap();
            std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        }
        Config {
            base_url: format!("https://localhost:{}", self.stub.address.port()),
            ca_pem: self.ca.pem.clone().into_bytes(),
            user_id: "KJ000000000001".to_owned(),
            password: SecretSource::File(file),
            facility: Some(FACILITY.to_owned()),
            fingerprint_key: [7; 32],
            timeouts: Timeouts {
                connect: Duration::from_secs(5),
                stall: Duration::from_secs(5),
                answer: Duration::from_secs(10),
                whole: Duration::from_secs(20),
            },
            login: Policy::default(),
        }
    }

    fn hub(&self) -> Hub {
        self.hub_as("iryo")
    }

    fn hub_as(&self, unit: &str) -> Hub {
        Hub::connect(self.config(), self.ca.facility(unit), self.memory.clone(), self.clock.clone()).unwrap()
    }
}

fn document(key: u128) -> Delivery {
    delivery(key, Bytes::from_static(b"{\"opinion\":{}}"))
}

fn delivery(key: u128, bytes: Bytes) -> Delivery {
    let length = bytes.len() as u64;
    Delivery {
        key: Uuid::from_u128(key),
        length,
        body: Full::from(bytes).map_err(|never| match never {}).boxed_unsync(),
        user: None,
    }
}

/// Pieces of 64 KiB; an `Err` among them is a damaged row.
fn pieces(key: u128, length: u64, pieces: Vec<Result<Bytes, &'static str>>) -> Delivery {
    let frames = stream::iter(pieces).map(|piece| piece.map(Frame::data).map_err(Into::into));
    Delivery { key: Uuid::from_u128(key), length, body: BodyExt::boxed_unsync(StreamBody::new(frames)), user: None }
}

#[track_caller]
fn undelivered(outcome: Outcome, code: Code, scope: Scope) -> Trouble {
    match outcome {
        Outcome::NotDelivered(trouble) if (trouble.code, trouble.scope) == (code, scope) => trouble,
        other => panic!("{other:?} instead of NotDelivered {code} {scope:?}"),
    }
}

#[track_caller]
fn unknown(outcome: Outcome, code: Code) {
    match outcome {
        Outcome::Unknown(trouble) if (trouble.code, trouble.scope) == (code, Scope::Item) => {}
        other => panic!("{other:?} instead of Unknown {code}"),
    }
}

#[tokio::test]
async fn a_document_is_delivered() {
    let world = World::new().await;
    let hub = world.hub();
    assert_eq!((hub.status().last_answer, hub.status().login), (None, LoginState::LoggedOut));

    let Outcome::Accepted(receipt) = hub.deliver(document(1)).await else { panic!() };
    assert_eq!((receipt.number.as_str(), receipt.trace_id.as_deref()), ("R1", Some("t")));
    let call = &world.stub.calls(OPINIONS)[0];
    assert_eq!(call.bearer.as_deref(), Some("Bearer a1"));
    assert_eq!(call.key.as_deref(), Some(Uuid::from_u128(1).to_string().as_str()));
    assert_eq!((call.length.as_deref(), call.bytes), (Some("14"), 14));
    for path in [LOGIN, CAPABILITIES] {
        let call = &world.stub.calls(path)[0];
        assert_eq!((&call.bearer, &call.key), (&None, &None), "{path}");
    }

    assert!(matches!(hub.lookup(Uuid::from_u128(1)).await, LookupOutcome::Accepted(_)));
    assert_eq!(hub.lookup(Uuid::from_u128(2)).await, LookupOutcome::Unseen);
    let page = hub.changes(Some("c+1/=".to_owned())).await.unwrap();
    assert_eq!((page.items.len(), page.next_cursor.as_str(), page.restarted), (1, "c+1/=", false));
    assert_eq!(world.stub.calls(LOOKUP)[0].key, None);
    assert_eq!(world.stub.connections.load(Ordering::SeqCst), 1, "the connection is kept warm");
    assert_eq!(hub.status().last_answer, Some(world.clock.now()));
    assert!(matches!(hub.status().login, LoginState::LoggedIn { .. }));
}

#[tokio::test]
async fn a_hub_that_takes_either_protocol_is_spoken_to_in_the_one_that_needs_less() {
    let world = World::new().await;
    assert!(matches!(world.hub().deliver(document(1)).await, Outcome::Accepted(_)));
    assert_eq!(world.stub.spoken(), [Some("http/1.1".to_owned())]);
}

/// What the hub has done is known by the time a request is made, however long the box had no time to look.
#[test]
fn a_connection_that_the_hub_closed_meanwhile_costs_nothing() {
    let runtime = |mut builder: tokio::runtime::Builder| builder.enable_all().build().unwrap();
    let ours = runtime(tokio::runtime::Builder::new_current_thread());
    let theirs = runtime(tokio::runtime::Builder::new_multi_thread());
    let world = theirs.block_on(World::new());
    let hub = world.hub();
    for key in 1..=5 {
        let outcome = ours.block_on(hub.deliver(document(key)));
        assert!(matches!(outcome, Outcome::Accepted(_)), "{key}: {outcome:?}");
        ours.block_on(async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        });
        // From here to the next delivery nothing of ours runs.
        theirs.block_on(world.stub.close());
        assert_eq!(world.stub.filed(&Uuid::from_u128(key).to_string()), 1);
    }
    assert_eq!((world.stub.calls(OPINIONS).len(), world.stub.calls(LOGIN).len()), (5, 1), "nothing went out twice");
    assert_eq!(world.stub.connections.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn few_connections_are_kept() {
    let world = World::new().await;
    let hub = world.hub();
    futures_util::future::join_all((1..=20).map(|key| hub.deliver(document(key)))).await;
    assert!(world.stub.connections.load(Ordering::SeqCst) > 4, "each has one of its own");
    let few = async {
        while world.stub.open() > 4 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(at_most(Duration::from_secs(10)), few).await.unwrap();
}

/// The kernel asks an idle connection whether it lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_asked_whether_it_lives() {
    let world = World::new().await;
    let hub = world.hub();
    assert!(matches!(hub.deliver(document(1)).await, Outcome::Accepted(_)));
    let far_end = format!("0100007F:{:04X}", world.stub.address.port());
    // 02: the keep-alive timer, with what is left of it in hundredths of a second.
    let left = until("the keep-alive timer", Duration::from_secs(10), || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let line =
            table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|line| line[2] == far_end)?;
        u64::from_str_radix(line[5].strip_prefix("02:")?, 16).ok()
    });
    assert!(left <= 3000, "{left}");
}

/// All of it is in the box's own buffers, and the hub reads none of it.
#[tokio::test]
async fn a_document_that_nobody_takes_in_is_given_up() {
    let ca = Ca::new();
    let stub = Stub::narrow(ca.server(Server::Good, &ca));
    let world = World::around(ca, stub);
    let mut config = world.config();
    config.timeouts.stall = Duration::from_secs(2);
    config.timeouts.answer = Duration::from_secs(60);
    config.timeouts.whole = Duration::from_secs(60);
    let hub = Hub::connect(config, world.ca.facility("iryo"), world.memory.clone(), world.clock.clone()).unwrap();
    world.stub.then(OPINIONS, [Act::HangAt(1)]);
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    let outcome = hub.deliver(pieces(1, 4 * piece.len() as u64, vec![Ok(piece); 4])).await;
    // Not HUB_TIMEOUT, which comes with the end of patience for an answer.
    unknown(outcome, Code::HubUnreachable);
}

#[tokio::test]
async fn twenty_megabytes_pass_in_pieces() {
    let (count, piece) = (320_usize, Bytes::from(vec![b'x'; 64 * 1024]));
    let world = World::new().await;
    let length = (count * piece.len()) as u64;
    let outcome = world.hub().deliver(pieces(1, length, vec![Ok(piece.clone()); count])).await;
    assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    assert_eq!(world.stub.calls(OPINIONS)[0].bytes as u64, length);
}

#[tokio::test]
async fn a_damaged_row_never_reaches_the_hub_whole() {
    let world = World::new().await;
    let hub = world.hub();
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    let length = 2 * piece.len() as u64;
    let sources = [vec![Ok(piece.clone()), Err("torn")], vec![Ok(piece.clone())], vec![Ok(piece.clone()); 3]];
    for source in sources {
        let whole = source.len() == 3;
        let outcome = hub.deliver(pieces(1, length, source)).await;
        if whole {
            // Longer than promised: what was promised is what counts, and the rest is never asked for.
            assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
        } else {
            undelivered(outcome, Code::SubmissionDamaged, Scope::Item);
        }
    }
}

#[tokio::test]
async fn cuts_and_silence_around_a_delivery() {
    let world = World::new().await;
    let mut config = world.config();
    config.timeouts.answer = Duration::from_secs(1);
    let hub = Hub::connect(config, world.ca.facility("iryo"), world.memory.clone(), world.clock.clone()).unwrap();
    world.stub.then(OPINIONS, [Act::Cut, Act::CutAfterEffect, Act::Hang]);
    unknown(hub.deliver(document(1)).await, Code::HubUnreachable);
    assert_eq!(hub.lookup(Uuid::from_u128(1)).await, LookupOutcome::Unseen);
    unknown(hub.deliver(document(1)).await, Code::HubUnreachable);
    assert!(matches!(hub.lookup(Uuid::from_u128(1)).await, LookupOutcome::Accepted(_)));
    assert_eq!(world.stub.filed(&Uuid::from_u128(1).to_string()), 1);
    unknown(hub.deliver(document(2)).await, Code::HubTimeout);
    assert!(matches!(hub.deliver(document(2)).await, Outcome::Accepted(_)));
}

#[tokio::test]
async fn half_a_request_is_no_request() {
    let world = World::new().await;
    let hub = world.hub();
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    let big = |key| pieces(key, 320 * piece.len() as u64, vec![Ok(piece.clone()); 320]);
    world.stub.then(OPINIONS, [Act::CutAt(1), Act::Early(1, 413, HTML.to_owned()), Act::Early(1, 200, error("E2101"))]);
    undelivered(hub.deliver(big(1)).await, Code::HubUnreachable, Scope::Hub);
    undelivered(hub.deliver(big(1)).await, Code::HubNonsense, Scope::Item);
    assert!(matches!(hub.deliver(big(1)).await, Outcome::Refused(_)));
    assert!(matches!(hub.deliver(big(1)).await, Outcome::Accepted(_)));
}

#[tokio::test]
async fn answers_are_classified() {
    let world = World::new().await;
    let hub = world.hub();
    let answer = |status, retry_after, text: &str| Act::Answer(status, retry_after, text.to_owned());
    let acts = [
        answer(200, None, HTML),
        answer(502, None, HTML),
        answer(200, None, r#"{"result":"ok","da"#),
        answer(200, None, r#"{"result":"ok","data":{"receipt_number":7},"trace_id":"t"}"#),
        answer(503, None, ""),
        answer(200, None, &"x".repeat(2 * 1024 * 1024)),
    ];
    let codes = [
        Code::HubNonsense,
        Code::HubNonsense,
        Code::HubNonsense,
        Code::HubNonsense,
        Code::HubTrouble,
        Code::HubNonsense,
    ];
    world.stub.then(OPINIONS, acts);
    for code in codes {
        unknown(hub.deliver(document(1)).await, code);
    }
    world.stub.then(OPINIONS, [answer(503, Some("90"), &error("E9001")), answer(429, None, "")]);
    let pause = undelivered(hub.deliver(document(1)).await, Code::HubBusy, Scope::Hub).retry_after;
    assert_eq!(pause, Some(Duration::from_secs(90)));
    undelivered(hub.deliver(document(1)).await, Code::HubBusy, Scope::Hub);
    world.stub.then(OPINIONS, [answer(200, None, &error("E3002")), answer(200, None, &error("E3003"))]);
    assert!(matches!(hub.deliver(document(1)).await, Outcome::Refused(refusal) if refusal.code == Code::HubNoConsent));
    assert!(matches!(hub.deliver(document(1)).await, Outcome::NotLive { live_from: None, .. }));
    assert_eq!(world.stub.calls(LOGIN).len(), 1);
}

#[tokio::test]
async fn the_line_and_the_hubs_certificate() {
    for (server, scope) in [
        (Server::Expired, Scope::Operator),
        (Server::WrongName, Scope::Operator),
        // Rather the box's clock; it heals.
        (Server::Future, Scope::Hub),
    ] {
        let world = World::with(server).await;
        undelivered(world.hub().deliver(document(1)).await, Code::HubServerUntrusted, scope);
        assert!(world.stub.calls(LOGIN).is_empty());
    }
    // Another CA: something in between that opens TLS.
    let (ours, theirs) = (Ca::new(), Ca::new());
    let stub = Stub::start(theirs.server(Server::Good, &ours)).await;
    let world = World::around(ours, stub);
    let hub = world.hub();
    undelivered(hub.deliver(document(1)).await, Code::HubServerUntrusted, Scope::Operator);
    assert_eq!(hub.status().blocked, Some((Code::HubServerUntrusted, None)));

    // Nobody there.
    let world = World::new().await;
    let hub = Hub::connect(
        Config { base_url: "https://localhost:1".to_owned(), ..world.config() },
        world.ca.facility("iryo"),
        InMemory::default(),
        world.clock.clone(),
    );
    undelivered(hub.unwrap().deliver(document(1)).await, Code::HubUnreachable, Scope::Hub);
}

#[tokio::test]
async fn the_facilitys_certificate() {
    // Refused in the hub's handshake.
    let (ca, others) = (Ca::new(), Ca::new());
    let stub = Stub::start(ca.server(Server::Good, &others)).await;
    let world = World::around(ca, stub);
    let outcome = world.hub().deliver(document(1)).await;
    undelivered(outcome, Code::HubCertificateWrongKind, Scope::Operator);
    assert_eq!(world.stub.calls(LOGIN).len(), 0);
    // Refused by E1001.
    let world = World::new().await;
    world.stub.then(CAPABILITIES, [Act::Answer(403, None, error("E1001"))]);
    undelivered(world.hub().deliver(document(1)).await, Code::HubCertificateWrongKind, Scope::Operator);

    // Found here, before any connection.
    let world = World::new().await;
    let connections = || world.stub.connections.load(Ordering::SeqCst);
    undelivered(world.hub_as("online-claim").deliver(document(1)).await, Code::CertificateWrongKind, Scope::Operator);
    let foreign = Config { facility: Some("1399999999".to_owned()), ..world.config() };
    let foreign = Hub::connect(foreign, world.ca.facility("iryo"), InMemory::default(), world.clock.clone()).unwrap();
    undelivered(foreign.deliver(document(1)).await, Code::CertificateWrongFacility, Scope::Operator);
    let hub = world.hub();
    world.clock.advance(Duration::from_secs(3 * 366 * 86_400));
    undelivered(hub.deliver(document(1)).await, Code::CertificateExpired, Scope::Operator);
    assert_eq!(hub.status().blocked, Some((Code::CertificateExpired, None)));
    assert_eq!(connections(), 0);
}

#[tokio::test]
async fn a_refused_password_is_never_sent_again() {
    let world = World::new().await;
    world.stub.then(LOGIN, [Act::Answer(401, None, error("E1002"))]);
    let hub = world.hub();
    undelivered(hub.deliver(document(1)).await, Code::HubLoginRefused, Scope::Operator);
    undelivered(hub.deliver(document(1)).await, Code::HubLoginRefused, Scope::Operator);
    assert_eq!(hub.status().blocked, Some((Code::HubLoginRefused, None)));
    // Not after a restart either, nor days later, nor by reloading the same.
    let hub = world.hub();
    world.clock.advance(Duration::from_secs(86_400 * 30));
    undelivered(hub.deliver(document(1)).await, Code::HubLoginRefused, Scope::Operator);
    hub.reload(world.ca.facility("iryo"), Secret::from("correct horse")).unwrap();
    undelivered(hub.deliver(document(1)).await, Code::HubLoginRefused, Scope::Operator);
    assert_eq!(world.stub.calls(LOGIN).len(), 1);
    // A new password is another matter.
    hub.reload(world.ca.facility("iryo"), Secret::from("battery staple")).unwrap();
    assert!(matches!(hub.deliver(document(1)).await, Outcome::Accepted(_)));
    assert_eq!(hub.status().blocked, None);
    let remembered = world.memory.recall("hub.login").await.unwrap().unwrap();
    for secret in ["correct", "battery", "KJ0000"] {
        assert!(!remembered.contains(secret));
    }
}

#[tokio::test]
async fn a_locked_account_is_left_alone_until_its_end() {
    let world = World::new().await;
    let locked = r#"{"result":"error","errors":[{"code":"E1003","locked_until":"2026-11-22T00:20:00Z"}]}"#;
    world.stub.then(LOGIN, [Act::Answer(403, None, locked.to_owned())]);
    let until = Some("2026-11-22T00:20:00Z".parse().unwrap());
    for hub in [world.hub(), world.hub()] {
        let trouble = undelivered(hub.deliver(document(1)).await, Code::HubAccountLocked, Scope::Hub);
        assert_eq!(trouble.until, until);
        assert_eq!(hub.status().blocked, Some((Code::HubAccountLocked, until)));
    }
    assert_eq!(world.stub.calls(LOGIN).len(), 1);
    world.clock.advance(Duration::from_secs(20 * 60));
    assert!(matches!(world.hub().deliver(document(1)).await, Outcome::Accepted(_)));
}

#[tokio::test]
async fn logins_with_lost_answers_are_counted_and_a_dead_hub_costs_none() {
    let world = World::new().await;
    // A hub behind a proxy that is down: found out without the password.
    world.stub.then(CAPABILITIES, vec![Act::Answer(503, None, HTML.to_owned()); 5]);
    for _ in 0..5 {
        undelivered(world.hub().deliver(document(1)).await, Code::HubTrouble, Scope::Hub);
    }
    assert_eq!(world.stub.calls(LOGIN).len(), 0);

    world.stub.then(LOGIN, [Act::CutAfterEffect, Act::Answer(200, None, HTML.to_owned())]);
    undelivered(world.hub().deliver(document(1)).await, Code::HubUnreachable, Scope::Hub);
    undelivered(world.hub().deliver(document(1)).await, Code::HubNonsense, Scope::Hub);
    let trouble = undelivered(world.hub().deliver(document(1)).await, Code::HubLoginCautious, Scope::Hub);
    assert_eq!(trouble.until, Some("2026-11-22T00:30:00Z".parse().unwrap()));
    assert_eq!(world.stub.calls(LOGIN).len(), 2);
    world.clock.advance(Duration::from_secs(30 * 60));
    assert!(matches!(world.hub().deliver(document(1)).await, Outcome::Accepted(_)));
}

#[tokio::test]
async fn many_deliveries_share_one_login() {
    let world = World::new().await;
    let hub = world.hub();
    let outcomes = futures_util::future::join_all((1..=20).map(|key| hub.deliver(document(key)))).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Accepted(_))));
    assert_eq!(world.stub.calls(LOGIN).len(), 1);

    let world = World::new().await;
    world.stub.then(LOGIN, [Act::Answer(200, None, error("E9001"))]);
    let hub = world.hub();
    let outcomes = futures_util::future::join_all((1..=20).map(|key| hub.deliver(document(key)))).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::NotDelivered(_))));
    assert_eq!(world.stub.calls(LOGIN).len(), 1, "a failure is shared as well");

    // Also with whoever comes while the login is on its way: two lost answers in a row would keep all of them waiting for half an hour.
    let world = World::new().await;
    world.stub.then(LOGIN, [Act::Hang]);
    let mut config = world.config();
    config.timeouts.answer = Duration::from_secs(3);
    let hub = Hub::connect(config, world.ca.facility("iryo"), world.memory.clone(), world.clock.clone()).unwrap();
    let late = async {
        while world.stub.calls(LOGIN).is_empty() {
            tokio::task::yield_now().await;
        }
        hub.deliver(document(2)).await
    };
    let (first, late) = tokio::join!(hub.deliver(document(1)), late);
    undelivered(first, Code::HubTimeout, Scope::Hub);
    undelivered(late, Code::HubTimeout, Scope::Hub);
    assert_eq!(world.stub.calls(LOGIN).len(), 1);
}

#[tokio::test]
async fn tokens_are_refreshed_once_before_their_end() {
    let world = World::new().await;
    let hub = world.hub();
    hub.deliver(document(1)).await;
    world.clock.advance(Duration::from_secs(56 * 60));
    hub.deliver(document(2)).await;
    assert_eq!((world.stub.calls(LOGIN).len(), world.stub.calls(REFRESH).len()), (1, 1));
    assert_eq!(world.stub.calls(OPINIONS)[1].bearer.as_deref(), Some("Bearer a2"));

    // A refresh whose answer is lost may have been used up: one login.
    world.clock.advance(Duration::from_secs(56 * 60));
    world.stub.then(REFRESH, [Act::CutAfterEffect]);
    assert!(matches!(hub.deliver(document(3)).await, Outcome::Accepted(_)));
    assert_eq!((world.stub.calls(LOGIN).len(), world.stub.calls(REFRESH).len()), (2, 2));

    // After a night both are over.
    world.clock.advance(Duration::from_secs(9 * 3600));
    assert!(matches!(hub.deliver(document(4)).await, Outcome::Accepted(_)));
    assert_eq!((world.stub.calls(LOGIN).len(), world.stub.calls(REFRESH).len()), (3, 2));

    // Where both are lost before the end, the token serves to it: a second lost log-in would keep everybody waiting for half an hour.
    world.clock.advance(Duration::from_secs(56 * 60));
    world.stub.then(REFRESH, [Act::CutAfterEffect]);
    world.stub.then(LOGIN, [Act::CutAfterEffect]);
    let both = tokio::join!(hub.deliver(document(7)), hub.deliver(document(8)));
    assert!(matches!(both, (Outcome::Accepted(_), Outcome::Accepted(_))), "{both:?}");
    assert!(matches!(hub.deliver(document(9)).await, Outcome::Accepted(_)));
    assert_eq!((world.stub.calls(LOGIN).len(), world.stub.calls(REFRESH).len()), (4, 3));
    world.clock.advance(Duration::from_secs(31 * 60));
    assert!(matches!(hub.deliver(document(10)).await, Outcome::Accepted(_)));
    assert_eq!((world.stub.calls(LOGIN).len(), world.stub.calls(REFRESH).len()), (5, 3));

    // Trouble on an early refresh harms nobody while the token lives.
    world.clock.advance(Duration::from_secs(56 * 60));
    world.stub.then(REFRESH, [Act::Answer(503, None, error("E9001"))]);
    assert!(matches!(hub.deliver(document(5)).await, Outcome::Accepted(_)));
    assert!(matches!(hub.deliver(document(6)).await, Outcome::Accepted(_)));
    assert_eq!((world.stub.calls(LOGIN).len(), world.stub.calls(REFRESH).len()), (5, 5));
}

#[tokio::test]
async fn a_stale_token_is_refreshed_once_then_replaced_by_one_login() {
    let world = World::new().await;
    let hub = world.hub();
    hub.deliver(document(1)).await;
    let stale = || Act::Answer(401, None, error("E1004"));
    world.stub.then(LOOKUP, [stale(), stale()]);
    assert!(matches!(hub.lookup(Uuid::from_u128(1)).await, LookupOutcome::Accepted(_)));
    assert_eq!((world.stub.calls(LOGIN).len(), world.stub.calls(REFRESH).len()), (2, 1));

    world.stub.then(LOOKUP, [stale(), stale(), stale()]);
    let LookupOutcome::Trouble(trouble) = hub.lookup(Uuid::from_u128(1)).await else { panic!() };
    assert_eq!((trouble.code, trouble.scope), (Code::HubTrouble, Scope::Hub));
    assert_eq!((world.stub.calls(LOGIN).len(), world.stub.calls(REFRESH).len()), (3, 2));

    // A document that met one comes again, and then passes.
    assert!(matches!(hub.deliver(document(2)).await, Outcome::Accepted(_)));
    world.stub.then(OPINIONS, [stale()]);
    undelivered(hub.deliver(document(3)).await, Code::HubTrouble, Scope::Try);
    assert!(matches!(hub.deliver(document(3)).await, Outcome::Accepted(_)));
}

/// What comes again on a connection is left over from the request before. That the hub has nothing of the next document, or that its key or
/// its token is unknown, is never read from it.
#[tokio::test]
async fn an_answer_that_comes_again_is_believed_of_no_other_document() {
    let world = World::new().await;
    let hub = world.hub();
    hub.deliver(document(1)).await;
    let mut key = 10;
    for (status, text, code) in [
        (503, error("E9001"), Code::HubTrouble),
        (429, error("E9001"), Code::HubBusy),
        (429, HTML.to_owned(), Code::HubBusy),
        (401, error("E1004"), Code::HubTrouble),
        (403, error("E1001"), Code::HubCertificateWrongKind),
        (404, error("E2000"), Code::HubNotOffered),
    ] {
        let same = || Act::Same(status, text.clone());
        world.stub.then(OPINIONS, [same(), same()]);
        let Outcome::NotDelivered(first) = hub.deliver(document(key)).await else { panic!("{status} {text}") };
        assert_eq!(first.code, code, "{status} {text}");
        if code == Code::HubTrouble && status == 401 {
            // The token was renewed in between: what came before is another answer.
            undelivered(hub.deliver(document(key + 1)).await, code, Scope::Try);
        } else {
            unknown(hub.deliver(document(key + 1)).await, Code::HubUnreachable);
        }
        // It is asked about, and goes again under the same key.
        assert_eq!(hub.lookup(Uuid::from_u128(key + 1)).await, LookupOutcome::Unseen);
        assert!(matches!(hub.deliver(document(key + 1)).await, Outcome::Accepted(_)), "{status} {text}");
        key += 2;
    }

    // Nor that the hub does not know a key: then it would be taken not to have the document.
    world.stub.then(LOOKUP, [Act::Same(404, error("E4040")), Act::Same(404, error("E4040"))]);
    assert_eq!(hub.lookup(Uuid::from_u128(9)).await, LookupOutcome::Unseen);
    assert!(matches!(hub.lookup(Uuid::from_u128(1)).await, LookupOutcome::Accepted(_)));

    // A proxy's page decides nothing, and means this request as well.
    world.stub.then(OPINIONS, [Act::Same(503, HTML.to_owned()), Act::Same(503, HTML.to_owned())]);
    unknown(hub.deliver(document(7)).await, Code::HubTrouble);
    unknown(hub.deliver(document(8)).await, Code::HubTrouble);
}

#[tokio::test]
async fn what_a_hub_does_not_offer() {
    let world = World::new().await;
    // No such path: the known parts only, and opinions are not among them.
    world.stub.then(CAPABILITIES, [Act::Answer(404, None, error("E2000"))]);
    let hub = world.hub();
    undelivered(hub.deliver(document(1)).await, Code::HubNotOffered, Scope::Operator);
    assert_eq!(hub.lookup(Uuid::from_u128(1)).await, LookupOutcome::NotOffered);
    assert_eq!(hub.changes(None).await.unwrap_err().code, Code::HubNotOffered);
    assert_eq!(world.stub.calls(CAPABILITIES).len(), 1, "believed for an hour");
    world.clock.advance(Duration::from_secs(3601));
    assert!(matches!(hub.deliver(document(1)).await, Outcome::Accepted(_)));

    world.stub.then(OPINIONS, [Act::Answer(404, None, error("E2000"))]);
    undelivered(hub.deliver(document(2)).await, Code::HubNotOffered, Scope::Operator);
    world.stub.then(LOOKUP, [Act::Answer(404, None, error("E2000"))]);
    assert_eq!(hub.lookup(Uuid::from_u128(2)).await, LookupOutcome::NotOffered);
}

#[tokio::test]
async fn an_expired_cursor_starts_the_feed_again() {
    let world = World::new().await;
    let hub = world.hub();
    world.stub.then(CHANGES, [Act::Answer(404, None, error("E4040"))]);
    let page = hub.changes(Some("old".to_owned())).await.unwrap();
    assert_eq!((page.restarted, page.items.len()), (true, 1));
    world.stub.then(CHANGES, vec![Act::Answer(200, None, HTML.to_owned())]);
    assert_eq!(hub.changes(None).await.unwrap_err().code, Code::HubNonsense);
}

#[tokio::test]
async fn a_new_certificate_needs_a_new_token() {
    let world = World::new().await;
    let hub = world.hub();
    hub.deliver(document(1)).await;
    hub.reload(world.ca.facility("iryo"), Secret::from("correct horse")).unwrap();
    assert!(matches!(hub.deliver(document(2)).await, Outcome::Accepted(_)));
    assert_eq!(world.stub.calls(LOGIN).len(), 2);
    assert_eq!(world.stub.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn setting_up_needs_no_network_and_says_what_is_wrong() {
    let world = World::new().await;
    let connect = |config| Hub::connect(config, world.ca.facility("iryo"), InMemory::default(), world.clock.clone());
    for base_url in ["http://localhost", "https://localhost/path", "localhost", "https://u:p@localhost", ""] {
        let base_url = base_url.to_owned();
        let setup = connect(Config { base_url, ..world.config() });
        assert!(matches!(setup.err(), Some(HubSetupError::Address)));
    }
    let setup = connect(Config { ca_pem: Vec::new(), ..world.config() });
    assert!(matches!(setup.err(), Some(HubSetupError::Ca(_))));
    let password = SecretSource::File("/nonexistent".into());
    let setup = connect(Config { password, ..world.config() });
    assert!(matches!(setup.err(), Some(HubSetupError::Password(_))));
    assert!(connect(world.config()).is_ok());
}
