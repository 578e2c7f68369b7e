//! A look at the way to the hub, step by step, from a process that is not the gateway: name, connection, TLS, answer, log-in.
//!
//! Invariants: what is judged is judged apart from I/O (`question`, `machine`, `shown`); nothing waits longer than a few seconds; no
//! password goes out but by [`log_in`], under the same durable record as the gateway's own.

mod dial;
mod machine;
mod name;
mod question;
mod shake;
mod shown;
mod talk;

pub use dial::{DialFault, Router, dial, way};
pub use machine::{Interface, Net, Toward};
pub use name::{NameFault, answers_beyond, look_up};
pub use question::{Answer, judge as judge_names, nameservers, question, read_answer};
pub use shake::{Shaking, TlsFault};
pub use shown::Shown;
pub use talk::{Heard, log_in, probe_timeouts};

use http::Uri;
use std::net::IpAddr;

const HTTPS_PORT: u16 = 443;

/// Host and port of `https://host[:port]`.
#[must_use]
pub fn host_and_port(base: &Uri) -> (String, u16) {
    let host = base.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    (host.to_owned(), base.port_u16().unwrap_or(HTTPS_PORT))
}

/// The address, where the host is one.
#[must_use]
pub fn as_address(host: &str) -> Option<IpAddr> {
    host.parse().ok()
}
