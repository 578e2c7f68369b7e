//! Other machines of the office: TLS, networks, names, browsers, odd framing, crowds. The gateway is a process of its own; the clients
//! are curl and openssl, and a bare TLS client for what no client would send.

mod browsers;
mod certificate;
mod crowd;
mod framing;
mod kit;
mod pages;
mod port;
mod reach;
