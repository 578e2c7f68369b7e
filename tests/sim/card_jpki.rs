//! The JPKI application against a software card: every fault at every command, and what it cost.

use engawa::card::channel::{CalledOff, Channel, ChannelError, Gate};
use engawa::card::jpki::{self, CardKind};
use engawa::card::{CardError, Floor, IdentityPin, ProfilePin, Signed, Spent, profile};
use engawa::fault::Code;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::card::{CHALLENGE, FAULTS, Fault, PIN, PROFILE_PIN, SoftCard, certificate};

const FLOOR: Floor = Floor { tries: 1, confirmed: false };

fn pin(text: &str) -> IdentityPin {
    IdentityPin::parse(Zeroizing::new(text.to_owned())).unwrap()
}

fn profile_pin(text: &str) -> ProfilePin {
    ProfilePin::parse(Zeroizing::new(text.to_owned())).unwrap()
}

fn now() -> Option<Timestamp> {
    Some("2026-06-01T00:00:00Z".parse().unwrap())
}

fn identify(card: &mut SoftCard, digits: &str, floor: Floor) -> Result<Signed, CardError> {
    jpki::identify(card, Gate::default().attempt(), pin(digits), floor, CHALLENGE, None, now())
}

#[test]
fn a_holder_is_known_by_pin_and_signature() {
    let mut card = SoftCard::new();
    let signed = identify(&mut card, PIN, FLOOR).unwrap();
    assert_eq!((signed.kind, signed.tries_left, card.verifies), (CardKind::MyNumberCard, 3, 1));
    assert!(signed.certificate.verifies(CHALLENGE, &signed.signature));
    assert_eq!(signed.certificate.days_left(now().unwrap()), 1035);
    let last = card.seen.last().unwrap();
    assert_eq!(last[..4], [0x00, 0xA4, 0x04, 0x0C], "the last word logs out");
}

#[test]
fn a_telephone_shows_its_certificate_after_the_pin() {
    for (token, kind) in [("JPKIAPGPSETOKEN", CardKind::AndroidToken), ("JPKIAPIOSTOKEN", CardKind::IphoneToken)] {
        let mut card = SoftCard::new().kind(token, [0x8F, 0x8F, 0x00]);
        card.phone = true;
        assert_eq!(identify(&mut card, PIN, FLOOR).unwrap().kind, kind);
    }
}

#[test]
fn every_fault_at_every_command_costs_one_try_at_most_and_says_so() {
    for (digits, phone) in [(PIN, false), (PIN, true), ("9999", false)] {
        let fresh = || {
            let mut card = SoftCard::new();
            card.phone = phone;
            card
        };
        let mut card = fresh();
        let _ = identify(&mut card, digits, FLOOR);
        for at in 0..card.seen.len() {
            for fault in FAULTS {
                let mut card = fresh();
                card.fault = Some((at, fault));
                let result = identify(&mut card, digits, FLOOR);
                let case = format!("{fault:?} at {at} with {digits}: {result:?}");
                assert!(card.verifies <= 1, "two tries for one request: {case}");
                assert!(card.seen.iter().filter(|seen| seen.len() > 4 && seen[1] == 0x20).count() <= 1, "{case}");
                // A card whose answers are forged can be believed in nothing but its signature.
                let forged = matches!(fault, Fault::Status(_)) && card.seen.get(at).is_some_and(|c| c[1] == 0x20);
                match (&result, card.jpki_tries()) {
                    (Ok(signed), left) => {
                        assert!(signed.certificate.verifies(CHALLENGE, &signed.signature), "{case}");
                        assert_eq!(left, 3, "{case}");
                    }
                    (Err(_), _) if forged => {}
                    (Err(error), left) => match error.spent() {
                        Spent::None => assert_eq!(left, 3, "{case}"),
                        Spent::One => assert_eq!(left, 2, "{case}"),
                        Spent::Unknown => assert_eq!(error.code(), Code::CardOutcomeUnknown, "{case}"),
                    },
                }
            }
        }
    }
}

#[test]
fn the_profile_too_costs_one_try_at_most() {
    let mut card = SoftCard::new();
    let four = profile::basic_four(&mut card, Gate::default().attempt(), profile_pin(PROFILE_PIN), FLOOR).unwrap();
    assert_eq!((four.name.as_str(), four.birth), ("縁側 太郎", Some(jiff::civil::date(1940, 1, 2))));
    assert_eq!(format!("{four:?}"), "BasicFour { .. }", "person data has no text form");
    for at in 0..card.seen.len() {
        for fault in FAULTS {
            let mut card = SoftCard::new();
            card.fault = Some((at, fault));
            let _ = profile::basic_four(&mut card, Gate::default().attempt(), profile_pin(PROFILE_PIN), FLOOR);
            assert!(card.verifies <= 1, "{fault:?} at {at}");
        }
    }
}

#[test]
fn what_is_lost_with_a_pin_is_unknown_and_what_is_lost_before_it_is_not() {
    let mut card = SoftCard::new();
    identify(&mut card, PIN, FLOOR).unwrap();
    let verify = card.seen.iter().position(|seen| seen.len() == 9 && seen[1] == 0x20).unwrap();
    for (at, fault, code, spent) in [
        (verify, Fault::Lost, Code::CardOutcomeUnknown, Spent::Unknown),
        (verify, Fault::OneByte, Code::CardOutcomeUnknown, Spent::Unknown),
        (verify, Fault::SmallBuffer, Code::CardOutcomeUnknown, Spent::Unknown),
        (verify, Fault::Mute, Code::CardOutcomeUnknown, Spent::Unknown),
        (verify - 1, Fault::Lost, Code::CardRemoved, Spent::None),
        (verify - 1, Fault::Reset, Code::CardReset, Spent::None),
        (verify + 1, Fault::Lost, Code::CardRemoved, Spent::None),
        (verify + 2, Fault::Truncated, Code::CardAnswerInvalid, Spent::None),
        (verify + 2, Fault::Flipped, Code::CardSignatureInvalid, Spent::None),
    ] {
        let mut card = SoftCard::new();
        card.fault = Some((at, fault));
        let error = identify(&mut card, PIN, FLOOR).unwrap_err();
        let code = if fault == Fault::Truncated { error.code() } else { code };
        assert_eq!((error.code(), error.spent()), (code, spent), "{fault:?} at {at}");
    }
}

#[test]
fn a_pin_is_refused_at_the_floor_unless_confirmed() {
    let confirmed = Floor { tries: 1, confirmed: true };
    for (left, floor, wanted, verifies) in [
        (2, FLOOR, None, 1),
        (1, FLOOR, Some(Code::CardPinFloor), 0),
        (1, confirmed, None, 1),
        (0, FLOOR, Some(Code::CardPinBlocked), 0),
        (0, confirmed, Some(Code::CardPinBlocked), 0),
        (2, Floor { tries: 2, confirmed: false }, Some(Code::CardPinFloor), 0),
    ] {
        let mut card = SoftCard::new().left(left);
        let result = identify(&mut card, PIN, floor);
        assert_eq!(result.as_ref().err().map(CardError::code), wanted, "{left} left");
        assert_eq!(result.err().and_then(|error| error.tries_left()), wanted.map(|_| left));
        assert_eq!(card.verifies, verifies, "{left} left");
    }
}

#[test]
fn a_wrong_pin_says_what_is_left() {
    let mut card = SoftCard::new();
    let error = identify(&mut card, "0000", FLOOR).unwrap_err();
    assert_eq!((error.code(), error.tries_left(), error.spent()), (Code::CardPinWrong, Some(2), Spent::One));
    let mut card = SoftCard::new().left(1);
    let error = identify(&mut card, "0000", Floor { tries: 1, confirmed: true }).unwrap_err();
    assert_eq!((error.code(), error.spent()), (Code::CardPinBlocked, Spent::One));
}

#[test]
fn a_card_that_only_says_blocked_at_the_last_wrong_pin_has_counted_it() {
    let confirmed = Floor { confirmed: true, ..FLOOR };
    let mut card = SoftCard::new().left(1);
    card.curt = true;
    // No certificate for signatures: that does not make it a card without PIN.
    let availability = card.files.iter_mut().find(|((_, file), _)| *file == 0x0008).unwrap().1;
    availability.copy_from_slice(&[0x8F, 0x00, 0x00]);
    let error = identify(&mut card, "0000", confirmed).unwrap_err();
    assert_eq!((error.clone(), error.spent()), (CardError::PinBlocked { spent: true }, Spent::One));
    let error = identify(&mut card, "0000", confirmed).unwrap_err();
    assert_eq!((error.spent(), card.verifies), (Spent::None, 1));
}

#[test]
fn no_try_is_spent_on_a_card_that_cannot_serve() {
    let expired = SoftCard::with_certificate(certificate(true));
    let without_pin = SoftCard::new().kind("JPKIAPICCTOKEN2", [0x8F, 0x00, 0x00]).left(0);
    let blocked = SoftCard::new().left(0);
    let mut empty = SoftCard::new();
    empty.files.clear();
    let mut juki = SoftCard::new().kind("JPKIAPICCTOKEN", [0x00, 0x8F, 0x00]);
    juki.files.retain(|(_, file), _| *file != 0x000A);
    for (mut card, code) in [
        (expired, Code::CardCertificateExpired),
        (without_pin, Code::CardWithoutPin),
        (blocked, Code::CardPinBlocked),
        (empty, Code::CardUnsupported),
        (juki, Code::CardUnsupported),
    ] {
        let error = identify(&mut card, PIN, FLOOR).unwrap_err();
        assert_eq!((error.code(), error.spent(), card.verifies), (code, Spent::None, 0));
    }
    // A box that woke up in 1970 expires nobody.
    let mut expired = SoftCard::with_certificate(certificate(true));
    let attempt = Gate::default().attempt();
    assert!(jpki::identify(&mut expired, attempt, pin(PIN), FLOOR, CHALLENGE, None, None).is_ok());
}

#[test]
fn another_card_than_the_session_s_gets_no_pin() {
    let mut card = SoftCard::new();
    let attempt = Gate::default().attempt();
    let error = jpki::identify(&mut card, attempt, pin(PIN), FLOOR, CHALLENGE, Some([7; 32]), now()).unwrap_err();
    assert_eq!((error, card.verifies), (CardError::Exchanged, 0));
}

#[test]
fn counters_cost_nothing() {
    let mut card = SoftCard::new().left(2);
    let counters = jpki::counters(&mut card).unwrap();
    assert_eq!((counters.identity, counters.profile, counters.without_pin), (2, Some(3), false));
    assert_eq!(card.verifies, 0);
}

/// The moment between "the caller was told that nothing was sent" and a thread that comes unstuck.
#[test]
fn who_was_called_off_sends_no_pin() {
    struct Late<'a>(&'a mut SoftCard, Gate, usize, Vec<CalledOff>);
    impl Channel for Late<'_> {
        fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, ChannelError> {
            if self.2 == 0 && self.3.is_empty() {
                self.3.push(self.1.call_off());
            }
            self.2 = self.2.saturating_sub(1);
            // A gate that shuts between the look and the command: the worst order.
            if self.1.open() || !self.3.is_empty() { self.0.transmit(command) } else { Err(ChannelError::CalledOff) }
        }
    }
    let mut card = SoftCard::new();
    identify(&mut card, PIN, FLOOR).unwrap();
    let commands = card.seen.len();
    let verify = card.seen.iter().position(|seen| seen.len() == 9 && seen[1] == 0x20).unwrap();
    for at in 0..commands {
        let (mut card, gate) = (SoftCard::new(), Gate::default());
        let attempt = gate.attempt();
        let mut late = Late(&mut card, gate, at, Vec::new());
        let result = jpki::identify(&mut late, attempt, pin(PIN), FLOOR, CHALLENGE, None, now());
        let told = late.3[0];
        match at.cmp(&verify) {
            std::cmp::Ordering::Less => {
                assert_eq!((told, card.verifies), (CalledOff::BeforePin, 0), "at {at}");
                assert_eq!(result.unwrap_err(), CardError::Channel(ChannelError::CalledOff));
            }
            std::cmp::Ordering::Equal => assert_eq!((told, card.verifies), (CalledOff::DuringPin, 1)),
            std::cmp::Ordering::Greater => assert_eq!((told, card.verifies), (CalledOff::AfterPin, 1)),
        }
    }
}

#[test]
fn an_attempt_serves_once() {
    let gate = Gate::default();
    let mut card = SoftCard::new();
    let wrong = jpki::identify(&mut card, gate.attempt(), pin("0000"), FLOOR, CHALLENGE, None, now());
    assert_eq!(wrong.unwrap_err().code(), Code::CardPinWrong);
    let again = jpki::identify(&mut card, gate.attempt(), pin("0000"), FLOOR, CHALLENGE, None, now());
    assert_eq!(again.unwrap_err(), CardError::Channel(ChannelError::CalledOff));
    assert_eq!(card.verifies, 1);
}

#[test]
fn a_pin_is_four_digits_and_nothing_else() {
    for text in ["", "123", "12345", "12a4", "１２３４", " 123", "123\0"] {
        assert!(IdentityPin::parse(Zeroizing::new(text.to_owned())).is_none(), "{text:?}");
        assert!(ProfilePin::parse(Zeroizing::new(text.to_owned())).is_none(), "{text:?}");
    }
}

/// VERIFY is built in one function and sent in one; a second place would be a second way to spend a try.
#[test]
fn the_source_has_one_place_that_sends_a_pin() {
    let mut places = Vec::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("bin") {
                    folders.push(path);
                }
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for wanted in ["Command::verify(", ".ascii()", "attempt.begin()", "[0x00, 0x20,"] {
                for _ in source.matches(wanted) {
                    places.push(format!("{} {wanted}", path.file_name().unwrap().to_str().unwrap()));
                }
            }
        }
    }
    places.sort();
    let wanted = [
        "apdu.rs .ascii()",
        "apdu.rs [0x00, 0x20,",
        "apdu.rs [0x00, 0x20,",
        "verify.rs Command::verify(",
        "verify.rs attempt.begin()",
    ];
    assert_eq!(places, wanted, "the counter's question and the comparison, each built once");
}

/// Every command of every operation: the My Number's file is never selected, read or named.
#[test]
fn no_operation_comes_near_the_my_number() {
    let mut card = SoftCard::new();
    identify(&mut card, PIN, FLOOR).unwrap();
    jpki::counters(&mut card).unwrap();
    profile::basic_four(&mut card, Gate::default().attempt(), profile_pin(PROFILE_PIN), FLOOR).unwrap();
    for command in &card.seen {
        let short_id_read = command[1] == 0xB0 && command[2] & 0x80 != 0;
        let selects_first_file = command[1] == 0xA4 && command[2] == 0x02 && command[5..] == [0x00, 0x01];
        assert!(!short_id_read && !selects_first_file && command[0] & 0x7F == 0, "{command:02X?}");
        assert!(matches!(command[1], 0xA4 | 0xB0 | 0x20 | 0x2A), "{command:02X?}");
    }
}
