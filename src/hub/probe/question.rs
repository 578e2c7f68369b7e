//! A question to a name server, and what its answer means: RFC 1035, as much of it as tells a dead server from an unknown name.
//!
//! The system's own look-up says only in words why it failed, in words that differ between C libraries.

use std::net::{IpAddr, Ipv4Addr};

const HEADER: usize = 12;
const ADDRESS: u16 = 1;
const INTERNET: u16 = 1;
/// As many name servers as the C library takes.
const SERVERS: usize = 3;

/// What came of asking one name server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing.
    Silence,
    /// There is such a name, whether or not it has an address.
    Known {
        /// Whether it has.
        address: bool,
    },
    /// There is no such name.
    NoSuchName,
    /// The server answers and cannot say.
    Failure,
}

/// The name servers of a `resolv.conf`.
#[must_use]
pub fn nameservers(conf: &str) -> Vec<IpAddr> {
    let named = conf.lines().filter_map(|line| {
        let address = line.trim_start().strip_prefix("nameserver")?.trim();
        // A link-local address carries its interface.
        address.split('%').next()?.parse().ok()
    });
    let named: Vec<_> = named.take(SERVERS).collect();
    if named.is_empty() { vec![IpAddr::V4(Ipv4Addr::LOCALHOST)] } else { named }
}

/// The datagram that asks for the IPv4 address of `name`; `None` when it is no name.
#[must_use]
pub fn question(id: u16, name: &str) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(HEADER + name.len() + 6);
    message.extend(id.to_be_bytes());
    // Recursion desired; one question.
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        message.push(length);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(ADDRESS.to_be_bytes());
    message.extend(INTERNET.to_be_bytes());
    (message.len() <= HEADER + 255 + 4).then_some(message)
}

/// What a datagram says to the question `id`; `None` when it is no answer to it.
#[must_use]
pub fn read_answer(id: u16, message: &[u8]) -> Option<Answer> {
    let head = message.first_chunk::<HEADER>()?;
    let is_answer = head[2] & 0x80 != 0;
    if u16::from_be_bytes([head[0], head[1]]) != id || !is_answer {
        return None;
    }
    Some(match head[3] & 0x0f {
        0 => Answer::Known { address: u16::from_be_bytes([head[6], head[7]]) > 0 },
        3 => Answer::NoSuchName,
        _ => Answer::Failure,
    })
}

/// What all name servers together say of a name that the system could not look up.
#[must_use]
pub fn judge(answers: &[Answer]) -> Answer {
    let any = |wanted: fn(&Answer) -> bool| answers.iter().copied().find(wanted);
    any(|answer| matches!(answer, Answer::NoSuchName | Answer::Known { address: false }))
        .or_else(|| any(|answer| matches!(answer, Answer::Known { .. })))
        .or_else(|| any(|answer| *answer == Answer::Failure))
        .unwrap_or(Answer::Silence)
}
