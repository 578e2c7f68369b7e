//! Listening sockets: passed by systemd, or bound here.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use listenfd::ListenFd;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use super::HostError;

/// Connections that wait to be looked at; those of a flood are looked at in microseconds.
const LAN_BACKLOG: i32 = 4096;

/// Sockets that systemd opened for this process, which then binds none itself.
#[derive(Debug, Default)]
pub struct Inherited {
    /// TCP sockets.
    pub tcp: Vec<TcpListener>,
    /// Unix sockets.
    pub unix: Vec<UnixListener>,
}

impl Inherited {
    /// Whether none was passed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tcp.is_empty() && self.unix.is_empty()
    }
}

/// Takes the sockets that systemd passed; a second call finds none. Needs a tokio runtime.
///
/// # Errors
/// When a passed descriptor is neither a TCP nor a Unix stream socket.
pub fn inherited() -> Result<Inherited, HostError> {
    let mut passed = ListenFd::from_env();
    let mut sockets = Inherited::default();
    for index in 0..passed.len() {
        if let Ok(Some(listener)) = passed.take_unix_listener(index) {
            listener.set_nonblocking(true).map_err(HostError::Inherited)?;
            sockets.unix.push(UnixListener::from_std(listener).map_err(HostError::Inherited)?);
        } else if let Some(listener) = passed.take_tcp_listener(index).map_err(HostError::Inherited)? {
            listener.set_nonblocking(true).map_err(HostError::Inherited)?;
            sockets.tcp.push(TcpListener::from_std(listener).map_err(HostError::Inherited)?);
        }
    }
    Ok(sockets)
}

/// Binds a TCP address.
///
/// # Errors
/// When the address is taken or not this machine's.
pub async fn bind_tcp(address: SocketAddr) -> Result<TcpListener, HostError> {
    TcpListener::bind(address).await.map_err(HostError::system(format!("listen on {address}")))
}

/// Binds a TCP address that the machine need not have yet: a box starts before its line is there. Many connections may arrive at
/// once. An IPv6 address takes IPv6 only.
///
/// # Errors
/// When the port is taken.
pub fn bind_lan(address: SocketAddr) -> Result<TcpListener, HostError> {
    lan_socket(address).map_err(HostError::system(format!("listen on {address}")))
}

fn lan_socket(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    match address {
        SocketAddr::V4(_) => socket.set_freebind_v4(true)?,
        SocketAddr::V6(_) => {
            socket.set_only_v6(true)?;
            socket.set_freebind_v6(true)?;
        }
    }
    socket.bind(&address.into())?;
    socket.listen(LAN_BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

/// Binds a Unix socket with the permission bits `mode`, in place of one that a dead process left. The directory has to
/// exist; between bind and the mode being set, the process' umask holds, so keep the directory closed to strangers.
///
/// # Errors
/// When a live process serves it, when something that is no socket stands there, or when it cannot be bound.
pub fn bind_unix(path: &Path, mode: u32) -> Result<UnixListener, HostError> {
    remove_stale(path)?;
    let bound = UnixListener::bind(path).map_err(HostError::system(format!("listen on {}", path.display())))?;
    let set = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
    set.map_err(HostError::system(format!("set the mode of {}", path.display())))?;
    Ok(bound)
}

fn remove_stale(path: &Path) -> Result<(), HostError> {
    let looked = match std::fs::symlink_metadata(path) {
        Ok(looked) => looked,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(HostError::system(format!("look at {}", path.display()))(error)),
    };
    if !looked.file_type().is_socket() {
        return Err(HostError::NotASocket { path: path.to_owned() });
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(HostError::system(format!("remove the stale {}", path.display())))
        }
        _ => Err(HostError::SocketInUse { path: path.to_owned() }),
    }
}
