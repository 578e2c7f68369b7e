//! The hub's name: looked up as the link does it; where that fails, the name servers are asked why.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{UdpSocket, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::dial::judged;
use super::machine::{Net, Toward};
use super::question::{Answer, judge, nameservers, question, read_answer};

const RESOLV_CONF: &str = "/etc/resolv.conf";
const DNS_PORT: u16 = 53;
/// The C library asks each server for five seconds, twice.
const LOOK_UP: Duration = Duration::from_secs(11);
/// A name server that is well answers from its own LAN within a fraction of this.
const ASK: Duration = Duration::from_secs(2);
const TRIES: usize = 2;

/// Why a name leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// No name server answers.
    Silent(Vec<IpAddr>),
    /// A name server answers, and cannot find out.
    Failing(Vec<IpAddr>),
    /// There is no such name, or it has no address.
    Unknown(Vec<IpAddr>),
}

/// The addresses of `host`.
///
/// # Errors
/// [`NameFault`], with the name servers that were asked.
pub async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, NameFault> {
    let found = timeout(LOOK_UP, lookup_host((host, port))).await;
    let found: Vec<_> = found.ok().and_then(Result::ok).into_iter().flatten().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let conf = tokio::fs::read_to_string(RESOLV_CONF).await.unwrap_or_default();
    let servers = nameservers(&conf);
    let mut asking: JoinSet<_> = servers.iter().map(|server| ask(*server, host.to_owned())).collect();
    let mut answers = Vec::new();
    while let Some(answer) = asking.join_next().await {
        answers.push(answer.unwrap_or(Answer::Silence));
    }
    Err(match judge(&answers) {
        Answer::NoSuchName | Answer::Known { address: false } => NameFault::Unknown(servers),
        Answer::Failure => NameFault::Failing(servers),
        // Also one that answered this question after the system had given up on it.
        Answer::Silence | Answer::Known { address: true } => NameFault::Silent(servers),
    })
}

/// A name server beyond the hub's router that answers a question at this moment: then the line carries. `None` where none does, or none
/// stands there: a router, or this machine, may answer from what it remembers, and beyond another router is another line.
pub async fn answers_beyond(host: &str, hub: &[SocketAddr]) -> Option<IpAddr> {
    let conf = tokio::fs::read_to_string(RESOLV_CONF).await.unwrap_or_default();
    // A name that nobody has asked for yet: a router that answers in the servers' place may remember the others.
    let host = format!("{:016x}.{host}", rand::random::<u64>());
    let (net, mut asking) = (Net::read(), JoinSet::new());
    for server in nameservers(&conf) {
        let way = net.toward(server);
        let leads_to = |hub: IpAddr| net.toward(hub) == way;
        if matches!(way, Toward::Router { .. }) && judged(hub).is_some_and(leads_to) {
            let host = host.to_owned();
            asking.spawn(async move { (server, ask(server, host).await) });
        }
    }
    while let Some(asked) = asking.join_next().await {
        // That it cannot find out may be a router's word in its place.
        if let Ok((server, Answer::Known { .. } | Answer::NoSuchName)) = asked {
            return Some(server);
        }
    }
    None
}

async fn ask(server: IpAddr, host: String) -> Answer {
    for _ in 0..TRIES {
        match timeout(ASK, exchange(server, &host)).await {
            Ok(Some(answer)) => return answer,
            // Refused at once is no reason to ask in vain again.
            Ok(None) => break,
            Err(_) => {}
        }
    }
    Answer::Silence
}

async fn exchange(server: IpAddr, host: &str) -> Option<Answer> {
    let any = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { IpAddr::from(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect((server, DNS_PORT)).await.ok()?;
    let id = rand::random();
    socket.send(&question(id, host)?).await.ok()?;
    let mut message = [0; 1500];
    loop {
        let length = socket.recv(&mut message).await.ok()?;
        if let Some(answer) = read_answer(id, message.get(..length)?) {
            return Some(answer);
        }
    }
}
