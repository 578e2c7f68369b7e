//! The one way out: TLS, login, wire names and failure classes of the national care hub.
//!
//! Invariants: only this room knows the hub's paths and JSON names (all of them in `wire`); an answer that is not the hub's
//! envelope is never a success; a refused password is never tried a second time, also not after a restart; a delivery is
//! called undelivered only when the hub cannot have had all of it, or said so itself; an assertion of who somebody is goes
//! out once under its challenge, over a connection of its own; over HTTP/1.1 no answer that came twice is taken for the next
//! request's.
//!
//! One exchange: `client` moves bytes and says what it saw ([`Seen`]) → `failure` classifies it, purely → `real` answers
//! the outbox. The access token comes from `login` (one at a time), which asks `lockout` (pure) before every password.
//!
//! ```text
//! no token ──permit?──▶ probe (no password) ──▶ note attempt durably ──▶ login ─▶ token ─┬─ near its end: refresh (once)
//!    ▲   └ no: refused | locked | cautious                                  │           └─ E1004: refresh once, login once
//!    └────────── refused: remembered for good · locked: until · lost: counted ◀┘
//! ```

mod client;
mod config;
mod failure;
mod faulty;
mod link;
mod lockout;
mod login;
mod members;
mod memory;
pub mod port;
pub mod probe;
mod real;
mod scripted;
mod status;
mod tls;
mod wire;

pub use client::{LineFault, Seen};
pub use config::{Config, HubSetupError, Timeouts};
pub use failure::{
    Reply, acknowledgement, arrival_page, arrived_unit, assertion, challenge, change_page, classify, classify_around,
    delivery, lookup, recipient_page,
};
pub use faulty::Faulty;
pub use lockout::{Account, AnotherTry, Lockout, Permit, Policy, Tried, Verdict};
pub use members::MemberStatus;
pub use memory::{BoxError, InMemory, Memory};
pub use port::{
    Acknowledgement, Arrival, ArrivalPage, Asserted, Challenge, Change, ChangePage, Delivery, DeliveryBody, HubError,
    HubPort, LookupOutcome, MunicipalState, Outcome, Receipt, RecipientState, Refusal, Scope, Trouble, UNIT_LIMIT,
};
pub use real::Hub;
pub use scripted::{
    AcknowledgeStep, AcknowledgementRecord, AssertStep, AssertionRecord, DeliveryRecord, ScriptedHub, Step,
};
pub use status::{HubStatus, LoginState};
pub use tls::check_ca;
pub use wire::{OpinionHead, OpinionWriter, care_plan_body};
