//! People: accounts and log-ins on a real store, and at a gateway's own door.

pub(crate) mod browser;
mod door;
mod room;
