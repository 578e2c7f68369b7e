//! The room alone, with a clock that can be moved: windows that are late, terminals that sleep, certificates that run out.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use engawa::clock::Clock;
use engawa::credential::Authority;
use engawa::fault::Code;
use engawa::store::{Store, StoreTask};
use engawa::terminal::{
    ApiKey, Caller, ClientCertificate, Config, KeyError, Keys, Kind, NewKey, NewWindow, Offer, Paired, PairingCode,
    Right, State, TerminalError, TerminalId, Terminals,
};

use super::house::Software;

pub(super) const FACILITY: &str = "1370000018";
pub(super) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 10, 5));
pub(super) const DAY: Duration = Duration::from_secs(86_400);

pub(super) struct Room {
    pub(super) terminals: Terminals,
    pub(super) keys: Keys,
    pub(super) clock: Clock,
    _task: StoreTask,
    _directory: tempfile::TempDir,
}

impl Room {
    pub(super) async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2026-06-01T00:00:00Z".parse().unwrap());
        let (store, task) = Store::open(directory.path(), clock.clone(), Arc::new(|_, _| {})).await.unwrap();
        let authority = Arc::new(Authority::open_or_make(directory.path(), clock.now()).unwrap());
        let keys = Keys::new(store.clone(), clock.clone());
        let config = Config { address: "https://box.local:8471".to_owned(), secret: [9; 32] };
        let terminals = Terminals::new(store, keys.clone(), Some(authority), config, clock.clone());
        Self { terminals, keys, clock, _task: task, _directory: directory }
    }

    pub(super) async fn window(&self, kind: Kind) -> PairingCode {
        let rights = BTreeSet::from([Right::Submit, Right::Read]);
        let (facility, opened_by) = (FACILITY.to_owned(), "local".to_owned());
        let new = NewWindow {
            facility,
            label: "受付".to_owned(),
            kind,
            rights,
            person: None,
            networks: Vec::new(),
            opened_by,
        };
        self.terminals.open_window(new).await.unwrap().code
    }

    pub(super) async fn offer(
        &self,
        code: PairingCode,
        csr: Option<String>,
    ) -> Result<(Caller, Paired), TerminalError> {
        self.terminals.pair(Offer { code, csr, browser: true, from: HERE }).await
    }

    async fn browser(&self) -> (TerminalId, String) {
        let code = self.window(Kind::Browser).await;
        match self.offer(code, None).await.unwrap().1 {
            Paired::Browser { id, cookie, .. } => (id, cookie.to_string()),
            _ => panic!("another kind"),
        }
    }

    pub(super) async fn software(&self) -> (TerminalId, Vec<u8>) {
        let code = self.window(Kind::Software).await;
        match self.offer(code, Some(Software::new().csr())).await.unwrap().1 {
            Paired::Software { id, certificate, .. } => (id, der(&certificate.pem)),
            _ => panic!("another kind"),
        }
    }

    pub(super) async fn state(&self, id: &TerminalId) -> State {
        let listed = self.terminals.list(FACILITY).await.unwrap();
        listed.iter().find(|record| record.id == *id).unwrap().state(self.clock.now())
    }
}

pub(super) fn der(pem: &str) -> Vec<u8> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

pub(super) fn code<T>(result: Result<T, TerminalError>) -> Option<Code> {
    result.err().map(|error| error.code())
}

#[tokio::test]
async fn a_late_code_opens_nothing() {
    let room = Room::open().await;
    let pairing = room.window(Kind::Key).await;
    let signs = pairing.signs().to_string();
    room.clock.advance(Duration::from_secs(600));
    assert_eq!(code(room.offer(pairing, None).await), Some(Code::PairingRefused));
    assert!(room.terminals.windows(FACILITY).await.unwrap().is_empty());
    // One second earlier it would have.
    let pairing = room.window(Kind::Key).await;
    room.clock.advance(Duration::from_secs(599));
    assert!(room.offer(PairingCode::parse(&pairing.signs()).unwrap(), None).await.is_ok());
    assert_eq!(code(room.offer(PairingCode::parse(&signs).unwrap(), None).await), Some(Code::PairingRefused));
}

#[tokio::test]
async fn of_many_who_have_the_code_one_pairs() {
    let room = Room::open().await;
    let pairing = room.window(Kind::Key).await;
    let tries = (0..4).map(|_| room.offer(PairingCode::parse(&pairing.signs()).unwrap(), None));
    let paired = futures_util::future::join_all(tries).await;
    assert_eq!(paired.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(room.keys.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn windows_are_bounded_and_end_by_themselves() {
    let room = Room::open().await;
    for _ in 0..engawa::terminal::pairing::WINDOWS {
        room.window(Kind::Key).await;
    }
    let rights = BTreeSet::from([Right::Read]);
    let new = NewWindow {
        facility: FACILITY.to_owned(),
        label: "x".to_owned(),
        kind: Kind::Key,
        rights,
        person: None,
        networks: Vec::new(),
        opened_by: "local".to_owned(),
    };
    assert_eq!(code(room.terminals.open_window(new.clone()).await), Some(Code::PairingWindows));
    // Another facility has its own.
    let other = NewWindow { facility: "1370000026".to_owned(), ..new.clone() };
    let opened = room.terminals.open_window(other).await.unwrap();
    assert!(room.offer(opened.code, None).await.is_ok());
    room.clock.advance(Duration::from_secs(600));
    assert_eq!(code(room.terminals.open_window(new).await), None);
}

#[tokio::test]
async fn a_terminal_that_sleeps_is_shut_until_it_is_opened_again() {
    let room = Room::open().await;
    let (id, cookie) = room.browser().await;
    room.clock.advance(DAY * 29);
    let caller = room.terminals.by_cookie(&cookie, Some(HERE)).await.unwrap();
    assert!(caller.browser && caller.facility == FACILITY && caller.may(Right::Submit) && !caller.may(Right::Admin));
    room.clock.advance(DAY * 30);
    assert_eq!(code(room.terminals.by_cookie(&cookie, Some(HERE)).await), Some(Code::TerminalDormant));
    assert_eq!(room.state(&id).await, State::Dormant);
    assert!(!room.terminals.stands(&caller).await.unwrap());
    assert_eq!(code(room.terminals.reopen("9999999999", &id).await), Some(Code::RequestNotFound));
    room.terminals.reopen(FACILITY, &id).await.unwrap();
    assert!(room.terminals.by_cookie(&cookie, Some(HERE)).await.is_ok());
    assert_eq!(room.state(&id).await, State::Active);
}

#[tokio::test]
async fn a_certificate_lets_in_for_a_day_and_renews_for_seven_more() {
    let room = Room::open().await;
    let (id, certificate) = room.software().await;
    let certificate = ClientCertificate::new(&certificate);
    let csr = Software::new().csr();
    let enters = || room.terminals.by_certificate(&certificate, Some(HERE));
    let renews = || room.terminals.renew(&certificate, &csr, Some(HERE));
    assert_eq!(enters().await.unwrap().id, id.to_string());
    room.clock.advance(DAY - Duration::from_secs(1));
    assert!(enters().await.is_ok());
    room.clock.advance(Duration::from_secs(1));
    assert_eq!(code(enters().await), Some(Code::TerminalCertificateExpired));
    room.clock.advance(DAY * 7);
    let (caller, renewed) = renews().await.unwrap();
    assert_eq!(caller.id, id.to_string());
    assert!(room.terminals.by_certificate(&ClientCertificate::new(&der(&renewed.pem)), Some(HERE)).await.is_ok());
    room.clock.advance(Duration::from_secs(1));
    assert_eq!(code(renews().await), Some(Code::AuthInvalid));
}

#[tokio::test]
async fn revocation_is_told_to_all_who_listen_and_stands_at_once() {
    let room = Room::open().await;
    let (id, cookie) = room.browser().await;
    let (other, certificate) = room.software().await;
    let certificate = ClientCertificate::new(&certificate);
    let caller = room.terminals.by_cookie(&cookie, Some(HERE)).await.unwrap();
    let mut listener = room.keys.revocations().listen();
    assert_eq!(code(room.terminals.revoke("9999999999", &id).await), Some(Code::RequestNotFound));
    assert!(room.terminals.stands(&caller).await.unwrap(), "another facility's administrator");
    room.terminals.revoke(FACILITY, &id).await.unwrap();
    listener.due().await;
    assert!(!room.terminals.stands(&caller).await.unwrap());
    assert_eq!(code(room.terminals.by_cookie(&cookie, Some(HERE)).await), Some(Code::AuthInvalid));
    assert_eq!(code(room.terminals.reopen(FACILITY, &id).await), Some(Code::RequestNotFound));
    assert!(room.terminals.by_certificate(&certificate, Some(HERE)).await.is_ok(), "{other}");
}

#[tokio::test]
async fn without_a_lan_only_keys_are_paired() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual("2026-06-01T00:00:00Z".parse().unwrap());
    let (store, _task) = Store::open(directory.path(), clock.clone(), Arc::new(|_, _| {})).await.unwrap();
    let keys = Keys::new(store.clone(), clock.clone());
    let terminals = Terminals::new(store, keys, None, Config::default(), clock);
    let window = |kind| NewWindow {
        facility: FACILITY.to_owned(),
        label: "x".to_owned(),
        kind,
        rights: BTreeSet::from([Right::Read]),
        person: None,
        networks: Vec::new(),
        opened_by: "local".to_owned(),
    };
    for (kind, expected) in
        [(Kind::Software, Some(Code::LanOff)), (Kind::Browser, Some(Code::LanOff)), (Kind::Key, None)]
    {
        assert_eq!(code(terminals.open_window(window(kind)).await), expected);
    }
}

/// A key of the box itself opens nothing from the LAN; one that is bound to networks opens nothing from outside them.
#[tokio::test]
async fn a_key_is_taken_only_where_it_may_be_used() {
    let room = Room::open().await;
    let unbound = NewKey::unbound("program", FACILITY, BTreeSet::from([Right::Read]));
    let bound = NewKey { networks: vec!["192.168.10.0/24".parse().unwrap()], ..unbound.clone() };
    let (own, _) = room.keys.add(unbound).await.unwrap();
    let (shared, _) = room.keys.add(bound).await.unwrap();
    let verdict = async |key: &ApiKey, from: Option<&str>| {
        let from = from.map(|text| text.parse().unwrap());
        match room.keys.verify(&key.reveal(), from).await {
            Ok(caller) => Ok(caller.from),
            Err(error) => Err(matches!(error, KeyError::Elsewhere)),
        }
    };
    for (from, here) in [(None, true), (Some("127.0.0.1"), true), (Some("::1"), true), (Some("192.168.10.5"), false)] {
        assert_eq!(verdict(&own, from).await.is_ok(), here, "{from:?}");
    }
    assert_eq!(verdict(&own, Some("192.168.10.5")).await, Err(true));
    assert!(verdict(&shared, Some("192.168.10.5")).await.is_ok());
    for from in ["192.168.11.5", "10.0.0.1", "2001:db8::1"] {
        assert_eq!(verdict(&shared, Some(from)).await, Err(true), "{from}");
    }
}
