//! One identity towards the hub: a certificate, an account, and the connections opened with them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request};
use tokio::sync::Mutex;

use super::client::{Client, Extent, IDLE_CONNECTIONS, LineFault, Seen};
use super::config::{Config, HubSetupError};
use super::failure::{Reply, classify_around, of_a_read, trouble};
use super::lockout::Account;
use super::port::{Scope, Trouble};
use super::status::Board;
use super::tls::client_config;
use super::wire::{self, Capabilities};
use crate::clock::Clock;
use crate::credential::{FacilityCertificate, Secret};
use crate::fault::Code;
use crate::model::hub_user::HubUser;

const AGENT: &str = concat!("engawa/", env!("CARGO_PKG_VERSION"));

/// Replaced as a whole by a reload; exchanges under way finish on the old one.
pub(super) struct Link {
    /// Tells certificates apart: a token works only over the one it was issued on.
    pub(super) epoch: u64,
    client: Arc<Client>,
    /// Keeps no connection.
    apart: Arc<Client>,
    pub(super) certificate: FacilityCertificate,
    pub(super) user_id: String,
    pub(super) password: Secret,
    pub(super) account: Account,
    /// Of a member of the staff: as whom and with which password, so that nobody goes on with what another password got.
    pub(super) member: Option<Account>,
    pub(super) board: Arc<Board>,
    pub(super) clock: Clock,
    offered: Arc<Mutex<Option<(Duration, Capabilities)>>>,
}

impl Link {
    pub(super) fn new(
        config: &Config,
        certificate: FacilityCertificate,
        password: Secret,
        clock: Clock,
    ) -> Result<Self, HubSetupError> {
        // A password has to travel as JSON text.
        password.text().map_err(HubSetupError::Password)?;
        let tls = client_config(&config.ca_pem, &certificate, clock.clone())?;
        Ok(Self {
            epoch: 0,
            client: Arc::new(Client::new(
                &config.base_url,
                tls.clone(),
                config.timeouts,
                IDLE_CONNECTIONS,
                clock.clone(),
            )?),
            apart: Arc::new(Client::new(&config.base_url, tls, config.timeouts, 0, clock.clone())?),
            member: None,
            account: Account::new(&config.fingerprint_key, &config.user_id, password.bytes()),
            user_id: config.user_id.clone(),
            certificate,
            password,
            board: Arc::default(),
            clock,
            offered: Arc::default(),
        })
    }

    /// The identity that follows this one. The same certificate keeps its connections and tokens.
    pub(super) fn followed_by(&self, mut next: Self) -> Self {
        if self.certificate.chain() == next.certificate.chain() {
            next.epoch = self.epoch;
            next.client = Arc::clone(&self.client);
        } else {
            next.epoch = self.epoch + 1;
        }
        next.board = Arc::clone(&self.board);
        next
    }

    /// The same connections for a member of the staff, whose troubles stand on a board of their own.
    pub(super) fn for_member(&self, user: &HubUser, password: Secret, key: &[u8; 32], board: Arc<Board>) -> Self {
        let account = Account::new(key, user.reveal(), password.bytes());
        Self {
            epoch: self.epoch,
            client: Arc::clone(&self.client),
            apart: Arc::clone(&self.apart),
            certificate: self.certificate.clone(),
            member: Some(account.clone()),
            account,
            user_id: user.reveal().to_owned(),
            password,
            board,
            clock: self.clock.clone(),
            offered: Arc::clone(&self.offered),
        }
    }

    /// A small exchange.
    pub(super) async fn exchange(&self, request: Request<Bytes>) -> (Seen, Reply) {
        self.exchange_extent(request, Extent::Short).await
    }

    async fn exchange_extent(&self, request: Request<Bytes>, extent: Extent) -> (Seen, Reply) {
        let seen = self.client.exchange(request, extent).await;
        let reply = self.board.saw(&seen, self.clock.now());
        (seen, reply)
    }

    /// A small exchange over a connection of its own: one that idled may be closed by the hub at the very moment it is used,
    /// and over HTTP/1.1 what is left on it of an earlier answer would pass for this one's.
    pub(super) async fn exchange_apart(&self, request: Request<Bytes>) -> (Seen, Reply) {
        let seen = self.apart.exchange(request, Extent::Short).await;
        let reply = self.board.saw(&seen, self.clock.now());
        (seen, reply)
    }

    /// A small exchange without effect: repeated once when its connection broke, because the hub may close an idle
    /// connection at the very moment it is used.
    pub(super) async fn read(&self, build: impl Fn() -> Request<Bytes> + Send) -> (Seen, Reply) {
        self.read_extent(build, Extent::Short).await
    }

    /// As [`Link::read`], of a page of a list.
    pub(super) async fn read_list(&self, build: impl Fn() -> Request<Bytes> + Send) -> (Seen, Reply) {
        self.read_extent(build, Extent::List).await
    }

    async fn read_extent(&self, build: impl Fn() -> Request<Bytes> + Send, extent: Extent) -> (Seen, Reply) {
        match self.exchange_extent(build(), extent).await {
            (Seen::Lost(LineFault::Cut) | Seen::Unsent(LineFault::Cut), _) => {
                self.exchange_extent(build(), extent).await
            }
            answered => answered,
        }
    }

    /// As [`Link::read`], of a unit: its data stays as it came.
    pub(super) async fn read_unit(&self, build: impl Fn() -> Request<Bytes> + Send) -> Reply<Bytes> {
        let seen = match self.client.exchange(build(), Extent::Unit).await {
            Seen::Lost(LineFault::Cut) | Seen::Unsent(LineFault::Cut) => {
                self.client.exchange(build(), Extent::Unit).await
            }
            answered => answered,
        };
        let now = self.clock.now();
        self.board.heard(classify_around(&seen, now), now)
    }

    /// An exchange with a streamed body.
    pub(super) async fn stream(&self, request: Request<super::DeliveryBody>, length: u64) -> (Seen, Reply) {
        let seen = self.client.stream(request, length).await;
        let reply = self.board.saw(&seen, self.clock.now());
        (seen, reply)
    }

    /// What the hub offers, from an answer at most `age` old. Needs no token, so it also proves, before a password is
    /// risked, that a hub is there and takes the certificate.
    pub(super) async fn offered(&self, age: Duration) -> Result<Capabilities, Trouble> {
        let mut offered = self.offered.lock().await;
        if let Some((at, capabilities)) = offered.as_ref()
            && self.clock.elapsed().saturating_sub(*at) <= age
        {
            return Ok(capabilities.clone());
        }
        let capabilities = match self.read(|| request(Method::GET, wire::CAPABILITIES, Bytes::new())).await.1 {
            Reply::Ok { data, trace_id } => {
                Capabilities::parse(&data).ok_or(Trouble { trace_id, ..trouble(Code::HubNonsense, Scope::Hub) })?
            }
            Reply::NotOffered(_) => wire::known_parts(),
            other => return Err(self.board.stopped(of_a_read(other))),
        };
        *offered = Some((self.clock.elapsed(), capabilities.clone()));
        Ok(capabilities)
    }
}

/// A request with what all of them carry. Its URI is a path.
pub(super) fn request<B>(method: Method, path: &str, body: B) -> Request<B> {
    let mut request = Request::new(body);
    let posts = method == Method::POST;
    *request.method_mut() = method;
    // Every path is a constant of `wire`, with an escaped cursor or id at most.
    if let Ok(uri) = path.parse() {
        *request.uri_mut() = uri;
    }
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if posts {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    request
}

/// The same request, with the token.
pub(super) fn authorized<B>(mut request: Request<B>, bearer: HeaderValue) -> Request<B> {
    request.headers_mut().insert(AUTHORIZATION, bearer);
    request
}
