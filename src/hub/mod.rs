//! The one way out: TLS, login, wire names and failure classes of the national care hub.
//!
//! Invariants: only this room knows the hub's paths and JSON names; an answer that is not the hub's envelope is never a
//! success; a refused password is never tried a second time, also not after a restart.

mod opinion_writer;
pub mod port;
pub use opinion_writer::OpinionWriter;

pub use port::{
    Change, ChangePage, Delivery, DeliveryBody, HubError, HubPort, LookupOutcome, MunicipalState, Outcome, Receipt,
    Refusal, Scope, Trouble,
};
