//! The machine underneath, on the machine itself.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use engawa::host::{self, HostError, Notifier, Signal, Signals, StateLock};

const CHILD: &str = "ENGAWA_TEST_HOST_CHILD";

/// Runs one test of this binary again as a child with an environment of its own.
fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(CHILD, "1");
    command
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn directories_are_made_private_and_open_ones_refused() {
    let base = tempfile::tempdir().unwrap();
    let deep = base.path().join("a/b");
    host::private_directory(&deep).unwrap();
    assert_eq!((mode(&deep), mode(deep.parent().unwrap())), (0o700, 0o700));
    host::private_directory(&deep).unwrap();
    std::fs::set_permissions(&deep, std::fs::Permissions::from_mode(0o750)).unwrap();
    assert!(matches!(host::private_directory(&deep), Err(HostError::NotPrivate { mode: 0o750, .. })));
    std::fs::write(base.path().join("file"), "").unwrap();
    assert!(host::private_directory(&base.path().join("file")).is_err());
}

#[test]
fn one_process_a_state_directory() {
    let base = tempfile::tempdir().unwrap();
    let held = StateLock::take(base.path()).unwrap();
    let refused = StateLock::take(base.path()).unwrap_err();
    assert!(matches!(refused, HostError::Locked { .. }));
    assert_eq!(refused.code().name(), "STATE_LOCKED");
    drop(held);
    StateLock::take(base.path()).unwrap();
    assert!(std::fs::read_dir(base.path()).unwrap().next().is_none(), "the lock leaves no file");
}

#[test]
fn space_and_memory() {
    assert!(host::free_space(Path::new("/")).unwrap() > 0);
    assert!(host::free_space(Path::new("/nonexistent")).is_err());
    assert!(host::rss_bytes().unwrap() > 100_000);
}

#[tokio::test]
async fn a_stale_socket_gives_way_and_a_live_one_does_not() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("s");
    let first = host::bind_unix(&path, 0o660).unwrap();
    assert_eq!(mode(&path), 0o660);
    assert!(matches!(host::bind_unix(&path, 0o660), Err(HostError::SocketInUse { .. })));
    drop(first);
    assert!(path.exists());
    host::bind_unix(&path, 0o600).unwrap();
    assert_eq!(mode(&path), 0o600);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "precious").unwrap();
    assert!(matches!(host::bind_unix(&path, 0o600), Err(HostError::NotASocket { .. })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn systemd_is_told() {
    if is_child() {
        let notifier = Notifier::new();
        assert_eq!(notifier.watchdog_interval(), Some(Duration::from_secs(5)));
        notifier.ready("serving");
        notifier.watchdog();
        notifier.stopping("draining");
        return;
    }
    let base = tempfile::tempdir().unwrap();
    let socket = UnixDatagram::bind(base.path().join("n")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut command = child("host::systemd_is_told");
    command.env("NOTIFY_SOCKET", base.path().join("n")).env("WATCHDOG_USEC", "10000000").env_remove("WATCHDOG_PID");
    assert!(command.output().unwrap().status.success());
    let mut told = Vec::new();
    for _ in 0..3 {
        let mut message = [0; 256];
        let length = socket.recv(&mut message).unwrap();
        told.push(String::from_utf8_lossy(&message[..length]).trim_end().replace('\n', " "));
    }
    assert_eq!(told, ["READY=1 STATUS=serving", "WATCHDOG=1", "STOPPING=1 STATUS=draining"]);
}

#[test]
fn without_systemd_nothing_is_said() {
    if is_child() {
        let notifier = Notifier::new();
        assert_eq!(notifier.watchdog_interval(), None);
        return notifier.ready("serving");
    }
    let mut command = child("host::without_systemd_nothing_is_said");
    assert!(command.env_remove("NOTIFY_SOCKET").output().unwrap().status.success());
}

/// A shell gets the listening sockets as its stdin and stdout, moves them to the descriptors 3 and 4, and becomes the child,
/// as systemd would.
#[test]
fn sockets_passed_by_systemd_are_taken_over() {
    if is_child() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(async {
            let sockets = host::inherited().unwrap();
            assert_eq!((sockets.tcp.len(), sockets.unix.len()), (1, 1));
            let (stream, _) = sockets.unix[0].accept().await.unwrap();
            stream.into_std().unwrap().write_all(b"hello").unwrap();
            assert!(host::inherited().unwrap().is_empty());
        });
    }
    let base = tempfile::tempdir().unwrap();
    let unix = std::os::unix::net::UnixListener::bind(base.path().join("s")).unwrap();
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = UnixStream::connect(base.path().join("s")).unwrap();
    let script =
        "exec 3<&0 4<&1 0</dev/null 1>&2; export LISTEN_FDS=2 LISTEN_PID=$$; exec \"$0\" --exact \"$1\" --nocapture";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(std::env::current_exe().unwrap());
    shell.arg("host::sockets_passed_by_systemd_are_taken_over").env(CHILD, "1");
    let (unix, tcp) = (OwnedFd::from(unix), OwnedFd::from(tcp));
    let output = shell.stdin(unix).stdout(tcp).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut greeting = [0; 5];
    client.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"hello");
}

#[test]
fn signals_become_events() {
    if is_child() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(async {
            let mut signals = Signals::new().unwrap();
            for (sent, wanted) in [
                (nix::sys::signal::SIGHUP, Signal::Reload),
                (nix::sys::signal::SIGTERM, Signal::Stop),
                (nix::sys::signal::SIGINT, Signal::Stop),
            ] {
                nix::sys::signal::raise(sent).unwrap();
                assert_eq!(signals.next().await, wanted);
            }
        });
    }
    assert!(child("host::signals_become_events").output().unwrap().status.success());
}

#[test]
fn no_core_dump_holds_a_document() {
    if is_child() {
        host::core_dumps_off().unwrap();
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"));
        return;
    }
    assert!(child("host::no_core_dump_holds_a_document").output().unwrap().status.success());
}
