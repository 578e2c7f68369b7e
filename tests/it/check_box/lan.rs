//! The way in for other machines.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::Command;

use engawa::cli::Finding;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::{all_is_well, is_root, is_well, names, report, sound};
use crate::support::gateway::Setup;
use crate::support::sandbox::Sandbox;
use crate::support::{skip, until};

fn listening(hub: &Sandbox, port: u16) -> Setup {
    sound(hub).set("lan.listen", &format!("[\"127.0.0.1:{port}\"]"))
}

/// A port that nobody has at this moment.
fn free() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn another_program_has_the_port() {
    let hub = Sandbox::start();
    let other = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = other.local_addr().unwrap().port();
    let mut gateway = listening(&hub, port).idle();
    names(&gateway, "lan", Finding::LanPort, "fail", "lan_vendor");
    // The same where engawa runs, and somebody who speaks something else answers in its place.
    let answering = std::thread::spawn(move || {
        while let Ok((mut stream, _)) = other.accept() {
            let mut hello = [0; 1];
            if std::io::Read::read(&mut stream, &mut hello).is_ok_and(|read| read > 0 && hello[0] == b'!') {
                return;
            }
            let _ = stream.write_all(b"220 printer ready\r\n");
        }
    });
    gateway.start();
    let part = || gateway.get("/v1/health").json()["parts"]["lan"]["reason"].clone();
    until("the port to be missed", std::time::Duration::from_secs(30), || (part() == "LAN_PORT").then_some(()));
    names(&gateway, "lan", Finding::LanPort, "fail", "lan_vendor");
    std::net::TcpStream::connect(("127.0.0.1", port)).unwrap().write_all(b"!").unwrap();
    answering.join().unwrap();
}

#[test]
fn the_listener_answers_or_is_silent() {
    let hub = Sandbox::start();
    let port = free();
    let gateway = listening(&hub, port).start();
    let whole = report(&gateway);
    let object = format!("127.0.0.1:{port}");
    let answers = |whole: &Value| {
        let mut checks = whole["checks"].as_array().unwrap().iter();
        checks.find(|check| check["object"] == *object).unwrap_or_else(|| panic!("{whole:#}")).clone()
    };
    assert_eq!(answers(&whole)["detail_en"], "It answers with TLS.", "{whole:#}");
    all_is_well(&gateway);
    // The settings name another port than the one it was started with: the vendor forgot to start it anew.
    let settings = fs::read_to_string(gateway.settings()).unwrap();
    fs::write(gateway.settings(), settings.replace(&port.to_string(), &free().to_string())).unwrap();
    names(&gateway, "lan", Finding::LanSilent, "fail", "lan_vendor");
}

#[test]
fn an_address_that_is_not_here_and_networks_of_another_office() {
    let hub = Sandbox::start();
    let gateway = sound(&hub).set("lan.listen", "[\"203.0.113.7:8443\"]").idle();
    names(&gateway, "lan", Finding::LanAddress, "warn", "lan_vendor");
    let gateway = listening(&hub, free()).set("lan.networks", "[\"203.0.113.0/24\"]").idle();
    let own = engawa::host::addresses().into_iter().any(|address| !address.is_loopback());
    if !own {
        return skip("this machine has no address but the loopback's");
    }
    let found = names(&gateway, "lan", Finding::LanNetworks, "warn", "lan_vendor");
    assert_eq!(found["object"], "lan.networks");
}

#[test]
fn the_certificate_of_the_lan_has_ended_and_its_authority_is_damaged() {
    let hub = Sandbox::start();
    let setup = listening(&hub, free());
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["engawa.example".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2024, 1, 1);
    params.not_after = rcgen::date_time_ymd(2025, 1, 1);
    setup.secret("lan.pem", params.self_signed(&key).unwrap().pem());
    setup.secret("lan.key", key.serialize_pem());
    let (certificate, key) = (json!(setup.path("lan.pem")).to_string(), json!(setup.path("lan.key")).to_string());
    let setup = setup.set("lan.certificate_file", &certificate).set("lan.certificate_key_file", &key);
    let gateway = setup.idle();
    let found = names(&gateway, "lan", Finding::LanCertificate, "fail", "lan_vendor");
    assert_eq!(found["object"], "lan.certificate_file");

    let mut gateway = listening(&hub, free()).start();
    assert!(gateway.stop().success());
    let authority = fs::read_dir(gateway.state()).unwrap().map(|entry| entry.unwrap().path());
    let authority = authority.filter(|path| path.file_name().unwrap().to_str().unwrap().contains("authority"));
    let files: Vec<_> = authority.collect();
    assert!(!files.is_empty());
    for file in files.iter().filter(|path| path.is_file()) {
        fs::write(file, "nonsense").unwrap();
    }
    let found = names(&gateway, "lan", Finding::LanAuthority, "fail", "lan_vendor");
    assert_eq!(found["object"], "authority");
}

/// Names are looked up, which `--offline` leaves out: the hub is the sandbox, and the hosts file one of the test's own.
#[test]
fn a_name_of_the_box_that_leads_elsewhere() {
    if !is_root() {
        return skip("a hosts file of the test's own needs root");
    }
    let hub = Sandbox::start();
    let gateway = listening(&hub, free()).set("lan.names", "[\"engawa.clinic.example\"]").idle();
    let hosts = gateway.dir().join("hosts");
    let check = |line: &str| -> Value {
        fs::write(&hosts, format!("127.0.0.1 localhost\n{line}\n")).unwrap();
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""]).arg(&hosts);
        command.args([env!("CARGO_BIN_EXE_engawa"), "check", "--json", "--config"]).arg(gateway.settings());
        let output = command.output().unwrap();
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["object"] == "lan.names").unwrap_or_else(|| panic!("{report:#}")).clone()
    };
    let found = check("192.0.2.7 engawa.clinic.example");
    assert_eq!((&found["finding"], &found["who"]), (&json!(Finding::LanName.number()), &json!("lan_vendor")));
    assert!(found["detail_en"].as_str().unwrap().contains("192.0.2.7"), "{found}");
    assert_eq!(check("127.0.1.1 engawa.clinic.example")["verdict"], "ok");
    is_well(&gateway);
}
