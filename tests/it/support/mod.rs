//! What several tests need: the sandbox as a process.
#![allow(dead_code)]

pub(crate) mod curl;
pub(crate) mod pcscd;
pub(crate) mod sandbox;
pub(crate) mod vcard;
