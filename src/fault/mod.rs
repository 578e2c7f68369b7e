//! The error catalogue: every failure a person or a program can meet has one stable name here, with the HTTP status it
//! travels under, who is at fault, whether trying again helps, and one sentence in Japanese and English that says what to do.
//!
//! Invariants: a code is never renamed or reused once released; a sentence never holds person data or a secret (rooms add
//! context in their own errors, which stay in the log). `docs/errors.md` is generated from [`Code::ALL`] and compared by a test.

mod catalogue;
pub mod crash;
mod document;

pub use catalogue::Code;
pub use document::markdown;

/// Who has to act for a failure to go away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The software or person that sent the request.
    Caller,
    /// The person's card, or how it lies on the reader.
    Card,
    /// The national hub, or the line to it.
    Hub,
    /// engawa itself or the box it runs on.
    Gateway,
    /// The facility's administrator or IT vendor: settings, certificate, password.
    Operator,
}

/// Whether the same request can succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// Never: the request itself has to change.
    Never,
    /// The gateway tries again by itself; the caller need not.
    Automatic,
    /// The caller may send the same request again, after `Retry-After` where given.
    Later,
    /// After a person has put something right.
    AfterRemedy,
}
