//! The documents and codes of care insurance: pure values, no I/O, no time but what is passed in.

pub mod characters;
pub mod numbers;
pub mod opinion;
