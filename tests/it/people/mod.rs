//! People: accounts and log-ins on a real store, and at a gateway's own door.

mod room;
