//! Challenge and assertion at the sandbox hub, by somebody else's clients: curl, openssl, OpenSC.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::curl::Curl;
use crate::support::pcscd::Pcscd;
use crate::support::sandbox::Sandbox;
use crate::support::vcard::{PIN, Vcard};

/// No reader listens here: the cards are made and lie in the drawer.
const DRAWER: u16 = 1;

fn challenge(curl: &Curl<'_>) -> (String, Vec<u8>) {
    let data = curl.post("identity/challenges", &json!({})).data();
    let bytes = STANDARD.decode(data["challenge"].as_str().unwrap()).unwrap();
    assert_eq!(bytes.len(), 32);
    (data["challenge_id"].as_str().unwrap().to_owned(), bytes)
}

fn certificate(pem: &Path) -> String {
    let der = Command::new("openssl").args(["x509", "-outform", "DER", "-in"]).arg(pem).output().unwrap().stdout;
    STANDARD.encode(der)
}

/// openssl with the card's key, as if the card had signed.
fn signature(folder: &Path, key: &str, challenge: &[u8]) -> String {
    let data = folder.join("challenge");
    fs::write(&data, challenge).unwrap();
    let mut sign = Command::new("openssl");
    sign.args(["dgst", "-sha256", "-keyform", "DER", "-sign"]).arg(folder.join(key)).arg(data);
    let output = sign.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    STANDARD.encode(output.stdout)
}

fn by_pin(curl: &Curl<'_>, vcard: &Vcard, holder: &str) -> (Value, crate::support::curl::Reply) {
    let (id, bytes) = challenge(curl);
    let folder = vcard.folder(holder);
    let body = json!({
        "challenge_id": id, "method": "pin", "certificate": certificate(&folder.join("auth.pem")),
        "signature": signature(&folder, "auth.key.der", &bytes),
    });
    let reply = curl.post("identity/assertions", &body);
    (body, reply)
}

#[test]
fn a_person_taps_enters_the_pin_and_the_hub_knows_them() {
    let hub = Sandbox::start();
    let pcscd = Pcscd::start(1);
    let port = pcscd.ports()[0];
    let vcard = Vcard::start(hub.dir(), &[("3", port)]);
    vcard.wait_powered(port);
    let office = Curl::logged_in(&hub, "office", "office-manager");
    let (id, bytes) = challenge(&office);
    let (data, signed) = (hub.dir().join("data"), hub.dir().join("signed"));
    fs::write(&data, bytes).unwrap();
    let mut card = pcscd.client("pkcs11-tool");
    card.args(["--module", "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so", "--login", "--pin", PIN, "--sign"]);
    card.args(["--mechanism", "SHA256-RSA-PKCS", "--id", "01", "-i"]).arg(&data).arg("-o").arg(&signed);
    let output = card.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let body = json!({
        "challenge_id": id, "method": "pin", "certificate": certificate(&vcard.folder("3").join("auth.pem")),
        "signature": STANDARD.encode(fs::read(signed).unwrap()),
    });
    let person = office.post("identity/assertions", &body).data();
    let owner = vcard.card("3");
    assert_eq!((&person["insured_number"], &person["assurance"]), (&owner["insured_number"], &json!("high")));
    assert!(person["person_token"].as_str().unwrap().len() >= 32 && person["expires_at"].is_string());
    let facts = hub.facts();
    assert_eq!(facts["totals"]["assertions"], 1);
    assert_eq!(facts["assertions"][0]["certificate_serial"], owner["auth_serial"]);
    assert!(!facts.to_string().contains(person["person_token"].as_str().unwrap()));
}

#[test]
fn a_challenge_serves_one_try_one_facility_and_five_minutes() {
    let mut hub = Sandbox::start();
    let vcard = Vcard::start(hub.dir(), &[("1", DRAWER)]);
    {
        let office = Curl::logged_in(&hub, "office", "office-manager");
        let (body, first) = by_pin(&office, &vcard, "1");
        assert_eq!(first.data()["assurance"], "high");
        assert_eq!(office.post("identity/assertions", &body).code(), "E2301", "used");

        let (id, _) = challenge(&office);
        let mut wrong = body;
        wrong["challenge_id"] = json!(id);
        assert_eq!(office.post("identity/assertions", &wrong).code(), "E2306", "the signature of another challenge");
        assert_eq!(office.post("identity/assertions", &wrong).code(), "E2301", "a failed try is a try");

        let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
        wrong["challenge_id"] = json!(challenge(&office).0);
        assert_eq!(clinic.post("identity/assertions", &wrong).code(), "E2301", "another facility's");

        wrong["challenge_id"] = json!(challenge(&office).0);
        hub.advance("6m");
        assert_eq!(office.post("identity/assertions", &wrong).code(), "E2302");
        assert_eq!(Curl::new(&hub, "office").post("identity/challenges", &json!({})).code(), "E1004");
    }
    hub.restart();
    assert_eq!(hub.facts()["assertions"].as_array().unwrap().len(), 1, "assertions survive");
}

#[test]
fn certificates_have_to_be_good() {
    let hub = Sandbox::start();
    let vcard = Vcard::start(hub.dir(), &[("1", DRAWER)]);
    for holder in ["2-expired", "3-revoked", "4-expiring-20"] {
        vcard.swap(DRAWER, holder);
    }
    let office = Curl::logged_in(&hub, "office", "office-manager");
    assert_eq!(by_pin(&office, &vcard, "2-expired").1.code(), "E2304");
    assert_eq!(by_pin(&office, &vcard, "3-revoked").1.code(), "E2305");
    assert_eq!(by_pin(&office, &vcard, "4-expiring-20").1.data()["assurance"], "high");

    let serial = vcard.card("1")["auth_serial"].as_str().unwrap().to_owned();
    hub.post(&format!("cards/{serial}"), json!({"revoked": true}));
    assert_eq!(by_pin(&office, &vcard, "1").1.code(), "E2305");
    hub.post(&format!("cards/{serial}"), json!({"revoked": false}));
    assert_eq!(by_pin(&office, &vcard, "1").1.status, 200);

    // The other key's certificate, and one of a facility.
    let folder = vcard.folder("1");
    for pem in [folder.join("sign.pem"), hub.facility("clinic").certificate] {
        let (id, bytes) = challenge(&office);
        let body = json!({
            "challenge_id": id, "method": "pin", "certificate": certificate(&pem),
            "signature": signature(&folder, "sign.key.der", &bytes),
        });
        assert_eq!(office.post("identity/assertions", &body).code(), "E2303", "{}", pem.display());
    }
    let office = {
        hub.advance("504h");
        Curl::logged_in(&hub, "office", "office-manager")
    };
    assert_eq!(by_pin(&office, &vcard, "4-expiring-20").1.code(), "E2304", "21 days later");
}

#[test]
fn without_a_pin_two_of_the_staff_have_to_see() {
    let hub = Sandbox::start();
    let vcard = Vcard::start(hub.dir(), &[("5-no-pin", DRAWER)]);
    let office = Curl::logged_in(&hub, "office", "office-manager");
    let certificate = certificate(&vcard.folder("5-no-pin").join("auth.pem"));
    let visual = |staff: Value| {
        let id = challenge(&office).0;
        let body = json!({"challenge_id": id, "method": "visual", "certificate": certificate, "staff_ids": staff});
        office.post("identity/assertions", &body)
    };
    let seen = visual(json!(["office-manager", "office-clerk"])).data();
    assert_eq!(seen["insured_number"], vcard.card("5-no-pin")["insured_number"]);
    assert_eq!(seen["assurance"], "substantial");
    for staff in [
        json!(["office-manager"]),
        json!(["office-manager", "office-manager"]),
        json!(["office-manager", "clinic-clerk"]),
    ] {
        assert_eq!(visual(staff).code(), "E2308");
    }

    let document = |insured: &str| {
        let body = json!({
            "challenge_id": challenge(&office).0, "method": "document", "document_kind": "insurance-card",
            "insurer_number": vcard.card("5-no-pin")["insurer_number"], "insured_number": insured,
            "staff_ids": ["office-clerk", "office-manager"],
        });
        office.post("identity/assertions", &body)
    };
    assert_eq!(document(seen["insured_number"].as_str().unwrap()).data()["assurance"], "low");
    assert_eq!(document("0000000000").code(), "E2309");
    assert_eq!(hub.facts()["assertions"][1]["method"], "document");
}
