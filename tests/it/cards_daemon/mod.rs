//! The gateway as a process beside a real pcscd that comes late, goes, hangs and comes back: what health, `check` and `status`
//! say, and that nothing has to be restarted.

mod look;

use std::os::unix::net::UnixListener;
use std::time::Duration;

use engawa::card::pcsc::RETRY;
use engawa::clock::Clock;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup};
use crate::support::pcscd::Pcscd;
use crate::support::sandbox::Sandbox;
use crate::support::until;

const PATIENCE: Duration = Duration::from_secs(30);
/// How soon after pcscd is back its readers have to be.
const BACK: Duration = Duration::from_secs(3);

/// A gateway that speaks to this pcscd, and ought to find its two readers.
fn beside(hub: &Sandbox, pcscd: &Pcscd) -> Setup {
    Setup::new(hub).env("PCSCLITE_CSOCK_NAME", pcscd.socket().to_str().unwrap()).set("cards.readers", "2")
}

fn signal(pcscd: &Pcscd, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pcscd.pid()).unwrap()), signal).unwrap();
}

fn cards(gateway: &Gateway) -> Value {
    gateway.get("/v1/health").json()["parts"]["cards"].clone()
}

/// Waits until health gives this reason (`null` for none); how long that took.
#[track_caller]
fn becomes(gateway: &Gateway, reason: &Value, within: Duration) -> Duration {
    let clock = Clock::system();
    let status = if reason.is_null() { "ok" } else { "degraded" };
    let what = format!("cards to be {status} {reason}");
    until(&what, within, || Some(cards(gateway)).filter(|seen| seen["reason"] == *reason && seen["status"] == status));
    clock.elapsed()
}

/// What the process is, and that nothing in it had to be put right.
fn unharmed(gateway: &mut Gateway, pid: u32) {
    assert_eq!((gateway.pid(), gateway.ended()), (pid, None), "nothing was restarted");
    assert_eq!(gateway.errors(), [""; 0]);
}

#[test]
fn a_pcscd_that_comes_late_and_goes_is_found_again_each_time() {
    let hub = Sandbox::start();
    let mut pcscd = Pcscd::start(1);
    pcscd.down();
    let mut gateway = beside(&hub, &pcscd).start();
    let pid = gateway.pid();
    becomes(&gateway, &json!("PCSC_DOWN"), PATIENCE);
    assert!(cards(&gateway)["last_proof"].is_null(), "{}", cards(&gateway));
    let mut proof = Value::Null;
    for round in 0..3 {
        pcscd.up();
        let took = becomes(&gateway, &Value::Null, BACK);
        println!("round {round}: readers back {} ms after pcscd", took.as_millis());
        let seen = cards(&gateway)["last_proof"].clone();
        assert!(seen.as_str() > proof.as_str(), "{seen} after {proof}");
        pcscd.down();
        becomes(&gateway, &json!("PCSC_DOWN"), PATIENCE);
        proof = cards(&gateway)["last_proof"].clone();
    }
    unharmed(&mut gateway, pid);
    assert_eq!(gateway.stop().code(), Some(0));
}

#[test]
fn a_pcscd_that_hangs_is_said_to_and_holds_up_neither_start_nor_end() {
    let hub = Sandbox::start();
    let pcscd = Pcscd::start(1);
    signal(&pcscd, Signal::SIGSTOP);
    let mut gateway = beside(&hub, &pcscd).set("shutdown.deadline_s", "5").start();
    let pid = gateway.pid();
    becomes(&gateway, &json!("PCSC_DOWN"), PATIENCE);
    for round in 0..2 {
        signal(&pcscd, Signal::SIGCONT);
        let took = becomes(&gateway, &Value::Null, BACK);
        println!("round {round}: readers back {} ms after pcscd goes on", took.as_millis());
        signal(&pcscd, Signal::SIGSTOP);
        becomes(&gateway, &json!("PCSC_DOWN"), PATIENCE);
    }
    unharmed(&mut gateway, pid);
    let clock = Clock::system();
    assert_eq!(gateway.stop().code(), Some(0));
    println!("ended {} ms after the order", clock.elapsed().as_millis());
    assert!(gateway.log().contains("card sessions ended finished=true"), "{}", gateway.log());
    signal(&pcscd, Signal::SIGCONT);
}

#[test]
fn fewer_readers_than_expected_are_missed_until_the_settings_say_otherwise() {
    let hub = Sandbox::start();
    let pcscd = Pcscd::start(1);
    let mut gateway = beside(&hub, &pcscd).set("cards.readers", "3").start();
    let pid = gateway.pid();
    becomes(&gateway, &json!("READER_ABSENT"), PATIENCE);
    let text = std::fs::read_to_string(gateway.settings()).unwrap();
    let less =
        text.replace("readers = 3", "readers = 2\nidle_s = 20\n[cards.nearest]\n3f9c0a1b2d4e = [\"Virtual 0 00 00\"]");
    std::fs::write(gateway.settings(), less).unwrap();
    gateway.signal(Signal::SIGHUP);
    becomes(&gateway, &Value::Null, PATIENCE);
    until("the reload's end", PATIENCE, || gateway.log().contains(" reloaded").then_some(()));
    let log = gateway.log();
    for key in ["cards.readers", "cards.idle_s", "cards.nearest"] {
        let line = log.lines().find(|line| line.contains(" reloaded")).unwrap();
        assert!(line.contains(key) && !log.contains("changes at the next start"), "{key}: {log}");
    }
    unharmed(&mut gateway, pid);
}

/// An office without readers has no pcscd, and nothing to be told about.
#[test]
fn without_pcscd_and_without_readers_there_is_nothing_to_complain_of() {
    let hub = Sandbox::start();
    let mut pcscd = Pcscd::start(1);
    pcscd.down();
    let mut gateway = beside(&hub, &pcscd).set("cards.readers", "0").start();
    let line = "pcscd cannot be reached";
    until(line, PATIENCE, || gateway.log().contains(line).then_some(()));
    becomes(&gateway, &Value::Null, PATIENCE);
    // One that has been seen is missed.
    pcscd.up();
    until("a proof", PATIENCE, || cards(&gateway)["last_proof"].as_str().map(drop));
    pcscd.down();
    becomes(&gateway, &json!("PCSC_DOWN"), PATIENCE);
    let pid = gateway.pid();
    unharmed(&mut gateway, pid);
}

#[test]
fn switched_off_nobody_looks_for_pcscd() {
    let hub = Sandbox::start();
    let pcscd = Pcscd::start(1);
    let mut gateway = beside(&hub, &pcscd).set("cards.enabled", "false").start();
    assert!(cards(&gateway).is_null());
    let tasks = std::fs::read_dir(format!("/proc/{}/task", gateway.pid())).unwrap();
    let names = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default());
    let names: Vec<_> = names.collect();
    assert!(!names.iter().any(|name| name.starts_with("card-")), "{names:?}");
    assert_eq!(gateway.stop().code(), Some(0));
    assert!(!gateway.log().contains("pcscd"), "{}", gateway.log());
}

/// Whatever slows this test down makes the pauses longer, never shorter.
#[test]
fn a_pcscd_that_turns_everybody_away_is_not_pestered() {
    let hub = Sandbox::start();
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("pcscd.comm");
    let doorman = UnixListener::bind(&socket).unwrap();
    doorman.set_nonblocking(true).unwrap();
    let turn_away = || drop(until("somebody at the door", Duration::from_secs(20), || doorman.accept().ok()));
    let gateway = Setup::new(&hub).env("PCSCLITE_CSOCK_NAME", socket.to_str().unwrap()).start();
    turn_away();
    let clock = Clock::system();
    let times = 5;
    for _ in 0..times {
        turn_away();
    }
    let took = clock.elapsed();
    println!("{times} more attempts in {} ms", took.as_millis());
    assert!(RETRY >= Duration::from_millis(200) && took >= RETRY * (times - 1), "{took:?}");
    drop(gateway);
}
