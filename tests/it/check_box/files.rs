//! Settings, clock, keys and certificate.

use std::fs;

use engawa::cli::Finding;
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::json;

use super::{OtherTime, is_well, mode, names, report, sound, troubles};
use crate::support::gateway::{Gateway, Setup};
use crate::support::sandbox::Sandbox;

#[test]
fn mistakes_in_the_settings() {
    let hub = Sandbox::start();
    let gateway = sound(&hub).idle();
    is_well(&gateway);
    let sound = fs::read_to_string(gateway.settings()).unwrap();

    fs::write(gateway.settings(), sound.replace("user_id =", "user_di =")).unwrap();
    let found = names(&gateway, "settings", Finding::SettingsWrong, "fail", "lan_vendor");
    assert!(found["detail_en"].as_str().unwrap().contains("engawa.toml:"), "{found}");
    let whole = report(&gateway);
    assert!(whole["problems"].as_array().unwrap().iter().any(|problem| problem["key"] == "hub.user_di"), "{whole:#}");
    assert!(troubles(&whole).iter().any(|check| check["object"] == "hub.user_di"), "{whole:#}");

    fs::write(gateway.settings(), sound + "[careplans]\ncode_tables = \"/nowhere/codes.tsv\"\n").unwrap();
    let report = report(&gateway);
    let found = troubles(&report).into_iter().find(|check| check["name"] == "careplans").unwrap();
    assert_eq!(
        (&found["finding"], &found["verdict"], &found["who"]),
        (&json!(Finding::CodeTables.number()), &json!("fail"), &json!("lan_vendor"))
    );
}

#[test]
fn a_clock_that_was_never_set_or_is_behind() {
    let hub = Sandbox::start();
    let other = OtherTime::new();
    let mut gateway = sound(&hub).start();
    assert!(gateway.stop().success());
    // What it notes of the time when it stops is the hub's word: none was heard, so it is told here.
    let noted = engawa::clock::Clock::system().now().as_millisecond();
    gateway.sql(&format!("INSERT OR REPLACE INTO fact (name, value) VALUES ('clock.been', '{noted}') RETURNING name"));
    let gateway = other.at(gateway, -3);
    let found = names(&gateway, "clock", Finding::ClockBehind, "fail", "lan_vendor");
    assert_eq!(found["code"], "CLOCK_WRONG");
    let gateway = other.at(gateway, -365 * 30);
    names(&gateway, "clock", Finding::ClockNeverSet, "fail", "lan_vendor");
    // By such a clock the certificate would not be valid yet: that is left out, it is not the cause.
    let report = report(&gateway);
    let found: Vec<_> = troubles(&report).iter().map(|check| check["name"].clone()).collect();
    assert_eq!(found, ["clock", "service"], "{report:#}");
}

#[test]
fn a_password_a_master_key_or_the_authority_of_the_hub_is_missing() {
    let hub = Sandbox::start();
    let mut gateway = sound(&hub).start();
    assert!(gateway.stop().success());
    let away = |path: &std::path::Path, then: &dyn Fn()| {
        let aside = path.with_extension("aside");
        fs::rename(path, &aside).unwrap();
        then();
        fs::rename(&aside, path).unwrap();
    };
    away(&gateway.state().join("master.key"), &|| {
        let found = names(&gateway, "key", Finding::MasterKeyMissing, "fail", "lan_vendor");
        assert_eq!(found["object"], "state.master_key_file");
    });
    let key = fs::read(gateway.state().join("master.key")).unwrap();
    fs::write(gateway.state().join("master.key"), "nonsense").unwrap();
    names(&gateway, "key", Finding::MasterKeyUnusable, "fail", "lan_vendor");
    fs::write(gateway.state().join("master.key"), key).unwrap();

    away(&gateway.dir().join("password"), &|| {
        let found = names(&gateway, "key", Finding::SecretMissing, "fail", "lan_vendor");
        assert_eq!(found["object"], "hub.password_file");
    });
    mode(&gateway.dir().join("password"), 0o644);
    names(&gateway, "key", Finding::SecretMissing, "fail", "lan_vendor");
    mode(&gateway.dir().join("password"), 0o600);

    let settings = fs::read_to_string(gateway.settings()).unwrap();
    for content in [None, Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")] {
        let file = gateway.dir().join("ca.pem");
        content.inspect(|content| fs::write(&file, content).unwrap());
        let changed = settings.replace(&json!(hub.ca()).to_string(), &json!(file).to_string());
        fs::write(gateway.settings(), changed).unwrap();
        let found = names(&gateway, "key", Finding::HubCaUnreadable, "fail", "lan_vendor");
        assert_eq!(found["object"], "hub.ca_file");
    }
    let lent = settings.replace(&json!(gateway.dir().join("password")).to_string(), "\"credential:hub-password\"");
    fs::write(gateway.settings(), lent).unwrap();
    let found = names(&gateway, "key", Finding::SecretHidden, "warn", "lan_vendor");
    assert_eq!(found["object"], "hub.password_file");
    let module = "pkcs11:token=engawa;object=x?module-path=/usr/lib/no-such-module.so";
    let token =
        format!("[state]\nmaster_key_token = {module:?}\nmaster_key_pin_file = {:?}\n", gateway.dir().join("password"));
    fs::write(gateway.settings(), settings.replace("[state]\n", &token)).unwrap();
    let found = names(&gateway, "key", Finding::MasterKeyToken, "fail", "lan_vendor");
    assert_eq!(found["object"], "state.master_key_token");
}

#[test]
fn the_file_of_the_certificate_is_missing_damaged_or_locked_with_another_passphrase() {
    let hub = Sandbox::start();
    let gateway = sound(&hub).idle();
    let (file, aside) = (gateway.dir().join("certificate.p12"), gateway.dir().join("aside"));
    fs::rename(&file, &aside).unwrap();
    names(&gateway, "certificate", Finding::CertificateMissing, "fail", "office");
    fs::write(&file, "not a certificate").unwrap();
    names(&gateway, "certificate", Finding::CertificateUnreadable, "fail", "office");
    fs::rename(&aside, &file).unwrap();
    gateway.secret("passphrase", "another");
    names(&gateway, "certificate", Finding::CertificateUnreadable, "fail", "office");
    // Nobody is sent after the certificate when it is the passphrase that is not there.
    fs::remove_file(gateway.dir().join("passphrase")).unwrap();
    let found = names(&gateway, "key", Finding::SecretMissing, "fail", "lan_vendor");
    assert_eq!(found["object"], "hub.certificate_passphrase_file");
    assert!(!report(&gateway)["checks"].as_array().unwrap().iter().any(|check| check["name"] == "certificate"));
}

/// A certificate of this unit and number; its days are counted from today.
fn certified(setup: Setup, unit: &str, number: &str, (from, until): (i64, i64)) -> Gateway {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, number);
    params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
    let day = |days: i64| time::OffsetDateTime::now_utc() + time::Duration::days(days);
    (params.not_before, params.not_after) = (day(from), day(until));
    setup.secret("own.pem", params.self_signed(&key).unwrap().pem());
    setup.secret("own.key", key.serialize_pem());
    let (certificate, key) = (json!(setup.path("own.pem")).to_string(), json!(setup.path("own.key")).to_string());
    let setup = setup.set("hub.certificate_file", &certificate).set("hub.certificate_key_file", &key);
    setup.set("hub.certificate_passphrase_file", "\"\"").idle()
}

#[test]
fn a_certificate_of_the_wrong_dates_kind_or_facility() {
    let hub = Sandbox::start();
    let clinic = hub.facility("clinic").number;
    let unit = "iryo";
    let cases = [
        (unit, &*clinic, (-400, -1), Finding::CertificateExpired, "fail", "issuer"),
        (unit, &clinic, (2, 400), Finding::CertificateNotYetValid, "fail", "issuer"),
        (unit, &clinic, (-400, 10), Finding::CertificateExpiring, "warn", "issuer"),
        ("Online Seikyu", &clinic, (-10, 400), Finding::CertificateWrongKind, "fail", "issuer"),
        (unit, "1310099999", (-10, 400), Finding::CertificateWrongFacility, "fail", "lan_vendor"),
    ];
    for (unit, number, days, finding, verdict, who) in cases {
        names(&certified(sound(&hub), unit, number, days), "certificate", finding, verdict, who);
    }
    is_well(&certified(sound(&hub), unit, &clinic, (-10, 400)));
}

#[test]
fn the_certificate_of_a_further_facility() {
    let hub = Sandbox::start();
    let gateway = sound(&hub).beside(&hub, "office", "office-manager").idle();
    is_well(&gateway);
    fs::remove_file(gateway.dir().join("office.p12")).unwrap();
    let found = names(&gateway, "certificate", Finding::CertificateMissing, "fail", "office");
    assert_eq!(found["facility"], hub.facility("office").number);
}
