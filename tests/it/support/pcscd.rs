//! A pcscd of a test's own, with vpcd's virtual readers. It needs no root; `/run/pcscd` has to exist (the daemon keeps its
//! process id there). Dropping it kills the daemon by its id.
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
/// How long the daemon may take to open its readers on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running pcscd.
pub(crate) struct Pcscd {
    child: Option<Child>,
    dir: TempDir,
    listener: Option<UnixListener>,
    ports: Vec<u16>,
    /// How many of the ports have a reader.
    plugged: usize,
}

impl Pcscd {
    /// With `readers` blocks of two slots each; at most eight, as pcscd ends at sixteen slots.
    pub(crate) fn start(readers: usize) -> Self {
        assert!((1..=8).contains(&readers));
        let _ = fs::create_dir_all("/run/pcscd");
        assert!(Path::new("/run/pcscd").is_dir(), "make /run/pcscd first: pcscd keeps its process id there");
        let dir = tempfile::Builder::new().prefix("pcscd").tempdir().unwrap();
        let mut pcscd = Self { child: None, dir, listener: None, ports: Vec::new(), plugged: 0 };
        pcscd.configure(readers);
        pcscd.up();
        pcscd
    }

    /// The Unix socket for `PCSCLITE_CSOCK_NAME`.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("pcscd.comm")
    }

    /// vpcd's ports, one for each slot, in the order of the readers.
    pub(crate) fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// The daemon's process id, to stop and continue it.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("pcscd is down").id()
    }

    /// A command that speaks to this daemon.
    pub(crate) fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PCSCLITE_CSOCK_NAME", self.socket()).stdin(Stdio::null());
        command
    }

    /// kill -9.
    pub(crate) fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.listener = None;
    }

    /// Starts the daemon (again), with the same socket and the same readers, and waits until its slots listen.
    pub(crate) fn up(&mut self) {
        self.down();
        let _ = fs::remove_file(self.socket());
        let listener = UnixListener::bind(self.socket()).unwrap();
        let log = fs::File::options().append(true).create(true).open(self.dir.path().join("log")).unwrap();
        // The socket arrives as standard input and has to be descriptor 3, in the process that is named.
        let script = "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" -f -c \"$1\"";
        let child = Command::new("/bin/sh")
            .args(["-c", script, "/usr/sbin/pcscd"])
            .arg(self.dir.path().join("reader.conf.d"))
            .stdin(Stdio::from(OwnedFd::from(listener.try_clone().unwrap())))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        // Held so that clients wait, rather than fail, while the daemon starts.
        self.listener = Some(listener);
        for index in 0..self.plugged {
            let port = self.ports[index];
            self.wait_for(&format!("vpcd at port {port}"), |_| listens(port));
        }
    }

    /// Leaves so many blocks of readers plugged in, the first ones. vpcd's cannot go while pcscd runs: it is started again.
    pub(crate) fn plug(&mut self, readers: usize) {
        self.write_readers(readers);
        self.up();
    }

    /// What the daemon said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn configure(&mut self, readers: usize) {
        fs::create_dir(self.dir.path().join("reader.conf.d")).unwrap();
        for reader in 0..readers {
            let port = pair();
            // vpcd keeps its slots in one table for each loaded library, without regard to the block: two blocks of one
            // file would share a card. A copy is a library of its own.
            fs::copy(DRIVER, self.driver(reader)).unwrap();
            self.ports.extend([port, port + 1]);
        }
        self.write_readers(readers);
    }

    fn driver(&self, reader: usize) -> PathBuf {
        self.dir.path().join(format!("vpcd-{reader}.so"))
    }

    fn write_readers(&mut self, readers: usize) {
        let block = |reader: usize| {
            let (driver, port) = (self.driver(reader), self.ports[2 * reader]);
            format!(
                "FRIENDLYNAME \"Virtual {reader}\"\nDEVICENAME /dev/null:0x{port:04X}\nLIBPATH {}\nCHANNELID 0x{port:04X}\n\n",
                driver.display()
            )
        };
        let text: String = (0..readers).map(block).collect();
        fs::write(self.dir.path().join("reader.conf.d/vpcd"), text).unwrap();
        self.plugged = 2 * readers;
    }

    fn wait_for(&mut self, what: &str, mut good: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !good(self) {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "pcscd ended ({ended:?}) before {what}: {}", self.log());
            assert!(begun.elapsed() < PATIENCE, "waited for {what}: {}", self.log());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        self.down();
    }
}

/// Whether somebody listens at a port, without connecting: vpcd would take the connection for a card.
fn listens(port: u16) -> bool {
    let wanted = format!(":{port:04X}");
    let all = fs::read_to_string("/proc/net/tcp").unwrap_or_default()
        + &fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    all.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().is_some_and(|local| local.ends_with(&wanted));
        local && fields.nth(1) == Some("0A")
    })
}

/// Two neighbouring ports that are free, below those the system gives out by itself, and given to one test only.
fn pair() -> u16 {
    static NEXT: Mutex<u16> = Mutex::new(0);
    let mut next = NEXT.lock().unwrap();
    // Other processes of the same machine begin elsewhere.
    let base = 20_000 + u16::try_from(std::process::id() % 500).unwrap() * 20;
    loop {
        let port = base + *next % 2_000;
        *next += 2;
        let free =
            |port| TcpListener::bind(("0.0.0.0", port)).is_ok() && TcpStream::connect(("127.0.0.1", port)).is_err();
        if free(port) && free(port + 1) {
            return port;
        }
    }
}
