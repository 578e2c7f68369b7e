//! What systemd says of the service, by a stand-in for its program: what somebody stopped is not started by a look at it.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::Command;

use serde_json::Value;

use super::{Finding, Gateway, Sandbox, mode, sound, troubles};

/// A box whose socket systemd holds, and how its units are.
struct Held {
    gateway: Gateway,
    /// Nobody answers there; whoever connects is waited for by a unit that cannot start, or has started one.
    door: UnixListener,
}

impl Held {
    fn new(hub: &Sandbox, service: &str) -> Self {
        let gateway = sound(hub).idle();
        let door = UnixListener::bind(gateway.socket()).unwrap();
        door.set_nonblocking(true).unwrap();
        let held = Self { gateway, door };
        held.says(&format!(
            "printf '%s\\n' Id=engawa.service {service} LoadState=loaded '' Id=engawa.socket LoadState=loaded ActiveState=active \
             SubState=listening 'Listen={} (Stream)' 'Listen=127.0.0.1:8470 (Stream)'",
            held.gateway.socket().display()
        ));
        held
    }

    /// What the stand-in does.
    fn says(&self, script: &str) {
        let program = self.gateway.dir().join("systemctl");
        fs::write(&program, format!("#!/bin/sh\n[ \"$1\" = show ] || exit 1\n{script}\n")).unwrap();
        mode(&program, 0o755);
    }

    fn check(&self) -> Value {
        let path = format!("{}:/usr/bin:/bin", self.gateway.dir().display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_engawa"));
        command.arg("--config").arg(self.gateway.settings()).args(["check", "--offline", "--json"]).env("PATH", path);
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
    }

    fn was_asked(&self) -> bool {
        self.door.accept().is_ok()
    }
}

fn service(report: &Value) -> &Value {
    let found = troubles(report).into_iter().find(|check| check["name"] == "service");
    found.unwrap_or_else(|| panic!("nothing is found of the service: {report:#}"))
}

#[test]
fn a_unit_that_somebody_stopped_is_not_started_by_a_look_at_it() {
    let hub = Sandbox::start();
    // Being stopped, it takes nothing any more; what waits at its socket then starts it again. Masked, it cannot be started.
    for unit in
        ["ActiveState=deactivating SubState=stop-sigterm", "LoadState=masked ActiveState=inactive SubState=dead"]
    {
        let held = Held::new(&hub, &format!("{unit} Result=success ExecMainStatus=0"));
        let report = held.check();
        assert_eq!(service(&report)["finding"], Finding::ServiceNew.number(), "{report:#}");
        assert!(!held.was_asked(), "{unit}: the check knocked");
    }
    let held = Held::new(&hub, "ActiveState=inactive SubState=dead Result=success ExecMainStatus=0");
    let report = held.check();
    assert_eq!(service(&report)["finding"], Finding::ServiceNew.number(), "{report:#}");
    assert!(!held.was_asked(), "the check knocked, which starts the unit");
    // One that has run before.
    fs::remove_file(held.gateway.socket()).unwrap();
    let mut gateway = held.gateway;
    gateway.start();
    assert_eq!(gateway.stop().code(), Some(0));
    let _ = fs::remove_file(gateway.socket());
    let door = UnixListener::bind(gateway.socket()).unwrap();
    door.set_nonblocking(true).unwrap();
    let held = Held { gateway, door };
    let report = held.check();
    let found = service(&report);
    assert_eq!(found["finding"], Finding::ServiceDown.number(), "{report:#}");
    assert!(found["detail_en"].as_str().unwrap().contains("stopped"), "{found}");
    assert!(!held.was_asked(), "the check knocked, which starts the unit");
}

#[test]
fn a_unit_that_cannot_start_is_told_with_its_last_result() {
    let hub = Sandbox::start();
    let ends = [
        ("ActiveState=failed SubState=failed Result=exit-code ExecMainStatus=78", "exit-code 78"),
        ("ActiveState=activating SubState=auto-restart Result=exit-code ExecMainStatus=1", "exit-code 1"),
        ("ActiveState=failed SubState=failed Result=watchdog ExecMainStatus=6", "watchdog 6"),
        ("ActiveState=failed SubState=failed Result=resources ExecMainStatus=0", "resources"),
        ("LoadState=bad-setting ActiveState=inactive SubState=dead Result=success ExecMainStatus=0", "bad-setting"),
    ];
    for (unit, why) in ends {
        let held = Held::new(&hub, unit);
        let report = held.check();
        let found = service(&report);
        assert_eq!((&found["finding"], &found["verdict"]), (&Finding::ServiceBroken.number().into(), &"fail".into()));
        assert!(found["detail_en"].as_str().unwrap().contains(why), "{why}: {found}");
        assert!(!held.was_asked(), "{why}: the check knocked");
    }
}

/// Its own units' socket, another one's, no systemd: then the service itself is asked.
#[test]
fn without_a_word_of_systemd_about_this_box_the_service_itself_is_asked() {
    let hub = Sandbox::start();
    let mut gateway = sound(&hub).start();
    let state = "Id=engawa.service LoadState=loaded ActiveState=inactive SubState=dead Result=success ExecMainStatus=0";
    let running =
        "Id=engawa.service LoadState=loaded ActiveState=active SubState=running Result=success ExecMainStatus=0";
    let listens =
        |path: &str| format!("'' Id=engawa.socket LoadState=loaded ActiveState=inactive 'Listen={path} (Stream)'");
    let socket = gateway.socket().display().to_string();
    let scripts = [
        format!("printf '%s\\n' {running} {}", listens(&socket)),
        // Started by hand; its units stand aside.
        format!("printf '%s\\n' {state} {}", listens(&socket)),
        format!("printf '%s\\n' {state} {}", listens("/run/engawa/another.sock")),
        "exit 1".to_owned(),
    ];
    for script in scripts {
        let door = UnixListener::bind(gateway.dir().join("unused")).unwrap();
        let held = Held { gateway, door };
        held.says(&script);
        let report = held.check();
        let of_service = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "service").unwrap();
        assert_eq!(of_service["verdict"], "ok", "{script}: {report:#}");
        gateway = held.gateway;
        fs::remove_file(gateway.dir().join("unused")).unwrap();
    }
    gateway.kill9();
}
