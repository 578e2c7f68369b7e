//! The calls, but for opinions and care plans. Each runs on a thread that may wait for the disk.

use bytes::Bytes;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Answer, Operation, careplans, identity, opinions};
use crate::cli::Failure;
use crate::digest::sha256;
use crate::faults::{Fault, Kind, spoil};
use crate::hub::accounts::Tamper;
use crate::hub::{Event, HubError, Refusal};
use crate::net::Identity;
use crate::run::Sandbox;

/// A request, read.
pub(super) struct Inbound {
    pub(super) operation: Operation,
    pub(super) key: Option<Uuid>,
    pub(super) identity: Identity,
    pub(super) token: Option<String>,
    pub(super) if_none_match: Option<String>,
    pub(super) cursor: Option<String>,
    pub(super) path: String,
    pub(super) body: Bytes,
    pub(super) body_sha256: String,
    pub(super) length: u64,
    pub(super) trace_id: String,
}

impl Inbound {
    /// The id in the path of a received care plan.
    pub(super) fn id(&self) -> &str {
        self.path.split('/').nth(6).unwrap_or_default()
    }
}

/// Writes down that a key was seen, before anything is done about it.
pub(super) fn note(sandbox: &Sandbox, inbound: &Inbound) -> Result<(), Failure> {
    let Some(key) = inbound.key.filter(|_| inbound.operation.is_write()) else { return Ok(()) };
    let (facility, sha256) = (inbound.identity.facility.clone(), inbound.body_sha256.clone());
    sandbox.hub().commit(Event::Seen { facility, key, sha256 })
}

/// Whether a fault is a verdict on the document, which the hub then remembers under the key.
pub(super) fn is_verdict(inbound: &Inbound, fault: &Fault) -> bool {
    inbound.operation.is_write() && fault.kind == Kind::Refuse && spoil::refusal(fault).is_final()
}

/// Carries a call out.
pub(super) fn carry_out(sandbox: &Sandbox, inbound: &Inbound, fault: Option<&Fault>) -> Result<Answer, Failure> {
    if let Err(error) = member(sandbox, &inbound.identity) {
        return Ok(refused(sandbox, inbound, error));
    }
    let kind = fault.map(|f| f.kind);
    if kind == Some(Kind::ExpireTokens) {
        sandbox.hub().expire_tokens(false);
    }
    let data = match inbound.operation {
        Operation::Login => login(sandbox, inbound, kind)?,
        Operation::Refresh => refresh(sandbox, inbound),
        Operation::Capabilities => Ok(capabilities(sandbox)),
        Operation::Municipalities => return Ok(municipalities(sandbox, inbound)),
        Operation::Unknown => Err(HubError::new("E2000", "この機能は提供していません").into()),
        _ => match user(sandbox, inbound) {
            Err(error) => Err(error.into()),
            Ok(user) => match inbound.operation {
                Operation::Opinions => return opinions::file(sandbox, inbound, &user, fault),
                Operation::CareplanAck => return careplans::ack(sandbox, inbound, &user, fault),
                operation if operation.is_write() => return careplans::file(sandbox, inbound, &user, fault),
                Operation::Assertions => identity::assert(sandbox, inbound, &user)?,
                Operation::CareplanSentList | Operation::CareplanReceived | Operation::CareplanUnit => {
                    careplans::read(sandbox, inbound)?
                }
                _ => with_token(sandbox, inbound)?,
            },
        },
    };
    Ok(match data {
        Ok(data) => Answer::ok(&data, &inbound.trace_id),
        Err(refusal) => refused(sandbox, inbound, refusal),
    })
}

pub(super) fn refused(sandbox: &Sandbox, inbound: &Inbound, refusal: impl Into<Refusal>) -> Answer {
    Answer::refused(&refusal.into(), sandbox.always_200, &inbound.trace_id)
}

/// The certificate has to be of a known kind and of a facility that takes part.
fn member(sandbox: &Sandbox, identity: &Identity) -> Result<(), HubError> {
    let found = sandbox.world.facility(&identity.facility).filter(|f| f.kind == identity.kind);
    let known = found.is_some_and(|f| sandbox.hub().takes_part(f));
    if known { Ok(()) } else { Err(HubError::new("E1001", "この種類の証明書では利用できません")) }
}

fn user(sandbox: &Sandbox, inbound: &Inbound) -> Result<String, HubError> {
    let token = inbound.token.as_deref().unwrap_or_default();
    sandbox.hub().user(token, &inbound.identity.fingerprint, sandbox.clock.now())
}

fn with_token(sandbox: &Sandbox, inbound: &Inbound) -> Result<Result<Value, Refusal>, Failure> {
    let facility = inbound.identity.facility.as_str();
    let now = sandbox.clock.now();
    let mut hub = sandbox.hub();
    Ok(match inbound.operation {
        Operation::Logout => {
            hub.log_out(inbound.token.as_deref().unwrap_or_default());
            Ok(json!({}))
        }
        Operation::Changes => {
            hub.settle(now)?;
            hub.changes(facility, inbound.cursor.as_deref()).map_err(Refusal::from)
        }
        Operation::Challenges => Ok(hub.challenge(facility, now)?),
        Operation::Requests if inbound.identity.kind != "iryo" => Err(not_for_you().into()),
        Operation::Requests => match object(&inbound.body) {
            Err(error) => Err(error.into()),
            Ok(body) => hub.requests(facility, body.get("cursor").and_then(Value::as_str)).map_err(Refusal::from),
        },
        _ => match string(&inbound.body, "idempotency_key").map(|text| text.parse::<Uuid>()) {
            Err(error) => Err(error.into()),
            Ok(Err(_)) => Err(HubError::new("E2102", "UUIDではありません").at("/idempotency_key").into()),
            Ok(Ok(key)) => hub.lookup(&(facility.to_owned(), key), now).map_err(Refusal::from),
        },
    })
}

pub(super) fn not_for_you() -> HubError {
    HubError::new("E3001", "この職種・サービス種類では利用できません")
}

fn login(sandbox: &Sandbox, inbound: &Inbound, fault: Option<Kind>) -> Result<Result<Value, Refusal>, Failure> {
    let both = string(&inbound.body, "user_id").and_then(|user| Ok((user, string(&inbound.body, "password")?)));
    let (user_id, password) = match both {
        Ok(both) => both,
        Err(error) => return Ok(Err(error.into())),
    };
    let now = sandbox.clock.now();
    let mut hub = sandbox.hub();
    if fault == Some(Kind::LockAccount) {
        hub.tamper(&user_id, Tamper::Lock(SignedDuration::from_mins(30)), now)?;
    }
    let refuse = fault == Some(Kind::RefusePassword);
    if let Err(error) = hub.check_password(&inbound.identity.facility, &user_id, &password, refuse, now)? {
        return Ok(Err(error.into()));
    }
    let tokens = hub.log_in(&user_id, &inbound.identity.fingerprint, now);
    Ok(Ok(granted(sandbox, &tokens, &inbound.identity, hub.job_kind(&user_id))))
}

fn refresh(sandbox: &Sandbox, inbound: &Inbound) -> Result<Value, Refusal> {
    let token = string(&inbound.body, "refresh_token")?;
    let mut hub = sandbox.hub();
    let tokens = hub.refresh(&token, &inbound.identity.fingerprint, sandbox.clock.now())?;
    Ok(granted(sandbox, &tokens, &inbound.identity, hub.job_kind(&tokens.user_id)))
}

fn granted(sandbox: &Sandbox, tokens: &crate::hub::Tokens, identity: &Identity, job_kind: &str) -> Value {
    let service_kind = sandbox.world.facility(&identity.facility).map(|f| f.service_kind.as_str());
    json!({
        "access_token": tokens.access, "expires_in": 3600,
        "refresh_token": tokens.refresh, "refresh_expires_in": 28800,
        "job_kind": job_kind, "service_kind": service_kind,
    })
}

fn capabilities(sandbox: &Sandbox) -> Value {
    let faults = sandbox.faults();
    [
        ("opinions", "opinions"),
        ("municipalities", "municipalities"),
        ("submissions", "lookup"),
        ("identity", "challenges"),
        ("careplans", "careplan-sent"),
    ]
    .into_iter()
    .filter(|(_, operation)| !faults.not_offered(operation))
    .map(|(capability, _)| capability)
    .collect()
}

fn municipalities(sandbox: &Sandbox, inbound: &Inbound) -> Answer {
    let list = json!(sandbox.hub().municipalities(sandbox.clock.today()));
    let mut tag = sha256(list.to_string().as_bytes());
    tag.truncate(16);
    let tag = format!("\"{tag}\"");
    let fresh = inbound.if_none_match.as_deref().is_some_and(|tags| tags.split(',').any(|t| t.trim() == tag));
    let answer = if fresh { Answer::empty(304) } else { Answer::ok(&list, &inbound.trace_id) };
    answer.header("etag", tag)
}

/// A body that has to be an object; no body is an empty one.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, HubError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(|_| HubError::new("E2001", "JSONのオブジェクトではありません"))
}

fn string(body: &[u8], name: &str) -> Result<String, HubError> {
    match object(body)?.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(HubError::new("E2102", "文字列ではありません").at(format!("/{name}"))),
        None => Err(HubError::new("E2101", "必須の項目がありません").at(format!("/{name}"))),
    }
}
