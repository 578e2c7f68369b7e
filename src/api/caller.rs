//! The door: who is asking, and whether they may.

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::task::TaskTracker;

use super::Api;
use super::person::acting;
use super::problem::{Failure, Place};
use super::shown::Shown;
use super::standing::Ties;
use crate::fault::Code;
use crate::task;
use crate::terminal::{Caller, ClientCertificate, Credential, Right};

/// The header that says which facility a request is for.
pub(super) const FACILITY: HeaderName = HeaderName::from_static("engawa-facility");

/// The other end of a connection, as the kernel vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// Any program of this machine, on the loopback port.
    Network(SocketAddr),
    /// Somebody on the LAN, over TLS.
    Lan {
        /// Its address.
        address: SocketAddr,
        /// The client certificate, of the box's own authority, where one was shown.
        certificate: Option<Arc<ClientCertificate>>,
    },
    /// Root or the daemon's own user, on the Unix socket.
    Administrator,
    /// Another user of this machine, on the Unix socket.
    User(u32),
}

impl Peer {
    /// The address it came from; `None` on the Unix socket.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Network(address) | Self::Lan { address, .. } => Some(address.ip()),
            Self::Administrator | Self::User(_) => None,
        }
    }
}

/// What a request knows of the connection it came on.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    line: Arc<Line>,
    /// The seat of the request, kept by its detached work: whoever breaks off and asks again takes another one.
    pub(super) seat: Option<Arc<OwnedSemaphorePermit>>,
}

/// What all requests of one connection share.
#[derive(Debug)]
pub(super) struct Line {
    /// Who is at the other end.
    pub(super) peer: Peer,
    /// Turns true when the endpoint stops.
    pub(super) stopping: watch::Receiver<bool>,
    /// Work that goes on when the client has gone, and that a shutdown waits for.
    pub(super) work: TaskTracker,
    /// In whose name it is used.
    pub(super) ties: Ties,
}

impl From<Line> for Connection {
    fn from(line: Line) -> Self {
        Self { line: Arc::new(line), seat: None }
    }
}

impl Deref for Connection {
    type Target = Line;

    fn deref(&self) -> &Line {
        &self.line
    }
}

impl Connection {
    /// Runs `work` to its end, whether or not anyone still waits for its result.
    ///
    /// # Errors
    /// `GATEWAY_INTERNAL` if it panicked.
    pub(super) async fn detach<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let seat = self.seat.clone();
        let (tell, told) = tokio::sync::oneshot::channel();
        task::spawn_on(&self.work, async move {
            let done = work.await;
            drop(seat);
            let _ = tell.send(done);
        });
        told.await.map_err(|_| Failure::from(Code::GatewayInternal).because(Panicked))
    }
}

/// Stands for tokio's own error, which quotes the panic's words, and those may quote the document.
#[derive(Debug, thiserror::Error)]
#[error("a task panicked")]
struct Panicked;

impl<S: Sync> FromRequestParts<S> for Connection {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        connection(parts).cloned()
    }
}

fn connection(parts: &Parts) -> Result<&Connection, Failure> {
    // Only `serve` hands requests to the router, and it always says where they come from.
    parts.extensions.get::<Connection>().ok_or(Failure::from(Code::GatewayInternal))
}

/// A caller who holds a right that `N` names.
pub(super) struct With<N> {
    /// The caller.
    pub(super) caller: Caller,
    right: PhantomData<N>,
}

/// Whom a route lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// Everybody, also without a credential.
    Open,
    /// Everybody on the box; on the LAN whoever has logged in, or holds one of the route's rights.
    Inside,
    /// A paired browser, whether or not somebody has logged in there.
    Browser,
    /// Whoever has logged in at a paired browser, also with a one-time password.
    Person,
    /// A software terminal that shows its certificate, also one that has run out; the handler looks at it.
    Certificate,
    /// Whoever holds one of the route's rights.
    Rights,
    /// Whoever holds one of the route's rights at the first facility, and the administrator of the box, for whatever facility: what is done
    /// is done to all of the box.
    Box,
    /// The administrator of the box, on the Unix socket, alone: no right stands for it.
    Local,
}

/// Rights as a type, so that a handler's arguments say what it needs.
pub(super) trait Needs {
    /// Who is let in.
    const DOOR: Door = Door::Rights;
    /// Any one of these is enough.
    const RIGHTS: &'static [Right];
}

macro_rules! needs {
    ($( $name:ident = $( $right:ident )|+; )+) => { $(
        #[doc = concat!("[`Right`] as a type: ", stringify!($( $right )|+), ".")]
        pub(super) struct $name;
        impl Needs for $name {
            const RIGHTS: &'static [Right] = &[$( Right::$right ),+];
        }
    )+ };
}

/// Everybody may come, also without a credential.
pub(super) struct Open;
impl Needs for Open {
    const DOOR: Door = Door::Open;
    const RIGHTS: &'static [Right] = &[];
}

/// Everybody on the box, and those of the LAN who look after it.
pub(super) struct Inside;
impl Needs for Inside {
    const DOOR: Door = Door::Inside;
    const RIGHTS: &'static [Right] = &[Right::Read, Right::Admin];
}

/// The administrator on the box itself.
pub(super) struct OnTheBox;
impl Needs for OnTheBox {
    const DOOR: Door = Door::Local;
    const RIGHTS: &'static [Right] = &[Right::Admin];
}

/// An administrator of the box: of its first facility, or on the box itself.
pub(super) struct OfTheBox;
impl Needs for OfTheBox {
    const DOOR: Door = Door::Box;
    const RIGHTS: &'static [Right] = &[Right::Admin];
}

/// A software terminal with its certificate.
pub(super) struct Certificate;
impl Needs for Certificate {
    const DOOR: Door = Door::Certificate;
    const RIGHTS: &'static [Right] = &[];
}

/// A browser, whether or not somebody has logged in there.
pub(super) struct Browser;
impl Needs for Browser {
    const DOOR: Door = Door::Browser;
    const RIGHTS: &'static [Right] = &[];
}

/// Somebody who has logged in.
pub(super) struct LoggedIn;
impl Needs for LoggedIn {
    const DOOR: Door = Door::Person;
    const RIGHTS: &'static [Right] = &[];
}

needs! {
    Submit = Submit;
    CardApdu = CardApdu;
    Read = Read;
    Manage = Manage;
    Receive = Receive;
    Card = Card;
    Listen = Read | Card;
    Follow = Card | Manage;
    Admin = Admin;
}

impl<N: Needs, S: Sync> FromRequestParts<S> for With<N> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        admitted(parts, N::RIGHTS).map(|caller| Self { caller, right: PhantomData })
    }
}

/// The caller whom the door let in, if it holds `right` as well.
///
/// # Errors
/// `AUTH_FORBIDDEN`.
pub(super) fn authorise(parts: &Parts, right: Right) -> Result<Caller, Failure> {
    admitted(parts, &[right])
}

fn admitted(parts: &Parts, rights: &[Right]) -> Result<Caller, Failure> {
    // Whoever has not passed the door is nobody.
    let caller = parts.extensions.get::<Caller>().ok_or(Code::AuthMissing)?;
    permitted(caller, rights)?;
    Ok(caller.clone())
}

fn permitted(caller: &Caller, rights: &[Right]) -> Result<(), Failure> {
    let may = rights.iter().any(|right| caller.may(*right));
    if may { Ok(()) } else { Err(Code::AuthForbidden.into()) }
}

/// The door: establishes the caller and the person, and that `door` is theirs: that they hold one of `rights` where it asks for one.
///
/// # Errors
/// `AUTH_MISSING`, `AUTH_INVALID`, `AUTH_AMBIGUOUS`, `AUTH_FORBIDDEN`, `ORIGIN_FOREIGN`, `TERMINAL_…`, what [`acting_for`] and [`acting`]
/// say, or the code of a store that cannot be read.
pub(super) async fn admit(api: &Api, parts: &Parts, door: Door, rights: &[Right]) -> Result<Caller, TurnedAway> {
    let caller = authenticate(api, parts).await.map_err(|failure| TurnedAway { caller: None, failure })?;
    let caller = match acting_for(api, &parts.headers, &caller) {
        Ok(facility) => Caller { facility, ..caller },
        Err(failure) => return Err(TurnedAway { caller: Some(caller), failure }),
    };
    let known = caller.clone();
    let caller = match acting(api, parts, caller, door).await {
        Ok(caller) => caller,
        Err(failure) => return Err(TurnedAway { caller: Some(known), failure }),
    };
    let by_right = door == Door::Rights || (door == Door::Inside && !caller.browser);
    let permitted = match door {
        Door::Local if caller.credential != Credential::Local => Err(Code::AuthForbidden.into()),
        Door::Box => permitted(&caller, rights).and_then(|()| of_the_box(api, &caller)),
        _ if by_right => permitted(&caller, rights),
        _ => Ok(()),
    };
    match permitted {
        Ok(()) => Ok(caller),
        Err(failure) => Err(TurnedAway { caller: Some(caller), failure }),
    }
}

/// That somebody may decide over what is every facility's.
///
/// # Errors
/// `AUTH_FORBIDDEN`.
fn of_the_box(api: &Api, caller: &Caller) -> Result<(), Failure> {
    if caller.credential == Credential::Local || caller.facility == api.config.facility {
        return Ok(());
    }
    let place = Place::nowhere(
        "ADMINISTRATOR_OF_BOX",
        "これは機器全体（すべての事業所）に及ぶため、最初の事業所（engawa.toml の事業所）の管理者か、機器の上の管理者だけができます。",
        "This is about the whole box, with all of its facilities: only administrators of the first one (the one of engawa.toml), and whoever administers the box itself, may do it.",
    );
    Err(Failure::here(Code::AuthForbidden, place))
}

/// Somebody who is not let in.
pub(super) struct TurnedAway {
    /// Who it is, if that is known.
    pub(super) caller: Option<Caller>,
    /// Why.
    pub(super) failure: Failure,
}

/// Whether a request comes over the LAN.
pub(super) fn from_lan(parts: &Parts) -> bool {
    connection(parts).is_ok_and(|connection| matches!(connection.peer, Peer::Lan { .. }))
}

/// The facility that a caller acts for: that of its credential, or the one that the administrator of the box names.
///
/// # Errors
/// `AUTH_FORBIDDEN` if a caller names another facility than its own: its software has taken the wrong key. `FACILITY_GONE` if the settings
/// do not name its own, `FACILITY_UNKNOWN` if they do not name the administrator's.
pub(super) fn acting_for(api: &Api, headers: &HeaderMap, caller: &Caller) -> Result<String, Failure> {
    let mut named = headers.get_all(FACILITY).iter();
    if caller.credential != Credential::Local {
        let own = named.all(|name| name.as_bytes() == caller.facility.as_bytes());
        let desk = api.desk(&caller.facility);
        return if own { desk.map(|desk| desk.facility.clone()) } else { Err(another()) };
    }
    let Some(name) = named.next() else { return Ok(caller.facility.clone()) };
    let same = named.all(|other| other == name);
    let desk = name.to_str().ok().filter(|_| same).and_then(|number| api.desk(number).ok());
    desk.map(|desk| desk.facility.clone()).ok_or(Code::FacilityUnknown.into())
}

fn another() -> Failure {
    Failure::here(
        Code::AuthForbidden,
        Place::parameter(
            "Engawa-Facility",
            "FACILITY_OTHER",
            "このキーや端末は、そこに書かれた事業所のものではありません。事業所ごとのキーを使ってください。",
            "The key or terminal is not of the facility named there. Use the one of that facility.",
        ),
    )
}

/// Whether the administrator of the box asks for all of it: for no facility in particular.
pub(super) fn for_whole_box(headers: &HeaderMap, caller: &Caller) -> bool {
    caller.credential == Credential::Local && !headers.contains_key(FACILITY)
}

/// Who looks at how the gateway is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Onlooker {
    /// Somebody of the LAN without a credential.
    Stranger,
    /// Somebody on the box without a credential.
    OnTheBox,
    /// The administrator on the box, for no facility in particular.
    Administrator,
    /// Somebody of this facility.
    Of(String),
}

/// Who is looking, where a credential is no condition.
///
/// # Errors
/// What [`acting_for`] says.
pub(super) async fn onlooker(api: &Api, parts: &Parts) -> Result<Onlooker, Failure> {
    let Ok(caller) = authenticate(api, parts).await else {
        return Ok(if from_lan(parts) { Onlooker::Stranger } else { Onlooker::OnTheBox });
    };
    let facility = acting_for(api, &parts.headers, &caller)?;
    let whole = for_whole_box(&parts.headers, &caller);
    Ok(if whole { Onlooker::Administrator } else { Onlooker::Of(facility) })
}

/// Whatever is shown counts before the socket: an administrator can try out what a key may do. Who shows several things has to be one
/// and the same by all of them.
async fn authenticate(api: &Api, parts: &Parts) -> Result<Caller, Failure> {
    let peer = &connection(parts)?.peer;
    let from = peer.address();
    let shown = Shown::of(parts, peer)?;
    let mut caller = None;
    if let Some(certificate) = shown.certificate {
        agreed(&mut caller, api.terminals.by_certificate(certificate, from).await?)?;
    }
    if let Some(cookie) = shown.cookie {
        agreed(&mut caller, api.terminals.by_cookie(cookie, from).await?)?;
    }
    if let Some(key) = shown.key {
        agreed(&mut caller, api.keys.verify(key, from).await?)?;
    }
    match (caller, peer) {
        (Some(caller), _) => Ok(caller),
        (None, Peer::Administrator) => Ok(Caller::local(&api.config.facility)),
        (None, _) => Err(Code::AuthMissing.into()),
    }
}

fn agreed(caller: &mut Option<Caller>, also: Caller) -> Result<(), Failure> {
    match caller {
        Some(caller) if caller.id != also.id => Err(Code::AuthAmbiguous.into()),
        _ => {
            *caller = Some(also);
            Ok(())
        }
    }
}
