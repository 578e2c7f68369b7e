//! Documents kept sealed, piece by piece: on their way out, and on their way in; and the change of the keys under which they lie.
//!
//! Invariants: no piece is ever stored in clear; what comes out is what was taken in, to the last octet, or an error; a long
//! document passes through the memory of a few pieces.

mod master_keys;
mod read;
mod whole;

pub use master_keys::{BOX_SECRET, Binding, KeyStanding, MasterKeyError, MasterKeys, SETTLING, Standing};
pub use read::{Body, Damage, Kept, open};
pub use whole::{SealedWhole, VaultError, read_whole, seal_whole};

/// Octets of a document that are sealed together.
pub const PIECE: usize = 64 * 1024;
