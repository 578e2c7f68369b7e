//! SIGHUP: what can change changes, what cannot is named, a mistake changes nothing.

use nix::sys::signal::Signal;

use super::PATIENCE;
use crate::support::gateway::{Gateway, opinion};
use crate::support::sandbox::Sandbox;
use crate::support::until;

/// Changes the settings' text, sends SIGHUP, and waits for a line of the log.
fn reload(gateway: &Gateway, change: impl FnOnce(&str) -> String, line: &str) {
    let before = gateway.log().matches(line).count();
    let text = std::fs::read_to_string(gateway.settings()).unwrap();
    std::fs::write(gateway.settings(), change(&text)).unwrap();
    gateway.signal(Signal::SIGHUP);
    until(line, PATIENCE, || (gateway.log().matches(line).count() > before).then_some(()));
}

#[test]
fn broken_settings_change_nothing_and_every_mistake_is_named() {
    let hub = Sandbox::start();
    let gateway = Gateway::new(&hub);
    let sound = std::fs::read_to_string(gateway.settings()).unwrap();
    let broken = |text: &str| {
        let text = text.replace("backoff_min_s = 1", "backoff_min_s = \"soon\"");
        text.replace("[log]", "[log]\nlevel = \"chatty\"") + "\n[nonsense]\nkey = 1\n"
    };
    reload(&gateway, broken, "reload refused");
    for key in ["outbox.backoff_min_s", "log.level", "nonsense"] {
        until(key, PATIENCE, || {
            gateway.log().lines().find(|l| l.contains("reload refused") && l.contains(key)).map(drop)
        });
    }
    assert!(gateway.log().contains("engawa.toml:"), "{}", gateway.log());
    let id = gateway.accepted(&opinion(1), "k-1");
    gateway.reaches(&id, "delivered", PATIENCE);
    reload(&gateway, |_| sound, " reloaded");
}

#[test]
fn the_log_level_changes_and_what_needs_a_restart_is_named() {
    let hub = Sandbox::start();
    let gateway = Gateway::new(&hub);
    hub.down();
    let unheard = "no TCP connection to the hub";
    let id = gateway.accepted(&opinion(1), "k-1");
    gateway.reaches(&id, "queued", PATIENCE);
    until("HUB_UNREACHABLE", PATIENCE, || {
        (gateway.submission(&id)["reason"]["code"] == "HUB_UNREACHABLE").then_some(())
    });
    assert!(!gateway.log().contains(unheard), "{}", gateway.log());
    reload(&gateway, |text| text.replace("[log]", "[log]\nlevel = \"debug\""), " reloaded");
    until(unheard, PATIENCE, || gateway.log().contains(unheard).then_some(()));

    let named = |text: &str| text.replace("[hub]", "[hub]\nparallel = 2") + "\n[shutdown]\ndeadline_s = 7\n";
    reload(&gateway, named, " reloaded");
    let log = gateway.log();
    for key in ["hub.parallel", "shutdown.deadline_s"] {
        let said = log.lines().any(|line| line.contains("changes at the next start") && line.contains(key));
        assert!(said, "{key}: {log}");
    }
    hub.up();
    gateway.reaches(&id, "delivered", PATIENCE);
    assert_eq!(gateway.errors(), [""; 0]);
}
