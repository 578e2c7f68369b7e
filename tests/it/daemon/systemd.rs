//! Played by the test: a service manager with its notification socket, and sockets that it opened beforehand.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use engawa::clock::Clock;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::PATIENCE;
use crate::support::gateway::{Gateway, Setup, opinion, submission};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;
use crate::support::until;

struct Manager {
    dir: TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { dir, socket }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("notify")
    }

    fn next(&self) -> String {
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).expect("systemd hears nothing");
        String::from_utf8_lossy(&message[..length]).into_owned()
    }

    /// The messages up to the first one with this line.
    fn until(&self, line: &str) -> Vec<String> {
        let clock = Clock::system();
        let mut heard = Vec::new();
        while !heard.last().is_some_and(|message: &String| message.lines().any(|found| found == line)) {
            assert!(clock.elapsed() < PATIENCE, "waited in vain for {line}: {heard:?}");
            heard.push(self.next());
        }
        heard
    }
}

fn has(message: &str, start: &str) -> bool {
    message.lines().any(|line| line.starts_with(start))
}

#[test]
fn systemd_hears_of_every_step() {
    let (hub, manager) = (Sandbox::start(), Manager::new());
    let notify = manager.path();
    let setup = Setup::new(&hub).env("NOTIFY_SOCKET", notify.to_str().unwrap()).env("WATCHDOG_USEC", "600000");
    let mut gateway = setup.idle();
    gateway.spawn(&[]);
    let first = manager.next();
    assert!(has(&first, "READY=1") && has(&first, "STATUS="), "nothing comes before READY: {first}");
    // Whoever was told to wait for READY finds it serving.
    assert_eq!(gateway.get("/v1/health").status, 200);

    let id = gateway.accepted(&opinion(1), "k-1");
    gateway.reaches(&id, "delivered", PATIENCE);
    manager.until("WATCHDOG=1");
    let rest = manager.until("WATCHDOG=1");
    let line = "delivered 1";
    let told = rest.iter().any(|message| has(message, "STATUS=") && message.contains(line));
    assert!(told || until_status(&manager, line), "{rest:?}");

    gateway.signal(Signal::SIGHUP);
    manager.until("RELOADING=1");
    let ready = manager.until("READY=1");
    assert!(!ready.iter().any(|message| has(message, "STOPPING")), "{ready:?}");

    gateway.signal(Signal::SIGTERM);
    manager.until("STOPPING=1");
    assert_eq!(gateway.wait().code(), Some(0));
}

fn until_status(manager: &Manager, text: &str) -> bool {
    (0..20).any(|_| {
        let message = manager.next();
        has(&message, "STATUS=") && message.contains(text)
    })
}

#[test]
fn one_that_cannot_start_never_says_ready() {
    let (hub, manager) = (Sandbox::start(), Manager::new());
    let notify = manager.path();
    let setup = Setup::new(&hub).env("NOTIFY_SOCKET", notify.to_str().unwrap()).set("hub.parallel", "0");
    let mut gateway = setup.idle();
    gateway.spawn(&[]);
    assert_eq!(gateway.wait().code(), Some(78));
    manager.socket.set_nonblocking(true).unwrap();
    assert!(manager.socket.recv(&mut [0; 16]).is_err());
}

/// Sockets opened before the gateway, handed over as systemd does it: as the descriptors 3 and 4 of the process.
struct Sockets {
    unix: UnixListener,
    tcp: TcpListener,
    path: PathBuf,
}

impl Sockets {
    fn new(dir: &Path) -> Self {
        let path = dir.join("from-systemd");
        let unix = UnixListener::bind(&path).unwrap();
        Self { unix, tcp: TcpListener::bind("127.0.0.1:0").unwrap(), path }
    }

    fn start(&self, gateway: &Gateway) -> Process {
        let script =
            "exec 3<&0 4<&1 0</dev/null 1>&2; export LISTEN_FDS=2 LISTEN_PID=$$; exec \"$0\" serve --config \"$1\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, env!("CARGO_BIN_EXE_engawa")]).arg(gateway.settings());
        shell.env_remove("NOTIFY_SOCKET").env_remove("CREDENTIALS_DIRECTORY").stderr(Stdio::null());
        let (unix, tcp) = (self.unix.try_clone().unwrap(), self.tcp.try_clone().unwrap());
        Process(shell.stdin(OwnedFd::from(unix)).stdout(OwnedFd::from(tcp)).spawn().unwrap())
    }
}

struct Process(Child);

impl Process {
    fn stop(&mut self) -> ExitStatus {
        kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), Signal::SIGTERM).unwrap();
        until("the end", PATIENCE, || self.0.try_wait().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn with_sockets_of_systemd_no_sender_meets_a_closed_door() {
    let hub = Sandbox::start();
    let gateway = Setup::new(&hub).idle();
    let sockets = Sockets::new(gateway.dir());
    let path = sockets.path.clone();
    // Asked while nothing runs: answered as soon as something does.
    let early = std::thread::spawn(move || submission(&opinion(1), "k-1").over_unix(&path).unwrap());
    let mut process = sockets.start(&gateway);
    let answer = early.join().unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    let health = Ask::new("GET", "/v1/health").over_tcp(sockets.tcp.local_addr().unwrap()).unwrap();
    assert_eq!(health.status, 200);
    assert!(!gateway.socket().exists(), "it binds none itself");
    assert_eq!(process.stop().code(), Some(0));

    assert!(sockets.path.exists(), "the socket is systemd's");
    let path = sockets.path.clone();
    let between = std::thread::spawn(move || submission(&opinion(1), "k-1").over_unix(&path).unwrap());
    let mut process = sockets.start(&gateway);
    let again = between.join().unwrap();
    assert_eq!((again.status, again.json()["id"].as_str()), (202, answer.json()["id"].as_str()));
    assert_eq!(process.stop().code(), Some(0));
}
