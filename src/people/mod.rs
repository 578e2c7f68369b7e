//! The staff: accounts, roles and log-ins.
//!
//! Invariants: a password exists in clear only while it is compared; nobody can lock anybody out from elsewhere; whoever has left is
//! nobody.
