//! A gateway that listens to the LAN, and clients for it.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use socket2::{Domain, Socket, Type};

use crate::support::gateway::{Gateway, Setup};
use crate::support::sandbox::Sandbox;
use crate::support::until;

pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Another machine, as far as the box can see.
pub(super) const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
pub(super) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(super) struct Office {
    pub(super) gateway: Gateway,
    pub(super) lan: SocketAddr,
    pub(super) ca: PathBuf,
    _hub: Sandbox,
}

/// What curl got; `status` 0 is no answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) exit: i32,
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

impl Office {
    pub(super) fn open() -> Self {
        Self::with(&[])
    }

    /// With further settings of `[lan]`, in TOML.
    pub(super) fn with(settings: &[(&str, &str)]) -> Self {
        let hub = Sandbox::start();
        let setup = Setup::new(&hub).tcp().set("lan.listen", "[\"127.0.0.1:0\"]");
        let setup = settings.iter().fold(setup, |setup, (name, value)| setup.set(&format!("lan.{name}"), value));
        let gateway = setup.start();
        let line = "engawa: listening to the LAN address=";
        let log = until("the LAN's address", PATIENCE, || Some(gateway.log()).filter(|log| log.contains(line)));
        let lan = log.rsplit(line).next().unwrap().split_whitespace().next().unwrap().parse().unwrap();
        let said = gateway.run(&["lan", "ca"]);
        assert!(said.status.success(), "{said:?}");
        let ca = gateway.dir().join("lan-ca.pem");
        std::fs::write(&ca, said.stdout).unwrap();
        Self { gateway, lan, ca, _hub: hub }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.lan)
    }

    /// curl to `path` with these arguments; TLS is verified.
    pub(super) fn curl(&self, path: &str, arguments: &[&str]) -> Reply {
        curl(&self.ca, &self.url(path), arguments)
    }

    /// curl to a name, which leads to the box.
    pub(super) fn curl_name(&self, name: &str, path: &str) -> Reply {
        let port = self.lan.port();
        let leads = format!("{name}:{port}:127.0.0.1");
        curl(&self.ca, &format!("https://{name}:{port}{path}"), &["--resolve", &leads])
    }

    /// A TLS connection from `address`, with a client certificate or without.
    pub(super) fn tls(
        &self,
        address: IpAddr,
        own: Option<(&str, &rcgen::KeyPair)>,
    ) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.ca).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]);
        let config = config.unwrap().with_root_certificates(roots);
        let config = match own {
            None => config.with_no_client_auth(),
            Some((pem, key)) => {
                let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
                let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                config.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        let name = ServerName::from(self.lan.ip());
        let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = self.tcp(address)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(StreamOwned::new(connection, stream))
    }

    /// A bare connection from `address`.
    pub(super) fn tcp(&self, address: IpAddr) -> std::io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(address, 0).into())?;
        socket.connect(&self.lan.into())?;
        socket.set_read_timeout(Some(PATIENCE * 3))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(socket.into())
    }

    /// Sends bytes over TLS and reads until the other side closes; all that came.
    pub(super) fn raw(&self, bytes: &str) -> String {
        let mut stream = self.tls(HERE, None).unwrap();
        let _ = stream.write_all(bytes.as_bytes());
        let _ = stream.flush();
        everything(&mut stream)
    }

    /// The same on the loopback port, without TLS.
    pub(super) fn raw_loopback(&self, bytes: &str) -> String {
        let mut stream = TcpStream::connect(self.gateway.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE * 3)).unwrap();
        let _ = stream.write_all(bytes.as_bytes());
        everything(&mut stream)
    }

    /// Changes the settings' text and has them read again.
    pub(super) fn reload(&self, change: impl FnOnce(&str) -> String) {
        let before = self.gateway.log().matches(" reloaded").count();
        let text = std::fs::read_to_string(self.gateway.settings()).unwrap();
        std::fs::write(self.gateway.settings(), change(&text)).unwrap();
        self.gateway.signal(Signal::SIGHUP);
        until("the reload", PATIENCE, || (self.gateway.log().matches(" reloaded").count() > before).then_some(()));
    }
}

fn everything(stream: &mut impl Read) -> String {
    let mut all = Vec::new();
    if let Err(error) = stream.read_to_end(&mut all) {
        // A reset or an end without goodbye is an end; a connection that stays open is not.
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "open after {:?}", String::from_utf8_lossy(&all));
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// How often an answer begins in what a connection brought, and the first one's status.
pub(super) fn answers(all: &str) -> (usize, u16) {
    let first = all.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (all.matches("HTTP/1.1 ").count(), first)
}

pub(super) fn curl(ca: &std::path::Path, url: &str, arguments: &[&str]) -> Reply {
    let mut command = Command::new("curl");
    command.args(["-sS", "-i", "--path-as-is", "--max-time", "60", "--noproxy", "*", "--cacert"]).arg(ca);
    let output = command.args(arguments).arg(url).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Reply { exit: output.status.code().unwrap(), status, head: head.to_owned(), body: body.to_owned() }
}

/// `openssl s_client`; whether it succeeded, and what it said.
pub(super) fn s_client(office: &Office, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &office.lan.to_string(), "-CAfile"]).arg(&office.ca);
    let output = command.args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}
