//! Identification at the sandbox hub over the real link: each way, each refusal, each fault.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use engawa::clock::Clock;
use engawa::credential::{CertificateSource, FacilityCertificate, SecretSource};
use engawa::fault::Code;
use engawa::hub::{Config, Hub, InMemory, Policy, Timeouts};
use engawa::identity::{Challenge, Faulty, Identity, IdentityError};
use engawa::model::identity::{Assurance, DocumentKind, Evidence, Person, Witnessed, Witnesses};
use engawa::model::numbers::{InsuredNumber, InsurerNumber};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use crate::support::until;
use crate::support::vcard::Vcard;

/// No reader listens here: the cards are made and lie in the drawer.
const DRAWER: u16 = 1;

/// A hub, cards that it knows, and the office's way to it.
struct World {
    sandbox: Sandbox,
    vcard: Vcard,
    hub: Arc<Hub>,
    identity: Identity,
}

impl World {
    fn new(holders: &[&str]) -> Self {
        Self::with(Sandbox::start(), holders)
    }

    fn with(sandbox: Sandbox, holders: &[&str]) -> Self {
        let vcard = Vcard::start(sandbox.dir(), &[(holders[0], DRAWER)]);
        for holder in &holders[1..] {
            vcard.swap(DRAWER, holder);
        }
        let facility = sandbox.facility("office");
        let source =
            CertificateSource::Pkcs12 { file: facility.p12, passphrase: SecretSource::File(facility.p12_passphrase) };
        let config = Config {
            base_url: sandbox.url().to_owned(),
            ca_pem: fs::read(sandbox.ca()).unwrap(),
            user_id: "office-manager".to_owned(),
            password: SecretSource::File(sandbox.password_file("office-manager")),
            facility: None,
            fingerprint_key: [7; 32],
            timeouts: Timeouts {
                connect: Duration::from_secs(2),
                stall: Duration::from_secs(5),
                answer: Duration::from_secs(3),
                whole: Duration::from_secs(30),
            },
            login: Policy::default(),
        };
        let certificate = FacilityCertificate::load(&source).unwrap();
        let hub = Arc::new(Hub::connect(config, certificate, InMemory::default(), Clock::system()).unwrap());
        Self { identity: Identity::new(Arc::clone(&hub)), hub, sandbox, vcard }
    }

    async fn challenge(&self) -> Challenge {
        self.identity.challenge().await.unwrap()
    }

    /// What is shown under a challenge of its own.
    async fn show(&self, evidence: &Evidence) -> Result<Box<Person>, IdentityError> {
        self.identity.assert(self.challenge().await, evidence).await
    }

    async fn by_pin(&self, holder: &str) -> Result<Box<Person>, IdentityError> {
        let challenge = self.challenge().await;
        let evidence = self.signed(holder, "auth.key.der", &challenge);
        self.identity.assert(challenge, &evidence).await
    }

    fn certificate(&self, holder: &str) -> Vec<u8> {
        CertificateDer::from_pem_file(self.vcard.folder(holder).join("auth.pem")).unwrap().to_vec()
    }

    /// As if the card had signed: its key lies in its folder.
    fn signed(&self, holder: &str, key: &str, challenge: &Challenge) -> Evidence {
        let key = RsaKeyPair::from_pkcs8(&fs::read(self.vcard.folder(holder).join(key)).unwrap()).unwrap();
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &challenge.bytes, &mut signature).unwrap();
        Evidence::Pin { certificate: self.certificate(holder), signature }
    }

    fn visual(&self, holder: &str, one: &str, other: &str) -> Evidence {
        let witnesses = Witnesses::parse(one, other).unwrap();
        Evidence::Witnessed(Witnessed::visual(&self.certificate(holder), witnesses))
    }

    fn document(&self, insured: &str) -> Evidence {
        let owner = self.vcard.card("1");
        let insurer = InsurerNumber::parse(owner["insurer_number"].as_str().unwrap()).unwrap();
        let witnesses = Witnesses::parse("office-clerk", "office-manager").unwrap();
        let insured = InsuredNumber::parse(insured).unwrap();
        Evidence::Witnessed(Witnessed::document(DocumentKind::CareInsuranceCard, &insurer, &insured, witnesses))
    }

    fn calls(&self, operation: &str) -> u64 {
        self.sandbox.status()["calls"][operation].as_u64().unwrap_or_default()
    }

    fn assertions(&self) -> usize {
        self.sandbox.facts()["assertions"].as_array().unwrap().len()
    }
}

/// Waits until the sandbox has dropped every connection.
fn closed(sandbox: &Sandbox) {
    until("the end of the connections", Duration::from_secs(10), || {
        sandbox.status()["connections"]["open"].as_object().filter(|open| open.is_empty()).map(|_| ())
    });
}

#[track_caller]
fn refused(shown: Result<Box<Person>, IdentityError>, hub_code: &str, part: Faulty, code: Code) {
    match shown.err().expect("the hub knows them") {
        ref error @ IdentityError::Refused { part: found, ref errors, ref trace_id } => {
            assert_eq!((errors[0].code.as_str(), found, error.code()), (hub_code, part, code));
            assert!(trace_id.is_some() && !error.may_wait());
        }
        other => panic!("{other:?} instead of {hub_code}"),
    }
}

#[tokio::test]
async fn people_are_known_by_pin_by_face_and_by_document() {
    let world = World::new(&["1", "5-no-pin"]);
    let owner = world.vcard.card("1");
    let person = world.by_pin("1").await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((&json!(person.insurer_number), &json!(person.insured_number)), {
        (&owner["insurer_number"], &owner["insured_number"])
    });
    assert_eq!(person.assurance, Assurance::High);
    assert!(person.token.len() >= 32 && person.expires_at > Clock::system().now());

    let face = world.show(&world.visual("5-no-pin", "office-manager", "office-clerk")).await.ok().unwrap();
    assert_eq!(face.assurance, Assurance::Substantial);
    assert_eq!(json!(face.insured_number), world.vcard.card("5-no-pin")["insured_number"]);
    let paper = world.show(&world.document(&person.insured_number)).await.ok().unwrap();
    assert_eq!((paper.assurance, &paper.insured_number), (Assurance::Low, &person.insured_number));

    let facts = world.sandbox.facts();
    let of = |at: usize, name: &str| facts["assertions"][at][name].clone();
    assert_eq!([of(0, "method"), of(1, "method"), of(2, "method")], [json!("pin"), json!("visual"), json!("document")]);
    assert_eq!(of(0, "certificate_serial"), owner["auth_serial"]);
    assert_eq!(of(1, "staff_ids"), json!(["office-manager", "office-clerk"]));
    assert_eq!(of(2, "document_kind"), "care-insurance-card");
    assert_eq!(facts["totals"]["assertions"], 3);
    assert_eq!((world.calls("login"), world.calls("challenges"), world.calls("assertions")), (1, 3, 3));
}

#[tokio::test]
async fn every_refusal_names_the_part() {
    let world = World::new(&["1", "2-expired", "3-revoked"]);
    let known = world.vcard.card("1")["insured_number"].as_str().unwrap().to_owned();

    // The challenge: used, and used by a failed try.
    let challenge = world.challenge().await;
    let good = world.signed("1", "auth.key.der", &challenge);
    assert!(world.identity.assert(challenge.clone(), &good).await.is_ok());
    let again = world.identity.assert(challenge, &good).await;
    refused(again, "E2301", Faulty::Challenge, Code::ChallengeSpent);
    let challenge = world.challenge().await;
    let stale = world.identity.assert(challenge.clone(), &good).await;
    refused(stale, "E2306", Faulty::Signature, Code::CardSignatureInvalid);
    let good = world.signed("1", "auth.key.der", &challenge);
    let again = world.identity.assert(challenge, &good).await;
    refused(again, "E2301", Faulty::Challenge, Code::ChallengeSpent);

    // The certificate.
    for (holder, code) in [("2-expired", "E2304"), ("3-revoked", "E2305")] {
        refused(world.by_pin(holder).await, code, Faulty::Certificate, Code::CardCertificateRefused);
    }
    let nonsense = Evidence::Pin { certificate: vec![0x30, 0x03], signature: vec![1; 256] };
    refused(world.show(&nonsense).await, "E2303", Faulty::Certificate, Code::CardCertificateRefused);
    let serial = world.vcard.card("1")["auth_serial"].as_str().unwrap().to_owned();
    world.sandbox.post(&format!("cards/{serial}"), json!({"revoked": true}));
    refused(world.by_pin("1").await, "E2305", Faulty::Certificate, Code::CardCertificateRefused);
    world.sandbox.post(&format!("cards/{serial}"), json!({"revoked": false}));

    // The signature of the card's other key.
    let challenge = world.challenge().await;
    let other = world.signed("1", "sign.key.der", &challenge);
    let shown = world.identity.assert(challenge, &other).await;
    refused(shown, "E2306", Faulty::Signature, Code::CardSignatureInvalid);

    // Staff of elsewhere, and a person nobody knows.
    let elsewhere = world.visual("1", "office-manager", "clinic-clerk");
    refused(world.show(&elsewhere).await, "E2308", Faulty::Witnesses, Code::WitnessesRefused);
    refused(world.show(&world.document("0000000000")).await, "E2309", Faulty::Person, Code::PersonUnknown);

    // What an order of the sandbox says.
    for (code, expected) in [("E3001", Code::HubNotPermitted), ("E3002", Code::HubNoConsent)] {
        world.sandbox.fault(json!({"on": "assertions", "kind": "refuse", "code": code}));
        let error = world.show(&world.document(&known)).await.err().unwrap();
        assert_eq!((error.code(), error.may_wait()), (expected, false));
    }
    assert_eq!(world.assertions(), 1);
}

#[tokio::test]
async fn a_challenge_runs_out_by_the_hubs_clock() {
    let world = World::new(&["1"]);
    let challenge = world.challenge().await;
    let evidence = world.signed("1", "auth.key.der", &challenge);
    world.sandbox.advance("6m");
    let shown = world.identity.assert(challenge, &evidence).await;
    refused(shown, "E2302", Faulty::Challenge, Code::ChallengeSpent);
    assert!(world.by_pin("1").await.is_ok(), "another challenge serves");
}

#[tokio::test]
async fn without_a_line_there_is_no_challenge() {
    let world = World::new(&["1"]);
    let challenge = world.challenge().await;
    let evidence = world.signed("1", "auth.key.der", &challenge);
    world.sandbox.down();
    let error = world.identity.challenge().await.unwrap_err();
    assert_eq!((error.code(), error.may_wait()), (Code::HubUnreachable, true));
    let error = world.identity.assert(challenge, &evidence).await.err().unwrap();
    assert_eq!((error.code(), error.may_wait()), (Code::HubUnreachable, true));
    world.sandbox.up();
    assert!(world.by_pin("1").await.is_ok());
    assert_eq!(world.assertions(), 1);
}

#[tokio::test]
async fn every_fault_of_a_challenge_has_its_code() {
    let world = World::new(&["1"]);
    let rows: [(Value, Option<Code>); 13] = [
        (json!({"kind": "delay", "delay_ms": 300}), None),
        (json!({"kind": "delay", "delay_ms": 10_000}), Some(Code::HubTimeout)),
        // A challenge is a read: one broken connection is made good.
        (json!({"kind": "cut_before_effect"}), None),
        (json!({"kind": "cut_before_effect", "times": 2}), Some(Code::HubUnreachable)),
        (json!({"kind": "cut_after_effect", "times": 2}), Some(Code::HubUnreachable)),
        (json!({"kind": "wrong_json"}), Some(Code::HubNonsense)),
        (json!({"kind": "wrong_type"}), Some(Code::HubNonsense)),
        (json!({"kind": "truncated_json"}), Some(Code::HubNonsense)),
        (json!({"kind": "html_200"}), Some(Code::HubNonsense)),
        (json!({"kind": "status_503"}), Some(Code::HubTrouble)),
        (json!({"kind": "status_503", "retry_after": "30"}), Some(Code::HubBusy)),
        (json!({"kind": "refuse", "code": "E3001"}), Some(Code::HubNotPermitted)),
        (json!({"kind": "expire_tokens"}), None),
    ];
    for (mut fault, expected) in rows {
        fault["on"] = json!("challenges");
        world.sandbox.fault(fault.clone());
        let given = world.identity.challenge().await;
        assert_eq!(given.as_ref().err().map(IdentityError::code), expected, "{fault}: {given:?}");
        if expected == Some(Code::HubBusy) {
            assert_eq!(given.unwrap_err().retry_after(Clock::system().now()), Some(30));
        }
        assert!(world.by_pin("1").await.is_ok(), "{fault}: it heals");
    }
}

#[tokio::test]
async fn a_hub_that_offers_no_identification_goes_on_with_the_rest() {
    let world = World::new(&["1"]);
    let challenge = world.challenge().await;
    let evidence = world.signed("1", "auth.key.der", &challenge);
    for on in ["challenges", "assertions"] {
        world.sandbox.fault(json!({"on": on, "kind": "not_offered", "times": 0}));
    }
    let error = world.identity.challenge().await.unwrap_err();
    assert_eq!((error.code(), error.may_wait()), (Code::HubNotOffered, false));
    let error = world.identity.assert(challenge, &evidence).await.err().unwrap();
    assert_eq!((error.code(), error.may_wait()), (Code::HubNotOffered, false));
    assert_eq!(world.hub.status().blocked, None, "documents are not stopped by it");
    world.sandbox.clear_faults();
    assert!(world.by_pin("1").await.is_ok());

    // The hub does not announce it: nothing is asked for.
    let sandbox = Sandbox::start();
    sandbox.fault(json!({"on": "challenges", "kind": "not_offered", "times": 0}));
    let world = World::with(sandbox, &["1"]);
    let error = world.identity.challenge().await.unwrap_err();
    assert_eq!((error.code(), world.hub.status().blocked), (Code::HubNotOffered, None));
    assert_eq!((world.calls("challenges"), world.calls("login")), (0, 0));
}

#[tokio::test]
async fn every_fault_of_an_assertion_has_its_code_and_none_is_sent_twice() {
    let world = World::new(&["1"]);
    // What is ordered, the code, whether it had its effect.
    let rows: [(Value, Option<Code>, usize); 16] = [
        (json!({"kind": "delay", "delay_ms": 300}), None, 1),
        (json!({"kind": "cut_before_effect"}), Some(Code::HubUnreachable), 0),
        (json!({"kind": "cut_mid_request", "bytes": 100}), Some(Code::HubUnreachable), 0),
        (json!({"kind": "cut_after_effect"}), Some(Code::HubUnreachable), 1),
        (json!({"kind": "cut_mid_answer"}), Some(Code::HubUnreachable), 1),
        (json!({"kind": "truncated_json"}), Some(Code::HubNonsense), 1),
        (json!({"kind": "wrong_json"}), Some(Code::HubNonsense), 1),
        (json!({"kind": "wrong_type"}), Some(Code::HubNonsense), 1),
        (json!({"kind": "html_200"}), Some(Code::HubNonsense), 0),
        (json!({"kind": "html_502"}), Some(Code::HubNonsense), 0),
        (json!({"kind": "status_429"}), Some(Code::HubBusy), 0),
        (json!({"kind": "status_503"}), Some(Code::HubTrouble), 0),
        (json!({"kind": "status_503", "retry_after": "30"}), Some(Code::HubBusy), 0),
        (json!({"kind": "refuse", "code": "E9004"}), Some(Code::HubTrouble), 0),
        (json!({"kind": "answer_twice"}), None, 1),
        // Given up here, carried out there all the same.
        (json!({"kind": "delay", "delay_ms": 6_000}), Some(Code::HubTimeout), 1),
    ];
    for (mut fault, expected, had) in rows {
        fault["on"] = json!("assertions");
        let (calls, assertions) = (world.calls("assertions"), world.assertions());
        world.sandbox.fault(fault.clone());
        let shown = world.by_pin("1").await;
        assert_eq!(shown.err().map(|error| error.code()), expected, "{fault}");
        until("the end of what was given up", Duration::from_secs(30), || {
            (world.sandbox.status()["at_work"] == 0).then_some(())
        });
        assert_eq!(world.assertions() - assertions, had, "{fault}");
        assert_eq!(world.calls("assertions") - calls, 1, "{fault}: sent once");
        assert!(world.by_pin("1").await.is_ok(), "{fault}: with another challenge it passes");
    }

    // E1004: the hub looked at nothing, so the same challenge still serves.
    let (calls, assertions) = (world.calls("assertions"), world.assertions());
    world.sandbox.fault(json!({"on": "assertions", "kind": "expire_tokens"}));
    assert!(world.by_pin("1").await.is_ok());
    assert_eq!((world.calls("assertions") - calls, world.assertions() - assertions), (2, 1));

    let facts = world.sandbox.facts();
    let mut used: Vec<_> =
        facts["assertions"].as_array().unwrap().iter().map(|made| made["challenge_id"].to_string()).collect();
    let made = used.len();
    used.sort();
    used.dedup();
    assert_eq!(used.len(), made, "no challenge served twice");
}

#[tokio::test]
async fn what_is_left_of_an_answer_is_never_the_next_persons() {
    let world = World::with(Sandbox::start(), &["1"]);
    let rows = [
        // What is left over of an answer is never taken for the next person's.
        ("answer_twice", None, 1),
        ("cut_before_effect", Some(Code::HubUnreachable), 0),
        ("cut_after_effect", Some(Code::HubUnreachable), 1),
        ("close_idle", None, 1),
    ];
    for (kind, expected, had) in rows {
        let (calls, assertions) = (world.calls("assertions"), world.assertions());
        world.sandbox.fault(json!({"on": "assertions", "kind": kind}));
        let shown = world.by_pin("1").await;
        assert_eq!(shown.err().map(|error| error.code()), expected, "{kind}");
        assert_eq!((world.calls("assertions") - calls, world.assertions() - assertions), (1, had), "{kind}");
        let insured = world.vcard.card("1")["insured_number"].as_str().unwrap().to_owned();
        let person = world.show(&world.document(&insured)).await;
        let person = person.unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(person.assurance, Assurance::Low, "{kind}");
    }
    // The warm connection breaks under a challenge, and the assertion has one of its own.
    world.sandbox.fault(json!({"on": "challenges", "kind": "close_idle"}));
    let challenge = world.challenge().await;
    closed(&world.sandbox);
    let evidence = world.signed("1", "auth.key.der", &challenge);
    assert!(world.identity.assert(challenge, &evidence).await.is_ok());
}
